"""What a list can be narrowed by: the parameters of the REST API and of the list page, checked alike."""

from datetime import datetime

import django_filters
from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive
from rest_framework.exceptions import ValidationError

from issues import lookups
from issues.keyset import Order
from issues.limits import QUERY
from issues.models import Channel, Environment, Issue, Level, Project, Team

ORDERS = {
    "-number": Order(),
    "number": Order(id_descending=False),
    "-created": Order("created_at", True, True, datetime),
    "created": Order("created_at", False, False, datetime),
    "-updated": Order("updated_at", True, True, datetime),
    "updated": Order("updated_at", False, False, datetime),
    "level": Order("level_rank", False, True, int),
}
NEWEST_FIRST = "-number"


class BadParameter(ValidationError):
    """A query parameter that means nothing here; `detail` is {parameter: [reason]}."""

    in_query = True

    def __init__(self, name, reason, code="invalid"):
        super().__init__({name: [reason]}, code)


def not_found(name):
    return BadParameter(name, "There is no such thing here.", "not_found")


class IssueFilter(django_filters.FilterSet):
    """Narrows issues; `request.user` decides what a reference can name. Raises BadParameter."""

    q = django_filters.CharFilter(method="by_text", label="Text")
    space = django_filters.CharFilter(method="by_space", label="Space, by key or id")
    status = django_filters.CharFilter(method="by_status", label="Statuses, with commas between")
    level = django_filters.CharFilter(method="by_level", label="Levels by key or id, or none")
    assignee = django_filters.CharFilter(method="by_person", label="A person's id or e-mail, me or none")
    reporter = django_filters.CharFilter(method="by_person", label="A person's id or e-mail, or me")
    team = django_filters.CharFilter(method="by_team", label="A team's id")
    project = django_filters.CharFilter(method="by_row", label="A project's id, or none")
    environment = django_filters.CharFilter(method="by_row", label="An environment's id, or none")
    channel = django_filters.CharFilter(method="by_channel", label="A channel's id")
    label = django_filters.CharFilter(method="by_label", label="A label's key, or key:value")
    fingerprint = django_filters.CharFilter(method="by_fingerprint", label="A fingerprint")
    created_after = django_filters.CharFilter("created_at__gte", method="by_time", label="From this time on")
    created_before = django_filters.CharFilter("created_at__lt", method="by_time", label="Before this time")
    updated_after = django_filters.CharFilter("updated_at__gte", method="by_time", label="From this time on")
    updated_before = django_filters.CharFilter("updated_at__lt", method="by_time", label="Before this time")

    class Meta:
        model = Issue
        fields = []

    @property
    def user(self):
        return self.request.user

    @property
    def spaces(self):
        return list(self.user.space_roles())

    def check(self, *others):
        """Raise BadParameter for a parameter that is neither a filter nor one of `others`."""
        for name in self.data:
            if name not in self.base_filters and name not in others:
                raise BadParameter(name, "There is no such parameter.")

    def by_text(self, rows, name, value):
        if len(value) > QUERY:
            raise BadParameter(name, f"At most {QUERY} characters.")
        for word in value.split()[:32]:
            rows = rows.filter(Q(title__icontains=word) | Q(description__icontains=word))
        return rows

    def by_space(self, rows, name, value):
        space = lookups.find_space(self.user, value)
        if space is None:
            raise not_found(name)
        return rows.filter(space=space)

    def by_status(self, rows, name, value):
        wanted = value.split(",")
        for status in wanted:
            if status not in Issue.Status.values:
                raise BadParameter(name, f"One of {', '.join(Issue.Status.values)}.")
        return rows.filter(status__in=wanted)

    def by_level(self, rows, name, value):
        condition = Q()
        for reference in value.split(","):
            if reference == "none":
                condition |= Q(level=None)
                continue
            uuid = lookups.as_uuid(reference)
            levels = Level.objects.visible_to(self.user)
            levels = levels.filter(uuid=uuid) if uuid else levels.filter(key__iexact=reference)
            found = list(levels.values_list("pk", flat=True))
            if not found:
                raise not_found(name)
            condition |= Q(level__in=found)
        return rows.filter(condition)

    def by_person(self, rows, name, value):
        if value == "none" and name == "assignee":
            return rows.filter(assignee=None)
        person = self.user if value == "me" else lookups.find_person(self.spaces, value)
        if person is None:
            raise not_found(name)
        # Whom an issue hides, no filter finds.
        return (
            rows.filter(assignee=person)
            if name == "assignee"
            else rows.filter(reporter=person, is_anonymous=False)
        )

    def by_row(self, rows, name, value):
        if value == "none":
            return rows.filter(**{name: None})
        return rows.filter(
            **{name: self.row({"project": Project, "environment": Environment}[name], name, value)}
        )

    def by_team(self, rows, name, value):
        return rows.filter(team_rows__team=self.row(Team, name, value))

    def by_channel(self, rows, name, value):
        channel = self.row(Channel, name, value)
        if channel.is_default:
            return rows.filter(space=channel.space_id)
        return rows.filter(channel_rows__channel=channel)

    def row(self, model, name, value):
        row = lookups.find_in_spaces(model, self.spaces, value)
        if row is None:
            raise not_found(name)
        return row

    def by_label(self, rows, name, value):
        key, colon, text = value.partition(":")
        labelled = {"label_rows__space__in": self.spaces, "label_rows__key": key}
        return rows.filter(**labelled, **({"label_rows__value": text.strip()} if colon else {}))

    def by_fingerprint(self, rows, name, value):
        return rows.filter(fingerprint=value)

    def by_time(self, rows, name, value):
        # A plus sign that was not escaped arrives as a space.
        try:
            at = parse_datetime(value.strip().replace(" ", "+"))
        except ValueError:
            at = None
        if at is None or is_naive(at):
            raise BadParameter(name.split("__")[0], "A time as in RFC 3339: 2026-01-15T10:30:00Z.")
        return rows.filter(**{name: at})
