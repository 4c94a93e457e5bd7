"""How many issues there are of which project, status, level, assignee and tag: counters, and their deltas."""

from datetime import UTC, datetime
from operator import attrgetter

from django.db import connection, models, transaction

from issues.limits import BULK, NAME
from issues.models.fields import utc_text
from issues.models.insert import write_rows
from issues.models.space import Space
from issues.models.sql import among

DIMENSIONS = ("project", "status", "level", "assignee")
# What stands where a row does not tell values of a dimension apart, and where an issue has none.
ANY = {"project": 0, "status": "", "level": 0, "assignee": 0}
NONE = 0
# A grain says by its lowest bits which dimensions a counter tells apart, and by the others which kind of tags
# its issues have, if any. There is a counter in each grain of no kind.
GRAINS = range(1 << len(DIMENSIONS))
# The kinds of tags that are columns. What is empty or false has no tag. A new kind moves the grains of
# others, so that its migration fills all counters anew.
COLUMN_TAGS = {
    "source": "resource_type",
    "service": "service",
    "environment": "environment_id",
    "kind": "kind",
    "read": "is_read",
    "anonymous": "is_anonymous",
    "crash": "is_crash",
    "error": "error_type",
    "platform": "platform",
    "track": "track",
}
# {kind of tags that an issue may have several of: (table, SQL of the tag in it)}
SET_TAGS = {
    "label": ("issues_issuelabel", "key"),
    "channel": ("issues_issuechannel", "'' || channel_id"),
    "team": ("issues_issueteam", "'' || team_id"),
}
# The tags of the kind "has", beside one for each kind of SET_TAGS of which an issue has a tag: {tag: columns
# of which one is not empty}.
PRESENT = {
    "description": ("description",),
    "source": ("resource_type", "resource_name", "resource_id", "alert_id"),
    "version": ("first_version", "last_version"),
    "error.message": ("error_message",),
    "language": ("languages",),
    "fingerprint": ("fingerprint",),
    "resolved": ("resolved_at",),
    "closed": ("closed_at",),
    "due": ("due_on",),
}
# The tag of the kind "has" of an issue that says who told.
TOLD = "reporter"
# What is in a column that is empty, where that is something.
EMPTY = {"languages": "[]"}
# The kinds of tags that are the month of a time, in UTC: 2026-11.
MONTHS = {"created": "created_at", "updated": "updated_at"}
# {kind of tags: its grain} of a label's key, a channel, and so on.
TAGS = {
    kind: len(GRAINS) * at
    for at, kind in enumerate(("label", "channel", *COLUMN_TAGS, "team", "has", *MONTHS), start=1)
}
# Of COLUMN_TAGS, in their order: the grains, and a function that gives an issue's values.
COLUMN_GRAINS = [TAGS[kind] for kind in COLUMN_TAGS]
values_of_columns = attrgetter(*COLUMN_TAGS.values())
PLACE = ("grain", *DIMENSIONS, "tag")
COLUMNS = ", ".join(("space_id", *PLACE))
# After so many deltas a writer folds them.
FOLD = 500
# So many of them are one statement: PostgreSQL takes 65,535 parameters.
ROWS = 5_000
# So many tags may be LIKE what is asked for.
MANY = 100


def grain_of(names):
    """The grain that tells these dimensions apart."""
    return sum(1 << DIMENSIONS.index(name) for name in names)


def tag_grain(kind, names=("status",)):
    """The grain of tags of a kind that tells these dimensions apart."""
    return TAGS[kind] + grain_of(names)


def told_of(kind):
    """The dimensions by which tags of a kind are counted at most; they are by statuses alone as well."""
    # There would be too many counters of months.
    return ("status",) if kind in MONTHS else ("status", "level")


class Place(models.Model):
    """Where issues are counted: those of a space that are alike in the dimensions of `grain`."""

    grain = models.PositiveSmallIntegerField()
    project = models.BigIntegerField()
    status = models.CharField(max_length=16)
    level = models.BigIntegerField()
    assignee = models.BigIntegerField()
    tag = models.CharField(max_length=NAME, blank=True)

    class Meta:
        abstract = True


class IssueCount(Place):
    """The number of issues of a place, deleted ones left out."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="+", db_index=False)
    number = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["space", "grain", *DIMENSIONS, "tag"], name="issue_count")
        ]


class CountDeltaQuerySet(models.QuerySet):
    def append(self, tally):
        """Write down, in the transaction of a change, by how much issues of each place became more.

        `tally` is {place: number}, each place as `places` gives it.
        """
        rows = [(*place, number) for place, number in tally.items() if number]
        if not rows:
            return
        keys = [key for at in range(0, len(rows), ROWS) for key in self.insert_rows(rows[at : at + ROWS])]
        if max(keys) // FOLD > (min(keys) - 1) // FOLD:
            # It can wait for the next time: readers add the deltas.
            transaction.on_commit(self.fold, robust=True)

    def insert_rows(self, rows):
        """Write deltas, (*COLUMNS, number) each, in one statement; returns their primary keys."""
        row = f"({', '.join(['%s'] * len(rows[0]))})"
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO issues_countdelta ({COLUMNS}, number) "
                f"VALUES {', '.join([row] * len(rows))} RETURNING id",
                [value for row in rows for value in row],
            )
            return [key for (key,) in cursor.fetchall()]

    def add_up(self, tally):
        """Count at once what fills a space, any number of places."""
        start = f"INSERT INTO issues_countdelta ({COLUMNS}, number)"
        with connection.cursor() as cursor:
            write_rows(cursor, start, [[*place, number] for place, number in tally.items()])
        self.fold()

    def fold(self):
        """Add the deltas to the counters, in short transactions; returns how many there were."""
        folded = 0
        while taken := self.fold_some():
            folded += taken
        return folded

    def fold_some(self):
        """One transaction of `fold()`: a reader sees each delta here or in the counters, never in both."""
        with transaction.atomic():
            keys = list(self.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BULK])
            if keys:
                these, parameters = among("id", keys)
                add(f"SELECT * FROM issues_countdelta WHERE {these}", parameters)
                self.filter(pk__in=keys).delete()
        return len(keys)


class CountDelta(Place):
    """What a change did to the number of issues of a place: no two writers meet in a row of a counter.

    Its grain is that of a kind of tags, or 0, and it is for the counters of all grains of that kind.
    """

    space = models.ForeignKey(Space, models.PROTECT, related_name="+")
    number = models.IntegerField()

    objects = CountDeltaQuerySet.as_manager()


def places(issue, tags=()):
    """Where an issue with these [(kind, tag)] is counted, nowhere if it is deleted: the values of COLUMNS."""
    if issue.deleted_at is not None:
        return
    found = issue.project_id, issue.level_id, issue.assignee_id
    project, level, assignee = (NONE if key is None else key for key in found)
    space, status = issue.space_id, issue.status
    yield space, 0, project, status, level, assignee, ""
    for kind, value in tags:
        yield space, TAGS[kind], 0, status, level, 0, tag_of(value)
    for grain, value in zip(COLUMN_GRAINS, values_of_columns(issue), strict=True):
        if value:
            yield space, grain, 0, status, level, 0, tag_of(value)
    for tag in (*dict.fromkeys(kind for kind, _ in tags), *present(issue)):
        yield space, TAGS["has"], 0, status, level, 0, tag
    for kind, column in MONTHS.items():
        yield space, TAGS[kind], 0, status, 0, 0, month_of(getattr(issue, column))


def present(issue):
    """The tags of the kind "has" that an issue has by its columns."""
    for tag, names in PRESENT.items():
        for name in names:
            if getattr(issue, name):
                yield tag
                break
    if issue.reporter_id and not issue.is_anonymous:
        yield TOLD


def month_of(at):
    """The tag of the month of a moment, given as a time or as SQLite keeps it."""
    return utc_text(at.astimezone(UTC))[:7] if isinstance(at, datetime) else at[:7]


def tag_of(value):
    """A value of a column or set as counters name it."""
    return value if isinstance(value, str) else str(int(value))


def tags_like(kind, spaces, patterns):
    """The tags of a kind that issues of these spaces have, or had, and that are LIKE a pattern of `like()`.

    None where they are more than MANY.
    """
    alike = models.Q(*(("tag__like", pattern) for pattern in patterns), _connector=models.Q.OR)
    there = models.Q(alike, space__in=spaces)
    counted = IssueCount.objects.filter(there, grain=tag_grain(kind)).values_list("tag")
    left = CountDelta.objects.filter(there, grain=TAGS[kind]).values_list("tag")
    found = [tag for (tag,) in counted.union(left)[: MANY + 1]]
    return found if len(found) <= MANY else None


def tags_of(issues):
    """{issue: [(kind, tag)]} of the labels, channels and teams of these issues, by their primary keys."""
    found = {pk: [] for pk in issues}
    if not found:
        return found
    condition, keys = among("issue_id", found)
    rows = " UNION ALL ".join(
        f"SELECT issue_id, '{kind}', {tag} FROM {table} WHERE {condition}"
        for kind, (table, tag) in SET_TAGS.items()
    )
    with connection.cursor() as cursor:
        cursor.execute(rows, [*keys] * len(SET_TAGS))
        for issue, kind, tag in cursor.fetchall():
            found[issue].append((kind, tag))
    return found


def in_grains(deltas):
    """SQL of what `deltas`, SQL of rows of CountDelta, add to the counters of all grains."""
    columns = (
        f"CASE WHEN g.grain & {grain_of([name])} = 0 THEN {quoted(ANY[name])} ELSE {name} END AS {name}"
        for name in DIMENSIONS
    )
    kinds = {0: GRAINS} | {
        grain: {grain_of(["status"]), grain_of(told_of(kind))} for kind, grain in TAGS.items()
    }
    grains = " UNION ALL ".join(
        f"SELECT {kind} AS kind, {grain} AS grain" for kind, grains in kinds.items() for grain in grains
    )
    return (
        f"SELECT space_id, g.kind + g.grain AS grain, {', '.join(columns)}, tag, number "
        f"FROM ({deltas}) AS d, ({grains}) AS g WHERE d.grain = g.kind"
    )


def quoted(value):
    return f"'{value}'" if isinstance(value, str) else str(value)


def summed(rows):
    """SQL of one row for each counter of `rows`, in one order, so that no two writers lock each other out."""
    return (
        f"SELECT {COLUMNS}, sum(number) AS number FROM ({rows}) AS found "
        f"GROUP BY {COLUMNS} HAVING sum(number) <> 0 ORDER BY {COLUMNS}"
    )


def add(deltas, params):
    put(summed(in_grains(deltas)), params)


def put(rows, params):
    """Add to the counters; `rows` is SQL of counters and numbers."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO issues_issuecount ({COLUMNS}, number) {rows} ON CONFLICT ({COLUMNS}) "
            "DO UPDATE SET number = issues_issuecount.number + excluded.number",
            params,
        )


def missing(spaces):
    """(SQL, parameters) of counters and what they lack of the number of issues in these spaces.

    It is one statement, and so holds beside writers: each moves an issue and its delta at once.
    """
    home, homes = among("space_id", spaces)
    names = ("project", "level", "assignee")
    project, level, assignee = (f"coalesce({name}_id, {NONE}) AS {name}" for name in names)
    parts = [
        # With the first the columns get their names.
        f"SELECT space_id, 0 AS grain, {project}, status, {level}, {assignee}, '' AS tag, count(*) AS number "
        f"FROM issues_issue WHERE deleted_at IS NULL AND {home} "
        "GROUP BY space_id, project_id, status, level_id, assignee_id",
        *(tagged(kind, tag, f"{tag} <> '' AND i.{home}") for kind, tag in map(column_tag, COLUMN_TAGS)),
        *(
            tagged(
                kind,
                "m.tag",
                f"i.{home}",
                f"JOIN (SELECT issue_id, {tag} AS tag FROM {table}) AS m ON m.issue_id = i.id",
            )
            for kind, (table, tag) in SET_TAGS.items()
        ),
        *(
            tagged("has", f"'{kind}'", f"EXISTS (SELECT 1 FROM {table} WHERE issue_id = i.id) AND i.{home}")
            for kind, (table, _) in SET_TAGS.items()
        ),
        *(
            tagged("has", f"'{tag}'", f"({' OR '.join(map(full, names))}) AND i.{home}")
            for tag, names in PRESENT.items()
        ),
        tagged("has", f"'{TOLD}'", f"i.reporter_id IS NOT NULL AND NOT i.is_anonymous AND i.{home}"),
        *(tagged(kind, month(column), f"i.{home}", level=NONE) for kind, column in MONTHS.items()),
        f"SELECT {COLUMNS}, -number FROM issues_countdelta WHERE {home}",
    ]
    counters = f"SELECT {COLUMNS}, -number FROM issues_issuecount WHERE {home}"
    rows = f"{in_grains(' UNION ALL '.join(parts))} UNION ALL {counters}"
    return summed(rows), homes * (len(parts) + 1)


def tagged(kind, tag, condition, join="", level=f"coalesce(i.level_id, {NONE})"):
    """SQL of how many issues have which tags of a kind, as rows of CountDelta."""
    return (
        f"SELECT i.space_id, {TAGS[kind]}, 0, i.status, {level}, 0, {tag}, count(*) "
        f"FROM issues_issue AS i {join} WHERE i.deleted_at IS NULL AND {condition} GROUP BY 1, 4, 5, 7"
    )


def full(column):
    """SQL of whether a column is not empty."""
    is_time = column.endswith(("_at", "_on"))
    return f"i.{column} IS NOT NULL" if is_time else f"i.{column} <> '{EMPTY.get(column, '')}'"


def month(column):
    """SQL of the month of a time."""
    if connection.vendor == "sqlite":
        return f"substr(i.{column}, 1, 7)"
    return f"to_char(i.{column} AT TIME ZONE 'UTC', 'YYYY-MM')"


def column_tag(kind):
    """(kind, SQL of the tag that an issue has by this column)."""
    column = COLUMN_TAGS[kind]
    is_flag = column.startswith("is_")
    return kind, f"CASE WHEN i.{column} THEN '1' ELSE '' END" if is_flag else f"'' || i.{column}"


def differences(spaces):
    """(*place, what it lacks) of each counter of these spaces that is wrong."""
    with connection.cursor() as cursor:
        cursor.execute(*missing(spaces))
        yield from cursor.fetchall()


def repair(spaces):
    """Give the counters of these spaces what they lack: also how they are filled at first."""
    put(*missing(spaces))


class Counters:
    """The counters as something that follows from issues, for `manage.py check_derived`."""

    @staticmethod
    def differences():
        for space in Space.objects.order_by("pk"):
            for _, *place, number in differences([space.pk]):
                named = " ".join(f"{name}={value}" for name, value in zip(PLACE, place, strict=True) if value)
                yield space.pk, f"a counter of {space} ({named or 'all issues'}) lacks {number}"

    @staticmethod
    def repair(spaces):
        for space in dict.fromkeys(spaces):
            repair([space])
