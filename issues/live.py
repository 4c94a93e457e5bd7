"""What has changed of a list since it was shown: asked again and again by a page that stays open."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag, urlencode
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from issues.counts import version_of
from issues.filters import BadParameter, IssueFilter
from issues.limits import PAGE, QUERY_STRING
from issues.models import HistoryEntry, Issue

# Of more news than that there is no exact number.
MOST = 1_000


@require_safe
def issue_changes(request):
    """A line that says how many issues of a list others have changed since the entry `seen` of history.

    The parameters are those of the list; `keys` are the issues that it shows, which may match no more. The
    first question comes without `seen`, and is answered with the one to ask from then on. Where nothing has
    changed since the last answer, this one is 304.
    """
    if not request.user.is_authenticated:
        # Not the form to sign in, which would stand in the list.
        return HttpResponse(status=401)
    params = {name: value for name, value in request.GET.items() if value}
    seen, keys = params.pop("seen", None), params.pop("keys", "")
    newest = newest_entry(request.user)
    etag = quote_etag(f"{newest} {get_language()}")
    if unchanged := get_conditional_response(request, etag=etag):
        return unchanged
    try:
        filters = IssueFilter(params, request=request)
        filters.check("sort")
        context = answer(request.user, filters, seen, keys, newest)
    except BadParameter as error:
        return HttpResponse(error.sentence, status=400, content_type="text/plain")
    response = render(request, "issues/_news.html", context)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


def answer(user, filters, seen, keys, newest):
    """What the line says; BadParameter."""
    if seen is None:
        return question(filters.data, keys, newest)
    if not (seen.isascii() and seen.isdigit() and len(seen) < 19):
        raise BadParameter("seen", "The number of an entry.")
    count = changed(user, filters, int(seen), set(keys.split(",")[:PAGE])) if newest > int(seen) else 0
    return {"count": min(count, MOST), "has_more": count >= MOST}


def question(params, keys, seen=None):
    """What a page asks with, nothing where an address has no room; without `seen` it is the first time."""
    said = params | {"keys": keys} | ({} if seen is None else {"seen": seen})
    if len(urlencode(said)) > QUERY_STRING:
        said["keys"] = ""
    if len(urlencode(said)) > QUERY_STRING:
        return {}
    return {"is_first": True, "seen": seen, "address": f"{reverse('issue-changes')}?{urlencode(said)}"}


def newest_entry(user):
    """The primary key of the newest entry of history in this person's spaces; 0 where there is none."""
    return max((last or 0 for _, last in version_of(user.space_roles())), default=0)


def changed(user, filters, seen, shown):
    """How many issues others have changed since an entry: those that match, or are among these keys."""
    entries = HistoryEntry.objects.visible_to(user).filter(space__in=user.space_roles(), pk__gt=seen)
    entries = entries.exclude(issue=None).exclude(actor=user).order_by("-pk")
    issues = set(entries.values_list("issue", flat=True)[:MOST])
    keys = Issue.objects.filter(pk__in=issues).order_by().values_list("pk", "space__key", "number")
    found = {pk for pk, space, number in keys if f"{space}-{number}" in shown}
    return len(found.union(filters.qs.filter(pk__in=issues).order_by().values_list("pk", flat=True)))
