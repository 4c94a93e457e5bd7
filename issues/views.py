"""The pages of issues."""

import orjson
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from issues import keyset, lookups, rows
from issues.filters import BadParameter, IssueFilter, order_of
from issues.forms import OPEN, IssueCreateForm, IssueEditForm, IssueListForm, IssueUpdateForm
from issues.models import Issue, Level, Membership
from issues.policy import may

PAGE_SIZE = 50
ROW = (
    "key", "title", "status", "level", "assignee", "seen_count", "comment_count", "created_at", "updated_at",
)  # fmt: skip
RELATED = ("space", "level", "assignee", "reporter", "project", "environment")
VIEWS = (
    ("Open", {"status": OPEN}),
    ("All", {}),
    ("Mine", {"assignee": "me", "status": OPEN}),
    ("Unassigned", {"assignee": "none", "status": OPEN}),
)


@login_required
@require_safe
def issue_list(request):
    """Issues of one's spaces, newest first, narrowed by the parameters of the REST API."""
    params = {name: value for name, value in request.GET.items() if value}
    page, problem = keyset.Page([], None, None), ""
    try:
        page = list_page(request, params)
    except BadParameter as error:
        problem = "; ".join(f"{name}: {reasons[0]}" for name, reasons in error.detail.items())
    except keyset.BadCursor as error:
        problem = str(error)
    spaces, people = spaces_and_people(request.user)
    params.pop("cursor", None)
    context = {
        "issues": page.rows,
        "problem": problem,
        "form": IssueListForm(params, spaces, level_choices(request.user), people),
        "views": [(name, f"?{urlencode(wanted)}", wanted == without_sort(params)) for name, wanted in VIEWS],
        "next": page.next and f"?{urlencode(params | {'cursor': page.next})}",
        "previous": page.previous and f"?{urlencode(params | {'cursor': page.previous})}",
        "is_narrowed": bool(without_sort(params)),
        "has_spaces": bool(spaces),
    }
    return render(request, "issues/issue_list.html", context, status=400 if problem else 200)


def without_sort(params):
    return {name: value for name, value in params.items() if name != "sort"}


def list_page(request, params):
    """One keyset.Page of issue documents; BadParameter or BadCursor where the address makes no sense."""
    filters = IssueFilter(params, Issue.objects.visible_to(request.user), request=request)
    filters.check("cursor", "sort")
    order = order_of(params.get("sort"))
    width = len(order.key)
    shape = rows.shape(ROW, (*order.key, "labels"))
    found = rows.select(filters.qs, shape.columns)
    page = keyset.page(found, order, params.get("cursor"), PAGE_SIZE, lambda row: row[:width])
    time = order.column if order.column in ROW else "created_at"
    page.rows = [listed(shape.document(row), row[width], time) for row in page.rows]
    return page


def listed(document, labels, time):
    return document | {"labels": orjson.loads(labels), "at": document[time]}


def spaces_and_people(user):
    """Choices of the list's filters, asked of the database at once: every space has its members."""
    members = Membership.objects.filter(
        space__in=user.space_roles(), is_active=True, user__is_active=True
    ).order_by("user__name", "user")
    found = list(members.values_list("space__key", "space__name", "user__uuid", "user__name"))
    spaces = sorted({(key, f"{key} · {name}") for key, name, _, _ in found})
    return spaces, list({str(uuid): name for _, _, uuid, name in found}.items())


def level_choices(user):
    levels = Level.objects.visible_to(user).filter(is_active=True).order_by("rank", "id")
    return list(dict(levels.values_list("key", "name")).items())


@login_required
@require_safe
def issue_detail(request, key):
    return issue_page(request, find(request, key))


def find(request, key, verb="read"):
    """The issue of this key; Http404 for one out of sight, PermissionDenied where `verb` is not theirs."""
    issue = lookups.find_issue(Issue.objects.visible_to(request.user).select_related(*RELATED), key)
    if not may(request, verb, issue.space_id):
        raise PermissionDenied
    return issue


def issue_page(request, issue, status=200, changed=None, **context):
    """The page of an issue; `changed` is an IssueUpdateForm that could not be saved."""
    labels, teams, channels, everything = rows.select(
        Issue.objects.filter(pk=issue.pk), ("labels", "teams", "channels", "all_channel")
    ).get()
    labels = orjson.loads(labels)
    form = IssueUpdateForm(issue, labels=labels)
    context |= {
        "issue": issue,
        "labels": labels,
        "teams": rows.members(teams),
        "channels": rows.members(everything) + rows.members(channels),
        "controls": [rail_control(name, form, changed) for name in form.names()],
        "changed": changed,
        "may_write": may(request, "write", issue.space_id),
        "may_delete": may(request, "delete", issue.space_id),
    }
    return render(request, "issues/issue_detail.html", context, status=status)


def rail_control(name, form, changed):
    """(field, version that its form carries): as it was posted if it was, else as it stands."""
    shown = changed if changed and name in changed.fields else form
    return shown[name], shown.seen


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def issue_create(request):
    initial = {"space": request.GET.get("space")}
    form = IssueCreateForm(request, request.POST if request.method == "POST" else None, initial=initial)
    if not form.spaces:
        raise PermissionDenied
    if form.is_bound and (issue := form.save()):
        messages.success(request, f"{issue.key} is open.")
        return redirect(issue)
    return render(request, "issues/issue_form.html", {"form": form}, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def issue_edit(request, key):
    """Title and description."""
    issue = find(request, key, "write")
    form = IssueEditForm(issue, request.POST if request.method == "POST" else None)
    if form.is_bound and form.save():
        return redirect(issue)
    context = {"form": form, "issue": form.issue, "key": issue.key}
    return render(request, "issues/issue_form.html", context, status=form.status if form.is_bound else 200)


@login_required
@require_POST
def issue_update(request, key):
    """Save those of status, level, assignee and labels that were posted."""
    issue = find(request, key, "write")
    form = IssueUpdateForm(issue, request.POST)
    if form.save():
        return redirect(issue)
    return issue_page(request, find(request, key), form.status, changed=form)


@login_required
@require_POST
def issue_delete(request, key):
    """To the trash; the message offers the way back."""
    issue = find(request, key, "delete")
    issue.trash()
    undo = reverse("issue-restore", args=[issue.key])
    messages.success(request, f"{issue.key} is in the trash.", extra_tags=undo)
    return redirect("issue-list")


@login_required
@require_POST
def issue_restore(request, key):
    issue = lookups.issue_or_404(request.user, key, "restore")
    if not may(request, "delete", issue.space_id):
        raise PermissionDenied
    issue.restore()
    messages.success(request, f"{issue.key} is back.")
    return redirect(issue)
