"""Datadog's requests, and its documents: JSON:API."""

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from django.contrib.auth import get_user_model
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from issues.issue_rows import moment
from issues.lookups import as_uuid
from issues.models import Issue, Team
from issues.query import QueryError, read
from issues.rows import loaded
from issues.serializers import BoundedListField, ExactCharField
from tracker.dialects.datadog import SENTENCE
from tracker.dialects.datadog.search import FIELDS
from tracker.dialects.datadog.words import (
    CASE,
    CLOSED,
    LANGUAGE,
    ORDERS,
    PERSONAS,
    PLATFORM,
    PRIORITY,
    STATE,
    TRACKS,
)
from tracker.dialects.serializers import whole_seconds

NAMES = (
    "id", "number", "title", "description", "status", "level", "assignee", "reporter", "updated_by", "space",
    "project", "teams", "error", "first_seen_at", "last_seen_at", "due_on", "created_at", "updated_at",
    "resolved_at", "closed_at", "extensions",
)  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Windows go no further: what was before or will be after is nothing.
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
# An issue and its case know each other's id.
CASES = uuid5(NAMESPACE_URL, "urn:tracker:datadog:case")

STATES, IDS = 20, 50


# What of an issue can be included.
PARTS = ("case", "assignee", "team_owners")


def included(issues, space, wanted):
    """Datadog's documents of what these native ones have of `wanted`, each once; at most two statements."""
    found = [issue_document(issue) for issue in issues] if "issue" in wanted else []
    if "case" in wanted:
        found += [case_document(issue) for issue in issues]
    if "assignee" in wanted:
        found += people_of(issues)
    if "team_owners" in wanted:
        found += teams_of(space, {team["id"] for issue in issues for team in issue["teams"]})
    return found


def people_of(issues):
    """Those who have the issues; whom only this door knows has no names, whoever else knows some."""
    known = {str(issue["assignee"]["id"]) for issue in issues if issue["assignee"]}
    rows = get_user_model().objects.filter(uuid__in=known) if known else ()
    users = {str(row.uuid): row for row in rows}
    for uuid in dict.fromkeys(filter(None, map(assignee_of, issues))):
        user = users.get(uuid)
        attributes = {"email": "", "handle": "", "name": ""}
        if user:
            attributes = {
                "email": user.email or "",
                "handle": user.handle or user.email or "",
                "name": user.name,
            }
        yield resource("user", uuid, attributes)


def teams_of(space, uuids):
    teams = Team.objects.filter(space=space, uuid__in=uuids) if uuids else ()
    for team in teams:
        attributes = {"handle": team.handle or team.name, "name": team.name, "summary": team.summary}
        yield resource("team", team.uuid, attributes)


# Documents of native ones with NAMES.


def resource(kind, id, attributes, **relationships):
    """A resource of JSON:API; `relationships` are {name: (type, id)}, or a list of these, None for none."""
    found = {"id": id, "type": kind, "attributes": attributes}
    related = {name: {"data": reference(one)} for name, one in relationships.items() if one}
    return found | {"relationships": related} if related else found


def reference(one):
    if isinstance(one, list):
        return [reference(each) for each in one]
    kind, id = one
    return {"id": id, "type": kind}


def as_user(person):
    return person and ("user", person["id"])


def issue_document(issue):
    error = issue["error"]
    attributes = {
        "error_message": error["message"] or issue["description"],
        "error_type": error["type"] or issue["title"],
        "file_path": error["file_path"] or "",
        "first_seen": milliseconds(issue["first_seen_at"]),
        "first_seen_version": error["first_version"] or "",
        "function_name": error["function_name"] or "",
        "is_crash": error["is_crash"],
        "languages": list(dict.fromkeys(map(LANGUAGE.shown, loaded(error["languages"])))),
        "last_seen": milliseconds(issue["last_seen_at"]),
        "last_seen_version": error["last_version"] or "",
        "platform": PLATFORM.shown(error["platform"] or ""),
        "service": error["service"] or (issue["project"]["name"] if issue["project"] else ""),
        "state": STATE.shown[issue["status"]],
    }
    assignee = assignee_of(issue)
    return resource(
        "issue",
        issue["id"],
        attributes,
        assignee=assignee and ("user", assignee),
        case=("case", case_id(issue)),
        team_owners=[("team", team["id"]) for team in issue["teams"]],
    )


def case_document(issue):
    status = CASE.get(STATE.shown[issue["status"]], CLOSED)
    attributes = {
        "created_at": whole_seconds(issue["created_at"]),
        "creation_source": "ERROR_TRACKING",
        "description": issue["description"],
        "insights": [
            {
                "ref": f"/error-tracking?issueId={issue['id']}",
                "resource_id": issue["id"],
                "type": "ERROR_TRACKING",
            }
        ],
        "key": f"ET-{issue['number']}",
        "modified_at": whole_seconds(issue["updated_at"]),
        "priority": PRIORITY[issue["level"] and issue["level"]["severity"]],
        "status": status,
        "title": issue["title"],
        "type": "ERROR_TRACKING_ISSUE",
    }
    if issue["due_on"]:
        attributes["due_date"] = issue["due_on"]
    if status == CLOSED and (closed_at := issue["closed_at"] or issue["resolved_at"]):
        attributes["closed_at"] = whole_seconds(closed_at)
    assignee = assignee_of(issue)
    return resource(
        "case",
        case_id(issue),
        attributes,
        assignee=assignee and ("user", assignee),
        created_by=as_user(issue["reporter"]),
        modified_by=as_user(issue["updated_by"]),
        project=("project", (issue["project"] or issue["space"])["id"]),
    )


def result_document(issue, seen):
    """A result of a search, of a native document and what was Seen of it."""
    attributes = {
        "impacted_sessions": seen.sessions,
        "impacted_users": seen.users,
        "total_count": seen.total,
    }
    return resource("error_tracking_search_result", issue["id"], attributes, issue=("issue", issue["id"]))


def assignee_of(issue):
    """The uuid of the person who has the issue, or of whom only this door knows."""
    if issue["assignee"]:
        return str(issue["assignee"]["id"])
    uuid = own(issue["extensions"]).get(Issue.UNKNOWN_ASSIGNEE)
    return uuid if isinstance(uuid, str) else None


def own(extensions):
    """What is kept of an issue for this door; a file that was read in may have anything there."""
    found = extensions.get("datadog")
    return found if isinstance(found, dict) else {}


def case_id(issue):
    return uuid5(CASES, str(issue["id"]))


def milliseconds(at):
    return (moment(at) - EPOCH) // timedelta(milliseconds=1)


# Requests.


class EnumField(serializers.ChoiceField):
    """One of the words of an enum of Datadog's, which refuses others in these words."""

    def __init__(self, enum, words, **kwargs):
        self.enum = enum
        super().__init__(list(words), **kwargs)

    def to_internal_value(self, data):
        if isinstance(data, str) and data not in self.choices:
            said = f"invalid json value for {self.enum}: {data[:64]}"
            raise serializers.ValidationError(said, SENTENCE)
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "enum": list(STATE.meant)})
class StateField(ExactCharField):
    """A state, in either case."""

    def to_internal_value(self, data):
        text = super().to_internal_value(data)
        if text.upper() not in STATE.meant:
            said = f'invalid json value for IssueState: "{text[:64]}"'
            raise serializers.ValidationError(said, SENTENCE)
        return text.upper()


@extend_schema_field(OpenApiTypes.UUID)
class IdField(ExactCharField):
    """A uuid."""

    def to_internal_value(self, data):
        text = super().to_internal_value(data)
        if (uuid := as_uuid(text)) is None:
            said = "invalid UUID format" if len(text) in (32, 36) else f"invalid UUID length: {len(text)}"
            raise serializers.ValidationError(said, SENTENCE)
        return uuid


@extend_schema_field(OpenApiTypes.INT64)
class MomentField(serializers.Field):
    """A time in milliseconds since 1970."""

    def to_internal_value(self, data):
        if type(data) is not int:
            raise serializers.ValidationError("Milliseconds since 1970, as a whole number.")
        try:
            return min(max(EPOCH + timedelta(milliseconds=data), FIRST), LAST)
        except OverflowError:
            return FIRST if data < 0 else LAST


class SearchAttributes(serializers.Serializer):
    query = ExactCharField(allow_blank=True)
    # A word of Python's.
    vars()["from"] = MomentField()
    to = MomentField()
    track = EnumField("TrackType", TRACKS, required=False)
    persona = EnumField("PersonaType", PERSONAS, required=False)
    order_by = EnumField("OrderBy", ORDERS, required=False, default="TOTAL_COUNT")
    states = BoundedListField(child=StateField(), max_length=STATES, required=False)
    assignee_ids = BoundedListField(child=IdField(), max_length=IDS, required=False)
    team_ids = BoundedListField(child=IdField(), max_length=IDS, required=False)

    def validate_query(self, text):
        """The Query of `text`, by the home space alone: what nobody knows is found nowhere, as there."""
        try:
            query = read(text, self.context["view"].reader(), own=FIELDS, is_strict=False)
        except QueryError as error:
            raise serializers.ValidationError(error.sentence) from error
        if query.sort:
            raise serializers.ValidationError("The order is said by order_by.")
        return query

    def validate(self, values):
        if values["from"] >= values["to"]:
            raise serializers.ValidationError({"from": ["It is not before `to`."]})
        if "track" not in values and "persona" not in values:
            raise serializers.ValidationError({"track": ["Either a track or a persona is needed."]})
        return values


class SearchData(serializers.Serializer):
    attributes = SearchAttributes()
    type = serializers.ChoiceField(["search_request"])


class SearchSerializer(serializers.Serializer):
    data = SearchData()


class StateAttributes(serializers.Serializer):
    state = StateField()


class StateData(serializers.Serializer):
    attributes = StateAttributes()
    id = IdField()
    type = serializers.ChoiceField(["error_tracking_issue"])


class StateSerializer(serializers.Serializer):
    data = StateData()


class AssigneeData(serializers.Serializer):
    id = IdField()
    type = serializers.ChoiceField(["assignee"])


class AssigneeSerializer(serializers.Serializer):
    data = AssigneeData()
