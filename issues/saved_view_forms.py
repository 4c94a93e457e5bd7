"""The form of a saved view: its name, what it shows, and who sees it."""

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from issues.filters import BadParameter, checked_query
from issues.forms import ExactForm, LineField
from issues.limits import NAME, QUERY
from issues.lookups import find_space
from issues.models import SavedView
from issues.policy import may

TAKEN = gettext_noop("There is a view of this name already.")


def spaces_to_share_in(request):
    """[(key, name)] of the spaces in which the person may share a view."""
    return [(key, name) for pk, key, name in request.user.spaces() if may(request, "share_view", pk)]


class SavedViewForm(ExactForm):
    """Saves the fields `names` of a view of theirs; a new one where `view` is none.

    Once a view is shared, nobody is asked any more who sees it.
    """

    name = LineField(label=gettext_lazy("Name"), max_length=NAME, required=True)
    query = LineField(max_length=QUERY, label=gettext_lazy("What it shows"))
    space = forms.ChoiceField(label=gettext_lazy("Who sees it"), required=False)

    def __init__(self, request, data=None, *, view=None, names=("name", "query", "space")):
        self.request, self.view = request, view or SavedView(owner=request.user)
        super().__init__(data, initial={"name": self.view.name, "query": self.view.query})
        for name in self.fields.keys() - set(names):
            del self.fields[name]
        if self.view.space_id is not None:
            self.fields.pop("space", None)
        if "space" in self.fields:
            shared = [
                (key, gettext("Everybody in {}").format(name)) for key, name in spaces_to_share_in(request)
            ]
            self.fields["space"].choices = [("", gettext("Only I")), *shared]

    def clean_name(self):
        name = self.cleaned_data["name"]
        if "\n" in name or "\r" in name or not name.strip():
            raise ValidationError(gettext("A name is one line that says something."))
        return name

    def clean_query(self):
        try:
            return checked_query(self.cleaned_data["query"], self.request)
        except BadParameter as error:
            raise ValidationError(error.sentence) from error

    def save(self):
        """The view as it is saved; None where `errors` say why it is not."""
        if not self.is_valid():
            return None
        values = dict(self.cleaned_data)
        if "space" in values:
            values["space"] = find_space(self.request.user, values["space"])
        for name, value in values.items():
            setattr(self.view, name, value)
        try:
            self.view.save()
        except ValidationError as error:
            self.add_errors(error)
        except IntegrityError:
            self.add_error("name" if "name" in self.fields else None, gettext(TAKEN))
        return None if self.errors else self.view
