"""How many issues there are: from counters where these tell, else counted once per version of the spaces."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models.sql.where import AND

from issues import search
from issues.conjuncts import Conjuncts
from issues.models import Issue
from issues.models.count import (
    ANY,
    DIMENSIONS,
    MONTHS,
    NONE,
    TAGS,
    grain_of,
    month_of,
    tag_grain,
    tags_like,
    told_of,
)
from issues.models.sql import among
from issues.orders import NEWEST_FIRST, ORDERS
from issues.paths import EQUAL, Driven, adapted, number_along, rows_along
from issues.values import NOTHING, UNKNOWN, UNLABELLED, Pattern, Values, columns_of, is_among, values_of
from issues.walks import all_ids, ids_of, number_of

# What changes without an entry of history, so that no version tells of it.
UNRECORDED = ("seen_count", "last_seen_at")
DAY = 86_400
# What comes before and after all months, by the sign of a bound; and the last one of the calendar.
OPEN_ENDS, LAST_MONTH = {">": "", "<": "9999-13"}, "9999-12"
# {column: dimension of the counters}
COUNTED_COLUMNS = {EQUAL[name]: name for name in ("space", *DIMENSIONS)}


@dataclass(frozen=True)
class Between:
    """The values of a column between two."""

    first: str
    last: str


def total(issues):
    """The number of issues of a queryset, exactly."""
    number = counted_number(issues)
    return counted_once(issues) if number is None else number


def total_of(filters):
    """The number of issues that an IssueFilter leaves, exactly."""
    number = counted_columns(filters)
    if number is not None:
        return number
    issues = filters.qs
    number = counted_number(issues)
    if number is None:
        number = counted_members(filters)
    return counted_once(issues, filters) if number is None else number


def is_known_empty(filters):
    """Whether counters tell that an IssueFilter leaves no issue, where no index would: to find that out, a
    list walks by all issues.
    """
    found = Conjuncts.of(filters.spaces, filters.conditions)
    if found.is_equal_alone and not found.is_unassigned:
        return any(None in values for values in found.equal.values()) and counted_equal(found.equal) == 0
    asks_each = found.others or found.plain != found.compared
    return bool(asks_each) and counted_number(filters.qs) == 0


def counted_columns(filters):
    """The number by the dimensions of the counters, as nearly every list asks for it; None for any other.

    Without a queryset, which would take as long to make as all the rest. A column that is to have two values
    at once has neither, whatever else is asked.
    """
    found = Conjuncts.of(filters.spaces, filters.conditions)
    if found.is_contradictory:
        return 0
    return counted_equal(found.equal) if found.is_equal_alone else None


def counted_equal(equal):
    """The number of issues of which columns have these values, {column: values}; None if no counter tells."""
    return difference(rows_equal(equal)) if equal.keys() <= COUNTED_COLUMNS.keys() else None


def rows_equal(equal):
    """The rows of `rows_by`, of the issues of which columns that counters know have these values."""
    wanted = {
        COUNTED_COLUMNS[column]: Values(frozenset(NONE if value is None else value for value in values))
        for column, values in equal.items()
    }
    return rows_by(None, wanted)


def counted_with_others(equal, condition, most):
    """The number of issues of which columns that counters know have these values, and of others of the same
    spaces under a condition, which are only looked for, up to one beyond `most` in all, where the first ones
    are no more than that.
    """
    rows, known = rows_equal(equal)
    others, parameters = ids_of(equal["space_id"], [condition], ORDERS[NEWEST_FIRST], size=most + 1)
    if not others:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT CASE WHEN number > {most} THEN number "
            f"ELSE number + (SELECT count(*) FROM ({others}) AS others) END "
            f"FROM (SELECT coalesce(sum(number), 0) AS number FROM ({rows}) AS found) AS those",
            [*parameters, *known],
        )
        return int(cursor.fetchone()[0])


def counted_members(filters):
    """The number of issues with one label, of one team or channel, or told or changed by nobody, by the index
    of that set alone.

    Deleted issues keep their rows there, but are few. None where anything else is asked for.
    """
    condition, *others = filters.conditions or [None]
    if others or not isinstance(condition, Driven) or condition.path is None or condition.path.is_repeated:
        return None
    equal = Conjuncts.of(filters.spaces, ()).values_in(condition)
    if any(len(values) != 1 for name, values in equal.items() if name not in ("space_id", "value")):
        return None
    gone = Issue.objects.filter(condition.probe, space__in=filters.spaces, deleted_at__isnull=False)
    return number_along(condition.path, equal) - gone.count()


def counted_ranges(filters):
    """The number of issues of ranges of a column, by its index alone but for whole months, which counters
    know; None where anything else is asked.
    """
    found = Conjuncts.of(filters.spaces, filters.conditions)
    if not found.is_in_range_alone:
        return None
    (column,) = found.ranges
    path, values = found.along_range(column)
    months, parts = in_months(column, path, found.compared)
    spaces = Values(frozenset(values["space_id"]))
    there = [rows_of_kind(kind, {"space": spaces, "tag": tags}) for kind, tags in months.items()]
    there += [number_rows(replace(path, where=part), values) for part in parts]
    # That index does not have the deleted ones' times: they are looked at once for all parts.
    either = " OR ".join(f"({sql})" for sql, _ in parts)
    where = f"deleted_at IS NOT NULL AND ({either})", [at for _, bounds in parts for at in bounds]
    gone = number_rows(replace(path, index="issue_space_deleted", where=where), values)
    every = " UNION ALL ".join(sql for sql, _ in there), [value for _, known in there for value in known]
    return difference(every, gone)


def number_rows(path, values):
    """(SQL, parameters) of a row as of counters: how many rows of an index have these values of columns."""
    source, parameters = rows_along(path, values)
    return f"SELECT '' AS value, count(*) AS number {source}", parameters


def in_months(column, path, compared):
    """({kind of tags: Between the months around the whole ones}, [(SQL, parameters)] of what no whole month
    has) of the ranges of a column.
    """
    kind = next((kind for kind, counted in MONTHS.items() if counted == column), None)
    bounds = {sql.split()[1][0]: (sql, at) for sql, (at,) in compared}
    if kind is None or len(bounds) < len(compared):
        return {}, [path.where]
    first, last = (month_of(bounds[sign][1]) if sign in bounds else OPEN_ENDS[sign] for sign in "><")
    if first >= last or first == LAST_MONTH:
        return {}, [path.where]
    parts = []
    if ">" in bounds:
        sql, at = bounds[">"]
        parts.append((f"{sql} AND issues_issue.{column} < %s", [at, start_of(first, 1)]))
    if "<" in bounds:
        sql, at = bounds["<"]
        parts.append((f"{sql} AND issues_issue.{column} >= %s", [at, start_of(last)]))
    return {kind: Between(first, last)}, parts


def start_of(month, after=0):
    """When a month, or one that comes so many months after it, begins: as the database has it."""
    years, months = divmod(int(month[5:]) - 1 + after, 12)
    return adapted(datetime(int(month[:4]) + years, months + 1, 1, tzinfo=UTC))


def counted_words(filters):
    """The number of issues that have some words and not others, by the index of words alone, which does not
    have deleted ones; None where anything is asked that it does not know.
    """
    found = Conjuncts.of(filters.spaces, filters.conditions)
    if not found.is_said_alone:
        return None
    if found.wanted:
        return search.number_of(found.roles, found.wanted, found.unwanted, *found.narrowing)
    return counted_equal(found.equal) - search.number_of(found.roles, [found.unwanted], (), *found.narrowing)


def counted_all_but(filters):
    """The number of issues that counters know but for those of few: the others of these are taken off.

    None where anything else is asked.
    """
    found = Conjuncts.of(filters.spaces, filters.conditions)
    but, *more = found.others or [None]
    found.others = []
    if more or not (but and but.negated and found.is_equal_alone):
        return None
    whole = counted_equal(found.equal)
    if not whole:
        return whole
    those = [*(part for part in found.parts if part is not but), ~but]
    few = all_ids(filters.spaces, [*those, *search.narrowed(those)], is_negated=True)
    return None if few is None else whole - number_of_keys(few)


def counted_either(filters):
    """The number of issues of which one of several conditions holds, each of which has an index; None where
    none has.
    """
    found = Conjuncts.of(filters.spaces, filters.conditions)
    is_known = found.alternatives(ORDERS[NEWEST_FIRST])
    return None if is_known is None else number_of(filters.spaces, filters.conditions)


def counted_along(filters):
    """The number of issues that an IssueFilter leaves, by the index that leaves few; None where none does."""
    found = all_ids(filters.spaces, filters.conditions)
    return None if found is None else number_of_keys(found)


def number_of_keys(found):
    """The number of keys of the first (SQL, parameters), without that of the second, if any."""
    return difference(*((f"SELECT count(*) AS number FROM ({sql}) AS keys", known) for sql, known in found))


BY_INDEX = (counted_words, counted_ranges, counted_all_but, counted_along, counted_either)


def counted_number(issues):
    """The number of issues of a queryset as the counters tell it; None where they do not.

    They know the issues of spaces by their dimensions, and those of a status and level by the tags of a kind.
    """
    wanted = wanted_of(issues, (*DIMENSIONS, *TAGS))
    if wanted is None:
        return None
    kind, *others = wanted.keys() & TAGS.keys() or [None]
    if kind is None:
        return difference(rows_by(None, wanted))
    if others or wanted.keys() - {"space", kind, *told_of(kind)}:
        return None
    tags = named_tags(kind, wanted.pop(kind), wanted["space"].named)
    if tags is None:
        return None
    # Who has none of these tags is counted by who has one.
    if (NONE in tags.named) != tags.is_all_but:
        return difference(rows_by(None, wanted), rows_of_tags(kind, wanted, ~tags))
    return difference(rows_of_tags(kind, wanted, tags))


def counted_by(name, issues):
    """[(value, number)] of a dimension, as the counters tell it; None where they do not."""
    wanted = wanted_of(issues, DIMENSIONS)
    if wanted is None:
        return None
    return [(value or None, number) for value, number in numbers(*rows_by(name, wanted))]


def open_by(user, kind):
    """{primary key: how many open issues the user sees there} of each "space", "level" or "channel".

    A channel that holds all issues of its space is not among them.
    """
    issues = Issue.objects.visible_to(user).open()
    pairs = counted_tags(kind, issues) if kind in TAGS else counted_by(kind, issues)
    return {key and int(key): number for key, number in pairs}


def rows_by(name, wanted):
    """(SQL, parameters) of the value of a dimension, of "space" or of nothing, and a number, as `rows_of`."""
    told = ({*wanted} | {name}) & {*DIMENSIONS}
    value = "space_id" if name == "space" else name or NONE
    return rows_of(value, grain_of(told), untold(told) | wanted, 0, wanted)


def untold(told):
    """{dimension: Values} of the counters that tell only these dimensions apart."""
    return {name: Values(frozenset([ANY[name]])) for name in DIMENSIONS if name not in told}


def counted_tags(kind, issues):
    """[(tag, number)] of a kind in TAGS, as the counters tell it; None where they do not."""
    wanted = wanted_of(issues, told_of(kind))
    return None if wanted is None else numbers(*rows_of_tags(kind, wanted, ~NOTHING))


def rows_of_tags(kind, wanted, tags):
    """The same of tags of a kind: these Values, of which NONE is none."""
    return rows_of_kind(kind, wanted | {"tag": Values(tags.named - NOTHING.named, tags.is_all_but)})


def rows_of_kind(kind, wanted):
    """The same of a kind of tags, of which `wanted` says which."""
    wanted = {"status": Values(frozenset(Issue.Status.values))} | wanted
    told = wanted.keys() & {*told_of(kind)}
    return rows_of("tag", tag_grain(kind, told), untold(told) | wanted, TAGS[kind], wanted)


def wanted_of(issues, names):
    """{name: Values} of issues of spaces that are narrowed by nothing but these, else None."""
    wanted, is_all = columns_of(issues)
    spaces = wanted.get("space")
    is_live = wanted.pop("deleted_at", None) == NOTHING
    if not (is_all and is_live and is_among(spaces) and wanted.keys() <= {"space", UNLABELLED, *names}):
        return None
    # Not to be labelled in these spaces says nothing of an issue elsewhere.
    return wanted if spaces.named <= wanted.pop(UNLABELLED, spaces).named else None


def named_tags(kind, values, spaces):
    """The same Values with the tags in place of their Patterns; None where these are unknown or too many."""
    patterns = [value.text for value in values.named if isinstance(value, Pattern)]
    if UNKNOWN in values.named:
        return None
    tags = tags_like(kind, spaces, patterns) if patterns else []
    others = (value for value in values.named if not isinstance(value, Pattern))
    return None if tags is None else Values(frozenset([*others, *tags]), values.is_all_but)


def rows_of(value, grain, counters, delta_grain, deltas):
    """(SQL, parameters) of the counters of a grain and of what there is for them: (value, number).

    `counters` and `deltas` say which: {column: Values}.
    """
    (first, firsts), (second, seconds) = where(counters), where(deltas)
    return (
        f"SELECT {value} AS value, number FROM issues_issuecount WHERE grain = {grain} AND {first} "
        f"UNION ALL SELECT {value}, number FROM issues_countdelta WHERE grain = {delta_grain} AND {second}",
        [*firsts, *seconds],
    )


def numbers(rows, parameters):
    """[(value, number)] of such rows.

    In one statement, so that nothing is counted twice or not at all, whoever folds at that moment.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT value, sum(number) FROM ({rows}) AS found GROUP BY value HAVING sum(number) <> 0",
            parameters,
        )
        return [(value, int(number)) for value, number in cursor.fetchall()]


def difference(*rows):
    """The sum of the first of such rows without that of the second, if any; in one statement, too."""
    sums = [f"(SELECT coalesce(sum(number), 0) FROM ({sql}) AS found)" for sql, _ in rows]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' - '.join(sums)}", [value for _, values in rows for value in values])
        return int(cursor.fetchone()[0])


def where(wanted):
    """(SQL, parameters) of {column: Values or Between}."""
    parts, params = [], []
    for column, values in wanted.items():
        column = "space_id" if column == "space" else column
        if isinstance(values, Between):
            parts.append(f"{column} > %s AND {column} < %s")
            params += [values.first, values.last]
            continue
        if values.is_all_but and not values.named:
            continue
        sql, named = among(column, sorted(values.named))
        parts.append(f"NOT {sql}" if values.is_all_but else sql)
        params += named
    return " AND ".join(parts), params


def counted_once(issues, filters=None):
    """The number of issues of a queryset, counted again only after a change in their spaces.

    What is read inside of a transaction may never have been, and so is not kept. With the IssueFilter that
    leaves these issues, the index may be chosen here.
    """
    rows = issues.order_by().values("id")
    spaces = columns_of(issues)[0].get("space")
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return 0
    if not is_among(spaces):
        return rows.count()

    def counted():
        for by_index in BY_INDEX if filters else ():
            if (number := by_index(filters)) is not None:
                return number
        return plainly_counted(rows, spaces.named)

    if connection.in_atomic_block or any(name in sql for name in UNRECORDED):
        return counted()
    key = f"count:{sha256(repr((sql, params, version_of(spaces.named))).encode()).hexdigest()}"
    number = cache.get(key)
    if number is None:
        may_keep = not is_written_meanwhile()
        number = counted()
        if may_keep:
            cache.set(key, number, DAY)
    return number


def plainly_counted(rows, spaces):
    """The number of rows of a queryset of `spaces`, by indexes alone if they have all else that it asks for.

    They do not have `deleted_at`; deleted issues are few, and so they are counted as well and then taken off.
    """
    where = rows.query.where
    live = [part for part in where.children if values_of(part) == {"deleted_at": NOTHING}]
    if where.connector != AND or where.negated or not live:
        return rows.count()
    whole = rows.all()
    whole.query.where.children = [part for part in where.children if part not in live]
    sql, params = whole.query.sql_with_params()
    place, named = among("space_id", sorted(spaces))
    with connection.cursor() as cursor:
        # Of a CROSS JOIN, SQLite goes through the left side first, and that are few.
        cursor.execute(
            f"SELECT (SELECT count(*) FROM ({sql}) AS a) - (SELECT count(*) FROM (SELECT id AS deleted "
            f"FROM issues_issue WHERE deleted_at IS NOT NULL AND {place}) AS b "
            f"CROSS JOIN ({sql}) AS c WHERE c.id = b.deleted)",
            [*params, *named, *params],
        )
        return cursor.fetchone()[0]


def version_of(spaces):
    """What is another after every change in these spaces: the last entry of history of each."""
    place, named = among("id", sorted(spaces))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, (SELECT max(id) FROM issues_historyentry WHERE space_id = s.id) "
            f"FROM issues_space AS s WHERE {place} ORDER BY id",
            named,
        )
        return cursor.fetchall()


def is_written_meanwhile():
    """Whether somebody writes history: PostgreSQL may show it before entries that others have shown."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database "
            "WHERE d.datname = current_database() AND l.relation = 'issues_historyentry'::regclass "
            "AND l.mode = 'RowExclusiveLock')"
        )
        return cursor.fetchone()[0]
