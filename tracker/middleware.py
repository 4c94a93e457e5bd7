"""What stands between the socket and the views: proxies, limits, repeated requests, error pages."""

import hashlib
from datetime import timedelta
from urllib.parse import unquote_to_bytes

from csp.constants import HEADER as CSP_HEADER
from csp.utils import build_policy
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.messages.storage import default_storage
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.core.exceptions import DisallowedHost, PermissionDenied, SuspiciousOperation
from django.db import OperationalError, connection, transaction
from django.http import Http404, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject, empty
from django.utils.translation import gettext
from django_htmx.middleware import HtmxMiddleware as DjangoHtmxMiddleware

from issues.language import speaking
from issues.limits import HEADER, HEADERS, PARAMETERS, QUERY_STRING, UPLOAD, refusal
from tracker.accounts.authentication import bearer_token
from tracker.accounts.models import IdempotencyKey
from tracker.dialects.doors import door_at
from tracker.errors import error_response, logged, rate_headers, status_of

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class LanguageMiddleware:
    """Pages in the language that the person chose (a cookie), or else the one that their browser prefers.

    What is no page is always said in English: answers of APIs, files to take away, the administration.
    """

    NO_PAGES = ("/api/", "/admin/")
    FILES = (".csv", ".json", ".md")

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not self.is_page(request.path):
            return self.get_response(request)
        language = translation.get_language_from_request(request)
        with speaking(language):
            response = self.get_response(request)
        is_html = response.get("Content-Type", "").startswith("text/html")
        if is_html or response.status_code == 304:
            response["Content-Language"] = language
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    def is_page(self, path):
        return not (path.startswith(self.NO_PAGES) or path.endswith(self.FILES) or door_at(path))


class TrustedProxyMiddleware:
    """Believes X-Forwarded-For and -Proto from the proxies of TRUSTED_PROXIES and from nobody else."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        meta = request.META
        if meta.get("REMOTE_ADDR") in settings.TRUSTED_PROXIES:
            if forwarded := meta.get("HTTP_X_FORWARDED_FOR"):
                meta["REMOTE_ADDR"] = forwarded.rpartition(",")[2].strip()
            if meta.get("HTTP_X_FORWARDED_PROTO") == "https":
                meta["wsgi.url_scheme"] = "https"
        return self.get_response(request)


class ContentSecurityPolicyMiddleware:
    """One policy for every answer, as django-csp composes it from the settings: once."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.policy = build_policy()

    def __call__(self, request):
        response = self.get_response(request)
        # A developer's page of an error has its styles inside.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            response.headers.setdefault(CSP_HEADER, self.policy)
        return response


class LengthMiddleware:
    """Says how long an answer is: Django's CommonMiddleware looks at slashes and user agents as well."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


class LimitsMiddleware:
    """Refuses what no view should see: long or unclean addresses and headers, bodies over the limit."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        status, reason = self.refuse(request)
        return error_response(request, status, reason) if reason else self.get_response(request)

    def refuse(self, request):
        meta = request.META
        try:
            request.get_host()
        except DisallowedHost:
            return 400, gettext("This host is not served here.")
        sent = [value for name, value in meta.items() if name.startswith(("HTTP_", "CONTENT_TYPE"))]
        if len(sent) > HEADERS or any(len(value) > HEADER for value in sent):
            return 400, gettext("At most {number} headers of {size} bytes.").format(
                number=HEADERS, size=HEADER
            )
        if reason := meta.get("QUERY_STRING") and self.refuse_query(request, meta["QUERY_STRING"]):
            return 400, reason
        if reason := refusal(request.path):
            return 404, reason
        if "HTTP_TRANSFER_ENCODING" in meta:
            # Django would take the body for empty.
            return 411, gettext("Send the body with its Content-Length, not in chunks.")
        length = meta.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit() and len(length) <= 18):
            return 400, "Content-Length is not a number."
        # Of a form with files Django keeps no more in memory than of any other body.
        is_form = meta.get("CONTENT_TYPE", "").startswith("multipart/form-data")
        most = UPLOAD if is_form else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if int(length) > most:
            return 413, gettext("The body is larger than {} bytes.").format(most)
        return 200, None

    def refuse_query(self, request, query):
        if len(query) > QUERY_STRING:
            return gettext("The query string is longer than {} bytes.").format(QUERY_STRING)
        if query.count("&") >= PARAMETERS:
            return gettext("At most {} parameters.").format(PARAMETERS)
        try:
            unquote_to_bytes(query.encode("latin-1")).decode()
        except UnicodeError:
            return gettext("The query string is not UTF-8.")
        for name, values in request.GET.lists():
            if len(values) > 1:
                return gettext("The parameter {!r} is there more than once.").format(name[:64])
            if reason := refusal(name) or refusal(values[0]):
                return gettext("The parameter {name!a}: {reason}").format(name=name[:64], reason=reason)
        return None


def is_program(request):
    """Whether it calls an API and brings no cookie: then it has no session, and shows nobody a page.

    Doors elsewhere share their addresses with pages, so that calls of these take the longer way.
    """
    return request.path_info.startswith("/api/") and not request.META.get("HTTP_COOKIE")


class ForBrowsers:
    """Mixed into a middleware of others: programs' calls, most of all, go past it."""

    def __call__(self, request):
        return self.get_response(request) if is_program(request) else super().__call__(request)


class SessionMiddleware(ForBrowsers, DjangoSessionMiddleware):
    pass


class AuthenticationMiddleware(ForBrowsers, DjangoAuthenticationMiddleware):
    pass


class HtmxMiddleware(ForBrowsers, DjangoHtmxMiddleware):
    pass


class LazyMessagesMiddleware(ForBrowsers, MessageMiddleware):
    """Django's, but that messages are only unpacked where somebody reads or leaves one."""

    def process_request(self, request):
        request._messages = SimpleLazyObject(lambda: default_storage(request))

    def process_response(self, request, response):
        is_untouched = getattr(request, "_messages", None) is not None and request._messages._wrapped is empty
        return response if is_untouched else super().process_response(request, response)


class IdempotencyMiddleware:
    """Answers a repeated request with its first answer: `Idempotency-Key`, for a day, per user.

    The request runs inside one transaction with the row of its key, so a second one waits for the first;
    what failed is not kept and may be tried again. An answer marked `no-store` holds a secret, and is not
    kept either: a repeated request changes nothing and gets 409, with the Location of what the first made.
    """

    NOT_KEPT = 409
    WAIT = "5s"
    LIFE = timedelta(days=1)
    KEPT_HEADERS = ("Content-Type", "Location", "ETag")

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None or request.method in SAFE:
            return self.get_response(request)
        if not (0 < len(key) <= 255 and all("!" <= character <= "~" for character in key)):
            return error_response(request, 400, "Idempotency-Key: 1 to 255 visible ASCII characters.")
        token = bearer_token(request)
        # Nobody else is known of a program.
        user = token.user if token else getattr(request, "user", None)
        if token is False or user is None or not user.is_authenticated:
            return self.get_response(request)
        try:
            return self.answer(request, user, key)
        except (OperationalError, SuspiciousOperation, MultiPartParserError, UnreadablePostError) as error:
            return error_response(request, status_of(error))

    def answer(self, request, user, key):
        fingerprint = fingerprint_of(request)
        with transaction.atomic():
            try:
                row = self.claim(user, key, fingerprint)
            except OperationalError:
                transaction.set_rollback(True)
                return error_response(request, 409, "The first request with this key is still running.")
            if row.fingerprint != fingerprint:
                return error_response(request, 422, "This Idempotency-Key was used for another request.")
            if row.status:
                headers = row.headers | rate_headers(request) | {"Idempotency-Replayed": "true"}
                if row.status == self.NOT_KEPT:
                    return self.refuse_secret(request, headers)
                kept = HttpResponse(bytes(row.body), status=row.status, headers=headers)
                if "Content-Type" not in row.headers:
                    del kept["Content-Type"]
                return kept
            response = self.get_response(request)
            if response.status_code < 400:
                self.keep(row, response)
            else:
                transaction.set_rollback(True)
            return response

    def claim(self, user, key, fingerprint):
        """The row of this key, locked; a new one where there is none, or only an old one."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{self.WAIT}'")
        rows = IdempotencyKey.objects.filter(user=user, key=key)
        rows.filter(created_at__lt=timezone.now() - self.LIFE).delete()
        fresh = IdempotencyKey(user=user, key=key, fingerprint=fingerprint)
        IdempotencyKey.objects.bulk_create([fresh], ignore_conflicts=True)
        row = rows.select_for_update().get()
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = 0")
        return row

    def keep(self, row, response):
        row.headers = {name: response[name] for name in self.KEPT_HEADERS if name in response}
        if "no-store" in response.get("Cache-Control", ""):
            row.status = self.NOT_KEPT
        else:
            row.status, row.body = response.status_code, response.content
        row.save()

    def refuse_secret(self, request, headers):
        detail = "The first request with this key was answered with a secret, which is shown only once."
        response = error_response(request, self.NOT_KEPT, detail)
        for name in headers.keys() - {"Content-Type"}:
            response[name] = headers[name]
        return response


def fingerprint_of(request):
    """The SHA-256 of what a request asks for.

    A form with files is told by its fields and files: its body differs each time, and may be large.
    """
    asked = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    is_form = request.method == "POST" and request.content_type == "multipart/form-data"
    if not is_form or int(request.META["CONTENT_LENGTH"] or 0) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        # Kept in memory, so that a view which takes no forms can refuse this one.
        body = request.body
    if not is_form:
        asked.update(body)
        return asked.hexdigest()
    for name, values in sorted(request.POST.lists()):
        asked.update(repr(("field", name, values)).encode())
    for name, uploads in sorted(request.FILES.lists()):
        for upload in uploads:
            asked.update(repr(("file", name, upload.name, upload.size)).encode())
            for chunk in upload.chunks():
                asked.update(chunk)
    return asked.hexdigest()


class ErrorPagesMiddleware:
    """Gives views' errors our own pages in every mode; unexpected ones only where no developer looks."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code != 405 or response.content:
            return response
        page = error_response(request, 405)
        page["Allow"] = response["Allow"]
        return page

    def process_exception(self, request, error):
        if isinstance(error, Http404):
            return error_response(request, 404)
        if isinstance(error, PermissionDenied):
            return error_response(request, 403)
        if isinstance(error, OperationalError):
            return error_response(request, logged(request, error))
        return None
