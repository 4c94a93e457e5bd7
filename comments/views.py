"""Writing, editing and deleting comments; they are read on the page of their issue."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from comments.forms import CommentEditForm, CommentForm
from comments.lookups import find_comment
from comments.models import Comment
from comments.policy import may_change
from issues import tasks
from issues.drafts import keep_draft
from issues.forms import preview
from issues.models import Draft, Issue
from issues.policy import may
from issues.views import find as find_issue
from issues.views import is_part, is_preview, issue_page, page_address, preview_page, tell_saved


@login_required
@require_POST
def comment_create(request, key):
    """Say something, and resolve the issue with it if the other button was pressed."""
    issue = find_issue(request, key, "comment")
    form = CommentForm(request.POST, request.FILES)
    if is_preview(request):
        shown = preview(form, "content", issue.space_id)
        if is_part(request):
            return render(request, "_previewed.html", {"preview": shown})
        return issue_page(request, issue, comment_form=form, comment_preview=shown)
    files, before = form.attachments(issue.space, request.user) if form.is_valid() else None, issue.version
    if files is not None:
        comment = Comment(issue=issue, author=request.user)
        comment.content, comment.is_internal = form.cleaned_data["content"], form.cleaned_data["is_internal"]
        with transaction.atomic():
            is_saved = form.save(comment, files)
            if is_saved and "resolve" in request.POST:
                resolve(request, issue)
            if is_saved:
                Draft.objects.of(request.user, Draft.Kind.COMMENT, issue).delete()
        if is_saved:
            tell_saved(request, issue, before)
            return redirect(comment)
    return issue_page(request, find_issue(request, key), 422, comment_form=form)


@login_required
@require_POST
def comment_draft(request, key):
    """Keep what is to become a comment."""
    issue = find_issue(request, key, "comment")
    address = f"{issue.get_absolute_url()}#comment-form"
    return keep_draft(request, Draft.Kind.COMMENT, address, issue)


def resolve(request, issue):
    if not may(request, "write", issue.space_id):
        raise PermissionDenied
    issue.status = Issue.Status.RESOLVED
    issue.save(update_fields=["status"])


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def comment_edit(request, id):
    comment = find(request, id, "edit")
    posted = (request.POST, request.FILES) if request.method == "POST" else ()
    form = CommentEditForm(comment, *posted)
    context = {"form": form, "comment": comment, "issue": comment.issue}
    if is_preview(request):
        return preview_page(request, "comments/comment_form.html", "content", comment.issue.space_id, context)
    if form.is_bound and form.save(request.user):
        return redirect(comment)
    status = form.status if form.is_bound else 200
    return render(request, "comments/comment_form.html", context, status=status)


@login_required
@require_POST
def comment_tick(request, id):
    """Tick a box in the text, or clear it."""
    comment = find(request, id, "edit")
    if tasks.tick(comment, request.POST):
        return redirect(f"{page_address(request, comment.issue)}#comment-{comment.uuid}")
    return issue_page(request, find_issue(request, comment.issue.key), 409, is_stale=True)


@login_required
@require_POST
def comment_delete(request, id):
    comment = find(request, id, "delete")
    comment.trash()
    messages.success(request, gettext("The comment is deleted."))
    return redirect(comment.issue)


def find(request, id, verb):
    """The comment of this uuid; Http404 where the person sees none, PermissionDenied where they may not."""
    comment = find_comment(request.user, id)
    if not may_change(request, verb, comment.author_id, comment.issue.space_id):
        raise PermissionDenied
    return comment
