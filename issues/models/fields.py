"""Identifiers and columns that every model here uses."""

import secrets
import time
from uuid import UUID

import orjson
from django.db import models


def uuid7(at=None):
    """A UUID of version 7 (RFC 9562 §5.7), of this moment or of the datetime `at`."""
    milliseconds = time.time_ns() // 1_000_000 if at is None else int(at.timestamp() * 1000)
    bits = milliseconds << 80 | secrets.randbits(80)
    return UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def canonical(value):
    """The one JSON text of `value`: keys sorted, no spaces, UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


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
