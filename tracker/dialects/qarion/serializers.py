"""Qarion's documents."""

from rest_framework import serializers

from issues import lookups
from issues.limits import TEXT
from issues.models import Issue, Project
from issues.serializers import ExactCharField
from tracker.dialects.qarion.words import ACTIONS, PRIORITY, STATUS
from tracker.dialects.serializers import DoorSerializer, TitleField, WordField, level_of, whole_seconds

NAMES = (
    "id", "title", "description", "status", "level", "project", "assignee", "reporter", "space", "source",
    "created_at", "updated_at",
)  # fmt: skip


def named(row):
    return row and {"id": row["id"], "name": row["name"]}


def priority_of(level):
    return PRIORITY.shown[level and level["severity"]]


def document(issue):
    """An issue of Qarion's, of a native document with NAMES."""
    return {
        "id": issue["id"],
        "title": issue["title"],
        "description": issue["description"],
        "status": STATUS.shown[issue["status"]],
        "priority": priority_of(issue["level"]),
        "product": named(issue["project"]),
        "assignee": named(issue["assignee"]),
        "reporter": named(issue["reporter"]),
        "created_at": whole_seconds(issue["created_at"]),
        "updated_at": whole_seconds(issue["updated_at"]),
        "space_id": issue["space"]["id"],
        "alert_id": issue["source"]["alert_id"] or None,
    }


class IdField(serializers.UUIDField):
    """A uuid, typed as the product's pages have it."""

    def to_internal_value(self, data):
        uuid = lookups.as_uuid(data)
        if uuid is None:
            self.fail("invalid", value=data)
        return uuid


class ChangeSerializer(DoorSerializer):
    """What a PATCH may say of an issue."""

    names = NAMES
    title_name = "title"
    description_format = Issue.Format.MARKDOWN

    title = TitleField(required=False)
    description = ExactCharField(max_length=TEXT, allow_blank=True, allow_null=True, required=False)
    status = WordField(STATUS, required=False)
    priority = WordField(PRIORITY, required=False)
    product_id = IdField(required=False, allow_null=True)
    assignee_id = IdField(required=False, allow_null=True)

    def to_internal_value(self, data):
        if isinstance(data, dict) and data.get("description", ...) is None:
            # It is one way to say that there is none.
            data = data | {"description": ""}
        return super().to_internal_value(data)

    def shown(self, issue):
        said = document(issue)
        said |= {f"{name}_id": said[name] and said[name]["id"] for name in ("product", "assignee")}
        if issue["level"] is None:
            # Whoever writes `medium` means it.
            del said["priority"]
        return said

    def resolved(self, values, space):
        """`values` as columns of an issue of this space."""
        found = dict(values)
        if "priority" in found:
            found["level"] = level_of(found.pop("priority"))
        if "product_id" in found:
            reference = found.pop("product_id")
            found["project"] = reference and self.row(
                "product_id", lookups.find_in_spaces(Project, [space.pk], str(reference))
            )
        if "assignee_id" in found:
            reference = found.pop("assignee_id")
            found["assignee"] = reference and self.row(
                "assignee_id", lookups.find_person([space.pk], str(reference))
            )
        return found

    def row(self, name, row):
        if row is None:
            raise serializers.ValidationError({name: ["There is no such thing here."]}, "not_found")
        return row

    def validate(self, values):
        return self.resolved(values, self.instance.space)


class CreateSerializer(ChangeSerializer):
    """A new issue. Qarion's own pages call medium the usual priority."""

    title = TitleField()
    # Qarion's page sets one on an issue that is there and on no other.
    status = None
    space_id = IdField()
    alert_id = IdField(required=False, allow_null=True)

    def validate(self, values):
        space = lookups.find_space(self.context["request"].user, str(values.pop("space_id")))
        self.context["view"].check_space(space)
        values = {"priority": "medium"} | values
        alert = values.pop("alert_id", None)
        return self.resolved(values, space) | {"space": space, "alert_id": str(alert) if alert else ""}

    def create(self, values):
        issue = Issue(reporter=self.context["request"].user)
        return self.update(issue, values)


class CommentSerializer(serializers.Serializer):
    content = ExactCharField(max_length=TEXT)

    def validate_content(self, content):
        if not content.strip():
            raise serializers.ValidationError("This field may not be blank.", "blank")
        return content


def comment_document(comment):
    """A comment of Qarion's, of a native document."""
    author = comment["author"]
    return {
        "id": comment["id"],
        "content": comment["content"],
        "author": author and named(author) | {"avatar_url": author["avatar_url"]},
        "created_at": whole_seconds(comment["created_at"]),
    }


def history_items(entries, severities):
    """What Qarion's history tells of native entries; {uuid of a level: its severity}.

    An entry whose two values are one word in Qarion has not happened there.
    """
    for entry in entries:
        old, new = (value_of(entry, side, severities) for side in ("old", "new"))
        action = ACTIONS.get(entry["action"])
        if action and (old != new or old is None):
            yield {
                "id": entry["id"],
                "action": action,
                "old_value": old,
                "new_value": new,
                "actor": entry["actor"],
                "timestamp": whole_seconds(entry["created_at"]),
            }


def value_of(entry, side, severities):
    """One side of an entry in Qarion's vocabulary, a text or None."""
    value = entry[f"{side}_value"]
    match entry["action"]:
        case "status_changed" | "regressed":
            return STATUS.shown[value]
        case "priority_changed":
            return PRIORITY.shown[severities.get(value)]
        case "title_changed" | "description_changed":
            return value
        case "comment_added":
            return value and value["content"]
        case "assignee_changed" | "project_changed":
            return entry[f"{side}_display"] or None
    return None
