"""Writes of tokens, and the schema of the documents of people and their tokens."""

from django.utils import timezone
from rest_framework import serializers

from issues.models import Membership
from issues.serializers import (
    MomentField,
    PersonDocument,
    ReferenceField,
    SpaceDocument,
    StrictSerializer,
    space_of,
)
from issues.space_serializers import NameField
from tracker.accounts.models import ApiToken


class UserSpaceDocument(serializers.Serializer):
    id = serializers.UUIDField()
    key = serializers.CharField()
    role = serializers.ChoiceField(Membership.Role.choices)


class UserSerializer(serializers.Serializer):
    """A person, and what they are in the spaces that the asker shares with them."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.EmailField(allow_null=True)
    handle = serializers.CharField(allow_null=True)
    avatar_url = serializers.URLField(allow_null=True)
    is_active = serializers.BooleanField()
    spaces = UserSpaceDocument(many=True)


class TokenSerializer(StrictSerializer):
    """A token; `space` is null where it is none of the asker's any more."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    name = NameField()
    scope = serializers.ChoiceField(ApiToken.Scope.choices, required=False, default=ApiToken.Scope.READ)
    space = ReferenceField(SpaceDocument)
    user = PersonDocument(read_only=True)
    expires_at = MomentField(
        required=False, allow_null=True, help_text="null: never. A token's tokens end with it at the latest."
    )
    is_active = serializers.BooleanField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)

    def validate_expires_at(self, at):
        if at is not None and at <= timezone.now():
            raise serializers.ValidationError("It is past already.")
        return at

    def validate(self, values):
        space = space_of(self, values.pop("space", None), self.context["view"].manage)
        return values | {"space": space} | self.bounded(values)

    def bounded(self, values):
        """The end, not after that of the token of this request.

        Its scope sets no bound: one that only reads makes no tokens at all.
        """
        parent = self.context["request"].auth
        if parent is None or parent.expires_at is None:
            return {}
        ends = values.get("expires_at", parent.expires_at)
        if ends is None or ends > parent.expires_at:
            raise serializers.ValidationError(
                {"expires_at": ["Not after the end of the token of this request."]}
            )
        return {"expires_at": ends}


class NewTokenSerializer(TokenSerializer):
    """A token as it is shown once: with the secret that its holder presents."""

    token = serializers.CharField(read_only=True)
