"""The dashboard: its numbers against a slow count of the same, and lists that hold just as many issues."""

import csv
import io
import re
from collections import Counter as Tally
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from random import Random
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from issues.actor import Actor, acting_as
from issues.charts import lasting, ticks, wait_ticks
from issues.dashboard import Days, Numbers, period_of
from issues.dashboard_charts import CHARTS
from issues.dashboard_views import figures, linked
from issues.filters import BadParameter, IssueFilter
from issues.models import HistoryEntry, Issue, Level, Occurrence
from issues.models.history import ACTED
from issues.query import read
from tests.factories import (
    CommentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    SpaceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

SVG = "{http://www.w3.org/2000/svg}"
NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
BEGIN = NOW - timedelta(days=40)
LEFT = [Days(date(2026, 2, 1), date(2026, 3, 1)), Days(date(2026, 2, 10), date(2026, 2, 10))]
QUERIES = [
    "is:unassigned OR level:P1", "squad:data", "-label:squad", "nulls", "nulls -label:flaky",
    "service:api", "assignee:me", "space:OPS", "created:>2026-02-20", "is:regressed", "seen:>1 sort:level",
    "is:open is:done",
]  # fmt: skip


def at(moment, user=None):
    return acting_as(lambda: Actor(user=user, at=moment))


def labelled(labels, **fields):
    issue = IssueFactory(**fields)
    issue.labels = labels
    issue.save()
    return issue


def live(issue, moment, chance, people):
    """Let something happen to an issue, a few times."""
    for _ in range(chance.randrange(5)):
        moment += timedelta(hours=chance.expovariate(1 / 30))
        person = chance.choice([*people, None])
        with at(min(moment, NOW), person):
            deed = chance.randrange(6)
            if deed == 0:
                CommentFactory(issue=issue, author=person or people[0])
            elif deed == 1:
                issue.count_sighting()
            elif deed == 2:
                issue.labels = {"flaky": ""} | ({"squad": chance.choice(["data", "web"])} if person else {})
                issue.save()
            elif deed == 3:
                issue.assignee = chance.choice([*people, None])
                issue.save()
            else:
                issue.status = chance.choice(["resolved", "resolved", "closed", "open", "in_progress"])
                issue.save()
        issue = Issue.objects.get(pk=issue.pk)


@pytest.fixture
def fill(ops, alice, bob):
    """A function that fills OPS, DATA, of which bob is a member too, and a space of which he is not."""
    spaces = [ops, MembershipFactory(user=bob, space__key="DATA").space, SpaceFactory(key="ELSE")]
    bob.time_zone = "Asia/Kathmandu"
    bob.save()

    def fill(chance):
        for space, count in zip(spaces, (40, 12, 12), strict=True):
            levels = [None, LevelFactory(space=space, key="own"), *Level.objects.filter(space=None)]
            for number in range(count):
                moment = BEGIN + (NOW - BEGIN) * chance.random()
                with at(moment, alice):
                    issue = labelled(
                        chance.choice([{}, {"squad": "data"}, {"flaky": "", "squad": "web"}]),
                        space=space,
                        title=chance.choice(["Ids are nulls", "Checks fail"]),
                        level=chance.choice(levels),
                        assignee=chance.choice([None, None, bob]),
                        service=chance.choice(["api", "API", "the worker", ""]),
                    )
                live(issue, moment, chance, [alice, bob])
                if number % 10 == 9:
                    issue.refresh_from_db()
                    issue.trash()
            # As imports and other doors may have it.
            day = timedelta(days=1)
            IssueFactory(space=space, status="closed", created_at=NOW - 3 * day, resolved_at=NOW - 9 * day)
            IssueFactory(space=space, status="open", created_at=NOW - 9 * day, resolved_at=NOW - 5 * day)
            IssueFactory(space=space, status="open", created_at=NOW + 2 * day)
            IssueFactory(space=space, status="closed", created_at=NOW - 9 * day, resolved_at=NOW + 5 * day)

    return fill


def numbers_of(user, query="", days=LEFT[0]):
    filters = IssueFilter({"q": query} if query else {}, request=SimpleNamespace(user=user))
    return Numbers(filters, days, NOW)


def listed(user, address):
    """The issues of a list's address."""
    (query,) = parse_qs(urlsplit(address).query)["q"]
    return Issue.objects.visible_to(user).filter(read(query, user, NOW).condition)


# Numbers.


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("days", LEFT)
def test_every_number_leads_to_as_many_issues(fill, bob, days, seed):
    fill(Random(seed))

    seen = set()
    for query in ["", *QUERIES[seed::3]]:
        numbers = numbers_of(bob, query, days)
        for slug, draw in CHARTS.items():
            chart = draw(numbers, linked(numbers))
            # What counts sightings leads to a single issue.
            cells = [cell for row in chart.rows for cell in row if cell.href and not chart.has_sightings]
            for cell in cells:
                assert cell.value == listed(bob, cell.href).count(), (slug, query, cell)
            seen |= {slug for cell in cells if cell.value}
    assert {"flow", "levels", "ages", "workload"} <= seen


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("days", [LEFT[0], Days(date(2026, 2, 20), date(2026, 3, 1))])
def test_every_figure_and_that_before_it_lead_to_as_many_issues(fill, bob, days, seed):
    fill(Random(seed))
    seen = set()

    for query in ["", *QUERIES[seed::3]]:
        numbers = numbers_of(bob, query, days)
        for figure in figures(numbers, linked(numbers)):
            for shown, address in (("number", "address"), ("before", "address_before")):
                assert figure[shown] == str(listed(bob, figure[address]).count()), (query, figure)
                seen |= {(figure["name"], shown)} if figure[shown] != "0" else set()

    assert {(name, shown) for name in ("Opened", "Open now") for shown in ("number", "before")} <= seen


def test_as_many_days_come_before_a_period():
    days = Days(date(2026, 2, 1), date(2026, 3, 1))

    assert days.before == Days(date(2026, 1, 3), date(2026, 1, 31))


@pytest.mark.parametrize("seed", range(3))
def test_charts_count_all_that_there_is(fill, bob, seed):
    fill(Random(seed))
    issues = Issue.objects.visible_to(bob)

    numbers = numbers_of(bob)

    spans = [days.moments(numbers.zone) for days in (LEFT[0].before, LEFT[0])]
    for kind, column in (("opened", "created_at"), ("resolved", "resolved_at")):
        assert numbers.happened[kind] == tuple(
            issues.filter(**{f"{column}__gte": start, f"{column}__lt": end}).count() for start, end in spans
        )
    opened = issues.open().count()
    assert numbers.open == sum(age.number for age in numbers.ages) == opened
    assert sum(document["count"] for document in numbers.workload) == opened


def quantiles(waits):
    """The number, the median and the 90th percentile of some seconds, by the nearest rank."""
    waits = sorted(max(wait, 0) for wait in waits)
    return (
        (len(waits), waits[(len(waits) - 1) // 2], waits[-(-9 * len(waits) // 10) - 1])
        if waits
        else (0, None, None)
    )


def whole(moment):
    return int(moment.replace(microsecond=0).timestamp())


@pytest.mark.parametrize("query", ["", "nulls", "squad:data OR is:assigned"])
@pytest.mark.parametrize("seed", range(3))
def test_waits_are_those_of_issues_one_by_one(fill, bob, seed, query):
    fill(Random(seed))
    numbers = numbers_of(bob, query)
    issues = list(Issue.objects.visible_to(bob).filter(read(query, bob, NOW).condition))

    resolved, acted = numbers.resolution, numbers.first_action

    for wait, action in zip(resolved, acted, strict=True):
        start, end = wait.days.moments(numbers.zone)
        ended = [i for i in issues if i.resolved_at and start <= i.resolved_at < end]
        assert wait[1:] == quantiles(whole(i.resolved_at) - whole(i.created_at) for i in ended)
        began = [i for i in issues if start <= i.created_at < end]
        firsts = [(i, next(iter(actions_of(i)), None)) for i in began]
        assert action[1:] == quantiles(whole(first) - whole(i.created_at) for i, first in firsts if first)
    assert sum(wait.number for wait in resolved) > 1
    assert sum(wait.number for wait in acted) > 1


def actions_of(issue):
    entries = HistoryEntry.objects.filter(issue=issue, position__gt=1).order_by("position")
    return [entry.created_at for entry in entries if entry.action in ACTED and entry.actor_id]


def test_a_comment_is_no_first_action(ops, bob):
    with at(NOW - timedelta(hours=3)):
        issue = IssueFactory(space=ops)
    with at(NOW - timedelta(hours=2), bob):
        CommentFactory(issue=issue, author=bob, is_internal=True)
    with at(NOW - timedelta(hours=1), bob):
        issue.refresh_from_db()
        issue.assignee = bob
        issue.save()

    found = numbers_of(bob).first_action

    assert found[-1][1:] == (1, 7_200, 7_200)


@pytest.mark.parametrize("query", ["", "nulls OR service:api"])
@pytest.mark.parametrize("seed", range(3))
def test_the_noisiest_are_those_seen_most_often(fill, bob, seed, query):
    fill(Random(seed))
    numbers = numbers_of(bob, query)
    start, end = LEFT[0].moments(numbers.zone)
    seen = Tally()
    for row in Occurrence.objects.filter(issue__in=numbers.filters.qs).select_related("issue__space"):
        if start <= row.at.replace(minute=0, second=0, microsecond=0) < end:
            seen[row.issue] += 1

    found = numbers.noisiest

    often = sorted((count for count in seen.values() if count > 1), reverse=True)
    assert [count for _, _, count in found] == often[:10]
    assert {(key, title, count) for key, title, count in found} <= {
        (issue.key, issue.title, count) for issue, count in seen.items()
    }
    assert found


def test_days_are_those_of_the_reader_s_time_zone(ops, bob):
    bob.time_zone = "America/New_York"
    IssueFactory(space=ops, created_at=datetime(2026, 2, 10, 4, tzinfo=UTC))

    numbers = numbers_of(bob)

    assert [step.days.first for step in numbers.flow if step.opened] == [date(2026, 2, 9)]


def test_open_issues_are_counted_back_from_now(ops, bob):
    with at(NOW - timedelta(days=60)):
        old, _ = IssueFactory(space=ops), IssueFactory(space=ops)
    with at(NOW - timedelta(days=2)):
        old.status = "resolved"
        old.save()

    steps = numbers_of(bob).flow

    assert [step.open for step in steps[-4:]] == [2, 1, 1, 1]
    assert [step.resolved for step in steps[-4:]] == [0, 1, 0, 0]


def test_a_long_period_is_shown_by_the_week(ops, bob):
    period = Days(date(2025, 3, 1), date(2026, 3, 1))
    with at(datetime(2025, 3, 2, tzinfo=UTC)):
        IssueFactory(space=ops)

    steps = numbers_of(bob, days=period).flow

    assert len(steps) == 53 and [len(step.days) for step in steps[:3]] == [2, 7, 7]
    assert [step.opened for step in steps[:3]] == [1, 0, 0]


# Periods.


@pytest.mark.parametrize(
    ("params", "first", "last"),
    [
        ({}, "2026-01-31", "2026-03-01"),
        ({"days": "7"}, "2026-02-23", "2026-03-01"),
        ({"days": "7", "from": "2026-01-01", "to": "2026-01-02"}, "2026-02-23", "2026-03-01"),
        ({"from": "2026-02-28"}, "2026-02-28", "2026-03-01"),
        ({"days": "custom", "to": "2026-01-30"}, "2026-01-01", "2026-01-30"),
        ({"days": "custom", "from": "2026-01-30", "to": "2026-01-30"}, "2026-01-30", "2026-01-30"),
    ],
)
def test_periods(params, first, last):
    assert period_of(params, date(2026, 3, 1)) == Days(*map(date.fromisoformat, (first, last)))


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"days": "8"}, "days"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-30"}, "from"),
        ({"to": "9999-12-31"}, "to"),
        ({"from": "0001-01-01"}, "from"),
        ({"from": "2026-03-02"}, "to"),
        ({"from": "2025-01-01", "to": "2026-01-02"}, "to"),
    ],
)
def test_periods_that_are_none(params, name):
    with pytest.raises(BadParameter) as error:
        period_of(params, date(2026, 3, 1))

    assert list(error.value.detail) == [name]


# The page.


@pytest.fixture
def opened(client, bob):
    """A function that opens the dashboard as bob."""
    client.force_login(bob)
    return lambda name="dashboard", headers=None, **params: client.get(reverse(name), params, headers=headers)


def test_marks_and_tables_lead_to_the_list(opened, ops, client):
    for status in ("open", "open", "resolved"):
        labelled({"squad": "data"}, space=ops, status=status, service="api")

    content = opened(q="service:api").content.decode()

    addresses = {unescape(address) for address in re.findall(r'href="(/issues/\?q=[^"]*)"', content)}
    assert len(addresses) > 100
    opened = next(address for address in addresses if "no%3Aassignee" in address)
    assert "OPS-2" in client.get(opened).content.decode()
    assert "OPS-3" not in client.get(opened).content.decode()


def fill_every_chart(space, person, label):
    now = datetime.now(UTC)
    with at(now - timedelta(hours=2)):
        issue = labelled({label: ""}, space=space, service="api")
    with at(now, person):
        issue.status = "resolved"
        issue.save()
        issue.count_sighting()
        issue.assignee = person
        issue.save()
        IssueFactory(space=space, status="resolved")


def test_every_chart_says_its_numbers_as_a_table_and_as_a_file(opened, ops, bob):
    fill_every_chart(ops, bob, "=1+1")

    content = opened().content.decode()

    for slug in CHARTS:
        assert f'id="{slug}"' in content and f"?chart={slug}" in content
        found = list(csv.reader(io.StringIO(export(opened, slug))))
        assert len(found) > 1 and len({len(line) for line in found}) == 1, slug
    *_, last = csv.reader(io.StringIO(export(opened, "first-action")))
    assert last[1:] == ["2", "1", "7200", "7200"]
    assert "'=1+1" in export(opened, "labels")


def test_days_are_written_for_people_on_the_page_and_for_programs_in_files(opened, ops, bob):
    with at(datetime(2026, 3, 1, tzinfo=UTC)):
        IssueFactory(space=ops)
    period = {"from": "2026-03-01", "to": "2026-03-02"}

    content = opened(headers={"accept-language": "de"}, **period).content.decode()

    assert "<h2>1. Mär 2026 bis 2. Mär 2026</h2>" in content
    assert "1 eröffnet, 1. Mär 2026" in content and "<bdi>1. Mär 2026</bdi>" in content
    assert '\n"2026-03-01","1","0","1"' in export(opened, "flow", **period)


def test_every_chart_is_a_picture_that_stands_alone(opened, ops, bob, settings):
    settings.BASE_URL = "https://tracker.example/"
    fill_every_chart(ops, bob, "a\x0bb <c>")
    light = set(re.findall(r"light-dark\((#[0-9a-f]{6}), ", Path("static/css/variables.css").read_text()))

    page, pictures = opened().content.decode(), {slug: svg(opened, slug) for slug in CHARTS}

    for slug, picture in pictures.items():
        links = [link.get("href") for link in ElementTree.fromstring(picture).iter(f"{SVG}a")]
        assert links and all(link.startswith("https://tracker.example/issues/") for link in links), slug
        assert set(re.findall("#[0-9a-f]{6}", picture)) <= light and "var(" not in picture
        assert f"{reverse('dashboard-export-svg')}?chart={slug}" in page
    assert "Eröffnet und gelöst" in pictures["flow"] and "a\ufffdb &lt;c&gt;" in pictures["labels"]


def svg(opened, slug):
    response = opened("dashboard-export-svg", {"accept-language": "de"}, chart=slug, q="space:OPS")
    assert response["Content-Type"] == "image/svg+xml"
    return response.getvalue().decode()


def export(opened, slug, **params):
    response = opened("dashboard-export", chart=slug, **params)
    return b"".join(response.streaming_content).decode("utf-8-sig")


def test_a_stranger_counts_nothing(client, ops, charlie):
    labelled({"squad": "secret"}, space=ops, service="payments")
    client.force_login(charlie)

    content = client.get(reverse("dashboard")).content.decode()

    assert "Nothing to count" in content
    assert "payments" not in content and "secret" not in content
    assert client.get(reverse("dashboard"), {"q": "space:OPS"}).status_code == 400


def test_who_is_in_no_space_is_told_so(client, db):
    client.force_login(UserFactory())

    response = client.get(reverse("dashboard"))

    assert response.status_code == 200 and b"You are in no space yet" in response.content


def test_whom_an_issue_hides_the_dashboard_hides(opened, ops, alice):
    with at(None, alice):
        IssueFactory(space=ops, reporter=alice, is_anonymous=True)

    assert "Alice" not in opened().content.decode()
    assert all("Alice" not in export(opened, slug) for slug in CHARTS)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"q": "levl:P1"}, "Did you mean"),
        ({"q": "a\x00"}, "NUL"),
        ({"days": "8"}, "days: One of 7, 30, 90, custom."),
        ({"from": "x"}, "from: A day as 2026-01-15."),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "to: At most 366 days; these are 2,193."),
        ({"space": "OPS"}, "space: There is no such parameter."),
    ],
)
def test_what_makes_no_sense_is_said(opened, params, said):
    response, file = opened(**params), opened("dashboard-export", chart="flow", **params)

    for answer in (response, file):
        assert answer.status_code == 400
        assert said in unescape(answer.content.decode())


def test_a_file_of_no_chart_is_refused(opened):
    response = opened("dashboard-export", chart="nothing")

    assert response.status_code == 400 and b"chart: One of flow" in response.content


@pytest.mark.parametrize("query", ["", "squad:data -level:P0"])
def test_the_page_costs_the_same_for_one_issue_and_for_fifty(opened, ops, bob, query):
    level = Level.objects.get(key="P1")

    def statements():
        with CaptureQueriesContext(connection) as captured:
            assert opened(q=query, days="90").status_code == 200
        return len(captured)

    def make(count):
        for number in range(count):
            labels = {"squad": "data", f"l{number}": ""}
            labelled(labels, space=ops, assignee=bob, service=f"s{number}", level=level)

    make(1)
    few = statements()
    make(49)

    assert statements() == few <= 20


# Axes and words.


@pytest.mark.parametrize(
    ("most", "last", "count"),
    [(0, 1, 2), (1, 1, 2), (4, 4, 5), (5, 6, 4), (9, 10, 3), (100, 100, 3), (1_001, 1_500, 4)],
)
def test_ticks_are_few_and_round(most, last, count):
    found = ticks(most)

    assert (found[0], found[-1], len(found)) == (0, last, count)


@pytest.mark.parametrize("most", [0, 59, 60, 3_599, 7_200, 86_400, 400_000, 40_000_000])
def test_ticks_of_waits_are_whole_units(most):
    found = wait_ticks(most)

    assert found[-1] >= most and len(found) <= 6
    assert all(len(lasting(tick).split()) <= 2 for tick in found)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0"), (59, "59 s"), (61, "1 min 1 s"), (7_200, "2 h"), (90_000, "1 d 1 h"), (86_401, "1 d")],
)
def test_waits_in_words(seconds, said):
    assert lasting(seconds) == said
