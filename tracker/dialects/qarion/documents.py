"""What Qarion's answers look like, for its OpenAPI document; a test holds real answers to it."""

from rest_framework import serializers

from tracker.dialects.qarion.words import ACTIONS, PRIORITY, STATUS


class NamedDocument(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class IssueDocument(serializers.Serializer):
    id = serializers.UUIDField()
    title = serializers.CharField()
    description = serializers.CharField(help_text="Markdown, as it was written.")
    status = serializers.ChoiceField(list(STATUS.meant))
    priority = serializers.ChoiceField(list(PRIORITY.meant))
    product = NamedDocument(allow_null=True)
    assignee = NamedDocument(allow_null=True)
    reporter = NamedDocument(allow_null=True, help_text="Null for one who is anonymous.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    space_id = serializers.UUIDField()
    alert_id = serializers.UUIDField(allow_null=True)


class AuthorDocument(NamedDocument):
    avatar_url = serializers.CharField(allow_null=True)


class CommentDocument(serializers.Serializer):
    id = serializers.UUIDField()
    content = serializers.CharField()
    author = AuthorDocument(allow_null=True)
    created_at = serializers.DateTimeField()


class EntryDocument(serializers.Serializer):
    id = serializers.UUIDField()
    action = serializers.ChoiceField(list(dict.fromkeys(ACTIONS.values())))
    old_value = serializers.CharField(allow_null=True)
    new_value = serializers.CharField(allow_null=True)
    actor = NamedDocument(allow_null=True)
    timestamp = serializers.DateTimeField()


class PageDocument(serializers.Serializer):
    total = serializers.IntegerField()
    page = serializers.IntegerField()
    size = serializers.IntegerField()


class IssuesDocument(PageDocument):
    items = IssueDocument(many=True)


class CommentsDocument(PageDocument):
    items = CommentDocument(many=True)


class HistoryDocument(serializers.Serializer):
    items = EntryDocument(many=True)
