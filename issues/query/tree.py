"""What a query is made of once it is parsed, and how one that means nothing is refused."""

from dataclasses import dataclass, field

from django.utils.translation import gettext

ANY, ONE = "*", "?"


class QueryError(ValueError):
    """A query that means nothing: what is wrong at text[start:end], and perhaps what to write there."""

    def __init__(self, message, start, end, proposal=None):
        super().__init__(message)
        self.message, self.start, self.end, self.proposal = message, start, end, proposal

    @property
    def sentence(self):
        """What is wrong, with the proposal if there is one."""
        if not self.proposal:
            return self.message
        return gettext("{message} Did you mean {proposal}?").format(
            message=self.message, proposal=self.proposal
        )


class UnknownValue(QueryError):
    """A value, well written, that names nothing: no row of one's spaces, and none of a field's words."""


@dataclass(frozen=True, slots=True)
class Value:
    """A word or a phrase without its quotes and backslashes; `wild` are the places of its wildcards."""

    text: str
    start: int
    end: int
    is_quoted: bool = False
    wild: frozenset = frozenset()

    @property
    def is_anything(self):
        return bool(self.text) and self.text.count(ANY) == len(self.wild) == len(self.text)


@dataclass(frozen=True, slots=True)
class Words:
    """A word or a phrase that stands for itself."""

    value: Value


@dataclass(frozen=True, slots=True)
class Key:
    """The name before a colon, without the @ that may stand before it."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Term:
    """`key:value`. The operator is ":", a comparison or "[" for a range, which has two values.

    Without values it ends at its colon, as "Error:" does in a text.
    """

    key: Key
    operator: str
    values: tuple[Value, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Not:
    part: object


@dataclass(slots=True)
class Group:
    """Parts of which all ("AND") or some ("OR") must hold; an "AND" of none holds of everything."""

    operator: str
    parts: list = field(default_factory=list)
