"""How often an issue was seen lately: bars in lists, beside the issue and on a page of their own."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from issues.models import Occurrence
from issues.sightings import DAYS, HOURS, Spark, by_day, lately
from tests.factories import IssueFactory
from tests.test_pages import text_of

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)


@pytest.fixture
def page(bob):
    client = Client()
    client.force_login(bob)
    return client.get


def seen(issue, *times, **values):
    issue.count_sightings([Occurrence(issue=issue, at=at, **values) for at in times])


def test_hours_are_counted_of_each_issue_by_itself(ops):
    first, second, third = (IssueFactory(space=ops) for _ in range(3))
    seen(first, NOON, NOON, NOON - timedelta(hours=1), NOON - timedelta(hours=23))
    seen(second, NOON - timedelta(hours=24), NOON + timedelta(hours=1))
    seen(third, NOON)

    found = lately([(ops.pk, first.pk), (ops.pk, second.pk)], NOON)

    assert list(found) == [first.pk]
    assert found[first.pk].numbers == [1, *[0] * (HOURS - 3), 1, 2]
    assert found[first.pk].total == 4


def test_a_day_is_one_of_the_reader_s_time_zone(ops):
    issue = IssueFactory(space=ops)
    midnight = datetime(2026, 3, 14, 23, 0, tzinfo=UTC)
    seen(issue, midnight, midnight - timedelta(minutes=1), NOON, NOON - timedelta(days=DAYS))

    found = by_day(issue, ZoneInfo("Europe/Berlin"), NOON)

    assert len(found) == DAYS
    assert {str(day): number for day, number in found.items() if number} == {"2026-03-14": 1, "2026-03-15": 2}


def test_a_spark_has_a_bar_for_every_number_but_none(ops):
    spark = Spark([0, 12, 1, 0, 3])

    assert (spark.wide, spark.path) == (5, "M0 13v-1H5v1M1 12v-12h1V12M2 12v-1h1V12M4 12v-3h1V12")


def test_a_row_shows_how_often_its_issue_was_seen_today(ops, page):
    busy, quiet = IssueFactory(space=ops, title="Busy"), IssueFactory(space=ops, title="Quiet")
    seen(busy, *[timezone.now()] * 3)
    seen(quiet, timezone.now() - timedelta(days=3))

    rows = {row["title"]: row for row in page(reverse("issue-list")).context["issues"]}

    assert rows["Busy"]["spark"].total == 4
    # It was opened now, and so seen once.
    assert rows["Quiet"]["spark"].total == 1
    assert "Seen 4 times · 4 times in the last 24 hours" in page(reverse("issue-list")).content.decode()


def test_rows_cost_the_same_however_many_were_seen(ops, page, django_assert_max_num_queries):
    for _ in range(10):
        seen(IssueFactory(space=ops), timezone.now())

    with django_assert_max_num_queries(12):
        response = page(reverse("issue-list"))

    assert all(row["spark"] for row in response.context["issues"])


def test_the_page_shows_bars_of_days_and_the_newest_sightings(ops, page):
    issue = IssueFactory(space=ops, title="Timeouts")
    seen(issue, timezone.now(), version="2.0", user="user-7", session="s-1")

    response = page(reverse("issue-occurrences", args=[issue.key]))

    shown = text_of(response)
    assert "Occurrences of Timeouts" in shown and "Seen 2 times" in shown
    assert "2.0" in shown and "user-7" in shown and "s-1" in shown
    assert len(response.context["plot"].series[0].marks) == DAYS
    assert "Last 28 days" in text_of(page(issue.get_absolute_url()))


def test_what_was_not_seen_lately_says_so_instead_of_showing_no_bars(ops, page):
    issue = IssueFactory(space=ops, created_at=timezone.now() - timedelta(days=100))

    response = page(reverse("issue-occurrences", args=[issue.key]))

    assert response.context["plot"] is None and len(response.context["occurrences"]) == 1
    assert "It was not seen in these days." in text_of(response)


def test_a_bar_leads_to_the_sightings_of_its_day(ops, page):
    issue = IssueFactory(space=ops)
    yesterday = timezone.now() - timedelta(days=1)
    seen(issue, yesterday, yesterday, version="of yesterday")
    address = reverse("issue-occurrences", args=[issue.key])
    bar = page(address).context["plot"].series[0].marks[-2]

    found = page(f"{address}{bar.href}").context["occurrences"]

    assert bar.href == f"?day={yesterday.date()}"
    assert [row.version for row in found] == ["of yesterday"] * 2


def test_sightings_have_as_many_pages_as_they_need(ops, page):
    issue = IssueFactory(space=ops)
    seen(issue, *[timezone.now()] * 70)
    address = reverse("issue-occurrences", args=[issue.key])

    first = page(address)
    second = page(f"{address}{first.context['next']}")

    found = [row.pk for response in (first, second) for row in response.context["occurrences"]]
    assert len(found) == len(set(found)) == 71
    assert second.context["next"] is None


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
def test_a_day_lists_as_many_as_its_bar_says(ops, bob, page, zone):
    bob.time_zone = zone
    bob.save()
    issue = IssueFactory(space=ops)
    seen(issue, *[timezone.now() - timedelta(minutes=25 * number) for number in range(150)])
    address = reverse("issue-occurrences", args=[issue.key])

    days = page(address).context["plot"].series[0]

    for mark, number in zip(days.marks[-4:], days.numbers[-4:], strict=True):
        shown = page(f"{address}{mark.href}").context
        assert (len(shown["occurrences"]) == number) if number <= 50 else shown["next"]


@pytest.mark.parametrize("query", ["day=soon", "day=2026-02-30", "cursor=x"])
def test_a_day_or_place_that_is_none_is_told_so(ops, page, query):
    issue = IssueFactory(space=ops)

    response = page(f"{reverse('issue-occurrences', args=[issue.key])}?{query}")

    assert response.status_code == 400
    assert "Show all days" in text_of(response)
