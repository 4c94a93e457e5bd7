"""Drafts on the pages: kept while somebody types or at a button, and there when the page is opened again."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_POST

from issues.forms import ExactForm, TextField, TitleField
from issues.models.draft import Draft
from issues.policy import may
from issues.views import find, is_part

NOT_KEPT = gettext_noop("{}. Go back in your browser: what you typed is still there.")


class DraftForm(ExactForm):
    """What a draft keeps of a form: the text is called `description`, or `content` in a comment."""

    title = TitleField()
    description = TextField()
    content = TextField()
    version = forms.IntegerField(required=False, min_value=0, max_value=2**63 - 1)

    def save(self, user, kind, issue=None):
        values = self.cleaned_data
        text = values["description"] or values["content"]
        return Draft.keep(user, kind, issue, title=values["title"], text=text, version=values["version"])

    def reasons(self):
        return "; ".join(f"{name}: {' '.join(reasons)}" for name, reasons in self.errors.items())


def keep_draft(request, kind, address, issue=None):
    """Keep what was posted, or drop the draft where `discard` was; then to the page at `address`.

    A script is told in one line, with 422 where the draft is not kept.
    """
    form = DraftForm(QueryDict() if "discard" in request.POST else request.POST)
    draft = form.save(request.user, kind, issue) if form.is_valid() else None
    if is_part(request):
        context = {"draft": draft, "is_new": True, "reasons": form.reasons()}
        return render(request, "issues/_draft.html", context, status=422 if form.errors else 200)
    if form.errors:
        detail = gettext(NOT_KEPT).format(form.reasons())
        context = {"status": 422, "title": gettext("The draft is not kept"), "detail": detail}
        return render(request, "error.html", context, status=422)
    messages.success(
        request, gettext("The draft is kept.") if draft else gettext("There is no draft any more.")
    )
    return redirect(address)


@login_required
@require_POST
def issue_create_draft(request):
    """Of an issue that is not there yet."""
    if not any(may(request, "write", space) for space in request.user.space_roles()):
        raise PermissionDenied
    return keep_draft(request, Draft.Kind.ISSUE, reverse("issue-create"))


@login_required
@require_POST
def issue_edit_draft(request, key):
    """Of another description of an issue."""
    issue = find(request, key, "write")
    return keep_draft(request, Draft.Kind.DESCRIPTION, reverse("issue-edit", args=[issue.key]), issue)
