"""Comments: what people say of an issue, on record like everything else."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext

from comments.mentions import Mention
from issues.actor import current_actor
from issues.limits import ATTACHMENTS, COMMENTS, TEXT
from issues.models import Attachment, Issue
from issues.models.base import Audited
from issues.models.fields import ExactJSONField
from issues.models.history import Member, as_text, text_value
from issues.models.rendered import Rendered, RenderedQuerySet
from issues.models.sets import AttachmentSet, MemberRow, SetAttribute


class CommentAttachment(MemberRow):
    """A file on a comment."""

    comment = models.ForeignKey("comments.Comment", models.PROTECT, related_name="attachment_rows")
    attachment = models.OneToOneField(Attachment, models.PROTECT, related_name="comment_row")


class CommentQuerySet(RenderedQuerySet):
    def visible_to(self, user):
        """Comments on issues that `user` sees; internal ones only where they are more than a viewer."""
        roles = user.space_roles()
        viewed = [space for space, role in roles.items() if role == "viewer"]
        rows = self.filter(issue__space__in=roles, issue__deleted_at=None, deleted_at=None)
        return rows.exclude(issue__space__in=viewed, is_internal=True) if viewed else rows


class CommentCounts:
    """How many comments issues show, internal ones aside: the column that follows from comments."""

    @staticmethod
    def number():
        rows = Comment.objects.filter(issue=OuterRef("pk"), deleted_at=None, is_internal=False).order_by()
        return Coalesce(Subquery(rows.values("issue").annotate(number=Count("pk")).values("number")), 0)

    @classmethod
    def put(cls, issues):
        """Count anew those of a queryset of issues."""
        models.QuerySet.update(issues, comment_count=cls.number())

    @classmethod
    def differences(cls):
        """For `manage.py check_derived`."""
        issues = Issue.objects.exclude(comment_count=cls.number()).order_by("pk")
        for pk in issues.values_list("pk", flat=True).iterator():
            yield pk, f"issue {pk} shows another number of comments than it has"

    @classmethod
    def repair(cls, issues):
        cls.put(Issue.objects.filter(pk__in=issues))


class Comment(Rendered):
    """A remark on an issue; an internal one is for the members of its space alone."""

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="comments", db_index=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="comments")
    content = models.TextField(blank=True, max_length=TEXT)
    content_format = models.CharField(max_length=4, choices=Issue.Format, default=Issue.Format.MARKDOWN)
    content_rendered = models.TextField(blank=True, editable=False)
    is_internal = models.BooleanField(default=False)
    extensions = ExactJSONField(default=dict, blank=True)
    created_at = models.DateTimeField(editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    attachments = SetAttribute(AttachmentSet("attachments", CommentAttachment, ATTACHMENTS, "comment"))

    FIELDS = ("content", "content_format", "is_internal", "extensions", "deleted_at")
    WORDS = "content"
    TEXTS = frozenset({"content", "extensions"})

    objects = CommentQuerySet.as_manager()

    class Meta(Rendered.Meta):
        ordering = ["id"]
        # With what a count of comments asks for, which a list shows of every issue.
        indexes = [models.Index("issue", "id", "deleted_at", "is_internal", name="comment_issue")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(content_format__in=["md", "html", "text"]), name="comment_format"
            )
        ]

    def __str__(self):
        return f"Comment on {self.issue}"

    def get_absolute_url(self):
        return f"{reverse('issue-detail', args=[self.issue.key])}#comment-{self.uuid}"

    @property
    def content_html(self):
        return self.rendered_html

    def trash(self):
        """Delete: it is gone from every list, its history stays."""
        self.deleted_at = current_actor().now()
        self.save(update_fields=["deleted_at"])

    def home(self):
        return self.issue.space_id

    def insert(self, actor):
        issue = Issue.objects.lock().get(pk=self.issue_id)
        if Issue.space.is_cached(self.issue):
            issue.space = self.issue.space
        if issue.comments.count() >= COMMENTS:
            raise ValidationError({"content": gettext("At most {} comments on an issue.").format(COMMENTS)})
        self.created_at = self.created_at or actor.now()
        self.render()
        before, files = self.compare_files()
        self._wishes = {}
        super(Audited, self).save(force_insert=True)
        Mention.objects.follow(self.issue_id, self.pk, "", self.content_rendered)
        self.put_files(before, files, actor)
        entries = [self.entry("comment_added", None, self, files=files)]
        issue.record(entries, actor, comment_count=CommentCounts.number())

    def lock(self):
        Issue.objects.lock().get(comments=self.pk)
        super().lock()

    def write(self, touched, mine, actor, action=None):
        # The issue's lock guards its chain, so it comes before the comment's own.
        self.issue = Issue.objects.lock().get(comments=self.pk)
        super().write(touched, mine, actor, action)

    def derive(self, stored, changed, at):
        written = set()
        if stored.deleted_at:
            self.deleted_at = stored.deleted_at
            changed.discard("deleted_at")
        if changed & {"content", "content_format"}:
            written |= self.render()
        if "content" in changed:
            self.edited_at = at
            written.add("edited_at")
        return written

    def put(self, stored, changed, written, actor, action):
        before, files = self.compare_files()
        self._wishes = {}
        if files != before:
            self.edited_at = actor.now()
            written = written | {"edited_at"}
        if not (changed or written):
            return
        super(Audited, self).save(update_fields=changed | written)
        Mention.objects.follow(self.issue_id, self.pk, stored.content_rendered, self.content_rendered)
        self.put_files(before, files, actor)
        entries = []
        if changed - {"deleted_at"} or files != before:
            entries.append(self.entry("comment_edited", stored, self, before, files))
        if "deleted_at" in changed:
            entries.append(self.entry("comment_deleted", self, None, files))
        self.issue.record(entries, actor, comment_count=CommentCounts.number())

    def compare_files(self):
        """({primary key: uuid} of the files that are on this comment, and of those that were wished for)."""
        kind, wish = type(self).attachments.kind, self.wishes().get("attachments")
        before = dict(self.attachment_rows.values_list("attachment", "attachment__uuid")) if self.pk else {}
        if wish is None:
            return before, before
        wanted = wish.apply(before)
        kind.validate(wanted)
        changed = kind.rows(wanted.keys() ^ before.keys(), self)
        return before, {pk: changed[pk].uuid if pk in changed else before[pk] for pk in wanted}

    def put_files(self, before, files, actor):
        if files != before:
            type(self).attachments.kind.put([(self, before, files)], actor)

    def entry(self, action, old, new, before=(), files=()):
        """What history says of this comment becoming `new` with `files` after it was `old` with `before`."""
        internal = [row.is_internal for row in (old, new) if row]
        return Member(
            action,
            "comments",
            old and old.document(before),
            new and new.document(files),
            texts=(new.content, as_text(new.extensions)) if new else (),
            is_internal=any(internal),
            is_hidden=all(internal),
        )

    def document(self, files=()):
        """What history says of a comment; `files` are {primary key: uuid}, and unsaid if there are none."""
        said = {
            "comment": str(self.uuid),
            "content": text_value(self.content),
            "format": self.content_format,
            "is_internal": self.is_internal,
            "extensions": text_value(as_text(self.extensions)),
        }
        return said | {"attachments": sorted(map(str, files.values()))} if files else said
