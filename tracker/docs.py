"""The pages of the APIs: for each its OpenAPI document, made once, and Swagger over it."""

from functools import cache
from threading import Lock

import orjson
from django.http import Http404, HttpResponse
from django.urls import get_resolver, reverse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from drf_spectacular.views import SpectacularSwaggerSplitView

from tracker.dialects.doors import Native, apis, doors
from tracker.errors import problem

NATIVE = Native.name
# Spectacular keeps in one place what is said of the document that is being made.
MAKING = Lock()


def document(name=NATIVE):
    """The bytes of the OpenAPI document of our own API, or of the door of this name."""
    with MAKING:
        return made(name)


@cache
def made(name):
    door = doors().get(name)
    own = door and {
        "TITLE": f"{door.title}'s API of issues",
        "DESCRIPTION": f"What clients of {door.title} call, served from this tracker's issues.",
        "PREPROCESSING_HOOKS": [],
        "POSTPROCESSING_HOOKS": [],
    }
    patterns = [entry for entry in get_resolver().url_patterns if getattr(entry, "namespace", "") == name]
    with patched_settings(own):
        return orjson.dumps(SchemaGenerator(patterns=patterns).get_schema(request=None, public=True))


@csrf_exempt
def schema(request, name=NATIVE):
    if name not in titles():
        raise Http404
    if request.method not in ("GET", "HEAD"):
        return problem(request, 405, headers={"Allow": "GET, HEAD"})
    return HttpResponse(document(name), content_type="application/vnd.oai.openapi+json")


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI; its script comes from an address of its own, as the CSP asks."""

    schema = None
    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    template_name = "api_docs.html"

    def get(self, request, name=NATIVE):
        if name not in titles():
            raise Http404
        self.title, self.url = titles()[name], schema_address(name)
        response = super().get(request)
        response.data |= {"titles": titles(), "shown": name, "schema": self.url}
        return response


def titles():
    """{name: title} of all APIs of which there is a document."""
    return {name: door.title for name, door in apis().items()}


def schema_address(name):
    return reverse("api-schema") if name == NATIVE else reverse("api-schema-door", args=[name])
