"""The statements that read the keys of a page along a path (`issues.paths`)."""

import re
from dataclasses import replace
from itertools import product

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q

from issues.conjuncts import LISTS, Conjuncts, makes_many_lists
from issues.lookups import stored
from issues.models import Issue
from issues.models.sql import NAMED, among, as_rows, asked_of_each, where_of
from issues.orders import NEWEST_FIRST, ORDERS
from issues.paths import NO_PATH, WIDE, Driven, Path, adapted, column_of, index_hint, size_of
from issues.search import along_index

TABLE = Issue._meta.db_table
# As many keys as a list may have.
ENDLESS = 2**31 - 1
# So many rows are a short page, for which PostgreSQL expects to walk only a little.
SHORT = 20
# To read more keys of each part takes PostgreSQL longer than to plan all parts, of which it merges a few.
MERGED = 500
# In more parts of an index than these, PostgreSQL looks no farther at first than at so many of the next keys.
MANY_PARTS, NEAR = 8, 8_192
# So many keys more than a page has are looked at, since a few of them may be of deleted issues.
SPARE = 12
# An issue may be of several of these.
REPEATED = {"team_id", "channel_id"}
# What is asked of every issue: whether it is present, and in the spaces where to look.
OF_ALL = ("deleted_at", "space_id")
# As Django writes it.
KEY_AMONG = '"issues_issue"."id" IN ('
# A list of issues by how the values of a label begin.
OF_BEGINNINGS = re.compile('FROM "issues_issuelabel" .*"value" .*LIKE', re.DOTALL)
# Through the issues of all spaces, where each of these would cost a list.
BY_KEY = Path("", (), where=("issues_issue.id > 0", []))
# Those that are deleted.
DELETED = Path("issue_space_deleted", ("space_id",), where=("issues_issue.deleted_at IS NOT NULL", []))
# The issue of a document: to join all that match, PostgreSQL would read all issues where these are many.
ISSUE = "SELECT * FROM issues_issue WHERE issues_issue.id = {} OFFSET 0"
# The issue from which a page begins.
ROW_OF_KEY = "SELECT seen.id FROM issues_issue AS seen WHERE seen.uuid = %s"


def ids_of(spaces, conditions, order, key=None, backwards=False, size=51, skip=0):
    """(SQL, parameters) of the keys of a page of issues: in these spaces, under all `conditions` (Qs on
    issues), from beyond `key` on, at most `size` of them after the first `skip`; ("", []) where nothing can
    match.
    """
    return ids_under(Conjuncts.of(spaces, conditions), order, key, backwards, size, skip)


def ids_under(found, order, key, backwards, size, skip, is_part=False):
    """The same of Conjuncts. A list that is a part of another has no such parts of its own."""
    if found.is_contradictory:
        return "", []
    path, values, driven = found.path(order, skip + size)
    is_wide = path in WIDE and not (path.few and path.few.issuperset(values["space_id"]))
    if is_wide and not is_part and (alternatives := found.alternatives(order)) is not None:
        return in_alternatives(alternatives, order, key, backwards, size, skip)
    try:
        rest = conjunction(found, path, values, driven)
        if is_wide and is_listed_again(rest, size_of(values.values()), order):
            path, values = BY_KEY, {}
            rest = conjunction(found, path, values, driven)
    except EmptyResultSet:
        return "", []
    if path.windows and not order.column:
        return in_windows(path, rest, order, key, backwards, size, skip, found.is_known_by_words)
    first = None if key else edge(found, path, order, backwards)
    starts = beyonds(order, key, backwards, path) if key else [at_edge(first, path, order, backwards)]
    is_bare = driven and path.source != TABLE and not path.is_repeated and not path.where[0]
    is_bare = is_bare and len(rest) == len(OF_ALL) and order.column is None
    is_bare = is_bare and connection.vendor == "postgresql"
    find = probing_branch if is_bare else branch
    if len(starts) * size_of(values.values()) == 1 and not order.column and not skip:
        (only,) = parts_of(path, values)
        return find(*only, [*starts, *rest], order, backwards, size)
    if is_bare and skip + size <= MERGED:
        return probed_late(path, values, [*starts, *rest], order, backwards, skip, size)
    union = " UNION " if values.keys() & REPEATED else " UNION ALL "
    if connection.vendor == "sqlite":
        # It reads of each part as much as it merges, if parts have no end of their own.
        parts = [
            unsorted(*part, [start, *rest], order) for start in starts for part in parts_of(path, values)
        ]
        sql = union.join(sql for sql, _ in parts)
    elif order.column is None and skip + size <= MERGED and is_narrowed(path, values, rest, driven):
        place = place_of(key, first, order, backwards)
        return near_first(path, values, place, [*starts, *rest], order, backwards, skip, size)
    else:
        parts = [
            part
            for start in starts
            for part in in_groups(path, values, [start, *rest], order, backwards, skip + size, find)
        ]
        sql = f"SELECT * FROM ({union.join(f'SELECT * FROM ({sql}) AS part' for sql, _ in parts)}) AS parts"
    sql += f" {in_order(order, backwards)} LIMIT {size} OFFSET {skip}"
    return f"SELECT id FROM ({sql}) AS page", [value for _, parameters in parts for value in parameters]


def is_narrowed(path, values, conditions, driven):
    """Whether more is asked than the index has of whose many parts a list goes along, in their order."""
    if not (driven or path in WIDE) or path.few:
        return False
    # What is of a space in another table is asked of its issue as well.
    has_space = "space_id" in values and path.source == TABLE
    return len(conditions) > len(OF_ALL) - has_space and size_of(values.values()) > MANY_PARTS


def near_first(path, values, place, conditions, order, backwards, skip, size):
    """(SQL, parameters) of a page of keys along a path, as by `ids_of`, in many parts of an index, for
    PostgreSQL: in each of them it would walk on until it has a page, however far that is from the first ones
    of others. So it looks no farther than NEAR from `place`, where the page begins, if all together have a
    page there.
    """
    most, (first, known) = skip + size, place
    sign, farther = (">", "-") if order.id_descending != backwards else ("<", "+")
    is_near = f"{path.key} {sign} {first} {farther} {NEAR}", known
    near, parameters = in_parts(path, values, [is_near, *conditions], order, backwards, most, branch)
    near = f"SELECT id FROM ({near}) AS parts {in_order(order, backwards)} LIMIT {most}", parameters
    far = in_parts(path, values, conditions, order, backwards, most, branch)
    return near_or_all(near, far, order, backwards, skip, size)


def near_or_all(near, far, order, backwards, skip, size):
    """(SQL, parameters) of a page of the keys of `near`, which has no more than the page ends at; where it
    has fewer, of those of `far`, which has them all. Both are (SQL, parameters).
    """
    most = skip + size
    return (
        f"WITH near AS MATERIALIZED ({near[0]}) "
        f"SELECT id FROM (SELECT id FROM near WHERE (SELECT count(*) FROM near) = {most} UNION ALL "
        f"SELECT id FROM ({far[0]}) AS parts WHERE (SELECT count(*) FROM near) < {most}) AS page "
        f"{in_order(order, backwards)} LIMIT {size} OFFSET {skip}",
        [*near[1], *far[1]],
    )


def in_alternatives(alternatives, order, key, backwards, size, skip):
    """(SQL, parameters) of a page of keys, as by `ids_of`, of issues under all conditions of one of the lists
    of `alternatives`: to ask of each issue whether it is would take long where few are.
    """
    most = skip + size
    found = [ids_under(each, order, key, backwards, most, skip=0, is_part=True) for each in alternatives]
    found = [(sql, parameters) for sql, parameters in found if sql]
    if not found:
        return "", []
    # Each gives its first ones, and an issue may be of several.
    sql = " UNION ".join(f"SELECT id FROM ({sql}) AS part" for sql, _ in found)
    if order.column:
        listed = f"= ANY(ARRAY({sql}))" if connection.vendor == "postgresql" else f"IN ({sql})"
        sql = f"SELECT id, {order.column} FROM issues_issue WHERE id {listed}"
    sql = f"SELECT id FROM ({sql}) AS parts {in_order(order, backwards)} LIMIT {size} OFFSET {skip}"
    return sql, [value for _, known in found for value in known]


def number_of(spaces, conditions, most=ENDLESS):
    """How many issues of these spaces are under all conditions, counted to `most`, one by one."""
    ids, parameters = ids_of(spaces, conditions, ORDERS[NEWEST_FIRST], size=most)
    return how_many(ids, parameters) if ids else 0


def how_many(ids, parameters):
    """The number of keys that a statement gives."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({ids}) AS found", parameters)
        return cursor.fetchone()[0]


def all_ids(spaces, conditions, is_negated=False):
    """[(SQL, parameters)] of the keys of all issues in these spaces under these conditions, in no order, by
    the index that leaves few: of words and values that few have, or else of columns, sets and ranges.

    A second one is of those among the first that are deleted, which an index of issues does not know. None
    where no index leaves few. With `is_negated`, all others are wanted.
    """
    found = Conjuncts.of(spaces, conditions)
    if found.is_contradictory:
        return None
    along = found.fitting_words(is_rare=True)
    if along is None:
        along = found.fitting_few() if found.wanted else found.narrowest(is_negated)
    if along is None:
        return None
    try:
        if along[0].source != TABLE:
            return [keys_along(found, *along)]
        deleted = DELETED, {"space_id": found.equal["space_id"]}, None
        return [keys_along(found, *each, is_present=False) for each in (along, deleted)]
    except EmptyResultSet:
        return None


def keys_along(found, path, values, driven, is_present=True):
    """(SQL, parameters) of the keys of all issues along a path, with deleted ones if not `is_present`;
    EmptyResultSet where there is none.
    """
    present, *rest = conjunction(found, path, values, driven)
    equal = [among(column_of(path, column), known) for column, known in values.items()]
    path = replace(path, is_repeated=path.is_repeated or bool(values.keys() & REPEATED))
    return unsorted(path, equal, [present, *rest] if is_present else rest, ORDERS[NEWEST_FIRST])


def in_windows(path, conditions, order, key, backwards, size, skip, is_known):
    """(SQL, parameters) of a page of keys along words, as by `ids_of`: what is farther away is looked at only
    where there is too little near. If `is_known`, nearly all that the index gives are looked for.
    """
    most, descends = skip + size, order.id_descending != backwards
    windows = path.windows.for_many() if most > MERGED else path.windows
    start, parameters = f"SELECT {'max' if descends else 'min'}({path.key}) FROM {path.source}", []
    if key:
        start, parameters = ROW_OF_KEY, [stored(*key)]
        conditions = [*beyonds(order, key, backwards, path), *conditions]
    # Not in the order of an index, which the planner might walk through instead.
    by_hand = replace(path, sorted_by=f"{path.key} + 0")
    near = branch(by_hand, [], [(windows.near(descends), []), *conditions], order, backwards, most)
    # Far away there are few where nothing else is asked for: a short page, or one of words that none has,
    # would be a walk through all documents.
    is_sorted = is_known or most <= SHORT
    is_far = windows.far("SELECT id FROM start", descends), []
    is_short = f"(SELECT count(*) FROM near) < {most}", []
    (where, values), conditions = path.where, [is_far, is_short, *conditions]
    far = replace(by_hand, where=(along_index(where), values)) if is_sorted else path
    far = branch(far, [], conditions, order, backwards, most)
    direction = "DESC" if descends else "ASC"
    return (
        f"WITH start (id) AS MATERIALIZED ({start}), "
        f"around AS MATERIALIZED ({windows.sql('SELECT id FROM start', descends)}), "
        f"near AS MATERIALIZED (SELECT id FROM around CROSS JOIN LATERAL ({near[0]}) AS found LIMIT {most}), "
        f"far AS MATERIALIZED ({far[0]}) "
        "SELECT id FROM (SELECT id FROM near UNION ALL SELECT id FROM far) AS parts "
        f"ORDER BY id {direction} LIMIT {size} OFFSET {skip}",
        [*parameters, *near[1], *far[1]],
    )


def conjunction(found, path, values, driven):
    """[(SQL, parameters)] of all conditions but those whose columns the path already has."""
    rest = [("issues_issue.deleted_at IS NULL", []), *found.plain]
    fixed = {column: {*known} for column, known in path.fixed}
    for column, known in found.equal.items():
        if column not in values and {*known} != fixed.get(column):
            rest.append(column_among(column, known, path is not NO_PATH))
        elif driven and path.source != TABLE:
            rest.append((f"issues_issue.{column} = {column_of(path, column)}", []))
    others = [*found.others, *found.told, *(each.probe for each in found.driven if each is not driven)]
    others += [] if path.is_of_words else found.said
    if path is NO_PATH:
        return rest + ([compiled([*others, *found.narrowed])] if others or found.narrowed else [])
    return rest + ([unnoticed(*compiled(others))] if others else [])


def is_listed_again(conditions, parts, order):
    """Whether a list that a condition looks issues up in would be made for each of too many parts.

    PostgreSQL makes one of labels by the beginning of their values anew for each, and walks faster by keys.
    """
    lists = [sql for sql, _ in conditions if KEY_AMONG in sql]
    if connection.vendor == "sqlite":
        return bool(lists) and makes_many_lists(parts)
    return order.column is None and parts > LISTS and any(map(OF_BEGINNINGS.search, lists))


def unnoticed(sql, parameters):
    """The same condition, which leaves the database no way but to ask it of each row along the path.

    SQLite does not see keys that it could look up: it would take them along an index that ends with the key,
    and forget the bound from which a page begins.
    """
    if connection.vendor == "sqlite":
        return sql.replace(KEY_AMONG, f"+{KEY_AMONG}"), parameters
    return asked_of_each(sql), parameters


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
    return where_of(Issue.objects.filter(*map(probed, conditions)))


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


def edge(found, path, order, backwards):
    """The key at which a first page begins, where ranges are asked for that say so, else None."""
    is_walk = not (path is NO_PATH or path.is_narrow or path.sorted_by or order.column)
    return found.edge(order.id_descending != backwards) if found.ranges and is_walk else None


def at_edge(first, path, order, backwards):
    """(SQL, parameters) of the bound that is the key `first`; none for None."""
    sign = comparison(order.id_descending, backwards)
    return ("", []) if first is None else (f"{path.key} {sign}= %s", [first])


def place_of(key, first, order, backwards):
    """(SQL, parameters) of the key at which a page by arrival begins: that of the issue it comes after, which
    is in `key`, or `first`, or else that at the end of all.
    """
    if key:
        return f"({ROW_OF_KEY})", [stored(key[-1])]
    if first is not None:
        return "%s", [first]
    return f"(SELECT {'max' if order.id_descending != backwards else 'min'}(id) FROM {TABLE})", []


def in_order(order, backwards):
    """The ORDER BY of keys that are found, and of what they are sorted by."""
    return f"ORDER BY {', '.join(order.sql(backwards, ''))}"


def comparison(descending, backwards):
    return "<" if descending != backwards else ">"


def parts_of(path, values):
    """[(Path, [(SQL, parameters)] of its columns)] of each part of an index with these values of them."""
    for some in product(*values.values()):
        part = dict(zip(values, some, strict=True))
        # There is another path in the spaces that it has for that.
        along = path.instead if part.get("space_id") in path.few else path
        yield along, [(f"{column_of(along, name)} = %s", [value]) for name, value in part.items()]


def in_groups(path, values, conditions, order, backwards, size, find):
    """[(SQL, parameters)] of the keys in parts of an index, for PostgreSQL: of few keys all parts are one."""
    if size > MERGED and not values.keys() & REPEATED:
        return [find(*part, conditions, order, backwards, size) for part in parts_of(path, values)]
    return [in_parts(*group, conditions, order, backwards, size, find) for group in groups_of(path, values)]


def groups_of(path, values):
    """[(Path, values)] of all parts that have the same path."""
    spaces = values.get("space_id", ())
    few = [space for space in spaces if space in path.few]
    if not few:
        return [(path, values)]
    others = [space for space in spaces if space not in path.few]
    found = (path.instead, values | {"space_id": few}), (path, values | {"space_id": others})
    return [(along, some) for along, some in found if some["space_id"]]


def in_parts(path, values, conditions, order, backwards, size, find):
    """(SQL, parameters) of the keys in all parts of an index, at most `size` of each.

    They are one part for PostgreSQL, which else would take several times as long to plan fifty of them as to
    read them.
    """
    many = {name: list(known) for name, known in values.items() if len(known) > 1}
    equal = [
        (f"{column_of(path, name)} = of_{name}.value", [])
        if name in many
        else (f"{column_of(path, name)} = %s", known)
        for name, known in values.items()
    ]
    sql, parameters = find(path, equal, conditions, order, backwards, size)
    if not many:
        return sql, parameters
    lists = [
        as_rows(padded(known), "text" if isinstance(known[0], str) else "bigint", f"of_{name}")
        for name, known in many.items()
    ]
    columns = "DISTINCT part.*" if many.keys() & REPEATED else "part.*"
    rows = " CROSS JOIN ".join(sql for sql, _ in lists)
    sql = f"SELECT {columns} FROM {rows} CROSS JOIN LATERAL ({sql}) AS part"
    return sql, [*(value for _, values in lists for value in values), *parameters]


def padded(values):
    """Few values, up to a power of two of them with such that no part has: so few statements to plan."""
    if len(values) > NAMED:
        return values
    # The driver tells statements apart by the types of their parameters as well.
    nothing = None if isinstance(values[0], str) else -1
    return [*values, *[nothing] * ((1 << (len(values) - 1).bit_length()) - len(values))]


def branch(path, equal, conditions, order, backwards, size):
    """(SQL, parameters) of the keys in one part of an index, with the value that they are sorted by.

    `equal` says what its columns are: [(SQL, parameters)].
    """
    sql, parameters = unsorted(path, equal, conditions, order)
    terms = ", ".join(order.sql(backwards, "issues_issue.", **names_in(path, order)))
    return f"{sql} ORDER BY {terms} LIMIT {size}", parameters


def names_in(path, order):
    """{column: what it is sorted by} along a path."""
    found = {"id": path.sorted_by or path.key}
    if path.sorted_by and order.column not in (None, path.order):
        # Neither is there an index in this order, which PostgreSQL would walk through where it expects more.
        found[order.column] = f"coalesce(issues_issue.{order.column}, issues_issue.{order.column})"
    return found


def unsorted(path, equal, conditions, order):
    """The same, but all of them in no order."""
    conditions = [condition for condition in (path.where, *equal, *conditions) if condition[0]]
    joined = "" if path.source == "issues_issue" else " CROSS JOIN issues_issue"
    if path.is_of_words and connection.vendor == "postgresql":
        joined = f" CROSS JOIN LATERAL ({ISSUE.format(path.key)}) AS issues_issue"
    elif joined:
        conditions.insert(0, (f"issues_issue.id = {path.key}", []))
    where = " AND ".join(sql for sql, _ in conditions)
    # Another table of the path may have a column of this name.
    sorted_by = f", issues_issue.{order.column} AS {order.column}" if order.column else ""
    columns = f"{path.key} AS id{sorted_by}"
    columns = f"DISTINCT {columns}" if path.is_repeated else columns
    sql = f"SELECT {columns} FROM {path.source}{index_hint(path.index)}{joined} WHERE {where}"
    return sql, [value for _, parameters in conditions for value in parameters]


def probed_late(path, values, conditions, order, backwards, skip, size):
    """(SQL, parameters) of a page of keys along a set's table, as by `ids_of`, in many parts of its index.

    The first keys of all parts are asked together whether the conditions hold, which are as many as a page
    has and a few to spare; only where too few of them do, those of each part are.
    """
    start, *rest = conditions
    most, sorting = skip + size, in_order(order, backwards)
    first, known = in_parts(path, values, [start], order, backwards, most + SPARE, probing_branch)
    far = in_parts(path, values, conditions, order, backwards, most, probing_branch)
    # In the space of a set's row is its issue as well.
    rest = [(sql, values) for sql, values in rest if f"{path.source}." not in sql]
    holds = " AND ".join(sql for sql, _ in rest)
    near = (
        f"SELECT id FROM (SELECT id FROM ({first}) AS part {sorting} LIMIT {most + SPARE}) AS first "
        f"WHERE (SELECT {holds} FROM issues_issue WHERE issues_issue.id = first.id) {sorting} LIMIT {most}"
    )
    said = [value for _, values in rest for value in values]
    return near_or_all((near, [*known, *said]), far, order, backwards, skip, size)


def probing_branch(path, equal, conditions, order, backwards, size):
    """As `branch`, along a set's table, where the conditions hold for almost every row: they are asked of the
    issue of each. To join the two tables costs PostgreSQL twice as much, in each of many branches.
    The first of the conditions is where the page begins, if any, and is for the index.
    """
    (start, bound), *conditions = conditions
    along = " AND ".join(sql for sql, _ in (*equal, (start, bound)) if sql)
    holds = " AND ".join(sql for sql, _ in conditions if sql)
    asked = f" AND (SELECT {holds} FROM issues_issue WHERE issues_issue.id = {path.key})" if holds else ""
    terms = ", ".join(order.sql(backwards, "issues_issue.", id=path.key))
    sql = f"SELECT {path.key} AS id FROM {path.source} WHERE {along}{asked} ORDER BY {terms} LIMIT {size}"
    known = [value for _, parameters in (*equal, (start, bound), *conditions) for value in parameters]
    return sql, known
