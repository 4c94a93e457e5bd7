"""The page that shows one issue as every API shows it."""

from dataclasses import dataclass
from shlex import quote

import orjson
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.shortcuts import render
from django.urls import resolve
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from issues import markdown
from issues.language import speaking
from issues.lookups import issue_or_404
from tracker.accounts.models import ApiToken
from tracker.dialects.doors import Door, apis

SECRET = "$TOKEN"  # noqa: S105


@dataclass
class Shown:
    """An issue at a door: the call that gets it, and the document in colours."""

    door: Door
    path: str
    curl: str
    document: SafeString


@login_required
@require_safe
def issue_doors(request, key):
    """The issue as each of the APIs shows it to whoever looks, with the call that gets it."""
    issue = issue_or_404(request.user, key)
    shown = [shown_at(door, issue, request) for door in apis().values()]
    return render(request, "issues/issue_doors.html", {"issue": issue, "shown": shown})


def shown_at(door, issue, request):
    path = door.address(issue)
    with speaking(settings.LANGUAGE_CODE):
        # As a program is told.
        text = orjson.dumps(document_at(path, issue, request), option=orjson.OPT_INDENT_2).decode()
    return Shown(door, path, curl(door, path), markdown.safe(markdown.render(f"```json\n{text}\n```")))


def curl(door, path):
    """The command that gets a document; the shell puts the secret in."""
    headers = [f'-H "{name}: {value}"' for name, value in door.headers(SECRET).items()]
    return " ".join(["curl", *headers, quote(f"{settings.BASE_URL}{path}")])


def document_at(path, issue, request):
    """What the view at this path answers to whoever asks for the page, with a token of the issue's space."""
    call = HttpRequest()
    call.method, call.path, call.path_info = "GET", path, path
    call.META = {name: request.META[name] for name in ("SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR")}
    call.META["HTTP_HOST"], call.META["wsgi.url_scheme"] = request.get_host(), request.scheme
    call._force_auth_user = request.user
    call._force_auth_token = ApiToken(user=request.user, space=issue.space)
    view, _, parts = resolve(path)
    # Nobody calls too often who looks at a page.
    options = view.initkwargs | {"throttle_classes": []}
    actions = [view.actions] if hasattr(view, "actions") else []
    response = view.cls.as_view(*actions, **options)(call, **parts)
    return orjson.loads(response.content)
