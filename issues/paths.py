"""How a list finds the keys of its page: along an index whose rows come in the order of the list.

No database walks several parts of an index at once in their common order: for `status IN (…)` it would sort
all that match. So the page is looked for in each part by itself (a branch: one space, one status …), and the
few rows that all of them give are sorted. What a page costs then does not grow with the table.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connection
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from issues.lookups import stored
from issues.models import HistoryEntry, Issue, IssueChannel, IssueLabel, IssueTeam
from issues.models.sql import among
from issues.orders import NEWEST_FIRST, ORDERS
from issues.search import RARE, Narrowed, Said, Told, Windows, no_more_than, source

# So many parts of an index are looked at one by one; more cost more to plan than they save, but for spaces,
# of whose parts each is a walk that ends at once.
BRANCHES, SPACES = 100, 200
# As many keys as a list may have.
ENDLESS = 2**31 - 1
# So many issues of a space are few: they are sorted, instead of walking through all others.
OF_SPACE = 2_000
# So many rows are a short page, for which PostgreSQL expects to walk only a little.
SHORT = 20
# So many issues are few enough to look at one by one, instead of at all that have some words.
OF_VALUES = 20_000

STATUSES = tuple(Issue.Status.values)
# Columns whose equality an index may serve, by their names in a Q.
EQUAL = {
    name: Issue._meta.get_field(name).column
    for name in ("space", "status", "level", "assignee", "reporter", "project", "environment", "fingerprint")
}
COMPARED = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}


@dataclass(frozen=True)
class Path:
    """An index, whose rows come in the order of `order` where each of `columns` has one value.

    The order is a column; None is that of arrival, which is that of the key. `every` says that all statuses
    are looked at one by one where none is asked for; `is_narrow`, that there are few rows for a value, which
    may be sorted whatever the order; `is_repeated`, that an issue may have several rows; `is_of_words`, that
    words need not be asked for any more. `sorted_by` is the
    key as something that no index is in the order of. In the spaces `few` the path `instead` is taken.
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
    sorted_by: str = ""
    few: frozenset = frozenset()
    instead: "Path | None" = None


# The first one that fits is taken: first those of few rows, then the tables of sets, then these.
NARROW = (
    Path("issue_fingerprint", ("space_id", "fingerprint"), is_narrow=True),
    Path("issue_assignee", ("assignee_id", "status"), every=True, is_narrow=True),
    Path("issue_reporter", ("reporter_id",), is_narrow=True),
)
# Those of them of whose columns the index of words has no tokens.
UNTOLD = tuple(path for path in NARROW if path.index != "issue_assignee")
WIDE = (
    Path("issue_environment", ("environment_id",)),
    Path("issue_project", ("project_id", "status"), every=True),
    Path("issue_level", ("level_id", "space_id")),
    Path("issue_space_status", ("space_id", "status")),
    Path("issue_space", ("space_id",)),
    Path("issue_space_level", ("space_id", "status"), "level_rank"),
    Path("issue_space_rank", ("space_id",), "level_rank"),
    Path("issue_space_created", ("space_id",), "created_at"),
    Path("issue_space_updated", ("space_id",), "updated_at"),
    Path("issue_space_seen", ("space_id",), "last_seen_at"),
)
# Indexes of times, by their columns: those of orders, and some that no list is in the order of.
OF_TIMES = {
    path.order: path for path in WIDE if path.order in ("created_at", "updated_at", "last_seen_at")
} | {
    "resolved_at": Path("issue_space_resolved", ("space_id",), "resolved_at"),
    "closed_at": Path("issue_space_closed", ("space_id",), "closed_at"),
}
# What is asked of every issue: whether it is present, and in the spaces where to look.
OF_ALL = ("deleted_at", "space_id")
# As Django writes it.
KEY_AMONG = '"issues_issue"."id" IN ('
# The issue from which a page begins.
ROW_OF_KEY = "SELECT seen.id FROM issues_issue AS seen WHERE seen.uuid = %s"
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
        return super().__invert__() if self.probe is None else ~self.probe


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


def member_of(name, keys):
    """The Q of issues that belong to one of these teams or channels."""
    if name == "team":
        return driven(IssueTeam, "team_search", {"team_id": list(keys)})
    return driven(IssueChannel, "issue_channel_search", {"channel_id": list(keys)})


@dataclass
class Conjuncts:
    """Conditions that all hold: equalities of indexed columns, Driven ones, words, and the rest."""

    equal: dict[str, list] = field(default_factory=dict)
    driven: list[Driven] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    narrowed: list[Narrowed] = field(default_factory=list)
    plain: list[tuple[str, list]] = field(default_factory=list)
    times: dict[str, list[tuple[str, list]]] = field(default_factory=dict)
    others: list[Q] = field(default_factory=list)

    @classmethod
    def of(cls, spaces, conditions):
        """Qs on issues of these spaces, taken apart."""
        found = cls({"space_id": list(spaces)})
        for condition in conditions:
            found.add(condition)
        return found

    def add(self, condition):
        if isinstance(condition, Driven) and condition.path:
            self.driven.append(condition)
        elif isinstance(condition, Said) and condition.is_list:
            self.said.append(condition)
        elif isinstance(condition, Narrowed) and condition.values:
            self.narrowed.append(condition)
        elif isinstance(condition, Told) and condition.tokens:
            self.told.append(condition)
        elif isinstance(condition, Q):
            if condition.negated:
                self.others.append(condition)
            elif condition.connector == Q.AND or len(condition.children) == 1:
                for child in condition.children:
                    self.add(child)
            elif not self.add_alternatives(condition.children):
                self.others.append(condition)
        elif not (isinstance(condition, tuple) and self.add_lookup(*condition)):
            self.others.append(Q(condition))

    def add_alternatives(self, lookups):
        """Take lookups of which one must hold; whether they are values of one column."""
        found = [values_of(lookup) for lookup in lookups]
        columns = {column for column, _ in found}
        if len(columns) != 1 or None in columns:
            return False
        self.add_values(*columns, [value for _, values in found for value in values])
        return True

    def add_values(self, column, values):
        known = self.equal.get(column)
        self.equal[column] = [v for v in dict.fromkeys(values) if known is None or v in known]

    def add_lookup(self, name, value):
        """Take a lookup of a column; whether it is one that is simple enough."""
        column, values = values_of((name, value))
        if column:
            self.add_values(column, values)
            return True
        name, _, lookup = name.partition("__")
        if lookup in COMPARED and isinstance(value, datetime):
            at = connection.ops.adapt_datetimefield_value(value)
            compared = f"issues_issue.{name} {COMPARED[lookup]} %s", [at]
            self.plain.append(compared)
            self.times.setdefault(name, []).append(compared)
            return True
        if isinstance(value, bool) and not lookup:
            self.plain.append((f"issues_issue.{name} = %s", [value]))
            return True
        return False

    @property
    def wanted(self):
        """Lists of phrases, of each of which an issue must have one."""
        return [phrases for said in self.said if not said.negated for phrases in said.alternatives]

    @property
    def is_known_by_words(self):
        """Whether nothing is asked but words and values."""
        return not (self.driven or self.plain or self.others) and self.equal.keys() == {"space_id"}

    @property
    def is_equal_alone(self):
        """Whether nothing is asked but equalities of columns."""
        known_by_words = self.said or self.told or self.narrowed
        return not (known_by_words or self.driven or self.plain or self.others)

    def path(self, order):
        """(Path, {column: values}, the Driven one that it comes from) for this Order."""
        path, values, driven = next(filter(None, self.along(order)), (NO_PATH, {}, None))
        if self.times and order.column is None and path in WIDE and "space_id" in values:
            path = self.in_times(path, values["space_id"])
        return path, values, driven

    def along(self, order):
        """What `path` may be, the best first, each looked for only where none before it fits: None if not."""
        is_sorted = order.column is not None
        yield from (self.fitting_times(path) for path in map(OF_TIMES.get, self.times) if path)
        if self.wanted:
            yield self.fitting_few() or self.fitting_words(is_rare=is_sorted)
        yield from (self.fitting(path, order.column) for path in NARROW)
        if not self.wanted and any(each.is_rare for each in self.narrowed):
            yield self.fitting_words(is_rare=True)
        yield from (self.fitting_set(driven, order.column) for driven in self.rarest_first())
        # Few of those with a common value may be of a time.
        if not self.wanted and (not self.times or all(each.is_rare for each in self.narrowed)):
            yield self.fitting_words(is_rare=is_sorted)
        yield from (self.fitting(path, order.column) for path in WIDE)

    def fitting(self, path, rank):
        asked = path.columns[:1] if path.every else path.columns
        is_in_order = path.is_narrow or path.order == rank
        if not is_in_order or any(None in self.equal.get(name, [None]) for name in asked):
            return None
        values = {name: self.equal.get(name, STATUSES) for name in path.columns}
        most = SPACES if path.columns == ("space_id",) else BRANCHES
        if size_of(values.values()) > most:
            return None
        # To sort what a busy program has reported takes longer than to find some of it in the other order.
        is_fit = rank is None or not path.is_narrow or has_few(path, values)
        return (path, values, None) if is_fit else None

    def fitting_few(self):
        """Along an index of few rows for these values, of which the index of words does not know."""
        for path in UNTOLD:
            found = self.fitting(path, None)
            if found and has_few(*found[:2]):
                return found
        return None

    def fitting_words(self, is_rare):
        """Along the index of words, which knows of spaces, statuses, assignees and values as well.

        With `is_rare` only where few issues have what is looked for there.
        """
        values = [tokens for narrowed in self.narrowed for tokens in narrowed.values]
        if not self.wanted and not values:
            return None
        roles = dict.fromkeys(self.equal["space_id"])
        for said in self.said[:1]:
            roles = {pk: role for pk, role in said.roles.items() if pk in roles}
        unwanted = [phrase for said in self.said if said.negated for phrase in said.phrases]
        narrowing = (self.equal.get(column, ()) for column in ("status", "assignee_id"))
        found = source(roles, self.wanted, unwanted, *narrowing, values)
        if is_rare and not no_more_than(RARE, found):
            return None
        path = Path("", (), is_of_words=True, source=found.table, key=found.id, windows=found.windows)
        return replace(path, where=(found.where, list(found.parameters))), {}, None

    def fitting_times(self, path):
        """Along an index of times, whatever the order, where few issues are of the times asked for."""
        compared = self.times[path.order]
        where = " AND ".join(sql for sql, _ in compared), [at for _, values in compared for at in values]
        path = replace(path, where=where, sorted_by=f"{path.key} + 0")
        values = {"space_id": self.equal["space_id"]}
        is_fit = len(values["space_id"]) <= SPACES and number_along(path, values, RARE) <= RARE
        return (path, values, None) if is_fit else None

    def in_times(self, path, spaces):
        """The same path, but along times in spaces of which few issues are of them.

        In the order of arrival, all others of such a space would be walked by one by one.
        """
        column = next(filter(OF_TIMES.get, self.times), None)
        if column is None:
            return path
        instead = replace(OF_TIMES[column], sorted_by="issues_issue.id + 0")
        few = spaces_with_few(instead, spaces, self.times[column])
        return replace(path, few=few, instead=instead)

    def rarest_first(self):
        """The Driven ones; those of few issues first, where there are several."""
        if len(self.driven) < 2:
            return self.driven
        return sorted(self.driven, key=self.rows_of)

    def fitting_set(self, driven, rank):
        """Along the set's table, in the order of arrival; few issues are sorted for any other."""
        values = self.values_in(driven)
        is_fit = 0 < size_of(values.values()) <= BRANCHES
        if is_fit and rank is not None:
            is_fit = self.rows_of(driven) <= RARE
        return (driven.path, values, driven) if is_fit else None

    def rows_of(self, driven):
        if driven.rows is None:
            driven.rows = number_along(driven.path, self.values_in(driven), RARE)
        return driven.rows

    def values_in(self, driven):
        """{column: values} of the rows of a set of which an issue may be."""
        return {
            name: [value for value in own if value in self.equal.get(name, own)]
            for name, own in driven.equal.items()
        }


def values_of(lookup):
    """(column, its values) of a lookup that says which ones an indexed column may have, else (None, [])."""
    while isinstance(lookup, Q) and len(lookup.children) == 1 and not lookup.negated:
        (lookup,) = lookup.children
    name, value = lookup if isinstance(lookup, tuple) else ("", None)
    name, _, verb = name.partition("__")
    if name not in EQUAL or verb not in ("", "exact", "in") or isinstance(value, QuerySet):
        return None, []
    return EQUAL[name], [plain(each) for each in (value if verb == "in" else [value])]


def has_few(path, values):
    """Whether no more than OF_VALUES issues have these values of the columns of a path."""
    return number_along(path, values, OF_VALUES) <= OF_VALUES


def number_along(path, values, most):
    """How many rows of an index have these values of its columns, counted to one beyond `most`."""
    places = [path.where, *(among(column_of(path, column), known) for column, known in values.items())]
    where = " AND ".join(sql for sql, _ in places if sql)
    rows = f"SELECT 1 FROM {path.source}{index_hint(path.index)} WHERE {where} LIMIT {most + 1}"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({rows}) AS found", [v for _, known in places for v in known])
        return cursor.fetchone()[0]


def spaces_with_few(path, spaces, times):
    """Those of `spaces` with no more than OF_SPACE issues along an index of times, (SQL, parameters) each."""
    compared = " AND ".join(sql for sql, _ in times)
    place, keys = among("s.id", spaces)
    # In order, or PostgreSQL would rather look at rows until there are enough.
    rows = (
        f"SELECT 1 FROM issues_issue{index_hint(path.index)} WHERE issues_issue.space_id = s.id "
        f"AND {compared} ORDER BY issues_issue.{path.order} DESC LIMIT {OF_SPACE + 1}"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.id FROM issues_space AS s WHERE {place} "
            f"AND (SELECT count(*) FROM ({rows}) AS found) <= {OF_SPACE}",
            [*keys, *(value for _, values in times for value in values)],
        )
        return frozenset(pk for (pk,) in cursor.fetchall())


def size_of(lists):
    size = 1
    for values in lists:
        size *= len(values)
    return size


def plain(value):
    return value.pk if isinstance(value, Model) else value


def ids_of(spaces, conditions, order, key=None, backwards=False, size=51, skip=0):
    """(SQL, parameters) of the keys of a page of issues: in these spaces, under all `conditions` (Qs on
    issues), from beyond `key` on, at most `size` of them after the first `skip`; ("", []) where nothing can
    match.
    """
    found = Conjuncts.of(spaces, conditions)
    if not all(found.equal.values()):
        return "", []
    path, values, driven = found.path(order)
    try:
        rest = conjunction(found, path, values, driven)
    except EmptyResultSet:
        return "", []
    if path.windows and not order.column:
        return in_windows(path, rest, order, key, backwards, size, skip, found.is_known_by_words)
    starts = beyonds(order, key, backwards, path) if key else [("", [])]
    parts = [
        (dict(zip(values, some, strict=True)), [start, *rest])
        for start in starts
        for some in product(*values.values())
    ]
    is_bare = driven and not path.is_repeated and len(rest) == len(OF_ALL)
    is_bare = is_bare and connection.vendor == "postgresql" and order.column is None
    find = probing_branch if is_bare else branch
    if len(parts) == 1 and not order.column and not skip:
        return find(path, *parts[0], order, backwards, size)
    # An issue may be of several of the teams or channels.
    union = " UNION " if values.keys() & {"team_id", "channel_id"} else " UNION ALL "
    if connection.vendor == "sqlite":
        # It reads of each part as much as it merges, if parts have no end of their own.
        found = [unsorted(path, *part, order) for part in parts]
        sql = union.join(sql for sql, _ in found)
    else:
        found = [find(path, *part, order, backwards, skip + size) for part in parts]
        sql = f"SELECT * FROM ({union.join(f'SELECT * FROM ({sql}) AS part' for sql, _ in found)}) AS parts"
    sql += f" ORDER BY {', '.join(order.sql(backwards, ''))} LIMIT {size} OFFSET {skip}"
    return f"SELECT id FROM ({sql}) AS page", [value for _, parameters in found for value in parameters]


def number_of(spaces, conditions, most):
    """How many issues of these spaces are under all conditions, counted to `most`."""
    ids, parameters = ids_of(spaces, conditions, ORDERS[NEWEST_FIRST], size=most)
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({ids}) AS found", parameters)
        return cursor.fetchone()[0]


def all_ids(spaces, conditions):
    """(SQL, parameters) of the keys of all issues in these spaces under these conditions, where the planner
    is not to choose how they are found: along words and values that few have, or along an index of few rows
    where words are wanted, since it does not know how many have them. None for all others.
    """
    found = Conjuncts.of(spaces, conditions)
    if not all(found.equal.values()):
        return None
    along = found.fitting_words(is_rare=True) or (found.fitting_few() if found.wanted else None)
    if along is None:
        return None
    path, values, driven = along
    try:
        rest = conjunction(found, path, values, driven)
    except EmptyResultSet:
        return None
    # For a list without an end the key would be an order to walk in.
    path = replace(path, sorted_by=f"{path.key} + 0")
    branches = [
        branch(path, dict(zip(values, some, strict=True)), rest, ORDERS[NEWEST_FIRST], False, ENDLESS)
        for some in product(*values.values())
    ]
    union = " UNION ALL ".join(f"SELECT id FROM ({sql}) AS part" for sql, _ in branches)
    return union, [value for _, parameters in branches for value in parameters]


def in_windows(path, conditions, order, key, backwards, size, skip, is_known):
    """(SQL, parameters) of a page of keys along words, as by `ids_of`: what is farther away is looked at only
    where there is too little near. If `is_known`, nearly all that the index gives are looked for.
    """
    most, descends = skip + size, order.id_descending != backwards
    start, parameters = f"SELECT {'max' if descends else 'min'}({path.key}) FROM {path.source}", []
    if key:
        start, parameters = ROW_OF_KEY, [stored(*key)]
        conditions = [*beyonds(order, key, backwards, path), *conditions]
    # Not in the order of an index, which the planner might walk through instead.
    by_hand = replace(path, sorted_by=f"{path.key} + 0")
    near = branch(by_hand, {}, [(path.windows.near(descends), []), *conditions], order, backwards, most)
    # Far away there are few where nothing else is asked for: a short page, or one of words that none has,
    # would be a walk through all documents.
    is_sorted = is_known or most <= SHORT
    is_far = path.windows.far("SELECT id FROM start", descends), []
    is_short = f"(SELECT count(*) FROM near) < {most}", []
    far = branch(by_hand if is_sorted else path, {}, [is_far, is_short, *conditions], order, backwards, most)
    direction = "DESC" if descends else "ASC"
    return (
        f"WITH start (id) AS MATERIALIZED ({start}), "
        f"around AS MATERIALIZED ({path.windows.sql('SELECT id FROM start', descends)}), "
        f"near AS MATERIALIZED (SELECT id FROM around CROSS JOIN LATERAL ({near[0]}) AS found LIMIT {most}), "
        f"far AS MATERIALIZED ({far[0]}) "
        "SELECT id FROM (SELECT id FROM near UNION ALL SELECT id FROM far) AS parts "
        f"ORDER BY id {direction} LIMIT {size} OFFSET {skip}",
        [*parameters, *near[1], *far[1]],
    )


def conjunction(found, path, values, driven):
    """[(SQL, parameters)] of all conditions but those whose columns the path already has."""
    rest = [("issues_issue.deleted_at IS NULL", []), *found.plain]
    for column, known in found.equal.items():
        if column not in values:
            rest.append(column_among(column, known, path is not NO_PATH))
        elif driven:
            rest.append((f"issues_issue.{column} = {column_of(path, column)}", []))
    others = [*found.others, *found.told, *(each.probe for each in found.driven if each is not driven)]
    others += [] if path.is_of_words else found.said
    if path is NO_PATH:
        return rest + ([compiled([*others, *found.narrowed])] if others or found.narrowed else [])
    return rest + ([unnoticed(*compiled(others))] if others else [])


def unnoticed(sql, parameters):
    """The same condition, which leaves the database no way but to ask it of each row along the path.

    SQLite does not see keys that it could look up: it would take them along an index that ends with the key,
    and forget the bound from which a page begins. PostgreSQL, which would make a list of all issues of which
    something holds, or join them, does neither where an OFFSET stands.
    """
    if connection.vendor == "sqlite":
        return sql.replace(KEY_AMONG, f"+{KEY_AMONG}"), parameters
    return sql.replace(" LIMIT 1)", " LIMIT 1 OFFSET 0)"), parameters


def column_among(column, values, is_along_another):
    """(SQL, parameters) of a column that has one of `values`.

    Along the index of another column, neither database is to think of this one: SQLite might prefer an
    index that it has (a plus hides it), and PostgreSQL, which takes any array for ten values, would find a
    plan for each list anew instead of keeping one (a CASE hides it).
    """
    is_sqlite = connection.vendor == "sqlite"
    column = f"{'+' if is_along_another and is_sqlite else ''}issues_issue.{column}"
    known = [value for value in values if value is not None]
    sql, parameters = among(column, known)
    sql = f"({sql} OR {column} IS NULL)" if len(known) < len(values) else sql
    return (f"CASE WHEN {sql} THEN true END" if is_along_another and not is_sqlite else sql), parameters


def compiled(conditions):
    """(SQL, parameters) of Qs on issues that join nothing; EmptyResultSet where they cannot hold."""
    query = Issue.objects.filter(*map(probed, conditions)).query
    if sum(1 for uses in query.alias_refcount.values() if uses) > 1:
        raise ValueError("A condition on issues looks into other tables by subqueries.")
    try:
        return query.get_compiler("default").compile(query.where)
    except FullResultSet:
        return "", []


def probed(condition):
    """The same Q, which asks of each issue whether it is so: no list of all that are is made for a page."""
    if isinstance(condition, Driven) and condition.path:
        return condition.probe
    children = [probed(child) if isinstance(child, Q) else child for child in condition.children]
    return Q(*children, _connector=condition.connector, _negated=condition.negated)


def beyonds(order, key, backwards, path):
    """[(SQL, parameters)]: each the condition on a part of the rows that come after `key`, or before it.

    Two parts for a sorted column: the rows with the same value, and those beyond it; an index serves each.
    """
    *value, uuid = key
    row, uuid = f"({ROW_OF_KEY})", stored(uuid)
    sign = comparison(order.id_descending, backwards)
    # Where the planner chooses the index, it is the bound that it must not see.
    hidden = "+" if path is NO_PATH and connection.vendor == "sqlite" else ""
    after_id = f"{hidden}{path.key} {sign} {row}"
    if order.column is None:
        return [(after_id, [uuid])]
    column, value = f"issues_issue.{order.column}", adapted(*value)
    beyond = f"{column} {comparison(order.is_descending, backwards)} %s"
    return [(f"{column} = %s AND {after_id}", [value, uuid]), (beyond, [value])]


def comparison(descending, backwards):
    return "<" if descending != backwards else ">"


def adapted(value):
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def branch(path, values, conditions, order, backwards, size):
    """(SQL, parameters) of the keys in one part of an index, with the value that they are sorted by."""
    sql, parameters = unsorted(path, values, conditions, order)
    path = path_in(path, values)
    terms = ", ".join(order.sql(backwards, "issues_issue.", path.sorted_by or path.key))
    return f"{sql} ORDER BY {terms} LIMIT {size}", parameters


def unsorted(path, values, conditions, order):
    """The same, but all of them in no order."""
    path = path_in(path, values)
    equal = [(f"{column_of(path, name)} = %s", [value]) for name, value in values.items()]
    conditions = [condition for condition in (path.where, *equal, *conditions) if condition[0]]
    joined = "" if path.source == "issues_issue" else " CROSS JOIN issues_issue"
    if joined:
        conditions.insert(0, (f"issues_issue.id = {path.key}", []))
    where = " AND ".join(sql for sql, _ in conditions)
    # Another table of the path may have a column of this name.
    sorted_by = f", issues_issue.{order.column} AS {order.column}" if order.column else ""
    columns = f"{path.key} AS id{sorted_by}"
    columns = f"DISTINCT {columns}" if path.is_repeated else columns
    sql = f"SELECT {columns} FROM {path.source}{index_hint(path.index)}{joined} WHERE {where}"
    return sql, [value for _, parameters in conditions for value in parameters]


def path_in(path, values):
    """The path where columns have these values: another one in the spaces that it has for that."""
    return path.instead if values.get("space_id") in path.few else path


def probing_branch(path, values, conditions, order, backwards, size):
    """The same for a path along a set's table, where the conditions hold for almost every row: they are asked
    of the issue of each. To join the two tables costs PostgreSQL twice as much, in each of many branches.
    The first of the conditions is where the page begins, if any, and is for the index.
    """
    (start, bound), *conditions = conditions
    equal = " AND ".join([*(f"{column_of(path, name)} = %s" for name in values), *filter(None, [start])])
    holds = " AND ".join(sql for sql, _ in conditions if sql)
    asked = f"(SELECT {holds} FROM issues_issue WHERE issues_issue.id = {path.key})"
    terms = ", ".join(order.sql(backwards, "issues_issue.", path.key))
    sql = (
        f"SELECT {path.key} AS id FROM {path.source} WHERE {equal} AND {asked} ORDER BY {terms} LIMIT {size}"
    )
    return sql, [*values.values(), *bound, *(value for _, parameters in conditions for value in parameters)]


def index_hint(index):
    """SQL after a table's name: SQLite, without statistics, takes the wrong one of two alike indexes."""
    return f" INDEXED BY {index}" if index and connection.vendor == "sqlite" else ""


def column_of(path, name):
    return f"{path.key.partition('.')[0]}.{name}"
