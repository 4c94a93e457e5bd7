"""Days and times as queries write them: 2026-01-15, 2026-01-15T10:30:00Z, today, -7d."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, gettext_noop, ngettext, pgettext

from issues.query.tree import QueryError

WORDS = {gettext_noop("yesterday"): -1, gettext_noop("today"): 0, gettext_noop("tomorrow"): 1}
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
AWAY = re.compile(r"([+-])([0-9]{1,4})([hdw])")
UNITS = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
COMPARED = {
    ">": gettext_noop("after {}"),
    ">=": gettext_noop("since {}"),
    "<": gettext_noop("before {}"),
    "<=": gettext_noop("until {}"),
}
EXPECTED = gettext_noop(
    "A day as 2026-01-15, a time as 2026-01-15T10:30:00Z, today, yesterday, or a while ago as -7d."
)


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a value stands for, from `start` up to `end`, which is no part of it.

    Something "away", as -7d, is the moment 7 days ago; alone it means the time since then.
    """

    start: datetime
    end: datetime
    away: str = ""


def moment(value, scope):
    """The Span of a value, days being those of the user's time zone; QueryError for any other text."""
    try:
        span = span_of(value.text, scope)
    except (ValueError, OverflowError):
        span = None
    if span is None or value.wild:
        raise QueryError(gettext(EXPECTED), value.start, value.end)
    return span


def span_of(text, scope):
    if text.lower() in WORDS:
        today = scope.now.astimezone(scope.zone).date()
        return whole_day(today + timedelta(days=WORDS[text.lower()]), scope.zone)
    if DAY.fullmatch(text):
        return whole_day(date.fromisoformat(text), scope.zone)
    if away := AWAY.fullmatch(text):
        sign, number, unit = away.groups()
        at = scope.now + int(f"{sign}{number}") * UNITS[unit]
        return Span(at, at, lasting(int(number), unit))
    at = parse_datetime(text.upper()) if "T" in text.upper() else None
    if at is None:
        return None
    at = (at if at.tzinfo else at.replace(tzinfo=scope.zone)).astimezone(UTC)
    return Span(at, at + timedelta(microseconds=1 if "." in text else 1_000_000))


def lasting(number, unit):
    """How long so many units last, in words that come after "in the last" and before "ago"."""
    words = {
        "h": ngettext("{} hour", "{} hours", number),
        "d": ngettext("{} day", "{} days", number),
        "w": ngettext("{} week", "{} weeks", number),
    }
    return words[unit].format(number)


def whole_day(day, zone):
    """The Span of a day; after the last day there is no other."""
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    if day == date.max:
        return Span(start, datetime.max.replace(tzinfo=UTC))
    return Span(start, datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC))


def bounds(operator, spans, now):
    """(from, up to) of what an operator asks for of its spans (None: a range without that end)."""
    first, last = spans[0], spans[-1]
    if operator == "[":
        return first and first.start, last and last.end
    if operator == ":":
        return (min(first.start, now), max(first.start, now)) if first.away else (first.start, first.end)
    return {
        ">": (first.end, None),
        ">=": (first.start, None),
        "<": (None, first.start),
        "<=": (None, first.end),
    }[operator]


def said(operator, values, spans, now):
    """What `bounds` gives, in words that come after "created"."""
    if operator == "[":
        first, last = (span and name(value, span, now) for value, span in zip(values, spans, strict=True))
        if first and last:
            return gettext("from {first} to {last}").format(first=first, last=last)
        if first:
            return gettext("since {}").format(first)
        return gettext("until {}").format(last) if last else gettext("at any time")
    (value,), (span,) = values, spans
    if operator != ":":
        return gettext(COMPARED[operator]).format(name(value, span, now))
    if span.away:
        words = gettext("in the last {}") if span.start <= now else gettext("in the next {}")
        return words.format(span.away)
    if value.text.lower() in WORDS:
        return gettext(value.text.lower())
    return pgettext("day", "on {}").format(value.text)


def name(value, span, now):
    if not span.away:
        return value.text
    return (gettext("{} ago") if span.start <= now else gettext("in {}")).format(span.away)
