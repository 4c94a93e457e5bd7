"""What the page of an issue asks for beside itself: boxes ticked, news of it, and issues like it."""

from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from issues import keyset, lookups, sightings, tasks
from issues.charts import Cell, plotted
from issues.dashboard import Days, day_of
from issues.dashboard_charts import series, short
from issues.filters import BadParameter
from issues.list_rows import PAGE_SIZE
from issues.models import Occurrence
from issues.query.scope import Scope
from issues.views import find, issue_page, issues_like, page_address, page_links, sighted, tell_saved

SIGHTED = keyset.Order("at", parse=datetime)


@login_required
@require_POST
def issue_tick(request, key):
    """Tick a box of the description, or clear it."""
    issue = find(request, key, "write")
    before = issue.version
    if tasks.tick(issue, request.POST):
        tell_saved(request, issue, before, {"description": gettext("description")})
        return redirect(page_address(request, issue))
    return issue_page(request, find(request, key), 409, is_stale=True)


@require_safe
def issue_news(request, key):
    """Says that the issue has changed since the version whose ETag is sent as If-None-Match: 304 if not."""
    if not request.user.is_authenticated:
        # Not the form to sign in, which would stand in the page.
        return HttpResponse(status=401)
    try:
        issue = find(request, key)
    except Http404:
        issue = lookups.issue_or_404(request.user, key, "restore")
    etag = f'"{issue.version}"'
    context = {"issue": issue, "address": page_address(request, issue)}
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged or render(request, "issues/_issue_news.html", context)
    response["ETag"] = etag
    # The tag is that of the issue and not of these words, which are in a language: no cache may answer.
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_safe
def issue_occurrences(request, key):
    """When the issue was seen: bars of the last days, and each sighting, or those of one `day`."""
    issue = find(request, key)
    found, params, problem = Occurrence.objects.filter(issue=issue), {}, ""
    page = keyset.Page([], None, None)
    try:
        if day := day_of("day", request.GET):
            start, end = sightings.span_of(day, Scope(request.user, timezone.now()).zone)
            found, params = found.filter(at__gte=start, at__lt=end), {"day": day}
        page = keyset.page(
            found, SIGHTED, request.GET.get("cursor"), PAGE_SIZE, lambda row: (row.at, row.uuid)
        )
    except BadParameter as error:
        problem = error.sentence
    except keyset.BadCursor as error:
        problem = str(error)
    context = page_links(params, page) | {
        "issue": issue,
        "day": params.get("day"),
        "occurrences": page.rows,
        "plot": sightings_plot(sighted(request, issue)),
        "problem": problem,
    }
    return render(request, "issues/issue_occurrences.html", context, status=400 if problem else 200)


def sightings_plot(numbers):
    """The charts.Plot of {date: number}, None where all are 0; each bar leads to the sightings of its day."""
    if not any(numbers.values()):
        return None
    days = [Days(day, day) for day in numbers]
    cells = [Cell(number, href=f"?day={day}") for day, number in numbers.items()]
    bars = series(gettext("Seen"), "seen", cells, days, gettext("{number} seen {days}"))
    return plotted(list(map(short, days)), [bars], has_bars=True)


@login_required
@require_safe
def issue_similar(request, key):
    """Issues of one's spaces that may be about the same as this one."""
    issue = find(request, key)
    found = issues_like(request.user.space_roles(), issue.title, issue.pk)
    return render(request, "issues/issue_similar.html", {"issue": issue, "similar": found})


@login_required
@require_safe
def issue_like(request):
    """The part of a page that shows issues whose titles are like `title`, in the space `space` if named."""
    roles = request.user.space_roles()
    space = lookups.find_space(request.user, request.GET.get("space", ""))
    roles = {space.pk: roles[space.pk]} if space else roles
    context = {"similar": issues_like(roles, request.GET.get("title", ""))}
    return render(request, "issues/_similar.html", context)
