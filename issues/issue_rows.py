"""Documents of issues: one statement of our own for a page or an issue, its rows made into documents as they
come.

The ORM takes three times as long for the same rows, most of it to compile the same statement again and to
convert times and ids that only become text. A test compares what both say.
"""

from datetime import UTC, datetime
from functools import cache
from operator import itemgetter

import orjson
from django.db import connection
from django.db.models.expressions import RawSQL
from django.http import Http404

from issues import keyset, lookups, search
from issues.counts import is_known_empty
from issues.models import Issue
from issues.models.sql import among
from issues.orders import NEWEST_FIRST, ORDERS, RELEVANCE
from issues.rows import (
    FILE,
    PERSON,
    SPACE,
    dashed,
    fragment,
    group,
    loaded,
    members,
    named,
    person,
    rows_as_json,
    shape_of,
    shared,
    space,
)
from issues.walks import ids_of

LEVEL = ("uuid", "key", "name", "severity", "color")
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
TIMES = frozenset({"first_seen_at", "last_seen_at", "created_at", "updated_at", "resolved_at", "closed_at"})

# What an issue refers to, and by which of its columns.
JOINED = {
    "space": ("issues_space", "space_id"),
    "level": ("issues_level", "level_id"),
    "assignee": ("accounts_user", "assignee_id"),
    "reporter": ("accounts_user", "reporter_id"),
    "updated_by": ("accounts_user", "updated_by_id"),
    "project": ("issues_project", "project_id"),
    "environment": ("issues_environment", "environment_id"),
}


def of(table, names):
    return tuple(f"{table}.{name}" for name in names)


@shared
def level(uuid, key, name, severity, color):
    return uuid and {"id": dashed(uuid), "key": key, "name": name, "severity": severity, "color": color}


def error(*values):
    """What is known of a failure; empty texts are null."""
    known = dict(zip(ERROR, values, strict=True))
    document = {name: value or None for name, value in known.items()}
    return document | {"is_crash": bool(known["is_crash"]), "languages": fragment(known["languages"])}


def editor(is_anonymous, reporter, own, *who):
    """Who changed an issue last; an anonymous reporter stays so."""
    return None if is_anonymous and own == reporter else person(*who)


def marks(has_regressed, tasks, tasks_done, files):
    """What a row tells beside its fields; `tasks` are the boxes of the description that can be ticked."""
    return {"has_regressed": bool(has_regressed), "tasks": tasks, "tasks_done": tasks_done, "files": files}


# name in the document: (columns, how they make its value; None: it is the column).
ISSUE = {
    "id": (("uuid",), None),
    "key": (("key",), None),
    "number": (("number",), None),
    "space": (of("space", SPACE), space),
    "title": (("title",), None),
    "description": (("description",), None),
    "description_html": (("description_rendered",), None),
    "description_format": (("description_format",), None),
    "status": (("status",), None),
    "resolution": (("resolution",), None),
    "level": (of("level", LEVEL), level),
    "assignee": (of("assignee", PERSON), person),
    "reporter": (
        ("is_anonymous", *of("reporter", PERSON)),
        lambda hidden, *who: None if hidden else person(*who),
    ),
    "is_anonymous": (("is_anonymous",), bool),
    "teams": (("teams",), members),
    "project": (("project.uuid", "project.name"), named),
    "environment": (("environment.uuid", "environment.name"), named),
    "channels": (("all_channel", "channels"), lambda default, bound: members(default) + members(bound)),
    "labels": (("labels_shown",), fragment),
    "annotations": (("annotations",), fragment),
    "kind": (("kind",), None),
    "reason": (("reason",), None),
    "source": (tuple(SOURCE.values()), group(tuple(SOURCE))),
    "error": (tuple(ERROR.values()), error),
    "fingerprint": (("fingerprint",), None),
    "seen_count": (("seen_count",), None),
    "first_seen_at": (("first_seen_at",), None),
    "last_seen_at": (("last_seen_at",), None),
    "comment_count": (("comment_count",), None),
    "attachments": (("attachments",), members),
    "is_read": (("is_read",), bool),
    "due_on": (("due_on",), None),
    "version": (("version",), None),
    "created_at": (("created_at",), None),
    "updated_at": (("updated_at",), None),
    "resolved_at": (("resolved_at",), None),
    "closed_at": (("closed_at",), None),
}
# With this begins what finds the keys of a page in one part of an index of issues.
ONE_PART = "SELECT issues_issue.id AS id "
# What only the pages show, or the doors of other products, each its own part of it.
ASIDE = {
    "marks": (("has_regressed", "tasks", "tasks_done", "files"), marks),
    "extensions": (("extensions",), orjson.loads),
    "external_ids": (
        ("project.external_id", "environment.external_id"),
        lambda project, environment: {"project": project, "environment": environment},
    ),
    "is_deleted": (("deleted_at",), bool),
    "place": (("space_id", "pk"), lambda space, pk: (space, pk)),
    "own_channels": (("channels",), members),
    "updated_by": (("is_anonymous", "reporter_id", "updated_by_id", *of("updated_by", PERSON)), editor),
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


def members_sql(name, fields):
    table = f"issues_issue{name} AS m JOIN issues_{name} AS r ON r.id = m.{name}_id"
    return rows_as_json(fields, table, "m.issue_id = issues_issue.id", "m.id")


def occurrences_sql(text):
    """How often a rendered description has `text`."""
    rendered = "issues_issue.description_rendered"
    return f"(length({rendered}) - length(replace({rendered}, '{text}', ''))) / {len(text)}"


NAMED = {"id": "r.uuid", "name": "r.name"}
COMPUTED = {
    "pk": lambda: "issues_issue.id",
    "key": lambda: "space.key || '-' || issues_issue.number",
    "kind": lambda: "nullif(issues_issue.kind, '')",
    "fingerprint": lambda: "nullif(issues_issue.fingerprint, '')",
    "teams": lambda: members_sql("team", NAMED),
    "channels": lambda: members_sql("channel", NAMED),
    "attachments": lambda: members_sql("attachment", FILE),
    "all_channel": lambda: rows_as_json(
        NAMED, "issues_channel AS r", "r.space_id = issues_issue.space_id AND r.is_default", "r.id"
    ),
    "has_regressed": lambda: (
        "EXISTS (SELECT 1 FROM issues_historyentry AS h "
        "WHERE h.issue_id = issues_issue.id AND h.action = 'regressed')"
    ),
    "tasks": lambda: occurrences_sql('<li class="task-list-item">'),
    "tasks_done": lambda: occurrences_sql('disabled="" checked=""'),
    "files": lambda: "(SELECT count(*) FROM issues_issueattachment AS m WHERE m.issue_id = issues_issue.id)",
}


def column_sql(name):
    """SQL of a column of ISSUE, in the form in which documents show it, as far as the database can."""
    if name in COMPUTED:
        return COMPUTED[name]()
    table, _, column = name.rpartition(".")
    sql = f"{table or 'issues_issue'}.{column}"
    is_postgres = connection.vendor == "postgresql"
    if column in TIMES:
        # Without its zone a time is read in C.
        return f"{sql} AT TIME ZONE 'UTC'" if is_postgres else f"replace({sql}, ' ', 'T') || 'Z'"
    if column == "uuid" and is_postgres:
        return f"{sql}::text"
    return dashed_sql(sql) if name == "uuid" else sql


def dashed_sql(sql):
    """The usual form of a uuid that SQLite stores as 32 digits."""
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return " || '-' || ".join(f"substr({sql}, {start}, {length})" for start, length in parts)


@cache
def statement(names, extra=()):
    """(what to select, the joins for it, the Shape of the rows) of documents with these keys."""
    wanted = shape_of({name: ISSUE.get(name) or ASIDE[name] for name in names}, extra)
    tables = {column.rpartition(".")[0] or ("space" if column == "key" else "") for column in wanted.columns}
    joins = [
        f"LEFT JOIN {table} AS {name} ON {name}.id = issues_issue.{column}"
        for name, (table, column) in JOINED.items()
        if name in tables
    ]
    return ", ".join(map(column_sql, wanted.columns)), " ".join(joins), wanted


def select(names, extra, where, parameters, order=""):
    """(rows, their Shape) of the issues for which `where` holds, an SQL condition on their table alone.

    PostgreSQL finds these before it looks at the joins: OFFSET keeps it from weighing every order of eight
    tables, which took longer than to read a page.
    """
    if connection.vendor == "postgresql":
        return select_of(
            f"SELECT * FROM issues_issue WHERE {where} OFFSET 0", names, extra, parameters, order
        )
    columns, joins, shape = statement(names, extra)
    return fetched(f"SELECT {columns} FROM issues_issue {joins} WHERE {where} {order}", parameters), shape


def select_of(issues, names, extra, parameters, order):
    """(rows, their Shape) of what `issues`, SQL of whole rows of their table, finds."""
    columns, joins, shape = statement(names, extra)
    return fetched(f"SELECT {columns} FROM ({issues}) AS issues_issue {joins} {order}", parameters), shape


def fetched(sql, parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def page(filters, order, cursor, size, names):
    """One keyset.Page of the documents, with the keys `names`, of what `filters` leaves; BadCursor.

    Costs one statement, whose first part finds the keys of the page by an index (issues/walks.py).
    """
    if order is ORDERS[RELEVANCE]:
        return ranked_page(filters, cursor, size, names)
    backwards, key = keyset.decode(cursor, order) if cursor else (False, None)
    rows, shape = read(filters, order, names, backwards, key, 0, size + 1)
    found = keyset.page_of(rows, size, backwards, key, key_of(order))
    found.rows = [shape.document(row) for row in found.rows]
    return found


def ranked_page(filters, cursor, size, names):
    """The page of those that fit the words of the query best, out of the newest RANKED."""
    newest, parameters = ids_of(filters.spaces, filters.conditions, ORDERS[NEWEST_FIRST], size=search.RANKED)
    issues = Issue.objects.filter(pk__in=RawSQL(newest, parameters)) if newest else Issue.objects.none()
    keys = search.ranked(issues, filters.query.phrases).values_list("relevance", "uuid", "pk")
    found = keyset.page(keys, ORDERS[RELEVANCE], cursor, size, key_of(ORDERS[RELEVANCE]))
    shown = documents(filters.spaces, [pk for *_, pk in found.rows], names)
    # Somebody may have moved one to the trash just now.
    found.rows = [shown[pk] for *_, pk in found.rows if pk in shown]
    return found


def numbered_page(filters, order, number, size, names, total):
    """The documents of page `number` (from 1) of what `filters` leaves, of which there are `total`."""
    *_, shape = statement(names, order.key)

    def rows(*way):
        return read(filters, order, names, *way)[0]

    def key(row):
        # As it comes out of a cursor, and not in the form of the database.
        return keyset.decode(keyset.encode(False, key_of(order)(row)), order)[1]

    found = keyset.numbered_page(rows, number, size, key, total, filters.scope)
    return [shape.document(row) for row in found]


def read(filters, order, names, backwards, key, first, last):
    """(rows, their Shape) of what `filters` leaves beyond `key`, from `first` up to `last`."""
    conditions, size = filters.conditions, last - first
    ids, parameters = ids_of(filters.spaces, conditions, order, key, backwards, size, first)
    if not ids or (key is None and is_known_empty(filters)):
        return [], statement(names, order.key)[-1]
    terms = f"ORDER BY {', '.join(order.sql(backwards))}"
    if connection.vendor != "postgresql":
        return select(names, order.key, f"issues_issue.id IN ({ids})", parameters, terms)
    if ids.startswith(ONE_PART):
        # The index has led to the rows already.
        whole = f"SELECT issues_issue.* {ids.removeprefix(ONE_PART)}"
        return select_of(whole, names, order.key, parameters, terms)
    return select(names, order.key, f"issues_issue.id = ANY(ARRAY({ids}))", parameters, terms)


def key_of(order):
    """What a row's place in this Order is known by: the columns that `statement` selects first."""
    return itemgetter(slice(len(order.key)))


def documents(spaces, keys, names, even_deleted=False):
    """{primary key: document} of those of these issues that are in these spaces, in one statement."""
    these, parameters = among("issues_issue.id", keys)
    where, more = among("issues_issue.space_id", spaces) if even_deleted else present_in(spaces)
    rows, shape = select(names, ("pk",), f"{these} AND {where}", [*parameters, *more])
    return {row[0]: shape.document(row) for row in rows}


def present_in(spaces):
    """(SQL, parameters) of the issues of these spaces that are not deleted."""
    where, parameters = among("issues_issue.space_id", spaces)
    return f"{where} AND issues_issue.deleted_at IS NULL", parameters


def document(spaces, reference):
    """The whole document of the issue with this uuid or key in one of these spaces; Http404."""
    where, parameters = present_in(spaces)
    if uuid := lookups.as_uuid(reference):
        return one(f"issues_issue.uuid = %s AND {where}", [lookups.stored(uuid), *parameters])
    if not lookups.KEY.match(reference):
        raise Http404
    key, _, number = reference.partition("-")
    own = "issues_issue.space_id = (SELECT s.id FROM issues_space AS s WHERE s.key = %s)"
    return one(f"{own} AND issues_issue.number = %s AND {where}", [key.upper(), int(number), *parameters])


def document_of(issue, names=tuple(ISSUE)):
    """The whole document of an issue, as it stands now, even in the trash; or one with these keys."""
    return one("issues_issue.id = %s", [issue.pk], names)


def one(where, parameters, names=tuple(ISSUE)):
    rows, shape = select(names, (), where, parameters)
    if not rows:
        raise Http404
    return shape.document(rows[0])


def sets_of(issue):
    """(labels, teams, channels, the default channel, attachments) of an issue, in one statement."""
    names = ("labels_shown", "teams", "channels", "all_channel", "attachments")
    columns = ", ".join(map(column_sql, names))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM issues_issue WHERE id = %s", [issue.pk])
        labels, *found = cursor.fetchone()
    return orjson.loads(labels), *map(members, found)


def labels_of(document):
    """{key: value} of the labels that a document carries as JSON."""
    return loaded(document["labels"])


def moment(value):
    """The time that a document of issues shows: from its text (SQLite), or from one without zone."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value.replace(tzinfo=UTC)
