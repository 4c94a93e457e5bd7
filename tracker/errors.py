"""Errors in the shape of the door they leave by: RFC 9457 documents on API paths, pages elsewhere."""

import logging
import re
from http import HTTPStatus
from sqlite3 import SQLITE_ERROR

import orjson
from django.core import exceptions as django_exceptions
from django.db import DatabaseError, DataError, IntegrityError, OperationalError
from django.http import Http404, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop
from rest_framework import exceptions
from rest_framework.views import set_rollback

from issues.models.base import VersionConflict
from issues.rows import OPTIONS
from tracker.accounts.authentication import counted
from tracker.dialects.doors import door_at

logger = logging.getLogger(__name__)

API_PREFIX, ADMIN_PREFIX = "/api/", "/admin/"
PROBLEM_JSON = "application/problem+json"

WORDS = {
    400: gettext_noop("The request could not be understood."),
    401: gettext_noop("Sign in first."),
    403: gettext_noop(
        "Your role, or your token, does not allow this. An admin of the space can change that."
    ),
    404: gettext_noop("There is nothing here."),
    405: gettext_noop("This method is not offered here."),
    409: gettext_noop("It contradicts what is there."),
    412: gettext_noop("It has changed since the version you name."),
    413: gettext_noop("The request is too large."),
    415: gettext_noop("Send JSON with Content-Type: application/json."),
    422: gettext_noop("The key was used for another request."),
    429: gettext_noop("Too many requests."),
    500: gettext_noop("Something went wrong on our side; nothing was changed."),
    503: gettext_noop("The database is busy; try again."),
}

# What the page of an error is called, and what somebody who meets it can do.
TITLES = {
    400: gettext_noop("This was not understood"),
    403: gettext_noop("You may not do this"),
    404: gettext_noop("There is nothing here"),
    405: gettext_noop("This is not offered here"),
    409: gettext_noop("This contradicts what is there"),
    412: gettext_noop("Somebody else was faster"),
    413: gettext_noop("This is too large"),
    429: gettext_noop("Too many requests"),
    500: gettext_noop("Something went wrong"),
    503: gettext_noop("The database is busy"),
}
LOAD_AGAIN = gettext_noop("Load the page again, look at what is there now, and send yours once more.")
HELP = {
    400: gettext_noop("Check the address, or go back and send the form once more."),
    403: gettext_noop("An admin of the space can give you a role that may; People shows who they are."),
    404: gettext_noop(
        "The address may be mistyped, or it leads into a space that you are not in: "
        "an admin of that space can add you."
    ),
    409: LOAD_AGAIN,
    412: LOAD_AGAIN,
    413: gettext_noop("Send less at once, or a smaller file."),
    429: gettext_noop("Wait a minute, and try again."),
    500: gettext_noop("Try again. If it stays, tell whoever runs this installation which request it was."),
    503: gettext_noop("Wait a moment, and try again."),
}
# What is said instead of a form whose token is none of ours.
NOT_ACCEPTED = {
    "title": gettext_noop("This form was not accepted"),
    "detail": gettext_noop(
        "The page was open from before you signed in, or the form came from another site. "
        "Nothing was changed."
    ),
    "help": gettext_noop(
        "Go back in your browser: what you typed is still there. Copy it, load the page again and send it "
        "once more. If it happens again, allow this site to set cookies."
    ),
}
# Whose words say more than the title and the help.
TELLING = (412, 500)
ISSUE_PATH = re.compile(r"/issues/([A-Za-z][A-Za-z0-9]{1,9})-([0-9]{1,18})(?:/|\.(?:csv|json|md)\Z)")


def problem(request, status, detail=None, errors=None, headers=None, **more):
    """A problem document as a response; `errors` is a list of {"pointer" or "parameter", "detail"}."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or WORDS.get(status, HTTPStatus(status).phrase),
        "request_id": getattr(request, "id", None),
    }
    if errors:
        document["errors"] = errors
    return HttpResponse(
        orjson.dumps(document | more, default=str, option=OPTIONS),
        status=status,
        content_type=PROBLEM_JSON,
        headers=headers,
    )


def problem_handler(error, context):
    """DRF's exception handler: whatever a view raises leaves as a problem document."""
    set_rollback()
    request = context["request"]._request
    if isinstance(error, VersionConflict):
        return problem(request, 412, current=context["view"].document(error.stored))
    known = as_api_exception(error)
    return api_problem(request, known) if known else problem(request, logged(request, error))


def as_api_exception(error):
    """DRF's own exception for what a view raised, None where it has none."""
    if isinstance(error, django_exceptions.ValidationError):
        return exceptions.ValidationError(as_drf(error))
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, django_exceptions.PermissionDenied):
        return exceptions.PermissionDenied()
    return error if isinstance(error, exceptions.APIException) else None


def logged(request, error):
    """The HTTP status of any other exception; one that is our fault goes into the log."""
    status = status_of(error)
    if status >= 500:
        logger.exception("%s %s failed", request.method, request.path, exc_info=error)
    return status


def api_problem(request, error):
    status, headers = error.status_code, headers_of(error)
    if isinstance(error.detail, dict | list):
        where = "parameter" if getattr(error, "in_query", False) else "pointer"
        errors = list(flatten(error.detail, "" if where == "pointer" else None, where))
        if errors and all(code == "not_found" for code in codes(error.get_codes())):
            status = 404
        detail = "; ".join(e["detail"] for e in errors[:3])
        return problem(request, status, detail, errors, headers, **getattr(error, "more", {}))
    return problem(request, status, str(error.detail), headers=headers)


def headers_of(error):
    """The headers that an APIException asks for."""
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header
    if getattr(error, "wait", None) is not None:
        headers["Retry-After"] = str(max(error.wait, 1))
    return headers


def flatten(detail, path, where):
    """[{where: path, "detail": text}] of DRF's nested error detail; paths are JSON pointers (RFC 6901)."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            key = "" if key in ("non_field_errors", "__all__") else str(key)
            if where == "pointer":
                step = f"{path}/{key.replace('~', '~0').replace('/', '~1')}" if key else path
            else:
                step = key
            yield from flatten(inner, step, where)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from flatten(inner, f"{path}/{index}" if nested and where == "pointer" else path, where)
    elif detail:
        yield {where: path or "", "detail": str(detail)}


def codes(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        return [code for inner in tree for code in codes(inner)]
    return [tree]


def as_drf(error):
    return error.message_dict if hasattr(error, "error_dict") else {"non_field_errors": error.messages}


def status_of(error):
    """The HTTP status of an exception that is no APIException."""
    if isinstance(error, django_exceptions.RequestDataTooBig):
        return 413
    if isinstance(error, django_exceptions.BadRequest | django_exceptions.SuspiciousOperation):
        return 400
    if isinstance(error, MultiPartParserError):
        return 400
    if isinstance(error, DataError | UnicodeError | OverflowError | RecursionError | UnreadablePostError):
        return 400
    if isinstance(error, IntegrityError):
        return 409
    if isinstance(error, OperationalError) and not is_misworded(error):
        return 503
    return 500


def is_misworded(error):
    """Whether SQLite refused a statement for what it says: for it that is operational, too."""
    return getattr(error.__cause__, "sqlite_errorcode", None) == SQLITE_ERROR


def rate_headers(request):
    """What a call that no view counts is told of how often it may call, by the door to which it came."""
    door = door_at(request.path)
    try:
        return door.rate(counted(request)) if door else {}
    except DatabaseError:
        # It may be what the error is about.
        return {}


def error_response(request, status, detail=None):
    """An error in the shape of the door that `request` came to."""
    if door := door_at(request.path):
        said = detail or WORDS.get(status, HTTPStatus(status).phrase)
        return door.failure(status, said, headers=rate_headers(request))
    if request.path.startswith(API_PREFIX):
        return problem(request, status, detail)
    return error_page(request, page_of_error(request.path, status, detail))


def error_page(request, context):
    """The page of an error, of which `page_of_error` makes the context, in the frame of other pages."""
    status = context["status"]
    # The frame needs a database, the page a session and static files, and one of them may be what failed.
    may_frame = status < 500 and not request.path.startswith(ADMIN_PREFIX)
    for is_framed in (True, False) if may_frame else (False,):
        try:
            return render(request, "error.html", context | {"is_framed": is_framed}, status=status)
        except Exception:
            logger.exception("The page of an error %s failed", status)
    return HttpResponse(context["detail"] or context["title"], status=status, content_type="text/plain")


def page_of_error(path, status, detail=None):
    """What the page of an error says, of an issue the same whether it is there or not."""
    title, issue = in_words(TITLES, status), ISSUE_PATH.match(path)
    if issue and status == 404 and not detail:
        detail = gettext("In the spaces that you are in, there is no issue {}.")
        detail = detail.format(f"{issue[1].upper()}-{issue[2]}")
    elif status in TELLING or not title:
        detail = detail or in_words(WORDS, status)
    return {
        "status": status,
        "phrase": HTTPStatus(status).phrase,
        "title": title or HTTPStatus(status).phrase,
        "detail": detail,
        "help": in_words(HELP, status),
        "asks_people": status == 403,
        "is_passing": status in (429, 500, 503),
    }


def in_words(table, status):
    """What a table says of a status, in the language of the page; None if nothing."""
    return gettext(table[status]) if status in table else None


def csrf_failure(request, reason=""):
    if request.path.startswith(API_PREFIX) or door_at(request.path):
        return error_response(request, 403)
    said = {name: gettext(text) for name, text in NOT_ACCEPTED.items()}
    return error_page(request, page_of_error(request.path, 403) | said | {"asks_people": False})


def handler400(request, exception=None):
    return error_response(request, status_of(exception) if exception else 400)


def handler403(request, exception=None):
    return error_response(request, 403)


def handler404(request, exception=None):
    return error_response(request, 404)


def handler500(request):
    return error_response(request, 500)
