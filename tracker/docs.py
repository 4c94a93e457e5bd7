"""The pages of the REST API: its OpenAPI document, built once, and Swagger over it."""

from functools import lru_cache

import orjson
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView

from tracker.errors import problem


@lru_cache(maxsize=1)
def document():
    """The bytes of the OpenAPI document."""
    schema = SchemaGenerator(patterns=None).get_schema(request=None, public=True)
    return orjson.dumps(schema)


@csrf_exempt
def schema(request):
    if request.method not in ("GET", "HEAD"):
        return problem(request, 405, headers={"Allow": "GET, HEAD"})
    return HttpResponse(document(), content_type="application/vnd.oai.openapi+json")


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI; its script comes from an address of its own, as the CSP asks."""

    url_name = "api-schema"
    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    template_name = "api_docs.html"
