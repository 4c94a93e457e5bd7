"""Files on issues and comments: how their bytes go out, and the pages' part of it."""

import logging

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import parse_etags, quote_etag
from django.views.decorators.http import require_POST, require_safe

from comments.lookups import find_attachment
from comments.policy import may_attach

logger = logging.getLogger(__name__)

MISSING = "The file of this attachment is not here. Ask who runs this server."


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
    attachment, _ = find_attachment(request.user, id)
    response = download(request, attachment)
    if response is None:
        context = {"status": 404, "title": "Not Found", "detail": MISSING}
        return render(request, "error.html", context, status=404)
    return response


@login_required
@require_POST
def attachment_remove(request, id):
    """Take a file off its issue or comment; that it was there stays on record."""
    attachment, owner = find_attachment(request.user, id)
    if not may_attach(request, owner):
        raise PermissionDenied
    owner.wish("attachments", remove=[attachment])
    owner.save()
    messages.success(request, f"{attachment.name} is removed.")
    return redirect(owner)
