"""How the OpenAPI document is made: true for pages, errors and references too."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from drf_spectacular.plumbing import build_array_type
from drf_spectacular.utils import OpenApiParameter

PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "nullable": True},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901, into the body"},
                    "parameter": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "position": {
            "type": "object",
            "description": "With a query that means nothing: where, in characters, the end left out.",
            "required": ["start", "end"],
            "properties": {"start": {"type": "integer"}, "end": {"type": "integer"}},
        },
        "proposal": {"type": "string", "nullable": True, "description": "What to write there instead."},
        "current": {"type": "object", "description": "With 412: the document as it is now."},
    },
}
REFERENCE = {
    "oneOf": [
        {"type": "string", "description": "An id or a key."},
        {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    ]
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A second request with the same key within a day gets the first one's answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
ALWAYS = {"400", "401", "403", "404", "429"}
WRITING = {"409", "411", "412", "413", "415", "422"}


class AutoSchema(SpectacularSchema):
    """Spectacular's, with keyset pages and problem documents."""

    def _is_list_view(self, serializer=None):
        return self.view.action == "list"

    def _get_paginator(self):
        return KeysetPages() if self.view.action == "list" else None

    def get_filter_backends(self):
        return []

    def get_override_parameters(self):
        filterset = getattr(self.view, "filterset_class", None)
        if self.view.action != "list" or filterset is None:
            return []
        return [
            OpenApiParameter(name, str, description=str(field.label))
            for name, field in filterset.base_filters.items()
        ]


class KeysetPages:
    def get_paginated_response_schema(self, schema):
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link, "count": {"type": "integer"}},
        }

    def get_schema_operation_parameters(self, view):
        return []


class BearerExtension(OpenApiAuthenticationExtension):
    target_class = "tracker.accounts.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer"}


class SessionExtension(OpenApiAuthenticationExtension):
    target_class = "tracker.accounts.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema):
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class ReferenceExtension(OpenApiSerializerFieldExtension):
    """A reference is written as an id or a key and read as an object."""

    target_class = "issues.serializers.ReferenceField"

    def map_serializer_field(self, auto_schema, direction):
        if direction == "request":
            return REFERENCE
        return auto_schema.resolve_serializer(self.target.document, direction).ref


class ReferenceListExtension(OpenApiSerializerFieldExtension):
    target_class = "issues.serializers.ReferenceListField"

    def map_serializer_field(self, auto_schema, direction):
        if direction == "request":
            return build_array_type(REFERENCE)
        return build_array_type(auto_schema.resolve_serializer(self.target.document, direction).ref)


def without_doors(endpoints):
    """Our own API alone: the doors have documents of their own."""
    return [endpoint for endpoint in endpoints if not hasattr(endpoint[-1].cls, "door")]


def add_problems(result, generator, request, public):
    """Every operation can fail, and says how; a document has all its keys, in a list those asked for."""
    schemas = result["components"]["schemas"]
    for name, schema in schemas.items():
        if "properties" in schema and not name.endswith("Request") and not name.startswith("Paginated"):
            schema["required"] = list(schema["properties"])
    del schemas["ListedIssue"]["required"]
    schemas["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for method, operation in operations.items():
            for status in ALWAYS | (WRITING if method != "get" else set()):
                operation["responses"].setdefault(status, {"description": "Problem", "content": content})
            if method != "get":
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    return result
