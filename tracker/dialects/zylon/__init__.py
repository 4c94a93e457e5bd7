"""Zylon's issue API: `/api/v1/app/issue` and below."""

from django.urls import reverse

from tracker.dialects.doors import Door
from tracker.dialects.ids import prefixed

CODES = {
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "request_too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "too_many_requests",
    503: "unavailable",
}
INVALID_STATE, INVALID, INTERNAL = "invalid_state", "invalid_request", "internal"


class Zylon(Door):
    name = "zylon"
    title = "Zylon"
    paths = r"/api/v1/app(?:/[\s\S]*)?"
    problem = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": {"type": "string", "enum": [INVALID_STATE, INVALID, INTERNAL, *CODES.values()]},
                    "message": {"type": "string"},
                },
            }
        },
    }

    def address(self, issue):
        return reverse("zylon:issue", args=[prefixed("issue", issue.uuid)])

    def error(self, status, detail, problems):
        names = [path[1] for path, *_ in problems if len(path) > 1]
        other = INVALID if status < 500 else INTERNAL
        code = INVALID_STATE if "state" in names else CODES.get(status, other)
        return {"error": {"code": code, "message": detail}}


door = Zylon()
