"""What Datadog's answers look like, for its OpenAPI document; a test holds real answers to it."""

from functools import cache

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from tracker.dialects.datadog.serializers import MomentField
from tracker.dialects.datadog.words import CASE, CLOSED, LANGUAGE, PLATFORM, PRIORITY, STATE, UNKNOWN


def related(kind, many=False):
    """A relationship to a resource of this kind, or to several; left out where there is none."""
    return relationship(kind, many)(required=False)


@cache
def relationship(kind, many):
    fields = {"id": serializers.UUIDField(), "type": serializers.ChoiceField([kind])}
    reference = type(f"{kind.title()}Reference", (serializers.Serializer,), fields)
    return type(f"{kind.title()}Relationship", (serializers.Serializer,), {"data": reference(many=many)})


class IssueAttributes(serializers.Serializer):
    error_message = serializers.CharField(help_text="The description of an issue that has none.")
    error_type = serializers.CharField(help_text="The title of an issue that has none.")
    file_path = serializers.CharField()
    first_seen = MomentField()
    first_seen_version = serializers.CharField()
    function_name = serializers.CharField()
    is_crash = serializers.BooleanField()
    languages = serializers.ListField(child=serializers.ChoiceField([*sorted(LANGUAGE.words), UNKNOWN]))
    last_seen = MomentField()
    last_seen_version = serializers.CharField()
    platform = serializers.ChoiceField([*sorted(PLATFORM.words), UNKNOWN])
    service = serializers.CharField(help_text="The name of its project for an issue that has none.")
    state = serializers.ChoiceField(list(STATE.meant))


class IssueRelationships(serializers.Serializer):
    assignee = related("user")
    case = related("case")
    team_owners = related("team", many=True)


class IssueResource(serializers.Serializer):
    id = serializers.UUIDField()
    type = serializers.ChoiceField(["issue"])
    attributes = IssueAttributes()
    relationships = IssueRelationships()


class InsightDocument(serializers.Serializer):
    ref = serializers.CharField()
    resource_id = serializers.UUIDField()
    type = serializers.ChoiceField(["ERROR_TRACKING"])


class CaseAttributes(serializers.Serializer):
    created_at = serializers.DateTimeField()
    creation_source = serializers.ChoiceField(["ERROR_TRACKING"])
    description = serializers.CharField()
    insights = InsightDocument(many=True)
    key = serializers.CharField()
    modified_at = serializers.DateTimeField()
    priority = serializers.ChoiceField(list(PRIORITY.values()))
    status = serializers.ChoiceField([*CASE.values(), CLOSED])
    title = serializers.CharField()
    type = serializers.ChoiceField(["ERROR_TRACKING_ISSUE"])
    due_date = serializers.DateField(required=False)
    closed_at = serializers.DateTimeField(required=False)


class CaseRelationships(serializers.Serializer):
    assignee = related("user")
    created_by = related("user")
    modified_by = related("user")
    project = related("project")


class CaseResource(serializers.Serializer):
    id = serializers.UUIDField()
    type = serializers.ChoiceField(["case"])
    attributes = CaseAttributes()
    relationships = CaseRelationships()


class UserAttributes(serializers.Serializer):
    email = serializers.CharField()
    handle = serializers.CharField()
    name = serializers.CharField()


class UserResource(serializers.Serializer):
    id = serializers.UUIDField()
    type = serializers.ChoiceField(["user"])
    attributes = UserAttributes()


class TeamAttributes(serializers.Serializer):
    handle = serializers.CharField()
    name = serializers.CharField()
    summary = serializers.CharField()


class TeamResource(serializers.Serializer):
    id = serializers.UUIDField()
    type = serializers.ChoiceField(["team"])
    attributes = TeamAttributes()


class ResultAttributes(serializers.Serializer):
    impacted_sessions = serializers.IntegerField()
    impacted_users = serializers.IntegerField()
    total_count = serializers.IntegerField()


class ResultRelationships(serializers.Serializer):
    issue = related("issue")


class ResultResource(serializers.Serializer):
    id = serializers.UUIDField()
    type = serializers.ChoiceField(["error_tracking_search_result"])
    attributes = ResultAttributes()
    relationships = ResultRelationships()


RESOURCES = {"case": CaseResource, "user": UserResource, "team": TeamResource}


def included(name, resources):
    return PolymorphicProxySerializer(
        component_name=name,
        serializers=resources,
        resource_type_field_name="type",
        many=True,
        required=False,
        help_text="Left out where `include` is empty.",
    )


class IssueDocument(serializers.Serializer):
    data = IssueResource()
    included = included("IssueIncluded", RESOURCES)


class ResultsDocument(serializers.Serializer):
    data = ResultResource(many=True)
    included = included("SearchIncluded", {"issue": IssueResource} | RESOURCES)
