"""How often a client may call; counted in the cache, never in the database."""

import hashlib

from rest_framework.throttling import SimpleRateThrottle

# More calls than come in any window of time.
MOST = 1_000_000_000


class Throttle(SimpleRateThrottle):
    """So many calls a minute or an hour for each `ident`, from the first of them on.

    After `allow_request`, `calls` is how many have come since then, and `resets_at` when none will have, in
    unix seconds.
    """

    def allow_request(self, request, view):
        # One number says when the window began and how many calls came since, so that to count is one step.
        key = self.get_cache_key(request, view)
        try:
            counted = self.cache.incr(key)
        except ValueError:
            now = self.timer()
            self.cache.add(key, int(now) * MOST, self.duration - now % 1)
            counted = self.cache.incr(key)
        began, self.calls = divmod(counted, MOST)
        self.resets_at = began + self.duration
        return self.calls <= self.num_requests

    def wait(self):
        return max(self.resets_at - self.timer(), 0)

    @property
    def remaining(self):
        return max(self.num_requests - self.calls, 0)

    def get_cache_key(self, request, view):
        digest = hashlib.sha256(self.ident(request).encode(errors="replace")).hexdigest()
        return f"throttle:{self.scope}:{digest}"

    def get_ident(self, request):
        # Behind a trusted proxy REMOTE_ADDR already is the client's; a header by itself proves nothing.
        return request.META.get("REMOTE_ADDR", "")


class TokenThrottle(Throttle):
    """For each token, or for each person or address without one."""

    scope = "token"
    rate = "600/min"

    def ident(self, request):
        if request.auth:
            return f"token {request.auth.pk}"
        return f"user {request.user.pk}" if request.user.pk else self.get_ident(request)


class BadTokenThrottle(Throttle):
    """For each address that presents tokens which are none."""

    scope = "bad_token"
    rate = "60/min"

    def ident(self, request):
        return self.get_ident(request)


class LoginThrottle(Throttle):
    """Attempts to sign in, for each address together with each name."""

    scope = "login"
    rate = "10/min"

    def ident(self, request):
        return f"{self.get_ident(request)} {request.POST.get('username', '').casefold()[:254]}"


class LinkThrottle(Throttle):
    """Calls with a link that lets somebody in, for each address."""

    scope = "link"
    rate = "30/min"

    def ident(self, request):
        return self.get_ident(request)


class ResetThrottle(Throttle):
    """Wishes for a new password, for each address."""

    scope = "reset"
    rate = "5/min"

    def ident(self, request):
        return self.get_ident(request)


class MailThrottle(Throttle):
    """Mails to one mailbox, whoever asks for them."""

    scope = "mail"
    rate = "5/hour"

    def ident(self, request):
        return request.POST.get("email", "").casefold()[:254]


class PasswordThrottle(Throttle):
    """Guesses at the password of a person whose session is open."""

    scope = "password"
    rate = "10/min"

    def ident(self, request):
        return f"user {request.user.pk}"
