"""Levels of issues: those of the system, and a workspace's own."""

import re

from django.core.validators import RegexValidator
from django.db import IntegrityError, transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from issues.limits import NAME, QUERY
from issues.models import Level
from issues.serializers import ExactCharField, StrictBooleanField
from tracker.dialects import ids
from tracker.dialects.guance import extend as extends
from tracker.dialects.guance.documents import ConfigAnswer, DoneAnswer, LevelAnswer, LevelsAnswer
from tracker.dialects.guance.records import Records
from tracker.dialects.guance.serializers import MOST, ExtendField, level_name
from tracker.dialects.guance.views import GuanceView
from tracker.dialects.serializers import DoorSerializer, TitleField

COLOR = RegexValidator(r"^#[0-9A-Fa-f]{6}\Z", "A colour as #RRGGBB.")
# Words that mean something else in the key of a level.
TAKEN = {"none"}


def system_document(level):
    return {
        "color": level.color,
        "description": level.description,
        "isDefault": True,
        "name": level.name,
        "uuid": level_name({"id": level.uuid}),
    }


def level_document(level, records):
    """A level of the workspace's own."""
    return records.document(level, "issl") | {
        "color": level.color,
        "extend": extends.own(level.extensions).get("extend", {}),
        "isDefault": False,
    }


class LevelChangeSerializer(DoorSerializer):
    """What can be said of a level."""

    name = TitleField(max_length=NAME, required=False)
    color = ExactCharField(required=False, validators=[COLOR])
    description = ExactCharField(max_length=QUERY, required=False)
    extend = ExtendField(required=False, allow_null=True)

    def shown_now(self):
        return level_document(self.instance, Records(self.context["view"].space, []))

    def validate(self, values):
        # Null says nothing.
        extend = values.pop("extend", None)
        if extend is not None:
            kept = self.instance.extensions if self.instance else {}
            values["extensions"] = extends.keeping(kept, {"extend": extend})
        return values


class LevelSerializer(LevelChangeSerializer):
    """A new level."""

    name = TitleField(max_length=NAME)
    color = ExactCharField(validators=[COLOR])

    def create(self, values):
        level = Level(space=self.context["view"].space)
        level.key = key_for(level, values["name"])
        try:
            return self.update(level, values)
        except IntegrityError as error:
            # Somebody else just made one of the same key.
            raise serializers.ValidationError({"name": ["There is one already."]}) from error


def key_for(level, name):
    """A key that no level of the space has, as queries write it, made of the name."""
    key = re.sub(r"[^\w-]+", "-", name).strip("-")[:48] or "level"
    known = Level.objects.of([level.space_id]).values_list("key", flat=True)
    is_free = key.casefold() not in TAKEN | {other.casefold() for other in known}
    return key if is_free else f"{key}-{level.uuid.hex[-8:]}"


class LevelsView(GuanceView):
    verbs = {"POST": "configure_levels"}

    def answer_level(self, level):
        return self.content(level_document(level, Records(self.space, [level])))


class LevelListView(LevelsView):
    """`/api/v1/issue-level/list`"""

    @extend_schema(operation_id="issue_level_list", responses=LevelsAnswer)
    def get(self, request):
        levels = list(Level.objects.of([self.space.pk]).filter(is_active=True).order_by("rank", "id"))
        own = [level for level in levels if level.space_id]
        records = Records(self.space, own)
        system = [system_document(level) for level in levels if not level.space_id]
        return self.content(system + [level_document(level, records) for level in own])


class LevelAddView(LevelsView):
    """`/api/v1/issue-level/add`"""

    @extend_schema(operation_id="issue_level_add", request=LevelSerializer, responses=LevelAnswer)
    def post(self, request):
        return self.answer_level(self.checked(LevelSerializer).save())


class LevelModifyView(LevelsView):
    """`/api/v1/issue-level/{uuid}/modify`"""

    @extend_schema(operation_id="issue_level_modify", request=LevelChangeSerializer, responses=LevelAnswer)
    def post(self, request, id):
        level = self.row(Level, id, "issl")
        return self.answer_level(self.changed(LevelChangeSerializer, level))


class LevelsDeleteSerializer(serializers.Serializer):
    """Which levels are retired."""

    uuids = serializers.ListField(child=ExactCharField(max_length=64), max_length=MOST)

    def validate_uuids(self, texts):
        """The Levels, all of them the workspace's own."""
        uuids = [ids.parse(text, "issl") for text in texts]
        space = self.context["view"].space
        found = Level.objects.filter(space=space, is_active=True, uuid__in=[uuid for uuid in uuids if uuid])
        rows = {level.uuid: level for level in found}
        for place, uuid in enumerate(uuids):
            if uuid not in rows:
                raise serializers.ValidationError({place: ["There is no such level."]}, "not_found")
        return list(rows.values())


class LevelDeleteView(LevelsView):
    """`/api/v1/issue-level/delete`"""

    @extend_schema(operation_id="issue_level_delete", request=LevelsDeleteSerializer, responses=DoneAnswer)
    def post(self, request):
        levels = self.checked(LevelsDeleteSerializer).validated_data["uuids"]
        with transaction.atomic():
            for level in levels:
                level.is_active = False
                level.save()
        return self.content(True)


# Whether the system's levels are offered. It is kept for clients, and changes what no other door does.


def config_document(space):
    return {"isDisabled": extends.own(space.extensions).get("isDisabled", False)}


class ConfigSerializer(serializers.Serializer):
    isDisabled = StrictBooleanField()


class ConfigView(GuanceView):
    """`/api/v1/issue-level/config/get`"""

    @extend_schema(operation_id="issue_level_config_get", responses=ConfigAnswer)
    def get(self, request):
        return self.content(config_document(self.space))


class ConfigSetView(GuanceView):
    """`/api/v1/issue-level/config/set`"""

    verbs = {"POST": "configure_space"}

    @extend_schema(operation_id="issue_level_config_set", request=ConfigSerializer, responses=ConfigAnswer)
    def post(self, request):
        asked = self.checked(ConfigSerializer).validated_data
        with transaction.atomic():
            self.space.lock()
            if asked != config_document(self.space):
                self.space.extensions = extends.keeping(self.space.extensions, asked)
                self.space.save()
        return self.content(config_document(self.space))
