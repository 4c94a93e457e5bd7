"""How urgent an issue is."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_noop

from issues.limits import NAME
from issues.models.base import GuardedQuerySet
from issues.models.fields import ExactJSONField
from issues.models.space import Space, SpaceRow

# key, severity, rank, colour, uuid: they exist in every installation and nobody changes them. The uuids are
# the same everywhere, since history names a level by its uuid and a chain that moves has to keep its hashes.
SYSTEM_LEVELS = (
    ("P0", "critical", 0, "#E94444", UUID("019b76da-a800-7897-91ea-39abc6f0d0a2")),
    ("P1", "high", 10, "#FF7931", UUID("019b76da-a800-7f6a-aea9-b72097164e61")),
    ("P2", "medium", 20, "#FFB44A", UUID("019b76da-a800-7db5-99db-0c6edd29edd2")),
    ("P3", "low", 30, "#C9C9C9", UUID("019b76da-a800-72bc-a066-6ba1894c662a")),
)
NO_LEVEL_RANK = 1000


class LevelQuerySet(GuardedQuerySet):
    def of(self, space_ids):
        """The levels that issues of these spaces may have: their own and the system's."""
        return self.filter(Q(space_id__in=space_ids) | Q(space_id=None))

    def visible_to(self, user):
        return self.of(user.space_roles())


class Level(SpaceRow):
    """A level of urgency; the lower its rank, the sooner it is looked at."""

    class Severity(models.TextChoices):
        CRITICAL = "critical", gettext_noop("Critical")
        HIGH = "high", gettext_noop("High")
        MEDIUM = "medium", gettext_noop("Medium")
        LOW = "low", gettext_noop("Low")

    space = models.ForeignKey(Space, models.PROTECT, null=True, blank=True, related_name="levels")
    key = models.CharField(max_length=64)
    name = models.CharField(max_length=NAME)
    description = models.TextField(blank=True)
    severity = models.CharField(max_length=10, choices=Severity, default=Severity.MEDIUM)
    rank = models.PositiveSmallIntegerField(default=40)
    color = models.CharField(
        max_length=7, default="#C9C9C9", validators=[RegexValidator(r"^#[0-9A-Fa-f]{6}\Z", "#RRGGBB")]
    )
    extensions = ExactJSONField(default=dict, blank=True)

    FIELDS = (
        "space_id", "key", "name", "description", "severity", "rank", "color", "extensions", "is_active",
    )  # fmt: skip
    TEXTS = frozenset({"extensions"})

    objects = LevelQuerySet.as_manager()

    class Meta(SpaceRow.Meta):
        ordering = ["rank", "id"]
        constraints = [
            models.UniqueConstraint(fields=["space", "key"], name="level_key"),
            models.UniqueConstraint(fields=["key"], condition=Q(space=None), name="level_system_key"),
            models.CheckConstraint(
                condition=Q(severity__in=["critical", "high", "medium", "low"]), name="level_severity"
            ),
        ]

    def __str__(self):
        return self.name

    def validate(self, stored, changed):
        if self.space_id is None:
            raise ValidationError(gettext("The system's levels are the same everywhere and do not change."))
        super().validate(stored, changed)

    def put(self, stored, changed, written, actor, action):
        if "rank" in changed:
            # Not history: issues carry their level's rank so that lists sort by it.
            issues = self.issues.all()
            list(issues.lock().values_list("pk"))
            models.QuerySet.update(issues, level_rank=self.rank)
        super().put(stored, changed, written, actor, action)

    @classmethod
    def install(cls):
        """Make the system's levels where they are missing."""
        missing = {row[0] for row in SYSTEM_LEVELS} - set(
            cls.objects.filter(space=None).values_list("key", flat=True)
        )
        for key, severity, rank, color, uuid in SYSTEM_LEVELS:
            if key in missing:
                level = cls(uuid=uuid, key=key, name=key, severity=severity, rank=rank, color=color)
                # Not history: nobody did it, and it belongs to no space.
                models.Model.save(level)
