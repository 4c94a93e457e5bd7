"""The pages of what a space has beside its issues: channels, levels, the audit trail, the trash."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from issues import keyset, lookups
from issues.counts import open_by
from issues.filters import BadParameter
from issues.forms import OPEN, HistoryListForm, SubscriptionForm
from issues.list_rows import PAGE_SIZE, list_page
from issues.models import Channel, Issue, Level, Subscription
from issues.policy import may
from issues.trail import Trail
from issues.views import history_page, matching, page_links, spaces_and_people


@login_required
@require_safe
def channel_list(request):
    """The channels of one's spaces, with how many open issues each holds."""
    channels = visible(Channel, request).filter(is_active=True).select_related("space")
    in_space, in_channel = (open_by(request.user, kind) for kind in ("space", "channel"))
    rows = [
        (channel, in_space.get(channel.space_id, 0) if channel.is_default else in_channel.get(channel.pk, 0))
        for channel in channels.order_by("space__key", "-is_default", "name", "id")
    ]
    context = {"rows": rows, "open": OPEN, "may_configure": configures(request)}
    return render(request, "issues/channel_list.html", context)


def visible(model, request):
    """The rows of a model of spaces, of this person's spaces."""
    return model.objects.filter(space__in=request.user.space_roles())


def configures(request):
    """Whether the person may configure anything at all."""
    return any(may(request, "configure_space", space) for space in request.user.space_roles())


def find_or_404(queryset, reference):
    uuid = lookups.as_uuid(reference)
    row = queryset.filter(uuid=uuid).first() if uuid else None
    if row is None:
        raise Http404
    return row


@login_required
@require_safe
def channel_detail(request, id):
    """One channel: what it is for, who hears of it, and its open issues."""
    channel = find_or_404(visible(Channel, request).select_related("space"), id)
    subscriptions = channel.subscriptions.filter(is_active=True, user__is_active=True)
    mine = subscriptions.filter(user=request.user).first()
    context = {
        "channel": channel,
        "subscriptions": subscriptions.select_related("user").order_by("kind", "user", "id"),
        "mine": mine,
        "form": SubscriptionForm(initial={"kind": mine.kind if mine else Subscription.Kind.PARTICIPATE}),
        "may_configure": may(request, "configure_channels", channel.space_id),
    }
    return issues_page(request, "issues/channel_detail.html", {"channel": str(channel.uuid)}, context)


@login_required
@require_POST
def channel_subscribe(request, id):
    """Take a part in a channel, another part, or none (without `kind`)."""
    channel = find_or_404(visible(Channel, request), id)
    if not may(request, "subscribe", channel.space_id):
        raise PermissionDenied
    form = SubscriptionForm(request.POST)
    kind = form.cleaned_data["kind"] if form.is_valid() else ""
    row = Subscription.of(channel, request.user)
    if kind or row.pk:
        row.kind, row.is_active = kind or row.kind, bool(kind)
        row.save()
    text = gettext("You follow {}.") if kind else gettext("You do not follow {} any more.")
    messages.success(request, text.format(channel))
    return redirect("channel-detail", channel.uuid)


@login_required
@require_safe
def level_list(request):
    """The levels, from the most urgent one down, with how many open issues each has."""
    levels = Level.objects.visible_to(request.user).filter(is_active=True).select_related("space")
    counts = open_by(request.user, "level")
    rows = [(level, counts.get(level.pk, 0)) for level in levels.order_by("rank", "id")]
    context = {
        "rows": rows,
        "without": counts.get(None, 0),
        "open": OPEN,
        "may_configure": configures(request),
    }
    return render(request, "issues/level_list.html", context)


@login_required
@require_safe
def level_detail(request, id):
    """One level, and its open issues."""
    level = find_or_404(Level.objects.visible_to(request.user).select_related("space"), id)
    context = {
        "level": level,
        "may_configure": level.space_id and may(request, "configure_levels", level.space_id),
    }
    return issues_page(request, "issues/level_detail.html", {"level": str(level.uuid)}, context)


def issues_page(request, template, wanted, context):
    """A page with the open issues that `wanted` narrows the list to, newest first."""
    params = wanted | {"status": OPEN}
    page, problem = keyset.Page([], None, None), ""
    try:
        page = list_page(matching(request, params), keyset.Order(), request.GET.get("cursor"))
    except keyset.BadCursor as error:
        problem = str(error)
    context |= page_links({}, page) | {"issues": page.rows, "problem": problem}
    return render(request, template, context, status=400 if problem else 200)


@login_required
@require_safe
def history_list(request):
    """The audit trail of one's spaces, newest first."""
    params = {name: value for name, value in request.GET.items() if value}
    cursor = params.pop("cursor", None)
    page, problem = keyset.Page([], None, None), ""
    try:
        page, problem = history_page(Trail(request.user, params).page, cursor)
    except BadParameter as error:
        problem = "; ".join(f"{name}: {reasons[0]}" for name, reasons in error.detail.items())
    context = page_links(params, page) | {
        "entries": page.rows,
        "problem": problem,
        "form": HistoryListForm(params, *spaces_and_people(request.user)),
        "is_narrowed": bool(params),
    }
    return render(request, "issues/history_list.html", context, status=400 if problem else 200)


@login_required
@require_safe
def trash(request):
    """The deleted issues of one's spaces, with the way back."""
    issues = Issue.objects.in_trash_of(request.user)
    columns = ("uuid", "space__key", "number", "title", "status", "deleted_at", "space_id")
    page, problem = keyset.Page([], None, None), ""
    try:
        page = keyset.page(
            issues.values_list(*columns),
            keyset.Order(),
            request.GET.get("cursor"),
            PAGE_SIZE,
            lambda row: row[:1],
        )
    except keyset.BadCursor as error:
        problem = str(error)
    rows = [
        {
            "key": f"{space}-{number}",
            "title": title,
            "status": status,
            "deleted_at": deleted_at,
            "may_restore": may(request, "delete", space_id),
        }
        for _, space, number, title, status, deleted_at, space_id in page.rows
    ]
    context = page_links({}, page) | {"rows": rows, "problem": problem}
    return render(request, "issues/trash.html", context, status=400 if problem else 200)
