"""Files on issues and comments."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from issues.limits import NAME
from issues.models.base import Guarded
from issues.models.fields import uuid7
from issues.models.space import Space


class Attachment(Guarded):
    """An uploaded file, stored under a name of our own and typed by its content."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    space = models.ForeignKey(Space, models.PROTECT, related_name="attachments")
    name = models.CharField(max_length=NAME)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.FileField(max_length=200)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self):
        return self.name
