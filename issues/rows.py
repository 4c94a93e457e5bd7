"""Documents of the native API, made from one SELECT and written as bytes: no instances, no serializer."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from django.db import connection
from django.db.models import TextField
from django.db.models.expressions import RawSQL

from issues.models import TextVersion

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


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


def labels_sql():
    """SQL of a JSON object (text) of the labels of the issue at hand, in the order they came."""
    inner = "SELECT key, value FROM issues_issuelabel WHERE issue_id = issues_issue.id ORDER BY id"
    if connection.vendor == "postgresql":
        return f"(SELECT coalesce(json_object_agg(key, value), '{{}}')::text FROM ({inner}) AS labels)"
    return f"(SELECT json_group_object(key, value) FROM ({inner}))"


def members_sql(name):
    table = f"issues_issue{name} AS m JOIN issues_{name} AS r ON r.id = m.{name}_id"
    fields = {"id": "r.uuid", "name": "r.name"}
    return rows_as_json(fields, table, "m.issue_id = issues_issue.id", "m.id")


SQL = {
    "labels": labels_sql,
    "teams": lambda: members_sql("team"),
    "channels": lambda: members_sql("channel"),
    "attachments": lambda: rows_as_json(
        {"id": "r.uuid", "name": "r.name", "size": "r.size", "content_type": "r.content_type"},
        "issues_issueattachment AS m JOIN issues_attachment AS r ON r.id = m.attachment_id",
        "m.issue_id = issues_issue.id",
        "m.id",
    ),
    "comment_count": lambda: (
        "(SELECT count(*) FROM comments_comment AS c WHERE c.issue_id = issues_issue.id "
        "AND c.deleted_at IS NULL AND NOT c.is_internal)"
    ),
    "all_channel": lambda: rows_as_json(
        {"id": "r.uuid", "name": "r.name"},
        "issues_channel AS r",
        "r.space_id = issues_issue.space_id AND r.is_default",
        "r.id",
    ),
}


def person(uuid, name, email):
    return uuid and {"id": uuid, "name": name, "email": email, "avatar_url": None}


def fragment(text):
    """JSON text of the database as a part of a document."""
    return orjson.Fragment(text)


def members(text):
    """The rows of a JSON array of the database, whose ids SQLite writes without dashes."""
    rows = orjson.loads(text)
    for row in rows:
        row["id"] = dashed(row["id"])
    return rows


def dashed(hexadecimal):
    """The usual form of a uuid, from the 32 digits that SQLite stores or from itself."""
    if len(hexadecimal) != 32:
        return hexadecimal
    return "-".join(
        (hexadecimal[:8], hexadecimal[8:12], hexadecimal[12:16], hexadecimal[16:20], hexadecimal[20:])
    )


def level(uuid, key, name, severity, color):
    return uuid and {"id": uuid, "key": key, "name": name, "severity": severity, "color": color}


def named(uuid, name):
    return uuid and {"id": uuid, "name": name}


def space(uuid, key, name):
    return uuid and {"id": uuid, "key": key, "name": name}


def blank(value):
    return value or None


def group(names):
    """A builder of a nested object whose empty texts are null."""
    return lambda *values: {n: None if v == "" else v for n, v in zip(names, values, strict=True)}


def itself(value):
    return value


PERSON = ("uuid", "name", "email")
SPACE = ("uuid", "key", "name")
SOURCE = {"type": "resource_type", "id": "resource_id", "name": "resource_name", "alert_id": "alert_id"}
ERROR = {
    "type": "error_type",
    "message": "error_message",
    "file_path": "file_path",
    "function_name": "function_name",
    "is_crash": "is_crash",
    "languages": "languages",
    "platform": "platform",
    "track": "track",
    "service": "service",
    "first_version": "first_version",
    "last_version": "last_version",
}

# name in the document: (columns, how they make its value)
ISSUE = {
    "id": (("uuid",), itself),
    "key": (("space__key", "number"), lambda key, number: f"{key}-{number}"),
    "number": (("number",), itself),
    "space": (tuple(f"space__{n}" for n in SPACE), space),
    "title": (("title",), itself),
    "description": (("description",), itself),
    "description_html": (("description_rendered",), itself),
    "description_format": (("description_format",), itself),
    "status": (("status",), itself),
    "resolution": (("resolution",), itself),
    "level": (tuple(f"level__{n}" for n in ("uuid", "key", "name", "severity", "color")), level),
    "assignee": (tuple(f"assignee__{n}" for n in PERSON), person),
    "reporter": (
        ("is_anonymous", *(f"reporter__{n}" for n in PERSON)),
        lambda hidden, *who: None if hidden else person(*who),
    ),
    "is_anonymous": (("is_anonymous",), itself),
    "teams": (("teams",), members),
    "project": (("project__uuid", "project__name"), named),
    "environment": (("environment__uuid", "environment__name"), named),
    "channels": (("all_channel", "channels"), lambda default, bound: members(default) + members(bound)),
    "labels": (("labels",), fragment),
    "annotations": (("annotations",), itself),
    "kind": (("kind",), blank),
    "reason": (("reason",), itself),
    "source": (tuple(SOURCE.values()), group(tuple(SOURCE))),
    "error": (tuple(ERROR.values()), group(tuple(ERROR))),
    "fingerprint": (("fingerprint",), blank),
    "seen_count": (("seen_count",), itself),
    "first_seen_at": (("first_seen_at",), itself),
    "last_seen_at": (("last_seen_at",), itself),
    "comment_count": (("comment_count",), itself),
    "attachments": (("attachments",), members),
    "is_read": (("is_read",), itself),
    "due_on": (("due_on",), itself),
    "version": (("version",), itself),
    "created_at": (("created_at",), itself),
    "updated_at": (("updated_at",), itself),
    "resolved_at": (("resolved_at",), itself),
    "closed_at": (("closed_at",), itself),
}
LISTED = tuple(
    name
    for name in ISSUE
    if name
    not in {
        "description", "description_html", "description_format", "teams", "channels", "annotations",
        "source", "error", "attachments", "reason", "resolution",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """Which columns to select for a document, and how rows of them become documents."""

    columns: tuple[str, ...]
    parts: tuple[tuple[str, tuple[int, ...], Any], ...]

    def document(self, row):
        return {name: build(*[row[at] for at in places]) for name, places, build in self.parts}


@lru_cache(maxsize=256)
def shape(names, extra=()):
    """The Shape of an issue document with these keys; the columns of `extra` are selected first."""
    return shape_of(ISSUE, names, extra)


def shape_of(table, names, extra=()):
    """The Shape of a document with these keys of `table`: {key: (columns, how they make its value)}."""
    columns = list(extra)
    parts = []
    for name in names:
        needed, build = table[name]
        columns += [column for column in needed if column not in columns]
        parts.append((name, tuple(columns.index(column) for column in needed), build))
    return Shape(tuple(columns), tuple(parts))


def select(queryset, columns):
    """`queryset` as tuples of these columns, in one statement."""
    raw = {name: RawSQL(SQL[name](), (), TextField()) for name in columns if name in SQL}
    # The sets are attributes of Issue too, so their SQL goes by another name.
    named = {f"{name}_json": sql for name, sql in raw.items()}
    return queryset.annotate(**named).values_list(*(f"{c}_json" if c in raw else c for c in columns))


def issue_document(queryset, names=tuple(ISSUE)):
    """The document of the one issue in `queryset`; Issue.DoesNotExist where it is empty."""
    wanted = shape(tuple(names))
    return wanted.document(select(queryset.order_by(), wanted.columns).get())


# History.

HISTORY = (
    "uuid", "issue__uuid", "subject_type", "subject", "position", "version", "action", "field", "old_value",
    "new_value", "old_display", "new_display", "actor__uuid", "actor__name", "token", "source", "request_id",
    "batch", "created_at", "hash", "space_id", "actor_id", "issue__is_anonymous", "issue__reporter_id",
)  # fmt: skip


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
    if is_anonymous and row[7] == "reporter":
        old = new = None
        old_display = new_display = ""
    if is_anonymous and row[6] == "created":
        new = {key: value for key, value in new.items() if key != "reporter"}
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
    return person["name"] if person else "Anonymous" if key else "System"
