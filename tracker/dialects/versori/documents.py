"""What Versori's answers look like, for its OpenAPI document; a test holds real answers to it."""

from rest_framework import serializers

from issues.models import Issue
from tracker.dialects.versori.words import RESOLUTION, SEVERITY, STATUS


class IssueDocument(serializers.Serializer):
    id = serializers.CharField()
    organisationId = serializers.CharField()
    projectId = serializers.CharField(help_text="The organisation's own id for its default project.")
    environmentId = serializers.CharField(help_text="The organisation's own id for its default environment.")
    status = serializers.ChoiceField(list(STATUS.meant))
    reason = serializers.ChoiceField(Issue.Reason.choices)
    message = serializers.CharField()
    title = serializers.CharField()
    labels = serializers.DictField(child=serializers.CharField())
    annotations = serializers.DictField(child=serializers.CharField())
    createdAt = serializers.DateTimeField()
    lastSeenAt = serializers.DateTimeField()
    seenCount = serializers.IntegerField()
    resolvedAt = serializers.DateTimeField(allow_null=True)
    resolutionStatus = serializers.ChoiceField(list(RESOLUTION.meant), required=False)
    severity = serializers.ChoiceField(sorted({*SEVERITY.shown.values()}), required=False)
