"""Guance's documents of issues, and what the bodies of its calls have in common."""

from django.db.models import Q
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from issues import issue_rows
from issues.limits import ATTACHMENTS, NAME, TEXT
from issues.lookups import as_uuid
from issues.models import Attachment, Channel, Issue, Level
from issues.rows import person, shared
from issues.serializers import BoundedListField, ExactCharField
from tracker.dialects import ids
from tracker.dialects.guance import extend as extends
from tracker.dialects.guance.words import NEVER, NO_LEVEL, NORMAL, SOURCES, STATUS, STATUS_NAMES, SYSTEM
from tracker.dialects.ids import prefixed
from tracker.dialects.serializers import DoorSerializer, TitleField

NAMES = (
    "id", "number", "space", "title", "description", "status", "level", "assignee", "teams", "reporter",
    "updated_by", "is_anonymous", "source", "extensions", "created_at", "updated_at",
)  # fmt: skip
# What one issue shows beside.
MORE = (*NAMES, "attachments", "channels")
STATUSES = ", ".join(map(str, STATUS.meant))
# As many things as one `extend` or one list of ids may name.
MOST = 1_000
BLANK = dict.fromkeys(("acntWsNickname", "email", "iconUrl", "name", "username"), "")
NO_DECLARATION = {"business": "", "organization": ""}


def seconds(moment):
    """A time, as documents of issues have it or as rows do, in unix seconds."""
    return int(issue_rows.moment(moment).timestamp() // 1)


def serial(uuid):
    """A whole number for what has no number of its own, of its uuid.

    That is its millisecond, and 12 bits of the rest to tell apart what was made in one. JavaScript reads it
    exactly.
    """
    return uuid.int >> 80 << 12 | uuid.int & 0xFFF


def document_of(user):
    """The native document of a person, None for nobody."""
    return user and person(user.uuid, user.name, user.email)


# Those of a page are few, and no time is to be lost on each of its rows.
@shared
def account_id(uuid):
    return prefixed("acnt", uuid)


@shared
def workspace_id(uuid):
    return prefixed("wksp", uuid)


def account(who):
    """The id of a person, of their native document; blank for nobody."""
    return account_id(who["id"]) if who else ""


def info(who):
    """What is told of a person, of their native document; blank for nobody."""
    return filled(who["name"], who["email"] or "") if who else BLANK


@shared
def filled(name, email):
    return BLANK | {"email": email, "name": name, "username": email}


def level_name(level):
    """What a level is called, of its native document."""
    if level is None:
        return NO_LEVEL
    return SYSTEM.get(str(level["id"])) or prefixed("issl", level["id"])


def find_level(space, name):
    """The level that a name or an id means in a space: None for none, False where there is no such level."""
    if name == NO_LEVEL:
        return None
    system = next((uuid for uuid, known in SYSTEM.items() if known == name), None)
    uuid = as_uuid(system) or ids.parse(name, "issl")
    levels = Level.objects.filter(space=None if system else space, uuid=uuid)
    return (uuid and levels.first()) or False


def present_in(space, rows_extensions):
    """The texts in these rows' objects that name something of the space, as `extend.shown` wants them."""
    owned = filter(None, map(extends.own, rows_extensions))
    return extends.present(space, [own.get("extend", {}) for own in owned])


def managed(issue):
    """(what is kept of a native document, the uuid of its assignee, those of its teams)"""
    assignee = issue["assignee"] and str(issue["assignee"]["id"])
    return extends.own(issue["extensions"]), assignee, [str(team["id"]) for team in issue["teams"]]


def documents(issues, space):
    """Issues of Guance's, of native documents with NAMES."""
    present = present_in(space, [issue["extensions"] for issue in issues])
    return [document(issue, present) for issue in issues]


def document(issue, present):
    """An issue of Guance's; `present` as for `extend.shown`."""
    creator, updator, source = issue["reporter"], issue["updated_by"], issue["source"]
    return {
        "createAt": seconds(issue["created_at"]),
        "creator": account(creator),
        "creatorInfo": info(creator),
        "deleteAt": NEVER,
        "description": issue["description"],
        "extend": extends.shown(*managed(issue), present, issue["is_anonymous"]),
        "id": issue["number"],
        "level": level_name(issue["level"]),
        "name": issue["title"],
        "resource": source["name"] or "",
        "resourceType": source["type"] or "",
        "resourceUUID": source["id"] or "",
        "status": NORMAL,
        "statusType": STATUS.shown[issue["status"]],
        "subIdentify": "",
        "updateAt": seconds(issue["updated_at"]),
        "updator": account(updator),
        "updatorInfo": info(updator),
        "uuid": prefixed("issue", issue["id"]),
        "workspaceUUID": workspace_id(issue["space"]["id"]),
    }


def whole_document(issue, space):
    """An issue with all that is told of one alone, of a native document with MORE."""
    (found,), level = documents([issue], space), issue["level"]
    return found | {
        "creatorInfo": found["creatorInfo"] | {"uuid": found["creator"]},
        "updatorInfo": found["updatorInfo"] | {"uuid": found["updator"]},
        "attachments": [file_document(file) for file in issue["attachments"]],
        "bindChannels": [
            {"name": channel["name"], "uuid": prefixed("chan", channel["id"])}
            for channel in not_retired(space, issue["channels"])
        ],
        "declaration": NO_DECLARATION | extends.own(issue["extensions"]).get("declaration", {}),
        "levelInfo": {name: level[name] if level else "" for name in ("color", "name")},
        "managerInfos": list(manager_infos(space, found["extend"])),
    }


def not_retired(space, channels):
    """Native documents of channels without those that are deleted here."""
    named = [channel["id"] for channel in channels]
    retired = Channel.objects.filter(space=space, is_active=False, uuid__in=named)
    gone = set(map(str, retired.values_list("uuid", flat=True)))
    return [channel for channel in channels if str(channel["id"]) not in gone]


def manager_infos(space, extend):
    """Who the managers are: people, be they members still or not, teams, and those known by an address."""
    entries = extends.entries(extend, *extends.MANAGERS)
    people, teams = (find(space, entries, even_gone=True) for find in (extends.people, extends.teams))
    extra = extend.get("extra")
    told = extra.get("managerInfos") if isinstance(extra, dict) else None
    for entry in entries:
        if who := document_of(people.get(entry) if isinstance(entry, str) else None):
            yield info(who) | {"uuid": account(who)}
        elif team := teams.get(entry) if isinstance(entry, str) else None:
            yield {"name": team.name, "uuid": prefixed("group", team.uuid)}
        elif isinstance(entry, str) and "@" in entry:
            known = told.get(entry) if isinstance(told, dict) else None
            name = known.get("name") if isinstance(known, dict) else None
            yield {"email": entry, "name": name if isinstance(name, str) else entry}


def file_document(file):
    """A file, of its native document."""
    name = file["name"]
    return {
        "fileName": name,
        "fileSuffix": name.rpartition(".")[2] if "." in name else "",
        "uuid": prefixed("att", file["id"]),
    }


# Fields.


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "pattern": "^(system_level_[0-3]|issl_[0-9A-Fa-f]{32}|)$"},
            {"type": "integer", "minimum": 0, "maximum": 3},
        ]
    }
)
class LevelField(serializers.Field):
    """A level by its name or id, as a Level or None."""

    def to_internal_value(self, data):
        if type(data) is int:
            # As the product's earlier versions had it.
            data = f"system_level_{data}"
        level = find_level(self.context["view"].space, data) if isinstance(data, str) else False
        if level is False:
            raise serializers.ValidationError("There is no such level.", "not_found")
        if level and not level.is_active:
            raise serializers.ValidationError("The level is retired.")
        return level


@extend_schema_field(
    {
        "type": "integer",
        "enum": list(STATUS_NAMES),
        "description": ", ".join(f"{number}: {name}" for number, name in STATUS_NAMES.items()),
        "x-enum-varnames": [name.upper() for name in STATUS_NAMES.values()],
    }
)
class StatusField(serializers.Field):
    """One of the numbers of a status, as the status."""

    def to_internal_value(self, data):
        if type(data) is not int or data not in STATUS.meant:
            raise serializers.ValidationError(f"One of {STATUSES}.", "invalid_choice")
        return STATUS.meant[data]


@extend_schema_field(serializers.DictField)
class ExtendField(serializers.Field):
    """An object of the client's own."""

    def to_internal_value(self, data):
        column = Issue._meta.get_field("extensions")
        if reason := column.refusal(data):
            raise serializers.ValidationError(reason)
        for name in (*extends.MANAGERS, *extends.NAMED):
            if len(extends.entries(data, name)) > MOST:
                raise serializers.ValidationError(f"At most {MOST:,} {name}.")
        return data


class IdsField(BoundedListField):
    """A list of ids with a prefix, as uuids."""

    def __init__(self, prefix, **kwargs):
        self.prefix = prefix
        super().__init__(**{"child": ExactCharField(), "max_length": MOST, "required": False} | kwargs)

    def to_internal_value(self, data):
        found = [ids.parse(text, self.prefix) for text in super().to_internal_value(data)]
        if None in found:
            raise serializers.ValidationError({found.index(None): ["There is no such thing here."]})
        return list(dict.fromkeys(found))


class FilesField(IdsField):
    """Files that were uploaded before by the same person, or are there already; as Attachments."""

    def __init__(self, **kwargs):
        super().__init__("att", **{"max_length": ATTACHMENTS, "allow_null": True} | kwargs)

    def to_internal_value(self, data):
        uuids, owner = super().to_internal_value(data), self.parent.instance
        request, space = self.context["request"], self.context["view"].space
        free = Q(uploaded_by=request.user, issue_row=None, comment_row=None)
        there = Q(pk__in=owner.attachments) if owner else Q(pk__in=())
        rows = {row.uuid: row for row in Attachment.objects.filter(free | there, space=space, uuid__in=uuids)}
        for place, uuid in enumerate(uuids):
            if uuid not in rows:
                raise serializers.ValidationError({place: ["There is no such file."]}, "not_found")
        return [rows[uuid] for uuid in uuids]


# Issues.


class ChangeSerializer(DoorSerializer):
    """What can be said of an issue that is there."""

    names = MORE
    title_name = "name"
    description_format = Issue.Format.HTML

    name = TitleField(source="title", max_length=NAME, required=False)
    level = LevelField(required=False)
    description = ExactCharField(max_length=TEXT, required=False)
    statusType = StatusField(source="status", required=False)
    extend = ExtendField(required=False, allow_null=True)
    attachmentUuids = FilesField(source="attachments")

    def shown(self, issue):
        self.native = issue
        (said,) = documents([issue], self.context["view"].space)
        said["attachmentUuids"] = [file_document(file)["uuid"] for file in issue["attachments"]]
        self.was_named = extends.uuids(said["extend"], "channels", "chan")
        return said

    def validate(self, values):
        for name in ("extend", "attachments"):
            # Null says nothing.
            if values.get(name, ...) is None:
                del values[name]
        if "extend" in values:
            values |= self.spread(values.pop("extend"))
        return values

    def spread(self, extend):
        """The columns and sets that an object stands for."""
        space, issue = self.context["view"].space, self.instance
        found, values = extends.entries(extend, *extends.MANAGERS), {}
        before, assignee, present = ({}, None, []) if issue is None else managed(self.native)
        entries, entry = extends.managers(before, assignee, present)
        if found != entries:
            people = extends.people(space, found, issue)
            teams = extends.teams(space, found, issue)
            entry = next((text for text in found if isinstance(text, str) and text in people), None)
            values = {"assignee": people.get(entry), "teams": list(dict.fromkeys(teams.values()))}
            assignee = values["assignee"] and str(values["assignee"].uuid)
            present = [str(team.uuid) for team in values["teams"]]
        own = {name: value for name, value in before.items() if name not in ("extend", "assignee", "teams")}
        if extend:
            own["extend"] = extend
        if assignee and entry:
            own["assignee"] = {"entry": entry, "id": assignee}
        if present:
            own["teams"] = present
        others = issue.extensions if issue else {}
        others = {name: value for name, value in others.items() if name != "guance"}
        values["extensions"] = others | {"guance": own} if own else others
        return values | {"named": self.channels_in(extend)}

    def channels_in(self, extend):
        """(channels that the object names and did not before, those that it named and does no more)"""
        now, before = extends.uuids(extend, "channels", "chan"), getattr(self, "was_named", [])
        rows = Channel.objects.filter(space=self.context["view"].space, is_default=False)
        moved = rows.filter(uuid__in=set(now) ^ set(before))
        added = [channel for channel in moved if channel.uuid in now and channel.is_active]
        return added, [channel for channel in moved if channel.uuid not in now]

    def update(self, issue, values):
        added, removed = values.pop("named", ([], []))
        if added or removed:
            issue.wish("channels", add=added, remove=removed)
        return super().update(issue, values)


class CreateSerializer(ChangeSerializer):
    """A new issue."""

    name = TitleField(source="title", max_length=NAME)
    level = LevelField()
    description = ExactCharField(max_length=TEXT)
    resourceType = serializers.ChoiceField(SOURCES, source="resource_type", required=False)
    resourceUUID = ExactCharField(source="resource_id", max_length=NAME, allow_blank=True, required=False)
    resource = ExactCharField(source="resource_name", max_length=NAME, allow_blank=True, required=False)
    channelUUIDs = IdsField("chan", allow_null=True)

    def validate_channelUUIDs(self, uuids):
        rows = Channel.objects.filter(space=self.context["view"].space, is_active=True, uuid__in=uuids or ())
        if len(found := list(rows)) < len(uuids or ()):
            raise serializers.ValidationError("There is no such channel.", "not_found")
        # The default channel holds every issue by itself.
        return [channel for channel in found if not channel.is_default]

    def create(self, values):
        issue = Issue(space=self.context["view"].space, reporter=self.context["request"].user)
        channels = values.pop("channelUUIDs", [])
        if channels:
            issue.wish("channels", add=channels)
        return self.update(issue, values)
