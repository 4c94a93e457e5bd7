"""How many of a list's issues have which status, level, assignee and so on: a statement for each facet."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.db.models import Count
from django.utils.translation import gettext, gettext_noop

from issues import lookups
from issues.counts import counted_by, counted_tags
from issues.like import UPPER
from issues.models import Channel, Issue, IssueChannel, IssueLabel, Level, Project
from issues.query.scope import quoted

# The most values that a facet names, the most frequent ones.
MOST = 20
NONE = {
    "level": gettext_noop("No level"),
    "assignee": gettext_noop("No assignee"),
    "channel": gettext_noop("No channel"),
    "project": gettext_noop("No project"),
}


@dataclass(frozen=True)
class Facet:
    """`count(issues)` gives pairs of a value and its number; `name(values)` says {value: (name, query)}.

    `is_shared` says that several values may have one query, as levels of different spaces with one key.
    """

    count: Callable
    name: Callable
    is_whole: bool = False
    is_shared: bool = False


def by_dimension(name):
    """Counts that counters tell, unless the issues are narrowed by what they do not know."""

    def count(issues):
        pairs = counted_by(name, issues)
        return counted(issues, name) if pairs is None else pairs

    return count


def by_tag(kind, plain, read=str):
    """The same of tags; `read(tag)` is the value, and `plain(issues)` counts where no counter tells."""

    def count(issues):
        pairs = counted_tags(kind, issues)
        return plain(issues) if pairs is None else [(read(tag), number) for tag, number in pairs]

    return count


def by_column(column):
    return lambda issues: counted(issues, column)


def by_member(through, column, path="issue__in"):
    """Counts over the table of a set, so that an issue with two labels is counted under both."""
    return lambda issues: counted(through.objects.filter(**{path: issues.order_by().values("pk")}), column)


def counted(rows, column):
    pairs = rows.order_by().values_list(column).annotate(Count("pk"))
    return [(value, number) for value, number in pairs if value != ""]


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
            by_tag("channel", by_member(IssueChannel, "channel"), int),
            rows_of(Channel, "channel"),
            is_shared=True,
        ),
        "label": Facet(by_tag("label", by_member(IssueLabel, "key")), texts("label")),
        "project": Facet(by_dimension("project"), rows_of(Project, "project"), is_shared=True),
        # A source has an id and a name as well, which may read like the type of another one.
        "source": Facet(by_tag("source", by_column("resource_type")), texts("source.type")),
    }


def service():
    """The Facet of services, which pages show beside these."""
    return Facet(by_tag("service", by_column("service")), texts("service"), is_shared=True)


def facet_documents(issues):
    """{facet: [{"name", "count", "query"}]} of a queryset of issues, the most frequent value first.

    `query` narrows a list to the value, `-query` leaves it out. A status without issues is named as well.
    """
    return {name: values_of(facet, issues) for name, facet in facets().items()}


def values_of(facet, issues):
    """Rows of different spaces that are called alike are one value, as they are to a query."""
    pairs = most_frequent(facet.count(issues), lambda pair: pair[1])
    numbers = dict(pairs if facet.is_shared else pairs[:MOST])
    names = facet.name(list(numbers))
    if facet.is_whole:
        return [document(*names[value], numbers.get(value, 0)) for value in names]
    found = {}
    for value, number in numbers.items():
        name, query = names[value]
        # A query finds names in either case.
        key = query.translate(UPPER) if facet.is_shared else query
        found.setdefault(key, document(name, query, 0))["count"] += number
    return most_frequent(found.values(), lambda document: document["count"])[:MOST]


def most_frequent(found, number):
    return sorted(found, key=number, reverse=True)


def document(name, query, count):
    return {"name": name, "count": count, "query": query}
