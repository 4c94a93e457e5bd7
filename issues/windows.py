"""Which issues were seen in a window of time, how often and by how many."""

from typing import NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection

from issues.models.occurrence_hour import hour_of, start_of
from issues.paths import adapted
from issues.walks import compiled

ORDERS = {
    "total": "found.total DESC",
    "sessions": "found.sessions DESC",
    "first_seen": "issues_issue.first_seen_at DESC",
    "level": "issues_issue.level_rank",
}
HOURS = (
    'SELECT issue_id, session, "user", number FROM issues_occurrencehour '
    "WHERE space_id = %s AND hour >= %s AND hour < %s"
)
# The hour itself tells which issues have sightings to look at, and these have an index.
EDGE = (
    'SELECT o.issue_id, o.session, o."user", 1 FROM (SELECT DISTINCT issue_id FROM issues_occurrencehour '
    "WHERE space_id = %s AND hour = %s) AS h "
    "CROSS JOIN issues_occurrence AS o WHERE o.issue_id = h.issue_id AND o.at >= %s AND o.at < %s"
)


class Seen(NamedTuple):
    """An issue, by its primary key, and what was seen of it in a window."""

    issue: int
    total: int
    sessions: int
    users: int


def seen(space, start, end, conditions, order, size):
    """[Seen] of the issues of a space that were seen from `start` up to before `end`, at most `size`.

    `conditions` are Qs on issues, `order` is one of ORDERS; the newest come first of what is alike. Costs
    one statement.
    """
    try:
        condition, parameters = compiled(conditions)
    except EmptyResultSet:
        return []
    rows, bounds = sightings(space, start, end)
    # In this order PostgreSQL looks at issues until there are enough, and not at all of them.
    early = f" ORDER BY {order} DESC, issue_id DESC" if ORDERS[order].startswith("found.") else ""
    sql = (
        "SELECT issues_issue.id, found.total, found.sessions, found.users FROM (SELECT issue_id, "
        "sum(number) AS total, count(DISTINCT nullif(session, '')) AS sessions, "
        f"count(DISTINCT nullif(\"user\", '')) AS users FROM ({rows}) AS each GROUP BY issue_id"
        f"{early}) AS found "
        "CROSS JOIN issues_issue WHERE issues_issue.id = found.issue_id AND issues_issue.deleted_at IS NULL "
        f"{f'AND ({condition}) ' if condition else ''}"
        f"ORDER BY {ORDERS[order]}, found.issue_id DESC LIMIT {size}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*bounds, *parameters])
        return [Seen(issue, int(total), *more) for issue, total, *more in cursor.fetchall()]


def sightings(space, start, end):
    """(SQL, parameters) of what was seen in a window: whole hours, and single sightings at its edges."""
    first, last = hour_of(start), hour_of(end)
    edges = []
    if start > start_of(first):
        edges.append((first, start, min(end, start_of(first + 1))))
        first += 1
    if first <= last and end > start_of(last):
        edges.append((last, start_of(last), end))
    parts, parameters = [HOURS], [space, first, last]
    for hour, *bounds in edges:
        parts.append(EDGE)
        parameters += [space, hour, *map(adapted, bounds)]
    return " UNION ALL ".join(parts), parameters
