"""What comments add to queries: their words, and how many there are."""

from django.db.models import Count, IntegerField, OuterRef, Q, Subquery, Sum, Window
from django.db.models.functions import Coalesce, Length
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

from comments.models import Comment
from issues.models import search_document
from issues.query.fields import Number, register

LOOKUPS = {
    "exact": Exact, "gt": GreaterThan, "gte": GreaterThanOrEqual, "lt": LessThan, "lte": LessThanOrEqual,
}  # fmt: skip


def said(issues, most, comments=Comment.objects):
    """(issue, text, whether it is internal) of comments on these issues, newest first.

    Those of one issue end where the newer ones have `most` characters.
    """
    newer = Window(Sum(Length("content")), ["issue", "is_internal"], "-id") - Length("content")
    found = comments.filter(issue__in=issues, deleted_at=None).annotate(newer=newer).filter(newer__lt=most)
    return found.order_by("issue", "-id").values_list("issue", "content", "is_internal").iterator()


class CommentCount(Number):
    """As many as lists say: internal comments are not counted."""

    def compare(self, lookup, number):
        rows = Comment.objects.filter(issue=OuterRef("pk"), deleted_at=None, is_internal=False)
        count = rows.order_by().values("issue").annotate(number=Count("pk")).values("number")
        return Q(LOOKUPS[lookup](Coalesce(Subquery(count), 0, output_field=IntegerField()), number))


def connect():
    search_document.SOURCES.append(said)
    register(CommentCount("comments", "with {} comments", help="The number of comments, internal ones aside"))
