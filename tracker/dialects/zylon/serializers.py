"""Zylon's documents."""

from uuid import UUID

from django.db import connection
from rest_framework import serializers

from issues import lookups
from issues.limits import TEXT
from issues.models import Issue, Project
from issues.models.sql import among
from issues.rows import dashed
from issues.serializers import ExactCharField, StrictBooleanField
from tracker.dialects import ids
from tracker.dialects.ids import prefixed
from tracker.dialects.serializers import DoorSerializer, WordField, whole_seconds
from tracker.dialects.zylon.words import DELETED, OTHER, RESOURCE, ROLES, STATE, STATE_OR_DELETED, TYPES

NAMES = (
    "id", "number", "description", "kind", "status", "is_read", "created_at", "updated_at", "reporter",
    "project", "extensions", "is_deleted",
)  # fmt: skip


def people_of(space, issues):
    """{uuid: Zylon's document} of the reporters whom native documents name, in one statement."""
    wanted = {lookups.stored(UUID(str(issue["reporter"]["id"]))) for issue in issues if issue["reporter"]}
    if not wanted:
        return {}
    these, uuids = among("p.uuid", wanted)
    people = (
        "SELECT p.uuid, p.name, p.email, p.is_active, p.date_joined, m.role "  # noqa: S608
        "FROM accounts_user AS p LEFT JOIN issues_membership AS m "
        f"ON m.user_id = p.id AND m.space_id = %s AND m.is_active WHERE {these}"
    )
    with connection.cursor() as cursor:
        cursor.execute(people, [space.pk, *uuids])
        found = cursor.fetchall()
    return {dashed(str(uuid)): person_document(space, uuid, *rest) for uuid, *rest in found}


def person_document(space, uuid, name, email, is_active, joined, role):
    return {
        "id": prefixed("user", uuid),
        "org_id": prefixed("org", space.uuid),
        "account_id": prefixed("acct", uuid),
        "name": name,
        "email": email or "",
        "state": "Active" if is_active and role else "Inactive",
        "roles": [ROLES[role]] if role else [],
        "created_at": whole_seconds(joined),
    }


def document(issue, people, with_project=False):
    """An issue of Zylon's, of a native document with NAMES; {uuid of a reporter: their document}."""
    found = {
        "id": prefixed("issue", issue["id"]),
        "issue_number": issue["number"],
        "description": issue["description"],
        "resource_type": RESOURCE,
        "type": type_of(issue),
        "state": DELETED if issue["is_deleted"] else STATE.shown[issue["status"]],
        "is_read": issue["is_read"],
        "created_at": whole_seconds(issue["created_at"]),
        "updated_at": whole_seconds(issue["updated_at"]),
    }
    if issue["reporter"]:
        found["created_by"] = people[str(issue["reporter"]["id"])]
    if (config := config_of(issue)) is not None:
        found["data"] = config
    if with_project and issue["project"]:
        project = issue["project"]
        found["project"] = {"id": prefixed("project", project["id"]), "name": project["name"]}
    return found


def type_of(issue):
    return issue["kind"] if issue["kind"] in TYPES else OTHER


def config_of(issue):
    # A file that was read in may have anything here.
    own = issue["extensions"].get("zylon")
    config = own.get("config") if isinstance(own, dict) else None
    return config if isinstance(config, dict) else None


class ChangeSerializer(DoorSerializer):
    """What a PATCH may say of an issue; in a PUT a missing `is_read` is false."""

    names = NAMES
    description_format = Issue.Format.MARKDOWN

    description = ExactCharField(max_length=TEXT, allow_blank=True, required=False)
    type = serializers.ChoiceField(TYPES, source="kind", required=False)
    state = WordField(STATE_OR_DELETED, source="status", required=False)
    is_read = StrictBooleanField(required=False)

    def shown(self, issue):
        return {
            "description": issue["description"],
            "type": type_of(issue),
            "state": STATE.shown[issue["status"]],
            "is_read": issue["is_read"],
        }

    def update(self, issue, values):
        if values.get("status") == DELETED:
            del values["status"]
            super().update(issue, values)
            issue.trash()
            return issue
        return super().update(issue, values)


class CreateSerializer(DoorSerializer):
    """A new issue; the newer pages also have a project and what the product itself knows of the thread."""

    description = ExactCharField(max_length=TEXT, allow_blank=True, required=False, default="")
    resource_type = serializers.ChoiceField([RESOURCE])
    type = serializers.ChoiceField(TYPES)
    anonymous = StrictBooleanField(required=False, default=False)
    project_id = ExactCharField(required=False, max_length=64)
    config = serializers.DictField(required=False)

    def validate_project_id(self, reference):
        uuid = ids.parse(reference, "project") or ids.parse(reference)
        project = uuid and lookups.find_in_spaces(Project, [self.context["view"].space.pk], str(uuid))
        if not project:
            raise serializers.ValidationError("There is no such project.", "not_found")
        return project

    def create(self, values):
        own = {"config": values["config"]} if "config" in values else {}
        issue = Issue(
            space=self.context["view"].space,
            reporter=self.context["request"].user,
            description=values["description"],
            resource_type=values["resource_type"],
            kind=values["type"],
            is_anonymous=values["anonymous"],
            project=values.get("project_id"),
            extensions={"zylon": own} if own else {},
        )
        issue.save()
        return issue
