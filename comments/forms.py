"""What a browser posts of a comment."""

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from issues.forms import AttachForm, ExactForm, FilesField, TextField
from issues.models import Space
from issues.models.attachment import attach
from issues.policy import may

EMPTY = "A comment says something."


class CommentForm(ExactForm):
    WORDS = "content"

    content = TextField(required=True, label="Comment", error_messages={"required": EMPTY})
    is_internal = forms.BooleanField(
        required=False, label="Internal", help_text="Only members of the space will see it."
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
