"""What may be written next: fields, operators and values for the place of the cursor."""

import re
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from issues.query import fields
from issues.query.parser import COMPARISON, KEY
from issues.query.scope import OFFERED, Scope

PIECE = re.compile(r'\\.|"(?:\\.|[^"\\])*"?|\s+|[][()]|.', re.DOTALL)
KEYWORDS = (
    ("AND", gettext_lazy("Both")),
    ("OR", gettext_lazy("Either")),
    ("NOT", gettext_lazy("All others")),
)


@dataclass(frozen=True, slots=True)
class Place:
    """What is being written: `text[start:]`, a value of `key` if there is one."""

    start: int
    text: str
    key: str | None = None
    is_compared: bool = False
    is_first: bool = True


def complete(text, cursor, user):
    """{"start", "end", "items"}: what may stand in place of text[start:end], in the order of its use.

    Each item has its `text`, its `kind` ("field", "operator", "value", "keyword") and a `detail`.
    """
    place = place_of(text[:cursor])
    scope = Scope(user, timezone.now())
    if place.key is None:
        items = names(place.text, scope)
    else:
        field = fields.find(place.key) or fields.label_key(place.key)
        items = values(field, place, scope)
    return {"start": place.start, "end": max(cursor, place.start), "items": items}


def place_of(text):
    """The Place at the end of a text: what stands there since the last blank or bracket."""
    start, keys, in_range = 0, [], None
    for piece in PIECE.finditer(text):
        sign = piece[0]
        key = KEY.fullmatch(text, start_of_word(text, start), piece.start()) if sign in "([" else None
        if sign == "(":
            keys.append(key[1] if key else keys[-1] if keys else None)
        elif sign == ")" and keys:
            keys.pop()
        elif sign in "[]":
            in_range = key and key[1]
        if sign in "()" or sign.isspace() or key:
            start = piece.end()
    if in_range:
        return Place(start, text[start:], in_range, is_first=False)
    start = start_of_word(text, start)
    if keys and keys[-1]:
        return value_place(text, start, keys[-1])
    key = KEY.match(text, start)
    if not key:
        return Place(start, text[start:])
    return value_place(text, key.end(), key[1])


def start_of_word(text, start):
    """Where a word begins after its minus signs."""
    while text[start : start + 1] == "-":
        start += 1
    return start


def value_place(text, start, key):
    """The Place in values of a key that begin at `start`, with a comparison before them or commas between."""
    is_first = True
    comparison = COMPARISON.match(text, start)
    start = comparison.end() if comparison else start
    for piece in PIECE.finditer(text, start):
        if piece[0] == ",":
            start, is_first = piece.end(), False
    return Place(start, text[start:], key, bool(comparison), is_first)


def names(prefix, scope):
    """Fields and labels whose names begin so, and the words between conditions."""
    prefix = prefix.removeprefix("@")
    found = [
        (f"{name}:", "field", field.help)
        for name, field in fields.FIELDS.items()
        if any(alias.startswith(prefix.lower()) for alias in (name, *field.aliases))
    ]
    if prefix:
        key = prefix[6:] if prefix[:6].lower() == "label." else prefix
        found += [
            (f"label.{key}:", "field", gettext("Label")) for key in scope.label_texts(key) if is_name(key)
        ]
    found += [(word, "keyword", help) for word, help in KEYWORDS if prefix and word.startswith(prefix)]
    return [item(*parts) for parts in found]


def is_name(key):
    return KEY.fullmatch(f"label.{key}:") is not None


def values(field, place, scope):
    prefix = re.sub(r"\\(.)", r"\1", place.text.removeprefix('"'), flags=re.DOTALL).removesuffix('"')
    found = [(text, "value", detail) for text, detail in field.offers(scope, prefix)[:OFFERED]]
    if not prefix and place.is_first and not place.is_compared:
        found += [(operator, "operator", OPERATORS[operator]) for operator in fields.comparisons(field)]
    return [item(*parts) for parts in found]


OPERATORS = {
    ">": gettext_lazy("More, or later"),
    ">=": gettext_lazy("At least, or since"),
    "<": gettext_lazy("Less, or before"),
    "<=": gettext_lazy("At most, or until"),
}


def item(text, kind, detail):
    return {"text": text, "kind": kind, "detail": str(detail)}
