"""The pages that change many issues at once, show beforehand what that does, and undo it."""

import re
from urllib.parse import parse_qsl, urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from issues import bulk, issue_rows, language, lookups, undo
from issues.filters import BadParameter
from issues.limits import BULK, QUERY_STRING, READ
from issues.list_rows import ROW, rows_of
from issues.models import BulkRun, HistoryEntry, LastVisit
from issues.models.fields import uuid7
from issues.orders import ORDERS
from issues.views import find

NAMED = 10
UNDONE = pgettext_lazy("done", "Undid the change of")
NUMBER = re.compile("[0-9]{1,18}\\Z")
# Answers of these are pages too, but nobody can come back to them.
POSTED = ("issue-change", "issue-read", "issue-update", "issue-attach", "comment-create")


@login_required
@require_POST
def issue_change(request):
    """Change the chosen issues; many, and all that match, are shown first and changed when confirmed."""
    try:
        issues = bulk.chosen_issues(request)
    except BadParameter as error:
        return refused(request, [bulk.reason(error)])
    form = bulk.BulkForm(request.user, bulk.spaces_of(request, issues), request.POST)
    if not form.is_valid():
        return refused(request, [text for texts in form.errors.values() for text in texts])
    number, is_confirmed = issues.count(), "confirm" in request.POST
    if number > BULK and is_confirmed:
        query = request.POST.get("query", "")
        return away(request, bulk.begin(request, issues, posted_text(request), query, following(request)))
    keys = list(issues.order_by("pk").values_list("pk", flat=True)[:BULK])
    try:
        if not is_confirmed and (number > bulk.SHOWN_FIRST or request.POST.get("all")):
            return shown_first(request, form, keys, number)
        return changed(request, form, keys)
    except ValidationError as error:
        return refused(request, [bulk.reason(error)])


@login_required
@require_POST
def issue_read(request):
    """Mark as read what a list shows, of which `query` is the query string, and go back to it."""
    at = timezone.now()
    try:
        issues = bulk.matching(request, request.POST.get("query", ""))
    except BadParameter as error:
        return refused(request, [bulk.reason(error)])
    keys = issues.order_by("-updated_at", "-pk").values_list("pk", flat=True)[:READ]
    LastVisit.objects.mark(request.user, keys, at)
    words = ngettext("{} issue is marked as read.", "{} issues are marked as read.", len(keys))
    if len(keys) == READ:
        words = gettext("The {} issues that changed last are marked as read.")
    messages.success(request, words.format(language.digits(len(keys))))
    return redirect(following(request))


def posted_text(request):
    """What was asked for, as a query string."""
    asked = request.POST.copy()
    for name in asked.keys() - set(bulk.CONTROLS):
        del asked[name]
    return asked.urlencode()


def shown_first(request, form, keys, number):
    """The page that says what would change; nothing is written."""
    changes = bulk.change(keys, form.steps(), write=False) if number <= BULK else []
    rows = list({change.row.pk: change.row for change in changes}.values())
    context = {
        "deed": form.deed,
        "said": form.said(),
        "number": number,
        "changing": len(rows),
        "skipping": number - len(rows),
        "is_long": number > BULK,
        "part": BULK,
        "named": named(request, rows[:NAMED]),
        "unnamed": max(len(rows) - NAMED, 0),
        "hidden": hidden(request),
        "next": following(request),
    }
    return render(request, "issues/bulk_change.html", context)


def named(request, rows):
    """Documents of these issues, with their keys and titles."""
    keys = [row.pk for row in rows]
    found = issue_rows.documents(request.user.space_roles(), keys, ("key", "title")) if keys else {}
    return [found[key] for key in keys if key in found]


def hidden(request):
    """[(name, value)] of what the form that is confirmed sends again."""
    names = ("issue", "page", "shown", "all", "query", *bulk.CONTROLS)
    return [(name, value) for name in names for value in request.POST.getlist(name) if value]


def changed(request, form, keys):
    """Change these issues and say so, with the way back."""
    batch = uuid7()
    changes = bulk.change(keys, form.steps(), batch)
    number = bulk.number_of(changes)
    skipped = len(keys) - number
    left = ngettext(", {number} was {why}", ", {number} were {why}", skipped)
    left = left.format(number=skipped, why=form.deed.skipped) if skipped else ""
    if not number:
        messages.info(request, f"{gettext('Nothing to change')}{left}.")
    else:
        address = reverse("batch-undo", args=[batch])
        values = ", ".join(f"{name} {value}" for name, value in form.said())
        words = f"{in_words(form.deed.done, changes)}{': ' * bool(values)}{values}{left}."
        messages.success(request, words, extra_tags=address)
    return answer(request, keys)


def in_words(done, changes):
    """What was done to how many issues; a single one is named."""
    number = bulk.number_of(changes)
    if number == 1:
        return gettext("{done} {issue}").format(done=done, issue=changes[0].row.key)
    words = ngettext("{done} {number} issue", "{done} {number} issues", number)
    return words.format(done=done, number=language.digits(number))


def answer(request, keys):
    """The page again, or for scripts on a list the rows of these issues that are `shown` and the messages."""
    if not request.htmx:
        return redirect(following(request))
    if "shown" not in request.POST:
        return HttpResponse(headers={"HX-Refresh": "true"})
    shown = set(request.POST["shown"].split(","))
    documents = issue_rows.documents(request.user.space_roles(), keys[:BULK], ROW)
    listed = [row for row in documents.values() if row["key"] in shown]
    rows = rows_of(listed, time_shown(request), request.user)
    return render(request, "issues/_changed_rows.html", {"rows": rows})


def name_of(path):
    try:
        return resolve(path).url_name
    except Resolver404:
        return None


def time_shown(request):
    """The column of the time that rows of the list show, as `list_page` chooses it."""
    order = ORDERS.get(dict(parse_qsl(request.POST.get("query", ""))).get("sort"))
    return order.column if order and order.column in ROW else "created_at"


def refused(request, problems):
    """Says why nothing was changed."""
    if request.htmx:
        for text in problems:
            messages.error(request, text)
        return render(request, "issues/_changed_rows.html", status=422)
    context = {"problems": problems, "next": following(request)}
    return render(request, "issues/bulk_change.html", context, status=422)


def following(request, otherwise=None):
    """Where to go on: the path that the form names, or else the page it was sent from."""
    referer = urlsplit(request.headers.get("Referer", ""))
    came_from = referer._replace(scheme="", netloc="").geturl()
    if referer.netloc != request.get_host() or name_of(referer.path) in POSTED:
        came_from = ""
    for address in (request.POST.get("next", ""), came_from):
        is_path = address.startswith("/") and len(address) <= QUERY_STRING
        if is_path and url_has_allowed_host_and_scheme(address, allowed_hosts=None):
            return address
    return otherwise or reverse("issue-list")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def batch_detail(request, id):
    """How far a change of more than 1,000 issues has come; a POST does the next part."""
    run = find_run(request, id)
    if request.method == "POST":
        run = bulk.go_on(request, run)
        if not request.htmx:
            return redirect("batch-detail", run.uuid)
    template = "issues/_bulk_run.html" if request.htmx else "issues/bulk_run.html"
    deed = None if run.undoes else bulk.DEEDS[bulk.posted_of(run)["do"]]
    return render(request, template, {"run": run, "deed": deed, "done": deed.done if deed else UNDONE})


def find_run(request, id):
    uuid = lookups.as_uuid(id)
    run = uuid and BulkRun.objects.filter(uuid=uuid, user=request.user).first()
    if not run:
        raise Http404
    return run


@login_required
@require_POST
def batch_undo(request, id):
    """Set the issues of a batch back, but for those that were changed since."""
    source = lookups.as_uuid(id)
    keys = bulk.may_undo(request, source) if source else []
    if not keys:
        raise Http404
    if len(keys) > BULK:
        return away(request, bulk.begin_undo(request, source, keys, following(request)))
    tell(request, undo.undo(source, keys))
    return answer(request, keys)


def away(request, run):
    """To the page of a run, from wherever the request came."""
    address = reverse("batch-detail", args=[run.uuid])
    return HttpResponse(headers={"HX-Redirect": address}) if request.htmx else redirect(address)


def tell(request, done):
    """Say what was undone, what was left and why, with the way back."""
    left = ""
    if done.skipped:
        names = ", ".join(issue.key for issue in done.skipped[:NAMED])
        more = len(done.skipped) - NAMED
        names += gettext(" and {} more").format(language.digits(more)) if more > 0 else ""
        stays = ngettext(
            " {} stays: changed since, or a text is gone.",
            " {} stay: changed since, or a text is gone.",
            len(done.skipped),
        )
        left = stays.format(names)
    if not done.changes:
        messages.info(request, f"{gettext('There was nothing to undo.')}{left}")
        return
    # Undoing it is doing it again, which is not what the key for undoing is to do.
    address = f"{reverse('batch-undo', args=[done.batch])}?again=1"
    messages.success(request, f"{in_words(UNDONE, done.changes)}.{left}", extra_tags=address)


@login_required
@require_POST
def issue_revert(request, key, position):
    """Set back what one entry of an issue's history changed, or several that the page shows as one."""
    issue = find(request, key, "write")
    also = request.POST.get("also", "").split(",")
    positions = {int(text) for text in (position, *also[:BULK]) if NUMBER.match(text)}
    told = HistoryEntry.objects.visible_to(request.user).filter(issue=issue, position__in=positions)
    if told.filter(field__in=undo.REVERTIBLE).count() != len(positions) or not positions:
        raise Http404
    done = undo.revert(issue, positions)
    if done.changes:
        address = reverse("batch-undo", args=[done.batch])
        messages.success(request, gettext("Reverted on {}.").format(issue.key), extra_tags=address)
    elif done.skipped:
        messages.error(request, gettext("The text of before was blanked, or does not fit any more."))
    else:
        messages.info(request, gettext("It is so already."))
    return redirect(following(request, issue.get_absolute_url()))
