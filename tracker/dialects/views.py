"""What the views of every door share."""

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpResponse
from rest_framework.views import APIView, set_rollback

from issues import issue_rows, search
from issues.counts import total_of
from issues.filters import BadParameter
from issues.models import Issue
from issues.orders import NEWEST_FIRST, ORDERS
from issues.parsers import StrictJSONParser
from issues.rows import dump
from issues.search import Phrase
from tracker.accounts.authentication import BearerAuthentication
from tracker.dialects import ids
from tracker.dialects.openapi import DoorSchema
from tracker.errors import WORDS, as_api_exception, headers_of, logged

LATEST = 253_402_300_799_999  # the last millisecond of the year 9999


class JSONAPIParser(StrictJSONParser):
    """JSON under the name that clients of JSON:API have for it."""

    media_type = "application/vnd.api+json"


class DoorView(APIView):
    """A view of a door: JSON in and out, errors in the product's shape, nobody's session.

    `door` is the Door; `space` the one that a call is for, where a door's calls are for one; `verbs` names
    for a method what the policy must allow where that is neither `read` nor `write`.
    """

    door = space = None
    verbs = {}
    authentication_classes = [BearerAuthentication]
    parser_classes = [StrictJSONParser, JSONAPIParser]
    metadata_class = None
    # OPTIONS is refused, and so no `Allow` names it.
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    schema = DoorSchema()

    def verb(self, row=None):
        return self.verbs.get(
            self.request.method, "read" if self.request.method in ("GET", "HEAD") else "write"
        )

    def get_exception_handler(self):
        return self.failure

    def failure(self, error, context):
        """Whatever a view raises, in the shape of the door."""
        set_rollback()
        if throttle := getattr(error, "throttle", None):
            self.kept_throttles = [throttle]
        known = as_api_exception(error)
        if known is None:
            status = logged(context["request"], error)
            return self.door.failure(status, WORDS.get(status, ""))
        if not isinstance(known.detail, dict | list):
            return self.door.failure(known.status_code, str(known.detail), headers=headers_of(known))
        place = getattr(known, "place", "query" if hasattr(known, "in_query") else "body")
        problems = list(problems_of(known.detail, (place,)))
        detail = "; ".join(sentence(path[1:], text) for path, text, _ in problems[:3])
        return self.door.failure(self.door.invalid, detail, problems, headers_of(known))

    def permission_denied(self, request, **reason):
        # DRF counts calls only after it has asked for permission; who is refused has called as well.
        if not hasattr(self, "kept_throttles"):
            self.check_throttles(request)
        super().permission_denied(request, **reason)

    def get_throttles(self):
        if not hasattr(self, "kept_throttles"):
            self.kept_throttles = super().get_throttles()
        return self.kept_throttles

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        for throttle in getattr(self, "kept_throttles", ()):
            if hasattr(throttle, "calls"):
                for name, value in self.door.rate(throttle).items():
                    response[name] = value
        return response

    def answer(self, document, status=200):
        return HttpResponse(dump(document), status=status, content_type=self.door.content_type)

    def serializer(self, serializer_class, *args):
        """A serializer of the body; with a row, of a change of it."""
        context = {"request": self.request, "view": self}
        return serializer_class(*args, data=self.request.data, context=context, partial=bool(args))

    def checked(self, serializer_class):
        """A serializer of the body that found nothing wrong."""
        serializer = self.serializer(serializer_class)
        serializer.is_valid(raise_exception=True)
        return serializer

    def changed(self, serializer_class, row):
        """The row as the body changes it: what that only repeats is told by what stands there now."""
        # The body is read before the row is locked, for which others wait.
        serializer = self.serializer(serializer_class, row)
        with transaction.atomic():
            row.lock()
            serializer.is_valid(raise_exception=True)
            return serializer.save()

    def number(self, name, default):
        """A parameter that counts from 1; BadParameter."""
        text = self.request.query_params.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
            raise BadParameter(name, "A whole number from 1 on.")
        return int(text)

    def home(self):
        """The space to which the token belongs, None where its person is no longer a member."""
        space = self.request.auth.space
        return space if space.pk in self.request.user.space_roles() else None

    def find(self, reference, prefix=None):
        """The issue that this id of the door's names among those the user sees; Http404."""
        uuid = ids.parse(reference, prefix)
        issues = Issue.objects.visible_to(self.request.user).select_related("space", "level")
        issue = uuid and issues.filter(uuid=uuid).first()
        if not issue:
            raise Http404
        self.check_object_permissions(self.request, issue)
        return issue

    def find_here(self, reference, prefix=None):
        """The same where the call is for one `space` of the view; Http404 for an issue of another."""
        issue = self.find(reference, prefix)
        if self.space is None or issue.space_id != self.space.pk:
            raise Http404
        return issue

    def parameter(self, name):
        return self.request.query_params.get(name)


class BadId(BadParameter):
    """An id in the path that is none."""

    place = "path"


class Listing:
    """Issues of some spaces for which conditions hold, newest first, as lists and totals take them.

    `asked` is all that narrows or sorts them, in the words of a door, and not which page is asked for.
    """

    def __init__(self, user, spaces, conditions, asked):
        self.user, self.spaces, self.conditions = user, list(spaces), conditions
        self.scope = user.pk, sorted(self.spaces), asked

    @property
    def qs(self):
        issues = Issue.objects.visible_to(self.user).filter(space_id__in=self.spaces)
        return issues.filter(*self.conditions)

    def total(self):
        return total_of(self)

    def page(self, number, size, names, total, order=ORDERS[NEWEST_FIRST]):
        return issue_rows.numbered_page(self, order, number, size, names, total)

    def page_by_key(self, order, cursor, size, names):
        return issue_rows.page(self, order, cursor, size, names)


def saying(space, text):
    """The Q of issues of a space in whose title or description a text is."""
    phrase = Phrase.of(text)
    return search.condition({space.pk: search.OWN}, [phrase]) if phrase.words else Q(pk__in=())


def since(milliseconds):
    """The Q of issues that were made at this time or later, by what is shown of it: whole seconds."""
    return Q(created_at__gte=at_second(-(-milliseconds // 1_000)))


def until(milliseconds):
    """The Q of issues that were made at this time or earlier, by what is shown of it."""
    return Q(created_at__lt=at_second(milliseconds // 1_000 + 1))


def at_second(number):
    return datetime.fromtimestamp(min(number, LATEST // 1_000), UTC)


def sentence(path, text):
    """What is wrong, after the name of where it is; the whole of a body has none."""
    return f"{'.'.join(map(str, path))}: {text}" if path else text


def problems_of(detail, path):
    """[(path, text, code)] of DRF's nested error detail."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from problems_of(inner, path if name == "non_field_errors" else (*path, name))
    elif isinstance(detail, list):
        for place, inner in enumerate(detail):
            yield from problems_of(inner, (*path, place) if isinstance(inner, dict | list) else path)
    elif detail:
        yield path, str(detail), getattr(detail, "code", "invalid")
