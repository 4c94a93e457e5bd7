"""Where issues are routed and who is told."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_noop

from issues.limits import NAME
from issues.models.fields import ExactJSONField
from issues.models.space import Space, SpaceRow


class Channel(SpaceRow):
    """A stream of issues with a rule that fills it and targets that hear of it.

    The default channel of a space, "All", holds every issue without a row for each.
    """

    space = models.ForeignKey(Space, models.PROTECT, related_name="channels")
    name = models.CharField(max_length=NAME)
    description = models.CharField(max_length=NAME, blank=True)
    is_default = models.BooleanField(default=False, editable=False)
    query = models.CharField("routing query", max_length=2_000, blank=True)
    # [{"kind": "webhook" | "slack" | "email", …}], in the order in which they are told.
    targets = ExactJSONField(default=list, blank=True)
    extensions = ExactJSONField(default=dict, blank=True)

    FIELDS = (
        "space_id", "name", "description", "is_default", "query", "targets", "extensions", "is_active",
    )  # fmt: skip
    # A target's address may be a secret.
    TEXTS = frozenset({"targets", "extensions"})
    # Why the default channel cannot be changed in these.
    FIXED = {
        "name": gettext_noop("The default channel keeps its name."),
        "query": gettext_noop("The default channel holds every issue."),
        "is_active": gettext_noop("The default channel cannot be retired."),
    }

    class Meta(SpaceRow.Meta):
        ordering = ["-is_default", "name", "id"]
        constraints = [
            # A name is free again when its channel is retired.
            models.UniqueConstraint(
                fields=["space", "name"], condition=Q(is_active=True), name="channel_name"
            ),
            models.UniqueConstraint(
                fields=["space"], condition=Q(is_default=True), name="channel_one_default"
            ),
        ]

    def __str__(self):
        return self.name

    def validate(self, stored, changed):
        super().validate(stored, changed)
        if stored is not None and stored.is_default:
            problems = {name: gettext(reason) for name, reason in self.FIXED.items() if name in changed}
            if problems:
                raise ValidationError(problems)


class Subscription(SpaceRow):
    """A person's part in a channel."""

    class Kind(models.TextChoices):
        RESPONSIBLE = "responsible", gettext_noop("Responsible")
        PARTICIPATE = "participate", gettext_noop("Participates")
        ATTENTION = "attention", gettext_noop("Follows")

    channel = models.ForeignKey(Channel, models.PROTECT, related_name="subscriptions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="subscriptions")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.PARTICIPATE)

    FIELDS = ("channel_id", "user_id", "kind", "is_active")

    class Meta(SpaceRow.Meta):
        constraints = [models.UniqueConstraint(fields=["channel", "user"], name="subscription_once")]

    def __str__(self):
        return f"{self.user} in {self.channel}"

    @classmethod
    def of(cls, channel, user):
        """The person's subscription, whatever became of it; a new row if they never had one."""
        return cls.objects.filter(channel=channel, user=user).first() or cls(channel=channel, user=user)

    def home(self):
        return self.channel.space_id
