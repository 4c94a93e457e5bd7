"""Sightings of an issue, and what is still to be told of its changes."""

from django.db import models

from issues.models.base import Guarded, GuardedQuerySet
from issues.models.fields import uuid7
from issues.models.insert import insert_many
from issues.models.occurrence_hour import OccurrenceHour
from issues.models.space import Space


class OccurrenceQuerySet(GuardedQuerySet):
    def append(self, issue, occurrences):
        """Write new Occurrences of an issue, whose row is locked or new, and count them in their hours."""
        insert_many(occurrences)
        OccurrenceHour.objects.add(issue.space_id, occurrences)


class Occurrence(Guarded):
    """One sighting of an issue: what counts over a window of time are made from."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    issue = models.ForeignKey("issues.Issue", models.PROTECT, related_name="occurrences", db_index=False)
    at = models.DateTimeField()
    session = models.CharField(max_length=128, blank=True)
    user = models.CharField(max_length=128, blank=True)
    version = models.CharField(max_length=128, blank=True)
    track = models.CharField(max_length=16, blank=True)

    objects = OccurrenceQuerySet.as_manager()

    class Meta(Guarded.Meta):
        indexes = [models.Index("issue", "at", name="occurrence_issue_at")]


class Outbox(models.Model):
    """A change that a worker has yet to tell channels and watchers of, written in its own transaction."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="+", db_index=False)
    issue = models.ForeignKey("issues.Issue", models.PROTECT, related_name="+", db_index=False)
    batch = models.UUIDField()
    version = models.PositiveBigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "outbox"
