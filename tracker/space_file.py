"""The file in which a space moves from one installation to another: JSON lines, a row in each.

A `header` comes first, then in this order person, level, channel, team, project, environment, attachment and
text, then of every issue the issue itself with its comments, entries of history and occurrences, and an `end`
that counts the lines, since a file that was cut off looks whole otherwise. Rows name each other by uuid; a
column that a model gains is in the file by itself.
"""

from collections import namedtuple
from datetime import UTC, date, datetime
from functools import cache, partial

import orjson
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.utils import validate_file_name
from django.db import models

from comments.models import Comment
from issues.lookups import as_uuid
from issues.models import (
    Attachment,
    Channel,
    Environment,
    HistoryEntry,
    Issue,
    Level,
    Occurrence,
    Project,
    Space,
    Team,
    TextVersion,
)
from issues.models.base import fitting
from issues.models.fields import ExactJSONField
from issues.parsers import depth, find_unclean
from tracker.accounts.models import User

FORMAT, VERSION = "tracker-space", 1
# A row at the limits of every column is a quarter of this.
LINE = 8 * 2**20
# What the doors take in JSON, twice over.
DEPTH = 64
HEADER, END = "header", "end"

# All that is told of people: a column that they gain may be a secret.
PERSON = {"uuid", "name", "handle", "email", "is_active"}
# model: of what a row of this kind is. left_out: columns that the file has not, for it says them otherwise
# (whose a row is), they follow from others (what is rendered), or they are nobody's business elsewhere.
Kind = namedtuple("Kind", "model left_out")
KINDS = {
    "space": Kind(Space, {"id", "version"}),
    "person": Kind(User, {field.name for field in User._meta.concrete_fields} - PERSON),
    "level": Kind(Level, {"id", "space"}),
    "channel": Kind(Channel, {"id", "space", "is_default"}),
    "team": Kind(Team, {"id", "space"}),
    "project": Kind(Project, {"id", "space"}),
    "environment": Kind(Environment, {"id", "space"}),
    "attachment": Kind(Attachment, {"id", "space"}),
    "text": Kind(TextVersion, {"id", "space"}),
    "issue": Kind(Issue, {"id", "space", "level_rank", "description_rendered", "renderer_version"}),
    "comment": Kind(Comment, {"id", "issue", "content_rendered", "renderer_version"}),
    "entry": Kind(HistoryEntry, {"id", "space", "issue", "subject_type", "subject"}),
    "occurrence": Kind(Occurrence, {"id", "issue"}),
}
# What a line says beside its columns.
MORE = {
    "issue": ("labels", "teams", "channels", "attachments"),
    "comment": ("issue", "attachments"),
    "entry": ("issue",),
    "occurrence": ("issue",),
}
ORDER = {kind: place for place, kind in enumerate([HEADER, *list(KINDS)[1:], END])}


TYPES = (
    (models.BooleanField, bool, "neither true nor false"),
    (models.IntegerField, int, "not a whole number"),
    (models.Field, str, "not a text"),
)


class Refused(Exception):
    """Why a line cannot be taken; `line` is its number, None for the one at hand."""

    def __init__(self, reason, line=None):
        super().__init__(reason)
        self.line = line


@cache
def columns(kind):
    """The columns that a line of this kind has, in their order."""
    model, left_out = KINDS[kind]
    return [field for field in model._meta.concrete_fields if field.name not in left_out]


@cache
def paths(kind):
    """What to select for these columns: rows that they refer to are said by uuid."""
    return [f"{field.name}__uuid" if field.is_relation else field.attname for field in columns(kind)]


def document(kind, values):
    """{column: value} of the values selected by `paths`."""
    return {field.name: value for field, value in zip(columns(kind), values, strict=True)}


def line(kind, content):
    """The bytes of a line."""
    return orjson.dumps({"type": kind} | content, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def documents(file):
    """(line number, what the line says) of a binary file; Refused."""
    number = 0
    while data := file.readline(LINE + 1):
        number += 1
        if len(data) > LINE:
            raise Refused(f"it is longer than {LINE} bytes", number)
        if not data.endswith(b"\n"):
            raise Refused("the file ends in the middle of it", number)
        try:
            yield number, parse(data)
        except Refused as refused:
            raise Refused(str(refused), number) from refused


def parse(data):
    """The object that a line is; Refused."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Refused("it is not UTF-8") from error
    found = parse_value(text)
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise Refused("it is no object with a type")
    if "\\u0000" in text and find_unclean(found):
        raise Refused("NUL characters are not allowed")
    return found


def parse_value(text):
    """The value of a JSON text of bounded depth; Refused."""
    if text.count("[") + text.count("{") > DEPTH and depth(text) > DEPTH:
        raise Refused(f"JSON is nested deeper than {DEPTH}")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused("it is not JSON") from error


def read(kind, said):
    """{column: value as the column has it} of what a line of this kind says; Refused.

    Rows that it refers to are UUIDs still. MORE is left as it came.
    """
    check_names(said, ["type", *(field.name for field in columns(kind)), *MORE.get(kind, ())])
    return {name: reader(said[name]) for name, reader in readers(kind)}


@cache
def readers(kind):
    """[(column, function that makes its value of what a line says)]; the functions raise Refused."""
    return [(field.name, reader(field)) for field in columns(kind)]


def check_names(said, names):
    """Refused if an object does not say all of this and nothing else."""
    if unknown := sorted(said.keys() - set(names)):
        raise Refused(f"{unknown[0][:40]}: there is no such field")
    if missing := [name for name in names if name not in said]:
        raise Refused(f"{missing[0]}: it is missing")


def reader(field):
    if field.is_relation:
        return lambda value: value if value is None and field.null else as_reference(field.name, value)
    typed, misfit = typer(field), fitting(field)

    def read_value(value):
        if value is not None:
            value = typed(value)
        if reason := misfit(value):
            raise Refused(f"{field.name}: {reason.rstrip('.')}")
        return value

    return read_value


def as_reference(name, value):
    uuid = as_uuid(value)
    if uuid is None:
        raise Refused(f"{name}: not a uuid")
    return uuid


def typer(field):
    """A function that makes a value as this column has it; it raises Refused for one of another type."""
    for columns_of, read_as in READ_AS:
        if isinstance(field, columns_of):
            return partial(read_as, field.name)
    kind, reason = next(found for columns_of, *found in TYPES if isinstance(field, columns_of))

    def typed(value):
        if type(value) is not kind:
            raise Refused(f"{field.name}: {reason}")
        return value

    return typed


def time_of(name, value):
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        at = None
    if at is None or not value.endswith("Z"):
        raise Refused(f"{name}: not a time in UTC")
    return at.astimezone(UTC)


def date_of(name, value):
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Refused(f"{name}: not a date") from error


def path_of(name, value):
    """The path of an upload; Refused for one that leads out of their folder."""
    if type(value) is not str:
        raise Refused(f"{name}: not a text")
    try:
        validate_file_name(value, allow_relative_path=True)
    except SuspiciousFileOperation as error:
        raise Refused(f"{name}: no path of an upload") from error
    return value


# How columns are read that are no plain values of JSON.
READ_AS = (
    (ExactJSONField, lambda name, value: value),
    (models.UUIDField, as_reference),
    (models.DateTimeField, time_of),
    (models.DateField, date_of),
    (models.FileField, path_of),
)
