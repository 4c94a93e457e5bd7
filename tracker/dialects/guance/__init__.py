"""Guance's issue API, which is TrueWatch's too: issues, levels, channels and attachments below `/api/v1`."""

from uuid import uuid4

from django.urls import reverse

from tracker.dialects.doors import Door
from tracker.dialects.ids import prefixed

CODES = {
    401: "ft.InvalidApiKey",
    403: "ft.NoPermission",
    404: "ft.NotFound",
    405: "ft.MethodNotAllowed",
    409: "ft.Conflict",
    413: "ft.RequestTooLarge",
    415: "ft.UnsupportedMediaType",
    429: "ft.TooManyRequests",
    503: "ft.Unavailable",
}
INVALID, INTERNAL = "ft.InvalidParams", "ft.InternalError"


class Guance(Door):
    name = "guance"
    title = "Guance"
    paths = r"/api/v1/(?:issue|issue-level|channel|attachment)(?:/[\s\S]*)?"

    problem = {
        "type": "object",
        "required": ["code", "content", "errorCode", "message", "success", "traceId"],
        "properties": {
            "code": {"type": "integer", "description": "The status."},
            "content": {"type": "object"},
            "errorCode": {"type": "string", "enum": [INVALID, INTERNAL, *CODES.values()]},
            "message": {"type": "string"},
            "success": {"type": "boolean"},
            "traceId": {"type": "string"},
        },
    }
    schemes = Door.schemes | {"key": {"type": "apiKey", "in": "header", "name": "DF-API-KEY"}}
    sign_in = (("key",), ("token",))

    def error(self, status, detail, problems):
        code = CODES.get(status, INVALID if status < 500 else INTERNAL)
        return envelope({}, status, code, detail)

    def address(self, issue):
        return reverse("guance:issue", args=[prefixed("issue", issue.uuid)])

    def headers(self, secret):
        return {"DF-API-KEY": secret}

    def secrets(self, headers):
        key = headers.get("DF-API-KEY")
        return None if key is None else (key,)


def envelope(content, status=200, code="", message="", **more):
    """What every answer comes in; `code` is that of an error."""
    return {
        "code": status,
        "content": content,
        "errorCode": code,
        "message": message,
        **more,
        "success": not code,
        "traceId": f"TRACE-{str(uuid4()).upper()}",
    }


door = Guance()
