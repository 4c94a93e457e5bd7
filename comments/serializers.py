"""Writes of comments, and the schema of their documents."""

from django.utils.datastructures import MultiValueDict
from rest_framework import serializers

from issues.limits import TEXT
from issues.serializers import (
    AttachmentDocument,
    ExactCharField,
    PersonDocument,
    StrictBooleanField,
    StrictSerializer,
)


class CommentSerializer(StrictSerializer):
    """A comment on an issue."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    issue = serializers.UUIDField(read_only=True)
    content = ExactCharField(max_length=TEXT)
    content_html = serializers.CharField(read_only=True)
    author = PersonDocument(read_only=True, allow_null=True)
    is_internal = StrictBooleanField(required=False)
    attachments = AttachmentDocument(many=True, read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    edited_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def validate_content(self, content):
        if not content.strip():
            raise serializers.ValidationError("A comment says something.")
        return content


class AttachmentSerializer(AttachmentDocument):
    """A file on an issue or on a comment."""

    sha256 = serializers.CharField()
    url = serializers.URLField(help_text="Where its bytes are.")
    issue = serializers.UUIDField(help_text="The issue that it is on, by itself or with its comment.")
    comment = serializers.UUIDField(allow_null=True)
    uploaded_by = PersonDocument(allow_null=True)
    created_at = serializers.DateTimeField()


class UploadSerializer(StrictSerializer):
    """A file, and the one issue or comment on which it comes."""

    file = serializers.FileField(allow_empty_file=True)
    issue = ExactCharField(required=False, max_length=64, help_text="An id or a key.")
    comment = ExactCharField(required=False, max_length=64, help_text="An id.")

    def to_internal_value(self, data):
        # A request without a body has no form.
        lists = data.lists() if isinstance(data, MultiValueDict) else ()
        if twice := {name: ["One at a time."] for name, values in lists if len(values) > 1}:
            raise serializers.ValidationError(twice)
        return super().to_internal_value(data)

    def validate(self, values):
        if ("issue" in values) == ("comment" in values):
            raise serializers.ValidationError({"issue": ["Give either an issue or a comment."]})
        return values
