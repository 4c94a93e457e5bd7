"""Pages by key: every page costs the same however deep it lies, and no primary key leaves the process."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import orjson
from django.core.cache import cache
from django.db.models import Q, Subquery
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext

from issues.limits import PAGE

SIGNED = 12  # bytes of a cursor that prove it is ours
KNOWN = 100  # pages of a list whose last keys are kept
KEPT = 600  # seconds


class BadCursor(ValueError):
    """A cursor that no page gave out."""


@dataclass(frozen=True, slots=True)
class Order:
    """A sort order: the column (None: order of arrival) and its direction; the id comes last."""

    column: str | None = None
    is_descending: bool = True
    id_descending: bool = True
    parse: type = str

    @property
    def key(self):
        """The columns whose values a cursor holds."""
        return ("uuid",) if self.column is None else (self.column, "uuid")

    def directions(self, backwards):
        """[(column, whether it descends)] of the order, or of its reverse."""
        columns = [] if self.column is None else [(self.column, self.is_descending)]
        return [
            (name, descending != backwards) for name, descending in [*columns, ("id", self.id_descending)]
        ]

    def terms(self, backwards=False):
        return [f"{'-' if descends else ''}{name}" for name, descends in self.directions(backwards)]

    def sql(self, backwards=False, table="issues_issue.", **names):
        """The terms of ORDER BY over issues, of which some columns go by other `names`."""
        return [
            f"{names.get(name, table + name)} {'DESC' if descends else 'ASC'}"
            for name, descends in self.directions(backwards)
        ]

    def beyond(self, model, key, backwards):
        """The condition on rows that come after `key`, or before it."""
        *values, uuid = key
        row = Subquery(model.objects.filter(uuid=uuid).values("pk")[:1])
        after_id = Q(**{f"id__{comparison(self.id_descending, backwards)}": row})
        if self.column is None:
            return after_id
        (value,) = values
        after = comparison(self.is_descending, backwards)
        return Q(**{f"{self.column}__{after}e": value}) & (Q(**{f"{self.column}__{after}": value}) | after_id)


def comparison(descending, backwards):
    return "lt" if descending != backwards else "gt"


@dataclass(slots=True)
class Page:
    """Rows of a page (as the queryset gives them) and the cursors of its neighbours, None at an end."""

    rows: list
    next: str | None
    previous: str | None


def page(queryset, order, cursor, size, key_of):
    """One Page of `queryset`; `key_of(row)` gives (value of the sorted column, uuid), or (uuid,).

    Raises BadCursor. Costs one statement.
    """
    backwards, key = decode(cursor, order) if cursor else (False, None)
    return page_of(read(queryset, order, backwards, key, 0, size + 1), size, backwards, key, key_of)


def read(queryset, order, backwards, key, first, last):
    """The rows of `queryset` from beyond `key` in one direction, from `first` up to `last`."""
    rows = queryset.order_by(*order.terms(backwards))
    if key is not None:
        rows = rows.filter(order.beyond(queryset.model, key, backwards))
    return list(rows[first:last])


def page_of(rows, size, backwards, key, key_of):
    """The Page of at most `size` rows, of which one more was asked for, read from `key` on."""
    has_more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    is_led = key is not None
    has_next, has_previous = (is_led, has_more) if backwards else (has_more, is_led)
    return Page(
        rows,
        encode(False, key_of(rows[-1])) if has_next else None,
        encode(True, key_of(rows[0])) if has_previous else None,
    )


def numbered_page(read, number, size, key_of, total, scope):
    """The rows of page `number` (from 1) of a list that has `total` of them; `key_of` as for `page`.

    `read(backwards, key, first, last)` gives the rows in one direction, from beyond `key` or from the end
    there, without those before `first` and from `last` on. Exact to the end, and empty past it. The keys that
    closed pages are kept under `scope`, a text that says whose rows these are, what they are narrowed by and
    their order, so that after page n its successor goes on where it ended, whatever came or went meanwhile,
    and costs what a page by key costs. Any other page is reached from the nearest known one or from either
    end, of which an OFFSET walks only the rows between.
    """
    name = f"pages:{sha256(repr((scope, size)).encode()).hexdigest()}"
    closed = cache.get(name, {})
    if number > 1 and (number - 1) * size >= total:
        return []
    if number == 1 or number - 1 in closed:
        way = False, closed.get(number - 1), 0, size
    else:
        way = min(ways(number, size, total, closed), key=lambda way: way[2])
    rows = read(*way)
    if way[0]:
        rows.reverse()
    if len(rows) < size:
        # Here the list ends, and the pages after it that were there before are gone.
        closed = {known: key for known, key in closed.items() if known < number}
    else:
        # The last one is kept last; who reads on needs no more than that.
        closed.pop(number, None)
        closed[number] = key_of(rows[-1])
    cache.set(name, dict(list(closed.items())[-KNOWN:]), KEPT)
    return rows


def ways(number, size, total, closed):
    """(backwards, key, first, last) of each way to a page: its rows from there in that direction."""
    before = (number - 1) * size
    yield False, None, before, before + size
    yield True, None, max(total - before - size, 0), total - before
    for known, key in closed.items():
        between = (number - 1 - known) * size
        if between >= 0:
            yield False, key, between, between + size
        elif known > number:
            # A page ends before its key does, which is the last row of the known page.
            yield True, key, (known - number) * size - 1, (known - number + 1) * size - 1


def encode(backwards, key=()):
    """The cursor to what is beyond `key` in one direction, or beyond that end of the list."""
    parts = [str(part) if isinstance(part, UUID) else part for part in key]
    text = orjson.dumps([int(backwards), *parts], option=orjson.OPT_NAIVE_UTC)
    return base64.urlsafe_b64encode(signature(text) + text).decode().rstrip("=")


def decode(cursor, order):
    """(backwards, key) of a cursor that `encode` made for this order; BadCursor for any other text.

    The key is None for one that leads from an end of the list.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        signed = base64.b64decode(padded, altchars=b"-_", validate=True)
        mark, text = signed[:SIGNED], signed[SIGNED:]
        if not constant_time_compare(mark, signature(text)):
            raise BadCursor
        backwards, *key = orjson.loads(text)
        if not key:
            return bool(backwards), None
        *values, uuid = key
        if len(values) != (order.column is not None):
            raise BadCursor
        return bool(backwards), [*(parse_value(order, value) for value in values), UUID(uuid)]
    except (ValueError, TypeError, AttributeError, binascii.Error, BadCursor) as error:
        raise BadCursor(gettext("The cursor is none that a page gave out.")) from error


def signature(text):
    """What proves that we made a cursor: one that names a foreign row would tell whether it is there."""
    return salted_hmac("issues.keyset", text, algorithm="sha256").digest()[:SIGNED]


def parse_value(order, value):
    if order.parse is datetime:
        return datetime.fromisoformat(value)
    if type(value) is not order.parse or (order.parse is int and abs(value) > 2**31):
        raise BadCursor
    return value


def page_size(text, default=50):
    """The `page_size` that a client asked for, 1 to 100; ValueError for anything else."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= PAGE):
        raise ValueError(f"A whole number from 1 to {PAGE}.")
    return int(text)
