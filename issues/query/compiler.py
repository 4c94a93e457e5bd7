"""From a tree to one condition on issues, and to words that say what it asks for."""

from dataclasses import dataclass

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext

from issues import search
from issues.models import Issue
from issues.query import fields
from issues.query.fields import ALWAYS, NEVER
from issues.query.parser import parse
from issues.query.scope import Scope, in_quotes, literal, spoken
from issues.query.tree import ANY, Group, Not, QueryError, Term, UnknownValue, Words
from issues.search import Phrase
from issues.words import words

# PostgreSQL joins the subqueries that must hold; each one more takes longer to plan than the one before.
SUBQUERIES = 20


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition of a query: its Q, the words that say it, and where it stands."""

    condition: Q
    words: str
    start: int
    end: int
    is_adjective: bool = False
    phrase: Phrase | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a user. `condition` is to be combined with `Issue.objects.visible_to(user)`."""

    text: str
    tree: object
    ordered: Term | None

    @property
    def sort(self):
        """The name of the order that it asks for, or None."""
        return self.ordered and self.ordered.values[0].text

    @property
    def condition(self):
        return condition_of(self.tree)

    def without(self, start, end):
        """The condition of the query without those of its `parts` that are written at text[start:end]."""
        return condition_of(Group("AND", [part for part in self.parts if not is_within(part, start, end)]))

    @property
    def words(self):
        """The query in words: "open issues of level P0 or P1, not labelled noise"."""
        parts = self.parts
        before = [part.words for part in parts if isinstance(part, Leaf) and part.is_adjective]
        after = [
            say(part, is_nested=len(parts) > 1)
            for part in parts
            if not (isinstance(part, Leaf) and part.is_adjective)
        ]
        subject = gettext("{} issues").format(" ".join(before)).strip() if parts else gettext("all issues")
        return f"{subject} {', '.join(after)}".strip()

    @property
    def parts(self):
        """The conditions of which every one must hold."""
        return self.tree.parts if is_and(self.tree) else [self.tree]

    @property
    def phrases(self):
        """The words and phrases that are looked for, and not those that must be missing."""
        leaves = leaves_of(self.tree)
        return [leaf.phrase for leaf, is_negated in leaves if leaf.phrase and not is_negated]

    def narrowed_by(self, term):
        """The text of the query for those of its issues of which `term` holds as well."""
        # A backslash at the end stands for itself, and would take the blank that is to follow.
        slashes = len(self.text) - len(self.text.rstrip("\\"))
        text = self.text + "\\" * (slashes % 2)
        is_either = isinstance(self.tree, Group) and self.tree.operator == "OR"
        return f"({text}) {term}" if is_either else f"{text} {term}".strip()

    def why(self, issue):
        """The parts of the query, as they are written, that hold of `issue`; costs one statement."""
        leaves = list(leaves_of(self.tree))
        tests = {f"leaf{at}": truth(leaf.condition) for at, (leaf, _) in enumerate(leaves)}
        if not leaves:
            return []
        holds = Issue.objects.filter(pk=issue.pk).order_by().values_list(*tests.values()).get()
        return [
            f"-{self.text[leaf.start : leaf.end]}" if is_negated else self.text[leaf.start : leaf.end]
            for (leaf, is_negated), is_true in zip(leaves, holds, strict=True)
            if is_true != is_negated
        ]


def read(text, user, now=None, own=None, is_strict=True):
    """The Query of `text` for `user`, asked `now`; QueryError. Each table that it names is read once.

    `own` are fields, {name: Field}, in place of those of the same names or beside them. A query that is not
    strict finds nothing by a key or a value that nobody knows; a strict one is refused.
    """
    tree, scope = parse(text), Scope(user, now or timezone.now(), own or {}, is_strict)
    tree, ordered = without_sort(tree)
    for term in terms_of(tree):
        if (field := find(term.key.name, scope)) is not None:
            field.check(term)
            field.want(term, scope)
        elif term.values:
            scope.want_label(term.key.name)
    tree = compiled(tree, text, scope)
    check_subqueries(tree)
    return Query(text, tree, ordered)


def check_subqueries(tree):
    leaves = sorted(subqueries_of(tree), key=lambda leaf: leaf.start)
    if len(leaves) > SUBQUERIES:
        message = gettext("At most {} conditions on labels, teams, channels and groups of words.")
        message = message.format(SUBQUERIES)
        raise QueryError(message, leaves[SUBQUERIES].start, leaves[SUBQUERIES].end)


def without_sort(tree):
    """(the tree, its one `sort:`, or None)."""
    parts = tree.parts if is_and(tree) else [tree]
    sorts = [part for part in parts if is_sort(part)]
    inner = [term for part in parts if not is_sort(part) for term in terms_of(part) if is_sort(term)]
    for term in (*inner, *sorts[1:]):
        message = gettext("The order is given once, outside of brackets and OR.")
        raise QueryError(message, term.start, term.end)
    if not sorts:
        return tree, None
    fields.find("sort").check(sorts[0])
    fields.find("sort").condition(sorts[0], None)
    return Group("AND", [part for part in parts if not is_sort(part)]), sorts[0]


def is_and(tree):
    return isinstance(tree, Group) and tree.operator == "AND"


def is_sort(part):
    return isinstance(part, Term) and part.key.name.lower() == "sort"


def terms_of(tree):
    if isinstance(tree, Group):
        for part in tree.parts:
            yield from terms_of(part)
    elif isinstance(tree, Not):
        yield from terms_of(tree.part)
    elif isinstance(tree, Term):
        yield tree


def compiled(tree, text, scope):
    """The tree with a Leaf in place of each Term and Words."""
    if isinstance(tree, Group):
        # What is asked twice is asked once.
        parts = {meaning(part): part for part in reversed(tree.parts)}
        return Group(tree.operator, [compiled(part, text, scope) for part in reversed(parts.values())])
    if isinstance(tree, Not):
        part = compiled(tree.part, text, scope)
        # Signs ask for nothing, nor does a minus before them: "a -> b".
        return part if is_signs(tree.part) else Not(part)
    if isinstance(tree, Words):
        return words_leaf(tree.value, text, scope)
    field = field_of(tree, text, scope)
    if field is None:
        return words_leaf(literal(text[tree.start : tree.end], tree.start, tree.end), text, scope)
    condition = field.condition(tree, scope)
    try:
        said, is_adjective = field.said(tree, scope), field.is_adjective(tree)
    except UnknownValue:
        said, is_adjective = gettext("with {}").format(text[tree.start : tree.end]), False
    return Leaf(condition, said, tree.start, tree.end, is_adjective)


def meaning(tree):
    """What is the same for trees that differ in their places alone."""
    if isinstance(tree, Group):
        return tree.operator, *map(meaning, tree.parts)
    if isinstance(tree, Not):
        return "NOT", meaning(tree.part)
    if isinstance(tree, Words):
        return meaning_of(tree.value)
    return tree.key.name, tree.operator, *map(meaning_of, tree.values)


def meaning_of(value):
    return value.text, value.is_quoted, value.wild


def words_leaf(value, text, scope):
    """The Leaf of a word or phrase; one without a letter or digit asks for nothing."""
    phrase = phrase_of(value, text)
    if not phrase.words:
        return Leaf(ALWAYS, gettext("with any text"), value.start, value.end)
    condition = search.condition(scope.user.space_roles(), [phrase])
    said = gettext("with {}").format(spoken(value, gettext("“{}”")))
    return Leaf(condition, said, value.start, value.end, phrase=phrase)


def is_signs(tree):
    """Whether it is a word without a letter or digit that is no star for any text either."""
    return isinstance(tree, Words) and not tree.value.is_anything and not words(tree.value.text)


def phrase_of(value, text):
    """What a search looks for; QueryError for wildcards that the index of words does not know."""
    if not value.wild or value.is_anything:
        return Phrase.of("" if value.is_anything else value.text)
    *_, before, last = f" {value.text}"
    if value.wild == {len(value.text) - 1} and last == ANY and words(before):
        return Phrase.of(value.text, is_open=True)
    message = gettext(
        "Words are found whole, or by their beginning as in nul*; for another part, search one field."
    )
    raise QueryError(message, value.start, value.end, f"title:{text[value.start : value.end]}")


def find(name, scope):
    return scope.own.get(name.lower()) or fields.find(name)


def field_of(term, text, scope):
    """The field of a term; None where a colon ends a word; QueryError for a name that means nothing."""
    key, field = term.key, find(term.key.name, scope)
    if field is not None or not term.values:
        return field
    if key.name in scope.labels or not scope.is_strict:
        label = fields.label_key(key.name)
        label.check(term)
        return label
    message = gettext("There is no field and no label “{}”; to search for the text, write it in quotes.")
    message = message.format(key.name)
    if close := fields.close_to(key.name, fields.NAMES):
        raise QueryError(message, key.start, key.end, close)
    raise QueryError(message, key.start, term.end, in_quotes(text[key.start : term.end]))


def condition_of(tree):
    """The Q of a compiled tree, with what follows from it by the index of words; may ask the index."""
    condition = q_of(tree)
    more = search.narrowed(list(conjuncts(condition)))
    return Q() if condition is ALWAYS else Q(condition, *more) if more else condition


def conjuncts(condition):
    """The conditions that all hold where this one does."""
    if type(condition) is Q and condition.connector == Q.AND and not condition.negated:
        for child in condition.children:
            yield from conjuncts(child)
    else:
        yield condition


def q_of(tree):
    """The one Q of a compiled tree; ALWAYS and NEVER are kept apart, since Django has no Q for them."""
    if isinstance(tree, Leaf):
        return tree.condition
    if isinstance(tree, Not):
        condition = q_of(tree.part)
        return NEVER if condition is ALWAYS else ALWAYS if condition is NEVER else ~condition
    wanted, unwanted, others = in_kinds(tree.parts)
    conditions = [q_of(part) for part in others]
    if wanted:
        conditions.append(said(wanted, tree.operator))
    if unwanted:
        conditions.append(~said(unwanted, "OR" if is_and(tree) else "AND"))
    whole, nothing = (ALWAYS, NEVER) if tree.operator == "AND" else (NEVER, ALWAYS)
    if any(condition is nothing for condition in conditions):
        return nothing
    conditions = [condition for condition in conditions if condition is not whole]
    if not conditions:
        return whole
    return Q(*conditions) if is_and(tree) else fields.any_of(conditions)


def said(leaves, operator):
    """The Q of issues in which the words of all these leaves, or of any, are found."""
    return search.condition(leaves[0].condition.roles, [leaf.phrase for leaf in leaves], operator)


def in_kinds(parts):
    """(leaves of words, leaves of words that are negated, other parts) of a compiled Group."""
    wanted, unwanted, others = [], [], []
    for part in parts:
        leaf = part.part if isinstance(part, Not) else part
        kind = wanted if leaf is part else unwanted
        if isinstance(leaf, Leaf) and leaf.phrase:
            kind.append(leaf)
        else:
            others.append(part)
    return wanted, unwanted, others


def subqueries_of(tree):
    """A leaf for each subquery that the condition of a compiled tree has."""
    if isinstance(tree, Not):
        yield from subqueries_of(tree.part)
    elif isinstance(tree, Leaf):
        yield from (tree for _ in range(number_of_subqueries(tree.condition)))
    else:
        wanted, unwanted, others = in_kinds(tree.parts)
        yield from wanted[:1] + unwanted[:1]
        for part in others:
            yield from subqueries_of(part)


def number_of_subqueries(condition):
    if isinstance(condition, Q):
        return sum(map(number_of_subqueries, condition.children))
    if isinstance(condition, tuple):
        return isinstance(condition[1], QuerySet | RawSQL)
    return 1


def truth(condition):
    """Whether `condition` holds, as a column."""
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def leaves_of(tree, is_negated=False):
    """(leaf, whether it is negated) of a compiled tree."""
    if isinstance(tree, Leaf):
        yield tree, is_negated
    elif isinstance(tree, Not):
        yield from leaves_of(tree.part, not is_negated)
    else:
        for part in tree.parts:
            yield from leaves_of(part, is_negated)


def is_within(tree, start, end):
    """Whether a compiled tree is written at text[start:end]."""
    return all(start <= leaf.start and leaf.end <= end for leaf, _ in leaves_of(tree))


def say(tree, is_negated=False, is_nested=False):
    """A compiled tree in words that can stand after "issues"."""
    if isinstance(tree, Not):
        return say(tree.part, not is_negated, is_nested)
    if isinstance(tree, Leaf):
        return gettext("not {}").format(tree.words) if is_negated else tree.words
    if len(tree.parts) == 1:
        return say(tree.parts[0], is_negated, is_nested)
    joint = gettext(" and ") if is_and(tree) else gettext(" or ")
    words = joint.join(say(part, is_nested=True) for part in tree.parts)
    return gettext("not ({})").format(words) if is_negated else f"({words})" if is_nested else words
