"""Files on issues and comments: how their bytes go out, and the pages' part of it."""

import logging
import re

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import parse_etags, quote_etag
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_POST, require_safe

from comments.forms import UploadForm
from comments.lookups import find_attachment, find_file
from comments.policy import may_attach
from issues.models.attachment import PICTURES

logger = logging.getLogger(__name__)

MARKS = re.compile(r"[\\\[\]]")
MISSING = gettext_noop("The file of this attachment is not here. Ask who runs this server.")


def download(request, attachment):
    """The bytes of an attachment as a response that no browser runs; None if its file is not there."""
    tag = quote_etag(attachment.sha256)
    kind = attachment.content_type
    headers = {
        "Cache-Control": "private, max-age=86400, immutable",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "ETag": tag,
        "X-Content-Type-Options": "nosniff",
    }
    if tag in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponse(status=304, headers=headers)
    try:
        file = attachment.file.open("rb")
    except (OSError, ValueError) as error:
        logger.error("The file of attachment %s cannot be opened: %s", attachment.uuid, error)
        return None
    return FileResponse(
        file,
        as_attachment=True,
        filename=attachment.name,
        content_type=f"{kind}; charset=utf-8" if kind == "text/plain" else kind,
        headers=headers,
    )


@login_required
@require_safe
def attachment_download(request, id):
    attachment = find_file(request.user, id)
    response = download(request, attachment)
    if response is None:
        context = {"status": 404, "title": gettext("Not Found"), "detail": gettext(MISSING)}
        return render(request, "error.html", context, status=404)
    return response


@login_required
@require_POST
def attachment_upload(request):
    """Keep files for a text that is being written; the answer is what shows them in it, a line for each.

    They are on nothing, and seen by their uploader alone, until the text is saved.
    """
    form = UploadForm(request)
    files = form.save(request.user)
    if files is None:
        reasons = [reason for reasons in form.errors.values() for reason in reasons]
        return HttpResponse(" ".join(reasons), status=422, content_type="text/plain; charset=utf-8")
    lines = "\n".join(map(as_markdown, files))
    return HttpResponse(lines, status=201, content_type="text/plain; charset=utf-8")


def as_markdown(attachment):
    name = MARKS.sub(r"\\\g<0>", attachment.name)
    link = f"[{name}]({reverse('attachment-download', args=[attachment.uuid])})"
    return f"!{link}" if attachment.content_type in PICTURES else link


@login_required
@require_POST
def attachment_remove(request, id):
    """Take a file off its issue or comment; that it was there stays on record."""
    attachment, owner = find_attachment(request.user, id)
    if not may_attach(request, owner):
        raise PermissionDenied
    owner.wish("attachments", remove=[attachment])
    owner.save()
    messages.success(request, gettext("{} is removed.").format(attachment.name))
    return redirect(owner)
