"""The pages of saved views."""

from itertools import groupby

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from issues import lookups
from issues.filters import BadParameter, IssueFilter
from issues.models import Issue, SavedView
from issues.policy import may_change_view
from issues.saved_view_forms import TAKEN, SavedViewForm
from issues.views import counted

# So many are named in the menu beside every page.
IN_MENU = 10
STEPS = {"up": -1, "down": 1}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def view_list(request):
    """One's own views and the shared ones, each with its number of open issues; POST saves another one."""
    form = SavedViewForm(request, request.POST) if request.method == "POST" else None
    if form and (view := form.save()):
        undo = reverse("view-delete", args=[view.uuid])
        messages.success(request, gettext("The view {} is saved.").format(view), extra_tags=undo)
        return redirect(view)
    views = list(SavedView.objects.shown_to(request.user))
    groups = [
        (space, [row_of(request, view) for view in found])
        for space, found in groupby(views, lambda view: view.space)
    ]
    context = {"groups": groups, "form": form}
    return render(request, "issues/view_list.html", context, status=422 if form else 200)


def row_of(request, view):
    """What the list of views shows of one."""
    return {
        "view": view,
        "params": summary_of(view),
        "count": open_count(request, view),
        "may_change": may_change_view(request, view),
    }


def summary_of(view):
    """[text] of what a view asks for, its query first."""
    params = view.params
    searched = [params.pop("q")] if "q" in params else []
    return searched + [f"{name}:{value}" for name, value in params.items()]


def open_count(request, view):
    """How many open issues a view finds, in words; None where what it names is gone."""
    try:
        filters = IssueFilter(view.params, request=request)
        return counted(filters, [*filters.conditions, Q(status__in=Issue.OPEN)])
    except BadParameter:
        return None


@login_required
@require_safe
def view_menu(request):
    """The first views with their numbers of open issues, for the menu beside a page that is there already."""
    current = request.htmx.current_url or ""
    views = [
        (view, open_count(request, view), str(view.uuid) in current)
        for view in SavedView.objects.shown_to(request.user)[:IN_MENU]
    ]
    return render(request, "issues/_side_views.html", {"views": views})


def find(request, id, is_active=True):
    """The view of this id; Http404 for one out of sight."""
    uuid = lookups.as_uuid(id)
    rows = SavedView.objects.visible_to(request.user).filter(is_active=is_active, uuid=uuid)
    view = rows.select_related("space").first() if uuid else None
    if view is None:
        raise Http404
    return view


def find_to_change(request, id, is_active=True):
    """The same; PermissionDenied where it is not theirs."""
    view = find(request, id, is_active)
    if not may_change_view(request, view):
        raise PermissionDenied
    return view


@login_required
@require_safe
def view_detail(request, id):
    """To the list that the view shows."""
    return redirect(find(request, id))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def view_edit(request, id):
    """Its name, and who sees it."""
    return saved_or_shown(request, find_to_change(request, id), ("name", "space"), "view-list")


@login_required
@require_POST
def view_update(request, id):
    """Let the view show what the list shows by now."""
    view = find_to_change(request, id)
    return saved_or_shown(request, view, ("query",), view)


def saved_or_shown(request, view, names, done):
    """Save these fields and go to `done`, or show the form of the view."""
    form = SavedViewForm(request, request.POST if request.method == "POST" else None, view=view, names=names)
    if form.is_bound and form.save():
        messages.success(request, gettext("The view {} is saved.").format(view))
        return redirect(done)
    context = {"form": form, "view": view, "params": summary_of(view)}
    return render(request, "issues/view_form.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def view_delete(request, id):
    """It is gone from every list; the message offers the way back."""
    view = find_to_change(request, id)
    view.is_active = False
    view.save()
    undo = reverse("view-restore", args=[view.uuid])
    messages.success(request, gettext("The view {} is deleted.").format(view), extra_tags=undo)
    return redirect("view-list")


@login_required
@require_POST
def view_restore(request, id):
    view = find_to_change(request, id, is_active=False)
    view.is_active = True
    try:
        view.save()
    except (ValidationError, IntegrityError) as error:
        messages.error(
            request, gettext(TAKEN) if isinstance(error, IntegrityError) else " ".join(error.messages)
        )
        return redirect("view-list")
    messages.success(request, gettext("The view {} is back.").format(view))
    return redirect("view-list")


@login_required
@require_POST
def view_move(request, id):
    """Up or down its list, by one."""
    view = find_to_change(request, id)
    step = STEPS.get(request.POST.get("to"))
    if step is None:
        return HttpResponse("to: Either up or down.", status=400, content_type="text/plain")
    view.move(step)
    return redirect(f"{reverse('view-list')}#view-{view.uuid}")
