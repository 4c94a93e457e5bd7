"""The pages of the REST API: its OpenAPI document, built once, and Swagger over it."""

from functools import lru_cache

import orjson
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView


@lru_cache(maxsize=1)
def document():
    """The bytes of the OpenAPI document."""
    schema = SchemaGenerator(patterns=None).get_schema(request=None, public=True)
    return orjson.dumps(schema)


def schema(request):
    return HttpResponse(document(), content_type="application/vnd.oai.openapi+json")


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI; its script comes from an address of its own, as the CSP asks."""

    url_name = "api-schema"
    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    template_name = "api_docs.html"
