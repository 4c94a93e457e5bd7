"""Datadog's Error Tracking API: `/api/v2/error-tracking/issues` and below."""

from http import HTTPStatus
from math import ceil

from django.conf import settings
from django.urls import reverse

from tracker.dialects.doors import Door

# The code of what is wrong in a request where the sentence alone says all.
SENTENCE = "sentence"
# An error as the product's service sends it.
ERROR = {
    "type": "object",
    "required": ["status", "title", "detail"],
    "properties": {name: {"type": "string"} for name in ("status", "title", "detail")},
}


class Datadog(Door):
    name = "datadog"
    title = "Datadog"
    paths = r"/api/v2/error-tracking(?:/[\s\S]*)?"
    schemes = Door.schemes | {
        "apiKeyAuth": {"type": "apiKey", "in": "header", "name": "DD-API-KEY"},
        "appKeyAuth": {"type": "apiKey", "in": "header", "name": "DD-APPLICATION-KEY"},
    }
    sign_in = (("apiKeyAuth", "appKeyAuth"), ("token",))

    @property
    def content_type(self):
        return "application/vnd.api+json" if settings.DATADOG_ERROR_OBJECTS else "application/json"

    @property
    def problem(self):
        error = ERROR if settings.DATADOG_ERROR_OBJECTS else {"type": "string"}
        return {
            "type": "object",
            "required": ["errors"],
            "properties": {"errors": {"type": "array", "items": error}},
        }

    def error(self, status, detail, problems):
        """A sentence for each problem, as the page has it, or objects as the product's service sends them."""
        sentences = [sentence(*problem) for problem in problems] or [detail]
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            sentences = ["Too many requests"]
        if not settings.DATADOG_ERROR_OBJECTS:
            return {"errors": sentences}
        title = HTTPStatus(status).phrase
        return {"errors": [{"status": str(status), "title": title, "detail": said} for said in sentences]}

    def address(self, issue):
        return reverse("datadog:issue", args=[issue.uuid])

    def headers(self, secret):
        return {"DD-API-KEY": secret, "DD-APPLICATION-KEY": secret}

    def secrets(self, headers):
        found = tuple(headers.get(name, "") for name in ("DD-APPLICATION-KEY", "DD-API-KEY"))
        return found if any(found) else None

    def rate(self, throttle):
        """Both of the product's own clients sleep for `Reset` seconds before they try again."""
        return {
            "X-RateLimit-Limit": str(throttle.num_requests),
            "X-RateLimit-Period": str(throttle.duration),
            "X-RateLimit-Remaining": str(throttle.remaining),
            "X-RateLimit-Reset": str(ceil(throttle.wait())),
            "X-RateLimit-Name": "error_tracking_issues",
        }


def sentence(path, text, code):
    """What is said of a problem: `data.attributes.from: This field is required.`"""
    place = ".".join(map(str, path[1:]))
    return text if code == SENTENCE or not place else f"{place}: {text}"


door = Datadog()
