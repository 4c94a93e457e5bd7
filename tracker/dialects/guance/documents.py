"""What Guance's answers look like, for its OpenAPI document; a test holds real answers to it."""

from rest_framework import serializers

from tracker.dialects.guance.serializers import StatusField
from tracker.dialects.guance.words import SUBSCRIPTIONS


def some_of(fields, always):
    """The fields, of which only these are always there."""
    for name, field in fields.items():
        field.required = name in always
    return fields


class PersonDocument(serializers.Serializer):
    """All blank for nobody, and for one who is anonymous."""

    acntWsNickname = serializers.CharField()
    email = serializers.CharField()
    iconUrl = serializers.CharField()
    name = serializers.CharField()
    username = serializers.CharField()


class WholePersonDocument(PersonDocument):
    """The same with its id."""

    uuid = serializers.CharField()


class RowDocument(serializers.Serializer):
    """What issues, replies, levels and channels have in common; times are in unix seconds."""

    createAt = serializers.IntegerField()
    creator = serializers.CharField(help_text="Blank for nobody, and for one who is anonymous.")
    deleteAt = serializers.IntegerField(help_text="Always -1: what is deleted is not shown.")
    id = serializers.IntegerField()
    status = serializers.IntegerField(help_text="Always 0: it is there.")
    updateAt = serializers.IntegerField()
    updator = serializers.CharField()
    uuid = serializers.CharField()
    workspaceUUID = serializers.CharField()


class IssueDocument(RowDocument):
    """An issue as lists have it; times are in unix seconds."""

    creatorInfo = PersonDocument()
    description = serializers.CharField(help_text="HTML or text, as it was written.")
    extend = serializers.DictField(help_text="As it was written, with `exists` for what it names.")
    level = serializers.CharField(help_text="`system_level_0` to `3`, the uuid of a custom one, or blank.")
    name = serializers.CharField()
    resource = serializers.CharField()
    resourceType = serializers.CharField()
    resourceUUID = serializers.CharField()
    statusType = StatusField()
    subIdentify = serializers.CharField()
    updatorInfo = PersonDocument()


class FileDocument(serializers.Serializer):
    fileName = serializers.CharField()
    fileSuffix = serializers.CharField()
    uuid = serializers.CharField()


class NamedDocument(serializers.Serializer):
    name = serializers.CharField()
    uuid = serializers.CharField()


class LevelInfoDocument(serializers.Serializer):
    color = serializers.CharField()
    name = serializers.CharField()


class DeclarationDocument(serializers.Serializer):
    business = serializers.CharField()
    organization = serializers.CharField()


class ManagerDocument(WholePersonDocument):
    """A member with all of it, a team with its uuid, or one of whom nothing but an address is known."""

    def get_fields(self):
        return some_of(super().get_fields(), {"name"})


class WholeIssueDocument(IssueDocument):
    """An issue with all that is told of one alone."""

    attachments = FileDocument(many=True)
    bindChannels = NamedDocument(many=True)
    creatorInfo = WholePersonDocument()
    declaration = DeclarationDocument()
    levelInfo = LevelInfoDocument(help_text="Blank for an issue without a level.")
    managerInfos = ManagerDocument(many=True)
    updatorInfo = WholePersonDocument()


class PageDocument(serializers.Serializer):
    count = serializers.IntegerField(help_text="On this page.")
    pageIndex = serializers.IntegerField()
    pageSize = serializers.IntegerField()
    totalCount = serializers.IntegerField()


class IssuesDocument(serializers.Serializer):
    data = IssueDocument(many=True)
    pageInfo = PageDocument()


class ReplyDocument(RowDocument):
    """A reply of somebody's, or a line that says what was changed; times are in unix seconds."""

    content = serializers.CharField()
    extend = serializers.DictField()
    issueUUID = serializers.CharField()
    type = serializers.ChoiceField(["reply", "change"])


class ListedReplyDocument(ReplyDocument):
    """A reply as lists have it."""

    attachmentsList = FileDocument(many=True)
    creatorInfo = PersonDocument()
    is_modify = serializers.BooleanField()
    latest_modify_time = serializers.IntegerField()
    updatorInfo = PersonDocument()


class LevelDocument(RowDocument):
    """A level of the workspace's own; times are in unix seconds."""

    color = serializers.CharField()
    description = serializers.CharField()
    extend = serializers.DictField()
    isDefault = serializers.BooleanField()
    name = serializers.CharField()


class ListedLevelDocument(LevelDocument):
    """One of the workspace's own with all of it, or one of the system's with what it has."""

    def get_fields(self):
        return some_of(super().get_fields(), {"color", "description", "isDefault", "name", "uuid"})


class ConfigDocument(serializers.Serializer):
    isDisabled = serializers.BooleanField()


class UpgradeDocument(serializers.Serializer):
    """As it was written; empty for a channel of which nothing was said."""

    triggerTime = serializers.IntegerField(required=False)
    notifyTarget = serializers.ListField(child=serializers.CharField(), required=False)


class ChannelDocument(RowDocument):
    """A channel, and what part the caller has in it; times are in unix seconds."""

    description = serializers.CharField()
    name = serializers.CharField()
    notifyTarget = serializers.ListField(child=serializers.CharField())
    notifyUpgradeCfg = UpgradeDocument()
    subscribeType = serializers.ChoiceField([*SUBSCRIPTIONS, ""])


class Envelope(serializers.Serializer):
    """What every answer comes in."""

    code = serializers.IntegerField(help_text="The status.")
    errorCode = serializers.CharField(help_text="Blank where nothing went wrong.")
    message = serializers.CharField(help_text="Blank where nothing went wrong.")
    success = serializers.BooleanField()
    traceId = serializers.CharField()


class IssueAnswer(Envelope):
    """An issue."""

    content = IssueDocument()


class WholeIssueAnswer(Envelope):
    """An issue with all of it."""

    content = WholeIssueDocument()


class IssuesAnswer(Envelope):
    """A page of issues."""

    content = IssuesDocument()
    pageInfo = PageDocument()


class DoneAnswer(Envelope):
    """It is done."""

    content = serializers.BooleanField()


class ReplyAnswer(Envelope):
    """A reply."""

    content = ReplyDocument()


class RepliesAnswer(Envelope):
    """A page of replies and changes."""

    content = ListedReplyDocument(many=True)
    pageInfo = PageDocument()


class LevelAnswer(Envelope):
    """A level."""

    content = LevelDocument()


class LevelsAnswer(Envelope):
    """All levels."""

    content = ListedLevelDocument(many=True)


class ConfigAnswer(Envelope):
    """Whether the system's levels are offered."""

    content = ConfigDocument()


class ChannelAnswer(Envelope):
    """A channel."""

    content = ChannelDocument()


class ChannelsAnswer(Envelope):
    """All channels."""

    content = ChannelDocument(many=True)


class FileAnswer(Envelope):
    """A file."""

    content = FileDocument()
