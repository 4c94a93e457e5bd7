"""Saved views where lists of issues are shown: as tabs, and as the form that saves what is shown."""

from django import template
from django.urls import reverse
from django.utils.http import urlencode

from issues.filters import params_shown
from issues.models import SavedView
from issues.policy import may_change_view
from issues.saved_view_forms import spaces_to_share_in

register = template.Library()

# So many tabs stand over the list; the page of views has them all.
TABS = 8


def views_of(request):
    """The views of the person who asks, read once for a page."""
    if not hasattr(request, "saved_views"):
        request.saved_views = list(SavedView.objects.shown_to(request.user))
    return request.saved_views


def current_of(request):
    """The view under whose name the list was opened, or None."""
    wanted = request.GET.get("view")
    return next((view for view in views_of(request) if str(view.uuid) == wanted), None) if wanted else None


@register.inclusion_tag("issues/_views_menu.html", takes_context=True)
def views_menu(context):
    """The place of views in the menu beside every page, which asks for them when it is there."""
    return {"is_current": context.request.path == reverse("view-list")}


@register.inclusion_tag("issues/_view_tabs.html", takes_context=True)
def view_tabs(context):
    """Tabs of the first views, and of the current one if it is not among them."""
    request = context["request"]
    current, shown = current_of(request), views_of(request)[:TABS]
    if current is not None and current not in shown:
        shown.append(current)
    place = shown.index(current) if current in shown else -1
    following = shown[(place + 1) % len(shown)] if shown else None
    return {
        "tabs": [(view, view == current, view == following != current) for view in shown],
        "has_more": len(views_of(request)) > len(shown),
    }


@register.inclusion_tag("issues/_save_view.html", takes_context=True)
def save_view(context):
    """The form that saves what the list shows, and the one that changes the view on which it is based."""
    request = context["request"]
    view, params = current_of(request), params_shown(request)
    is_changed = view is not None and view.params != params
    return {
        "csrf_token": context.get("csrf_token"),
        "view": view,
        "query": urlencode(params),
        "is_changed": is_changed,
        "may_update": is_changed and may_change_view(request, view),
        "spaces": spaces_to_share_in(request),
    }
