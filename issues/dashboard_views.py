"""The page of charts, and each of its charts as a file."""

import re

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET, require_safe

from issues.dashboard import CUSTOM, PRESETS, USUAL, Numbers, period_of, today_of
from issues.dashboard_charts import CHARTS, NOW, open_after
from issues.exports import csv_response, download
from issues.filters import BadParameter, BadQuery, IssueFilter
from issues.forms import offer
from issues.language import day, digits
from issues.limits import QUERY
from issues.list_views import marked

PARAMETERS = ("q", "days", "from", "to")
# Of a chart as a picture: where it begins, and the heights of its parts, in pixels.
TOP, LINE, STACK, BAR, GAP = 64, 20, 48, 28, 16
# What XML has no way to say.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class DashboardForm(forms.Form):
    """The filters of all charts as controls; what they mean, IssueFilter and `period_of` check."""

    q = forms.CharField(
        label=gettext_lazy("Issues"),
        max_length=QUERY,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": gettext_lazy("All issues")}),
    )
    days = forms.ChoiceField(label=gettext_lazy("Period"))
    use_required_attribute = False

    def __init__(self, params, period):
        shown = {"days": CUSTOM if {"from", "to"} & params.keys() else USUAL}
        if period:
            shown |= {"from": str(period.first), "to": str(period.last)}
        super().__init__(initial=shown | params, auto_id="filter_%s")
        offer(
            self,
            "days",
            [*((days, gettext("{} days").format(days)) for days in PRESETS), (CUSTOM, gettext("Own dates"))],
        )
        for name in ("from", "to"):
            self.fields[name] = forms.CharField(widget=forms.TextInput(attrs={"type": "date"}))


@login_required
@require_safe
def dashboard(request):
    """Charts of the issues of a query, in a period and now."""
    return page(request, given(request))


@login_required
@require_GET
def dashboard_export(request):
    """One of the charts as CSV."""
    return file_of(request, csv_of)


@login_required
@require_GET
def dashboard_export_svg(request):
    """One of the charts as a picture, in the language of the page."""
    return file_of(request, svg_of)


def file_of(request, written):
    """What `written(chart, numbers)` makes; the page itself where it would say what is wrong."""
    params = given(request)
    slug = params.pop("chart", "")
    try:
        if slug not in CHARTS:
            raise BadParameter("chart", gettext("One of {}.").format(", ".join(CHARTS)))
        numbers = numbers_of(request, params)
    except BadParameter as error:
        return page(request, params, error)
    return written(CHARTS[slug](numbers, linked(numbers)), numbers)


def csv_of(chart, numbers):
    header = [f"{name} ({unit})" if unit else name for name, unit in chart.columns]
    lines = ([cell.value for cell in row] for row in chart.rows)
    return csv_response(f"dashboard-{chart.slug}", header, lines)


def svg_of(chart, numbers):
    plot = chart.plot
    top = TOP + (LINE * len(plot.legend) + GAP if plot else STACK * chart.is_stacked)
    asked = numbers.filters.query.text
    when = day(numbers.today) if chart.slug in NOW else str(numbers.period)
    context = {
        "chart": chart,
        "plot": plot,
        "top": top,
        "height": top + (plot.whole_height if plot else BAR * len(chart.bars)) + GAP,
        "when": f"{when} · {asked}" if asked else when,
        "base": settings.BASE_URL.rstrip("/"),
    }
    text = CONTROL.sub("\N{REPLACEMENT CHARACTER}", render_to_string("issues/charts/file.svg", context))
    return download(f"dashboard-{chart.slug}.svg", [text], "image/svg+xml")


def given(request):
    return {name: value for name, value in request.GET.items() if value}


def numbers_of(request, params):
    """The Numbers of the page's parameters; BadParameter."""
    for name in params:
        if name not in PARAMETERS:
            raise BadParameter(name, gettext("There is no such parameter."))
    filters = IssueFilter({"q": params["q"]} if "q" in params else {}, request=request)
    # Read now, since what is wrong has to be said before anything is counted.
    _ = filters.conditions
    return Numbers(filters, period_of(params, today_of(request.user)))


def linked(numbers):
    """A function that gives the address of the list of those of the page's issues for which a term holds."""
    query, address = numbers.filters.query, reverse("issue-list")
    return lambda term: f"{address}?{urlencode({'q': query.narrowed_by(term)})}"


def page(request, params, error=None):
    """The page of these parameters, or what is wrong with them."""
    numbers, context = None, {}
    try:
        if error:
            raise error
        numbers = numbers_of(request, params)
        context = charted(numbers, params)
    except BadQuery as bad:
        context = {"problem": bad.error.sentence, "mistake": mistake_of(params, bad.error)}
    except BadParameter as bad:
        context = {"problem": bad.sentence}
    context |= {
        "form": DashboardForm(params, numbers and numbers.period),
        "is_narrowed": "q" in params,
        "has_spaces": bool(request.user.space_roles()),
    }
    return render(request, "issues/dashboard.html", context, status=400 if "problem" in context else 200)


def mistake_of(params, error):
    """What the page shows of a mistake in the query, with the address of what was probably meant."""
    mistake = marked(params, error)
    return mistake | {"address": mistake["better"] and f"?{urlencode(params | {'q': mistake['better']})}"}


def figures(numbers, link):
    """[{"name", "number", "address", "before", "address_before"}] of what happened, and of what is open."""
    period, before = numbers.period, numbers.period.before
    names = {
        "opened": (gettext("Opened"), "created"),
        "resolved": (gettext("Resolved"), "resolved"),
        "regressed": (gettext("Regressed"), "regressed"),
    }
    rows = [
        (name, number, period.asked(field), earlier, before.asked(field))
        for kind, (name, field) in names.items()
        for earlier, number in [numbers.happened[kind]]
    ]
    rows.append((gettext("Open now"), numbers.open, "is:open", numbers.open_before, open_after(before.last)))
    return [
        {
            "name": name,
            "number": digits(number),
            "address": link(term),
            "before": digits(earlier),
            "address_before": link(term_before),
        }
        for name, number, term, earlier, term_before in rows
    ]


def charted(numbers, params):
    """What the page shows of its Numbers."""
    link = linked(numbers)
    charts = {name: draw(numbers, link) for name, draw in CHARTS.items()}
    query = numbers.filters.query
    return {
        "period": numbers.period,
        "before": numbers.period.before,
        "words": query.words if "q" in params else "",
        "figures": figures(numbers, link),
        "charts": [chart for name, chart in charts.items() if name not in NOW],
        "charts_now": [charts[name] for name in NOW],
        "query": urlencode(params),
        "is_empty": not (numbers.open or any(step.opened or step.resolved for step in numbers.flow)),
    }
