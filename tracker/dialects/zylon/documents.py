"""What Zylon's answers look like, for its OpenAPI document; a test holds real answers to it."""

from rest_framework import serializers

from tracker.dialects.zylon.words import DELETED, RESOURCE, ROLES, STATE, TYPES


class UserDocument(serializers.Serializer):
    id = serializers.CharField()
    org_id = serializers.CharField()
    account_id = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    state = serializers.ChoiceField(["Active", "Inactive"])
    roles = serializers.ListField(child=serializers.ChoiceField(list(ROLES.values())))
    created_at = serializers.DateTimeField()


class ProjectDocument(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()


class IssueDocument(serializers.Serializer):
    id = serializers.CharField()
    issue_number = serializers.IntegerField()
    description = serializers.CharField()
    resource_type = serializers.ChoiceField([RESOURCE])
    type = serializers.ChoiceField(TYPES)
    state = serializers.ChoiceField([*STATE.meant, DELETED])
    is_read = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    created_by = UserDocument(required=False, help_text="Left out for one who is anonymous.")
    data = serializers.DictField(required=False, help_text="The `config` with which it was created.")
    project = ProjectDocument(required=False)


class IssuesDocument(serializers.Serializer):
    data = IssueDocument(many=True)
    has_next_page = serializers.BooleanField()
    has_previous_page = serializers.BooleanField()
    total_count = serializers.IntegerField(required=False)
    next_cursor = serializers.CharField(allow_null=True)
    previous_cursor = serializers.CharField(allow_null=True)
