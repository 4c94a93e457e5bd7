"""Where words are searched: the one place that knows how a text is found in an issue and its comments."""

import re
from dataclasses import dataclass, replace

from django.db import connection
from django.db.models import BooleanField, Exists, IntegerField, OuterRef, Q, Subquery
from django.db.models.expressions import RawSQL

from issues.models import SearchDocument, Space
from issues.models.search_document import assignee_token, space_token, status_token
from issues.models.search_index import BLOCKS
from issues.words import words

PUBLIC = "title description comments"
# In place of a role: who reads nothing but an issue's own texts.
OWN, OWN_TEXTS = "own", "title description"
LITERAL = re.compile(r"@@ ('(?:[^']|'')*'::tsquery)")
# A ranking reads no more issues than this: the newest that match.
RANKED = 500
# So many issues are few: they are sorted, whatever the order of a list, and their keys are told one by one.
RARE = 2_000
# So many times as many have to be expected that there are more for certain.
CERTAIN = 4
# Issues of so many spaces are told by the index itself; those of more by their own rows.
FEW = 16
# Windows of issues of a like age: the size of their blocks, and how many of these away they begin and end.
# The first is what common words need; words that narrow a person's issues are not as common.
BY_WORDS = ((9, 0, 7), (12, 0, 1), (12, 2, 7), (12, 8, 23))
BY_PERSON = ((12, 0, 7), (12, 8, 23))
# What comes after either for a page of many: to sort all that is far away takes longer.
OF_MANY = ((12, 24, 39), (12, 40, 71))


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow one another in one text; with `is_open` the last of them may go on."""

    words: tuple[str, ...]
    is_open: bool = False

    @classmethod
    def of(cls, text, is_open=False):
        return cls(tuple(words(text)), is_open)

    @property
    def pattern(self):
        """What a column with a blank before and after it is LIKE where it has the phrase."""
        return f"% {' '.join(self.words)}{'' if self.is_open else ' '}%"


@dataclass(frozen=True, slots=True)
class Source:
    """What a statement says to read the issues out of the index, as `FROM {table} WHERE {where}`.

    Newest first is `ORDER BY {id} DESC`. The parameters are those of `where`. The index has them in Windows;
    without any, it walks in that order.
    """

    table: str
    where: str
    parameters: tuple
    id: str
    windows: "Windows | None" = None


def source(roles, wanted, unwanted=(), statuses=(), assignees=(), values=(), few=FEW):
    """The Source of the issues with a phrase of each list in `wanted` and none of `unwanted`.

    `roles` are {space: role} of the spaces where to look. Statuses, assignees (primary keys, None for nobody)
    and `values` (lists of tokens, of each of which one is there) narrow it if there are any; a phrase or a
    value is wanted at least. Deleted issues are not in the index; that all the spaces are the right ones only
    the issues' own rows say where they are more than `few`.
    """
    tokens = [
        *values,
        [space_token(pk) for pk in roles or (0,)] if len(roles) <= few else [],
        [status_token(status) for status in statuses],
        [assignee_token(pk) for pk in assignees],
    ]
    narrowing = [choices for choices in tokens if choices]
    return index().source(reader_of(roles), wanted, unwanted, narrowing, is_narrow=bool(assignees))


@dataclass(frozen=True, slots=True)
class Windows:
    """How PostgreSQL's index of words, which has no order, walks through issues in the order of their keys:
    window by window, of which each is looked at only where those before it gave too few.

    `key` is the column of the keys, `sizes` is as BY_WORDS.
    """

    key: str
    sizes: tuple[tuple[int, int, int], ...]

    def for_many(self):
        """The same with those farther away, for a page of many."""
        return replace(self, sizes=(*self.sizes, *OF_MANY))

    def sql(self, start, descends):
        """SQL of a row (words, edge) for each window, the nearest first, from the key `start` (SQL) on."""
        sign, edge, rows = "-" if descends else "+", f"({start}) + 1" if descends else f"({start})", []
        for size, first, last in self.sizes:
            block = f"quote_literal('{BLOCKS[size]}' || ((({start}) >> {size}) {sign} away))"
            words = f"SELECT string_agg({block}, '|') FROM generate_series({first}, {last}) AS away"
            rows.append(f"SELECT ({words})::tsquery AS words, {edge} AS edge")
            edge = self.edge(start, descends, size, last)
        return " UNION ALL ".join(rows)

    def near(self, descends):
        """The condition on rows that are in the window of one of these rows, by the name of `around`."""
        return f"vector @@ around.words AND {self.key} {'<' if descends else '>='} around.edge"

    def far(self, start, descends):
        """The condition on rows beyond all windows."""
        size, _, last = self.sizes[-1]
        edge = self.edge(start, descends, size, last)
        # Where there is nothing before, that spares a look into the index.
        return f"{edge} > 0 AND {self.key} < {edge}" if descends else f"{self.key} >= {edge}"

    @staticmethod
    def edge(start, descends, size, last):
        return f"(((({start}) >> {size}) {f'- {last}' if descends else f'+ {last + 1}'}) << {size})"


class Said(Q):
    """A Q on issues in whose texts `phrases` stand, as far as somebody with these `roles` may read them.

    All of them ("AND") or any ("OR"). Only one that was made as a whole has them, and its negation.
    """

    phrases, operator, roles = (), "AND", {}

    @property
    def is_list(self):
        """Whether phrases are wanted, or each of them is not."""
        return bool(self.phrases) and not (self.negated and self.operator == "AND" and len(self.phrases) > 1)

    @property
    def alternatives(self):
        """Lists of phrases, of each of which one is wanted where this is not negated."""
        return [self.phrases] if self.operator == "OR" else [(phrase,) for phrase in self.phrases]

    def __invert__(self):
        found = super().__invert__()
        found.phrases, found.operator, found.roles = self.phrases, self.operator, self.roles
        return found


class Follows(RawSQL):
    """SQL of a condition that follows from others, and so narrows nothing."""


class AllBut(Q):
    """All issues but `those` of a Q that knows more than its lookups (Told, Driven), which its own negation
    is again. Only as a whole it has them.
    """

    those = None

    @classmethod
    def of(cls, those, children, **options):
        """The AllBut of a Q, with `children` and `options` as of a Q that is negated."""
        found = cls(*children, **options)
        found.those = those
        return found

    def __invert__(self):
        return super().__invert__() if self.those is None else self.those


class Told(Q):
    """A Q on issues by a column, whose documents have one of `tokens`. Only as a whole it has them."""

    tokens = ()

    def __invert__(self):
        if not self.tokens:
            return super().__invert__()
        return AllBut.of(self, self.children, _connector=self.connector, _negated=not self.negated)


class Narrowed(Q):
    """What follows by the index from Told conditions: documents have one token of each of `values`.

    As a Q it asks so where they are rare, and else for nothing: a list of all that have them would cost more
    than it spares.
    """

    values, is_rare = (), False


def told(condition, tokens):
    """The Told Q of this one; where a token is None, the index does not know of it."""
    if None in tokens:
        return condition
    found = Told(condition)
    found.tokens = tuple(tokens)
    return found


def narrowed(conditions):
    """The Narrowed Q of conditions that all hold, in a list; an empty one where none is Told."""
    values = [known.tokens for known in conditions if isinstance(known, Told) and known.tokens]
    if not values:
        return []
    is_rare = no_more_than(RARE, index().source(True, (), (), values, is_narrow=False))
    found = Narrowed(index().tokened(values)) if is_rare else Narrowed()
    found.values, found.is_rare = values, is_rare
    return [found]


def no_more_than(most, found):
    """Whether a Source has no more than `most` issues, to tell which way is quicker.

    PostgreSQL knows how common words are: to count to `most` where it expects many takes longer than a page.
    """
    if connection.vendor == "postgresql" and expected(found) > CERTAIN * most:
        return False
    # In order, or PostgreSQL would walk through the table along no index until there are enough.
    rows = f"SELECT 1 FROM {found.table} WHERE {found.where} ORDER BY {found.id} DESC LIMIT {most + 1}"
    sql = f"SELECT count(*) FROM ({rows}) AS found"
    with connection.cursor() as cursor:
        cursor.execute(sql, found.parameters)
        return cursor.fetchone()[0] <= most


def expected(found):
    """How many issues of a Source PostgreSQL expects, by its statistics; it is not asked for any of them."""
    sql = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {found.table} WHERE {found.where}"
    with connection.cursor() as cursor:
        cursor.execute(sql, found.parameters)
        ((plans,),) = cursor.fetchall()
    return plans[0]["Plan"]["Plan Rows"]


def along_index(where):
    """The same `where` of a Source: PostgreSQL takes the index of words however many it expects to match."""
    return LITERAL.sub(r"@@ (SELECT \1)", where)


def number_of(roles, *asked):
    """How many issues of these spaces there are, as `source` takes what is asked for; by its index alone."""
    is_everywhere = bool(roles) and not Space.objects.exclude(pk__in=roles).exists()
    found = source(roles, *asked, few=0 if is_everywhere else len(roles))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {found.table} WHERE {found.where}", found.parameters)
        return cursor.fetchone()[0]


def newest(found, most):
    """The primary keys of the newest issues of a Source, no more than `most`."""
    sql = f"SELECT {found.id} FROM {found.table} WHERE {found.where} ORDER BY {found.id} DESC LIMIT {most}"
    with connection.cursor() as cursor:
        cursor.execute(sql, found.parameters)
        return [pk for (pk,) in cursor.fetchall()]


def titled(roles, wanted):
    """The Source of the issues with all these words in their title; the spaces are told as by `source`."""
    return index().titled(wanted, [space_token(pk) for pk in roles or (0,)] if len(roles) <= FEW else [])


def condition(roles, phrases, operator="AND"):
    """The Said Q of all phrases ("AND"), or of any ("OR"), for somebody with these roles, {space: role}.

    One subquery for all of them: PostgreSQL would join each one of its own, and plan the more the longer.
    """
    found = Said(index().condition(reader_of(roles), phrases, operator))
    found.phrases, found.operator, found.roles = tuple(phrases), operator, roles
    return found


def ranked(issues, phrases):
    """`issues`, a queryset, with how well the phrases fit each as `relevance`.

    A phrase counts most in the title and least in what was said of the issue; what is internal counts
    nothing, since not everybody reads it. Alike on both databases.
    """
    score, parameters = [], []
    for phrase in phrases:
        score.append(
            "CASE WHEN ' ' || title || ' ' LIKE %s THEN 4 "
            "WHEN ' ' || description || ' ' LIKE %s THEN 2 "
            "WHEN ' ' || comments || ' ' LIKE %s THEN 1 ELSE 0 END"
        )
        parameters += [phrase.pattern] * 3
    documents = SearchDocument.objects.filter(issue=OuterRef("pk"))
    relevance = documents.values(score=RawSQL(" + ".join(score), parameters, IntegerField()))
    return issues.annotate(relevance=Subquery(relevance))


def index():
    return Tsvector if connection.vendor == "postgresql" else Fts


def reader_of(roles):
    """Where somebody reads what is internal: True for everywhere, or the tokens of these spaces; or OWN."""
    if OWN in roles.values():
        return OWN
    spaces = [space_token(pk) for pk, role in roles.items() if role != "viewer"]
    return len(spaces) == len(roles) or spaces


class Fts:
    """SQLite: all is said in one MATCH."""

    @classmethod
    def source(cls, reader, wanted, unwanted, tokens, is_narrow):
        parts = [f"({' OR '.join(cls.text(phrase, reader) for phrase in phrases)})" for phrases in wanted]
        match = " AND ".join([*parts, *map(cls.tokens, tokens)])
        if unwanted:
            match = f"({match}) NOT ({' OR '.join(cls.text(phrase, reader) for phrase in unwanted)})"
        return Source("issues_search", "issues_search MATCH %s", (match,), "issues_search.rowid")

    @classmethod
    def titled(cls, wanted, spaces):
        said = " AND ".join(f'"{word}"' for word in wanted)
        match = f"title : ({said}){' AND ' + cls.tokens(spaces) if spaces else ''}"
        return Source("issues_search", "issues_search MATCH %s", (match,), "issues_search.rowid")

    @classmethod
    def condition(cls, reader, phrases, operator):
        match = f" {operator} ".join(f"({cls.text(phrase, reader)})" for phrase in phrases)
        return Q(pk__in=RawSQL("SELECT rowid FROM issues_search WHERE issues_search MATCH %s", (match,)))

    @classmethod
    def tokened(cls, values):
        match = " AND ".join(map(cls.tokens, values))
        return Q(pk__in=Follows("SELECT rowid FROM issues_search WHERE issues_search MATCH %s", (match,)))

    @classmethod
    def text(cls, phrase, reader):
        said = f'"{" ".join(phrase.words)}"{" *" if phrase.is_open else ""}'
        if reader is True:
            return f"{{{PUBLIC} internal}} : {said}"
        if reader == OWN:
            return f"{{{OWN_TEXTS}}} : {said}"
        public = f"{{{PUBLIC}}} : {said}"
        return f"({public} OR (internal : {said} AND {cls.tokens(reader)}))" if reader else public

    @staticmethod
    def tokens(choices):
        return f"tokens : ({' OR '.join(choices)})"


class Tsvector:
    """PostgreSQL: words come out of the index; phrases are looked for in the texts that have their words."""

    TABLE = "issues_searchdocument"

    @classmethod
    def source(cls, reader, wanted, unwanted, tokens, is_narrow):
        query = [f"({' | '.join(cls.query(phrase, reader) for phrase in phrases)})" for phrases in wanted]
        query += [cls.tokens(choices) for choices in tokens]
        query += [f"!{cls.query(phrase, reader)}" for phrase in unwanted if cls.is_known(phrase, reader)]
        parts, parameters = [f"{cls.TABLE}.vector @@ {cls.literal(' & '.join(query))}"], []
        for phrases, sign in (
            *((phrases, "") for phrases in wanted),
            *(((one,), "NOT ") for one in unwanted),
        ):
            if not all(cls.is_known(phrase, reader) for phrase in phrases):
                part, more = cls.said(phrases, reader, "OR", f"{cls.TABLE}.")
                parts.append(f"{sign}({part})")
                parameters += more
        key, sizes = f"{cls.TABLE}.issue_id", BY_PERSON if is_narrow else BY_WORDS
        return Source(cls.TABLE, " AND ".join(parts), tuple(parameters), key, Windows(key, sizes))

    @classmethod
    def titled(cls, wanted, spaces):
        query = " & ".join([*(f"'~{word}'" for word in wanted), *([cls.tokens(spaces)] if spaces else [])])
        return Source(cls.TABLE, f"{cls.TABLE}.vector @@ {cls.literal(query)}", (), f"{cls.TABLE}.issue_id")

    @classmethod
    def condition(cls, reader, phrases, operator):
        holds = RawSQL(*cls.said(phrases, reader, operator), BooleanField())
        return Q(Exists(SearchDocument.objects.filter(holds, issue=OuterRef("pk"))))

    @classmethod
    def tokened(cls, values):
        holds = Follows(f"vector @@ {cls.literal(' & '.join(map(cls.tokens, values)))}", (), BooleanField())
        return Q(Exists(SearchDocument.objects.filter(holds, issue=OuterRef("pk"))))

    @staticmethod
    def literal(query):
        """A tsquery in the statement itself: a plan that is kept knows how rare words are, not parameters."""
        return "'{}'::tsquery".format(query.replace("'", "''").replace("%", "%%"))

    @staticmethod
    def is_known(phrase, reader):
        """Whether the index itself tells who has the phrase."""
        return len(phrase.words) == 1 and reader != OWN

    @classmethod
    def query(cls, phrase, reader):
        """What the index is asked for: all words, in what is public or in what is internal."""
        public, internal = (cls.words(phrase, mark) for mark in ("", "!"))
        if reader is True:
            return f"({public} | {internal})"
        is_public = reader in ([], OWN)
        return f"({public})" if is_public else f"({public} | ({internal} & {cls.tokens(reader)}))"

    @staticmethod
    def words(phrase, mark):
        *all_but_last, last = (f"'{mark}{word}'" for word in phrase.words)
        return f"({' & '.join([*all_but_last, last + ':*' * phrase.is_open])})"

    @staticmethod
    def tokens(choices):
        """A choice may end with a star, for all that begin so."""
        words = (f"'={choice.rstrip('*')}'{':*' * choice.endswith('*')}" for choice in choices)
        return f"({' | '.join(words)})"

    @classmethod
    def said(cls, phrases, reader, operator, table=""):
        """(SQL, parameters) of whether all of the phrases are said ("AND"), or one of them ("OR")."""
        single = [cls.query(phrase, reader) for phrase in phrases if cls.is_known(phrase, reader)]
        sign = " & " if operator == "AND" else " | "
        parts, parameters = [f"{table}vector @@ {cls.literal(sign.join(single))}"] if single else [], []
        for phrase in phrases:
            if not cls.is_known(phrase, reader):
                part, more = cls.phrase(phrase, reader, table)
                parts.append(f"({table}vector @@ {cls.literal(cls.query(phrase, reader))} AND {part})")
                parameters += more
        return f" {operator} ".join(parts), parameters

    @classmethod
    def phrase(cls, phrase, reader, table=""):
        """(SQL, parameters) of whether the words follow one another in one text."""
        said = f"' ' || {table}{{}} || ' ' LIKE %s"
        parts = [said.format(column) for column in (OWN_TEXTS if reader == OWN else PUBLIC).split()]
        parameters = [phrase.pattern] * len(parts)
        if reader is True:
            parts, parameters = [*parts, said.format("internal")], [*parameters, phrase.pattern]
        elif reader and reader != OWN:
            parts.append(
                f"({said.format('internal')} AND {table}vector @@ {cls.literal(cls.tokens(reader))})"
            )
            parameters.append(phrase.pattern)
        return f"({' OR '.join(parts)})", parameters
