"""The charts of the dashboard: what they are called, what they show, and to which issues each number leads.

Each takes Numbers and `link`, a function from a term of a query to the address of a list that it narrows.
"""

from django.urls import reverse
from django.utils.translation import gettext, gettext_noop

from issues.charts import Cell, Chart, Series, barred, lasting, plotted
from issues.dashboard import NOISY
from issues.language import digits, month, share
from issues.query.scope import quoted

# The longest lists of bars.
MOST = 10
AGES = (
    gettext_noop("Today"),
    gettext_noop("1–2 days"),  # noqa: RUF001
    gettext_noop("3–6 days"),  # noqa: RUF001
    gettext_noop("7–29 days"),  # noqa: RUF001
    gettext_noop("30 days or more"),
)


def flow(numbers, link):
    steps = numbers.flow
    days = [step.days for step in steps]
    opened = [Cell(step.opened, href=link(step.days.asked("created"))) for step in steps]
    resolved = [Cell(step.resolved, href=link(step.days.asked("resolved"))) for step in steps]
    left = [Cell(step.open, href=link(open_after(step.days.last))) for step in steps]
    behind = series(
        gettext("Open at the end of the day, on the right"),
        "open",
        left,
        days,
        gettext("{number} open at the end of {days}"),
    )
    is_quiet = not any(step.opened or step.resolved or step.open for step in steps)
    return Chart(
        "flow",
        gettext("Opened and resolved"),
        gettext(
            "Resolved is what is done, on the day on which it was resolved, closed, ignored or excluded; "
            "what was opened again since is not counted. The area is what was open at the end of each day."
        ),
        gettext("Nothing was opened, resolved or open in these days."),
        [
            (name, "")
            for name in (
                gettext("Days") if len(days[-1]) > 1 else gettext("Day"),
                gettext("Opened"),
                gettext("Resolved"),
                gettext("Open at the end"),
            )
        ],
        [] if is_quiet else table(days, opened, resolved, left),
        plotted(
            list(map(short, days)),
            [
                series(gettext("Opened"), "opened", opened, days, gettext("{number} opened, {days}")),
                series(
                    gettext("Resolved"),
                    "resolved",
                    resolved,
                    days,
                    gettext("{number} resolved, {days}"),
                    is_square=True,
                ),
            ],
            behind.said,
            behind,
        ),
    )


def open_after(day):
    """The term for what was open when a day was over."""
    return f"created:<={day} (is:open OR resolved:>{day})"


def levels(numbers, link):
    rows = [level for level, _ in numbers.levels]
    names = [str(level) if level else gettext("No level") for level in rows]
    terms = [f"level:{quoted(level.key)}" if level else "no:level" for level in rows]
    counts = [number for _, number in numbers.levels]
    cells = [Cell(n, href=link(f"is:open {term}")) for n, term in zip(counts, terms, strict=True)]
    return Chart(
        "levels",
        gettext("Open by level"),
        gettext("What is open now, the most urgent first."),
        gettext("Nothing is open."),
        [(gettext("Level"), ""), (gettext("Open issues"), ""), (gettext("Share"), "%")],
        shares(names, cells),
        bars=barred(names, cells, rows),
        is_stacked=True,
    )


def ages(numbers, link):
    names = list(map(gettext, AGES))
    terms = [age_term(age, numbers.today) for age in numbers.ages]
    cells = [
        Cell(age.number, href=link(f"is:open {term}")) for age, term in zip(numbers.ages, terms, strict=True)
    ]
    return Chart(
        "ages",
        gettext("Age of open issues"),
        gettext("Days since they were opened, which begin at midnight in your time zone."),
        gettext("Nothing is open."),
        [(gettext("Opened"), ""), (gettext("Open issues"), ""), (gettext("Share"), "%")],
        shares(names, cells),
        bars=barred(names, cells),
    )


def age_term(age, today):
    if age.days is None:
        return f"created:<={age.last}"
    return f"created:>={today}" if age.last == today else age.days.asked("created")


def workload(numbers, link):
    return listed(
        numbers.workload,
        lambda query: link(f"is:open {query}"),
        "workload",
        gettext("Open by assignee"),
        gettext("The {} with the most issues open now.").format(MOST),
        gettext("Nothing is open."),
        (gettext("Assignee"), gettext("Open issues")),
    )


def noisiest(numbers, link):
    found = [
        {"name": f"{key} {title}", "count": times, "query": key} for key, title, times in numbers.noisiest
    ]
    chart = listed(
        found,
        lambda key: reverse("issue-detail", args=[key]),
        "noisiest",
        gettext("Noisiest issues"),
        gettext("The {} that were seen most often in these days, and more than once.").format(NOISY),
        gettext("No issue was seen more than once in these days."),
        (gettext("Issue"), gettext("Sightings")),
    )
    chart.has_sightings = True
    return chart


def labels(numbers, link):
    return listed(
        numbers.labels,
        lambda query: link(f"{numbers.period.asked('created')} {query}"),
        "labels",
        gettext("Busiest labels"),
        gettext("The {} that most issues have which were opened in these days.").format(MOST),
        gettext("No issue of these days has a label."),
        (gettext("Label"), gettext("Issues opened")),
    )


def services(numbers, link):
    return listed(
        numbers.services,
        lambda query: link(f"{numbers.period.asked('created')} {query}"),
        "services",
        gettext("Busiest services"),
        gettext("The {} in which most issues were opened in these days.").format(MOST),
        gettext("No issue of these days names a service."),
        (gettext("Service"), gettext("Issues opened")),
    )


def listed(found, address, slug, title, about, nothing, columns):
    """The Chart of the first of some facet documents."""
    found = found[:MOST]
    names = [document["name"] for document in found]
    cells = [Cell(document["count"], href=address(document["query"])) for document in found]
    rows = [[Cell(name), cell] for name, cell in zip(names, cells, strict=True)]
    return Chart(
        slug, title, about, nothing, [(name, "") for name in columns], rows, bars=barred(names, cells)
    )


def first_action(numbers, link):
    opened = numbers.opened_in_weeks
    return waits(
        numbers.first_action,
        [Cell(number, href=link(days.asked("created"))) for days, number in opened],
        "first-action",
        gettext("Time to first action"),
        gettext(
            "From opening an issue to the first change of its status, assignee or level by a person, for the "
            "issues opened in seven days on which somebody acted."
        ),
        gettext("No issue of these days was acted on."),
        (gettext("Opened"), gettext("Acted on")),
    )


def resolution(numbers, link):
    return waits(
        numbers.resolution,
        [Cell(wait.number, href=link(wait.days.asked("resolved"))) for wait in numbers.resolution],
        "resolution",
        gettext("Time to resolution"),
        gettext(
            "From opening an issue to its end, for those resolved, closed, ignored or excluded in seven days."
        ),
        gettext("Nothing was resolved in these days."),
        (gettext("Resolved"),),
    )


def waits(found, cells, slug, title, about, nothing, counts):
    """The Chart of some Waits; `cells` lead to the issues of each week, `counts` name their numbers."""
    days = [wait.days for wait in found]
    half, most = ([quantile(getattr(wait, name)) for wait in found] for name in ("median", "p90"))
    numbers = [cells, *([[Cell(wait.number) for wait in found]] if len(counts) > 1 else [])]
    columns = [
        (gettext("Days"), ""),
        *((name, "") for name in counts),
        (gettext("Median"), "s"),
        (gettext("90th percentile"), "s"),
    ]

    def line(name, kind, column, is_square=False):
        some = gettext("{name} {time} of {number} of the {all} issues, {days}")
        every = gettext("{name} {time} of {number} issues, {days}")
        said = [
            (
                cell.href,
                (every if cell.value == wait.number else some).format(
                    name=name,
                    time=value.shown,
                    number=digits(wait.number),
                    all=digits(cell.value),
                    days=wait.days,
                ),
            )
            for cell, value, wait in zip(cells, column, found, strict=True)
        ]
        return Series(name, kind, [value.value for value in column], said, is_square)

    plot = plotted(
        list(map(short, days)),
        [
            line(gettext("Median"), "median", half),
            line(gettext("90th percentile"), "p90", most, is_square=True),
        ],
        is_wait=True,
    )
    is_quiet = not any(wait.number for wait in found)
    return Chart(
        slug, title, about, nothing, columns, [] if is_quiet else table(days, *numbers, half, most), plot
    )


def quantile(seconds):
    return Cell(seconds, "" if seconds is None else lasting(seconds))


def regressions(numbers, link):
    days = [days for days, _ in numbers.regressions]
    cells = [Cell(number, href=link(each.asked("regressed"))) for each, number in numbers.regressions]
    is_quiet = not any(cell.value for cell in cells)
    return Chart(
        "regressions",
        gettext("Regressions"),
        gettext("Issues that were seen again in seven days after they were resolved."),
        gettext("No issue regressed in these days."),
        [(gettext("Days"), ""), (gettext("Regressed"), "")],
        [] if is_quiet else table(days, cells),
        plotted(
            list(map(short, days)),
            [series(gettext("Regressed"), "regressed", cells, days, gettext("{number} regressed, {days}"))],
            has_bars=True,
        ),
    )


CHARTS = {
    "flow": flow,
    "first-action": first_action,
    "resolution": resolution,
    "regressions": regressions,
    "noisiest": noisiest,
    "labels": labels,
    "services": services,
    "levels": levels,
    "ages": ages,
    "workload": workload,
}
# What is open now, whatever the period.
NOW = ("levels", "ages", "workload")


def series(name, kind, cells, days, words, is_square=False):
    said = [
        (cell.href, words.format(number=cell.shown, days=each))
        for cell, each in zip(cells, days, strict=True)
    ]
    return Series(name, kind, [cell.value for cell in cells], said, is_square)


def table(days, *columns):
    """Rows of a table with the days before the Cells of each column."""
    return [[Cell(each.iso, str(each)), *cells] for each, *cells in zip(days, *columns, strict=True)]


def shares(names, cells):
    """Rows of a table with the part of the whole after each Cell; none where there is nothing."""
    total = sum(cell.value for cell in cells)
    if not total:
        return []
    return [
        [Cell(name), cell, Cell(f"{cell.value / total * 100:.1f}", share(cell.value / total))]
        for name, cell in zip(names, cells, strict=True)
    ]


def short(days):
    """How the axis calls some days: by the last of them."""
    return gettext("{day} {month}").format(day=days.last.day, month=month(days.last))
