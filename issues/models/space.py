"""The tenant and what belongs to it: members, teams, projects, environments, and its own chain of history."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from issues.limits import NAME
from issues.models.base import Audited, GuardedQuerySet
from issues.models.fields import ExactJSONField, uuid7
from issues.models.history import Change, record_changed


class SpaceQuerySet(GuardedQuerySet):
    def visible_to(self, user):
        """The spaces of which `user` is a member; nobody else learns that they exist."""
        return self.filter(pk__in=user.space_roles())


class SpaceRow(Audited):
    """A row whose changes stand in the chain of its space: levels, channels, members and the like."""

    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(Audited.Meta):
        abstract = True

    def refusal(self, name, value):
        if value == "" and not self._meta.get_field(name).blank:
            return "This may not be blank."
        return super().refusal(name, value)

    def validate(self, stored, changed):
        if stored is not None and "space_id" in changed:
            raise ValidationError({"space": gettext("It does not move to another space.")})

    def insert(self, actor):
        self.validate(None, set(self.FIELDS))
        super(Audited, self).save(force_insert=True)
        self.announce(None, (), actor)

    def put(self, stored, changed, written, actor, action):
        if changed:
            super(Audited, self).save(update_fields=changed | written)
            self.announce(stored, changed, actor)

    def announce(self, stored, changed, actor):
        names = [name for name in self.FIELDS if name in changed]
        record_changed.send(
            type(self), change=Change(self, stored, names), space=self.home(), actor=actor, batch=uuid7()
        )


class Space(SpaceRow):
    """A tenant: every other row belongs to one."""

    key = models.CharField(
        max_length=10,
        unique=True,
        validators=[RegexValidator(r"^[A-Z][A-Z0-9]{1,9}\Z", "2 to 10 capital letters and digits.")],
    )
    name = models.CharField(max_length=NAME)
    is_reopening = models.BooleanField(
        "reopen on another sighting",
        default=True,
        help_text="Another sighting of a resolved issue's fingerprint opens it again.",
    )
    extensions = ExactJSONField(default=dict, blank=True)
    # The number of changes in this space's own chain: what shows that its tail is whole.
    version = models.PositiveBigIntegerField(default=0, editable=False)

    FIELDS = ("key", "name", "is_reopening", "extensions", "is_active")
    TEXTS = frozenset({"extensions"})

    # What an import knows of the default channel that a new space gets.
    default_channel = {}

    objects = SpaceQuerySet.as_manager()

    class Meta(SpaceRow.Meta):
        ordering = ["key", "id"]

    def __str__(self):
        return self.name

    @classmethod
    def form(cls, name, value):
        value = super().form(name, value)
        return value.upper() if name == "key" and value else value

    def home(self):
        return self.pk

    def insert(self, actor):
        super().insert(actor)
        Counter(space=self).save(force_insert=True)
        self.channels.create(**{"name": "All"} | self.default_channel, is_default=True)
        self.refresh_from_db(fields=["version"])


class Counter(models.Model):
    """The number of a space's next issue, in a row of its own so that numbering locks nothing else."""

    space = models.OneToOneField(Space, models.PROTECT, primary_key=True, related_name="+")
    next = models.PositiveBigIntegerField(default=1)

    @staticmethod
    def lock(space_id):
        """Let nobody else create an issue of the space until this transaction ends."""
        Counter.objects.select_for_update().get(pk=space_id)

    @staticmethod
    def take(space_id, number=None):
        """The number of a new issue of the space; `number`, from an import, is kept and moved past.

        The row stays locked to the end of the transaction, so numbers have neither holes nor doubles.
        """
        step = "next + 1" if number is None else "CASE WHEN next > %s THEN next ELSE %s END"
        parameters = [space_id] if number is None else [number, number + 1, space_id]
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE issues_counter SET next = {step} WHERE space_id = %s RETURNING next", parameters
            )
            (after,) = cursor.fetchone()
        return after - 1 if number is None else number


class Membership(SpaceRow):
    """What a person may do in a space."""

    class Role(models.TextChoices):
        VIEWER = "viewer", gettext_noop("Viewer")
        MEMBER = "member", gettext_noop("Member")
        ADMIN = "admin", gettext_noop("Admin")

    space = models.ForeignKey(Space, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)

    FIELDS = ("space_id", "user_id", "role", "is_active")

    class Meta(SpaceRow.Meta):
        ordering = ["space", "user", "id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "space"], name="membership_once"),
            models.CheckConstraint(
                condition=Q(role__in=["viewer", "member", "admin"]), name="membership_role"
            ),
        ]

    def __str__(self):
        return f"{self.user} ({self.get_role_display()})"

    def is_admin(self):
        return self.is_active and self.role == self.Role.ADMIN and self.user.is_active

    def validate(self, stored, changed):
        super().validate(stored, changed)
        if stored is None or self.is_admin() or not stored.is_admin():
            return
        # Of two admins who leave at once the second has to see that the first is gone.
        space = Space.objects.lock().get(pk=self.space_id)
        admins = Membership.objects.filter(space=self.space_id, role=self.Role.ADMIN, is_active=True)
        if space.is_active and not admins.filter(user__is_active=True).exclude(pk=self.pk).exists():
            name = "role" if "role" in changed else "is_active"
            raise ValidationError({name: gettext("A space keeps at least one admin.")})


class Team(SpaceRow):
    """People who own issues together."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="teams")
    name = models.CharField(max_length=NAME)
    handle = models.CharField(max_length=NAME, blank=True)
    summary = models.TextField(blank=True)

    FIELDS = ("space_id", "name", "handle", "summary", "is_active")

    class Meta(SpaceRow.Meta):
        ordering = ["name", "id"]

    def __str__(self):
        return self.name


class ExternalRow(SpaceRow):
    """A row that a client may name by an id of its own."""

    name = models.CharField(max_length=NAME)
    external_id = models.CharField(max_length=128, null=True, blank=True)

    FIELDS = ("space_id", "name", "external_id", "is_active")

    class Meta(SpaceRow.Meta):
        abstract = True
        ordering = ["name", "id"]

    def __str__(self):
        return self.name


class Project(ExternalRow):
    """What an issue is about: a product, a service, a project."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="projects")

    class Meta(ExternalRow.Meta):
        constraints = [models.UniqueConstraint(fields=["space", "external_id"], name="project_external_id")]


class Environment(ExternalRow):
    """Where an issue was seen: production, staging."""

    space = models.ForeignKey(Space, models.PROTECT, related_name="environments")

    class Meta(ExternalRow.Meta):
        constraints = [
            models.UniqueConstraint(fields=["space", "external_id"], name="environment_external_id")
        ]
