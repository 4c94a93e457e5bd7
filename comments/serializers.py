"""Writes of comments, and the schema of their documents."""

from rest_framework import serializers

from issues.limits import TEXT
from issues.serializers import ExactCharField, PersonDocument, StrictBooleanField, StrictSerializer


class CommentSerializer(StrictSerializer):
    """A comment on an issue."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    issue = serializers.UUIDField(read_only=True)
    content = ExactCharField(max_length=TEXT)
    content_html = serializers.CharField(read_only=True)
    author = PersonDocument(read_only=True, allow_null=True)
    is_internal = StrictBooleanField(required=False)
    created_at = serializers.DateTimeField(read_only=True)
    edited_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def validate_content(self, content):
        if not content.strip():
            raise serializers.ValidationError("A comment says something.")
        return content
