"""What a list can be narrowed by: the parameters of the REST API and of the list page, checked alike."""

from datetime import UTC
from functools import cached_property

import django_filters
from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.timezone import is_naive
from django.utils.translation import gettext
from rest_framework.exceptions import ValidationError

from issues import lookups
from issues.limits import QUERY
from issues.models import Channel, Environment, Issue, Level, Project, Team
from issues.models.saved_view import params_of
from issues.orders import NEWEST_FIRST, ORDERS, RELEVANCE
from issues.paths import STATUSES, any_of, labelled, member_of
from issues.query import QueryError, read

TIMES = {
    "created_after": "created_at__gte",
    "created_before": "created_at__lt",
    "updated_after": "updated_at__gte",
    "updated_before": "updated_at__lt",
}


def order_of(sort):
    """The Order of this name, newest first where there is none; BadParameter for another name."""
    if (sort or NEWEST_FIRST) not in ORDERS:
        raise BadParameter("sort", gettext("One of {}.").format(", ".join(ORDERS)))
    return ORDERS[sort or NEWEST_FIRST]


class BadParameter(ValidationError):
    """A query parameter that means nothing here; `detail` is {parameter: [reason]}."""

    in_query = True
    more = {}

    @property
    def sentence(self):
        """What is wrong, on one line."""
        return "; ".join(f"{name}: {reasons[0]}" for name, reasons in self.detail.items())

    def __init__(self, name, reason, code="invalid"):
        super().__init__({name: [reason]}, code)


class BadQuery(BadParameter):
    """A query that means nothing; `more` is what a problem document says beside the reason."""

    def __init__(self, error):
        super().__init__("q", error.sentence)
        self.error = error
        self.more = {"position": {"start": error.start, "end": error.end}, "proposal": error.proposal}


def moment_of(name, text):
    """The time that a parameter says, in UTC; BadParameter."""
    # A plus sign that was not escaped arrives as a space.
    try:
        at = parse_datetime(text.strip().replace(" ", "+"))
        at = at.astimezone(UTC) if at and not is_naive(at) else None
    except (ValueError, OverflowError):
        at = None
    if at is None:
        raise BadParameter(name, gettext("A time as in RFC 3339: 2026-01-15T10:30:00Z."))
    return at


def not_found(name):
    return BadParameter(name, gettext("There is no such thing here."), "not_found")


class ExactFilter(django_filters.CharFilter):
    """A text as it came, blanks at its ends included."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, strip=False, **kwargs)


class IssueFilter(django_filters.FilterSet):
    """Narrows issues; `request.user` decides what a reference can name. Raises BadParameter.

    The filters are declared as ever, but neither copied nor put into a form for each request: every one is a
    method that checks its text itself, and the form would be a quarter of the time of a list.
    """

    q = ExactFilter(method="by_query", label="A query, as `is:open level:P0,P1 -label:noise`")
    space = ExactFilter(method="by_space", label="Space, by key or id")
    status = ExactFilter(method="by_status", label="Statuses, with commas between")
    level = ExactFilter(method="by_level", label="Levels by key or id, or none")
    assignee = ExactFilter(method="by_person", label="A person's id or e-mail, me or none")
    reporter = ExactFilter(method="by_person", label="A person's id or e-mail, or me")
    team = ExactFilter(method="by_team", label="A team's id")
    project = ExactFilter(method="by_row", label="A project's id, or none")
    environment = ExactFilter(method="by_row", label="An environment's id, or none")
    channel = ExactFilter(method="by_channel", label="A channel's id")
    label = ExactFilter(method="by_label", label="A label's key, or key:value")
    fingerprint = ExactFilter(method="by_fingerprint", label="A fingerprint")
    created_after = ExactFilter(method="by_time", label="From this time on")
    created_before = ExactFilter(method="by_time", label="Before this time")
    updated_after = ExactFilter(method="by_time", label="From this time on")
    updated_before = ExactFilter(method="by_time", label="Before this time")

    class Meta:
        model = Issue
        fields = []

    def __init__(self, data, *, request, spaces=None):
        self.data, self.request, self.user = data, request, request.user
        self.spaces = list(self.user.space_roles() if spaces is None else spaces)

    @cached_property
    def named_conditions(self):
        """{parameter: its Q on issues}; BadParameter."""
        return {
            name: getattr(self, self.base_filters[name].method)(name, value)
            for name, value in self.data.items()
            if value and name in self.base_filters
        }

    @property
    def conditions(self):
        """Qs on issues that all hold; BadParameter."""
        return list(self.named_conditions.values())

    @property
    def qs(self):
        """The issues that all parameters leave; BadParameter."""
        return self.issues(self.conditions)

    def issues(self, conditions):
        issues = Issue.objects.visible_to(self.user).filter(space_id__in=self.spaces)
        return issues.filter(*conditions)

    def conditions_without(self, name, span=None):
        """The conditions but for a parameter's, or for what is written at `span` of the query."""
        conditions = {other: condition for other, condition in self.named_conditions.items() if other != name}
        if span:
            conditions[name] = self.query.without(*span)
        return list(conditions.values())

    @property
    def scope(self):
        """What a list is known by: whose it is, and what it is narrowed to and sorted by."""
        return self.user.pk, sorted(self.spaces), sorted(self.data.items())

    def check(self, *others):
        """Raise BadParameter for a parameter that is neither a filter nor one of `others`, or too long."""
        for name, value in self.data.items():
            if name not in self.base_filters and name not in others:
                raise BadParameter(name, gettext("There is no such parameter."))
            # The query itself shows where it is too long.
            if len(value) > QUERY and name != "q":
                raise BadParameter(name, gettext("At most {} characters.").format(QUERY))

    @cached_property
    def query(self):
        """The Query of `q`; BadQuery."""
        try:
            return read(self.data.get("q", ""), self.user)
        except QueryError as error:
            raise BadQuery(error) from error

    def order(self):
        """The Order of the parameter `sort`, or else the one that the query asks for."""
        wanted = self.data.get("sort")
        name = wanted or ("q" in self.data and self.query.sort)
        if name == RELEVANCE and not self.query.phrases:
            reason = gettext("What is found by words alone has a relevance: write some in `q`.")
            if wanted:
                raise BadParameter("sort", reason)
            raise BadQuery(QueryError(reason, self.query.ordered.start, self.query.ordered.end))
        return order_of(name)

    def by_query(self, name, value):
        return self.query.condition

    def by_space(self, name, value):
        space = lookups.space_key(self.user, value)
        if space is None:
            raise not_found(name)
        return Q(space=space)

    def by_status(self, name, value):
        wanted = value.split(",")
        for status in wanted:
            if status not in STATUSES:
                raise BadParameter(name, gettext("One of {}.").format(", ".join(STATUSES)))
        return Q(status__in=wanted)

    def by_level(self, name, value):
        wanted = set(value.split(","))
        levels = list(Level.objects.visible_to(self.user).values_list("pk", "uuid", "key"))
        found = [None] if "none" in wanted else []
        for reference in wanted - {"none"}:
            uuid, key = lookups.as_uuid(reference), reference.casefold()
            matching = [pk for pk, own, name in levels if key == name.casefold() or uuid == own]
            if not matching:
                raise not_found("level")
            found += matching
        return any_of("level", found)

    def by_person(self, name, value):
        if value == "none" and name == "assignee":
            return Q(assignee=None)
        person = self.user.pk if value == "me" else lookups.known_person(self.spaces, value)
        if person is None:
            raise not_found(name)
        # Whom an issue hides, no filter finds.
        return Q(assignee=person) if name == "assignee" else Q(reporter=person, is_anonymous=False)

    def by_row(self, name, value):
        if value == "none":
            return Q(**{name: None})
        row = self.row({"project": Project, "environment": Environment}[name], name, value)
        return Q(**{name: row.pk}, space=row.space_id)

    def by_team(self, name, value):
        return member_of("team", [self.row(Team, name, value).pk])

    def by_channel(self, name, value):
        channel = self.row(Channel, name, value)
        return Q(space=channel.space_id) if channel.is_default else member_of("channel", [channel.pk])

    def row(self, model, name, value):
        row = lookups.find_in_spaces(model, self.spaces, value)
        if row is None:
            raise not_found(name)
        return row

    def by_label(self, name, value):
        key, colon, text = value.partition(":")
        return labelled(self.spaces, key, dict.fromkeys((text, text.strip())) if colon else None)

    def by_fingerprint(self, name, value):
        return Q(fingerprint=value)

    def by_time(self, name, value):
        return Q(**{TIMES[name]: moment_of(name, value)})


def params_shown(request):
    """{parameter: value} of those of a list page's address that make the list what it is."""
    names = {*IssueFilter.base_filters, "sort"}
    return {name: value for name, value in request.GET.items() if value and name in names}


def checked_query(text, request):
    """A list's query string as a saved view keeps it; BadParameter for one that no list would take."""
    try:
        params = params_of(text)
    except ValueError as error:
        raise BadParameter("query", str(error)) from error
    filters = IssueFilter(params, request=request)
    filters.check("sort")
    filters.order()
    # Made for what it raises.
    _ = filters.conditions
    return urlencode(params)
