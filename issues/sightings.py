"""How often issues were seen in the last hours and days, for the pages that show it."""

from collections import Counter as Tally
from collections import defaultdict
from datetime import timedelta
from itertools import chain
from typing import NamedTuple

from django.db import connection

from issues.models.occurrence_hour import hour_of, start_of
from issues.models.sql import among
from issues.query.moments import whole_day

HOURS, DAYS = 24, 28
# The height of the bars of a spark, under which there is a line.
HIGH = 12


class Spark(NamedTuple):
    """Numbers in a row as the path of an SVG: bars on a line in a box of `wide` by `high`."""

    numbers: list

    high = HIGH + 1

    @property
    def total(self):
        return sum(self.numbers)

    @property
    def wide(self):
        return len(self.numbers)

    @property
    def path(self):
        most = max(self.numbers)
        bars = [
            f"M{n} {HIGH}v-{max(round(number / most * HIGH), 1)}h1V{HIGH}"
            for n, number in enumerate(self.numbers)
            if number
        ]
        return f"M0 {self.high}v-1H{self.wide}v1{''.join(bars)}"


def lately(places, now):
    """{primary key of an issue: Spark of the last HOURS hours}, of those seen in them; one statement.

    `places` are (primary key of the space, that of the issue).
    """
    last = hour_of(now)
    hours = range(last - HOURS + 1, last + 1)
    found = defaultdict(lambda: [0] * HOURS)
    for issue, hour, number in in_hours(places, hours):
        found[issue][hour - hours.start] = int(number)
    return {issue: Spark(numbers) for issue, numbers in found.items()}


def by_day(issue, zone, now):
    """{date: number} of the last DAYS days of a time zone, the oldest first; one statement.

    An hour is of the day in which it begins.
    """
    today = now.astimezone(zone).date()
    days = [today - timedelta(days=before) for before in range(DAYS - 1, -1, -1)]
    first = first_hour(whole_day(days[0], zone).start)
    tally = Tally()
    for _, hour, number in in_hours([(issue.space_id, issue.pk)], range(first, hour_of(now) + 1)):
        tally[start_of(hour).astimezone(zone).date()] += int(number)
    return {day: tally[day] for day in days}


def span_of(day, zone):
    """(from, up to): the hours that `by_day` counts in a day."""
    span = whole_day(day, zone)
    return start_of(first_hour(span.start)), start_of(first_hour(span.end))


def first_hour(at):
    """The number of the first hour that begins at this moment or after it."""
    hour = hour_of(at)
    return hour + (start_of(hour) < at)


def in_hours(places, hours):
    """[(issue, hour, number)] of those of these hours in which an issue of `places` was seen.

    Each hour of each issue is looked up by itself: between two hours of one there may be thousands of others.
    """
    if not places:
        return []
    wanted = ", ".join(["(%s, %s)"] * len(places))
    condition, parameters = among("h.hour", hours)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h.issue_id, h.hour, sum(h.number) "
            f"FROM (VALUES {wanted}) AS w CROSS JOIN issues_occurrencehour AS h "
            f"WHERE h.space_id = w.column1 AND h.issue_id = w.column2 AND {condition} "
            "GROUP BY h.issue_id, h.hour",
            [*chain.from_iterable(places), *parameters],
        )
        return cursor.fetchall()
