"""How many issues there are of which project, status, level and assignee: counters, and what they lack."""

from django.db import connection, models, transaction

from issues.limits import BULK
from issues.models.space import Space

DIMENSIONS = ("project", "status", "level", "assignee")
# What stands where a row does not tell values of a dimension apart, and where an issue has none.
ANY = {"project": 0, "status": "", "level": 0, "assignee": 0}
NONE = 0
# A grain says by its bits which dimensions a counter tells apart; there is a counter in each grain.
GRAINS = range(1 << len(DIMENSIONS))
COLUMNS = ", ".join(("space_id", "grain", *DIMENSIONS))
# After so many deltas a writer folds them.
FOLD = 500


def grain_of(names):
    """The grain that tells these dimensions apart."""
    return sum(1 << DIMENSIONS.index(name) for name in names)


class IssueCount(models.Model):
    """The number of issues, deleted ones left out, of a space that are alike in the dimensions of `grain`."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="+", db_index=False)
    grain = models.PositiveSmallIntegerField()
    project = models.BigIntegerField()
    status = models.CharField(max_length=16)
    level = models.BigIntegerField()
    assignee = models.BigIntegerField()
    number = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["space", "grain", *DIMENSIONS], name="issue_count")]


class CountDeltaQuerySet(models.QuerySet):
    def append(self, tally):
        """Write down, in the transaction of a change, by how much issues of each place became more.

        `tally` is {place: number}; the place None, where deleted issues are, is not counted.
        """
        rows = [(*place, number) for place, number in tally.items() if place and number]
        if not rows:
            return
        row = f"({', '.join(['%s'] * len(rows[0]))})"
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO issues_countdelta (space_id, {', '.join(DIMENSIONS)}, number) "
                f"VALUES {', '.join([row] * len(rows))} RETURNING id",
                [value for row in rows for value in row],
            )
            keys = [key for (key,) in cursor.fetchall()]
        if max(keys) // FOLD > (min(keys) - 1) // FOLD:
            # It can wait for the next time: readers add the deltas.
            transaction.on_commit(self.fold, robust=True)

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
                places = ", ".join(["%s"] * len(keys))
                add(f"SELECT * FROM issues_countdelta WHERE id IN ({places})", keys)
                self.filter(pk__in=keys).delete()
        return len(keys)


class CountDelta(models.Model):
    """What a change did to the number of issues of a place: no two writers meet in a row of a counter."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="+")
    project = models.BigIntegerField()
    status = models.CharField(max_length=16)
    level = models.BigIntegerField()
    assignee = models.BigIntegerField()
    number = models.IntegerField()

    objects = CountDeltaQuerySet.as_manager()

    @staticmethod
    def place(issue):
        """Where an issue is counted, None for one that is deleted."""
        if issue.deleted_at is not None:
            return None
        return (
            issue.space_id,
            issue.project_id or NONE,
            issue.status,
            issue.level_id or NONE,
            issue.assignee_id or NONE,
        )


def in_grains(deltas):
    """SQL of what `deltas`, SQL of rows of places and numbers, add to the counters of all grains."""
    columns = (
        f"CASE WHEN grain & {grain_of([name])} = 0 THEN {quoted(ANY[name])} ELSE {name} END AS {name}"
        for name in DIMENSIONS
    )
    grains = " UNION ALL ".join(f"SELECT {grain} AS grain" for grain in GRAINS)
    return f"SELECT space_id, grain, {', '.join(columns)}, number FROM ({deltas}) AS d, ({grains}) AS g"


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
    places = ", ".join(["%s"] * len(spaces))
    found = ", ".join(
        f"coalesce({name}_id, {NONE}) AS {name}" if name != "status" else name for name in DIMENSIONS
    )
    issues = (
        f"SELECT space_id, {found}, count(*) AS number FROM issues_issue "
        f"WHERE deleted_at IS NULL AND space_id IN ({places}) "
        "GROUP BY space_id, project_id, status, level_id, assignee_id"
    )
    names = ", ".join(("space_id", *DIMENSIONS))
    deltas = f"SELECT {names}, -number AS number FROM issues_countdelta WHERE space_id IN ({places})"
    counters = f"SELECT {COLUMNS}, -number AS number FROM issues_issuecount WHERE space_id IN ({places})"
    rows = f"{in_grains(f'{issues} UNION ALL {deltas}')} UNION ALL {counters}"
    return summed(rows), [*spaces] * 3


def differences(spaces):
    """(space, grain, project, status, level, assignee, what it lacks) of each counter that is wrong."""
    with connection.cursor() as cursor:
        cursor.execute(*missing(spaces))
        yield from cursor.fetchall()


def repair(spaces):
    """Give the counters of these spaces what they lack: also how they are filled at first."""
    put(*missing(spaces))
