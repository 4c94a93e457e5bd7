"""Guance's calls for issues, and what all its calls have in common."""

from django.db.models import Q
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers

from issues import issue_rows, lookups
from issues.limits import PAGE, QUERY
from issues.models import Channel
from issues.models.fields import canonical
from issues.models.search_document import value_token
from issues.paths import changed_by_nobody, member_of, told_by_nobody
from issues.search import narrowed, told
from issues.serializers import ExactCharField
from issues.space_serializers import StrictIntegerField
from tracker.dialects import ids
from tracker.dialects.guance import door, envelope
from tracker.dialects.guance.documents import DoneAnswer, IssueAnswer, IssuesAnswer, WholeIssueAnswer
from tracker.dialects.guance.serializers import (
    MORE,
    NAMES,
    STATUSES,
    ChangeSerializer,
    CreateSerializer,
    documents,
    find_level,
    whole_document,
)
from tracker.dialects.guance.words import STATUS
from tracker.dialects.serializers import DoorSerializer
from tracker.dialects.views import LATEST, DoorView, Listing, saying, since, until

SIZE = 10
# Times from here on are in milliseconds.
MILLISECONDS = 100_000_000_000
NOTHING = Q(pk__in=())
UNITS, AT_MOST = "Unix seconds or milliseconds.", f"{PAGE} at most."


class GuanceView(DoorView):
    """The key fixes the workspace, `space`; what the caller may do there is asked before all else."""

    door = door

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        self.space = self.home()
        if self.space is None:
            self.permission_denied(request)
        self.check_object_permissions(request, self.space)

    def content(self, content, **more):
        return self.answer(envelope(content, **more))

    def issue(self, reference):
        """The issue of this id in the workspace; Http404."""
        return self.find_here(reference, "issue")

    def row(self, model, reference, prefix):
        """The row of the workspace with this id that is not retired; Http404."""
        uuid = ids.parse(reference, prefix)
        found = uuid and model.objects.filter(space=self.space, is_active=True, uuid=uuid).first()
        if not found:
            raise Http404
        return found

    def answer_with(self, issue):
        native = issue_rows.document_of(issue, NAMES)
        return self.content(documents([native], self.space)[0])


def page_info(count, number, size, total):
    return {"count": count, "pageIndex": number, "pageSize": size, "totalCount": total}


class AddView(GuanceView):
    """`/api/v1/issue/add`"""

    @extend_schema(operation_id="issue_add", request=CreateSerializer, responses=IssueAnswer)
    def post(self, request):
        return self.answer_with(self.checked(CreateSerializer).save())


class IssueView(GuanceView):
    """`/api/v1/issue/{uuid}/get`"""

    @extend_schema(operation_id="issue_get", responses=WholeIssueAnswer)
    def get(self, request, id):
        native = issue_rows.document_of(self.issue(id), MORE)
        return self.content(whole_document(native, self.space))


class ModifyView(GuanceView):
    """`/api/v1/issue/{uuid}/modify`"""

    @extend_schema(operation_id="issue_modify", request=ChangeSerializer, responses=IssueAnswer)
    def post(self, request, id):
        return self.answer_with(self.changed(ChangeSerializer, self.issue(id)))


class DeleteView(GuanceView):
    """`/api/v1/issue/{uuid}/delete`"""

    verbs = {"POST": "delete"}

    @extend_schema(operation_id="issue_delete", request=None, responses=DoneAnswer)
    def post(self, request, id):
        self.issue(id).trash()
        return self.content(True)


# Lists.


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}]})
class ValueField(serializers.JSONField):
    """What a condition compares with."""


@extend_schema_field({"oneOf": [{"type": "boolean"}, {"type": "string", "enum": ["true", "false"]}]})
class EqualField(serializers.ChoiceField):
    """Whether a condition holds or does not."""

    def __init__(self, **kwargs):
        super().__init__([True, False, "true", "false"], **kwargs)


class FilterSerializer(DoorSerializer):
    """One condition of a list."""

    key = serializers.ChoiceField(["resource", "level", "statusType", "creator", "updator"])
    value = ValueField()
    equal = EqualField(required=False, default=True)

    def validate(self, values):
        key, value = values["key"], values["value"]
        if key in ("level", "statusType") and type(value) is int:
            value = str(value)
        if not isinstance(value, str) or len(value) > QUERY:
            raise serializers.ValidationError({"value": ["A text."]})
        if key == "statusType" and value not in STATUSES.split(", "):
            raise serializers.ValidationError({"value": [f"One of {STATUSES}."]})
        return {"key": key, "value": value, "equal": values["equal"] in (True, "true")}


class MomentField(StrictIntegerField):
    """A time in unix seconds or milliseconds, in milliseconds."""

    def to_internal_value(self, data):
        number = super().to_internal_value(data)
        milliseconds = number if number >= MILLISECONDS else number * 1_000
        if not 0 <= milliseconds <= LATEST:
            raise serializers.ValidationError("Seconds or milliseconds since 1970.")
        return milliseconds


class ListSerializer(DoorSerializer):
    """What a list is narrowed by."""

    channelUUID = ExactCharField(required=False, max_length=64)
    filters = serializers.ListField(child=FilterSerializer(), required=False, default=list, max_length=100)
    startTime = MomentField(required=False, help_text=UNITS)
    endTime = MomentField(required=False, help_text=UNITS)
    search = ExactCharField(required=False, allow_blank=True, max_length=QUERY, default="")
    pageIndex = StrictIntegerField(required=False, default=1, min_value=1, max_value=999_999_999)
    pageSize = StrictIntegerField(required=False, default=SIZE, min_value=1, help_text=AT_MOST)


class ListView(GuanceView):
    """`/api/v1/issue/list`"""

    verbs = {"POST": "read"}

    @extend_schema(operation_id="issue_list", request=ListSerializer, responses=IssuesAnswer)
    def post(self, request):
        asked = self.checked(ListSerializer).validated_data
        number, size = asked.pop("pageIndex"), min(asked.pop("pageSize"), PAGE)
        conditions = list(self.conditions(asked))
        conditions += narrowed(conditions)
        listing = Listing(request.user, [self.space.pk], conditions, canonical(asked))
        total = listing.total()
        rows = listing.page(number, size, NAMES, total)
        pages = page_info(len(rows), number, size, total)
        return self.content({"data": documents(rows, self.space), "pageInfo": pages}, pageInfo=pages)

    def conditions(self, asked):
        """Qs on issues that all hold."""
        if "channelUUID" in asked:
            yield from self.in_channel(ids.parse(asked["channelUUID"], "chan"))
        for condition in asked["filters"]:
            found = WANTED[condition["key"]](self.space, condition["value"])
            yield found if condition["equal"] else ~found
        if "startTime" in asked:
            yield since(asked["startTime"])
        if "endTime" in asked:
            yield until(asked["endTime"])
        if asked["search"].strip():
            yield saying(self.space, asked["search"])

    def in_channel(self, uuid):
        channel = Channel.objects.filter(space=self.space, uuid=uuid).first() if uuid else None
        if channel is None:
            yield NOTHING
        elif not channel.is_default:
            yield member_of("channel", [channel.pk])


def by_resource(space, value):
    found = Q(resource_name=value)
    return told(found, [value_token("resource_name", value)]) if value else found


def by_level(space, value):
    level = find_level(space, f"system_level_{value}" if value.isdigit() else value)
    return NOTHING if level is False else Q(level=level and level.pk)


def by_status(space, value):
    return Q(status__in=STATUS.values(int(value)))


def by_creator(space, value):
    """Whom an issue hides, no filter finds."""
    if not value:
        return told_by_nobody([space.pk])
    person = person_of(space, value)
    return Q(reporter=person, is_anonymous=False) if person else NOTHING


def by_updator(space, value):
    if not value:
        return changed_by_nobody([space.pk])
    person = person_of(space, value)
    return Q(updated_by=person) & ~Q(is_anonymous=True, reporter=person) if person else NOTHING


def person_of(space, value):
    """The primary key of the person of this id, None for nobody who is or was a member."""
    uuid = ids.parse(value, "acnt")
    return uuid and lookups.known_person([space.pk], str(uuid))


WANTED = {
    "resource": by_resource,
    "level": by_level,
    "statusType": by_status,
    "creator": by_creator,
    "updator": by_updator,
}
