"""What a queryset of issues asks for, as far as counters can tell: the values that it leaves to a column."""

from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

from django.db.models.expressions import Col, Exists
from django.db.models.sql import Query
from django.db.models.sql.where import AND, OR, WhereNode

from issues.models import Issue, IssueChannel, IssueLabel, IssueTeam
from issues.models.count import COLUMN_TAGS, DIMENSIONS, EMPTY, NONE, PRESENT, SET_TAGS, TOLD, tag_of
from issues.search import Follows


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
SEVERAL = (*SET_TAGS, "has")
# The spaces in which an issue is to have no such label.
UNLABELLED = "unlabelled"
# {field: what it is called here}
NAMES = {name: name for name in ("space", "deleted_at", "reporter", *DIMENSIONS)} | {
    column.removesuffix("_id"): kind for kind, column in COLUMN_TAGS.items()
}
# {tag of the kind "has": what the columns of which one is not empty are called here}
HAD = {tag: [NAMES.setdefault(column, column) for column in columns] for tag, columns in PRESENT.items()}
# What is said of an issue that does not say who told.
NOBODY_TOLD = [{"reporter": NOTHING}, {"anonymous": Values(frozenset([tag_of(True)]))}]


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
    return with_presence(
        {
            column: reduce(and_, [columns[column] for columns in found if column in columns])
            for column in {column: None for columns in found for column in columns}
        }
    )


def with_presence(found):
    """The same with what an issue has, or has not, in place of the columns that say it."""
    for tag, names in HAD.items():
        asked = [found.get(name) for name in names]
        if asked == [NOTHING] * len(names):
            had = Values(frozenset([tag]), is_all_but=True)
        elif asked == [~NOTHING]:
            had = Values(frozenset([tag]))
        else:
            continue
        # An issue may have more than one of these.
        had = Values(frozenset([UNKNOWN])) if "has" in found else had
        found = {name: values for name, values in found.items() if name not in names} | {"has": had}
    return found


def any_of(found):
    """None for alternatives that are not of one column, of which an issue has one value."""
    if found == NOBODY_TOLD:
        return {"has": Values(frozenset([TOLD]), is_all_but=True)}
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
    if name not in ("space", *DIMENSIONS, *SET_TAGS):
        named = [tag_of(each) if each and each != EMPTY.get(name) else NONE for each in named]
    return {name: Values(frozenset(named))}


# {model of a set: its columns}, for `values_of_members`.
MEMBERS = {
    IssueLabel: {"space": "space", "key": "label"},
    IssueChannel: {"channel": "channel"},
    IssueTeam: {"team": "team"},
}


def values_of_members(query, is_of_issues):
    """{column: Values} of a subquery for the issues with one label in some spaces, in one channel or of one
    team, or with any of these.

    `is_of_issues(query)` says whether it asks for the issues that the rows belong to.
    """
    if query.model not in MEMBERS or query.combinator or query.where.connector != AND:
        return None
    parts = [part for part in query.where.children if not is_same_issue(part)]
    if query.where.negated or not is_of_issues(query):
        return None
    names = MEMBERS[query.model]
    (several,) = {*SEVERAL} & {*names.values()}
    if not parts and is_of_issues is is_probe:
        return {"has": Values(frozenset([several]))}
    found = [values_of_lookup(part, query.base_table, names) for part in parts]
    if None in found:
        return None
    found = all_of(found)
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
