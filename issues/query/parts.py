"""The parts of a query, all of which must hold, and the query with one of them taken out or put in."""

from dataclasses import dataclass

from issues.query import fields
from issues.query.parser import operands
from issues.query.tree import Not, Term


@dataclass(frozen=True, slots=True)
class Part:
    """A part as it is written; `field` and `values` are those of a plain `field:value,value`, else None, ().

    It stands at `span` of the query, and `without` is the query without it.
    """

    text: str
    span: tuple[int, int]
    without: str
    field: str | None = None
    values: tuple[str, ...] = ()
    is_negated: bool = False


def parts_of(text):
    """The Parts of a query in their order; what stands between ORs is one. QueryError."""
    found = operands(text)
    # Not stripped: a blank at the end may belong to a value, by the backslash before it.
    texts = [text[start:end] for start, end, _ in found]
    return [
        Part(texts[at], (start, end), " ".join(texts[:at] + texts[at + 1 :]), *listed(text, tree))
        for at, (start, end, tree) in enumerate(found)
    ]


def listed(text, tree):
    """(field, values as they are written, whether it is negated) of a Part."""
    term = tree.part if isinstance(tree, Not) else tree
    if not isinstance(term, Term) or term.operator != ":" or not term.values:
        return None, (), False
    field = fields.find(term.key.name)
    name = field.name if field else term.key.name
    return name, tuple(text[value.start : value.end] for value in term.values), term is not tree


def listing(parts, term, is_negated=False):
    """The Part that lists the value of `term`, a `field:value`; None."""
    field, _, value = term.partition(":")
    found = (part for part in parts if (part.field, part.is_negated) == (field, is_negated))
    return next((part for part in found if value in part.values), None)


def holder(parts, field):
    """The first Part that lists values of a field; None."""
    return next((part for part in parts if part.field == field and not part.is_negated), None)


def toggled(query, parts, term, is_joined):
    """The text of a Query, which has these Parts, with the value of `term`, or without where it has it.

    `is_joined`: where the field has values already this is one more of them, and issues of any are found.
    """
    field, _, value = term.partition(":")
    if part := listing(parts, term):
        return without_value(parts, part, value)
    part = holder(parts, field) if is_joined else None
    return with_values(parts, part, [*part.values, value]) if part else query.narrowed_by(term)


def excluded(query, parts, term):
    """The text of a Query without the issues of `term`, or where they are left out, with them again."""
    value = term.partition(":")[2]
    if part := listing(parts, term, is_negated=True):
        return without_value(parts, part, value)
    if part := listing(parts, term):
        return f"-{term} {without_value(parts, part, value)}".strip()
    return query.narrowed_by(f"-{term}")


def without_value(parts, part, value):
    return with_values(parts, part, [each for each in part.values if each != value])


def with_values(parts, part, values):
    """The query whose Part has other values; without any it goes."""
    if not values:
        return part.without
    sign = "-" if part.is_negated else ""
    return " ".join(f"{sign}{part.field}:{','.join(values)}" if each is part else each.text for each in parts)
