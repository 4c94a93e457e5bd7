"""How many of a list's issues have which status, level, assignee and so on: of all where counters tell, or
else of the newest.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Count, QuerySet
from django.utils.translation import gettext, gettext_noop

from issues import lookups
from issues.counts import counted_by, counted_tags, is_known_empty
from issues.like import UPPER
from issues.models import Channel, Issue, IssueChannel, IssueLabel, Level, Project
from issues.models.sql import along_index
from issues.orders import NEWEST_FIRST, ORDERS
from issues.query.scope import quoted
from issues.walks import ids_of

# The most values that a facet names, the most frequent ones.
MOST = 20
# So many issues are counted one by one, the newest.
MOST_COUNTED = 5_000
NONE = {
    "level": gettext_noop("No level"),
    "assignee": gettext_noop("No assignee"),
    "channel": gettext_noop("No channel"),
    "project": gettext_noop("No project"),
}


@dataclass(frozen=True)
class Facet:
    """`count(found)` gives, of what was Found, pairs of a value and its number, and whether there may be
    more of each. `name(values)` says {value: (name, query)}.

    `is_shared` says that several values may have one query, as levels of different spaces with one key.
    """

    count: Callable
    name: Callable
    is_whole: bool = False
    is_shared: bool = False


def by_dimension(name):
    """Counts that counters tell, unless the issues are narrowed by what they do not know."""
    return unless_told(lambda issues: counted_by(name, issues), column(name))


def by_tag(kind, counted, read=str):
    """The same of tags, of which `read(tag)` is the value; `counted(found)` where no counter tells."""

    def told(issues):
        pairs = counted_tags(kind, issues)
        return None if pairs is None else [(read(tag), number) for tag, number in pairs]

    return unless_told(told, counted)


def unless_told(told, counted):
    def count(found):
        pairs = told(found.qs)
        return (counted(found), found.is_cut) if pairs is None else (pairs, False)

    return count


def by_column(name):
    """Counts that no counter tells."""
    return unless_told(lambda issues: None, column(name))


def column(name):
    return lambda found: found.by_column(name)


def member(through, name):
    """Over the table of a set, so that an issue with two labels is counted under both."""
    return lambda found: found.by_member(through, name)


@dataclass(frozen=True)
class Whole:
    """All issues of a queryset, whose values are counted."""

    qs: QuerySet
    is_cut = False

    def by_column(self, name):
        return grouped(self.qs, name)

    def by_member(self, through, name):
        return grouped(through.objects.filter(issue__in=self.qs.order_by().values("pk")), name)


def grouped(rows, name):
    return list(rows.order_by().values_list(name).annotate(Count("pk")))


class Newest:
    """The same of the newest MOST_COUNTED issues of an IssueFilter under these conditions.

    They are looked for once, along the index that their list goes along: to go through half of a million
    issues would take longer than anybody waits.
    """

    NAMES = ("id", "status", "level", "assignee", "project", "resource_type", "service")

    def __init__(self, filters, conditions):
        self.spaces, self.conditions, self.qs = filters.spaces, conditions, filters.issues(conditions)

    @cached_property
    def rows(self):
        """[(primary key, value …)] by NAMES, one more than are counted where there are more."""
        ids, parameters = ids_of(self.spaces, self.conditions, ORDERS[NEWEST_FIRST], size=MOST_COUNTED + 1)
        if not ids or is_known_empty(self):
            return []
        among = f"= ANY(ARRAY({ids}))" if connection.vendor == "postgresql" else f"IN ({ids})"
        columns = ", ".join(Issue._meta.get_field(name).column for name in self.NAMES)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {columns} FROM issues_issue WHERE id {among} ORDER BY id DESC",  # noqa: S608
                parameters,
            )
            return cursor.fetchall()

    @property
    def is_cut(self):
        """Whether there are more than are counted."""
        return len(self.rows) > MOST_COUNTED

    @property
    def was_cut(self):
        """Whether something was counted, and not of all."""
        return "rows" in vars(self) and self.is_cut

    def by_column(self, name):
        return Counter(map(itemgetter(self.NAMES.index(name)), self.rows[:MOST_COUNTED])).items()

    def by_member(self, through, name):
        place, keys = along_index("issue_id", [row[0] for row in self.rows[:MOST_COUNTED]])
        column, table = through._meta.get_field(name).column, through._meta.db_table
        counts = f"SELECT {column}, count(*) FROM {table} WHERE {place} GROUP BY {column}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(counts, keys)
            return cursor.fetchall()


def statuses(values):
    return {value: (gettext(label), f"status:{value}") for value, label in Issue.Status.choices}


def rows_of(model, field, spelled=str, called=lambda rows: {row.uuid: str(row) for row in rows}):
    """Names of rows by primary key; what has none is asked for with `no:`."""

    def name(values):
        found = model.objects.in_bulk([value for value in values if value is not None])
        shown = called(found.values())
        names = {pk: (shown[row.uuid], f"{field}:{quoted(spelled(row))}") for pk, row in found.items()}
        return names | {None: (gettext(NONE[field]), f"no:{field}")}

    return name


def handle_of(person):
    return person.email or str(person.uuid)


def texts(field):
    return lambda values: {value: (value, f"{field}:{quoted(value)}") for value in values}


def facets():
    """{name: Facet}, in the order in which they are shown."""
    return {
        "status": Facet(by_dimension("status"), statuses, is_whole=True),
        "level": Facet(
            by_dimension("level"), rows_of(Level, "level", lambda level: level.key), is_shared=True
        ),
        "assignee": Facet(
            by_dimension("assignee"), rows_of(get_user_model(), "assignee", handle_of, lookups.called)
        ),
        "channel": Facet(
            by_tag("channel", member(IssueChannel, "channel"), int),
            rows_of(Channel, "channel"),
            is_shared=True,
        ),
        "label": Facet(by_tag("label", member(IssueLabel, "key")), texts("label")),
        "project": Facet(by_dimension("project"), rows_of(Project, "project"), is_shared=True),
        # A source has an id and a name as well, which may read like the type of another one.
        "source": Facet(by_tag("source", column("resource_type")), texts("source.type")),
    }


def service():
    """The Facet of services, which pages show beside these."""
    return Facet(by_tag("service", column("service")), texts("service"), is_shared=True)


def facet_documents(filters):
    """{facet: [{"name", "count", "is_at_least", "query"}]} of an IssueFilter, the most frequent value first,
    and `is_partial`: whether any was counted among the newest issues alone.

    `query` narrows a list to the value, `-query` leaves it out. A status without issues is named as well.
    """
    found = Newest(filters, filters.conditions)
    documents = {name: values_of(facet, found) for name, facet in facets().items()}
    return documents | {"is_partial": found.was_cut}


def values_of(facet, found):
    """Documents of a Facet of what was Found (Whole or Newest).

    Rows of different spaces that are called alike are one value, as they are to a query.
    """
    pairs, is_cut = facet.count(found)
    pairs = most_frequent([pair for pair in pairs if pair[0] != ""], lambda pair: pair[1])
    numbers = dict(pairs if facet.is_shared else pairs[:MOST])
    names = facet.name(list(numbers))
    if facet.is_whole:
        return [document(*names[value], numbers.get(value, 0), is_cut) for value in names]
    shown = {}
    for value, number in numbers.items():
        name, query = names[value]
        # A query finds names in either case.
        key = query.translate(UPPER) if facet.is_shared else query
        shown.setdefault(key, document(name, query, 0, is_cut))["count"] += number
    return most_frequent(shown.values(), lambda document: document["count"])[:MOST]


def most_frequent(found, number):
    return sorted(found, key=number, reverse=True)


def document(name, query, count, is_at_least=False):
    return {"name": name, "count": count, "is_at_least": is_at_least, "query": query}
