"""The pages that list issues: what waits for a decision, and whatever is searched for."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_safe

from issues import keyset, lookups
from issues.facets import Newest, document, facets, service, values_of
from issues.filters import BadParameter, BadQuery, IssueFilter
from issues.forms import OPEN, IssueListForm
from issues.language import digits
from issues.limits import QUERY
from issues.list_rows import list_page
from issues.models import Channel, Environment, Level, Project, Team
from issues.pane import pane_context
from issues.query import QueryError, complete, parts_of
from issues.query.fields import FIELDS, FLAGS
from issues.query.moments import whole_day
from issues.query.parts import excluded, holder, listing, toggled
from issues.query.scope import Scope, quoted
from issues.trail import Trail
from issues.triage import WAITING
from issues.views import COUNTED, counted, find, level_choices, matching, page_links

# What the address says of the page and not of the list.
OWN = ("cursor", "sel", "facets", "density", "of", "view")
DENSITIES = ("compact", "cosy")
DENSITY_COOKIE, YEAR = "density", 365 * 24 * 60 * 60
NUMBER = re.compile(r"[0-9]{1,6}")
# So many parts of a query that finds nothing are tried without.
TRIED = 3
# Parameters that name a row by its id.
REFERENCES = {
    "level": Level,
    "assignee": get_user_model(),
    "reporter": get_user_model(),
    "team": Team,
    "project": Project,
    "environment": Environment,
    "channel": Channel,
}
# The field of each facet of which an issue has one value: to choose a second one adds its issues.
JOINED = {
    "status": "status",
    "level": "level",
    "assignee": "assignee",
    "project": "project",
    "source": "source.type",
    "service": "service",
    "age": "created",
}
AGES = {
    1: gettext_noop("Last day"),
    7: gettext_noop("Last 7 days"),
    30: gettext_noop("Last 30 days"),
}
WAITS = {"q": WAITING, "sort": "level"}
HANDLED = ("status_changed", "assignee_changed")


@require_safe
def home(request):
    """To what waits for a decision."""
    return redirect("triage")


@login_required
@require_safe
def issue_list(request):
    """Issues of one's spaces, newest first, narrowed by a query and by the parameters of the REST API."""
    return screen(request, *asked_of(request.GET))


@login_required
@require_safe
def triage(request):
    """What waits for somebody to take it, the most urgent first.

    `of` is how many there were when the person began.
    """
    asked, own = asked_of(request.GET)
    context = {"place": "triage", "asked": asked, "handled_last": partial(handled_last, request.user)}
    return screen(request, asked | WAITS, own, "issues/triage.html", context)


def asked_of(params):
    """(what an address with these says of the list, what it says of the page), without what is empty."""
    asked = {name: value for name, value in params.items() if value}
    return asked, {name: asked.pop(name) for name in OWN if name in asked}


@dataclass
class Found:
    """What a list has for its parameters; `problem` says what is wrong with these, if anything is."""

    filters: IssueFilter = None
    page: keyset.Page = field(default_factory=lambda: keyset.Page([], None, None))
    problem: str = ""
    mistake: dict | None = None


def screen(request, params, own, template="issues/issue_list.html", context=None):
    """The list of what `params` narrow it to; `own` are the parameters of the page, as OWN names them."""
    context = {"place": "issue-list", "asked": params} | (context or {})
    found = found_for(request, params, own)
    links = context["asked"] | {name: own[name] for name in ("facets", "of", "view") if name in own}
    kept = {name: own[name] for name in ("view",) if name in own}
    # A first page without issues is all that there is to count.
    is_nothing = not found.page.rows and "cursor" not in own
    count = None if found.problem else "0" if is_nothing else counted(found.filters, found.filters.conditions)
    context |= page_links(links, found.page)
    context |= {
        "issues": found.page.rows,
        "has_unread": any(row["is_unread"] for row in found.page.rows),
        "problem": found.problem,
        "mistake": found.mistake,
        "words": "" if found.problem or "q" not in params else found.filters.query.words,
        "form": IssueListForm(params),
        "hidden": [(name, value) for name, value in (params | kept).items() if name not in ("q", "sort")],
        "chips": chips(params, kept, may_name=not found.problem),
        "params": params,
        "query": urlencode(params),
        "count": count,
        "here": address(context["place"], links),
        "has_spaces": bool(request.user.space_roles()),
        **facets_context(found, params, own),
        **(progress(count, own) if context["place"] == "triage" else {}),
    }
    # Asked by a page without issues alone.
    context["relaxed"] = partial(relaxed, found.filters, context["chips"])
    return shown(request, template, context, own)


def shown(request, template, context, own):
    """The page, with the issue that its address selects in the pane and the density it asks for."""
    status = 400 if context["problem"] else 200
    if sel := own.get("sel"):
        context["sel"] = sel.upper()
        try:
            context["pane"] = pane_context(request, find(request, sel))
        except Http404:
            status = max(status, 404)
    density = own.get("density")
    if density not in DENSITIES:
        return render(request, template, context, status=status)
    response = render(request, template, context | {"density": density}, status=status)
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(DENSITY_COOKIE, density, max_age=YEAR, samesite="Lax", secure=secure)
    return response


def found_for(request, params, own):
    """What a page has Found."""
    try:
        check(own)
        filters = matching(request, params)
        return Found(filters, list_page(filters, filters.order(), own.get("cursor")))
    except BadQuery as error:
        return Found(problem=error.error.sentence, mistake=marked(params, error.error))
    except BadParameter as error:
        return Found(problem=error.sentence)
    except keyset.BadCursor as error:
        return Found(problem=str(error))


def check(own):
    """BadParameter for what the page itself does not understand."""
    if own.get("density", "compact") not in DENSITIES:
        raise BadParameter("density", gettext("One of {}.").format(", ".join(DENSITIES)))
    if not NUMBER.fullmatch(own.get("of", "0")):
        raise BadParameter("of", gettext("A number of issues."))


def address(place, params):
    """The path of a page with those of the parameters that are not empty."""
    given = {name: value for name, value in params.items() if value}
    return f"{reverse(place)}?{urlencode(given)}" if given else reverse(place)


def marked(params, error):
    """What the page shows of a mistake in a query: its text in three parts, the wrong one in the middle."""
    text = params["q"]
    parts = text[: error.start], text[error.start : error.end], text[error.end :]
    better = error.proposal and f"{parts[0]}{error.proposal}{parts[2]}"
    return {
        "parts": parts,
        "message": error.message,
        "better": better and address("issue-list", params | {"q": better}),
        "proposal": error.proposal,
    }


# Chips: the parts of the query, each with the way to the list without it.


@dataclass(frozen=True)
class Chip:
    """A part of what is asked for: a parameter, or what stands at `span` of the query.

    `params` are the parameters of the list without it.
    """

    text: str
    params: dict
    name: str
    span: tuple[int, int] | None = None

    @property
    def address(self):
        return address("issue-list", self.params)


def chips(params, kept, may_name):
    """The Chips of a list; `kept` stays in the addresses that they lead to.

    `may_name` says that what the parameters refer to was found for this person.
    """
    try:
        parts = parts_of(params.get("q", ""))
    except QueryError:
        parts = []
    found = [Chip(part.text, params | kept | {"q": part.without}, "q", part.span) for part in parts]
    return found + [
        Chip(said(name, value, may_name), {n: v for n, v in params.items() if n != name} | kept, name)
        for name, value in params.items()
        if name not in ("q", "sort")
    ]


def said(name, value, may_name):
    """How a chip says a parameter."""
    if name == "status" and value == OPEN:
        return gettext("status: all open")
    uuid = lookups.as_uuid(value) if may_name and name in REFERENCES else None
    row = uuid and REFERENCES[name].objects.filter(uuid=uuid).first()
    return f"{name}: {row or value}"


def relaxed(filters, found):
    """[(Chip, how many issues there are without it)] of the first Chips of a list that has none."""
    tried = [chip for chip in found if not chip.text.startswith("sort:")][:TRIED]
    without = [filters.conditions_without(chip.name, chip.span) for chip in tried]
    return [(chip, counted(filters, some)) for chip, some in zip(tried, without, strict=True)]


# Triage.


def progress(count, own):
    """How many of those that waited are handled, where both are known."""
    of = own.get("of") or count or ""
    if not (of.isdigit() and count and count.isdigit()):
        return {}
    of = max(int(of), int(count))
    return {"of": of, "handled": of - int(count)}


def progress_shown(request):
    """`progress` by now, for the page of triage from which htmx asks; nothing for any other page."""
    shown = urlsplit(request.htmx.current_url or "")
    if shown.path != reverse("triage"):
        return {}
    asked, own = asked_of(QueryDict(shown.query))
    try:
        check(own)
        filters = matching(request, asked | WAITS)
        return progress(counted(filters, filters.conditions), own)
    except BadParameter:
        return {}


def handled_last(user):
    """What people last took, gave away or moved of the user's spaces: `at`, None if nothing, and how many
    issues `today`, in the user's time zone; as the newest entries of history tell, of all that is done.
    """
    entries = Trail(user, {}).next(COUNTED).filter(action__in=HANDLED).order_by("-id")
    found = list(entries.values_list("created_at", "issue")[:COUNTED])
    scope = Scope(user, timezone.now())
    midnight = whole_day(scope.now.astimezone(scope.zone).date(), scope.zone).start
    return {
        "at": found[0][0] if found else None,
        "today": len({issue for at, issue in found if at >= midnight}),
    }


# Facets.


@dataclass(frozen=True)
class Choice:
    """A value of a facet: how many have it, and the lists with and without these."""

    name: str
    count: str
    with_it: str
    without_it: str
    is_chosen: bool
    is_left_out: bool


def facets_context(found, params, own):
    """The facets where the address asks for them, and where they are to be had."""
    wants = "facets" in own and not found.problem
    return {
        "facets": facet_choices(found.filters, params | {"facets": 1}) if wants else None,
        "facets_address": address("issue-facets", params),
        "facets_link": address("issue-list", params if wants else params | {"facets": 1}),
    }


@login_required
@require_safe
def issue_facets(request):
    """The facets of a list by themselves, for the list to show beside it."""
    params = {name: value for name, value in request.GET.items() if value}
    try:
        choices = facet_choices(matching(request, params), params)
    except BadParameter as error:
        return HttpResponse(error.sentence, "text/plain; charset=utf-8", status=400)
    return render(request, "issues/_facets.html", {"facets": choices})


def facet_choices(filters, links):
    """[(facet, [Choice])] of a list's issues; `links` are the parameters of the lists to which they lead.

    A facet whose issues have one value each counts what there would be without its own choice.
    """
    query = filters.query
    parts = parts_of(query.text)

    @cache
    def without(span):
        return Newest(filters, filters.conditions_without("q", span) if span else filters.conditions)

    def found_for(name):
        part = name in JOINED and holder(parts, JOINED[name])
        return without(part.span if part else None)

    def choice(name, said):
        term = named(said["query"])
        texts = toggled(query, parts, term, name in JOINED), excluded(query, parts, term)
        return Choice(
            said["name"],
            f"{digits(said['count'])}+" if said["is_at_least"] else said["count"],
            *(address("issue-list", links | {"q": text}) for text in texts),
            listing(parts, term) is not None,
            listing(parts, term, is_negated=True) is not None,
        )

    shown = facets() | {"service": service()}
    found = {name: values_of(facet, found_for(name)) for name, facet in shown.items()}
    found["level"] = by_urgency(filters.user, found["level"])
    found["age"] = ages(filters, found_for("age").conditions)
    return [
        (name, [choice(name, each) for each in documents]) for name, documents in found.items() if documents
    ]


def named(query):
    """What a facet calls its value as a `field:value`, `no:level` too, so that it can be one of several."""
    return f"{query.removeprefix('no:')}:none" if query.startswith("no:") else query


def by_urgency(user, documents):
    """Documents of all levels, the most urgent first: one that no issue of a list has can be chosen still."""
    levels = [(f"level:{quoted(key)}", name) for key, name in level_choices(user)]
    found = {query.casefold(): document(name, query, 0) for query, name in levels}
    return list((found | {each["query"].casefold(): each for each in documents}).values())


def ages(filters, conditions):
    """Documents of how many issues are how old."""
    now = timezone.now()
    since = {days: Q(created_at__gte=now - timedelta(days=days)) for days in AGES}
    return [
        document(gettext(name), f"created:-{days}d", counted(filters, [*conditions, since[days]]))
        for days, name in AGES.items()
    ]


# The box.


@login_required
@require_safe
def issue_complete(request):
    """What may stand at the cursor of a query, as options of a list."""
    text, cursor = request.GET.get("q", ""), request.GET.get("cursor", "")
    if len(text) > QUERY:
        return HttpResponse(
            gettext("q: At most {} characters.").format(digits(QUERY)),
            "text/plain; charset=utf-8",
            status=400,
        )
    if cursor and not (NUMBER.fullmatch(cursor) and int(cursor) <= len(text)):
        return HttpResponse(gettext("cursor: A place in the query."), "text/plain; charset=utf-8", status=400)
    found = complete(text, int(cursor or len(text)), request.user)
    return render(request, "issues/_completions.html", found)


@login_required
@require_safe
def query_help(request):
    """The grammar of the search box on one screen."""
    return render(request, "issues/query_help.html", {"fields": FIELDS.values(), "flags": FLAGS})
