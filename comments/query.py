"""What comments add to queries: their words, and how many there are."""

from django.db.models import Count, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

from comments.models import Comment
from issues import search
from issues.query.fields import Number, register

LOOKUPS = {
    "exact": Exact, "gt": GreaterThan, "gte": GreaterThanOrEqual, "lt": LessThan, "lte": LessThanOrEqual,
}  # fmt: skip


def said(user, pattern):
    """The issues with a comment like the pattern that `user` may read."""
    return Q(pk__in=Comment.objects.visible_to(user).filter(content__like=pattern).values("issue"))


class CommentCount(Number):
    """As many as lists say: internal comments are not counted."""

    def compare(self, lookup, number):
        rows = Comment.objects.filter(issue=OuterRef("pk"), deleted_at=None, is_internal=False)
        count = rows.order_by().values("issue").annotate(number=Count("pk")).values("number")
        return Q(LOOKUPS[lookup](Coalesce(Subquery(count), 0, output_field=IntegerField()), number))


def connect():
    search.SOURCES.append(said)
    register(CommentCount("comments", "with {} comments", help="The number of comments, internal ones aside"))
