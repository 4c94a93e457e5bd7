"""Writes of spaces and of what belongs to them, and the schema of their documents."""

import re
from urllib.parse import urlsplit

from django.core.validators import RegexValidator, validate_email
from django.db import IntegrityError
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from issues import lookups
from issues.filters import BadParameter, checked_query
from issues.limits import NAME, QUERY, TARGETS, WEBHOOKS
from issues.models import (
    Channel,
    Environment,
    Level,
    Membership,
    Project,
    SavedView,
    Space,
    Subscription,
    Team,
)
from issues.policy import may
from issues.serializers import (
    MISSING,
    BoundedListField,
    ExactCharField,
    PersonDocument,
    ReferenceField,
    SpaceDocument,
    StrictBooleanField,
    StrictSerializer,
    TextOrNullField,
    space_of,
)

TAKEN = "There is one already."
ADDRESS = 254
UNFIT_IN_URL = re.compile(r"[\x00-\x20\x7f\\]")


class NameField(ExactCharField):
    """One line of text that says something."""

    def __init__(self, **kwargs):
        super().__init__(**{"max_length": NAME} | kwargs)

    def to_internal_value(self, data):
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        if "\n" in text or "\r" in text:
            raise serializers.ValidationError("A name is one line.")
        return text


class StrictIntegerField(serializers.IntegerField):
    def to_internal_value(self, data):
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class RowSerializer(StrictSerializer):
    """A row that is written as it was sent; what there can be but once is `UNIQUE`."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    created_at = serializers.DateTimeField(read_only=True)

    MODEL = None
    UNIQUE = "name"

    def create(self, values):
        return self.keep(self.MODEL(), values)

    def update(self, row, values):
        return self.keep(row, values)

    def keep(self, row, values):
        for name, value in values.items():
            setattr(row, name, value)
        try:
            row.save()
        except IntegrityError as error:
            # The database alone knows, whoever else writes at the same time.
            raise serializers.ValidationError({self.UNIQUE: [TAKEN]}) from error
        return row


class SpaceSerializer(RowSerializer):
    """A space, and the asker's own role in it."""

    key = ExactCharField(max_length=10, required=False)
    name = NameField(required=False)
    is_reopening = StrictBooleanField(
        required=False, help_text="Another sighting of a resolved issue's fingerprint opens it again."
    )
    role = serializers.ChoiceField(Membership.Role.choices, read_only=True)

    MODEL, UNIQUE = Space, "key"


class RecordSerializer(RowSerializer):
    """A row of a space; it stays in its space, and is retired instead of deleted."""

    space = ReferenceField(SpaceDocument, allow_null=False)
    is_active = StrictBooleanField(required=False)

    def validate(self, values):
        space = space_of(self, values.pop("space", None), self.context["view"].manage)
        return values | {"space": space}


class LevelSerializer(RecordSerializer):
    """A level of urgency; the system's belong to no space and do not change."""

    space = ReferenceField(SpaceDocument)
    key = ExactCharField(
        max_length=64, validators=[RegexValidator(r"^[\w-]+\Z", "Letters, digits, - and _, without spaces.")]
    )
    name = NameField()
    description = ExactCharField(max_length=QUERY, allow_blank=True, required=False)
    severity = serializers.ChoiceField(Level.Severity.choices, required=False)
    rank = StrictIntegerField(
        min_value=0, max_value=32_767, required=False, help_text="The lower, the sooner it is looked at."
    )
    color = ExactCharField(max_length=7, required=False, help_text="#RRGGBB")
    is_system = serializers.BooleanField(read_only=True)
    open_issue_count = serializers.IntegerField(read_only=True)

    MODEL, UNIQUE = Level, "key"

    def validate_key(self, key):
        if key.casefold() == "none":
            # Filters mean by it an issue without a level.
            raise serializers.ValidationError("This word means no level.")
        return key


class TargetSerializer(StrictSerializer):
    """Who is told: a webhook or a Slack-compatible one by its `url`, a mailbox by its `address`."""

    kind = serializers.ChoiceField(["webhook", "slack", "email"])
    name = NameField(required=False, allow_null=True)
    url = ExactCharField(max_length=2_000, required=False, allow_null=True)
    address = ExactCharField(max_length=ADDRESS, required=False, allow_null=True, validators=[validate_email])
    secret = ExactCharField(
        max_length=NAME, required=False, allow_null=True, help_text="What a webhook's calls are signed with."
    )

    # kind: (what it needs, what it may have beside its name)
    SHAPES = {
        "webhook": ("url", {"url", "secret"}),
        "slack": ("url", {"url"}),
        "email": ("address", {"address"}),
    }
    CALLED = frozenset({"webhook", "slack"})

    def validate_url(self, url):
        if url is not None and not is_web_address(url):
            raise serializers.ValidationError("An address that begins with https:// or http://.")
        return url

    def validate(self, values):
        values = {name: value for name, value in values.items() if value is not None}
        # In a PATCH nothing is required of the whole, but a target is all there or it is none.
        needed, allowed = self.SHAPES[values["kind"]] if "kind" in values else ("kind", ())
        if needed not in values:
            raise serializers.ValidationError({needed: ["This field is required."]}, "required")
        if strange := values.keys() - allowed - {"kind", "name"}:
            raise serializers.ValidationError(
                {name: [f"A target of this kind has no {name}."] for name in sorted(strange)}
            )
        return values


def is_web_address(text):
    """Whether `text` is the whole address of something on a host, over HTTP or HTTPS; nothing is asked."""
    if UNFIT_IN_URL.search(text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class ChannelSerializer(RecordSerializer):
    """A channel; `targets` are null to all but the admins of its space."""

    name = NameField()
    description = ExactCharField(max_length=NAME, allow_blank=True, required=False)
    query = ExactCharField(max_length=QUERY, allow_blank=True, required=False)
    targets = BoundedListField(child=TargetSerializer(), max_length=TARGETS, required=False, allow_null=True)
    is_default = serializers.BooleanField(read_only=True)
    open_issue_count = serializers.IntegerField(read_only=True)

    MODEL = Channel

    def validate_targets(self, targets):
        if targets is None:
            raise serializers.ValidationError("A list.")
        return targets

    def validate(self, values):
        values = super().validate(values)
        if "targets" in values:
            self.check_webhooks(values["space"], values["targets"])
        return values

    def check_webhooks(self, space, targets):
        """ValidationError where the space would have too many of them."""
        channels = Channel.objects.filter(space=space, is_active=True)
        others = channels.exclude(pk=self.instance and self.instance.pk).values_list("targets", flat=True)
        called = [t for found in (targets, *others) for t in found if t["kind"] in TargetSerializer.CALLED]
        if len(called) > WEBHOOKS:
            raise serializers.ValidationError({"targets": [f"At most {WEBHOOKS} webhooks in a space."]})


class SubscriptionSerializer(StrictSerializer):
    """A person's part in a channel; `user` is oneself unless an admin names another."""

    id = serializers.UUIDField(source="uuid", read_only=True)
    user = ReferenceField(PersonDocument, allow_null=False)
    kind = serializers.ChoiceField(Subscription.Kind.choices)
    created_at = serializers.DateTimeField(read_only=True)


class TeamSerializer(RecordSerializer):
    """People who own issues together."""

    name = NameField()
    handle = TextOrNullField(max_length=NAME)
    summary = ExactCharField(max_length=QUERY, allow_blank=True, required=False)

    MODEL = Team


class ExternalRowSerializer(RecordSerializer):
    name = NameField()
    external_id = ExactCharField(
        max_length=128, required=False, allow_null=True, help_text="An id of the client's own."
    )

    UNIQUE = "external_id"


class ProjectSerializer(ExternalRowSerializer):
    """What an issue is about: a product, a service, a project."""

    MODEL = Project


class EnvironmentSerializer(ExternalRowSerializer):
    """Where an issue was seen: production, staging."""

    MODEL = Environment


class MembershipSerializer(RecordSerializer):
    """What a person may do in a space."""

    user = ReferenceField(PersonDocument, allow_null=False, required=True)
    role = serializers.ChoiceField(Membership.Role.choices, required=False)

    MODEL, UNIQUE = Membership, "user"

    def validate(self, values):
        values = super().validate(values)
        if "user" not in values:
            return values
        # Of all these people the asker knows already: what else is said of an address tells nothing.
        spaces = list(self.context["request"].user.space_roles())
        person = lookups.find_known_person(spaces, values["user"])
        if person is None:
            raise serializers.ValidationError({"user": [MISSING]}, "not_found")
        if self.instance is not None and person != self.instance.user:
            raise serializers.ValidationError({"user": ["It does not pass to another person."]})
        if self.instance is None and not person.is_active:
            raise serializers.ValidationError({"user": ["Their account is deactivated."]})
        return values | {"user": person}

    def create(self, values):
        """A new membership, or the one of a person who comes back."""
        former = Membership.objects.filter(space=values["space"], user=values["user"]).first()
        if former is not None and former.is_active:
            raise serializers.ValidationError({"user": ["They are a member already."]})
        fresh = {"role": Membership.Role.MEMBER, "is_active": True}
        return self.keep(former or Membership(), fresh | values)


class SavedViewSerializer(RecordSerializer):
    """A list under a name: of its owner alone without a space, or shared in one, where it then stays."""

    space = ReferenceField(SpaceDocument)
    owner = PersonDocument(read_only=True)
    name = NameField()
    query = ExactCharField(
        max_length=QUERY,
        allow_blank=True,
        required=False,
        help_text="The parameters of the list of issues, as in its address: q=is%3Aopen&sort=level",
    )

    MODEL = SavedView

    def validate_query(self, query):
        try:
            return checked_query(query, self.context["request"])
        except BadParameter as error:
            raise serializers.ValidationError(error.sentence) from error

    def validate(self, values):
        if "space" in values:
            values["space"] = self.space_named(values["space"])
        return values

    def space_named(self, reference):
        """The space to share the view in, None for none; what else it may not be, `save()` says."""
        space = reference and lookups.find_space(self.context["request"].user, reference)
        if reference and space is None:
            raise serializers.ValidationError({"space": [MISSING]}, "not_found")
        if space and not may(self.context["request"], self.context["view"].manage, space.pk):
            raise PermissionDenied()
        return space

    def create(self, values):
        return self.keep(SavedView(owner=self.context["request"].user), values)
