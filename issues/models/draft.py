"""Texts that somebody has begun and not sent."""

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from issues.limits import TEXT, TITLE
from issues.models.issue import Issue


class DraftQuerySet(models.QuerySet):
    def of(self, user, kind, issue=None):
        """The draft of this person, of which there is at most one: of `issue`, or of an issue to come."""
        return self.filter(user=user, kind=kind, issue=issue)

    def beside(self, issues, user, kind):
        """`issues`, a queryset, each with the text and the time of this person's draft, None without one."""
        own = self.filter(user=user, kind=kind, issue=OuterRef("pk"))
        columns = {f"draft_{name}": Subquery(own.values(name)) for name in ("text", "updated_at")}
        return issues.annotate(**columns)


class Draft(models.Model):
    """What a form said when it was left; only its writer ever sees it, so it is no history.

    `version` is that of the issue of which its writer knew.
    """

    class Kind(models.TextChoices):
        ISSUE = "issue", "New issue"
        DESCRIPTION = "description", "Description"
        COMMENT = "comment", "Comment"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="drafts")
    issue = models.ForeignKey(Issue, models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=11, choices=Kind.choices)
    title = models.CharField(max_length=TITLE, blank=True)
    text = models.TextField(max_length=TEXT, blank=True)
    version = models.BigIntegerField(null=True)
    updated_at = models.DateTimeField()

    objects = DraftQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "issue", "kind"], name="draft_of_issue"),
            models.UniqueConstraint(
                fields=["user", "kind"], condition=models.Q(issue=None), name="draft_of_no_issue"
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} of {self.user}"

    @classmethod
    def keep(cls, user, kind, issue=None, *, title="", text="", version=None):
        """The stored draft; None where nothing was typed, and then none stays."""
        if not (title.strip() or text.strip()):
            cls.objects.of(user, kind, issue).delete()
            return None
        said = {"title": title, "text": text, "version": version, "updated_at": timezone.now()}
        draft, _ = cls.objects.update_or_create(said, user=user, kind=kind, issue=issue)
        return draft
