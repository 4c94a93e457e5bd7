"""When a person last looked at an issue, so that its page can say what is new to them."""

import logging

from django.conf import settings
from django.db import DatabaseError, models
from django.db.models import OuterRef, Subquery

logger = logging.getLogger(__name__)


class LastVisitQuerySet(models.QuerySet):
    def of(self, user):
        """The time of the user's last visit to the issue of the query around this one, None for none."""
        return Subquery(self.filter(user=user, issue=OuterRef("pk")).values("at")[:1])

    def times(self, user, issues):
        """{primary key of an issue: time of the user's last visit} of those of these that were visited."""
        return dict(self.filter(user=user, issue__in=list(issues)).values_list("issue", "at"))

    def mark(self, user, issues, at):
        """Put down that `user` has seen these issues, by their primary keys."""
        self.bulk_create(
            [LastVisit(user=user, issue_id=issue, at=at) for issue in sorted(issues)],
            update_conflicts=True,
            unique_fields=["user", "issue"],
            update_fields=["at"],
        )

    def remember(self, user, issue, at):
        """Put down that `user` looked at `issue`; nobody is kept from reading where that cannot be."""
        try:
            self.mark(user, [issue.pk], at)
        except DatabaseError as error:
            logger.warning("A visit was not put down: %s", error)


class LastVisit(models.Model):
    """One person's last visit to the page of one issue; it is theirs alone, and no history."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    issue = models.ForeignKey("issues.Issue", models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()

    objects = LastVisitQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "issue"], name="last_visit")]

    def __str__(self):
        return f"{self.user} at {self.issue}"
