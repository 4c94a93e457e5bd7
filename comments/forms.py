"""What a browser posts of a comment."""

from django import forms
from django.core.exceptions import ValidationError

from issues.forms import ExactForm, TextField

EMPTY = "A comment says something."


class CommentForm(ExactForm):
    content = TextField(required=True, label="Comment", error_messages={"required": EMPTY})
    is_internal = forms.BooleanField(
        required=False, label="Internal", help_text="Only members of the space will see it."
    )

    def clean_content(self):
        content = self.cleaned_data["content"]
        if not content.strip():
            raise ValidationError(EMPTY)
        return content

    def save(self, comment):
        """Whether `comment`, with the fields set that are wanted, is saved; if not, `errors` say why."""
        try:
            comment.save()
        except ValidationError as error:
            self.add_errors(error)
        return not self.errors
