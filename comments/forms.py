"""What a browser posts of a comment."""

from django import forms
from django.core.exceptions import ValidationError

from issues.forms import ExactForm, FilesField, TextField
from issues.models.attachment import attach

EMPTY = "A comment says something."


class CommentForm(ExactForm):
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
