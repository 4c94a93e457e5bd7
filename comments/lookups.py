"""Comments that a client names: looked up among what this person may see, and nowhere else."""

from django.http import Http404

from comments.models import Comment
from issues.lookups import as_uuid


def find_comment(user, reference):
    """The comment of this uuid with its issue and space; Http404 where `user` sees none."""
    uuid = as_uuid(reference)
    comments = Comment.objects.visible_to(user).select_related("issue__space")
    comment = comments.filter(uuid=uuid).first() if uuid else None
    if comment is None:
        raise Http404
    return comment
