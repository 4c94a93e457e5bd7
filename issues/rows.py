"""Documents of the native API, made from one SELECT and written as bytes: no instances, no serializer."""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

import orjson
from django.db import connection
from django.utils.translation import gettext

from issues.models import TextVersion

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS


def dump(document):
    """The bytes of a document; times are RFC 3339 in UTC."""
    return orjson.dumps(document, option=OPTIONS)


def rows_as_json(fields, table, where, order):
    """SQL of a JSON array (text) of objects with `fields` {name: column}, for the issue at hand."""
    if connection.vendor == "postgresql":
        pairs = ", ".join(f"'{name}', {column}" for name, column in fields.items())
        array = f"coalesce(json_agg(json_build_object({pairs}) ORDER BY {order}), '[]')"
        return f"(SELECT {array}::text FROM {table} WHERE {where})"
    pairs = ", ".join(f"'{name}', {name}" for name in fields)
    columns = ", ".join(f"{column} AS {name}" for name, column in fields.items())
    inner = f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {order}"
    return f"(SELECT json_group_array(json_object({pairs})) FROM ({inner}))"


# Those of a page are few, and the same objects serve all its rows: nobody changes them.
shared = lru_cache(maxsize=4_096)


@shared
def person(uuid, name, email):
    return uuid and {"id": dashed(uuid), "name": name, "email": email, "avatar_url": None}


def fragment(text):
    """JSON text of the database as a part of a document."""
    return orjson.Fragment(text)


def loaded(part):
    """The value of a fragment."""
    return orjson.loads(orjson.dumps(part))


def members(text):
    """The rows of a JSON array of the database, whose ids SQLite writes without dashes."""
    rows = orjson.loads(text)
    for row in rows:
        row["id"] = dashed(row["id"])
    return rows


def dashed(hexadecimal):
    """The usual form of a uuid, from the 32 digits that SQLite stores or from itself."""
    if type(hexadecimal) is not str or len(hexadecimal) != 32:
        return hexadecimal
    return "-".join(
        (hexadecimal[:8], hexadecimal[8:12], hexadecimal[12:16], hexadecimal[16:20], hexadecimal[20:])
    )


@shared
def named(uuid, name):
    return uuid and {"id": dashed(uuid), "name": name}


@shared
def space(uuid, key, name):
    return uuid and {"id": dashed(uuid), "key": key, "name": name}


def blank(value):
    return value or None


def group(names):
    """A builder of a nested object whose empty texts are null."""
    return lambda *values: {n: None if v == "" else v for n, v in zip(names, values, strict=True)}


PERSON = ("uuid", "name", "email")
SPACE = ("uuid", "key", "name")
FILE = {"id": "r.uuid", "name": "r.name", "size": "r.size", "content_type": "r.content_type"}


class Shape(NamedTuple):
    """Which columns to select for a document, and the function that makes one of a row of them."""

    columns: tuple[str, ...]
    document: Callable


def shape_of(table, extra=()):
    """The Shape of a document made as `table` says: {key: (columns, how they make its value)}.

    The columns of `extra` are selected first; without a function a value is its column.
    """
    return compiled(tuple(table.items()), tuple(extra))


@cache
def compiled(table, extra):
    # One function written out for all keys, as dataclasses write theirs: a row of a list takes a quarter of
    # the time that a loop over small functions takes.
    columns, makers, parts = list(extra), {}, []
    for name, (needed, build) in table:
        columns += [column for column in needed if column not in columns]
        values = ", ".join(f"row[{columns.index(column)}]" for column in needed)
        if build:
            maker = f"make_{len(makers)}"
            makers[maker] = build
        parts.append(f"{name!r}: {maker}({values})" if build else f"{name!r}: {values}")
    return Shape(tuple(columns), eval(f"lambda row: {{{', '.join(parts)}}}", makers))  # noqa: S307


# History.

HISTORY = (
    "uuid", "issue__uuid", "subject_type", "subject", "position", "version", "action", "field", "old_value",
    "new_value", "old_display", "new_display", "actor__uuid", "actor__name", "token", "source", "request_id",
    "batch", "created_at", "hash", "space_id", "actor_id", "issue__is_anonymous", "issue__reporter_id",
)  # fmt: skip

# What may say who an anonymous reporter is: clients of other products write there for whom they act.
NAMING = ("reporter", "extensions")


def history_documents(rows):
    """Documents of rows selected with HISTORY; texts are looked up in one statement for all of them.

    What would name an anonymous reporter is left out.
    """
    parsed = [(row, *(value and orjson.loads(value) for value in (row[8], row[9]))) for row in rows]
    texts = texts_of([(row[20], value) for row, *values in parsed for value in values])
    return [history_document(row, old, new, texts) for row, old, new in parsed]


def history_document(row, old, new, texts):
    is_anonymous = row[22]
    is_hidden = is_anonymous and row[21] is not None and row[21] == row[23]
    old_display, new_display = row[10], row[11]
    if row[2] == "channel":
        # The address of a target may be a secret.
        texts = {}
    if is_anonymous and row[7] in NAMING:
        old = new = None
        old_display = new_display = ""
    if is_anonymous and row[7] in ("", "comments"):
        # A new issue, a comment.
        old, new = (without_names(value) for value in (old, new))
    return {
        "id": row[0],
        "issue": row[1],
        "subject_type": row[2] or None,
        "subject": row[3],
        "position": row[4],
        "version": row[5],
        "action": row[6],
        "field": row[7] or None,
        "old_value": spelled(old, row[20], texts),
        "new_value": spelled(new, row[20], texts),
        "old_display": old_display,
        "new_display": new_display,
        "actor": None if is_hidden else named(row[12], row[13]),
        "token": None if is_hidden else row[14],
        "source": row[15],
        # What else was done in the same request or batch tells who did it, and a hash confirms a guess.
        "request_id": None if is_hidden else row[16] or None,
        "batch": None if is_hidden else row[17],
        "created_at": row[18],
        "hash": None if is_anonymous else row[19],
    }


def without_names(value):
    if not isinstance(value, dict):
        return value
    return {key: part for key, part in value.items() if key not in NAMING}


def is_text(value):
    return isinstance(value, dict) and value.keys() == {"sha256"}


def text_parts(value):
    """The parts of a history value that may name a text; the keys of labels are people's own words."""
    if isinstance(value, dict) and not is_text(value):
        return [part for key, part in value.items() if key != "labels"]
    return [value]


def texts_of(values):
    """{(space, sha256): text} for what history values (space, value) name; a blanked text is None."""
    wanted = {}
    for space, value in values:
        for part in text_parts(value):
            if is_text(part):
                wanted.setdefault(space, set()).add(part["sha256"])
    if not wanted:
        return {}
    rows = TextVersion.objects.filter(space__in=wanted, sha256__in=set().union(*wanted.values()))
    return {
        (space, sha256): None if blanked_at else text
        for space, sha256, text, blanked_at in rows.values_list("space_id", "sha256", "text", "blanked_at")
    }


def spelled(value, space, texts):
    """A history value with its texts in place of their digests."""
    if is_text(value):
        return texts.get((space, value["sha256"]))
    if isinstance(value, dict):
        return {
            key: spelled(part, space, texts) if is_text(part) and key != "labels" else part
            for key, part in value.items()
        }
    return value


def history(queryset):
    """`queryset` of HistoryEntry as tuples for `history_documents`."""
    return queryset.values_list(*HISTORY)


def who(person, key):
    """How pages name an actor or author: one whom the issue hides, and nobody, have names as well."""
    return person["name"] if person else gettext("Anonymous") if key else gettext("System")
