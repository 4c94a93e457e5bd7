"""The file in which a space moves from one installation to another: JSON lines, a row in each.

A `header` comes first, then in this order person, level, channel, team, project, environment, view (one that
is saved and shared), attachment and text, then of every issue the issue itself with its comments, entries of
history and occurrences, and an `end` that counts the lines, since a file that was cut off looks whole else.
Rows name each other by uuid; a column that a model gains is in the file by itself.
"""

import re
from collections import namedtuple
from datetime import date, datetime
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
    SavedView,
    Space,
    Team,
    TextVersion,
)
from issues.models.base import MEASURED, fitting, limits_of
from issues.models.fields import ExactJSONField, choices_of
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
    "view": Kind(SavedView, {"id", "space", "position"}),
    "attachment": Kind(Attachment, {"id", "space"}),
    "text": Kind(TextVersion, {"id", "space"}),
    "issue": Kind(
        Issue,
        {
            "id",
            "space",
            "level_rank",
            "description_rendered",
            "renderer_version",
            "labels_shown",
            "comment_count",
        },
    ),
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


TYPE = re.compile(rb'\{"type":"([a-z]+)"')
SPELLED = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
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
    """(line number, type of the line, its bytes) of a binary file; Refused."""
    for number, data in enumerate(iter(partial(file.readline, LINE), b""), 1):
        if not data.endswith(b"\n"):
            is_whole = len(data) < LINE
            raise Refused(
                "the file ends in the middle of it" if is_whole else f"it is longer than {LINE} bytes", number
            )
        yield number, type_in(data, number), data


def type_in(data, number):
    """The type of a line, at a glance where it begins with it; Refused with the number of the line."""
    if found := TYPE.match(data):
        return found[1].decode()
    try:
        return parse(data)["type"]
    except Refused as refused:
        refused.line = number
        raise


def parse_as(kind, data):
    """The object that a line of this type is; Refused."""
    found = parse(data)
    if found["type"] != kind:
        raise Refused("type: it is there twice")
    return found


def parse(data):
    """The object that a line is; Refused."""
    found = parse_value(data)
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise Refused("it is no object with a type")
    if b"\\u0000" in data and find_unclean(found):
        raise Refused("NUL characters are not allowed")
    return found


def parse_value(data):
    """The value of JSON, bytes or text, of bounded depth; Refused."""
    # Most values of history are too short to be so deep.
    if len(data) > DEPTH:
        array, object_ = (b"[", b"{") if isinstance(data, bytes) else ("[", "{")
        if data.count(array) + data.count(object_) > DEPTH and depth(decoded(data)) > DEPTH:
            raise Refused(f"JSON is nested deeper than {DEPTH}")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        decoded(data)
        raise Refused("it is not JSON") from error


def decoded(data):
    try:
        return data.decode() if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise Refused("it is not UTF-8") from error


def read(kind, said):
    """{attname: value as the column has it} of what a line of this kind says; Refused.

    uuids are texts, also those of rows that it refers to. MORE is left as it came.
    """
    names, in_order, values_of = form(kind)
    if said.keys() != names:
        check_names(said, in_order)
    return values_of(said)


@cache
def form(kind):
    """(names that a line has, the same in their order, function that makes its values)."""
    names = ["type", *(field.name for field in columns(kind)), *MORE.get(kind, ())]
    return frozenset(names), names, compiled(columns(kind))


def compiled(fields):
    """A function that makes {attname: value} of what a line says of these columns; it raises Refused.

    It is one expression, since a file has millions of values: most fit at a glance, and of the others the
    reader of the column says what is wrong.
    """
    known, parts = {"is_uuid": SPELLED.fullmatch}, []
    for field in fields:
        read_it, choices = f"read_{field.attname}", f"choices_{field.attname}"
        known |= {read_it: reader(field), choices: choices_of(field)}
        is_none = f"(value := said[{field.name!r}]) is None and {field.null}"
        fits = f"{is_none} or {glance(field, choices)}"
        parts.append(f"{field.attname!r}: value if {fits} else {read_it}(value)")
    return eval(f"lambda said: {{{', '.join(parts)}}}", known)  # noqa: S307 - of our own columns


def reason_of(error):
    """What a ValidationError says, on one line."""
    fields = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    return "; ".join(f"{name}: {' '.join(said)}".removeprefix(": ") for name, said in fields.items())


def check_names(said, names):
    """Refused if an object does not say all of this and nothing else."""
    if unknown := sorted(said.keys() - set(names)):
        raise Refused(f"{unknown[0][:40]}: there is no such field")
    if missing := [name for name in names if name not in said]:
        raise Refused(f"{missing[0]}: it is missing")


def glance(field, choices):
    """The expression true of a `value` that this column takes as it is; `choices` names those it has."""
    if field.is_relation or isinstance(field, models.UUIDField):
        return "type(value) is str and is_uuid(value)"
    if isinstance(field, ExactJSONField):
        return f"type(value) is {field.default.__name__} and not value"
    if isinstance(field, models.BooleanField):
        return "type(value) is bool"
    if isinstance(field, SPECIAL) or not all(isinstance(row, MEASURED) for row in field.validators):
        return "False"
    if isinstance(field, models.IntegerField):
        low, high = limits_of(field)
        return f"type(value) is int and {low} <= value <= {high}"
    if type_of(field)[0] is not str:
        return "False"
    if choices_of(field):
        return f"type(value) is str and value in {choices}"
    return f"type(value) is str and len(value) <= {field.max_length or LINE}"


def reader(field):
    """A function that makes a column's value of any that a line says; it raises Refused."""
    if field.is_relation or isinstance(field, models.UUIDField):
        return reader_of_references(field)
    return careful_reader(field)


def reader_of_references(field):
    def read_reference(value):
        if value is None:
            if field.null:
                return None
            raise Refused(f"{field.name}: This may not be null")
        return as_reference(field.name, value)

    return read_reference


def careful_reader(field):
    typed, misfit = typer(field), fitting(field)

    def read_value(value):
        if value is not None:
            value = typed(value)
        if reason := misfit(value):
            raise Refused(f"{field.name}: {reason.rstrip('.')}")
        return value

    return read_value


def as_reference(name, value):
    """A uuid in the one spelling in which everything here has it; Refused."""
    if type(value) is str and SPELLED.fullmatch(value):
        return value
    uuid = as_uuid(value)
    if uuid is None:
        raise Refused(f"{name}: not a uuid")
    return str(uuid)


def typer(field):
    """A function that makes a value as this column has it; it raises Refused for one of another type."""
    for columns_of, read_as in READ_AS:
        if isinstance(field, columns_of):
            return partial(read_as, field.name)
    kind, reason = type_of(field)

    def typed(value):
        if type(value) is not kind:
            raise Refused(f"{field.name}: {reason}")
        return value

    return typed


def type_of(field):
    """(type of its values in JSON, what a value of another one is told)"""
    return next(found for columns_of, *found in TYPES if isinstance(field, columns_of))


def time_of(name, value):
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        at = None
    if at is None or not value.endswith("Z"):
        raise Refused(f"{name}: not a time in UTC")
    return at


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
    (models.DateTimeField, time_of),
    (models.DateField, date_of),
    (models.FileField, path_of),
)
SPECIAL = tuple(columns_of for columns_of, _ in READ_AS)
