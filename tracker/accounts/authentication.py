"""How a request says who it is: a bearer token, or the session of the pages."""

from types import SimpleNamespace

from django.contrib.auth.models import AnonymousUser
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, Throttled

from tracker.accounts.models import ApiToken
from tracker.accounts.throttling import BadTokenThrottle, TokenThrottle
from tracker.dialects.doors import door_at


def bearer_token(request):
    """The live ApiToken that signs a request in, None where it names none, False for a dead one.

    It stands in `Authorization: Bearer …`, or where the product has it whose door is called. One indexed
    query per secret, never cached beyond the request: revoking works at once.
    """
    if not hasattr(request, "bearer_token"):
        secrets = bearer_secrets(request)
        request.bearer_token = secrets and (live_token(*secrets) or False)
        if request.bearer_token and request.bearer_token.scope == ApiToken.Scope.READ:
            # Whoever reads with it is a viewer everywhere: internal comments are not for them.
            user = request.bearer_token.user
            user._space_roles = dict.fromkeys(user.space_roles(), "viewer")
    return request.bearer_token


def bearer_secrets(request):
    """The secrets that a request shows, that of the acting token first; None where it shows none."""
    scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return (secret.strip(),)
    door = door_at(request.path_info)
    return (door and door.secrets(request.headers)) or (("",) if scheme else None)


def counted(request):
    """The Throttle of a call that no view counts, counted."""
    token = bearer_token(request)
    caller = SimpleNamespace(auth=token, user=AnonymousUser(), META=request.META)
    throttle = BadTokenThrottle() if token is False else TokenThrottle()
    throttle.allow_request(caller, None)
    return throttle


def live_token(secret, *others):
    """The ApiToken of a secret, None unless it and those of all others are live and have one home."""
    found = [find_token(each) for each in (secret, *others)]
    is_whole = all(found) and len({token.space_id for token in found}) == 1
    return found[0] if is_whole else None


def find_token(secret):
    is_well_formed = secret.isascii() and 0 < len(secret) <= 256
    return ApiToken.find(secret) if is_well_formed else None


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <token>` (RFC 6750)."""

    def authenticate(self, request):
        token = bearer_token(request._request)
        if token is None:
            return None
        if not token:
            throttle = BadTokenThrottle()
            refused = AuthenticationFailed("The token is unknown, expired or revoked.")
            if not throttle.allow_request(request, None):
                refused = Throttled(throttle.wait())
            # A door says more of it than how long to wait.
            refused.throttle = throttle
            raise refused
        return token.user, token

    def authenticate_header(self, request):
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """The pages' session, with its CSRF check."""

    def authenticate(self, request):
        found = super().authenticate(request)
        return found and (found[0], None)
