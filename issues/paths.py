"""Along what a list finds the keys of its page: an index whose rows come in the order of the list.

No database walks several parts of an index at once in their common order: for `status IN (…)` it would sort
all that match. So the page is looked for in each part by itself (a branch: one space, one status …), and the
few rows that all of them give are sorted. What a page costs then does not grow with the table.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from issues.models import HistoryEntry, Issue, IssueChannel, IssueLabel, IssueTeam
from issues.models.issue import CHANGED_BY_NOBODY, TOLD_BY_NOBODY
from issues.models.sql import among, where_of
from issues.search import AllBut, Windows

# So many issues of a space may be sorted, instead of walking through all others.
OF_SPACE = 2_000

STATUSES = tuple(Issue.Status.values)
# Columns whose equality an index may serve, by their names in a Q.
EQUAL = {"pk": "id"} | {
    name: Issue._meta.get_field(name).column
    for name in (
        "space",
        "number",
        "status",
        "level",
        "assignee",
        "reporter",
        "updated_by",
        "project",
        "environment",
        "fingerprint",
    )
}
COMPARED = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}


@dataclass(frozen=True)
class Path:
    """An index, whose rows come in the order of `order` where each of `columns` has one value.

    The order is a column; None is that of arrival, which is that of the key. `every` says that all statuses
    are looked at one by one where none is asked for; `is_narrow`, that there are few rows for a value, which
    may be sorted whatever the order; `is_repeated`, that an issue may have several rows; `is_of_words`, that
    words need not be asked for any more. `fixed` are the values of columns in all of a partial index.
    `sorted_by` is the key as something that no index is in the order of. In the spaces `few` the path
    `instead` is taken; a path that differs in these alone is equal.
    """

    index: str
    columns: tuple[str, ...]
    order: str | None = None
    every: bool = False
    is_narrow: bool = False
    is_repeated: bool = False
    is_of_words: bool = False
    source: str = "issues_issue"
    key: str = "issues_issue.id"
    where: tuple[str, list] = ("", [])
    windows: Windows | None = None
    fixed: tuple[tuple[str, tuple], ...] = ()
    sorted_by: str = ""
    few: frozenset = field(default=frozenset(), compare=False)
    instead: "Path | None" = field(default=None, compare=False)


# What is not done, as SQL that indexes recognize.
IS_OPEN = "issues_issue.status IN ({})".format(", ".join(f"'{status}'" for status in Issue.OPEN))

# The first one that fits is taken: first those of few rows, then the tables of sets, then these.
NARROW = (
    Path("", ("id",), is_narrow=True),
    # The index of a constraint has no name of ours, but is the only one that fits.
    Path("", ("space_id", "number"), is_narrow=True),
    Path("issue_fingerprint", ("space_id", "fingerprint"), is_narrow=True),
    Path("issue_assignee", ("assignee_id", "status"), every=True, is_narrow=True),
    Path("issue_reporter", ("reporter_id",), is_narrow=True),
    Path("issue_updated_by", ("updated_by_id",), is_narrow=True),
)
# Those of them of whose columns the index of words has no tokens.
UNTOLD = tuple(path for path in NARROW if path.index != "issue_assignee")
UNASSIGNED = Path(
    "issue_unassigned",
    ("space_id",),
    # As UNASSIGNED of models says. SQLite does not see that parameters are what an index has.
    where=(f"issues_issue.assignee_id IS NULL AND {IS_OPEN}", []),
    fixed=(("assignee_id", (None,)), ("status", Issue.OPEN)),
)
WIDE = (
    Path("issue_environment", ("environment_id",)),
    Path("issue_project", ("project_id", "status"), every=True),
    Path("issue_level", ("level_id", "space_id")),
    UNASSIGNED,
    Path("issue_space_status", ("space_id", "status")),
    Path("issue_space", ("space_id",)),
    Path("issue_space_level", ("space_id", "status"), "level_rank"),
    Path("issue_space_rank", ("space_id",), "level_rank"),
    Path("issue_space_created", ("space_id",), "created_at"),
    Path("issue_space_updated", ("space_id",), "updated_at"),
    Path("issue_space_seen", ("space_id",), "last_seen_at"),
)
# Indexes for ranges of times and numbers, by their columns: those of orders, and some that no list is in the
# order of.
OF_RANGES = {
    path.order: path for path in WIDE if path.order in ("created_at", "updated_at", "last_seen_at")
} | {
    "resolved_at": Path("issue_space_resolved", ("space_id",), "resolved_at"),
    "closed_at": Path("issue_space_closed", ("space_id",), "closed_at"),
    # Of the index of the constraint, too, SQLite knows no name: it would go along that of keys.
    "number": Path("", ("space_id",), "number", key="issues_issue.id + 0"),
}
# Along nothing: the planner decides.
NO_PATH = Path("", ())


class Driven(Q):
    """A Q on issues that the index of another table serves, in the order of arrival.

    `path` is along that table, whose columns have the values `equal`; `probe` is the Q that asks of a single
    issue whether it is so, and what its negation starts from. Only one that was made as a whole has them.
    `rows` is how many there are, once that was counted, no further than to one beyond RARE.
    """

    path = None
    equal = {}
    probe = None
    rows = None

    def __invert__(self):
        if self.probe is None:
            return super().__invert__()
        return AllBut.of(self, self.probe.children, _negated=True)


def any_of(column, values):
    """The Q of issues whose column has one of these values, None for an empty one; without any, of none."""
    known = [value for value in values if value is not None]
    empty = Q(**{column: None})
    if not known:
        return empty if values else Q(pk__in=())
    return Q(**{f"{column}__in": known}) | empty if None in values else Q(**{f"{column}__in": known})


def driven(model, index, equal):
    """The Driven Q of issues with a row in a set's table whose columns have the values `equal`."""
    rows = model.objects.filter(**{f"{name}__in": values for name, values in equal.items()}).order_by()
    table = model._meta.db_table
    found = Driven(pk__in=rows.values("issue"))
    found.path = Path(index, tuple(equal), source=table, key=f"{table}.issue_id")
    found.equal = equal
    # Rows are of the space of their issue, which is asked for anyway; to name fifty of them once more takes
    # PostgreSQL longer to plan than all the rest.
    asked = {f"{name}__in": values for name, values in equal.items() if name != "space_id"}
    found.probe = Q(Exists(model.objects.filter(**asked, issue=OuterRef("pk")).order_by()))
    return found


def labelled(spaces, key, values=None):
    """The Q of issues of these spaces with this label, of any value or one of `values`."""
    equal = {"space_id": list(spaces), "key": [key]}
    if values is None:
        return driven(IssueLabel, "label_key", equal)
    return driven(IssueLabel, "label_search", equal | {"value": list(values)})


def regressed(spaces, **when):
    """The Driven Q of issues of these spaces that came back after they were resolved, at times under the
    lookups `when` of their entry of history.
    """
    entries = HistoryEntry.objects.filter(action="regressed", **when).order_by()
    found = Driven(pk__in=entries.filter(space__in=spaces).values("issue"))
    compared = [(f"{COMPARED[name.rpartition('__')[2]]} %s", adapted(at)) for name, at in when.items()]
    where = " AND ".join(
        ["issues_historyentry.action = 'regressed'"]
        + [f"issues_historyentry.created_at {sql}" for sql, _ in compared]
    )
    found.path = Path(
        "history_regressed_issue",
        ("space_id",),
        is_repeated=True,
        source="issues_historyentry",
        key="issues_historyentry.issue_id",
        where=(where, [at for _, at in compared]),
    )
    found.equal = {"space_id": list(spaces)}
    found.probe = Q(Exists(entries.filter(issue=OuterRef("pk"))))
    return found


def told_by_nobody(spaces):
    """The Driven Q of issues of these spaces that do not say who told."""
    return in_part("issue_told_by_nobody", spaces, TOLD_BY_NOBODY)


def changed_by_nobody(spaces):
    """The Driven Q of issues of these spaces that do not say who changed them last."""
    return in_part("issue_changed_by_nobody", spaces, CHANGED_BY_NOBODY)


def in_part(index, spaces, condition):
    """The Driven Q of issues of these spaces that are in a partial index, whose condition this Q is."""
    found = Driven(condition)
    found.path = Path(index, ("space_id",), where=where_of(Issue.objects.filter(condition)))
    found.equal = {"space_id": list(spaces)}
    found.probe = Q(condition)
    return found


def member_of(name, keys):
    """The Q of issues that belong to one of these teams or channels."""
    if name == "team":
        return driven(IssueTeam, "team_search", {"team_id": list(keys)})
    return driven(IssueChannel, "issue_channel_search", {"channel_id": list(keys)})


def number_along(path, values, most=None):
    """How many rows of an index have these values of its columns; counted to one beyond `most` at most."""
    source, parameters = rows_along(path, values)
    if most is not None:
        source = f"FROM (SELECT 1 {source}{in_order_of(path)} LIMIT {most + 1}) AS found"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {source}", parameters)
        return cursor.fetchone()[0]


def in_order_of(path):
    """The ORDER BY of a partial index of newest issues, for PostgreSQL: where it expects more than there are,
    it would look at all issues.
    """
    if connection.vendor != "postgresql" or not path.where[0] or path.columns != ("space_id",) or path.order:
        return ""
    return f" ORDER BY {column_of(path, 'space_id')}, {path.key} DESC"


def farthest_along(path, values, which):
    """The "max" or "min" key of the rows of an index with these values of its columns, None without any."""
    source, parameters = rows_along(path, values)
    with connection.cursor() as cursor:
        # Not by the index of keys, which would be walked through instead.
        cursor.execute(f"SELECT {which}({path.key} + 0) {source}", parameters)
        return cursor.fetchone()[0]


def rows_along(path, values):
    """("FROM … WHERE …", parameters) of the rows of an index with these values of its columns."""
    places = [path.where, *(among(column_of(path, column), known) for column, known in values.items())]
    where = " AND ".join(sql for sql, _ in places if sql)
    source = f"FROM {path.source}{index_hint(path.index)} WHERE {where}"
    return source, [value for _, known in places for value in known]


def spaces_with_few(path, spaces, ranges, page):
    """Those of `spaces` where to sort what is along the index of ranges, (SQL, parameters) each, takes less
    than to walk through all issues until there are `page` of these: m are sorted, or about n * page / m of n
    are walked by.
    """
    compared = " AND ".join(sql for sql, _ in ranges)
    place, keys = among("s.id", spaces)
    # In order, or PostgreSQL would rather look at rows until there are enough.
    rows = (
        f"SELECT 1 FROM issues_issue{index_hint(path.index)} WHERE issues_issue.space_id = s.id "
        f"AND {compared} ORDER BY issues_issue.{path.order} DESC LIMIT {OF_SPACE + 1}"
    )
    # There are as many as the newest one's number, or fewer.
    newest = (
        f"SELECT number FROM issues_issue{index_hint('issue_space')} WHERE issues_issue.space_id = s.id "
        "ORDER BY issues_issue.id DESC LIMIT 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            # Materialized, or SQLite would count them wherever the number stands.
            f"WITH counted AS MATERIALIZED (SELECT s.id, (SELECT count(*) FROM ({rows}) AS found) AS m, "
            f"({newest}) AS n FROM issues_space AS s WHERE {place}) "
            f"SELECT id FROM counted WHERE m <= {OF_SPACE} AND m * m <= n * CAST({page} AS bigint)",
            [*(value for _, values in ranges for value in values), *keys],
        )
        return frozenset(pk for (pk,) in cursor.fetchall())


def size_of(lists):
    size = 1
    for values in lists:
        size *= len(values)
    return size


def adapted(value):
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def index_hint(index):
    """SQL after a table's name: SQLite, without statistics, takes the wrong one of two alike indexes."""
    return f" INDEXED BY {index}" if index and connection.vendor == "sqlite" else ""


def column_of(path, name):
    return f"{path.key.partition('.')[0]}.{name}"
