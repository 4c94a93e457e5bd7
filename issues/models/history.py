"""The audit trail: append-only entries, chained by hash, one chain per issue and one per space."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce, StrIndex, Substr
from django.dispatch import Signal

from issues.models.base import Audited, Guarded, GuardedQuerySet, WayRound
from issues.models.fields import canonical, same, utc_text, uuid7
from issues.models.insert import insert_many

# changes: list of Change with their issues locked; actor; batch. Sent inside the change's transaction.
issue_changed = Signal()
# change: a Change of a SpaceRow; space: its primary key; actor; batch.
record_changed = Signal()

EMPTY = (None, "", False, [], {})
# The field of entries of comments, and what comes before the comment's uuid in their values.
COMMENTS, NAMING = "comments", '"comment":"'
# The name under which a redaction is on record.
REDACTED = "text_redacted"
# Entries of a batch are looked for among those of this time around it: there is no index of batches, since
# every change would pay for it.
BEFORE, AFTER = timedelta(minutes=5), timedelta(days=7)
MILLISECOND = timedelta(milliseconds=1)
# What a person does first with an issue. Comments are none, since an internal one would tell of itself.
ACTED = ("status_changed", "assignee_changed", "priority_changed")
# What is done every day, and through what. All else has indexes of its own: who looks for what is rare would
# walk past this.
EVERYDAY = ("created", *ACTED, "label_added", "comment_added")
USUAL = ("web", "api", "import")


@dataclass(slots=True)
class Member:
    """A change that is not of a column: a label, a team, a comment. Texts are the text fields' values.

    `is_internal` goes on record, if a comment is internal before or after; `is_hidden` says that it is both.
    """

    action: str
    field: str
    old_value: object = None
    new_value: object = None
    old_display: str = ""
    new_display: str = ""
    texts: tuple[str, ...] = ()
    is_internal: bool = False
    is_hidden: bool = False


@dataclass(slots=True)
class Change:
    """What happened to one row in one save.

    `stored` is the row before (None: it is new), `changed` the attnames that go on record in their order,
    `written` those that follow from them, `sets` {name: (old, new)}, `members` what entries say of sets
    and comments, `action` the name of the first entry where it is not `<field>_changed`.
    """

    row: Audited
    stored: Audited | None
    changed: list[str] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    sets: dict[str, tuple[dict, dict]] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    action: str | None = None
    at: datetime | None = None

    @property
    def is_hidden(self):
        """Whether it is of internal comments alone, so that a row that the doors show tells nothing of it."""
        return not self.changed and all(member.is_hidden for member in self.members)

    def values(self):
        """{column: value} of what is to be written."""
        values = {name: getattr(self.row, name) for name in (*self.changed, *sorted(self.written))}
        return {name: value for name, value in values.items() if not same(value, getattr(self.stored, name))}


def digest(text):
    """The SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def text_value(text):
    """How history writes a text: by digest, so that the text itself can be blanked."""
    return {"sha256": digest(text)} if text else ""


def as_text(value):
    """The text of a value that history keeps by digest; a JSON column's is its canonical form."""
    if value in EMPTY:
        return ""
    return value if isinstance(value, str) else canonical(value)


def plain(value):
    """`value` as JSON can carry it: dates and times in RFC 3339, times in UTC to the microsecond."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def moment(at):
    """A datetime as history writes it: UTC, always six digits of a second."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    if at.year < 1_000:
        # Sealed without the zeros before the year, as the C library has it.
        return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"{utc_text(at)}Z" if at.microsecond else f"{utc_text(at)}.000000Z"


class TextVersion(Guarded):
    """A text that history names by its digest; an admin may blank it, on record."""

    space = models.ForeignKey("issues.Space", models.PROTECT, related_name="+", db_index=False)
    sha256 = models.CharField(max_length=64)
    text = models.TextField()
    blanked_at = models.DateTimeField(null=True)
    blanked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    blanked_why = models.CharField(max_length=500, blank=True)

    class Meta(Guarded.Meta):
        constraints = [models.UniqueConstraint(fields=["space", "sha256"], name="text_once")]

    def __str__(self):
        return self.sha256


class HistoryQuerySet(GuardedQuerySet):
    def visible_to(self, user):
        """The entries of the user's spaces, but for internal comments where they only view."""
        return self.filter(space_id__in=user.space_roles()).told_to(user)

    def told_to(self, user):
        """The entries of any spaces without internal comments where the user only views."""
        viewed = [space for space, role in user.space_roles().items() if role == "viewer"]
        return self.exclude(Q(space_id__in=viewed) & self.of_internal_comments()) if viewed else self.all()

    def of_batch(self, batch):
        """The entries that were written as one batch."""
        at = batch.int >> 80
        low, high = at - BEFORE // MILLISECOND, at + AFTER // MILLISECOND
        first, after = (UUID(int=min(max(ms, 0), 2**48 - 1) << 80) for ms in (low, high))
        of_time = self.model.objects.filter(uuid__gte=first, uuid__lt=after, batch=batch)
        return self.filter(pk__in=of_time.order_by().values("pk"))

    def public(self):
        """The entries that tell nothing of internal comments."""
        return self.exclude(self.of_internal_comments())

    def of_internal_comments(self):
        """The condition of entries of comments that are internal or once were.

        Each entry stands as it was written, so the text of a comment that was made internal later is in
        one that is not internal itself.
        """
        internal = self.model.objects.alias(comment=self.comment(F)).filter(
            issue=OuterRef("issue"), field=COMMENTS, is_internal=True, comment=self.comment(OuterRef)
        )
        return Q(is_internal=True) | Q(field=COMMENTS) & Exists(internal)

    @staticmethod
    def comment(reference):
        """What an entry of a comment says to name it."""
        said = Coalesce(reference("new_value"), reference("old_value"))
        return Substr(said, StrIndex(said, Value(NAMING)), len(NAMING) + len(str(UUID(int=0))))

    def append(self, entries):
        """Write new entries; each chain is locked by who calls."""
        insert_many(list(entries))

    def heads(self, issues):
        """(position, hash) of the last entry of each issue, by their primary keys.

        The issues must be locked by an earlier statement: read in the same one, PostgreSQL would give the
        head from before the lock was granted, and the chain would fork.
        """
        if len(issues) == 1:
            (issue,) = issues
            last = self.filter(issue=issue).order_by("-position").values_list("position", "hash").first()
            return {issue: last or (0, "")}
        last = self.filter(issue_id=OuterRef("pk")).order_by("-position")
        rows = self.model._meta.get_field("issue").related_model.objects.filter(pk__in=issues).order_by()
        heads = [Subquery(last.values(name)[:1]) for name in ("position", "hash")]
        return {pk: (position or 0, hash or "") for pk, position, hash in rows.values_list("pk", *heads)}


class HistoryEntry(models.Model):
    """One change of one field or set member, by whom, through which door, and when."""

    uuid = models.UUIDField(default=uuid7, unique=True, editable=False)
    space = models.ForeignKey("issues.Space", models.PROTECT, related_name="history", db_index=False)
    issue = models.ForeignKey(
        "issues.Issue", models.PROTECT, null=True, related_name="history", db_index=False
    )
    # What a space's own chain speaks of: the model's name and the row's uuid.
    subject_type = models.CharField(max_length=32, blank=True)
    subject = models.UUIDField(null=True)
    position = models.PositiveBigIntegerField()
    version = models.PositiveBigIntegerField()
    action = models.CharField(max_length=64)
    field = models.CharField(max_length=64, blank=True)
    # Canonical JSON; a text is {"sha256": …} and stands in TextVersion.
    old_value = models.TextField(null=True)
    new_value = models.TextField(null=True)
    old_display = models.TextField(blank=True)
    new_display = models.TextField(blank=True)
    is_internal = models.BooleanField(default=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    token = models.UUIDField(null=True)
    rule = models.UUIDField(null=True)
    source = models.CharField(max_length=16)
    request_id = models.CharField(max_length=64, blank=True)
    batch = models.UUIDField()
    created_at = models.DateTimeField()
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects = HistoryQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name_plural = "history"
        constraints = [
            models.UniqueConstraint(fields=["issue", "position"], name="history_position"),
            models.UniqueConstraint(
                fields=["space", "position"], condition=Q(issue=None), name="history_space_position"
            ),
        ]
        indexes = [
            models.Index("space", models.F("id").desc(), name="history_space"),
            models.Index("actor", models.F("id").desc(), name="history_actor"),
            models.Index(
                "space", "created_at", "issue", condition=Q(action="regressed"), name="history_regressed"
            ),
            models.Index(
                "space",
                F("issue").desc(),
                "created_at",
                condition=Q(action="regressed"),
                name="history_regressed_issue",
            ),
            models.Index(
                "issue",
                "position",
                "created_at",
                condition=Q(action__in=ACTED, actor__isnull=False, position__gt=1),
                name="history_acted",
            ),
            models.Index(
                "space", "action", F("id").desc(), condition=~Q(action__in=EVERYDAY), name="history_rare"
            ),
            models.Index(
                "space", "source", F("id").desc(), condition=~Q(source__in=USUAL), name="history_source"
            ),
        ]

    def __str__(self):
        return f"{self.action} #{self.position}"

    def save(self, *args, **kwargs):
        raise WayRound("History is written by changes alone and never edited.")

    def delete(self, *args, **kwargs):
        raise WayRound("History is never deleted.")

    def seal(self, previous_hash, space, issue, actor):
        """Chain this entry to the one before; the arguments are that one's hash and the rows' uuids."""
        self.previous_hash = previous_hash
        self.hash = self.computed_hash(space, issue, actor)
        return self

    def computed_hash(self, space, issue, actor):
        """What `hash` must be: over all but primary keys, so that an export verifies elsewhere."""
        document = {
            "uuid": self.uuid,
            "space": space,
            "issue": issue,
            "subject_type": self.subject_type,
            "subject": self.subject,
            "position": self.position,
            "version": self.version,
            "action": self.action,
            "field": self.field,
            "old_value": self.old_value,
            "new_value": self.new_value,
            "old_display": self.old_display,
            "new_display": self.new_display,
            "is_internal": self.is_internal,
            "actor": actor,
            "token": self.token,
            "rule": self.rule,
            "source": self.source,
            "request_id": self.request_id,
            "batch": self.batch,
            "created_at": moment(self.created_at),
        }
        return digest(self.previous_hash + canonical(document))
