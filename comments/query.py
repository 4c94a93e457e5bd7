"""What comments add to a search: their words."""

from django.db.models import Sum, Window
from django.db.models.functions import Length

from comments.models import Comment
from issues.models import search_document


def said(issues, most, comments=Comment.objects):
    """(issue, text, whether it is internal) of comments on these issues, newest first.

    Those of one issue end where the newer ones have `most` characters.
    """
    newer = Window(Sum(Length("content")), ["issue", "is_internal"], "-id") - Length("content")
    found = comments.filter(issue__in=issues, deleted_at=None).annotate(newer=newer).filter(newer__lt=most)
    return found.order_by("issue", "-id").values_list("issue", "content", "is_internal").iterator()


def connect():
    search_document.SOURCES.append(said)
