"""The pages of issues."""

from urllib.parse import urlsplit

from django.apps import apps
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from issues import issue_rows, keyset, lookups, markdown, pane, rows, sightings, tasks
from issues.counts import counted_number
from issues.filters import IssueFilter
from issues.forms import AttachForm, IssueCreateForm, IssueEditForm, IssueUpdateForm, preview
from issues.language import digits, inside
from issues.limits import TITLE, refusal
from issues.list_rows import PAGE_SIZE
from issues.models import Draft, HistoryEntry, Issue, LastVisit, Level, Membership
from issues.models.attachment import PICTURES
from issues.policy import may
from issues.query.scope import Scope
from issues.similar import similar
from issues.walks import number_of

COUNTED = 1_000
# So many issues like another are of use beside it.
LIKE = 5
RELATED = ("space", "level", "assignee", "reporter", "project", "environment")


def page_links(params, page):
    """The addresses of a page's neighbours, None where there is none."""
    return {
        "next": page.next and f"?{urlencode(params | {'cursor': page.next})}",
        "previous": page.previous and f"?{urlencode(params | {'cursor': page.previous})}",
    }


def counted(filters, conditions):
    """How many of an IssueFilter's issues are under these conditions, in words; what no counter tells is
    counted no further than to COUNTED, along the index that their list takes.
    """
    count = counted_number(filters.issues(conditions))
    if count is not None:
        return digits(count)
    return no_further(number_of(filters.spaces, conditions, COUNTED + 1), COUNTED)


def no_further(count, most):
    return f"{digits(most)}+" if count > most else digits(count)


def matching(request, params):
    """The IssueFilter of a list's parameters, checked; BadParameter where they make no sense."""
    filters = IssueFilter(params, request=request)
    filters.check("cursor", "sort", "view")
    return filters


def spaces_and_people(user):
    """Choices of the list's filters, asked of the database at once: every space has its members."""
    members = Membership.objects.filter(
        space__in=user.space_roles(), is_active=True, user__is_active=True
    ).order_by("user")
    columns = "user__uuid", "user__name", lookups.sign("user__")
    found = list(members.values_list("space__key", "space__name", *columns))
    spaces = sorted({(key, f"{key} · {name}") for key, name, *_ in found})
    people = lookups.told_apart(person for _, _, *person in found)
    return spaces, [(str(uuid), name) for uuid, name in people.items()]


def level_choices(user):
    levels = Level.objects.visible_to(user).filter(is_active=True).order_by("rank", "id")
    return list(dict(levels.values_list("key", "name")).items())


@login_required
@require_safe
@vary_on_headers("HX-Target")
def issue_detail(request, key):
    """The page of an issue, or the pane that shows it beside a list."""
    at = timezone.now()
    try:
        issue = find(request, key)
    except Http404:
        return issue_deleted(request, lookups.issue_or_404(request.user, key, "restore"))
    response = issue_page(request, issue)
    if request.method == "GET" and (issue.visited_at is None or issue.visited_at < issue.updated_at):
        LastVisit.objects.remember(request.user, issue, at)
    return response


def issue_deleted(request, issue):
    """Says that the issue is in the trash, who put it there, and how it comes back."""
    deleted = HistoryEntry.objects.filter(issue=issue, action="deleted").order_by("-position")
    (entry,) = dressed(rows.history(deleted)[:1])
    context = {"issue": issue, "entry": entry, "may_restore": may(request, "delete", issue.space_id)}
    return render(request, "issues/issue_deleted.html", context, status=404)


def find(request, key, verb="read"):
    """The issue of this key, with the person's last visit as `visited_at` and draft of a comment on it.

    Http404 for one out of sight, PermissionDenied where `verb` is not theirs.
    """
    issues = Issue.objects.visible_to(request.user).select_related(*RELATED)
    issues = issues.annotate(visited_at=LastVisit.objects.of(request.user))
    issue = lookups.find_issue(Draft.objects.beside(issues, request.user, Draft.Kind.COMMENT), key)
    if not may(request, verb, issue.space_id):
        raise PermissionDenied
    return issue


def issue_page(request, issue, status=200, changed=None, attach_form=None, **context):
    """The page of an issue; `changed` is an IssueUpdateForm, `attach_form` one that could not be saved."""
    if pane.is_wanted(request):
        return pane.pane(request, issue, status, changed=changed, **context)
    labels, teams, channels, everything, files = issue_rows.sets_of(issue)
    may_write = may(request, "write", issue.space_id)
    context |= {
        "issue": issue,
        "description": description(issue, may_write),
        "seen": tasks.seen(issue.description),
        "days": issue.seen_count > 1 and sightings.Spark(list(sighted(request, issue).values())),
        "labels": labels,
        "teams": teams,
        "channels": everything + channels,
        "attachments": with_pictures(files),
        "attach_form": attach_form or AttachForm(),
        "form": may_write and rail_form(issue, labels, {"teams": teams, "channels": channels}, changed),
        "changed": changed,
        "may_write": may_write,
        "may_delete": may(request, "delete", issue.space_id),
    }
    return render(request, "issues/issue_detail.html", context, status=status)


def sighted(request, issue):
    """{date: how often the issue was seen} of the last days, in the reader's time zone."""
    scope = Scope(request.user, timezone.now())
    return sightings.by_day(issue, scope.zone, scope.now)


def description(issue, may_write):
    """The description as safe HTML, whose boxes are buttons for who may write."""
    is_list = may_write and issue.description_format == Issue.Format.MARKDOWN
    return tasks.with_buttons(issue.description_html, "tasks") if is_list else issue.description_html


def page_address(request, issue):
    """Where the issue is shown; to htmx, the way the page that asks shows it (`?timeline=all`)."""
    address = issue.get_absolute_url()
    shown = urlsplit(request.htmx.current_url or "")
    return f"{address}?{shown.query}" if shown.query and shown.path == address else address


def with_pictures(files):
    """Documents of attachments, those first that are pictures and so are shown."""
    shown = [file | {"is_picture": file["content_type"] in PICTURES} for file in files]
    return sorted(shown, key=lambda file: not file["is_picture"])


def rail_form(issue, labels, members, changed):
    """What can be changed beside the issue: as it stands, but as it was posted where that is not saved."""
    uuids = {name: [row["id"] for row in found] for name, found in members.items()}
    form = IssueUpdateForm(issue, labels=labels, members=uuids)
    posted = changed.fields if changed else {}
    for name in form.fields.keys() & posted.keys() - {"version"}:
        form.initial[name] = changed[name].value()
    form.seen = changed.seen if changed else issue.version
    return form


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def issue_create(request):
    draft = Draft.objects.of(request.user, Draft.Kind.ISSUE).first()
    initial = {"space": request.GET.get("space")}
    if draft:
        initial |= {"title": draft.title, "description": draft.text}
    posted = (request.POST, request.FILES) if request.method == "POST" else ()
    form = IssueCreateForm(request, *posted, initial=initial)
    if not form.spaces:
        raise PermissionDenied
    is_checked = request.method == "POST" and "check" in request.POST
    if is_checked or is_preview(request):
        space = form.spaces[0] if "space" in form.errors else form.cleaned_data["space"].pk
        roles = {space: request.user.space_roles()[space]}
        text = form.data.get("description", "").strip()
        title = form.data.get("title", "").strip() or (text and markdown.first_line(text))
        context = {"form": form, "similar": issues_like(roles, title), "is_checked": is_checked}
        if is_checked:
            return render(request, "issues/issue_form.html", context, status=422 if form.errors else 200)
        return preview_page(request, "issues/issue_form.html", "description", space, context)
    if form.is_bound and (issue := form.save()):
        Draft.objects.of(request.user, Draft.Kind.ISSUE).delete()
        messages.success(request, gettext("{} is open.").format(issue.key))
        return redirect(issue)
    context = {"form": form, "draft": None if form.is_bound else draft}
    return render(request, "issues/issue_form.html", context, status=422 if form.is_bound else 200)


def issues_like(roles, title, but=None):
    """Documents of the issues most like one with this title, in the spaces of `roles`, {space: role}."""
    if len(title) > TITLE or refusal(title):
        return []
    keys = [pk for pk, *_ in similar(roles, title, but)][:LIKE]
    shown = issue_rows.documents(roles, keys, ("key", "title", "status", "level")) if keys else {}
    return [shown[pk] for pk in keys if pk in shown]


def is_preview(request):
    """Whether a form was sent to see its text rendered, and not to be saved."""
    return request.method == "POST" and "preview" in request.POST


def is_part(request):
    """Whether a part of a page asks for its own new content, where a boosted form asks for a page."""
    return bool(request.htmx) and not request.htmx.boosted


def preview_page(request, template, name, space_id, context):
    """A page with the text `name` of its form as it would be shown; for htmx the text alone."""
    shown = preview(context["form"], name, space_id)
    template = "_previewed.html" if is_part(request) else template
    return render(request, template, context | {"preview": shown})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def issue_edit(request, key):
    """The texts, and what does not stand beside the issue."""
    issue = find(request, key, "write")
    before = issue.version
    form = IssueEditForm(issue, request.POST if request.method == "POST" else None, user=request.user)
    context = {"form": form, "issue": form.issue, "key": issue.key}
    if is_preview(request):
        return preview_page(request, "issues/issue_form.html", "description", issue.space_id, context)
    drafts = Draft.objects.of(request.user, Draft.Kind.DESCRIPTION, issue)
    if form.is_bound and form.save():
        drafts.delete()
        tell_saved(request, form.issue, before, form.labels())
        return redirect(page_address(request, issue))
    if form.is_bound and "inline" in request.POST:
        return issue_page(request, find(request, key), form.status, changed=form)
    if not form.is_bound and (draft := drafts.first()):
        form.take_draft(draft)
        context["draft"] = draft
    status = form.status if form.is_bound else 200
    return as_page(request, render(request, "issues/issue_form.html", context, status=status))


@login_required
@require_POST
def issue_update(request, key):
    """Save what was posted of the fields beside the issue."""
    issue = find(request, key, "write")
    form, before = IssueUpdateForm(issue, request.POST), issue.version
    if form.save():
        tell_saved(request, form.issue, before, form.labels())
        return redirect(page_address(request, issue))
    return issue_page(request, find(request, key), form.status, changed=form)


def as_page(request, response):
    """The response, which tells htmx to show a conflict as a page of its own, whatever had asked for it."""
    if request.htmx and response.status_code == 409 and not pane.is_wanted(request):
        response["HX-Retarget"] = response["HX-Reselect"] = "#main"
        response["HX-Reswap"] = "outerHTML"
    return response


def tell_saved(request, issue, before, labels=()):
    """Say what of an issue, which was at version `before`, is saved, with the way back.

    `labels` are the names of fields as people read them, {field: label}; that of the status is not needed.
    """
    if issue.version == before:
        return
    entries = HistoryEntry.objects.filter(issue=issue, version=issue.version)
    said = dict(entries.order_by("-position").values_list("field", "batch"))
    if "status" in said:
        status = inside(gettext(issue.get_status_display()))
        words = gettext("{issue} is {status}.").format(issue=issue.key, status=status)
    else:
        fields = ", ".join(labels[name] for name in labels if name in said) or gettext("changes")
        words = gettext("{issue}: {fields} saved.").format(issue=issue.key, fields=fields)
    undo = reverse("batch-undo", args=[next(iter(said.values()))])
    messages.success(request, words, extra_tags=undo)


@login_required
@require_POST
def issue_attach(request, key):
    """Put files on the issue."""
    issue = find(request, key, "write")
    form = AttachForm(request.POST, request.FILES)
    if form.save(issue, request.user):
        return redirect(f"{issue.get_absolute_url()}#attachments")
    return issue_page(request, find(request, key), 422, attach_form=form)


@login_required
@require_POST
def issue_delete(request, key):
    """To the trash; the message offers the way back."""
    issue = find(request, key, "delete")
    issue.trash()
    undo = reverse("issue-restore", args=[issue.key])
    messages.success(request, gettext("{} is in the trash.").format(issue.key), extra_tags=undo)
    return redirect("issue-list")


@login_required
@require_POST
def issue_restore(request, key):
    issue = lookups.issue_or_404(request.user, key, "restore")
    if not may(request, "delete", issue.space_id):
        raise PermissionDenied
    issue.restore()
    messages.success(request, gettext("{} is back.").format(issue.key))
    return redirect(issue)


@login_required
@require_safe
def issue_history(request, key):
    """Every entry of the issue's chain, newest first."""
    issue = find(request, key)
    entries = HistoryEntry.objects.visible_to(request.user).filter(issue=issue)

    def read(cursor, size):
        return keyset.page(rows.history(entries), keyset.Order(), cursor, size, lambda row: row[:1])

    page, problem = history_page(read, request.GET.get("cursor"))
    context = page_links({}, page) | {
        "issue": issue,
        "entries": page.rows,
        "problem": problem,
        "may_revert": issue.key if may(request, "write", issue.space_id) else "",
    }
    return render(request, "issues/issue_history.html", context, status=400 if problem else 200)


def history_page(read, cursor):
    """(a keyset.Page of history documents as `dressed` gives them; why there is none).

    `read(cursor, size)` gives the Page of their rows.
    """
    try:
        page = read(cursor, PAGE_SIZE)
    except keyset.BadCursor as error:
        return keyset.Page([], None, None), str(error)
    page.rows = dressed(page.rows)
    return page, ""


def dressed(found):
    """History documents of rows of `rows.history`, with the names by which pages call what they tell of."""
    documents = rows.history_documents(found)
    names, keys = subject_names(documents), issue_keys(documents)
    for row, document in zip(found, documents, strict=True):
        document["who"] = rows.who(document["actor"], row[rows.HISTORY.index("actor_id")])
        document["name"] = names.get(document["subject"], "")
        document["key"], document["is_deleted"] = keys.get(document["issue"], ("", False))
    return documents


def subject_names(documents):
    """{uuid: name now} of the levels, channels, members and so on that history documents speak of."""
    wanted, models = {}, {model._meta.model_name: model for model in apps.get_models()}
    for document in documents:
        if document["subject_type"] in models:
            wanted.setdefault(models[document["subject_type"]], set()).add(document["subject"])
    found = {}
    for model, uuids in wanted.items():
        related = [field.name for field in model._meta.concrete_fields if field.name in ("user", "channel")]
        found |= {
            row.uuid: name_of(row) for row in model.objects.filter(uuid__in=uuids).select_related(*related)
        }
    return found


def name_of(row):
    """What a row is called; a role in it is said in the language of the page."""
    if not hasattr(row, "role"):
        return str(row)
    return f"{getattr(row, 'email', None) or row.user} ({gettext(row.get_role_display())})"


def issue_keys(documents):
    """{uuid: (key, whether it is in the trash)} of the issues that history documents speak of."""
    uuids = {document["issue"] for document in documents} - {None}
    issues = Issue.objects.filter(uuid__in=uuids).order_by()
    found = issues.values_list("uuid", "space__key", "number", "deleted_at")
    return {uuid: (f"{space}-{number}", deleted_at is not None) for uuid, space, number, deleted_at in found}
