"""Versori's issue API: `/api/v2/o/{organisation}/issues` and below."""

from django.urls import reverse

from tracker.dialects.doors import Door
from tracker.dialects.ids import ulid_of

CODES = {
    401: "unauthenticated",
    403: "permission_denied",
    404: "not_found",
    405: "unimplemented",
    409: "conflict",
    429: "resource_exhausted",
    503: "unavailable",
}
INVALID, INTERNAL = "invalid_argument", "internal"


class Versori(Door):
    name = "versori"
    title = "Versori"
    paths = r"/api/v2/o(?:/[\s\S]*)?"

    problem = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "string", "enum": sorted({*CODES.values(), INVALID, INTERNAL})},
            "message": {"type": "string"},
            "fields": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                },
            },
        },
    }

    def error(self, status, detail, problems):
        code = CODES.get(status, INVALID if status < 500 else INTERNAL)
        found = {"code": code, "message": detail}
        fields = [{"field": field_of(path), "message": text} for path, text, _ in problems if len(path) > 1]
        return found | ({"fields": fields} if fields else {})

    def address(self, issue):
        return reverse("versori:issue", args=[ulid_of(issue.space.uuid), ulid_of(issue.uuid)])

    def secrets(self, headers):
        """The product's own command line calls its scheme JWT."""
        scheme, _, secret = headers.get("Authorization", "").partition(" ")
        return (secret.strip(),) if scheme.lower() == "jwt" else None


def field_of(path):
    """`labels.team` or `rows[0].name`: the place of a problem, without the word for where it was sent."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path[1:])
    return "".join(steps).removeprefix(".")


door = Versori()
