"""What the dashboard counts of the issues of a query: a few statements, whatever their number."""

import re
from array import array
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext

from issues.facets import Facet, Whole, by_column, by_dimension, facets, texts, values_of
from issues.filters import BadParameter
from issues.language import day, digits
from issues.like import UPPER
from issues.models import Level
from issues.models.history import ACTED
from issues.models.sql import among
from issues.paths import IS_OPEN, adapted, index_hint
from issues.query.moments import whole_day
from issues.query.scope import Scope
from issues.sightings import first_hour
from issues.walks import compiled

PRESETS, CUSTOM, USUAL = ("7", "30", "90"), "custom", "30"
LONGEST = 366
# A longer period is shown by the week.
DAILY = 100
WEEK = 7
# So many issues are called the noisiest.
NOISY = 10
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
ALWAYS = datetime.max.replace(tzinfo=UTC)
# Days since an issue was opened, the first and the last included; all others are older.
AGES = ((0, 0), (1, 2), (3, 6), (7, 29))
# An import may say that something was over before it began; that was open at no time.
IS_OVER = f"NOT {IS_OPEN} AND issues_issue.resolved_at > issues_issue.created_at"
# The first of the actions, in the order of the issue's chain: one step into an index that holds no others.
FIRST_ACTION = (
    "(SELECT h.created_at FROM issues_historyentry AS h{} WHERE h.issue_id = issues_issue.id "
    "AND h.position > 1 AND h.action IN ({}) AND h.actor_id IS NOT NULL ORDER BY h.position LIMIT 1)"
)


@dataclass(frozen=True, slots=True)
class Days:
    """Days of a person's calendar, the first and the last included."""

    first: date
    last: date

    def __str__(self):
        return self.said(day)

    @property
    def iso(self):
        """These days as programs write them."""
        return self.said(str)

    def said(self, day):
        if self.first == self.last:
            return day(self.first)
        return gettext("{first} to {last}").format(first=day(self.first), last=day(self.last))

    def __len__(self):
        return (self.last - self.first).days + 1

    def asked(self, field):
        """The term of a query for issues whose `field`, a time, lies in these days."""
        return (
            f"{field}:{self.first}" if self.first == self.last else f"{field}:[{self.first} TO {self.last}]"
        )

    @property
    def before(self):
        """As many days, of which the last comes right before these."""
        return Days(self.first - timedelta(len(self)), self.first - timedelta(1))

    def parts(self, size):
        """These days in parts of `size` days, of which the first may be shorter."""
        ends = range(len(self) - 1, -1, -size)
        days = [
            Days(self.first + timedelta(max(end - size + 1, 0)), self.first + timedelta(end)) for end in ends
        ]
        return days[::-1]

    def moments(self, zone):
        """(the moment at which they begin, the one at which they are over)."""
        return whole_day(self.first, zone).start, whole_day(self.last, zone).end


def today_of(user):
    """The date in a person's time zone."""
    scope = Scope(user, timezone.now())
    return scope.now.astimezone(scope.zone).date()


def period_of(params, today):
    """The Days that the parameters `days`, `from` and `to` ask for; BadParameter."""
    preset = params.get("days") or (CUSTOM if {"from", "to"} & params.keys() else USUAL)
    if preset in PRESETS:
        return Days(today - timedelta(int(preset) - 1), today)
    if preset != CUSTOM:
        raise BadParameter("days", gettext("One of {}.").format(", ".join((*PRESETS, CUSTOM))))
    last = day_of("to", params) or today
    first = day_of("from", params) or last - timedelta(int(USUAL) - 1)
    if last < first:
        raise BadParameter("to", gettext("The last day comes before the first."))
    if len(Days(first, last)) > LONGEST:
        reason = gettext("At most {most} days; these are {number}.")
        raise BadParameter("to", reason.format(most=LONGEST, number=digits(len(Days(first, last)))))
    return Days(first, last)


def day_of(name, params):
    """The date that a parameter says, None without it; BadParameter."""
    text = params.get(name)
    if not text:
        return None
    try:
        found = date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        found = None
    # Around those years there are no time zones any more.
    if found is None or not 1900 <= found.year <= 9000:
        raise BadParameter(name, gettext("A day as 2026-01-15."))
    return found


class Step(NamedTuple):
    """What happened in some days, and how many issues were open when they were over."""

    days: Days
    opened: int
    resolved: int
    open: int


class Wait(NamedTuple):
    """How long issues waited, in seconds: half of them at most `median`, nine of ten at most `p90`."""

    days: Days
    number: int
    median: int | None = None
    p90: int | None = None


class Age(NamedTuple):
    """So many issues are open that were opened in `days`, or at any time until the end of `last`."""

    days: Days | None
    last: date
    number: int


class Numbers:
    """What is counted of the issues of an IssueFilter in a period, each when it is asked for."""

    def __init__(self, filters, period, now=None):
        scope = Scope(filters.user, now or timezone.now())
        self.filters, self.period, self.zone = filters, period, scope.zone
        self.today = scope.now.astimezone(scope.zone).date()
        self.steps = period.parts(1 if len(period) <= DAILY else WEEK)
        self.weeks = period.parts(WEEK)

    # Now.

    @cached_property
    def open_issues(self):
        return self.filters.qs.open()

    @cached_property
    def levels(self):
        """[(Level, or None, its number of open issues)], the most urgent first; levels of one key are one."""
        pairs = dict(by_dimension("level")(Whole(self.open_issues))[0])
        rows = Level.objects.in_bulk([pk for pk in pairs if pk])
        found = {}
        for level in sorted(rows.values(), key=lambda level: (level.rank, level.pk)):
            # A query finds keys in either case.
            key = level.key.translate(UPPER)
            shown, number = found.get(key, (level, 0))
            found[key] = shown, number + pairs[level.pk]
        return [*found.values(), *([(None, pairs[None])] if pairs.get(None) else [])]

    @property
    def open(self):
        return sum(number for _, number in self.levels)

    @cached_property
    def workload(self):
        """[{"name", "count", "query"}] of whom open issues are assigned to, the most first."""
        return values_of(facets()["assignee"], Whole(self.open_issues))

    @cached_property
    def ages(self):
        """[Age] of the open issues, the youngest first."""
        days = [self.days_ago(*age) for age in AGES]
        spans = [each.moments(self.zone) for each in days]
        # What an import dates into the future is of today.
        spans[0] = spans[0][0], ALWAYS
        sql, parameters = self.over(spans, "created_at", "count(*)", IS_OPEN)
        numbers = dict(fetched(f"{sql} GROUP BY n", parameters))
        found = [Age(each, each.last, numbers.get(n, 0)) for n, each in enumerate(days)]
        older = self.open - sum(age.number for age in found)
        return [*found, Age(None, days[-1].first - timedelta(1), max(older, 0))]

    def days_ago(self, first, last):
        return Days(self.today - timedelta(last), self.today - timedelta(first))

    # In the period.

    @property
    def flow(self):
        """[Step] of the period."""
        return self.backlog[1]

    @property
    def open_before(self):
        """How many issues were open when the period began."""
        return self.backlog[0]

    @cached_property
    def backlog(self):
        """(how many issues were open when the period began, its [Step]).

        Open at the end of a day are those opened by then that are open now, or resolved later. So from one
        day to the next come those opened on it, but for what was never open, and go those resolved on it.
        """
        spans = [days.moments(self.zone) for days in self.steps]
        spans.append((spans[-1][1], ALWAYS))
        opened, resolved = (
            {n: numbers for n, *numbers in fetched(f"{sql} GROUP BY n", parameters)}
            for sql, parameters in (
                self.over(spans, "created_at", f"count(*), {counted(IS_OPEN)}, {counted(IS_OVER)}"),
                self.over(spans, "resolved_at", f"count(*), {counted(IS_OVER)}"),
            )
        )
        came = [opened.get(n, [0, 0, 0]) for n in range(len(spans))]
        went = [resolved.get(n, [0, 0]) for n in range(len(spans))]
        # Before the period: what is open now and not of later, and what was to be resolved in it or later.
        number = self.open - sum(new for _, new, _ in came)
        number += sum(gone for _, gone in went) - sum(done for _, _, done in came)
        before, steps = number, []
        for days, (new, still, done), (ended, gone) in zip(self.steps, came, went, strict=False):
            number += still + done - gone
            steps.append(Step(days, new, ended, number))
        return before, steps

    @cached_property
    def happened(self):
        """{"opened": (how many issues in as many days before, how many in the period), …}."""
        spans = [days.moments(self.zone) for days in (self.period.before, self.period)]
        asked = {
            "opened": self.over(spans, "created_at", "count(*) AS number"),
            "resolved": self.over(spans, "resolved_at", "count(*) AS number"),
            "regressed": self.regressed(spans),
        }
        parts = (
            f"SELECT '{name}', n, number FROM ({sql} GROUP BY n) AS {name}"
            for name, (sql, _) in asked.items()
        )
        parameters = [value for _, values in asked.values() for value in values]
        numbers = {(name, n): number for name, n, number in fetched(" UNION ALL ".join(parts), parameters)}
        return {name: tuple(numbers.get((name, n), 0) for n in range(len(spans))) for name in asked}

    @property
    def opened_in_weeks(self):
        """[(Days, how many issues were opened in them)] for each week."""
        return [
            (week, sum(step.opened for step in self.flow if week.first <= step.days.first <= week.last))
            for week in self.weeks
        ]

    @cached_property
    def first_action(self):
        """[Wait] for the first action, of the issues opened in each week on which somebody acted."""
        actions = ", ".join(f"'{action}'" for action in ACTED)
        return self.waits("created_at", FIRST_ACTION.format(index_hint("history_acted"), actions))

    @cached_property
    def resolution(self):
        """[Wait] for the resolution, of the issues resolved in each week."""
        return self.waits("resolved_at", "issues_issue.resolved_at")

    def waits(self, column, end):
        """[Wait] from the opening of issues to `end`, SQL of a time; they are those of `column` in a week."""
        spans = [days.moments(self.zone) for days in self.weeks]
        sql, parameters = self.over(spans, column, f"issues_issue.created_at AS began, {end} AS ended")
        # Materialized, or else `end` is found anew wherever it is spoken of.
        found = quantiles(
            f"WITH each AS MATERIALIZED ({sql}) SELECT n, {WAIT[connection.vendor]} AS wait FROM each "
            "WHERE ended IS NOT NULL",
            parameters,
        )
        return [Wait(days, *found.get(n, (0,))) for n, days in enumerate(self.weeks)]

    @cached_property
    def labels(self):
        """[{"name", "count", "query"}] of the labels of issues opened in the period, most first."""
        return values_of(facets()["label"], Whole(self.opened_issues))

    @cached_property
    def services(self):
        by_service = Facet(by_column("service"), texts("service"), is_shared=True)
        return values_of(by_service, Whole(self.opened_issues))

    @cached_property
    def noisiest(self):
        """[(key, title, number)] of those seen most often in the period, and more than once: at most NOISY.

        An hour is of the day in which it begins.
        """
        first, beyond = map(first_hour, self.period.moments(self.zone))
        place, spaces = among("space_id", self.filters.spaces)
        condition, narrowing = self.condition
        sql = (
            "SELECT s.key, issues_issue.number, issues_issue.title, seen.times FROM "
            f"(SELECT issue_id, sum(number) AS times FROM issues_occurrencehour WHERE {place} "
            "AND hour >= %s AND hour < %s GROUP BY issue_id HAVING sum(number) > 1) AS seen "
            "CROSS JOIN issues_issue CROSS JOIN issues_space AS s "
            "WHERE issues_issue.id = seen.issue_id AND s.id = issues_issue.space_id "
            f"AND issues_issue.deleted_at IS NULL {f'AND ({condition}) ' if condition else ''}"
            f"ORDER BY seen.times DESC, issues_issue.id DESC LIMIT {NOISY}"
        )
        found = fetched(sql, [*spaces, first, beyond, *narrowing])
        return [(f"{space}-{number}", title, int(times)) for space, number, title, times in found]

    @property
    def opened_issues(self):
        start, end = self.period.moments(self.zone)
        return self.filters.qs.filter(created_at__gte=start, created_at__lt=end)

    @cached_property
    def regressions(self):
        """[(Days, how many issues regressed in them)] for each week."""
        sql, parameters = self.regressed([days.moments(self.zone) for days in self.weeks])
        numbers = dict(fetched(f"{sql} GROUP BY n", parameters))
        return [(days, numbers.get(n, 0)) for n, days in enumerate(self.weeks)]

    def regressed(self, spans):
        """(SQL, parameters) of n and how many issues regressed in the span n."""
        return self.over(
            spans,
            "created_at",
            "count(DISTINCT h.issue_id) AS number",
            "h.action = 'regressed' AND issues_issue.id = h.issue_id",
            Walk("issues_historyentry AS h", "h", "history_regressed"),
        )

    # How a statement is made.

    @cached_property
    def condition(self):
        """(SQL, parameters) of what the filter asks of issues beside their spaces."""
        try:
            return compiled(self.filters.conditions)
        except EmptyResultSet:
            return "1 = 0", []

    def over(self, spans, column, columns, where="", walk=None):
        """(SQL, parameters) of n and `columns` of the issues whose `column` lies in the span n of `spans`.

        With a Walk over another table the column is of that, and `where` joins the issues to it.
        """
        walk = walk or ISSUES[column]
        place, spaces = among(f"{walk.name}.space_id", self.filters.spaces)
        condition, narrowing = self.condition
        parts = [
            place,
            f"{walk.name}.{column} >= spans.since",
            f"{walk.name}.{column} < spans.beyond",
            where,
            "issues_issue.deleted_at IS NULL",
            condition and f"({condition})",
        ]
        rows = ", ".join(f"({n}, %s, %s)" for n in range(len(spans)))
        sql = (
            f"WITH spans(n, since, beyond) AS (VALUES {rows}) SELECT n, {columns} "
            f"FROM spans CROSS JOIN {walk.source} WHERE {' AND '.join(filter(None, parts))}"
        )
        return sql, [*(adapted(moment) for span in spans for moment in span), *spaces, *narrowing]


@dataclass(frozen=True)
class Walk:
    """A table that is walked along the times of an index, a piece of it for each span."""

    table: str
    name: str
    index: str

    @property
    def source(self):
        source = f"{self.table}{index_hint(self.index)}"
        return source if self.name == "issues_issue" else f"{source} CROSS JOIN issues_issue"


ISSUES = {
    "created_at": Walk("issues_issue", "issues_issue", "issue_space_created"),
    "resolved_at": Walk("issues_issue", "issues_issue", "issue_space_resolved"),
}


def counted(condition):
    return f"count(*) FILTER (WHERE {condition})"


# SQL of the seconds from `began` to `ended`, what follows the whole seconds of each left out.
WAIT = {
    "postgresql": ("extract(epoch FROM date_trunc('second', ended) - date_trunc('second', began))::bigint"),
    # A day in binary is not exact to the second.
    "sqlite": (
        "CAST(round((julianday(substr(ended, 1, 19)) - julianday(substr(began, 1, 19))) * 86400) AS INTEGER)"
    ),
}


def quantiles(waits, parameters):
    """{n: (number, median, 90th percentile)} of SQL of pairs of n and a wait.

    Each quantile is the wait of an issue (the nearest rank), and never between two.
    """
    found = {}
    if connection.vendor == "postgresql":
        sql = (
            "SELECT n, count(*), percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY wait) "
            f"FROM ({waits}) AS waits GROUP BY n"
        )
        return {n: (number, *(max(w, 0) for w in ranks)) for n, number, ranks in fetched(sql, parameters)}
    # SQLite takes twice as long to rank them as to find them.
    with connection.cursor() as cursor:
        cursor.execute(waits, parameters)
        for n, wait in cursor:
            found.setdefault(n, array("q")).append(max(wait, 0))
    return {n: nearest_ranks(sorted(each)) for n, each in found.items()}


def nearest_ranks(waits):
    number = len(waits)
    return number, waits[(number + 1) // 2 - 1], waits[(9 * number + 9) // 10 - 1]


def fetched(sql, parameters):
    """The rows of a statement, none where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
