"""Qarion's issue API: `/issues` and below, without a slash at the end."""

from django.urls import reverse

from tracker.dialects.doors import Door

# What its errors call our reasons.
TYPES = {"required": "value_error.missing", "invalid_choice": "type_error.enum"}
PROBLEM = {
    "type": "object",
    "required": ["loc", "msg", "type"],
    "properties": {
        "loc": {"type": "array", "items": {"oneOf": [{"type": "string"}, {"type": "integer"}]}},
        "msg": {"type": "string"},
        "type": {"type": "string"},
    },
}


class Qarion(Door):
    name = "qarion"
    title = "Qarion"
    # Not the pages' own downloads.
    paths = r"/issues(?:/(?!export\.)[\s\S]*[^/])?"
    invalid = 422
    problem = {
        "type": "object",
        "required": ["detail"],
        "properties": {"detail": {"oneOf": [{"type": "string"}, {"type": "array", "items": PROBLEM}]}},
    }

    def address(self, issue):
        return reverse("qarion:issue", args=[issue.uuid])

    def error(self, status, detail, problems):
        if not problems:
            return {"detail": detail}
        return {
            "detail": [
                {
                    "loc": list(path),
                    "msg": "field required" if code == "required" else text,
                    "type": TYPES.get(code, "value_error"),
                }
                for path, text, code in problems
            ]
        }

    def rate(self, throttle):
        return {
            "X-RateLimit-Limit": str(throttle.num_requests),
            "X-RateLimit-Remaining": str(throttle.remaining),
            "X-RateLimit-Reset": str(throttle.resets_at),
        }


door = Qarion()
