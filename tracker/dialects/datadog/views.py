"""Datadog's calls."""

from copy import copy

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError

from issues import issue_rows, lookups
from issues.filters import BadParameter
from issues.limits import PAGE
from issues.models import Issue
from issues.viewsets import no_content
from issues.windows import seen
from tracker.dialects.datadog import SENTENCE, door
from tracker.dialects.datadog.documents import IssueDocument, ResultsDocument
from tracker.dialects.datadog.search import assigned_to, in_states, of_persona, of_track, owned_by
from tracker.dialects.datadog.serializers import (
    NAMES,
    PARTS,
    AssigneeSerializer,
    SearchSerializer,
    StateSerializer,
    assignee_of,
    included,
    issue_document,
    own,
    result_document,
)
from tracker.dialects.datadog.words import ORDERS, STATE
from tracker.dialects.openapi import parameter
from tracker.dialects.views import DoorView


def include(known):
    """The parameter that says what is to be included."""
    return parameter("include", description=f"Of {', '.join(known)}, with commas between; all by default.")


class DatadogView(DoorView):
    door = door

    def wanted(self, known):
        """Which parts are to be included, by the words that name them here: all where nothing is said."""
        text = self.request.query_params.get("include")
        words = known if text is None else [word for word in text.split(",") if word]
        if unknown := [word for word in words if word not in known]:
            raise BadParameter("include", f"{unknown[0][:64]!r} is not one of {', '.join(known)}.")
        return [word.rpartition(".")[2] for word in words]

    def answer_with(self, data, issues, space, wanted):
        document = {"data": data}
        if wanted:
            document["included"] = included(issues, space, wanted)
        return self.answer(document)


class SearchView(DatadogView):
    """`/api/v2/error-tracking/issues/search`"""

    verbs = {"POST": "read"}
    INCLUDED = ("issue", *(f"issue.{part}" for part in PARTS))

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        self.space = self.home()
        if self.space is None:
            raise PermissionDenied()

    def reader(self):
        """The user, who sees of the home space what is no secret among its members, and nothing else."""
        user = copy(self.request.user)
        user._space_roles = {self.space.pk: "viewer"}
        return user

    @extend_schema(
        operation_id="search_issues",
        parameters=[include(INCLUDED)],
        request=SearchSerializer,
        responses=ResultsDocument,
    )
    def post(self, request):
        wanted = self.wanted(self.INCLUDED)
        asked = self.checked(SearchSerializer).validated_data["data"]["attributes"]
        order, window = ORDERS[asked["order_by"]], (asked["from"], asked["to"])
        found = seen(self.space.pk, *window, self.conditions(asked), order, PAGE)
        rows = issue_rows.documents([self.space.pk], [row.issue for row in found], NAMES)
        # One may have been deleted since.
        found = [row for row in found if row.issue in rows]
        data = [result_document(rows[row.issue], row) for row in found]
        return self.answer_with(data, [rows[row.issue] for row in found], self.space, wanted)

    def conditions(self, asked):
        yield asked["query"].condition
        if "track" in asked:
            yield of_track(asked["track"])
        if "persona" in asked:
            yield of_persona(asked["persona"])
        if asked.get("states"):
            yield in_states(asked["states"])
        if asked.get("assignee_ids"):
            yield assigned_to([self.space.pk], asked["assignee_ids"])
        if asked.get("team_ids"):
            yield owned_by(self.space, asked["team_ids"])


class OneView(DatadogView):
    """What is called for one issue."""

    def issue(self, reference):
        """The issue of the home space with this uuid."""
        uuid = lookups.as_uuid(reference)
        if uuid is None:
            raise BadId()
        issues = Issue.objects.visible_to(self.request.user).filter(space=self.request.auth.space_id)
        issue = issues.select_related("space").filter(uuid=uuid).first()
        if issue is None:
            raise NotFound("issue not found")
        self.check_object_permissions(self.request, issue)
        return issue

    def answer_with_issue(self, issue, wanted=PARTS):
        native = issue_rows.document_of(issue, NAMES)
        return self.answer_with(issue_document(native), [native], issue.space, wanted)


class IssueView(OneView):
    """`/api/v2/error-tracking/issues/{issue_id}`"""

    @extend_schema(operation_id="get_issue", parameters=[include(PARTS)], responses=IssueDocument)
    def get(self, request, issue_id):
        issue = self.issue(issue_id)
        return self.answer_with_issue(issue, self.wanted(PARTS))


class StateView(OneView):
    """`/api/v2/error-tracking/issues/{issue_id}/state`"""

    @extend_schema(operation_id="update_issue_state", request=StateSerializer, responses=IssueDocument)
    def put(self, request, issue_id):
        issue = self.issue(issue_id)
        data = self.checked(StateSerializer).validated_data["data"]
        if data["id"] != issue.uuid:
            raise ValidationError({"data": {"id": ["It is not the id of the address."]}})
        self.set_state(issue, data["attributes"]["state"])
        return self.answer_with_issue(issue)

    @transaction.atomic
    def set_state(self, issue, state):
        issue.lock()
        if state != STATE.shown[issue.status]:
            issue.status = STATE.meant[state]
            issue.save()


class AssigneeView(OneView):
    """`/api/v2/error-tracking/issues/{issue_id}/assignee`"""

    @extend_schema(operation_id="update_issue_assignee", request=AssigneeSerializer, responses=IssueDocument)
    def put(self, request, issue_id):
        issue = self.issue(issue_id)
        self.assign(issue, str(self.checked(AssigneeSerializer).validated_data["data"]["id"]))
        return self.answer_with_issue(issue)

    @extend_schema(operation_id="delete_issue_assignee", responses={204: None})
    def delete(self, request, issue_id):
        self.assign(self.issue(issue_id), None)
        return no_content()

    @transaction.atomic
    def assign(self, issue, uuid):
        """Give an issue to the member with this uuid; anybody else is kept for this door alone."""
        # What this door keeps aside is written as a whole.
        issue.lock()
        if uuid == assignee_of(issue_rows.document_of(issue, ("assignee", "extensions"))):
            return
        issue.assignee = uuid and lookups.find_person([issue.space_id], uuid)
        kept = {**own(issue.extensions)}
        kept.pop(Issue.UNKNOWN_ASSIGNEE, None)
        if uuid and issue.assignee is None:
            kept[Issue.UNKNOWN_ASSIGNEE] = uuid
        others = {name: known for name, known in issue.extensions.items() if name != "datadog"}
        issue.extensions = others | ({"datadog": kept} if kept else {})
        issue.save()


class BadId(ValidationError):
    """An id in the address that is no uuid."""

    def __init__(self):
        super().__init__({"id": ["issue id is not an uuid"]}, SENTENCE)
