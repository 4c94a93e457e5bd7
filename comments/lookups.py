"""Comments that a client names: looked up among what this person may see, and nowhere else."""

from contextlib import suppress

from django.http import Http404

from comments.models import Comment
from issues.lookups import as_uuid
from issues.models import Attachment, Issue


def find_comment(user, reference):
    """The comment of this uuid with its issue and space; Http404 where `user` sees none."""
    uuid = as_uuid(reference)
    comments = Comment.objects.visible_to(user).select_related("issue__space")
    comment = comments.filter(uuid=uuid).first() if uuid else None
    if comment is None:
        raise Http404
    return comment


def find_attachment(user, reference):
    """(the attachment of this uuid, the issue or comment that it is on); Http404 where `user` sees none."""
    uuid = as_uuid(reference)
    rows = Attachment.objects.filter(space__in=user.space_roles(), uuid=uuid).select_related("uploaded_by")
    attachment = rows.first() if uuid else None
    on_it = {"attachment_rows__attachment": attachment}
    owner = attachment and (
        Issue.objects.visible_to(user).filter(**on_it).select_related("space").first()
        or Comment.objects.visible_to(user).filter(**on_it).select_related("issue__space").first()
    )
    if owner is None:
        raise Http404
    return attachment, owner


def find_file(user, reference):
    """The attachment of this uuid if `user` sees it, or uploaded it and has not sent what shows it."""
    with suppress(Http404):
        attachment, _ = find_attachment(user, reference)
        return attachment
    rows = Attachment.objects.on_nothing().filter(space__in=user.space_roles(), uploaded_by=user)
    file = rows.filter(uuid=as_uuid(reference)).first()
    if file is None:
        raise Http404
    return file
