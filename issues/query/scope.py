"""Whose query it is and when it is asked: what its values can name, and nothing beyond one's spaces."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cached_property
from itertools import compress
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext, gettext_noop

from issues.like import like, like_test
from issues.lookups import as_uuid, people_of
from issues.models import Channel, Environment, Issue, Level, Membership, Project, Space, Team
from issues.models.sets import IssueLabel
from issues.models.sql import among
from issues.query.tree import ANY, ONE, UnknownValue, Value

OFFERED = 20  # proposals for one place
COLUMNS = 500  # of one statement; PostgreSQL gives at most 1,664
CLOSE = 200  # names among which a misspelt one is looked for


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that a value may name: the error where it names none, and the columns that may be like the value.

    A value is written as the first of the columns that is not empty; `shown` is how people know the row.
    """

    unknown: str
    of: object
    columns: tuple[str, ...]
    shown: str = "name"

    @property
    def names(self):
        """The columns by which people know a row."""
        return tuple(dict.fromkeys((*self.columns, self.shown)))

    def condition(self, value):
        """The Q on rows that `value` names."""
        uuid = as_uuid(value.text)
        condition = Q(uuid=uuid) if uuid else Q(pk__in=())
        for column in self.columns:
            for text, wild in forms(column, value):
                condition |= Q(**{f"{column}__like": like(text, wild)})
        return condition

    def named(self, rows, value):
        """Those of `rows` that `value` names: `condition` in memory."""
        uuid = as_uuid(value.text)
        tests = [(column, like_test(*form)) for column in self.columns for form in forms(column, value)]
        return [
            row
            for row in rows
            if row.uuid == uuid or any(holds(test, getattr(row, column)) for column, test in tests)
        ]

    def written(self, row):
        return next(filter(None, (getattr(row, column) for column in self.columns)), None) or str(row.uuid)


def holds(test, text):
    """Whether a text passes; one that is not there passes none."""
    return text is not None and test(text)


def forms(column, value):
    """[(text, wild)] that a column may be like: a handle with its @ and without."""
    text, wild = value.text, value.wild
    if column != "handle":
        return [(text, wild)]
    # Some have no handle, and nobody names them by that.
    found = [(f"@{text}", frozenset(at + 1 for at in wild)), (text, wild)]
    found.append((text.removeprefix("@"), frozenset(at - text.startswith("@") for at in wild)))
    return [(form, places) for form, places in found if form]


def known_people(spaces):
    """Who is or was a member."""
    return get_user_model().objects.filter(pk__in=Membership.objects.filter(space__in=spaces).values("user"))


def of_spaces(model):
    return lambda spaces: model.objects.filter(space__in=spaces)


PEOPLE = Table(
    gettext_noop("There is no person “{}” in your spaces."), known_people, ("handle", "email", "name")
)
LEVELS = Table(gettext_noop("There is no level “{}” in your spaces."), Level.objects.of, ("key", "name"))
SPACES = Table(
    gettext_noop("There is no space “{}” in your spaces."),
    lambda spaces: Space.objects.filter(pk__in=spaces),
    ("key", "name"),
)
SPACE_KEYS = Table(gettext_noop("There is no space “{}” in your spaces."), SPACES.of, ("key",))
TEAMS = Table(gettext_noop("There is no team “{}” in your spaces."), of_spaces(Team), ("handle", "name"))
PROJECTS = Table(gettext_noop("There is no project “{}” in your spaces."), of_spaces(Project), ("name",))
ENVIRONMENTS = Table(
    gettext_noop("There is no environment “{}” in your spaces."), of_spaces(Environment), ("name",)
)
CHANNELS = Table(gettext_noop("There is no channel “{}” in your spaces."), of_spaces(Channel), ("name",))


@dataclass
class Scope:
    """The user of a query, the moment it is asked, and what its values name, each table read once.

    `own` are fields of a door's own, by their names, which come before those that every door knows. What
    names nothing is refused if `is_strict`, and holds of no issue otherwise.
    """

    user: object
    now: datetime
    own: dict = field(default_factory=dict)
    is_strict: bool = True
    wanted: dict = field(default_factory=dict)
    rows: dict = field(default_factory=dict)
    keys: set = field(default_factory=set)
    numbers: set = field(default_factory=set)

    @cached_property
    def spaces(self):
        return list(self.user.space_roles())

    @cached_property
    def zone(self):
        """Where the user's days begin."""
        try:
            return ZoneInfo(getattr(self.user, "time_zone", "") or "UTC")
        except (OSError, ValueError, KeyError):
            return UTC

    def want(self, table, value):
        """`value` will be asked of `table`: what is wanted of one table is read in one statement."""
        self.wanted.setdefault(table, []).append(value)

    def find(self, table, value):
        """The rows that `value` names; UnknownValue if there is none in one's spaces."""
        if table not in self.rows:
            condition = Q()
            for wanted in self.wanted[table]:
                condition |= table.condition(wanted)
            self.rows[table] = list(table.of(self.spaces).filter(condition))
        found = table.named(self.rows[table], value)
        if not found:
            message = gettext(table.unknown).format(value.text)
            close = self.close(table, value) if self.is_strict else None
            raise UnknownValue(message, value.start, value.end, close)
        return found

    def close(self, table, value):
        """What to write for the row whose name is close to one that names nothing, or None."""
        rows = [(row, table.written(row)) for row in self.offered(table, Q())[:CLOSE]]
        names = {str(name).casefold(): name for row, name in rows}
        names |= {str(getattr(row, table.shown)).casefold(): name for row, name in rows}
        match = get_close_matches(value.text.casefold(), names, 1)
        return quoted(names[match[0]]) if match else None

    def offered(self, table, wanted):
        """The names of a table's rows that are not retired, and of which `wanted`, a Q, holds: each once,
        though a row of every space may have it.
        """
        if table is PEOPLE:
            people = people_of(self.spaces).values("pk")
            rows = get_user_model().objects.filter(wanted, pk__in=people)
            return rows.values_list(*table.names, "uuid", named=True)
        rows = table.of(self.spaces).filter(wanted, is_active=True)
        return rows.order_by(*table.names).values_list(*table.names, named=True).distinct()

    @cached_property
    def issues(self):
        """{(space, number): primary key} of issues with wanted numbers in the spaces wanted by their keys."""
        spaces = [row.pk for row in self.rows.get(SPACE_KEYS, ())]
        found = Issue.objects.filter(space__in=spaces, number__in=self.numbers).order_by()
        return {(space, number): pk for space, number, pk in found.values_list("space", "number", "pk")}

    @cached_property
    def severities(self):
        """[(primary key, severity)] of one's levels."""
        return list(Level.objects.of(self.spaces).values_list("pk", "severity"))

    def want_label(self, key):
        self.keys.add(key)

    @cached_property
    def labels(self):
        """Which of the wanted keys label an issue of one's spaces."""
        keys, found = sorted(self.keys), set()
        for at in range(0, len(keys), COLUMNS):
            some = keys[at : at + COLUMNS]
            tests = [Exists(IssueLabel.objects.filter(space=OuterRef("pk"), key=key)) for key in some]
            for row in Space.objects.filter(pk__in=self.spaces).values_list(*tests):
                found.update(compress(some, row))
        return found

    def label_texts(self, prefix, key=None):
        """The first keys of labels in one's spaces that begin with `prefix`, or the first values of `key`.

        Each is found from the one before by the index, since a million labels may have ten keys.
        """
        column = "key" if key is None else "value"
        same = "" if key is None else "AND key = %s "
        own = [] if key is None else [key]
        among_spaces, spaces = among("s.id", self.spaces)
        least = (
            f"SELECT min(text) FROM (SELECT (SELECT min({column}) FROM issues_issuelabel "
            f"WHERE space_id = s.id {same}AND {column} {{}}) AS text "
            f"FROM issues_space AS s WHERE {among_spaces}) AS texts"
        )
        statement = (
            f"WITH RECURSIVE found(text) AS ({least.format('>= %s')} UNION ALL SELECT "
            f"({least.format('> found.text')}) FROM found WHERE text IS NOT NULL) "
            f"SELECT text FROM found WHERE text IS NOT NULL LIMIT {OFFERED}"
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, [*own, prefix, *spaces, *own, *spaces])
            return [text for (text,) in cursor.fetchall() if text.startswith(prefix)]


def quoted(text):
    """`text` as the value of a field: in quotes where it has to be."""
    is_plain = text and all(letter.isalnum() or letter in "_@+./:-" for letter in text)
    return text if is_plain and text not in ("me", "none") else in_quotes(text)


def in_quotes(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def spoken(value, form="{}"):
    """A Value as an explanation says it, its letters in this form: "something like b*g" with wildcards."""
    if not value.wild or value.is_anything:
        return form.format(value.text)
    letters = (
        f"\\{letter}" if letter in (ANY, ONE) and at not in value.wild else letter
        for at, letter in enumerate(value.text)
    )
    return gettext("something like {}").format(form.format("".join(letters)))


def literal(text, start=0, end=0):
    """A Value that is exactly this text."""
    return Value(text, start, end, is_quoted=True)
