"""Comments that a client names: looked up among what this person may see, and nowhere else."""

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
