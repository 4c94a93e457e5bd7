"""Changes of more issues than one request takes: they go on part by part, and can be come back to."""

from django.conf import settings
from django.db import models

from issues.models.fields import uuid7


class BulkRun(models.Model):
    """What somebody wants done to many issues, and how far it has come; its uuid is the batch of all parts.

    `query` and `posted` are what a list was narrowed by and what was asked for, as a browser sent it, or else
    `undoes` is the batch to be undone. `last` is the primary key of the last issue that was looked at,
    `until` that of the last one there was when it began.
    """

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    query = models.TextField(blank=True)
    posted = models.TextField(blank=True)
    undoes = models.UUIDField(null=True)
    next = models.TextField(blank=True)
    last = models.PositiveBigIntegerField(default=0)
    until = models.PositiveBigIntegerField()
    total = models.PositiveIntegerField()
    seen = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self):
        return str(self.uuid)

    @property
    def skipped(self):
        return self.seen - self.changed
