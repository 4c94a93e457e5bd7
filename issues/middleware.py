"""The request's place in the audit trail."""

import re
from secrets import token_hex

from issues.actor import Actor, acting_as

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


class ActorMiddleware:
    """Answers for every change of a request: who, with which token, through which door.

    The question is kept, not the answer, since an API client is signed in inside the view. The door is the
    namespace of the URL (`api`, `admin`, a dialect's name); without one it is the page, `web`. A client's
    own `X-Request-ID` is taken over and given back.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request.id = given if REQUEST_ID.match(given) else token_hex(16)
        with acting_as(lambda: actor_of(request)):
            response = self.get_response(request)
        response["X-Request-ID"] = request.id
        return response


def actor_of(request):
    user = getattr(request, "user", None)
    token = getattr(request, "auth", None)
    match = request.resolver_match
    return Actor(
        user=user if user is not None and user.is_authenticated else None,
        token=token.uuid if token else None,
        source=match.namespace.split(":")[0] if match and match.namespace else "web",
        request_id=request.id,
    )
