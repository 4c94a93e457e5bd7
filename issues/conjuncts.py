"""What a list asks for, taken apart into conditions that all hold, and the path that serves these best."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import connection
from django.db.models import Model, Q

from issues.keyset import Order
from issues.limits import PAGE
from issues.models import Issue
from issues.models.sql import among
from issues.paths import (
    COMPARED,
    EQUAL,
    NARROW,
    NO_PATH,
    OF_RANGES,
    STATUSES,
    UNASSIGNED,
    UNTOLD,
    WIDE,
    Driven,
    Path,
    adapted,
    farthest_along,
    number_along,
    size_of,
    spaces_with_few,
)
from issues.search import RARE, AllBut, Narrowed, Said, Told, no_more_than, source

# So many parts of an index are looked at one by one; more cost more to plan than they save, but for spaces,
# of whose parts each is a walk that ends at once.
BRANCHES, SPACES = 100, 200
# So many lists are put together where one of several conditions must hold.
ALTERNATIVES = 8
# So many lists of all that has some words are made for a page. Where it would take more, what has the words
# is sorted, which takes as long as ten lists.
LISTS = 4
# So many issues are few enough to look at one by one, instead of at all that have some words.
OF_VALUES = 20_000
# Without statistics, SQLite looks at all that have a label where fewer rows than these would do.
UNPLANNED = 200_000
# So many rows are few enough to be looked at and taken off all others, which PostgreSQL does not plan either.
TAKEN_OFF = 50_000
# No more conditions than these make it worth while to sort twice as many.
BESIDES = 3
# {bound of a range: what is on its other side}, as lookups, and as signs of each direction
BEYOND = {"gte": "lt", "gt": "lte", "lte": "gt", "lt": "gte"}
UPPER, LOWER = {"<": ">=", "<=": ">"}, {">": "<=", ">=": "<"}


@dataclass
class Conjuncts:
    """Conditions that all hold: equalities of indexed columns, Driven ones, words, and the rest; and what
    was chosen for them, by Order.
    """

    equal: dict[str, list] = field(default_factory=dict)
    driven: list[Driven] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    narrowed: list[Narrowed] = field(default_factory=list)
    plain: list[tuple[str, list]] = field(default_factory=list)
    ranges: dict[str, list[tuple[str, list]]] = field(default_factory=dict)
    others: list[Q] = field(default_factory=list)
    parts: list[Q | tuple] = field(default_factory=list)
    chosen: dict[Order, tuple] = field(default_factory=dict)

    @classmethod
    def of(cls, spaces, conditions):
        """Qs on issues of these spaces, taken apart."""
        found = cls({"space_id": list(spaces)})
        for condition in conditions:
            found.add(condition)
        return found

    def add(self, condition):
        own = self.those_like(condition)
        if own is None and is_group(condition):
            for child in condition.children:
                # None of several holds where each does not.
                self.add(inverse(child) if condition.negated else child)
            return
        self.parts.append(condition)
        if own is not None:
            own.append(condition)
        elif isinstance(condition, Q):
            take = self.add_all_but if condition.negated else self.add_either
            if not take(condition):
                self.others.append(condition)
        elif not (isinstance(condition, tuple) and self.add_lookup(*condition)):
            self.others.append(Q(condition))

    def those_like(self, condition):
        """The list of conditions of this kind; None for one that was not made as a whole."""
        if isinstance(condition, Driven) and condition.path:
            return self.driven
        if isinstance(condition, Said) and condition.is_list:
            return self.said
        if isinstance(condition, Narrowed) and condition.values:
            return self.narrowed
        if isinstance(condition, Told) and condition.tokens:
            return self.told
        return None

    def add_either(self, condition):
        """Take lookups of which one must hold; whether they are values of one column."""
        found = [values_of(lookup) for lookup in condition.children]
        columns = {column for column, _ in found}
        if len(columns) != 1 or None in columns:
            return False
        self.add_values(*columns, [value for _, values in found for value in values])
        return True

    def add_all_but(self, condition):
        """Take a negated condition as what it leaves: the other statuses, or what is on the other side of a
        bound; whether it is one of these.
        """
        inner = ~condition
        column, values = values_of(inner)
        if column == EQUAL["status"]:
            self.add_values(column, [status for status in STATUSES if status not in values])
            return True
        beyond = range_beyond(inner)
        return beyond is not None and self.add_lookup(*beyond)

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
        if lookup in COMPARED and (isinstance(value, datetime) or name in OF_RANGES):
            compared = f"issues_issue.{name} {COMPARED[lookup]} %s", [adapted(value)]
            self.plain.append(compared)
            self.ranges.setdefault(name, []).append(compared)
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
    def unwanted(self):
        """Phrases, none of which an issue may have."""
        return [phrase for said in self.said if said.negated for phrase in said.phrases]

    @property
    def roles(self):
        """{space: role} where words are looked for, None where none are."""
        for said in self.said:
            return {pk: role for pk, role in said.roles.items() if pk in self.equal["space_id"]}
        return None

    @property
    def is_contradictory(self):
        """Whether a column would have to have values of which it can have none."""
        return not all(self.equal.values())

    @property
    def is_said_alone(self):
        """Whether nothing is asked but words, and equalities of columns that their index knows."""
        others = self.told or self.narrowed or self.driven or self.plain or self.others
        return bool(self.said) and not others and self.equal.keys() <= {"space_id", "status", "assignee_id"}

    @property
    def is_in_range_alone(self):
        """Whether nothing is asked but ranges of one column, which an index knows."""
        others = self.said or self.told or self.narrowed or self.driven or self.others
        is_one = len(self.ranges) == 1 and self.ranges.keys() <= OF_RANGES.keys()
        return is_one and not others and self.equal.keys() == {"space_id"} and self.plain == self.compared

    def alternatives(self, order):
        """Conjuncts of the lists whose union this is, where one of several conditions must hold of which each
        has an index for this Order; without those that cannot hold. None where there are no such lists.
        """
        last = None
        for either in self.others:
            if either.negated or either.connector != Q.OR or len(either.children) > ALTERNATIVES:
                continue
            spaces, rest = self.equal["space_id"], [part for part in self.parts if part is not either]
            if not all(Conjuncts.of(spaces, [child]).is_in_index for child in either.children):
                continue
            whole = [Conjuncts.of(spaces, [*rest, child]) for child in either.children]
            whole = [each for each in whole if not each.is_contradictory]
            walked, _, _ = self.best_along(order)
            if all(each.is_selective(order, walked) for each in whole):
                # There may be many of what is nobody's, and then another condition leaves fewer.
                if not any(each.best_along(order)[0].fixed for each in whole):
                    return whole
                last = last or whole
        return last

    @property
    def is_in_index(self):
        """Whether all that is asked for may be in one index."""
        elsewhere = self.others or self.told or self.narrowed or self.unwanted
        return not elsewhere and self.plain == self.compared

    def is_selective(self, order, walked):
        """Whether an index, another than the Path `walked`, knows more than spaces and statuses: of what is
        in these, a walk soon finds some.
        """
        path, _, _ = self.best_along(order)
        if path == walked:
            return False
        return path.is_of_words or bool(path.where[0]) or not {*path.columns} <= {"space_id", "status"}

    @property
    def compared(self):
        """[(SQL, parameters)] of all ranges asked for."""
        return [each for column in self.ranges.values() for each in column]

    @property
    def is_known_by_words(self):
        """Whether nothing is asked but words and values."""
        return not (self.driven or self.plain or self.others) and self.equal.keys() == {"space_id"}

    @property
    def narrowing(self):
        """The statuses and the assignees asked for, which the index of words knows."""
        return [self.equal.get(column, ()) for column in ("status", "assignee_id")]

    @property
    def is_equal_alone(self):
        """Whether nothing is asked but equalities of columns."""
        known_by_words = self.said or self.told or self.narrowed
        return not (known_by_words or self.driven or self.plain or self.others)

    def path(self, order, page=PAGE):
        """(Path, {column: values}, the Driven one that it comes from) for `page` issues in this Order."""
        path, values, driven = self.best_along(order)
        if self.ranges and order.column is None and path in WIDE and "space_id" in values:
            path = self.in_ranges(path, values["space_id"], page)
        return path, values, driven

    def best_along(self, order):
        """The same, but in no parts of a range."""
        if order not in self.chosen:
            self.chosen[order] = next(filter(None, self.along(order)), (NO_PATH, {}, None))
        return self.chosen[order]

    def along(self, order):
        """What `path` may be, the best first, each looked for only where none before it fits: None if not."""
        is_sorted = order.column is not None
        yield from map(self.fitting_range, filter(OF_RANGES.get, self.ranges))
        if self.wanted:
            is_listed_often = makes_many_lists(len(self.equal["space_id"]))
            yield self.fitting_few() or self.fitting_words(is_rare=is_sorted and not is_listed_often)
        yield from (self.fitting(path, order.column) for path in NARROW)
        if not self.wanted and any(each.is_rare for each in self.narrowed):
            # Whatever else is asked leaves fewer.
            yield self.fitting_words(is_rare=False)
        yield self.fitting_unassigned(is_sorted)
        yield from (self.fitting_set(driven, order.column) for driven in self.rarest_first())
        # Few of those with a common value may be of a time.
        if not self.wanted and (not self.ranges or all(each.is_rare for each in self.narrowed)):
            yield self.fitting_words(is_rare=is_sorted)
        yield from (self.fitting(path, order.column) for path in WIDE)

    def fitting_unassigned(self, is_sorted):
        """Along the index of what is nobody's and not done, in one part and whatever the order, where that is
        little; None where nothing else is asked in the order of arrival, which is that of the index.
        """
        if not self.is_unassigned:
            return None
        is_whole = {*self.equal} == {"space_id", "status", "assignee_id"} and self.is_equal_alone
        if is_whole and not is_sorted and self.fitting(UNASSIGNED, None):
            return None
        # A word or a label may leave less, and in the order of arrival a walk ends sooner.
        has_better = self.driven or self.wanted or self.narrowed or self.others
        most = OF_VALUES if is_sorted and not has_better else RARE
        spaces = {"space_id": self.equal["space_id"]}
        if number_along(UNASSIGNED, spaces, most) > most:
            return None
        (nobodys, _), (place, keys) = UNASSIGNED.where, among("issues_issue.space_id", spaces["space_id"])
        where = f"{nobodys} AND {place}", keys
        return replace(UNASSIGNED, where=where, sorted_by=f"{UNASSIGNED.key} + 0"), {}, None

    @property
    def is_unassigned(self):
        """Whether all that is asked for is nobody's and not done."""
        return all(
            name in self.equal and {*self.equal[name]} <= {*values} for name, values in UNASSIGNED.fixed
        )

    def fitting(self, path, rank):
        asked = path.columns[:1] if path.every else path.columns
        is_in_order = path.is_narrow or path.order == rank
        if not is_in_order or any(None in self.equal.get(name, [None]) for name in asked):
            return None
        # Of one of a few statuses there may be less than of all that is so.
        if any({*self.equal.get(name, ())} != {*values} for name, values in path.fixed):
            return None
        values = {name: self.equal.get(name, STATUSES) for name in path.columns}
        most = SPACES if path.columns in (("space_id",), ("space_id", "number")) else BRANCHES
        if size_of(values.values()) > most:
            return None
        # To sort what a busy program has reported takes longer than to find some of it in the other order.
        is_fit = rank is None or not path.is_narrow or self.has_few(path, values)
        return (path, values, None) if is_fit else None

    def has_few(self, path, values):
        """Whether so few issues have these values of the columns of a path that they may be sorted.

        Of what is asked besides, each leaves half of them or fewer, and makes a walk twice as long.
        """
        besides = len(self.parts) - len(self.equal.keys() & {*path.columns} - {"space_id"})
        most = OF_VALUES << min(besides, BESIDES)
        return number_along(path, values, most) <= most

    def fitting_few(self):
        """Along an index of few rows for these values, of which the index of words does not know."""
        for path in UNTOLD:
            found = self.fitting(path, None)
            if found is None:
                continue
            rows = number_along(*found[:2], OF_VALUES)
            # No list is made for a part in which there is nothing.
            parts = min(rows, size_of(found[1].values()))
            if rows <= OF_VALUES and not makes_many_lists(parts):
                return found
        return None

    def narrowest(self, is_negated):
        """Along the index that leaves the fewest rows, whatever their order; None where none leaves few.

        Neither planner finds it where nobody keeps statistics, or where each value has others. With
        `is_negated`, all others are wanted, and more rows are few.
        """
        along = [
            self.fitting(path, None)
            for path in (*NARROW, *WIDE)
            if not {*path.columns} <= {"space_id", "status"}
        ]
        along += [(UNASSIGNED, {"space_id": self.equal["space_id"]}, None)] if self.is_unassigned else []
        along += [self.fitting_set(driven, None) for driven in self.driven]
        along += [(*self.along_range(column), None) for column in filter(OF_RANGES.get, self.ranges)]
        along = list(filter(None, along))
        # Of what is rare, no more is counted of all others.
        most = UNPLANNED if connection.vendor == "sqlite" else TAKEN_OFF if is_negated else OF_VALUES
        return next(filter(None, (least(along, limit) for limit in (RARE, OF_VALUES, most))), None)

    def fitting_words(self, is_rare):
        """Along the index of words, which knows of spaces, statuses, assignees and values as well.

        With `is_rare` only where few issues have what is looked for there.
        """
        values = [tokens for narrowed in self.narrowed for tokens in narrowed.values]
        if not self.wanted and not values:
            return None
        roles = dict.fromkeys(self.equal["space_id"]) if self.roles is None else self.roles
        found = source(roles, self.wanted, self.unwanted, *self.narrowing, values)
        if is_rare and not no_more_than(RARE, found):
            return None
        path = Path("", (), is_of_words=True, source=found.table, key=found.id, windows=found.windows)
        return replace(path, where=(found.where, list(found.parameters))), {}, None

    def along_range(self, column):
        """(Path, {column: values}) of the issues of the range asked for, along the index of its column."""
        compared = self.ranges[column]
        where = " AND ".join(sql for sql, _ in compared), [at for _, values in compared for at in values]
        path = OF_RANGES[column]
        path = replace(path, where=where, sorted_by=f"{path.key} + 0")
        return path, {"space_id": self.equal["space_id"]}

    def fitting_range(self, column):
        """Along an index of a range's column, whatever the order, where few issues are in the range."""
        path, values = self.along_range(column)
        is_fit = len(values["space_id"]) <= SPACES and number_along(path, values, RARE) <= RARE
        return (path, values, None) if is_fit else None

    def in_ranges(self, path, spaces, page):
        """The same path, but along a range in spaces of which few issues are in it.

        In the order of arrival, all others of such a space would be walked by one by one. What is so in all
        of a partial index has to be asked for there.
        """
        column = next(filter(OF_RANGES.get, self.ranges), None)
        if column is None:
            return path
        instead = replace(OF_RANGES[column], where=path.where, sorted_by="issues_issue.id + 0")
        few = spaces_with_few(instead, spaces, self.ranges[column], page)
        return replace(path, few=few, instead=instead)

    def edge(self, descends):
        """The key from which on the issues of the ranges asked for begin, in the order of arrival, down from
        the newest or else up from the oldest; None where it is not far from there.

        Issues come nearly in the order of their times and numbers: without it, all those on the other side of
        a bound would be walked by before the first one that fits. Only the farthest of all is looked for, by
        an index that has the keys.
        """
        spaces = {"space_id": self.equal["space_id"]}
        bounds = UPPER if descends else LOWER
        for column in filter(OF_RANGES.get, self.ranges):
            for sql, parameters in self.ranges[column]:
                _, sign, _ = sql.split()
                if sign not in bounds:
                    continue
                beyond = replace(OF_RANGES[column], where=(sql.replace(sign, bounds[sign]), parameters))
                if number_along(beyond, spaces, OF_VALUES) > OF_VALUES:
                    within = replace(beyond, where=(sql, parameters))
                    return farthest_along(within, spaces, "max" if descends else "min")
        return None

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


def least(along, most):
    """The one of these (Path, {column: values}, Driven) that has the fewest rows, at most `most`; or None."""
    best = None
    for found in along:
        if (rows := number_along(*found[:2], most)) <= most:
            # Another has to have fewer.
            best, most = found, rows - 1
    return best


def is_group(condition):
    """Whether a condition is several that must all hold, or one, or several of which none may hold."""
    if not isinstance(condition, Q) or (isinstance(condition, AllBut) and condition.those):
        return False
    first, *others = condition.children or [None]
    if condition.negated:
        return condition.connector == Q.OR if others else isinstance(first, Q)
    return condition.connector == Q.AND or not others


def inverse(condition):
    return ~condition if isinstance(condition, Q) else ~Q(condition)


def values_of(condition):
    """(column, its values) of a lookup that says which ones an indexed column may have, else (None, [])."""
    name, verb, value = lookup_of(condition)
    if name not in EQUAL or verb not in ("", "exact", "in") or hasattr(value, "resolve_expression"):
        return None, []
    return EQUAL[name], [plain(each) for each in (value if verb == "in" else [value])]


def range_beyond(condition):
    """(name, value) of the lookup of what a range leaves of a column that is never empty, else None."""
    name, verb, value = lookup_of(condition)
    if name not in OF_RANGES or verb not in BEYOND or Issue._meta.get_field(name).null:
        return None
    return f"{name}__{BEYOND[verb]}", value


def lookup_of(condition):
    """(name of a field, verb, value) of a condition that is one lookup, else empty ones."""
    while isinstance(condition, Q) and len(condition.children) == 1 and not condition.negated:
        (condition,) = condition.children
    name, value = condition if isinstance(condition, tuple) else ("", None)
    name, _, verb = name.partition("__")
    return name, verb, value


def makes_many_lists(parts):
    """Whether SQLite would list all that has some words in each of too many parts of an index."""
    return connection.vendor == "sqlite" and parts > LISTS


def plain(value):
    return value.pk if isinstance(value, Model) else value
