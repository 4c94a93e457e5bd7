"""Channels, and what a person's part in one is."""

from django.db import IntegrityError
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers

from issues.limits import NAME
from issues.models import Channel, Subscription
from issues.serializers import ExactCharField
from issues.space_serializers import StrictIntegerField
from tracker.dialects.guance import extend as extends
from tracker.dialects.guance.documents import ChannelAnswer, ChannelsAnswer, DoneAnswer
from tracker.dialects.guance.records import Records
from tracker.dialects.guance.serializers import MOST
from tracker.dialects.guance.views import GuanceView
from tracker.dialects.guance.words import CANCEL, SUBSCRIPTIONS
from tracker.dialects.serializers import DoorSerializer, TitleField

# What the product notifies by itself; here it is kept for its clients, and nobody is told by it.
OWN = {"notifyTarget": list, "notifyUpgradeCfg": dict}
LONGEST = 2**31 - 1


def channel_document(channel, records, kind):
    """A channel, of which the caller's part is `kind`, "" for none."""
    own = extends.own(channel.extensions)
    return (
        records.document(channel, "chan")
        | {name: own.get(name, empty()) for name, empty in OWN.items()}
        | {"subscribeType": kind}
    )


class TargetsField(serializers.ListField):
    """Ids of what is notified, kept as they came."""

    def __init__(self, **kwargs):
        super().__init__(**{"child": ExactCharField(max_length=NAME), "max_length": MOST} | kwargs)


class UpgradeSerializer(serializers.Serializer):
    """When those are told who come next."""

    triggerTime = StrictIntegerField(min_value=0, max_value=LONGEST)
    notifyTarget = TargetsField()


@extend_schema_field(UpgradeSerializer)
class UpgradeField(serializers.Field):
    """Checked as UpgradeSerializer says, and kept as it came."""

    def to_internal_value(self, data):
        UpgradeSerializer(data=data).is_valid(raise_exception=True)
        return data


class ChannelChangeSerializer(DoorSerializer):
    """What can be said of a channel."""

    name = TitleField(max_length=NAME, required=False)
    description = ExactCharField(max_length=NAME, allow_blank=True, required=False)
    notifyTarget = TargetsField(required=False)
    notifyUpgradeCfg = UpgradeField(required=False)

    def shown_now(self):
        return channel_document(self.instance, Records(self.context["view"].space, []), "")

    def validate(self, values):
        own = {name: values.pop(name) for name in OWN if name in values}
        if own:
            kept = self.instance.extensions if self.instance else {}
            values["extensions"] = extends.keeping(kept, own)
        return values

    def update(self, channel, values):
        try:
            return super().update(channel, values)
        except IntegrityError as error:
            # The database alone knows, whoever else writes at the same time.
            raise serializers.ValidationError({"name": ["There is one already."]}) from error


class ChannelSerializer(ChannelChangeSerializer):
    """A new channel."""

    name = TitleField(max_length=NAME)

    def create(self, values):
        return self.update(Channel(space=self.context["view"].space), values)


class SubscribeSerializer(serializers.Serializer):
    """The caller's part in a channel."""

    type = serializers.ChoiceField([*SUBSCRIPTIONS, CANCEL])


class ChannelsView(GuanceView):
    verbs = {"POST": "configure_channels"}

    def documents(self, channels):
        mine = Subscription.objects.filter(user=self.request.user, channel__in=channels, is_active=True)
        kinds, records = dict(mine.values_list("channel", "kind")), Records(self.space, channels)
        return [channel_document(channel, records, kinds.get(channel.pk, "")) for channel in channels]


class ChannelListView(ChannelsView):
    """`/api/v1/channel/quick_list`"""

    @extend_schema(operation_id="channel_quick_list", responses=ChannelsAnswer)
    def get(self, request):
        channels = Channel.objects.filter(space=self.space, is_active=True)
        return self.content(self.documents(list(channels.order_by("-is_default", "name", "id"))))


class ChannelAddView(ChannelsView):
    """`/api/v1/channel/add`"""

    @extend_schema(operation_id="channel_add", request=ChannelSerializer, responses=ChannelAnswer)
    def post(self, request):
        return self.content(self.documents([self.checked(ChannelSerializer).save()])[0])


class ChannelModifyView(ChannelsView):
    """`/api/v1/channel/{uuid}/modify`"""

    @extend_schema(operation_id="channel_modify", request=ChannelChangeSerializer, responses=ChannelAnswer)
    def post(self, request, id):
        channel = self.row(Channel, id, "chan")
        return self.content(self.documents([self.changed(ChannelChangeSerializer, channel)])[0])


class ChannelDeleteView(ChannelsView):
    """`/api/v1/channel/{uuid}/delete`"""

    @extend_schema(operation_id="channel_delete", request=None, responses=DoneAnswer)
    def post(self, request, id):
        channel = self.row(Channel, id, "chan")
        channel.is_active = False
        channel.save()
        return self.content(True)


class SubscribeView(ChannelsView):
    """`/api/v1/channel/{uuid}/subscribe`"""

    verbs = {"POST": "subscribe"}

    @extend_schema(operation_id="channel_subscribe", request=SubscribeSerializer, responses=DoneAnswer)
    def post(self, request, id):
        channel = self.row(Channel, id, "chan")
        kind = self.checked(SubscribeSerializer).validated_data["type"]
        subscription = Subscription.of(channel, request.user)
        if kind != CANCEL:
            subscription.kind, subscription.is_active = kind, True
            subscription.save()
        elif subscription.pk:
            subscription.is_active = False
            subscription.save()
        return self.content(True)
