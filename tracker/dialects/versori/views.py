"""Versori's calls."""

from datetime import datetime

from django.db.models import Q
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied

from issues import issue_rows, keyset, lookups
from issues.filters import BadParameter, moment_of
from issues.limits import PAGE
from issues.models import Environment, Issue, Level, Project
from issues.orders import NEWEST_FIRST, ORDERS
from issues.paths import any_of
from issues.policy import may
from tracker.dialects import ids
from tracker.dialects.openapi import parameter
from tracker.dialects.versori import door
from tracker.dialects.versori.documents import IssueDocument
from tracker.dialects.versori.serializers import NAMES, ChangeSerializer, CreateSerializer, document, known
from tracker.dialects.versori.words import SEVERITY, STATUS
from tracker.dialects.views import BadId, DoorView, Listing

SIZE = 20
# search_date: the order that it asks for.
DATES = {
    "createdAt": ORDERS["-created"],
    "lastSeenAt": keyset.Order("last_seen_at", True, True, datetime),
}
LAST_MICROSECOND = 999_999


class VersoriView(DoorView):
    door = door

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        self.space = self.organisation(kwargs["organisation_id"])

    def organisation(self, reference):
        """The caller's space with this ULID; Http404."""
        uuid = ids.parse(reference)
        if uuid is None:
            raise BadId("organisation_id", "Not a ULID.")
        space = lookups.find_space(self.request.user, str(uuid))
        if space is None:
            raise Http404
        return space

    def document(self, issue):
        return document(issue_rows.document_of(issue, NAMES))


class IssuesView(VersoriView):
    """`/api/v2/o/{organisation_id}/issues`"""

    @extend_schema(
        operation_id="list_issues",
        parameters=[
            parameter("first", int, description=f"How many; {SIZE} by default, {PAGE} at most."),
            parameter("after", description="The id of an issue, or a time."),
            parameter("before", description="The id of an issue, or a time."),
            parameter("search_date", enum=list(DATES), description="What `after` and `before` bound."),
            parameter("status", enum=list(STATUS.meant)),
            parameter("severity", enum=list(SEVERITY.meant)),
            parameter("project_id"),
            parameter("environment_id"),
        ],
        responses=IssueDocument(many=True),
    )
    def get(self, request, organisation_id):
        return self.answer([document(row) for row in self.page().rows])

    @extend_schema(operation_id="create_issue", request=CreateSerializer, responses={201: IssueDocument})
    def post(self, request, organisation_id):
        if not may(request, "write", self.space.pk):
            raise PermissionDenied()
        return self.answer(self.document(self.checked(CreateSerializer).save()), 201)

    def page(self):
        """The keyset.Page of the issues that all parameters leave."""
        date = self.one_of("search_date", DATES)
        order, column = (DATES[date], DATES[date].column) if date else (ORDERS[NEWEST_FIRST], "created_at")
        conditions, cursors = self.conditions(), {}
        for name in ("after", "before"):
            text = self.parameter(name)
            if uuid := ids.parse(text):
                cursors[name] = self.key(name, uuid, order)
            elif text:
                conditions.append(beyond(name, column, moment_of(name, text)))
        cursor = None
        if "after" in cursors:
            cursor = keyset.encode(False, cursors["after"])
            conditions += [order.beyond(Issue, cursors[name], True) for name in cursors if name != "after"]
        elif cursors:
            cursor = keyset.encode(True, cursors["before"])
        listing = Listing(self.request.user, [self.space.pk], conditions, None)
        return issue_rows.page(listing, order, cursor, self.size(), NAMES)

    def conditions(self):
        """Qs on issues that all hold."""
        found = []
        if status := self.one_of("status", STATUS.meant):
            found.append(Q(status__in=STATUS.values(status)))
        if severity := self.one_of("severity", SEVERITY.meant):
            # `critical` is no word that is shown; who asks for it means the critical ones.
            severities = SEVERITY.values(severity) or [SEVERITY.meant[severity]]
            levels = Level.objects.of([self.space.pk]).filter(severity__in=severities)
            found.append(any_of("level", list(levels.values_list("pk", flat=True))))
        for column, model in (("project", Project), ("environment", Environment)):
            if text := self.parameter(f"{column}_id"):
                found.append(self.belonging(column, model, text))
        return found

    def belonging(self, column, model, text):
        """The Q of issues that are shown with this id of a project or an environment."""
        if ids.parse(text) == self.space.uuid:
            return Q(**{column: None})
        row = known(model, self.space, text)
        return Q(**{f"{column}__in": [row.pk] if row else []})

    def key(self, name, uuid, order):
        """The place in this order of the issue that a cursor names, which may be deleted by now."""
        user = self.request.user
        issues = Issue.objects.visible_to(user) | Issue.objects.in_trash_of(user)
        found = issues.filter(space=self.space, uuid=uuid).values_list(*order.key).first()
        if found is None:
            raise BadParameter(name, "No issue here has this id.")
        return found

    def size(self):
        return min(self.number("first", SIZE), PAGE) if self.parameter("first") not in ("", "0") else SIZE

    def one_of(self, name, words):
        """The word of a parameter, None where it is not there; BadParameter for one that is not known."""
        word = self.parameter(name)
        if word and word not in words:
            raise BadParameter(name, f"One of {', '.join(words)}.")
        return word or None


class IssueView(VersoriView):
    """`/api/v2/o/{organisation_id}/issues/{issue_id}`"""

    @extend_schema(operation_id="get_issue", responses=IssueDocument)
    def get(self, request, organisation_id, issue_id):
        return self.answer(self.document(self.issue(issue_id)))

    @extend_schema(operation_id="update_issue", request=ChangeSerializer, responses=IssueDocument)
    def patch(self, request, organisation_id, issue_id):
        return self.answer(self.document(self.changed(ChangeSerializer, self.issue(issue_id))))

    def issue(self, reference):
        if ids.parse(reference) is None:
            raise BadId("issue_id", "Not a ULID.")
        return self.find_here(reference)


def beyond(name, column, at):
    """The Q of issues whose date is after or before `at`, as it is shown: in whole seconds."""
    end = at.replace(microsecond=LAST_MICROSECOND)
    if name == "after":
        return Q(**{f"{column}__gt": end})
    return Q(**{f"{column}__lte": end}) if at.microsecond else Q(**{f"{column}__lt": at})
