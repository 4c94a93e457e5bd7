"""What a browser posts of a comment."""

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy

from issues import markdown, rows
from issues.clashes import text_clash
from issues.forms import AttachForm, ChangeForm, ExactForm, FilesField, TextField, as_edited
from issues.models import HistoryEntry, Space
from issues.models.attachment import attach
from issues.policy import may

EMPTY = gettext_lazy("A comment says something.")


class CommentForm(ExactForm):
    WORDS = "content"

    content = TextField(required=True, label=gettext_lazy("Comment"), error_messages={"required": EMPTY})
    is_internal = forms.BooleanField(
        required=False,
        label=gettext_lazy("Internal"),
        help_text=gettext_lazy("Only members of the space will see it."),
    )
    file = FilesField()

    def clean_content(self):
        content = self.cleaned_data["content"]
        if not content.strip():
            raise ValidationError(EMPTY)
        return content

    def save(self, comment, files):
        """Whether `comment`, with the fields set that are wanted, is saved; if not, `errors` say why.

        `files` are Attachments, not saved yet, that come on it.
        """
        try:
            attach(comment, files)
        except ValidationError as error:
            self.add_errors(error)
        return not self.errors


class CommentEditForm(ChangeForm, CommentForm):
    """Changes of a comment; only its text can be a conflict."""

    def __init__(self, comment, data=None, files=None):
        shown = {"content": comment.content, "is_internal": comment.is_internal}
        super().__init__(comment.issue.version, data, files, initial=shown)
        self.comment = comment
        if self.is_bound and "content" not in self.data:
            # Theirs stands.
            del self.fields["content"]

    def save(self, by):
        """Whether it is saved; if not, `errors` or `conflicts` say why."""
        comment = self.comment
        files = self.attachments(comment.issue.space, by, comment) if self.is_valid() else None
        if files is None:
            return False
        with transaction.atomic():
            comment.lock()
            self.take_over(self.changes_since())
            if self.conflicts:
                self.seen = comment.issue.version
                return False
            return super().save(comment, files)

    def changes_since(self):
        """The history documents of what others made of the comment after the version that was seen."""
        version, comment = self.cleaned_data["version"], self.comment
        if version is None or version >= comment.issue.version:
            return []
        entries = HistoryEntry.objects.filter(
            issue=comment.issue_id, version__gt=version, action="comment_edited"
        )
        found = rows.history_documents(rows.history(entries.order_by("position")))
        return [entry for entry in found if entry["new_value"]["comment"] == str(comment.uuid)]

    def take_over(self, others):
        """Set what was posted, but for what this person left as it was before `others` changed it."""
        comment, before = self.comment, others[0]["old_value"] if others else {}
        content, is_internal = (
            self.cleaned_data.get(name, getattr(comment, name)) for name in ("content", "is_internal")
        )
        if others and is_internal == before["is_internal"]:
            is_internal = comment.is_internal
            # So that it stands, whatever the person decides about the text.
            self.data.setlist("is_internal", ["on"] * is_internal)
        edits = [entry for entry in others if entry["old_value"]["content"] != entry["new_value"]["content"]]
        base = edits[0]["old_value"]["content"] if edits else None
        if base is not None and markdown.same_but_for_line_ends(content, base):
            content = comment.content
        content = as_edited(content, comment.content)
        if edits and content != comment.content:
            self.conflicts, self.base = edits, base
        else:
            comment.content, comment.is_internal = content, is_internal

    @property
    def clashes(self):
        mine, theirs = self.cleaned_data["content"], self.comment.content
        return [text_clash("content", self["content"].label, self.base, mine, theirs)]


class UploadForm(AttachForm):
    """Files for a text that somebody is writing in a space."""

    space = forms.ModelChoiceField(Space.objects.none(), to_field_name="key")

    def __init__(self, request):
        super().__init__(request.POST, request.FILES)
        spaces = [pk for pk in request.user.space_roles() if may(request, "comment", pk)]
        self.fields["space"].queryset = Space.objects.filter(pk__in=spaces)

    def save(self, by):
        """The saved Attachments, on nothing yet; None where `errors` say why not."""
        files = self.attachments(self.cleaned_data["space"], by) if self.is_valid() else None
        try:
            with transaction.atomic():
                for file in files or ():
                    file.save()
        except ValidationError as error:
            self.add_errors(error)
            return None
        return files
