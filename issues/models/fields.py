"""Identifiers and columns that every model here uses."""

import secrets
import time
from functools import cache
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.base import ModelState

from issues.limits import EXTENSIONS

UNFIT = "It is not JSON that can be kept."


def uuid7(at=None, random=None):
    """A UUID of version 7 (RFC 9562 §5.7), of this moment or of the datetime `at`, with 80 bits by chance."""
    milliseconds = time.time_ns() // 1_000_000 if at is None else int(at.timestamp() * 1000)
    bits = milliseconds << 80 | (secrets.randbits(80) if random is None else random)
    return UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def canonical(value):
    """The one JSON text of `value`: keys sorted, no spaces, UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def utc_text(at):
    """A time in UTC as "2026-11-28T04:05:06.000007", without microseconds where there are none.

    It is several times as quick as isoformat().
    """
    return orjson.dumps(at, option=orjson.OPT_UTC_Z)[1:-2].decode()


def same(value, other):
    """Whether two values of a column are one; in JSON, unlike in Python, true is not 1 and 1 is not 1.0."""
    if type(value) not in (dict, list) or value != other:
        return value == other
    try:
        return canonical(value) == canonical(other)
    except TypeError:
        return False


def instance_of(model, names, values):
    """The instance of `model` whose columns `names` have `values`, as a statement of our own gave them.

    It is what `from_db` makes, without a look at every column: each request begins with two of them. What is
    not named is read when it is asked for.
    """
    row = model.__new__(model)
    row._state = ModelState()
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    known = vars(row)
    known.update(zip(names, values, strict=True))
    for name, column, convert in converters_of(model, names):
        known[name] = convert(known[name], column, connection)
    if hasattr(row, "remember"):
        row.remember(model.FIELDS)
    return row


@cache
def converters_of(model, names):
    """[(name, column, function that makes the database's value Python's)] of columns of a model."""
    found = []
    for name in names:
        column = model._meta.get_field(name).get_col(model._meta.db_table)
        converters = connection.ops.get_db_converters(column) + column.get_db_converters(connection)
        found += [(name, column, convert) for convert in converters]
    return found


@cache
def choices_of(field):
    """{value: label} of a column with choices."""
    return dict(field.flatchoices)


class ExactJSONField(models.TextField):
    """JSON kept as the text it came as, since jsonb reorders keys and rewrites numbers."""

    def from_db_value(self, value, expression, connection):
        return value if value is None else orjson.loads(value)

    def get_prep_value(self, value):
        return value if value is None else orjson.dumps(value).decode()

    def to_python(self, value):
        return value

    def value_to_string(self, obj):
        return self.get_prep_value(self.value_from_object(obj))

    def refusal(self, value):
        """Why `value` cannot be kept, or None."""
        if not isinstance(value, self.default):
            return "An object." if self.default is dict else "A list."
        try:
            text = canonical(value)
        except TypeError:
            return UNFIT
        if not same(orjson.loads(text), value):
            return UNFIT
        return "It is too large." if len(text) > EXTENSIONS else None
