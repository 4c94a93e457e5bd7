"""Versori's documents."""

from uuid import UUID

import orjson
from django.db import IntegrityError, transaction
from rest_framework import serializers

from issues.limits import TEXT
from issues.models import Environment, Issue, Project
from issues.models.issue import group
from issues.rows import dump, shared
from issues.serializers import ExactCharField, LabelsField, MomentField
from tracker.dialects import ids
from tracker.dialects.serializers import DoorSerializer, TitleField, WordField, level_of, whole_seconds
from tracker.dialects.versori.words import BY_STATUS, RESOLUTION, SEVERITY, STATUS

NAMES = (
    "id", "space", "project", "environment", "external_ids", "status", "resolution", "reason", "description",
    "title", "labels", "annotations", "created_at", "last_seen_at", "seen_count", "resolved_at", "level",
)  # fmt: skip
EXTERNAL_ID = 128


@shared
def ulid(uuid):
    return ids.ulid_of(UUID(uuid))


def document(issue):
    """An issue of Versori's, of a native document with NAMES.

    An issue of no project is of the organisation's default one, which goes by the organisation's own id, and
    so it is with environments.
    """
    organisation = ulid(issue["space"]["id"])
    found = {
        "id": ulid(issue["id"]),
        "organisationId": organisation,
        "projectId": id_of(issue, "project") or organisation,
        "environmentId": id_of(issue, "environment") or organisation,
        "status": STATUS.shown[issue["status"]],
        "reason": issue["reason"],
        "message": issue["description"],
        "title": issue["title"],
        "labels": issue["labels"],
        "annotations": issue["annotations"],
        "createdAt": whole_seconds(issue["created_at"]),
        "lastSeenAt": whole_seconds(issue["last_seen_at"]),
        "seenCount": issue["seen_count"],
        "resolvedAt": whole_seconds(issue["resolved_at"]),
    }
    # The product's clients take no null for these.
    if resolution := RESOLUTION.shown.get(issue["resolution"]) or BY_STATUS.get(issue["status"]):
        found["resolutionStatus"] = resolution
    if issue["level"]:
        found["severity"] = SEVERITY.shown[issue["level"]["severity"]]
    return found


def id_of(issue, name):
    """The id that a client brought for what this issue belongs to, or that row's own."""
    row = issue[name]
    return row and (issue["external_ids"][name] or ulid(row["id"]))


def known(model, space, text):
    """The row of the space (a project, an environment) that goes by this id, or None."""
    rows, uuid = model.objects.filter(space=space), ids.parse(text)
    return rows.filter(external_id=text).first() or (uuid and rows.filter(uuid=uuid).first())


def adopted(model, space, text):
    """`known`, made if it is not: a client's environments and projects are made where we never hear of it.

    None for the default one. Called inside the transaction of what belongs to it.
    """
    if ids.parse(text) == space.uuid:
        return None
    if row := known(model, space, text):
        return row
    row = model(space=space, name=text, external_id=text)
    try:
        row.save()
    except IntegrityError:
        # Somebody brought it at the same moment.
        return known(model, space, text)
    return row


class IssueSerializer(DoorSerializer):
    """What may be said of an issue, new or not."""

    names = NAMES
    title_name = "title"
    description_format = Issue.Format.TEXT

    organisationId = ExactCharField(required=False)
    reason = serializers.ChoiceField(Issue.Reason.choices, required=False)
    message = ExactCharField(source="description", max_length=TEXT, allow_blank=True, required=False)
    title = TitleField(required=False)
    labels = LabelsField()
    annotations = LabelsField()
    severity = WordField(SEVERITY, required=False, allow_null=True)

    def validate_organisationId(self, text):
        if ids.parse(text) != self.context["view"].space.uuid:
            raise serializers.ValidationError("It is not the organisation of the path.")
        return text

    def validate(self, values):
        values.pop("organisationId", None)
        if "severity" in values:
            values["level"] = level_of(values.pop("severity"))
        return values


class ChangeSerializer(IssueSerializer):
    """What a PATCH may say of an issue; null takes the severity or the resolution away."""

    resolvedAt = MomentField(source="resolved_at", required=False, allow_null=True)
    resolutionStatus = serializers.ChoiceField(
        list(RESOLUTION.meant), source="resolution", required=False, allow_null=True
    )
    status = WordField(STATUS, required=False)

    def shown(self, issue):
        said = orjson.loads(dump(document(issue)))
        if self.initial_data.get("status", said["status"]) != said["status"]:
            # What is said along with another status stands, though it be what stood there before.
            del said["resolvedAt"]
            said.pop("resolutionStatus", None)
        return said

    def validate(self, values):
        values = super().validate(values)
        is_taken_away = values.get("resolution", ...) is None and "status" not in values
        if is_taken_away and STATUS.shown[self.instance.status] == "closed":
            # One that is ignored or excluded is shown with a resolution though it has none.
            values["status"] = Issue.Status.CLOSED
        return values

    def validate_resolvedAt(self, at):
        kept = self.instance.resolved_at
        # As it is shown, in whatever spelling.
        return kept if kept and at == kept.replace(microsecond=0) else at

    def named(self, issue, values):
        """A status of the same group keeps the resolution, though it then may mean another status."""
        is_near = "status" in values and group(values["status"]) == group(issue.status)
        return super().named(issue, values) | ({"resolution"} if is_near else set())


class CreateSerializer(IssueSerializer):
    """A new issue, with what it belongs to."""

    organisationId = ExactCharField()
    environmentId = ExactCharField(max_length=EXTERNAL_ID)
    projectId = ExactCharField(max_length=EXTERNAL_ID, required=False)
    reason = serializers.ChoiceField(Issue.Reason.choices)
    title = TitleField()
    severity = WordField(SEVERITY)

    BELONGS = {"environmentId": ("environment", Environment), "projectId": ("project", Project)}

    def create(self, values):
        space = self.context["view"].space
        issue = Issue(space=space, reporter=self.context["request"].user)
        with transaction.atomic():
            for name, (column, model) in self.BELONGS.items():
                if name in values:
                    values[column] = adopted(model, space, values.pop(name))
            return self.update(issue, values)
