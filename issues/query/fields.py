"""The fields of queries. What they can be asked for is in their kinds, each a class; FIELDS is the table."""

import re
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import ClassVar

import orjson
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from issues.like import is_like, like, like_test
from issues.limits import LABEL_KEY
from issues.models import Issue, Level
from issues.models.count import tags_like
from issues.models.search_document import MARKS, value_token
from issues.models.sets import IssueChannel, IssueLabel, IssueTeam
from issues.orders import ORDERS
from issues.paths import labelled, member_of, regressed, told_by_nobody
from issues.query import moments
from issues.query.parser import COMPARISON
from issues.query.scope import (
    CHANNELS,
    ENVIRONMENTS,
    LEVELS,
    OFFERED,
    PEOPLE,
    PROJECTS,
    SPACE_KEYS,
    SPACES,
    TEAMS,
    Table,
    literal,
    quoted,
    spoken,
)
from issues.query.tree import ANY, QueryError, UnknownValue
from issues.search import told

ALWAYS, NEVER = Q(pk__isnull=False), Q(pk__in=())
NUMBER = re.compile(r"[0-9]{1,18}")
KEY = re.compile(r"([A-Za-z][A-Za-z0-9]{1,9})-([0-9]{1,18})")


def any_of(conditions):
    """The Q of conditions of which one holds, Told where each of them is."""
    # Joined by | they would lose what they are beside their lookups.
    if len(conditions) == 1:
        return conditions[0]
    tokens = [getattr(condition, "tokens", ()) or (None,) for condition in conditions]
    return told(Q(*conditions, _connector=Q.OR), sum(tokens, ()))


def either(words):
    """Words of which one is meant."""
    return gettext(" or ").join(words)


def unknown(value, message, text, words):
    """The UnknownValue of a text that is none of these words: the one that was probably meant, or all."""
    close = close_to(text, words)
    if close is None:
        message = gettext("{message} It is one of {words}.").format(message=message, words=", ".join(words))
    return UnknownValue(message, value.start, value.end, close)


def is_none(value):
    return value.text == "none" and not value.is_quoted


@dataclass(frozen=True)
class Field:
    """A name before a colon: `words` say in an explanation what it asks for, `help` what it is about."""

    name: str
    words: str
    column: str | tuple[str, ...] = ""
    aliases: tuple[str, ...] = ()
    help: str = ""

    operators: ClassVar[tuple[str, ...]] = (":",)

    def check(self, term):
        """QueryError for an operator that the field has not, and for a term without a value."""
        if not term.values:
            message = gettext("A value is missing after “{}:”.").format(self.name)
            raise QueryError(message, term.start, term.end)
        if term.operator not in self.operators:
            message = gettext("“{name}” is not compared, it only has values: {name}:value.").format(
                name=self.name
            )
            raise QueryError(message, term.start, term.end)

    def want(self, term, scope):
        """Tell the scope what the term's values may name."""

    def condition(self, term, scope):
        """The Q on issues of a term that passed `check`; QueryError where a value means nothing."""
        return any_of([self.present(value, scope) for value in term.values])

    def present(self, value, scope):
        if value.is_anything and self.empty(scope) is not None:
            return self.full(scope)
        try:
            return self.equal(value, scope)
        except UnknownValue:
            if scope.is_strict:
                raise
            return NEVER

    def equal(self, value, scope):
        """The Q of one value; UnknownValue if it names nothing."""
        raise NotImplementedError

    def empty(self, scope):
        """The Q of issues that have nothing here, None for what every issue has."""
        return None

    def full(self, scope):
        """The Q of issues that have something here, for a field that may be empty."""
        return ~self.empty(scope)

    def said(self, term, scope):
        return self.words.format(either(self.word(value, scope) for value in term.values))

    def is_adjective(self, term):
        """Whether the words of a term stand before "issues"."""
        return False

    def word(self, value, scope):
        """How an explanation calls a value."""
        return spoken(value)

    def offers(self, scope, prefix):
        """[(value as a query writes it, what it is)] of values that begin with `prefix`, at most OFFERED."""
        return []


def begins(texts, prefix):
    """The first pairs of (text, detail) that begin with `prefix`."""
    return [pair for pair in texts if pair[0].casefold().startswith(prefix.casefold())][:OFFERED]


# Words.


@dataclass(frozen=True)
class Choice(Field):
    """One of a few words: `choices` are {word: label}."""

    choices: tuple[tuple[str, str], ...] = ()

    def chosen(self, value):
        """The words that a value names, in either case."""
        text = re.sub(r"[ -]", "_", value.text)
        found = [word for word, _ in self.choices if is_like(word, text, value.wild)]
        if not found:
            message = gettext("“{name}” has no value “{value}”.").format(name=self.name, value=value.text)
            raise unknown(value, message, text, dict(self.choices))
        return found

    def equal(self, value, scope):
        return Q(**{f"{self.column}__in": self.chosen(value)})

    def word(self, value, scope):
        labels = dict(self.choices)
        return either(gettext(labels[word]).lower() for word in self.chosen(value))

    def offers(self, scope, prefix):
        return begins([(word, gettext(label)) for word, label in self.choices], prefix)


class Status(Choice):
    def word(self, value, scope):
        # Another product has other words for them.
        labels = dict(self.choices)
        return either(str(STATUS_WORDS.get(word) or labels[word].lower()) for word in self.chosen(value))

    def is_adjective(self, term):
        return True


class Severity(Choice):
    """The severity of an issue's level."""

    def equal(self, value, scope):
        if is_none(value):
            return self.empty(scope)
        # Read, so that the counters of issues, which know levels by their keys, understand it.
        chosen = self.chosen(value)
        return Q(level__in=[pk for pk, severity in scope.severities if severity in chosen])

    def empty(self, scope):
        return Q(level=None)

    def word(self, value, scope):
        return gettext("none") if is_none(value) else super().word(value, scope)


@dataclass(frozen=True)
class Flag:
    """What `is:` can ask for."""

    words: str
    condition: object
    is_adjective: bool = True


@dataclass(frozen=True)
class Is(Field):
    flags: tuple[tuple[str, Flag], ...] = ()

    def flag(self, value):
        name = re.sub(r"[ -]", "_", value.text.lower())
        if name in dict(self.flags):
            return dict(self.flags)[name]
        if name == "deleted":
            message = gettext("Deleted issues are in the trash, and nowhere else.")
            raise QueryError(message, value.start, value.end)
        raise unknown(value, gettext("No issue “is {}”.").format(value.text), name, dict(self.flags))

    def is_adjective(self, term):
        return all(self.flag(value).is_adjective for value in term.values)

    def equal(self, value, scope):
        return self.flag(value).condition(scope)

    def word(self, value, scope):
        return str(self.flag(value).words)

    def offers(self, scope, prefix):
        return begins([(name, str(flag.words)) for name, flag in self.flags], prefix)


class Presence(Field):
    """`has:` and `no:` with the name of a field that may be empty."""

    def fields(self, scope):
        return [field for field in FIELDS.values() if field.empty(scope) is not None]

    def field(self, value, scope):
        found = find(value.text)
        if found is None or found.empty(scope) is None:
            message = gettext("“{}:” is followed by a field that may be empty.").format(self.name)
            raise unknown(value, message, value.text, [field.name for field in self.fields(scope)])
        return found

    def equal(self, value, scope):
        field = self.field(value, scope)
        return field.empty(scope) if self.name == "no" else field.full(scope)

    def word(self, value, scope):
        return self.field(value, scope).name

    def offers(self, scope, prefix):
        return begins([(field.name, str(field.help)) for field in self.fields(scope)], prefix)


class Sort(Field):
    """No condition: the order of what is found."""

    def condition(self, term, scope):
        value, *more = term.values
        if more or value.text not in ORDERS:
            close = None if more else close_to(value.text, ORDERS)
            message = gettext("The order is one of {}.").format(", ".join(ORDERS))
            raise QueryError(message, value.start, term.values[-1].end, close)
        return ALWAYS

    def offers(self, scope, prefix):
        return begins([(name, "") for name in ORDERS], prefix)


# Rows.


@dataclass(frozen=True)
class Reference(Field):
    """A row of one's spaces, by id or by a name of it; more than one may have the name."""

    table: Table = None
    nobody: str = _("none")

    def want(self, term, scope):
        for value in term.values:
            if not (is_none(value) or value.is_anything):
                scope.want(self.table, value)

    def equal(self, value, scope):
        if is_none(value) and self.empty(scope) is not None:
            return self.empty(scope)
        return self.among(scope.find(self.table, value), scope)

    def among(self, rows, scope):
        """The Q of issues that refer to one of these rows."""
        return Q(**{f"{self.column}__in": [row.pk for row in rows]})

    def empty(self, scope):
        return Q(**{self.column: None})

    def word(self, value, scope):
        if is_none(value) or value.is_anything:
            return str(self.nobody) if is_none(value) else gettext("any")
        if value.wild:
            return spoken(value)
        shown = {str(getattr(row, self.table.shown)) for row in scope.find(self.table, value)}
        return either(sorted(shown))

    def offers(self, scope, prefix):
        pattern = like(f"{prefix}{ANY}", {len(prefix)})
        wanted = any_of([Q(**{f"{column}__like": pattern}) for column in self.table.names])
        names = scope.offered(self.table, wanted)[:OFFERED]
        found = {quoted(self.table.written(row)): str(getattr(row, self.table.shown)) for row in names}
        return list(found.items())


class Space(Reference):
    def empty(self, scope):
        return None

    def want(self, term, scope):
        for value in term.values:
            scope.want(self.table, value)


class Person(Reference):
    """`me`, somebody who is or was a member, or nobody."""

    def want(self, term, scope):
        others = [value for value in term.values if not (is_none(value) or value.is_anything or is_me(value))]
        for value in others:
            scope.want(self.table, value)

    def equal(self, value, scope):
        return self.among([scope.user], scope) if is_me(value) else super().equal(value, scope)

    def word(self, value, scope):
        return gettext("me") if is_me(value) else super().word(value, scope)

    def offers(self, scope, prefix):
        return begins([("me", gettext("You")), ("none", gettext("Nobody"))], prefix) + super().offers(
            scope, prefix
        )


def is_me(value):
    return value.text == "me" and not value.is_quoted


class Reporter(Person):
    """Whom an issue hides, no query finds."""

    def among(self, rows, scope):
        return super().among(rows, scope) & Q(is_anonymous=False)

    def empty(self, scope):
        return told_by_nobody(scope.spaces)


class Teams(Reference):
    def among(self, rows, scope):
        return member_of("team", [row.pk for row in rows])

    def empty(self, scope):
        return ~Q(Exists(IssueTeam.objects.filter(issue=OuterRef("pk"))))


class Channels(Reference):
    """The default channel of a space holds all its issues, without a row for each."""

    def among(self, rows, scope):
        spaces = [row.space_id for row in rows if row.is_default]
        routed = [row.pk for row in rows if not row.is_default]
        condition = member_of("channel", routed)
        if not spaces:
            return condition
        return Q(space__in=spaces) | condition if routed else Q(space__in=spaces)

    def empty(self, scope):
        return ~Q(Exists(IssueChannel.objects.filter(issue=OuterRef("pk"))))


@dataclass(frozen=True)
class IssueKey(Field):
    def parts(self, value):
        match = KEY.fullmatch(value.text)
        if not match or value.wild:
            raise QueryError(gettext("A key as OPS-42."), value.start, value.end)
        return literal(match[1], value.start, value.start + len(match[1])), int(match[2])

    def want(self, term, scope):
        for value in term.values:
            space, number = self.parts(value)
            scope.want(SPACE_KEYS, space)
            scope.numbers.add(number)

    def equal(self, value, scope):
        space, number = self.parts(value)
        found = (scope.issues.get((row.pk, number)) for row in scope.find(SPACE_KEYS, space))
        return Q(pk__in=[pk for pk in found if pk])

    def word(self, value, scope):
        return value.text.upper()


# Texts.


@dataclass(frozen=True)
class Text(Field):
    """Short texts, of which one is the value, in either case of ASCII letters; wildcards stand for a part."""

    is_part: ClassVar[bool] = False

    @property
    def columns(self):
        return (self.column,) if isinstance(self.column, str) else self.column

    def equal(self, value, scope):
        pattern = like(value.text, value.wild, self.is_part)
        found = [Q(**{f"{column}__like": pattern}) for column in self.columns]
        return told(any_of(found), [self.token(value)])

    def token(self, value):
        """By what the index knows a value, None where it does not: with a star for all that begin so."""
        text, (column, *_) = value.text, self.columns
        is_open = value.wild == {len(text) - 1} and text.endswith(ANY)
        if column not in MARKS or not text or (value.wild and not is_open):
            return None
        return value_token(column, text.removesuffix(ANY)) + ANY if is_open else value_token(column, text)

    def empty(self, scope):
        return Q(**dict.fromkeys(self.columns, ""))

    def word(self, value, scope):
        return spoken(value) or gettext("nothing")


class Prose(Text):
    """A longer text, of which the value is a part."""

    is_part = True

    def word(self, value, scope):
        return spoken(value, gettext("“{}”"))


class Title(Prose):
    """No issue is without one."""

    def empty(self, scope):
        return NEVER

    def full(self, scope):
        return ALWAYS


class Exact(Text):
    """A text that is the value, letter by letter."""

    def equal(self, value, scope):
        if value.wild:
            return super().equal(value, scope)
        return told(Q(**{self.column: value.text}), [self.token(value)])


class Languages(Text):
    """A JSON list of names, stored without blanks."""

    def equal(self, value, scope):
        if value.wild:
            raise QueryError(gettext("A language has no wildcards."), value.start, value.end)
        name = orjson.dumps(value.text).decode()
        first, later = f"[{name}{ANY}", f"{ANY},{name}{ANY}"
        found = Q(languages__like=like(first, {len(first) - 1})) | Q(
            languages__like=like(later, {0, len(later) - 1})
        )
        return told(found, [self.token(value)])

    def empty(self, scope):
        return Q(languages=[])


def labelled_as(scope, *alternatives):
    """The Q of issues with a label as one of these Qs of labels, by a list of all that have one."""
    rows = IssueLabel.objects.filter(space__in=scope.spaces).order_by()
    first, *more = (rows.filter(labels).values("issue") for labels in alternatives)
    return Q(pk__in=first.union(*more, all=True) if more else first)


def in_label(name, text, wild):
    """The Q of labels: exact, so that the index serves it, unless there are wildcards."""
    return Q(**({f"{name}__like": like(text, wild)} if wild else {name: text}))


def in_key(text, wild, known):
    """The same of their keys, of which `known` are all that may be meant, None if these are too many."""
    if not wild or known is None:
        return in_label("key", text, wild)
    return Q(key__in=list(filter(like_test(text, wild), known)))


def colons(text):
    """The places of the colons that may end the key of a label."""
    return [at for at, letter in enumerate(text[: LABEL_KEY + 1]) if letter == ":"]


def readings(value):
    """[(key, its value or None)] that the text of a label may mean, both as (text, wild): the key ends with
    the first colon or, since it may have colons of its own, with another or with the text.
    """
    text, wild = value.text, value.wild
    found = [
        (
            (text[:at], frozenset(n for n in wild if n < at)),
            (text[at + 1 :], frozenset(n - at - 1 for n in wild if n > at)),
        )
        for at in colons(text)
    ]
    return [*found, ((text, wild), None)]


class Label(Field):
    """`label:key` or `label:key:value`, letter by letter; wildcards match in either case."""

    def want(self, term, scope):
        for value in term.values:
            for (key, wild), _own in readings(value)[1:]:
                if not wild:
                    scope.want_label(key)

    def equal(self, value, scope):
        first, *others = readings(value)
        others = [(key, own) for key, own in others if key[1] or key[0] in scope.labels]
        (key, wild), own = first
        if not value.wild and not others:
            return labelled(scope.spaces, key, own and [own[0]])
        patterns = [like(*key) for key, _own in (first, *others) if key[1]]
        # The counters know all keys there are.
        known = tags_like("label", scope.spaces, patterns) if patterns else []
        labels = [
            in_key(*key, known) & (in_label("value", *own) if own else Q()) for key, own in (first, *others)
        ]
        if wild and own and connection.vendor == "postgresql":
            # For a list it would read the whole table.
            rows = IssueLabel.objects.filter(any_of(labels), issue=OuterRef("pk")).order_by()
            return Q(Exists(rows))
        return labelled_as(scope, *labels)

    def empty(self, scope):
        return ~Q(Exists(IssueLabel.objects.filter(issue=OuterRef("pk"))))

    def offers(self, scope, prefix):
        key, colon, text = prefix.partition(":")
        if not colon:
            return [(quoted(key), "") for key in scope.label_texts(key)]
        return [(quoted(f"{key}:{found}"), "") for found in scope.label_texts(text, key)]


class LabelKey(Field):
    """`label.team:payments`, and `team:payments` where no field has that name."""

    def equal(self, value, scope):
        if not value.wild:
            return labelled(scope.spaces, self.column, [value.text])
        return labelled_as(scope, Q(key=self.column) & in_label("value", value.text, value.wild))

    def empty(self, scope):
        return ~labelled(scope.spaces, self.column)

    def word(self, value, scope):
        return f"{self.column}: {spoken(value)}"

    def offers(self, scope, prefix):
        return [(quoted(text), "") for text in scope.label_texts(prefix, self.column)]


# Numbers and times.


@dataclass(frozen=True)
class Number(Field):
    operators = (":", ">", ">=", "<", "<=", "[")
    LOOKUPS: ClassVar = {":": "exact", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
    WORDS: ClassVar = {
        ":": "{}",
        ">": _("more than {}"),
        ">=": _("at least {}"),
        "<": _("less than {}"),
        "<=": _("at most {}"),
    }

    def number(self, value):
        if value.wild or not NUMBER.fullmatch(value.text):
            raise QueryError(gettext("A whole number of at most 18 digits."), value.start, value.end)
        return int(value.text)

    def compare(self, lookup, number):
        return Q(**{f"{self.column}__{lookup}": number})

    def condition(self, term, scope):
        if term.operator != "[":
            lookup = self.LOOKUPS[term.operator]
            return any_of([self.compare(lookup, self.number(value)) for value in term.values])
        pairs = zip(("gte", "lte"), term.values, strict=True)
        ends = [self.compare(way, self.number(v)) for way, v in pairs if not v.is_anything]
        return Q(*ends) if ends else ALWAYS

    def said(self, term, scope):
        if term.operator == "[":
            return self.words.format(self.between(*term.values))
        return self.words.format(self.WORDS[term.operator].format(either(v.text for v in term.values)))

    def between(self, first, last):
        if last.is_anything:
            return self.WORDS[">="].format("0" if first.is_anything else first.text)
        if first.is_anything:
            return self.WORDS["<="].format(last.text)
        return gettext("{first} to {last}").format(first=first.text, last=last.text)


@dataclass(frozen=True)
class Time(Field):
    operators = Number.operators
    may_be_empty: bool = False

    def spans(self, term, scope):
        is_range = term.operator == "["
        return [None if is_range and v.is_anything else moments.moment(v, scope) for v in term.values]

    def condition(self, term, scope):
        if term.operator != ":":
            return self.within(term.operator, self.spans(term, scope), scope)
        return any_of([self.present(value, scope) for value in term.values])

    def equal(self, value, scope):
        return self.within(":", [moments.moment(value, scope)], scope)

    def within(self, operator, spans, scope):
        start, end = moments.bounds(operator, spans, scope.now)
        ends = {f"{self.column}__gte": start, f"{self.column}__lt": end}
        wanted = {name: at for name, at in ends.items() if at is not None}
        if wanted:
            return Q(**wanted)
        return ALWAYS if self.empty(scope) is None else ~self.empty(scope)

    def empty(self, scope):
        return Q(**{self.column: None}) if self.may_be_empty else None

    def said(self, term, scope):
        spans = self.spans(term, scope) if term.operator != ":" else ()
        if term.operator != ":":
            return self.words.format(moments.said(term.operator, term.values, spans, scope.now))
        words = [self.word(value, scope) for value in term.values]
        return self.words.format(either(words))

    def word(self, value, scope):
        if value.is_anything and self.may_be_empty:
            return gettext("at any time")
        return moments.said(":", (value,), (moments.moment(value, scope),), scope.now)

    def offers(self, scope, prefix):
        today = scope.now.astimezone(scope.zone).date()
        dates = [(str(today - timedelta(days=days)), "") for days in (0, 1, 7, 30)]
        words = [("today", ""), ("yesterday", ""), ("-24h", gettext("the last 24 hours"))]
        words.append(("-7d", gettext("the last 7 days")))
        return begins(words + dates, prefix)


class Due(Time):
    """A day, and not a moment."""

    def condition(self, term, scope):
        return told(super().condition(term, scope), [value_token(self.column)])

    def full(self, scope):
        return told(super().full(scope), [value_token(self.column)])

    def within(self, operator, spans, scope):
        first, last = (span and self.days(span, scope) for span in (spans[0], spans[-1]))
        if operator == ":" and spans[0].away:
            first, last = sorted((first, (self.day(scope.now, scope),) * 2))
        wanted = {
            "[": {"gte": first and first[0], "lte": last and last[1]},
            ":": {"gte": first and first[0], "lte": last and last[1]},
            ">": {"gt": last and last[1]},
            ">=": {"gte": first and first[0]},
            "<": {"lt": first and first[0]},
            "<=": {"lte": last and last[1]},
        }[operator]
        wanted = {f"due_on__{lookup}": day for lookup, day in wanted.items() if day is not None}
        return Q(**wanted) if wanted else ~self.empty(scope)

    def days(self, span, scope):
        """The first and the last day of a span."""
        last = max(span.start, span.end - timedelta(microseconds=1))
        return self.day(span.start, scope), self.day(last, scope)

    def day(self, at, scope):
        try:
            return at.astimezone(scope.zone).date()
        except OverflowError:
            # There is no day before the first, nor one after the last.
            return at.date()

    def offers(self, scope, prefix):
        return begins([("tomorrow", ""), ("+7d", gettext("the next 7 days"))], prefix) + super().offers(
            scope, prefix
        )


class Regressed(Time):
    """When an issue was resolved and came back, which may be more than once."""

    def within(self, operator, spans, scope):
        start, end = moments.bounds(operator, spans, scope.now)
        ends = {"created_at__gte": start, "created_at__lt": end}
        return regressed(scope.spaces, **{name: at for name, at in ends.items() if at is not None})

    def empty(self, scope):
        return ~regressed(scope.spaces)


# The table.


def in_status(*statuses):
    return lambda scope: Q(status__in=statuses)


def regressed_and_open(scope):
    # Joined by & it would lose its path.
    return Q(in_status(*Issue.OPEN)(scope), regressed(scope.spaces))


def overdue(scope):
    is_late = Q(due_on__lt=scope.now.astimezone(scope.zone).date())
    return told(in_status(*Issue.OPEN)(scope) & is_late, [value_token("due_on")])


def flagged(column):
    return lambda scope: told(Q(**{column: True}), [value_token(column)])


# What is said before "issues", and of them.
STATUS_WORDS = {
    "open": pgettext_lazy("issues", "open"),
    "acknowledged": pgettext_lazy("issues", "acknowledged"),
    "in_progress": pgettext_lazy("issues", "in progress"),
    "pending": pgettext_lazy("issues", "pending"),
    "resolved": pgettext_lazy("issues", "resolved"),
    "closed": pgettext_lazy("issues", "closed"),
    "ignored": pgettext_lazy("issues", "ignored"),
    "excluded": pgettext_lazy("issues", "excluded"),
}
FLAGS = {
    "open": Flag(STATUS_WORDS["open"], in_status(*Issue.OPEN)),
    "active": Flag(pgettext_lazy("issues", "active"), in_status(*Issue.ACTIVE)),
    "done": Flag(pgettext_lazy("issues", "done"), in_status(*Issue.DONE)),
    **{word: Flag(words, in_status(word)) for word, words in STATUS_WORDS.items() if word != "open"},
    "mine": Flag(_("assigned to me"), lambda scope: Q(assignee=scope.user), is_adjective=False),
    "assigned": Flag(pgettext_lazy("issues", "assigned"), lambda scope: Q(assignee__isnull=False)),
    "unassigned": Flag(pgettext_lazy("issues", "unassigned"), lambda scope: Q(assignee=None)),
    "read": Flag(pgettext_lazy("issues", "read"), lambda scope: Q(is_read=True)),
    "unread": Flag(pgettext_lazy("issues", "unread"), lambda scope: Q(is_read=False)),
    "anonymous": Flag(pgettext_lazy("issues", "anonymous"), flagged("is_anonymous")),
    "crash": Flag(_("that crashed something"), flagged("is_crash"), is_adjective=False),
    "overdue": Flag(pgettext_lazy("issues", "overdue"), overdue),
    "regressed": Flag(pgettext_lazy("issues", "regressed"), regressed_and_open),
}
STATUSES = tuple(Issue.Status.choices)
SEVERITIES = tuple(Level.Severity.choices)
SOURCE = ("resource_type", "resource_name", "resource_id", "alert_id")
FIELDS, NAMES = {}, {}


def register(field):
    """Add a field to the language; apps above this one do too."""
    FIELDS[field.name] = field
    NAMES.update(dict.fromkeys((field.name, *field.aliases), field))


for entry in (
    Is("is", "{}", help=_("open, active, done, mine, unassigned, unread …"), flags=tuple(FLAGS.items())),
    Status(
        "status", "{}", "status", choices=STATUSES, aliases=("state", "issue.state"), help=_("One status")
    ),
    Reference("level", _("of level {}"), "level", help=_("A level's key"), table=LEVELS),
    Severity("severity", _("of severity {}"), choices=SEVERITIES, help=_("The severity of the level")),
    Person(
        "assignee", _("assigned to {}"), "assignee", table=PEOPLE, nobody=_("nobody"), help=_("Who has it")
    ),
    Reporter(
        "reporter", _("reported by {}"), "reporter", table=PEOPLE, nobody=_("nobody"), help=_("Who told")
    ),
    Teams("team", _("of team {}"), table=TEAMS, help=_("A team that owns it")),
    Reference("project", _("of project {}"), "project", table=PROJECTS, help=_("A project")),
    Reference("environment", _("in {}"), "environment", ("env",), _("Where it was seen"), table=ENVIRONMENTS),
    Channels("channel", _("in channel {}"), table=CHANNELS, help=_("A channel")),
    Space("space", _("of space {}"), "space", table=SPACES, help=_("A space's key")),
    Label("label", _("labelled {}"), aliases=("labels", "tag"), help=_("key or key:value")),
    Text("kind", _("of kind {}"), "kind", help=_("The kind of issue")),
    Text("source", _("from {}"), SOURCE, help=_("What an alert came from: its type, name, id, or the alert")),
    Exact("source.type", _("from a {}"), "resource_type", help=_("The type of what an alert came from")),
    Text("service", _("of service {}"), "service", help=_("The service that failed")),
    Text(
        "version", _("of version {}"), ("first_version", "last_version"), help=_("First or last version seen")
    ),
    Text("error.type", _("with error {}"), "error_type", ("error_type",), _("The type of the error")),
    Prose(
        "error.message",
        _("with {} in its error"),
        "error_message",
        ("error_message",),
        _("Part of the error"),
    ),
    Languages("language", _("in language {}"), "languages", ("languages",), _("A programming language")),
    Text("platform", _("on {}"), "platform", help=_("The platform")),
    Text("track", _("of track {}"), "track", help=_("The track")),
    Exact("fingerprint", _("of fingerprint {}"), "fingerprint", help=_("What sightings have in common")),
    Title("title", _("with {} in the title"), "title", help=_("Part of the title")),
    Prose("description", _("with {} in the description"), "description", help=_("Part of the description")),
    Number("seen", _("seen {} times"), "seen_count", ("seen_count",), _("How often it was seen")),
    Number("comments", _("with {} comments"), "comment_count", help=_("The number, internal ones aside")),
    Number("number", _("numbered {}"), "number", help=_("The number in its space")),
    IssueKey("key", _("with the key {}"), help="OPS-42"),
    Time("created", _("created {}"), "created_at", ("created_at",), _("When it was opened")),
    Time("updated", _("changed {}"), "updated_at", ("updated_at",), _("When it last changed")),
    Time("resolved", _("resolved {}"), "resolved_at", ("resolved_at",), _("When it was resolved"), True),
    Time("closed", _("closed {}"), "closed_at", ("closed_at",), _("When it was closed"), True),
    Time("first_seen", _("first seen {}"), "first_seen_at", ("first_seen_at",), _("When it was first seen")),
    Time("last_seen", _("last seen {}"), "last_seen_at", ("last_seen_at",), _("When it was last seen")),
    Regressed(
        "regressed",
        _("regressed {}"),
        help=_("When it was seen again after it was resolved"),
        may_be_empty=True,
    ),
    Due("due", _("due {}"), "due_on", ("due_on",), _("The day by which it is due"), True),
    Presence("has", _("with {}"), help=_("A field that is not empty")),
    Presence("no", _("without {}"), help=_("A field that is empty")),
    Sort("sort", "", help=_("The order of the list")),
):
    register(entry)


def find(name):
    """The field of this name, in either case; a label's as `label.key`; None for any other."""
    field = NAMES.get(name.lower())
    if field is None and name[:6].lower() == "label." and len(name) > 6:
        return label_key(name[6:])
    return field


def label_key(key):
    return LabelKey(f"label.{key}", _("labelled {}"), key)


def close_to(name, names):
    """The one of `names` that `name` was probably meant to be, or None."""
    found = get_close_matches(name.lower(), list(names), 1, 0.6)
    return found[0] if found else None


def comparisons(field):
    """The operators that may follow the colon of a field."""
    return [operator for operator in field.operators if COMPARISON.fullmatch(operator)]
