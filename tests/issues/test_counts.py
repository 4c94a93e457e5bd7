"""Counters tell the number of issues as a plain count would, whoever changed them and however."""

import re
import threading
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import product
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import connection, models, transaction
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issues.actor import Actor, acting_as
from issues.counts import (
    counted_all_but,
    counted_by,
    counted_members,
    counted_number,
    counted_ranges,
    counted_tags,
    counted_words,
    is_known_empty,
    total,
)
from issues.filters import IssueFilter
from issues.issue_rows import page
from issues.models import CountDelta, Issue, IssueCount, Level, Space
from issues.models.count import GRAINS, MONTHS, TAGS, differences, repair, tag_grain
from issues.orders import NEWEST_FIRST, ORDERS
from issues.query import read
from tests.factories import (
    ChannelFactory,
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    UserFactory,
)
from tests.processes import at_once

pytestmark = pytest.mark.django_db

STATUSES = Issue.Status.values
LABELS = [{}, {"team": "a"}, {"team": "b", "flaky": ""}, {"flaky": ""}]
VERBS = (
    "create",
    "sight",
    "trash",
    "restore",
    "status",
    "level",
    "assignee",
    "project",
    "title",
    "resource_type",
    "service",
    "environment",
    "is_read",
    "reporter",
    "is_anonymous",
    "labels",
    "channels",
    "teams",
    "due_on",
    "description",
    "languages",
    "last_version",
    "comment",
    "bulk",
    "fold",
)


def all_differences():
    return list(differences(list(Space.objects.values_list("pk", flat=True))))


def folded():
    """The counters, with nothing left for them."""
    CountDelta.objects.fold()
    return dict(IssueCount.objects.order_by("grain").values_list("grain", "number"))


@pytest.fixture
def populated(ops, bob):
    """Issues of two spaces of bob's and of a third, in many places, some of them folded."""
    data = MembershipFactory(user=bob, space__key="DATA").space
    for space in (ops, data, SpaceFactory()):
        project, level = ProjectFactory(space=space, name="Shop"), LevelFactory(space=space, key="own")
        channel = ChannelFactory(space=space, name=f"On call of {space.key}")
        environment = EnvironmentFactory(space=space, name="Production")
        team = TeamFactory(space=space, name=f"Payments of {space.key}")
        for number in range(12):
            issue = IssueFactory.build(
                space=space,
                status=STATUSES[number % 8],
                level=(level, Level.objects.get(key="P1"), None)[number % 3],
                assignee=(bob, None)[number // 2 % 2],
                project=(project, None, None, project, project)[number % 5],
                resource_type=("", "alert", "host")[number % 3],
                service=("payments", "", "s" * 256)[number % 3],
                environment=(None, None, environment)[number % 3],
                kind=("", "bug")[number % 2],
                error_type=("", "ValueError", "KeyError")[number % 3],
                platform=("iOS", "", "web")[number % 3],
                is_read=number % 4 == 1,
                reporter=(bob, None)[number // 3 % 2],
                is_crash=number % 6 == 2,
                is_anonymous=number % 5 == 3,
                description=("", "It fails.")[number % 2],
                error_message=("", "No such key")[number // 3 % 2],
                languages=([], ["Python"])[number % 2],
                fingerprint=("", f"print {number}")[number // 2 % 2],
                alert_id=("", "a-1")[number // 5 % 2],
                last_version=("", "", "1.2")[number % 3],
                due_on=(None, date(2026, 12, 1))[number // 4 % 2],
            )
            issue.labels, issue.channels = LABELS[number % 4], [channel] if number % 2 else []
            issue.teams = [team] if number % 3 == 1 else []
            issue.save()
        IssueFactory(space=space).trash()
        if space == data:
            CountDelta.objects.fold()
    return Issue.objects.visible_to(bob)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "is:open",
        "status:open,closed level:P1",
        "level:P1,own",
        "level:none is:done",
        "-level:P1",
        "-is:open assignee:me",
        "-level:none -level:own",
        "assignee:none project:Shop",
        "is:assigned",
        "no:project",
        "has:level",
        "severity:high",
        "space:OPS",
        "-space:OPS",
        "status:open OR status:closed",
        "level:P1 OR no:level",
        "status:open status:closed",
        "-(status:open OR status:closed)",
        "status:*",
        "(is:open level:P1)",
    ],
)
def test_counters_tell_what_a_query_of_their_dimensions_finds(populated, bob, query):
    issues = populated.filter(read(query, bob).condition)

    assert counted_number(issues) == issues.count()
    assert total(issues) == issues.count()
    for name in ("status", "level", "assignee", "project"):
        plain = issues.order_by().values_list(name).annotate(models.Count("pk"))
        assert sorted(counted_by(name, issues), key=str) == sorted(plain, key=str)


@pytest.mark.parametrize("name", ["project", "level", "assignee"])
def test_no_row_has_the_key_by_which_counters_know_that_there_is_none(populated, name):
    issues = populated.filter(**{f"{name}__in": [0]})

    assert (counted_number(issues), total(issues)) == (0, 0)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "is:open",
        "-status:open space:OPS",
        "status:closed",
        "level:P1,none",
        "is:open level:own,none",
        "-level:P1",
    ],
)
def test_counters_tell_how_often_there_is_which_tag(populated, bob, query):
    issues = populated.filter(read(query, bob).condition)

    for kind, column in (
        ("label", "label_rows__key"),
        ("channel", "channel_rows__channel"),
        ("source", "resource_type"),
        ("service", "service"),
        ("environment", "environment"),
        ("kind", "kind"),
    ):
        plain = issues.order_by().values_list(column).annotate(models.Count("pk"))
        there = [(str(value), number) for value, number in plain if value not in (None, "")]
        assert there and sorted(counted_tags(kind, issues)) == sorted(there)


@pytest.mark.parametrize(
    "query",
    [
        "label:team",
        "label:team is:open",
        "label:flaky space:OPS -status:open",
        "tag:x",
        "label:t*",
        "-label:team",
        "-label:flaky is:open space:DATA",
        "is:open (-label:team)",
        'channel:"On call of OPS"',
        '-channel:"On call of OPS" is:open',
        "env:Production",
        "-env:Production is:open",
        "env:Production space:OPS",
        "no:environment",
        "has:environment -is:done",
        "has:service",
        "no:service status:open",
        "no:kind",
        "has:kind space:OPS",
        "is:read",
        "is:unread is:open",
        "-is:unread",
        "is:crash",
        "-is:crash",
        "is:anonymous",
        "source.type:alert",
        "-source.type:alert,host",
        "source.type:a*",
        "service:PAYMENTS",
        "service:pay*",
        "service:(payments OR nothing) is:open",
        "-service:payments",
        "-service:(payments OR s*)",
        'service:""',
        "service:nothing",
        "-service:nothing status:open",
        "kind:BUG space:OPS",
        "kind:b?g",
        "error.type:valueerror",
        "platform:ios,web",
        "track:nothing",
        'team:"Payments of OPS"',
        '-team:"Payments of OPS" is:open',
        'team:"Payments of DATA" space:DATA -status:open',
        *(
            query
            for name in (
                "label",
                "channel",
                "team",
                "description",
                "source",
                "version",
                "error.message",
                "language",
                "fingerprint",
                "resolved",
                "closed",
                "due",
                "reporter",
            )
            for query in (f"has:{name}", f"no:{name} space:OPS", f"-no:{name} is:open", f"-has:{name}")
        ),
        "label:*",
        "no:source.type",
        "due:*",
        "label:team level:P1",
        "-label:team level:own is:open",
        "env:Production -level:P1",
        "has:due level:none,P1",
        "no:label level:none space:OPS",
        "label:t* severity:critical",
    ],
)
def test_counters_tell_how_many_have_one_tag_or_have_not(populated, bob, query):
    issues = populated.filter(read(query, bob).condition)

    assert counted_number(issues) == total(issues) == issues.count()


@pytest.mark.parametrize("query", ["assignee:me", "label:team", "project:Shop", "level:P1 project:Shop"])
def test_tags_of_issues_that_are_narrowed_by_more_than_status_and_level_no_counter_tells(
    populated, bob, query
):
    issues = populated.filter(read(query, bob).condition)

    assert [counted_tags(kind, issues) for kind in ("label", "channel", "source")] == [None] * 3


@pytest.mark.parametrize(
    "query",
    [
        "label:team label:flaky",
        "(label:team label:flaky) is:open",
        "-(label:team label:flaky)",
        "label:team OR label:flaky",
        "label:team,flaky",
        "-label:team -label:flaky",
        "-(label:team is:open)",
        "-label:team assignee:me",
        "label:team is:read",
        "is:read is:crash",
        "service:pay* service:*s",
        "-(service:pay* service:*s)",
        "service:payments -service:p*",
        "service:payments kind:bug",
        "env:Production project:Shop",
        'channel:"On call of OPS","On call of DATA"',
        "label:team:a",
        "label:*a*",
        "label:team level:P1 assignee:me",
        "has:label no:due",
        "has:label label:team",
        "no:due no:description",
        "no:due OR no:label",
        "has:team team:Payments*",
        "label.team:a",
        "shop",
        "number:3",
        "status:open OR level:P1",
        "-(status:open level:P1)",
        "created:>-1d",
        "seen:1",
    ],
)
def test_what_no_counter_tells_is_counted(populated, bob, query):
    issues = populated.filter(read(query, bob).condition)

    assert counted_number(issues) is None
    assert total(issues) == issues.count()


@pytest.mark.parametrize(
    "issues",
    [
        Issue.objects.filter(deleted_at=None),
        Issue.objects.filter(space__in=[1]),
        Issue.objects.filter(space__in=[1], deleted_at__isnull=False),
        Issue.objects.filter(~Q(space__in=[1]), deleted_at=None),
        Issue.objects.filter(space__in=[1], deleted_at=None, level__key="P1"),
        Issue.objects.filter(space__in=[1], deleted_at=None)[:2],
        Issue.objects.filter(space__in=[1], deleted_at=None).exclude(level__key="P1", status="open"),
        Issue.objects.filter(Q(space__in=[1]) | Q(status="open"), deleted_at=None),
        Issue.objects.filter(space__in=[1], deleted_at=None).union(Issue.objects.filter(space__in=[2])),
        Issue.objects.filter(Q(status="open") ^ Q(status="closed"), space__in=[1], deleted_at=None),
    ],
)
def test_issues_that_are_no_part_of_spaces_no_counter_tells(issues):
    assert counted_number(issues) is None


def test_nobody_s_issues_are_none(populated):
    stranger = UserFactory()

    assert total(Issue.objects.visible_to(stranger)) == 0
    assert total(Issue.objects.none()) == 0


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 5), st.integers(0, 7)), max_size=30))
def test_they_follow_every_change(turns):
    with transaction.atomic(), ExitStack() as stack:
        space, other = SpaceFactory(), SpaceFactory()
        levels = [None, LevelFactory(space=space), Level.objects.get(key="P0")]
        people, projects = [None, UserFactory()], [None, ProjectFactory(space=space)]
        environments = [None, EnvironmentFactory(space=space)]
        channels = [ChannelFactory(space=space) for _ in range(2)]
        teams = [TeamFactory(space=space) for _ in range(2)]
        IssueFactory(space=other)
        for turn, (verb, which, value) in enumerate(turns):
            at = datetime(2026, 1, 20, tzinfo=UTC) + timedelta(days=10 * turn)
            stack.enter_context(acting_as(lambda at=at: Actor(at=at)))
            issue = list(Issue.objects.filter(space=space).order_by("pk"))[which : which + 1]
            choices = {
                "status": STATUSES[value],
                "level": levels[value % 3],
                "assignee": people[value % 2],
                "project": projects[value % 2],
                "title": f"Title {value}",
                "resource_type": ("", "alert", "host")[value % 3],
                "service": ("payments", "", "search")[value % 3],
                "environment": environments[value % 2],
                "is_read": value % 2 == 1,
                "reporter": people[value // 2 % 2],
                "is_anonymous": value % 3 == 1,
                "labels": LABELS[value % 4],
                "channels": channels[: value % 3],
                "teams": teams[: value % 3],
                "due_on": (None, date(2026, 12, 1))[value % 2],
                "description": ("", "It fails.")[value % 2],
                "languages": ([], ["Python"])[value % 2],
                "last_version": ("", "1.2", "1.3")[value % 3],
            }
            if verb == "create" or not issue:
                fresh = Issue(space=space, fingerprint="f")
                for name, chosen in choices.items():
                    setattr(fresh, name, chosen)
                fresh.save()
            elif verb == "bulk":
                wanted = {name: choices[name] for name in list(choices)[value : value + 1 + which]}
                Issue.objects.filter(space=space).change(**wanted)
            elif verb == "fold":
                CountDelta.objects.fold()
            elif verb == "sight":
                Issue.sighted(space, "f")
            elif verb == "comment":
                CommentFactory(issue=issue[0])
            elif verb in ("trash", "restore"):
                getattr(issue[0], verb)()
            else:
                setattr(issue[0], verb, choices[verb])
                issue[0].save()

        assert all_differences() == []
        CountDelta.objects.fold()
        assert all_differences() == []
        assert not CountDelta.objects.exists()
        transaction.set_rollback(True)


def test_a_comment_and_a_title_are_no_delta(ops):
    with acting_as(lambda: Actor(at=MOMENTS[2])):
        issue = IssueFactory(space=ops)
        CountDelta.objects.fold()

        CommentFactory(issue=issue)
        issue.title = "Another"
        issue.save()

    assert not CountDelta.objects.exists()


def test_a_comment_of_another_month_moves_an_issue_to_that(ops):
    with acting_as(lambda: Actor(at=MOMENTS[2])):
        issue = IssueFactory(space=ops)
        CountDelta.objects.fold()

    with acting_as(lambda: Actor(at=MOMENTS[3])):
        CommentFactory(issue=issue)

    assert sorted(CountDelta.objects.values_list("tag", "number")) == [("2026-01", -1), ("2026-02", 1)]


def test_a_bulk_change_leaves_a_delta_for_each_place_in_one_statement(ops):
    for number in range(6):
        IssueFactory(space=ops, status=STATUSES[number % 2])
    CountDelta.objects.fold()

    with CaptureQueriesContext(
        connection,
    ) as captured:
        Issue.objects.filter(space=ops).change(status="closed")

    deltas = CountDelta.objects.filter(grain=0).values_list("status", "number")
    assert sorted(deltas) == [("acknowledged", -3), ("closed", 6), ("open", -3)]
    assert sum("issues_countdelta" in query["sql"] for query in captured.captured_queries) == 1


def test_a_new_issue_costs_one_statement(ops):
    with CaptureQueriesContext(connection) as captured:
        IssueFactory(space=ops)

    about = [query["sql"] for query in captured.captured_queries if "issues_count" in query["sql"]]
    assert [sql.split(" (")[0] for sql in about if "counter" not in sql] == ["INSERT INTO issues_countdelta"]


def test_there_is_a_counter_in_each_grain(ops):
    IssueFactory(space=ops)

    months = [tag_grain(kind) for kind in MONTHS]
    assert folded() == dict.fromkeys([*GRAINS, *months], 1)


def test_a_tag_is_counted_for_its_status_and_for_this_and_its_level(ops):
    IssueFactory(space=ops, kind="bug")

    grains = [tag_grain("kind"), tag_grain("kind", ("status", "level"))]
    assert [folded()[grain] for grain in grains] == [1, 1]


def test_more_deltas_are_left_than_one_statement_takes(ops):
    places = [(ops.pk, TAGS["label"], 0, "open", 0, 0, f"label {number}") for number in range(10_000)]

    CountDelta.objects.append(dict.fromkeys(places, 1))

    assert CountDelta.objects.count() == 10_000


def test_every_so_many_deltas_the_writer_folds_them(ops, monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr("issues.models.count.FOLD", 3)

    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(7):
            IssueFactory(space=ops)

    assert CountDelta.objects.count() < 7
    assert IssueCount.objects.exists()
    assert all_differences() == []


def test_the_command_folds_them(ops):
    IssueFactory(space=ops)
    said = StringIO()

    call_command("fold_counts", stdout=said)

    assert said.getvalue() == "3 changes folded.\n"
    assert not CountDelta.objects.exists()


def test_a_wrong_counter_is_found_and_repaired(ops):
    IssueFactory(space=ops)
    CountDelta.objects.fold()
    IssueFactory(space=ops, status="closed")
    wrong = IssueCount.objects.filter(grain=0)
    wrong.update(number=5)
    IssueCount.objects.filter(grain=1).delete()

    found, said = all_differences(), StringIO()
    call_command("check_derived", repair=True, stdout=said)

    assert "a counter of Operations (all issues) lacks -4\n" in said.getvalue()
    assert found == [(ops.pk, 0, 0, "", 0, 0, "", -4), (ops.pk, 1, 0, "", 0, 0, "", 1)]
    assert all_differences() == []
    assert total(Issue.objects.filter(space=ops, deleted_at=None)) == 2


def test_they_are_filled_from_issues_that_are_there(populated):
    CountDelta.objects.all().delete()
    IssueCount.objects.all().delete()

    repair(list(Space.objects.values_list("pk", flat=True)))

    assert all_differences() == []
    assert total(populated) == 24


@pytest.mark.parametrize(
    "query", ["", "is:open", "is:open level:P1 assignee:me", "-level:P1", "project:Shop"]
)
def test_a_total_is_one_statement_of_index_searches(populated, bob, query):
    issues = populated.filter(read(query, bob).condition)

    with CaptureQueriesContext(connection) as captured:
        total(issues)

    (statement,) = (query["sql"] for query in captured.captured_queries)
    plan = explained(statement)
    assert "issues_issuecount" in plan and "issues_countdelta" in plan
    assert not any(scan in plan for scan in ("SCAN issues", "Seq Scan"))


def explained(statement):
    """Each table with how the database would come to its rows if there were many."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}")
            return "\n".join(line for (line,) in cursor.fetchall() if " on " in line)
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        return "\n".join(row[3].partition(" USING")[0] for row in cursor.fetchall())


def test_an_exact_count_costs_the_same_for_many(api, bob, ops):
    client, costs = api(bob), []
    for count in (1, 20):
        for _ in range(count):
            IssueFactory(space=ops)
        with CaptureQueriesContext(connection) as captured:
            response = client.get("/api/issues/", {"count": "exact", "q": "is:open"})
        costs.append((len(captured), response.json()["count"]))

    assert costs[0][0] == costs[1][0]
    assert [number for _, number in costs] == [1, 21]


# What no counter tells is kept for a version of the spaces.


def counting(issues):
    """(total, how many statements counted issues)"""
    with CaptureQueriesContext(connection) as captured:
        number = total(issues)
    return number, sum("count(" in query["sql"].lower() for query in captured.captured_queries)


@pytest.mark.django_db(transaction=True)
def test_a_count_is_kept_until_something_changes_in_the_spaces(ops, bob):
    issue = IssueFactory(space=ops, resource_name="ios")
    issues = Issue.objects.visible_to(bob).filter(resource_name="ios")

    first, again = counting(issues), counting(issues)
    IssueFactory()
    elsewhere = counting(issues)
    issue.resource_name = "web"
    issue.save()

    assert [first, again, elsewhere, counting(issues)] == [(1, 1), (1, 0), (1, 0), (0, 1)]


@pytest.mark.django_db(transaction=True)
def test_what_is_no_history_is_never_kept(ops, bob):
    issue = IssueFactory(space=ops)
    issues = Issue.objects.visible_to(bob).filter(seen_count=1)

    first = counting(issues)
    issue.count_sighting()

    assert [first, counting(issues)] == [(1, 1), (0, 1)]


@pytest.mark.django_db(transaction=True)
def test_what_a_transaction_sees_is_not_kept(ops, bob):
    issues = Issue.objects.visible_to(bob).filter(resource_name="ios")
    with transaction.atomic():
        IssueFactory(space=ops, resource_name="ios")
        inside = counting(issues)
        transaction.set_rollback(True)
    IssueFactory(space=ops)

    assert [inside, counting(issues)] == [(1, 1), (0, 1)]


@pytest.mark.database("postgresql")
@pytest.mark.django_db(transaction=True)
def test_a_count_beside_a_change_under_way_is_not_kept(ops, bob):
    """Its entry may come before the last one that others see."""
    slow, quick = (IssueFactory(space=ops) for _ in range(2))
    issues = Issue.objects.visible_to(bob).filter(resource_name="ios")
    is_written, is_counted = threading.Event(), threading.Event()

    def change(issue):
        issue.resource_name = "ios"
        issue.save()

    def work(number):
        if number == 0:
            with transaction.atomic():
                change(slow)
                is_written.set()
                is_counted.wait(10)
            return None
        is_written.wait(10)
        change(quick)
        meanwhile = counting(issues)
        is_counted.set()
        return meanwhile

    _, meanwhile = at_once(2, work)

    assert [meanwhile, counting(issues)] == [(1, 1), (2, 1)]


# At once.


@pytest.mark.django_db(transaction=True)
def test_readers_see_each_issue_once_while_others_write_and_fold(ops, bob):
    issues = [IssueFactory(space=ops) for _ in range(4)]
    visible, is_done = Issue.objects.visible_to(bob), threading.Event()

    def work(number):
        if number < 4:
            for turn in range(12):
                mine = Issue.objects.get(pk=issues[number].pk)
                mine.status = STATUSES[(turn + 1) % 8]
                mine.save()
            return set()
        if number < 6:
            while not is_done.is_set():
                CountDelta.objects.fold()
            return set()
        seen = {total(visible) for _ in range(100)}
        is_done.set()
        return seen

    seen = at_once(7, work)

    assert seen[-1] == {4}
    assert all_differences() == []
    CountDelta.objects.fold()
    assert all_differences() == []


def test_members_of_a_set_are_counted_without_the_deleted_ones(ops, bob):
    team, channel = TeamFactory(space=ops), ChannelFactory(space=ops)
    for labels in ({"area": "cart"}, {"area": "cart", "flaky": ""}, {"area": "search"}, {"area": "cart"}):
        issue = IssueFactory.build(space=ops)
        issue.labels, issue.teams, issue.channels = labels, [team], [channel]
        issue.save()
    issue.trash()
    wanted = {"label": "area:cart", "team": str(team.uuid), "channel": str(channel.uuid)}
    filters = {
        name: IssueFilter({name: value}, request=SimpleNamespace(user=bob)) for name, value in wanted.items()
    }

    numbers = {name: counted_members(each) for name, each in filters.items()}

    assert numbers == {name: each.qs.count() for name, each in filters.items()}
    assert numbers == {"label": 2, "team": 3, "channel": 3}


def test_members_of_a_set_are_counted_in_the_spaces_of_the_filter_alone(ops, bob):
    for space in (ops, MembershipFactory(user=bob).space):
        for _ in range(2):
            issue = IssueFactory.build(space=space)
            issue.labels = {"area": "cart"}
            issue.save()
        issue.trash()

    here, nowhere = (
        IssueFilter({"q": "label:area:cart"}, request=SimpleNamespace(user=bob), spaces=spaces)
        for spaces in ([ops.pk], [SpaceFactory().pk])
    )

    assert (counted_members(here), counted_members(nowhere)) == (1, 0)


@pytest.fixture
def talked_about(ops, bob):
    """Issues of two spaces with words, of bob or of others; in one of the spaces he does not read notes."""
    shown = MembershipFactory(user=bob, role="viewer", space__key="DATA").space
    for space in (ops, shown, SpaceFactory()):
        for number, word in enumerate(("apple", "pear", "apple pear", "plum", "apple", "fig")):
            issue = IssueFactory(
                space=space,
                title=f"{word.title()} {number}",
                description="The words of the other thing",
                status=("open", "closed")[number % 2],
                assignee=(bob, None)[number // 2 % 2],
                reporter=bob if number < 2 else UserFactory(),
                languages=["go", "sql"] if number > 3 else [],
                due_on=f"20{28 + number}-05-05" if number < 4 else None,
            )
            CommentFactory(issue=issue, content="a quince", is_internal=number % 2 == 0)
        IssueFactory(space=space, title="An apple again", reporter=bob).trash()
    with acting_as(lambda: Actor(at=datetime(2020, 1, 1, tzinfo=UTC))):
        IssueFactory(space=ops, title="An early fig")


@pytest.mark.parametrize(
    ("by_index", "query"),
    [
        *(
            (counted_words, query)
            for query in (
                "apple", "apple OR fig", "apple pear", '"other thing"', '"thing other"', "app*", "quince",
                "apple is:open", "apple assignee:me", "pear no:assignee", "apple -pear", "-apple",
                "-apple -fig", "-quince is:open", "-apple -plum assignee:me", "space:DATA apple",
                '-"other thing"', "nothing", "-nothing",
            )
        ),
        *(
            (counted_ranges, query)
            for query in (
                "created:<2021-01-01", "created:>=2021-01-01", "created:[2019-01-01 TO 2022-01-01]",
                "updated:<2021-01-01", "created:>2000-01-01 space:OPS",
            )
        ),
        *(
            (counted_all_but, query)
            for query in (
                "-reporter:me", "-reporter:me is:open", "-reporter:me assignee:me space:OPS",
                "-language:go", "-language:go is:open", "-source:zzz space:OPS",
                "-due:<2030-01-01", "-due:>2030-01-01 is:done",
            )
        ),
    ],
)  # fmt: skip
def test_what_an_index_knows_is_counted_by_it_alone(talked_about, bob, by_index, query):
    filters = IssueFilter({"q": query}, request=SimpleNamespace(user=bob))

    number = by_index(filters)

    assert number == filters.qs.count()


@pytest.mark.parametrize(
    "query",
    ["has:label", "has:team is:open", "is:read", "-no:version", "-is:unread", "no:level", "no:level is:open"],
)
def test_for_what_no_issue_has_a_list_does_not_walk_by_all_of_them(ops, bob, query):
    IssueFactory(space=ops, level=Level.objects.get(key="P0"))
    filters = IssueFilter({"q": query}, request=SimpleNamespace(user=bob))

    with CaptureQueriesContext(connection) as captured:
        found = page(filters, ORDERS[NEWEST_FIRST], None, 50, ("id",))

    assert found.rows == []
    assert not [row["sql"] for row in captured if re.search('FROM "?issues_issue"? ', row["sql"])]


@pytest.mark.parametrize(
    "query", ["no:due", "-has:label", "is:unread", "status:closed", "has:due OR is:open"]
)
def test_nothing_is_known_to_be_empty_that_is_not_or_that_an_index_knows(ops, bob, query):
    IssueFactory(space=ops)
    filters = IssueFilter({"q": query}, request=SimpleNamespace(user=bob))

    assert not is_known_empty(filters)


MOMENTS = [
    datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 15, 12, tzinfo=UTC),
    datetime(2026, 2, 1, tzinfo=UTC),
    datetime(2026, 4, 30, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 5, 1, tzinfo=UTC),
    datetime(9999, 12, 30, tzinfo=UTC),
]


@pytest.mark.parametrize("is_folded", [True, False])
@pytest.mark.parametrize("column", ["created", "updated"])
def test_a_range_of_times_is_counted_by_its_whole_months_and_the_rest(ops, bob, column, is_folded):
    for at in MOMENTS:
        with acting_as(lambda at=at: Actor(at=at)):
            for status in ("open", "closed", "open"):
                issue = IssueFactory(space=ops, status=status)
            issue.trash()
    if is_folded:
        CountDelta.objects.fold()
    for after, before in product([None, *MOMENTS], repeat=2):
        bounds = {f"{column}_after": after, f"{column}_before": before}
        data = {name: at.isoformat() for name, at in bounds.items() if at}
        if not data:
            continue
        filters = IssueFilter(data, request=SimpleNamespace(user=bob))

        assert counted_ranges(filters) == filters.qs.count(), data


def test_of_years_only_their_ends_are_looked_for_in_the_index_of_times(ops, bob):
    data = {"created_after": "2020-01-10T00:00:00Z", "created_before": "2026-05-03T00:00:00Z"}
    with acting_as(lambda: Actor(at=MOMENTS[2])):
        IssueFactory(space=ops)
    # The index has one.
    CountDelta.objects.filter(grain=TAGS["created"]).update(number=5)

    assert counted_ranges(IssueFilter(data, request=SimpleNamespace(user=bob))) == 5


@pytest.mark.parametrize(
    "query", ["", "apple level:P1", "apple comments:>0", "-apple reporter:me", "is:open"]
)
@pytest.mark.parametrize("by_index", [counted_words, counted_ranges, counted_all_but])
def test_what_it_does_not_know_it_is_not_asked_for(talked_about, bob, by_index, query):
    assert by_index(IssueFilter({"q": query}, request=SimpleNamespace(user=bob))) is None


@pytest.mark.database("sqlite")
def test_what_is_deleted_is_found_along_the_index_that_has_nothing_else(db):
    spaces = [SpaceFactory().pk, SpaceFactory().pk]
    gone = Issue.objects.filter(space__in=spaces, deleted_at__isnull=False)

    for rows in (gone, gone.order_by("-pk")[:5], gone.filter(title__contains="x")):
        assert "issue_space_deleted" in rows.explain()
