"""The issue, and the one way to change it: `save()` for one row, `change()` for many."""

from datetime import timedelta
from operator import attrgetter

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop

from issues import markdown
from issues.actor import current_actor
from issues.limits import LABEL_KEY, LABEL_VALUE, LABELS, NAME, TEXT, TITLE, refusal
from issues.models.fields import ExactJSONField, same, uuid7
from issues.models.history import Change, issue_changed
from issues.models.insert import insert_one, pipelined
from issues.models.issue_queryset import IssueQuerySet
from issues.models.level import NO_LEVEL_RANK
from issues.models.occurrence import Occurrence
from issues.models.rendered import Rendered
from issues.models.sets import SETS, SetAttribute, Wish
from issues.models.shown import as_json
from issues.models.space import Counter, Space

# Sightings change the last version no more often than this.
PAUSE = timedelta(hours=1)
# The statuses of what is not done.
OPEN = ("open", "acknowledged", "in_progress", "pending")
# What is there for somebody to take.
UNASSIGNED = Q(assignee=None, status__in=OPEN)
# Issues that do not say who told of them, or who changed them last: an anonymous reporter stays so.
TOLD_BY_NOBODY = Q(reporter=None) | Q(is_anonymous=True)
CHANGED_BY_NOBODY = Q(updated_by=None) | Q(is_anonymous=True, reporter=F("updated_by"))


class Issue(Rendered):
    """A thing that somebody should look at."""

    class Status(models.TextChoices):
        OPEN = "open", gettext_noop("Open")
        ACKNOWLEDGED = "acknowledged", gettext_noop("Acknowledged")
        IN_PROGRESS = "in_progress", gettext_noop("In progress")
        PENDING = "pending", gettext_noop("Pending")
        RESOLVED = "resolved", gettext_noop("Resolved")
        CLOSED = "closed", gettext_noop("Closed")
        IGNORED = "ignored", gettext_noop("Ignored")
        EXCLUDED = "excluded", gettext_noop("Excluded")

    OPEN, TODO, ACTIVE = OPEN, OPEN[:1], OPEN[1:]
    DONE = ("resolved", "closed", "ignored", "excluded")

    class Resolution(models.TextChoices):
        RESOLVED = "resolved", gettext_noop("Resolved")
        NEGATED = "negated", gettext_noop("Negated")
        IGNORED = "ignored", gettext_noop("Ignored")
        # No sighting of a version that was seen before opens it again.
        NEXT_RELEASE = "next_release", gettext_noop("Next release")

    class Format(models.TextChoices):
        MARKDOWN = "md", "Markdown"
        HTML = "html", "HTML"
        TEXT = "text", gettext_noop("Plain text")

    class Reason(models.TextChoices):
        ERROR = "error", gettext_noop("Error")
        MANUAL = "manual", gettext_noop("Manual")

    space = models.ForeignKey(Space, models.PROTECT, related_name="issues", db_index=False)
    number = models.PositiveBigIntegerField(editable=False)
    title = models.CharField(max_length=TITLE)
    is_title_derived = models.BooleanField(default=False, editable=False)
    description = models.TextField(blank=True, max_length=TEXT)
    description_format = models.CharField(max_length=4, choices=Format, default=Format.MARKDOWN)
    description_rendered = models.TextField(blank=True, editable=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.OPEN)
    resolution = models.CharField(max_length=16, choices=Resolution, null=True, blank=True)
    level = models.ForeignKey(
        "issues.Level", models.PROTECT, null=True, blank=True, related_name="issues", db_index=False
    )
    level_rank = models.PositiveSmallIntegerField(default=NO_LEVEL_RANK, editable=False)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="assigned_issues",
        db_index=False,
    )
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reported_issues",
        db_index=False,
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        db_index=False,
    )
    is_anonymous = models.BooleanField(default=False)
    project = models.ForeignKey(
        "issues.Project", models.PROTECT, null=True, blank=True, related_name="issues", db_index=False
    )
    environment = models.ForeignKey(
        "issues.Environment", models.PROTECT, null=True, blank=True, related_name="issues", db_index=False
    )
    kind = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=8, choices=Reason, default=Reason.MANUAL)
    resource_type = models.CharField(max_length=64, blank=True)
    resource_id = models.CharField(max_length=NAME, blank=True)
    resource_name = models.CharField(max_length=NAME, blank=True)
    alert_id = models.CharField(max_length=128, blank=True)
    annotations = ExactJSONField(default=dict, blank=True)
    # What only one dialect knows, by its name, so that it survives writes through all the others.
    extensions = ExactJSONField(default=dict, blank=True)
    is_read = models.BooleanField(default=False)
    due_on = models.DateField(null=True, blank=True)
    error_type = models.CharField(max_length=NAME, blank=True)
    error_message = models.TextField(blank=True)
    file_path = models.CharField(max_length=1_024, blank=True)
    function_name = models.CharField(max_length=NAME, blank=True)
    is_crash = models.BooleanField(default=False)
    languages = ExactJSONField(default=list, blank=True)
    platform = models.CharField(max_length=32, blank=True)
    track = models.CharField(max_length=16, blank=True)
    service = models.CharField(max_length=NAME, blank=True)
    first_version = models.CharField(max_length=128, blank=True)
    last_version = models.CharField(max_length=128, blank=True)
    fingerprint = models.CharField(max_length=NAME, blank=True)
    first_seen_at = models.DateTimeField(editable=False)
    last_seen_at = models.DateTimeField(editable=False)
    seen_count = models.PositiveBigIntegerField(default=1, editable=False)
    # What lists show of other tables: a JSON object as text, and a number without internal comments.
    labels_shown = models.TextField(default="{}", db_default="{}", editable=False)
    comment_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    labels = SetAttribute(SETS["labels"])
    teams = SetAttribute(SETS["teams"])
    channels = SetAttribute(SETS["channels"])
    attachments = SetAttribute(SETS["attachments"])

    FIELDS = (
        "title",
        "description",
        "description_format",
        "status",
        "resolution",
        "resolved_at",
        "closed_at",
        "level_id",
        "assignee_id",
        "reporter_id",
        "is_anonymous",
        "project_id",
        "environment_id",
        "kind",
        "reason",
        "resource_type",
        "resource_id",
        "resource_name",
        "alert_id",
        "annotations",
        "extensions",
        "is_read",
        "due_on",
        "error_type",
        "error_message",
        "file_path",
        "function_name",
        "is_crash",
        "languages",
        "platform",
        "track",
        "service",
        "first_version",
        "last_version",
        "fingerprint",
        "deleted_at",
    )
    # Under this name a door keeps in its extensions whom it alone knows, as long as nobody else is assigned.
    UNKNOWN_ASSIGNEE = "unknown_assignee"
    WORDS = "description"
    TEXTS = frozenset({"title", "description", "error_message", "annotations", "extensions"})

    objects = IssueQuerySet.as_manager()

    class Meta(Rendered.Meta):
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["space", "number"], name="issue_number"),
            models.CheckConstraint(condition=~Q(title=""), name="issue_title"),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "open",
                        "acknowledged",
                        "in_progress",
                        "pending",
                        "resolved",
                        "closed",
                        "ignored",
                        "excluded",
                    ]
                ),
                name="issue_status",
            ),
            models.CheckConstraint(
                condition=Q(resolution=None)
                | Q(resolution__in=["resolved", "negated", "ignored", "next_release"]),
                name="issue_resolution",
            ),
            models.CheckConstraint(
                condition=Q(resolution=None)
                | ~Q(status__in=["closed", "ignored"])
                | Q(status="closed", resolution__in=["resolved", "negated", "next_release"])
                | Q(status="ignored", resolution="ignored"),
                name="issue_resolution_fits",
            ),
            models.CheckConstraint(
                condition=Q(description_format__in=["md", "html", "text"]), name="issue_description_format"
            ),
            models.CheckConstraint(condition=Q(reason__in=["error", "manual"]), name="issue_reason"),
        ]
        indexes = [
            models.Index("space", F("id").desc(), name="issue_space"),
            models.Index("space", "status", F("id").desc(), name="issue_space_status"),
            models.Index("space", "level_rank", F("id").desc(), name="issue_space_rank"),
            models.Index("space", "status", "level_rank", F("id").desc(), name="issue_space_level"),
            models.Index(
                "space", F("id").desc(), condition=Q(deleted_at__isnull=False), name="issue_space_deleted"
            ),
            models.Index("space", F("updated_at").desc(), F("id").desc(), name="issue_space_updated"),
            models.Index("space", F("created_at").desc(), F("id").desc(), name="issue_space_created"),
            models.Index("space", F("last_seen_at").desc(), F("id").desc(), name="issue_space_seen"),
            models.Index(
                "space",
                F("closed_at").desc(),
                condition=Q(closed_at__isnull=False),
                name="issue_space_closed",
            ),
            # With all that is counted of resolved issues beside, so that their rows stay unread.
            models.Index(
                "space",
                "resolved_at",
                "created_at",
                "status",
                "deleted_at",
                condition=Q(resolved_at__isnull=False),
                name="issue_space_resolved",
            ),
            # With all that is asked of somebody's issues beside, so that the rows of others stay unread.
            models.Index(
                "assignee", "status", F("id").desc(), "space", "project", "level", name="issue_assignee"
            ),
            models.Index("project", "status", F("id").desc(), name="issue_project"),
            # With what else is asked of a reporter's issues, so that they are counted by the index alone.
            models.Index("reporter", F("id").desc(), "space", "is_anonymous", name="issue_reporter"),
            models.Index(
                "updated_by", F("id").desc(), "space", "is_anonymous", "reporter", name="issue_updated_by"
            ),
            # What few issues are: without these, a list of them walks by all others.
            models.Index("space", F("id").desc(), condition=TOLD_BY_NOBODY, name="issue_told_by_nobody"),
            models.Index(
                "space", F("id").desc(), condition=CHANGED_BY_NOBODY, name="issue_changed_by_nobody"
            ),
            models.Index("space", F("id").desc(), condition=UNASSIGNED, name="issue_unassigned"),
            # With what is asked beside a level, so that the rows of those that lack it stay unread.
            models.Index(
                "level", "space", F("id").desc(), "status", "assignee", "project", name="issue_level"
            ),
            models.Index("environment", F("id").desc(), name="issue_environment"),
            models.Index("space", "fingerprint", F("id").desc(), name="issue_fingerprint"),
        ]

    def __str__(self):
        return self.key

    def get_absolute_url(self):
        return reverse("issue-detail", args=[self.key])

    @property
    def key(self):
        """OPS-42"""
        return f"{self.space.key}-{self.number}"

    @property
    def description_html(self):
        return self.rendered_html

    # Verbs.

    @classmethod
    def sighted(cls, space, fingerprint, version=""):
        """The issue of this fingerprint, one more sighting counted on it, or None.

        The caller is in a transaction and creates the issue in it if there is none: the counter of the
        space is locked until then, so that two reporters do not create it twice.
        """
        Counter.lock(space.pk)
        found = (
            cls.objects.filter(space=space, fingerprint=fingerprint, deleted_at=None).order_by("-id").first()
        )
        if found is not None:
            found.count_sighting(version=version)
        return found

    def trash(self):
        """Delete, so that `restore()` brings it back."""
        self.deleted_at = current_actor().now()
        self.save(update_fields=["deleted_at"])

    def restore(self):
        self.deleted_at = None
        self.save(update_fields=["deleted_at"])

    def count_sighting(self, *, at=None, session="", user="", version=""):
        """Count another occurrence; counters are no history, but another last version is, and a reopening.

        Nothing counts on an excluded issue. Returns whether it counted.
        """
        with transaction.atomic():
            actor = current_actor()
            stored = Issue.objects.lock().select_related("space").get(pk=self.pk)
            if stored.status == Issue.Status.EXCLUDED:
                return False
            is_reopened = stored.is_reopened_by(version)
            at = at or actor.now()
            sighting = Occurrence(issue=stored, at=at, session=session, user=user, version=version)
            sighting.track = stored.track
            Occurrence.objects.append(stored, [sighting])
            changed = stored.follow_version([sighting])
            models.QuerySet.update(
                Issue.objects.filter(pk=self.pk),
                seen_count=F("seen_count") + 1,
                last_seen_at=Greatest("last_seen_at", models.Value(at)),
            )
            if is_reopened:
                stored.status = Issue.Status.OPEN
                changed.add("status")
            if changed:
                stored.write(changed, changed, actor, action="regressed" if is_reopened else None)
        self.refresh_from_db()
        return True

    def is_reopened_by(self, version):
        """Whether a sighting of this version opens the issue again: not if the next one is to mend it."""
        if self.status != Issue.Status.RESOLVED or not self.space.is_reopening:
            return False
        if self.resolution != Issue.Resolution.NEXT_RELEASE or not version:
            return True
        is_known = version in (self.first_version, self.last_version)
        return not (is_known or self.occurrences.filter(version=version).exists())

    def count_sightings(self, occurrences):
        """Count Occurrences of the past, all of this issue and none saved yet; they open nothing again."""
        if not occurrences:
            return
        with transaction.atomic():
            stored = Issue.objects.lock().select_related("space").get(pk=self.pk)
            Occurrence.objects.append(self, occurrences)
            changed = stored.follow_version(occurrences)
            models.QuerySet.update(
                Issue.objects.filter(pk=self.pk),
                seen_count=F("seen_count") + len(occurrences),
                last_seen_at=Greatest("last_seen_at", models.Value(max(row.at for row in occurrences))),
            )
            if changed:
                stored.write(changed, changed, current_actor())
        self.refresh_from_db()

    def follow_version(self, sightings):
        """Take over the version of the newest of these sightings that name one, and say what changed.

        What was seen before the last sighting turns nothing back, and what comes soon after another change
        waits: two releases that fail in turns would fill the history.
        """
        named = [row for row in sightings if row.version and row.at >= self.last_seen_at]
        version = max(named, key=attrgetter("at")).version if named else self.last_version
        recent = Q(field="last_version", created_at__gt=current_actor().now() - PAUSE)
        if version == self.last_version or self.history.filter(recent).exists():
            return set()
        self.last_version = version
        return {"last_version"}

    def record(self, members, actor=None, **derived):
        """Put on record what happened to this issue beside its columns; the caller has locked it.

        `derived` are the columns that follow from it.
        """
        actor = actor or current_actor()
        change = Change(self, self.fork(), members=members, at=actor.now())
        Issue.objects.write([change], actor, uuid7(), **derived)

    # How a change is made; `save()` is in Audited.

    def insert(self, actor):
        """Number and write a new issue, with its sets, its first occurrence and its history."""
        at = actor.now()
        self.created_at = self.created_at or at
        self.updated_at = self.updated_at or self.created_at
        self.first_seen_at = self.first_seen_at or self.created_at
        self.last_seen_at = self.last_seen_at or self.first_seen_at
        self.updated_by = actor.user
        if not self.title.strip():
            self.title, self.is_title_derived = markdown.first_line(self.description), True
        self.render()
        if self.status in self.DONE:
            self.stamp(at)
        self.level_rank = self.level.rank if self.level_id else NO_LEVEL_RANK
        self.normalise_resolution()
        change = Change(self, None, at=at)
        self.compare_sets({name: ({}, wish) for name, wish in self.wishes().items()}, change)
        self.labels_shown = as_json(change.sets["labels"][1] if "labels" in change.sets else {})
        self.number = Counter.take(self.space_id, self.number)
        insert_one(self)
        self._wishes = {}
        with pipelined():
            for name, (old, new) in change.sets.items():
                SETS[name].put([(self, old, new)], actor)
            Occurrence.objects.append(self, [Occurrence(issue=self, at=self.first_seen_at, track=self.track)])
            issue_changed.send(Issue, changes=[change], actor=actor, batch=uuid7())

    def put(self, stored, changed, written, actor, action):
        change = self.change_from(stored, changed, written, actor.now(), action)
        wishes = self.wishes()
        sets = {name: SETS[name].stored([self.pk])[self.pk] for name in wishes}
        self.compare_sets({name: (sets[name], wish) for name, wish in wishes.items()}, change)
        if change.changed or change.members:
            Issue.objects.write([change], actor, uuid7())
        self._wishes = {}

    def derive(self, stored, changed, at):
        written = set()
        if self.deleted_at and stored.deleted_at:
            self.deleted_at = stored.deleted_at
            changed.discard("deleted_at")
        self.derive_title(stored, changed, written)
        if "extensions" in changed:
            self.merge_extensions(stored, changed)
        if "assignee_id" in changed and self.assignee_id:
            self.forget_unknown_assignee(changed)
        if changed & {"description", "description_format"}:
            written |= self.render()
        if "level_id" in changed:
            self.level_rank = self.level.rank if self.level_id else NO_LEVEL_RANK
            written.add("level_rank")
        self.derive_resolution(stored, changed)
        if "status" in changed:
            mine = {name: getattr(self, name) for name in TIMES if name in self._named}
            self.resolved_at, self.closed_at = stored.resolved_at, stored.closed_at
            self.stamp(at)
            for name, value in mine.items():
                if value != getattr(self, name):
                    # On record, though it may be what stood there before.
                    setattr(self, name, value)
                    changed.add(name)
            written |= set(TIMES)
        return written

    def derive_title(self, stored, changed, written):
        """A blank title becomes the first line of the description, and follows it until somebody sets one."""
        is_set = "title" in self._named
        is_derived = not self.title.strip() if is_set else self.is_title_derived
        if is_derived and changed & {"title", "description"}:
            self.title = markdown.first_line(self.description)
            (changed.add if self.title != stored.title else changed.discard)("title")
        if is_set and changed & {"title", "description"}:
            self.is_title_derived = is_derived
            written.add("is_title_derived")

    def merge_extensions(self, stored, changed):
        """Each door changes its own part of them alone, whatever others wrote since this row was loaded."""
        loaded, merged = self._loaded.get("extensions", {}), dict(stored.extensions)
        for door in loaded | self.extensions:
            if door not in self.extensions:
                merged.pop(door, None)
            elif door not in loaded or not same([self.extensions[door]], [loaded[door]]):
                merged[door] = self.extensions[door]
        self.extensions = merged
        if same(merged, stored.extensions):
            changed.discard("extensions")

    def forget_unknown_assignee(self, changed):
        extensions = {}
        for door, known in self.extensions.items():
            if isinstance(known, dict) and self.UNKNOWN_ASSIGNEE in known:
                known = {name: value for name, value in known.items() if name != self.UNKNOWN_ASSIGNEE}
                changed.add("extensions")
                if not known:
                    continue
            extensions[door] = known
        self.extensions = extensions

    def stamp(self, at):
        self.resolved_at, self.closed_at = stamps(self.status, self.resolved_at, self.closed_at, at)

    def derive_resolution(self, stored, changed):
        """A resolution belongs to its status: it goes when the status leaves the group or contradicts it.

        One that is set along with the status stays, though it may be the one that stood there before.
        """
        if "status" in changed and "resolution" not in self._named:
            fits = group(self.status) == group(stored.status) and not (
                (self.status == "closed" and self.resolution == "ignored")
                or (self.status == "ignored" and self.resolution != "ignored")
            )
            self.resolution = self.resolution if fits else None
        elif changed & {"status", "resolution"}:
            self.normalise_resolution()
        for name in ("status", "resolution"):
            (changed.add if getattr(self, name) != getattr(stored, name) else changed.discard)(name)

    def normalise_resolution(self):
        """Closed and ignored is ignored; ignored and resolved otherwise is closed."""
        if self.status == "closed" and self.resolution == "ignored":
            self.status = Issue.Status.IGNORED
        elif self.status == "ignored" and self.resolution not in (None, "ignored"):
            self.status = Issue.Status.CLOSED

    # The columns of which more is asked than of others of their type.
    PARTICULAR = ("title", "error_message", "annotations", "languages")

    def refusal(self, name, value):
        if name == "title" and value and ("\n" in value or "\r" in value):
            return "A title is one line."
        if name == "error_message" and value and len(value) > TEXT:
            return f"At most {TEXT} characters."
        return super().refusal(name, value) or self.json_refusal(name, value)

    def json_refusal(self, name, value):
        if name == "annotations":
            if len(value) > LABELS:
                return f"At most {LABELS} keys."
            for key, text in value.items():
                if not isinstance(text, str) or len(key) > LABEL_KEY or len(text) > LABEL_VALUE:
                    return f"Strings of at most {LABEL_VALUE} characters under keys of at most {LABEL_KEY}."
                if reason := refusal(key) or refusal(text):
                    return reason
        if name == "languages" and not all(
            isinstance(text, str) and len(text) <= 32 and not refusal(text) for text in value
        ):
            return "A list of names of at most 32 characters."
        return None

    # Comparing, for `put()` and `change()`.

    @classmethod
    def sort_wanted(cls, wanted):
        """Split what `change()` was asked for into {attname: value} and {set: Wish}."""
        fields, wishes = {}, {}
        for name, value in wanted.items():
            verb, _, plain = name.partition("_")
            if name in SETS:
                wishes[name] = Wish(replace=SETS[name].form(value))
            elif plain in SETS and verb in ("add", "remove"):
                wish = wishes.setdefault(plain, Wish())
                if verb == "add":
                    wish.add = SETS[plain].form(value)
                else:
                    wish.remove = frozenset(SETS[plain].form_keys(value))
            else:
                field = cls._meta.get_field(name)
                if field.attname not in cls.FIELDS:
                    raise ValueError(f"{name} is not changed by hand.")
                if field.is_relation and value is not None and not isinstance(value, models.Model):
                    try:
                        value = field.related_model.objects.get(pk=value)
                    except (ObjectDoesNotExist, ValueError, TypeError) as error:
                        raise ValidationError({field.name: gettext("There is no such row.")}) from error
                fields[field.name] = value
        return fields, wishes

    def differing(self, stored, fields):
        self._named = names = self.attnames(fields)
        for name in names:
            setattr(self, name, self.form(name, getattr(self, name)))
        return {name for name in names if not same(getattr(self, name), getattr(stored, name))}

    def change_from(self, stored, changed, written, at, action=None):
        names = [name for name in self.FIELDS if name in changed]
        return Change(self, stored, names, written=written, at=at, action=action)

    def compare_sets(self, wishes, change):
        """Add to `change` the sets that `wishes`, {set: (stored, wish)}, make different."""
        for name in [name for name in SETS if name in wishes]:
            old, wish = wishes[name]
            new = wish.apply(old)
            if new != old:
                SETS[name].validate(new)
                change.members += SETS[name].members(self, old, new)
                change.sets[name] = (old, new)


def group(status):
    """todo, active or done."""
    return "todo" if status in Issue.TODO else "done" if status in Issue.DONE else "active"


# What follows from a status, unless it is named with it.
TIMES = ("resolved_at", "closed_at")


def stamps(status, resolved_at, closed_at, at):
    """(resolved_at, closed_at) of an issue that came to `status` at `at`; history replays with it too."""
    if status not in Issue.DONE:
        return None, None
    return resolved_at or at, (closed_at or at) if status != Issue.Status.RESOLVED else None
