"""Which issues are mentioned where: what rendered texts link to, kept so that an issue can say who does."""

import re
from itertools import chain, islice

from django.conf import settings
from django.db import models
from django.db.models import Q

from issues.models import Issue

# A text that mentions an issue links to its page: the renderer has made sure of that.
LINK = "/issues/"
TARGET = re.compile(
    rf'href="(?:{re.escape(settings.BASE_URL.rstrip("/"))})?{LINK}([a-z][a-z0-9]{{1,9}}-[0-9]{{1,9}})/?(?:[?#][^"]*)?"',
    re.IGNORECASE,
)
CHUNK = 500


def mentioned(html):
    """The keys of the issues to which a rendered text links."""
    return {key.upper() for key in TARGET.findall(html)} if LINK in html else set()


class MentionQuerySet(models.QuerySet):
    def of(self, issue, user):
        """Those of `issue` by others that `user` may read, the newest first."""
        from comments.models import Comment

        is_read = Q(comment=None) | Q(comment__in=Comment.objects.visible_to(user))
        found = self.filter(is_read, key=issue.key, issue__in=Issue.objects.visible_to(user))
        return found.exclude(issue=issue).order_by("-id")

    def follow(self, issue, comment, old, new):
        """Bring up to date what one text mentions; `old` and `new` are its renderings."""
        before, now = mentioned(old), mentioned(new)
        if before - now:
            self.filter(issue=issue, comment=comment, key__in=before - now).delete()
        if now - before:
            self.bulk_create(
                Mention(issue_id=issue, comment_id=comment, key=key) for key in sorted(now - before)
            )

    def rewrite(self, issues):
        """Write anew what these issues, a queryset, and their comments mention."""
        self.filter(issue__in=issues).delete()
        for rows in chunked(said(issues)):
            self.bulk_create(
                Mention(issue_id=issue, comment_id=comment, key=key) for issue, comment, key in rows
            )

    def repair(self, keys):
        """For `manage.py check_derived`."""
        self.rewrite(Issue.objects.filter(pk__in=keys))

    def differences(self):
        """(primary key of an issue, what is wrong) of all whose mentions are not those of their texts."""
        keys = Issue.objects.order_by("pk").values_list("pk", flat=True)
        for some in chunked(keys.iterator()):
            stored = set(self.filter(issue__in=some).values_list("issue", "comment", "key"))
            wanted = set(said(Issue.objects.filter(pk__in=some)))
            for pk in sorted({row[0] for row in wanted ^ stored}):
                yield pk, f"issue {pk} mentions others than is written down"


class Mention(models.Model):
    """That the description of `issue`, or a comment on it, links to the issue known as `key`."""

    issue = models.ForeignKey(Issue, models.CASCADE, related_name="+")
    comment = models.ForeignKey(
        "comments.Comment", models.CASCADE, null=True, related_name="+", db_index=False
    )
    key = models.CharField(max_length=32)

    objects = MentionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index("key", models.F("id").desc(), name="mention_key")]

    def __str__(self):
        return f"{self.key} in {self.issue}"


def chunked(rows):
    """The rows, in lists of CHUNK."""
    rows = iter(rows)
    return iter(lambda: list(islice(rows, CHUNK)), [])


def said(issues):
    """(issue, comment or None, key) of what these issues and the comments on them mention."""
    from comments.models import Comment

    own = issues.filter(description_rendered__contains=LINK).order_by("pk")
    comments = Comment.objects.filter(issue__in=issues, content_rendered__contains=LINK).order_by("pk")
    texts = chain(
        ((pk, None, html) for pk, html in own.values_list("pk", "description_rendered").iterator()),
        comments.values_list("issue", "pk", "content_rendered").iterator(),
    )
    for issue, comment, html in texts:
        yield from ((issue, comment, key) for key in sorted(mentioned(html)))


def follow_descriptions(sender, changes, **kwargs):
    """Receiver of a change: bring up to date what the descriptions of these issues mention."""
    for change in changes:
        old = change.stored.description_rendered if change.stored else ""
        new = change.row.description_rendered
        if old != new:
            Mention.objects.follow(change.row.pk, None, old, new)
