"""What was seen in a window of time: the same that counting single sightings gives, wherever it begins."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO
from random import Random

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from issues.actor import Actor, acting_as
from issues.models import Issue, Occurrence, OccurrenceHour
from issues.models.occurrence_hour import hour_of, start_of
from issues.windows import ORDERS, Seen, seen
from tests.factories import IssueFactory, LevelFactory, SpaceFactory

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

pytestmark = pytest.mark.django_db


def issue_at(at, **fields):
    with acting_as(lambda: Actor(at=at)):
        return IssueFactory(**fields)


def window(space, start, end, *conditions, order="total", size=100):
    return seen(space.pk, start, end, conditions, order, size)


def counted(space, start, end):
    """The same, of single sightings."""
    found = {}
    for row in Occurrence.objects.filter(issue__space=space, at__gte=start, at__lt=end):
        found.setdefault(row.issue_id, []).append(row)
    return {
        Seen(
            issue,
            len(rows),
            len({row.session for row in rows if row.session}),
            len({row.user for row in rows if row.user}),
        )
        for issue, rows in found.items()
    }


@pytest.fixture
def busy(ops):
    """OPS with issues that were seen many times around noon, by few sessions and users, and another space."""
    chance = Random(1)
    for space in (ops, ops, ops, SpaceFactory()):
        issue = issue_at(NOON - HOUR * chance.random(), space=space)
        for _ in range(60):
            at = NOON + (chance.random() * 6 - 3) * HOUR
            # Some on the very borders.
            at = start_of(hour_of(at)) if chance.random() < 0.1 else at
            session, user = chance.choice([("", ""), ("s1", "u1"), ("s2", "u1"), ("s3", "u2")])
            issue.count_sighting(at=at, session=session, user=user)
    return ops


EDGES = (
    (NOON - 9 * HOUR, NOON + 9 * HOUR),
    (NOON, NOON + HOUR),
    (NOON + MINUTE, NOON + 50 * MINUTE),
    (NOON + MINUTE, NOON + HOUR),
    (NOON, NOON + 30 * MINUTE),
    (NOON - MINUTE, NOON + MINUTE),
    (NOON - 90 * MINUTE, NOON + 2 * HOUR),
    (NOON - 2 * HOUR, NOON + 90 * MINUTE),
    (NOON - 100 * MINUTE, NOON + 100 * MINUTE),
    (NOON + 9 * HOUR, NOON + 12 * HOUR),
)


@pytest.mark.parametrize(("start", "end"), EDGES)
def test_a_window_counts_what_single_sightings_say(busy, start, end):
    found = window(busy, start, end)

    assert set(found) == counted(busy, start, end)
    assert len(found) == len(set(found))


def test_a_window_is_one_statement_and_hours_are_few(busy, django_assert_num_queries):
    with django_assert_num_queries(1):
        window(busy, NOON - HOUR - MINUTE, NOON + HOUR + MINUTE)

    assert OccurrenceHour.objects.count() < Occurrence.objects.count() / 2


def test_a_sighting_is_counted_from_the_first_moment_to_before_the_last(ops):
    issue = issue_at(NOON, space=ops)

    assert window(ops, NOON, NOON + MINUTE) == [Seen(issue.pk, 1, 0, 0)]
    assert window(ops, NOON - MINUTE, NOON) == []
    assert window(ops, NOON + timedelta(microseconds=1), NOON + HOUR) == []


def test_times_before_1970_and_at_the_last_millionth_of_an_hour_are_in_their_hours(ops):
    issue = issue_at(NOON, space=ops)
    early = datetime(1969, 12, 31, 22, 59, 59, 999_999, tzinfo=UTC)
    issue.count_sighting(at=early)
    issue.count_sighting(at=early.replace(year=1))

    assert window(ops, early - MINUTE, early + HOUR) == [Seen(issue.pk, 1, 0, 0)]
    assert [start_of(row.hour).hour for row in OccurrenceHour.objects.order_by("hour")] == [22, 22, 12]
    call_command("check_derived", stdout=StringIO())


def test_the_four_orders(ops):
    fatal = LevelFactory(space=ops, rank=1)
    old, new, urgent = (
        issue_at(NOON - age * HOUR, space=ops, level=level)
        for age, level in ((3, None), (1, None), (2, fatal))
    )
    for issue, sessions in ((old, "aaa"), (new, "ab"), (urgent, "")):
        for session in sessions:
            issue.count_sighting(at=NOON, session=session)

    found = {
        order: [row.issue for row in window(ops, NOON - 9 * HOUR, NOON + HOUR, order=order)]
        for order in ORDERS
    }

    assert found == {
        "total": [old.pk, new.pk, urgent.pk],
        "sessions": [new.pk, old.pk, urgent.pk],
        "first_seen": [new.pk, urgent.pk, old.pk],
        "level": [urgent.pk, new.pk, old.pk],
    }


def test_conditions_size_and_what_is_deleted_narrow_it(ops):
    kept, other, gone = (issue_at(NOON, space=ops, title=title) for title in ("Slow", "Down", "Gone"))
    gone.trash()

    assert [row.issue for row in window(ops, NOON, NOON + HOUR)] == [other.pk, kept.pk]
    assert [row.issue for row in window(ops, NOON, NOON + HOUR, size=1)] == [other.pk]
    assert [row.issue for row in window(ops, NOON, NOON + HOUR, Q(title="Slow"))] == [kept.pk]
    assert window(ops, NOON, NOON + HOUR, Q(pk__in=())) == []


def test_an_excluded_issue_is_counted_no_more(ops):
    issue = issue_at(NOON, space=ops, status="excluded")

    issue.count_sighting(at=NOON)

    assert window(ops, NOON, NOON + HOUR) == [Seen(issue.pk, 1, 0, 0)]


def test_sightings_of_the_past_are_in_their_hours(ops):
    issue = issue_at(NOON, space=ops)

    issue.count_sightings([Occurrence(issue=issue, at=NOON - HOUR, session="s") for _ in range(3)])

    assert window(ops, NOON - HOUR, NOON) == [Seen(issue.pk, 3, 1, 0)]


def test_a_sighting_that_is_rolled_back_leaves_its_hour(ops, monkeypatch):
    issue = issue_at(NOON, space=ops)
    monkeypatch.setattr(Issue, "refresh_from_db", lambda self: 1 / 0)

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        issue.count_sighting(at=NOON)

    assert window(ops, NOON, NOON + HOUR) == [Seen(issue.pk, 1, 0, 0)]


def test_check_derived_finds_and_repairs_hours(busy):
    said = StringIO()
    row = OccurrenceHour.objects.order_by("hour").first()
    models.QuerySet.update(OccurrenceHour.objects.filter(pk=row.pk), number=99)
    OccurrenceHour.objects.filter(pk=OccurrenceHour.objects.order_by("hour").last().pk).delete()
    of_none = OccurrenceHour(space=busy, hour=1, issue_id=row.issue_id, session="", user="", number=5)
    of_none.save(force_insert=True)

    with pytest.raises(CommandError, match="3 of hours"):
        call_command("check_derived", stdout=said)
    call_command("check_derived", repair=True, stdout=said)

    call_command("check_derived", stdout=said)
    assert not OccurrenceHour.objects.filter(hour=1).exists()
    assert "lacks -5" in said.getvalue()


def test_sightings_from_before_get_their_hours_by_migration(busy):
    before = set(OccurrenceHour.objects.values_list())
    OccurrenceHour.objects.all().delete()

    import_module("issues.migrations.0008_occurrencehour").fill(apps, None)

    assert set(OccurrenceHour.objects.values_list()) == before


def test_hours_and_moments():
    at = timezone.now()

    assert start_of(hour_of(at)) == at.replace(minute=0, second=0, microsecond=0)
    assert hour_of(datetime(1, 1, 1, tzinfo=UTC)) == 0
