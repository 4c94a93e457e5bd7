"""How many issues there are: from counters where these tell, else counted once per version of the spaces."""

from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from operator import and_, or_

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models.expressions import Col, Exists
from django.db.models.sql import Query
from django.db.models.sql.where import AND, OR, WhereNode

from issues.models import Issue, IssueChannel, IssueLabel
from issues.models.count import ANY, COLUMN_TAGS, DIMENSIONS, NONE, TAGS, grain_of, tag_of, tags_like
from issues.models.sql import among
from issues.paths import EQUAL, Conjuncts, Driven
from issues.search import Follows
from issues.walks import all_ids

# What changes without an entry of history, so that no version tells of it.
UNRECORDED = ("seen_count", "last_seen_at")
DAY = 86_400
# {column: dimension of the counters}
COUNTED_COLUMNS = {EQUAL[name]: name for name in ("space", *DIMENSIONS)}


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


def counted_columns(filters):
    """The number by the dimensions of the counters, as nearly every list asks for it; None for any other.

    Without a queryset, which would take as long to make as all the rest.
    """
    found = Conjuncts.of(filters.spaces, filters.conditions)
    if not found.is_equal_alone or not found.equal.keys() <= COUNTED_COLUMNS.keys():
        return None
    return difference(
        rows_by(
            None,
            {
                COUNTED_COLUMNS[column]: Values(
                    frozenset(NONE if value is None else value for value in values)
                )
                for column, values in found.equal.items()
            },
        )
    )


def counted_members(filters):
    """The number of issues with one label, or of one team or channel, by the index of that set alone.

    Deleted issues keep their rows there, but are few. None where anything else is asked for.
    """
    condition, *others = filters.conditions or [None]
    if others or not isinstance(condition, Driven) or condition.path is None or condition.path.is_repeated:
        return None
    equal = condition.equal
    if any(len(values) != 1 for name, values in equal.items() if name not in ("space_id", "value")):
        return None
    places = [among(name, values) for name, values in equal.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {condition.path.source} WHERE {' AND '.join(sql for sql, _ in places)}",
            [value for _, values in places for value in values],
        )
        (number,) = cursor.fetchone()
    gone = Issue.objects.filter(condition.probe, space__in=filters.spaces, deleted_at__isnull=False)
    return number - gone.count()


def counted_along(filters):
    """The number of issues that an IssueFilter leaves, by the index that leaves few; None where none does."""
    found = all_ids(filters.spaces, filters.conditions)
    if found is None:
        return None
    sql, parameters = found
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({sql}) AS found", parameters)
        return cursor.fetchone()[0]


def counted_number(issues):
    """The number of issues of a queryset as the counters tell it; None where they do not.

    They know the issues of spaces by their dimensions, and those of a status by the tags of one kind.
    """
    wanted = wanted_of(issues, (*DIMENSIONS, *TAGS))
    if wanted is None:
        return None
    kind, *others = wanted.keys() & TAGS.keys() or [None]
    if kind is None:
        return difference(rows_by(None, wanted))
    if others or wanted.keys() - {"space", "status", kind}:
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
    untold = {column: Values(frozenset([ANY[column]])) for column in DIMENSIONS if column not in told}
    value = "space_id" if name == "space" else name or NONE
    return rows_of(value, grain_of(told), untold | wanted, 0, wanted)


def counted_tags(kind, issues):
    """[(tag, number)] of a kind in TAGS, as the counters tell it; None where they do not."""
    wanted = wanted_of(issues, ("status",))
    return None if wanted is None else numbers(*rows_of_tags(kind, wanted, ~NOTHING))


def rows_of_tags(kind, wanted, tags):
    """The same of tags of a kind: these Values, of which NONE is none."""
    wanted = {"status": Values(frozenset(Issue.Status.values))} | wanted
    wanted["tag"] = Values(tags.named - NOTHING.named, tags.is_all_but)
    untold = dict.fromkeys(("project", "level", "assignee"), NOTHING)
    return rows_of("tag", TAGS[kind], untold | wanted, TAGS[kind], wanted)


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
    """(SQL, parameters) of {column: Values}."""
    parts, params = [], []
    for column, values in wanted.items():
        if values.is_all_but and not values.named:
            continue
        sql, named = among("space_id" if column == "space" else column, sorted(values.named))
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
        number = counted_along(filters) if filters else None
        return plainly_counted(rows, spaces.named) if number is None else number

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


# What a queryset asks for.


@dataclass(frozen=True)
class Pattern:
    """Values that are LIKE this text."""

    text: str


@dataclass(frozen=True)
class Values:
    """What a condition leaves of the values of a column: these, or all but these."""

    named: frozenset
    is_all_but: bool = False

    def __invert__(self):
        return Values(self.named, not self.is_all_but)

    def __and__(self, other):
        if self.is_all_but and other.is_all_but:
            return Values(self.named | other.named, True)
        if self != other and any(isinstance(value, Pattern) for value in self.named | other.named):
            return Values(frozenset([UNKNOWN]))
        if self.is_all_but:
            return other & self
        return Values(self.named - other.named if other.is_all_but else self.named & other.named)

    def __or__(self, other):
        return ~(~self & ~other)


NOTHING = Values(frozenset([NONE]))
# What two patterns have in common only the values themselves would tell.
UNKNOWN = Pattern("")
# What an issue may have more than one of.
SEVERAL = ("label", "channel")
# The spaces in which an issue is to have no such label.
UNLABELLED = "unlabelled"
# {field: what it is called here}
NAMES = {name: name for name in ("space", "deleted_at", *DIMENSIONS)} | {
    column.removesuffix("_id"): kind for kind, column in COLUMN_TAGS.items()
}


def is_among(values):
    """Whether the values are all named."""
    return values is not None and not values.is_all_but


def columns_of(issues):
    """({column: Values} to which the issues of a queryset keep, whether that is all it asks of them).

    Columns are the dimensions of the counters, the kinds of their tags, `space` and `deleted_at`.
    """
    query = issues.query
    whole = query.where
    parts = whole.children if whole.connector == AND and not whole.negated else [whole]
    found = [values_of(part) for part in parts]
    is_all = None not in found and not query.is_sliced and not query.combinator
    found = [columns for columns in found if columns is not None]
    return all_of(found), is_all and is_once(found)


def is_once(found):
    """Whether no two conditions are about what an issue may have more than one of."""
    return all(sum(name in columns for columns in found) < 2 for name in SEVERAL)


def values_of(condition):
    """{column: Values} that a part of a WHERE says; None where it says something else."""
    if not isinstance(condition, WhereNode):
        return values_of_lookup(condition)
    found = [values_of(part) for part in condition.children]
    if None in found:
        return None
    if condition.connector == OR:
        found = any_of(found)
    elif condition.connector == AND and is_once(found):
        found = all_of(found)
    else:
        return None
    return negated(found) if condition.negated and found is not None else found


def negated(found):
    """None where more than one column is asked for."""
    if found.keys() == {"space", "label"}:
        return {"label": ~found["label"], UNLABELLED: found["space"]}
    return {column: ~values for column, values in found.items()} if len(found) == 1 else None


def all_of(found):
    return {
        column: reduce(and_, [columns[column] for columns in found if column in columns])
        for column in {column: None for columns in found for column in columns}
    }


def any_of(found):
    """None for alternatives that are not of one column, of which an issue has one value."""
    columns = {column for columns in found for column in columns}
    if len(columns) != 1 or not all(found) or columns & {*SEVERAL}:
        return None
    (column,) = columns
    return {column: reduce(or_, [columns[column] for columns in found])}


def values_of_lookup(lookup, table=Issue._meta.db_table, names=NAMES):
    """{column: Values} of one comparison of these columns of a table, else None."""
    column, value = getattr(lookup, "lhs", None), getattr(lookup, "rhs", None)
    if isinstance(column, Exists) and value is True:
        is_known = any(
            isinstance(getattr(part, "lhs", part), Follows) for part in column.query.where.children
        )
        return {} if is_known else values_of_members(column.query, is_probe)
    if isinstance(value, Follows):
        return {}
    if not isinstance(column, Col) or column.alias != table:
        return None
    if column.target.name == "id" and lookup.lookup_name == "in" and isinstance(value, Query):
        return values_of_members(value, is_list)
    name = names.get(column.target.name)
    if name is None:
        return None
    if lookup.lookup_name == "isnull":
        return {name: NOTHING if value else ~NOTHING}
    if lookup.lookup_name == "like" and name in COLUMN_TAGS:
        return {name: Values(frozenset([Pattern(value) if value else NONE]))}
    if lookup.lookup_name == "exact":
        value = [value]
    elif lookup.lookup_name != "in":
        return None
    if not isinstance(value, list | tuple | set | frozenset | dict):
        return None
    if not all(isinstance(each, int | str) for each in value):
        return None
    # No row has the key that stands for none, so who asks for it asks for nothing.
    named = [each for each in value if each != NONE or each is False]
    return {name: Values(frozenset(map(tag_or_none, named) if name in COLUMN_TAGS else named))}


def tag_or_none(value):
    return tag_of(value) if value else NONE


# {model of a set: its columns}, for `values_of_members`.
MEMBERS = {IssueLabel: {"space": "space", "key": "label"}, IssueChannel: {"channel": "channel"}}


def values_of_members(query, is_of_issues):
    """{column: Values} of a subquery for the issues with one label in some spaces, or in one channel.

    `is_of_issues(query)` says whether it asks for the issues that the rows belong to.
    """
    if query.model not in MEMBERS or query.combinator or query.where.connector != AND:
        return None
    parts = [part for part in query.where.children if not is_same_issue(part)]
    if query.where.negated or not is_of_issues(query):
        return None
    names = MEMBERS[query.model]
    found = [values_of_lookup(part, query.base_table, names) for part in parts]
    if None in found:
        return None
    found = all_of(found)
    (several,) = {*SEVERAL} & {*names.values()}
    # Who asks of an issue need not say of which space it is.
    lacking = names.values() - found.keys() - ({"space"} if is_of_issues is is_probe else set())
    if lacking or not all(map(is_among, found.values())):
        return None
    if len(found[several].named) != 1:
        return None
    return found | {several: Values(frozenset(map(tag_of, found[several].named)))}


def is_list(query):
    """Whether a subquery gives its rows' issues."""
    names = [getattr(getattr(column, "target", None), "name", None) for column in query.select]
    return names == ["issue"] and not query.is_sliced and not any(map(is_same_issue, query.where.children))


def is_probe(query):
    """Whether a subquery looks for one row of the issue that is asked about."""
    return sum(map(is_same_issue, query.where.children)) == 1


def is_same_issue(part):
    column, outer = getattr(part, "lhs", None), getattr(part, "rhs", None)
    return (
        getattr(part, "lookup_name", None) == "exact"
        and isinstance(column, Col)
        and column.target.name == "issue"
        and isinstance(outer, Col)
        and (outer.alias, outer.target.name) == (Issue._meta.db_table, "id")
    )
