"""How a request says who it is: a bearer token, or the session of the pages."""

from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, Throttled

from tracker.accounts.models import ApiToken
from tracker.accounts.throttling import BadTokenThrottle


def bearer_token(request):
    """The live ApiToken of `Authorization: Bearer …`, None without the header, False for a dead one.

    One indexed query per request, never cached beyond it: revoking works at once.
    """
    if not hasattr(request, "bearer_token"):
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            request.bearer_token = None
        else:
            well_formed = scheme.lower() == "bearer" and secret.isascii() and 0 < len(secret) <= 256
            request.bearer_token = (ApiToken.find(secret.strip()) if well_formed else None) or False
            if request.bearer_token and request.bearer_token.scope == ApiToken.Scope.READ:
                # Whoever reads with it is a viewer everywhere: internal comments are not for them.
                user = request.bearer_token.user
                user._space_roles = dict.fromkeys(user.space_roles(), "viewer")
    return request.bearer_token


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <token>` (RFC 6750)."""

    def authenticate(self, request):
        token = bearer_token(request._request)
        if token is None:
            return None
        if not token:
            throttle = BadTokenThrottle()
            if not throttle.allow_request(request, None):
                raise Throttled(throttle.wait())
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        return token.user, token

    def authenticate_header(self, request):
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """The pages' session, with its CSRF check."""

    def authenticate(self, request):
        found = super().authenticate(request)
        return found and (found[0], None)
