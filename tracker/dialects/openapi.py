"""What the OpenAPI document of a door says: true for its errors and for its ways to sign in."""

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.plumbing import ResolvedComponent, is_list_serializer
from drf_spectacular.utils import OpenApiParameter

from tracker.openapi import ALWAYS, IDEMPOTENCY_KEY, AutoSchema

PROBLEM = "Error"
WRITING = {"409", "411", "413", "415", "422"}


class DoorSchema(AutoSchema):
    """For views that say by `extend_schema` what they take and answer, and guesses nothing."""

    def get_operation(self, *args):
        operation = super().get_operation(*args)
        door, is_write = self.view.door, self.method != "GET"
        self.register(PROBLEM, ResolvedComponent.SCHEMA, door.problem)
        content = {door.content_type: {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}}}
        for status in {*ALWAYS, str(door.invalid), *(WRITING if is_write else ())}:
            operation["responses"].setdefault(status, {"description": "What went wrong.", "content": content})
        if is_write:
            operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
        return operation

    def get_auth(self):
        for name, scheme in self.view.door.schemes.items():
            self.register(name, ResolvedComponent.SECURITY_SCHEMA, scheme)
        return [{name: [] for name in names} for names in self.view.door.sign_in]

    def register(self, name, kind, schema):
        self.registry.register_on_missing(ResolvedComponent(name, kind, schema, object=name))

    def map_renderers(self, attribute):
        return [self.view.door.content_type]

    def get_description(self):
        return getattr(self.view, self.method.lower()).__doc__ or ""

    def get_tags(self):
        return ["issues"]

    def _is_list_view(self, serializer=None):
        return is_list_serializer(serializer)

    def _get_paginator(self):
        return None

    def get_override_parameters(self):
        return []


class WordExtension(OpenApiSerializerFieldExtension):
    """A field of words is any of them."""

    target_class = "tracker.dialects.serializers.WordField"

    def map_serializer_field(self, auto_schema, direction):
        # Null has to be among them even where the field is nullable.
        nothing = [None] if self.target.allow_null else []
        return {"type": "string", "enum": [*self.target.words.meant, *nothing]}


def parameter(name, kind=str, **options):
    """A query parameter that need not be there."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, **options)
