"""The lean read path says what the ORM says: the same issues, in the same order, with the same documents."""

import random
import re
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace

import orjson
import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comments.models import Comment
from issues import conjuncts, issue_rows, paths, walks
from issues.actor import Actor, acting_as
from issues.filters import IssueFilter
from issues.models import Issue, Level
from issues.models.insert import table
from issues.orders import ORDERS, RELEVANCE
from issues.rows import OPTIONS
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
)

pytestmark = pytest.mark.django_db

SORTS = [name for name in ORDERS if name != RELEVANCE]
TIMES = [timezone.now().replace(microsecond=part) - timedelta(hours=part % 7) for part in (0, 5, 120_000)]


@pytest.fixture
def shelves(ops, alice, bob):
    """Sixty issues in three spaces, one of which alice does not see, with something in every field."""
    chance = random.Random(7)
    spaces = [ops, SpaceFactory(key="DATA"), SpaceFactory(key="ELSE")]
    MembershipFactory(user=alice, space=spaces[1], role="viewer")
    MembershipFactory(user=bob, space=spaces[1])
    own = {
        space: {
            "project": [None, ProjectFactory(space=space)],
            "environment": [None, EnvironmentFactory(space=space)],
            "level": [None, LevelFactory(space=space, key="S1"), *Level.objects.filter(space=None)[:2]],
            "teams": [[], [TeamFactory(space=space), TeamFactory(space=space)]],
            "channels": [[], [ChannelFactory(space=space)]],
        }
        for space in spaces
    }
    common = {
        "status": Issue.Status.values,
        "assignee": [None, alice, bob],
        "reporter": [None, alice, bob],
        "labels": [{}, {"squad": "db", "flaky": ""}, {"squad": "web"}],
        "is_anonymous": [False, True],
        "fingerprint": ["", "f1"],
        "due_on": [None, "2026-02-28"],
        "annotations": [{}, {"b": "1", "a": "\N{OWL}"}],
        "languages": [[], ["Go", "C"]],
        "kind": ["", "bug"],
        "error_type": ["", "ValueError"],
        "resource_id": ["", "t-1"],
        "is_crash": [False, True],
    }
    for _ in range(60):
        space = chance.choice(spaces)
        values = {name: chance.choice(choices) for name, choices in (common | own[space]).items()}
        sets = {name: values.pop(name) for name in ("labels", "teams", "channels")}
        with acting_as(lambda: Actor(source="import", at=chance.choice(TIMES))):
            issue = IssueFactory.build(space=space, **values)
            for name, members in sets.items():
                setattr(issue, name, members)
            issue.save()
            for _ in range(chance.choice([0, 0, 2])):
                CommentFactory(issue=issue, is_internal=chance.choice([True, False]))
        if chance.random() < 0.1:
            issue.trash()
    return own | {"people": [alice, bob], "spaces": spaces}


def parameters_of(shelves, chance):
    """Parameters of a list, some of them narrow and some wide, together or alone."""
    space = chance.choice(shelves["spaces"][:2])
    own = shelves[space]
    choices = {
        "space": [space.key],
        "status": ["open", "resolved,closed", ",".join(Issue.Status.values)],
        "level": ["none", "S1", "P0,none", "P0,P1"],
        "assignee": ["me", "none", str(shelves["people"][1].uuid), "bob@example.com"],
        "reporter": ["me", str(shelves["people"][1].uuid)],
        "project": ["none", str(own["project"][1].uuid)],
        "environment": ["none", str(own["environment"][1].uuid)],
        "team": [str(own["teams"][1][0].uuid)],
        "channel": [str(own["channels"][1][0].uuid)],
        "label": ["squad", "squad:db", "flaky: ", "nothing"],
        "fingerprint": ["f1"],
        "created_after": [TIMES[1].isoformat()],
        "updated_before": [TIMES[2].isoformat()],
        "q": [
            "is:open",
            "label:flaky squad:db",
            "level:P0 -label:squad",
            "assignee:(me OR none)",
            "kind:bug",
            "s*",
            "is:open s*",
            "s* OR kind:bug",
            "-s* OR label:squ*",
            "label:squ* -kind:bug",
            "error.type:valueerror",
            "kind:(bug OR task) -is:crash",
            "language:go s*",
            "s* OR number:<9",
            "number:>20 -status:open",
            "-number:>20 -updated:<2026-01-03",
            "-(number:>30 OR is:open OR label:flaky OR s*)",
            "-(label:squ* kind:bug) -(is:done OR number:<4)",
            "number:[5 TO 30] -is:mine",
            f"key:{space.key}-3 OR key:{space.key}-4 OR label:flaky",
            "is:mine OR label:flaky OR s*",
            "(number:7 OR team:*) is:open",
            "due:<2026-03-01 is:open",
            "is:open is:unassigned",
            "status:open,resolved no:assignee -kind:bug",
            "is:open (is:unassigned OR status:open label:flaky)",
        ],
    }
    names = chance.sample(list(choices), chance.choice([0, 1, 1, 2, 3]))
    return {name: chance.choice(choices[name]) for name in names}


def in_order(issues, order):
    """Issues of a queryset sorted in memory."""
    found = sorted(issues, key=lambda issue: issue.pk, reverse=order.id_descending)
    if order.column:
        found.sort(key=lambda issue: getattr(issue, order.column), reverse=order.is_descending)
    return [str(issue.uuid) for issue in found]


def read_to_the_end(filters, order, size):
    """The ids of all pages from the first to the last, and of the way back from the last."""
    there, back, cursor = [], [], None
    while True:
        page = issue_rows.page(filters, order, cursor, size, ("id",))
        there += [row["id"] for row in page.rows]
        if page.next is None:
            break
        cursor = page.next
    while cursor := page.previous:
        page = issue_rows.page(filters, order, cursor, size, ("id",))
        back[:0] = [row["id"] for row in page.rows]
    return there, back


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9), few=st.booleans(), parts=st.booleans())
def test_a_list_read_page_by_page_is_what_the_orm_finds(shelves, alice, seed, few, parts):
    chance = random.Random(seed)
    filters = IssueFilter(parameters_of(shelves, chance), request=SimpleNamespace(user=alice))
    order, size = ORDERS[chance.choice(SORTS)], chance.choice([1, 3, 50])

    with pytest.MonkeyPatch.context() as patch:
        if parts:
            patch.setattr(conjuncts, "BRANCHES", 3)
            patch.setattr(conjuncts, "SPACES", 1)
        if few:
            patch.setattr(conjuncts, "RARE", 3)
            patch.setattr(conjuncts, "OF_VALUES", 5)
            patch.setattr(paths, "OF_SPACE", 3)
            patch.setattr(conjuncts, "LISTS", 0)
            patch.setattr(walks, "SPARE", 1)
            patch.setattr(walks, "MERGED", 2)
        patch.setattr(walks, "MANY_PARTS", chance.choice([1, 8]))
        patch.setattr(walks, "NEAR", chance.choice([1, 4, 30]))
        there, back = read_to_the_end(filters, order, size)

    wanted = in_order(filters.qs, order)
    assert there == wanted
    assert back == wanted[: len(back)]
    assert len(back) >= len(wanted) - size


@pytest.mark.parametrize("merged", [1, walks.MERGED])
@pytest.mark.parametrize("sort", ["-number", "number"])
def test_a_word_is_found_however_far_its_issues_are_from_each_other(ops, alice, monkeypatch, sort, merged):
    monkeypatch.setattr(walks, "MERGED", merged)
    # At the first and the last of each window's blocks.
    far = (0, 1, 2, 7, 8, 23, 24, 39, 40, 71, 72, 100)
    gaps = [following - block for block, following in pairwise(far)]
    for blocks in [0, *(gaps if sort == "number" else reversed(gaps))]:
        table(Issue).new_keys(blocks * 4_096)
        IssueFactory(space=ops, title="Squall")

    filters = IssueFilter({"q": "squall"}, request=SimpleNamespace(user=alice))
    found = [read_to_the_end(filters, ORDERS[sort], size) for size in (3, 50)]

    wanted = in_order(filters.qs, ORDERS[sort])
    assert len(wanted) == len(far)
    assert found == [(wanted, wanted[:-3]), (wanted, [])]


@pytest.mark.parametrize("spare", [0, 1, walks.SPARE])
@pytest.mark.parametrize("label", ["squad", "squad:db"])
def test_what_lies_behind_deleted_issues_is_on_the_page_of_a_label(ops, alice, monkeypatch, label, spare):
    monkeypatch.setattr(walks, "SPARE", spare)
    data = SpaceFactory(key="DATA")
    MembershipFactory(user=alice, space=data)
    issues = [IssueFactory.build(space=(ops, data)[number % 2]) for number in range(12)]
    for issue in issues:
        issue.labels = {"squad": "db"}
        issue.save()
    for issue in (issues[3], *issues[-4:]):
        issue.trash()

    filters = IssueFilter({"label": label}, request=SimpleNamespace(user=alice))
    found = {sort: read_to_the_end(filters, ORDERS[sort], 2)[0] for sort in SORTS}

    assert found == {sort: in_order(filters.qs, ORDERS[sort]) for sort in SORTS}
    assert len(found[SORTS[0]]) == 7


@pytest.mark.parametrize("wanted", ["label", "team"])
def test_a_page_by_number_of_one_label_or_team_is_found_without_the_pages_before_it(ops, alice, wanted):
    team = TeamFactory(space=ops)
    issues = [IssueFactory.build(space=ops) for _ in range(7)]
    for issue in issues:
        issue.labels, issue.teams = {"squad": "db"}, [team]
        issue.save()
    issues[2].trash()

    filters = IssueFilter(
        {wanted: "squad" if wanted == "label" else str(team.uuid)}, request=SimpleNamespace(user=alice)
    )
    page = issue_rows.numbered_page(filters, ORDERS[SORTS[0]], 2, 2, ("id",), 6)

    assert [row["id"] for row in page] == in_order(filters.qs, ORDERS[SORTS[0]])[2:4]


@pytest.mark.parametrize("near", [1, 6, walks.NEAR])
def test_a_page_goes_on_where_too_few_are_near(ops, alice, monkeypatch, near):
    monkeypatch.setattr(walks, "MANY_PARTS", 1)
    monkeypatch.setattr(walks, "NEAR", near)
    data = SpaceFactory(key="DATA")
    MembershipFactory(user=alice, space=data)
    for number in range(24):
        assignee = None if number in (2, 3, 9, 10, 11, 19, 20, 21) else alice
        IssueFactory(space=(ops, data)[number % 2], assignee=assignee)

    filters = IssueFilter({"assignee": "none", "project": "none"}, request=SimpleNamespace(user=alice))
    found = {sort: read_to_the_end(filters, ORDERS[sort], 3) for sort in SORTS}

    wanted = {sort: in_order(filters.qs, ORDERS[sort]) for sort in SORTS}
    assert found == {sort: (ids, ids[:6]) for sort, ids in wanted.items()}
    assert len(wanted[SORTS[0]]) == 8


@pytest.mark.parametrize("more", ["", "is:open", "comments:0", "label:squad", "is:anonymous", "level:none"])
@pytest.mark.parametrize("space", ["", "OPS"])
def test_what_nobody_told_is_found_beside_anything_else(ops, alice, monkeypatch, space, more):
    monkeypatch.setattr(walks, "MANY_PARTS", 1)
    data = SpaceFactory(key="DATA")
    MembershipFactory(user=alice, space=data)
    for number in range(20):
        reporter, is_anonymous = (alice, number % 5 == 0) if number % 2 else (None, False)
        issue = IssueFactory.build(
            space=(ops, data)[number % 4 == 0], reporter=reporter, is_anonymous=is_anonymous
        )
        issue.labels = {"squad": ""} if number % 3 else {}
        issue.save()

    asked = {"q": f"no:reporter {more}"} | ({"space": space} if space else {})
    filters = IssueFilter(asked, request=SimpleNamespace(user=alice))
    found = {sort: read_to_the_end(filters, ORDERS[sort], 2) for sort in SORTS}

    wanted = {sort: in_order(filters.qs, ORDERS[sort]) for sort in SORTS}
    assert {sort: there for sort, (there, _) in found.items()} == wanted
    assert all(back == wanted[sort][: len(back)] for sort, (_, back) in found.items())
    assert wanted[SORTS[0]]


@pytest.mark.parametrize(
    "more",
    ["is:open", "status:open,pending", "status:open,closed", "is:open level:none", "is:open comments:0",
     "is:open label:squad", "is:open project:none", "is:open (is:mine OR level:P0)", "is:open titled",
     "is:open number:>26", "status:open number:>20 created:>-1d", "is:open (label:squad OR is:mine)"],
)  # fmt: skip
@pytest.mark.parametrize("rare", [2, conjuncts.RARE])
@pytest.mark.parametrize("either", ["no:assignee", "(no:assignee OR status:open label:flaky)"])
def test_what_is_nobody_s_is_found_beside_anything_else(ops, alice, monkeypatch, either, rare, more):
    for module, name, value in (
        (conjuncts, "RARE", rare),
        (paths, "OF_SPACE", rare + 4),
        (walks, "MANY_PARTS", 1),
    ):
        monkeypatch.setattr(module, name, value)
    data, statuses = SpaceFactory(key="DATA"), ["open", "pending", "closed", "in_progress", "open"]
    MembershipFactory(user=alice, space=data)
    for number in range(40):
        issue = IssueFactory.build(
            space=(ops, data)[number % 4 == 0],
            title=f"Titled {number}",
            status=statuses[number % 5],
            assignee=None if number % 3 else alice,
            level=None if number % 7 else Level.objects.get(key="P0"),
        )
        issue.labels = {"squad": ""} if number % 8 else {"flaky": ""}
        issue.save()
        if number % 11 == 0:
            issue.trash()

    filters = IssueFilter({"q": f"{either} {more}"}, request=SimpleNamespace(user=alice))
    found = {sort: read_to_the_end(filters, ORDERS[sort], 2) for sort in SORTS}

    wanted = {sort: in_order(filters.qs, ORDERS[sort]) for sort in SORTS}
    assert {sort: there for sort, (there, _) in found.items()} == wanted
    assert all(back == wanted[sort][: len(back)] for sort, (_, back) in found.items())
    assert wanted[SORTS[0]]


@pytest.mark.parametrize(
    "query",
    [
        "number:<9",
        "number:>2 is:open",
        "number:<9 assignee:none project:none",
        "number:<10 label:squad",
        "number:<9 kind:bug OR number:<9 label:squad",
        "number:<9 (label:squ* OR is:unread)",
        "created:>-1d",
    ],
)
@pytest.mark.parametrize("of_space", [0, 6, paths.OF_SPACE])
@pytest.mark.parametrize("rare", [2, conjuncts.RARE])
def test_a_range_in_many_spaces_is_read_page_by_page(ops, alice, monkeypatch, query, of_space, rare):
    for module, name, value in (
        (walks, "MANY_PARTS", 1),
        (walks, "NEAR", 4),
        (conjuncts, "RARE", rare),
        (conjuncts, "OF_VALUES", rare),
        (paths, "OF_SPACE", of_space),
    ):
        monkeypatch.setattr(module, name, value)
    data = SpaceFactory(key="DATA")
    MembershipFactory(user=alice, space=data)
    for number in range(20):
        issue = IssueFactory.build(space=(ops, data)[number % 3 == 0], assignee=None)
        issue.labels = {"squad": ""} if number % 5 else {}
        issue.save()

    filters = IssueFilter({"q": query}, request=SimpleNamespace(user=alice))
    found = {sort: read_to_the_end(filters, ORDERS[sort], 5) for sort in SORTS}

    wanted = {sort: in_order(filters.qs, ORDERS[sort]) for sort in SORTS}
    assert {sort: there for sort, (there, _) in found.items()} == wanted
    assert all(back == wanted[sort][: len(back)] for sort, (_, back) in found.items())
    assert len(wanted[SORTS[0]]) > 10


def test_a_range_leaves_a_list_its_other_ways(ops, alice, monkeypatch):
    monkeypatch.setattr(conjuncts, "RARE", 0)
    monkeypatch.setattr(paths, "OF_SPACE", 0)
    IssueFactory(space=ops, title="Zebra crossing")

    filters = IssueFilter({"q": "created:>-1d (zebra OR number:3)"}, request=SimpleNamespace(user=alice))
    sql, _ = walks.ids_of(filters.spaces, filters.conditions, ORDERS[SORTS[0]])

    assert " UNION SELECT id FROM (" in sql


@pytest.mark.parametrize("lists", [0, conjuncts.LISTS])
@pytest.mark.parametrize("sort", SORTS)
def test_words_and_labels_go_on_where_a_page_ended(ops, alice, sort, lists, monkeypatch):
    monkeypatch.setattr(conjuncts, "LISTS", lists)
    for number in range(30):
        with acting_as(lambda: Actor(source="import", at=TIMES[0])):
            issue = IssueFactory.build(space=ops, title=("Tree", "Trunk", "Leaf")[number % 3], description="")
            issue.labels = {("squad", "squall", "flaky")[number % 3]: ""}
            issue.save()

    for query in ("tr*", "is:open tr*", "title:tr*", "label:squ*", "tr* OR kind:bug", "-leaf"):
        filters = IssueFilter({"q": query}, request=SimpleNamespace(user=alice))
        there, back = read_to_the_end(filters, ORDERS[sort], 3)
        wanted = in_order(filters.qs, ORDERS[sort])
        assert (len(wanted), there, back) == (20, wanted, wanted[: len(back)]), query


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("query", ["tr*", "is:open tr*", "label:squ*", "tr* OR kind:bug", "-leaf"])
@pytest.mark.parametrize("spaces", [0, conjuncts.SPACES])
@pytest.mark.parametrize("sort", SORTS)
def test_no_index_is_gone_along_by_keys_and_by_a_bound_of_keys(ops, alice, monkeypatch, query, spaces, sort):
    # SQLite 3.40 forgets the bound, and pages come again and again; but only where there are many rows.
    monkeypatch.setattr(conjuncts, "SPACES", spaces)
    issue, order = IssueFactory.build(space=ops), ORDERS[sort]
    issue.labels = {"squad": ""}
    issue.save()
    filters = IssueFilter({"q": query}, request=SimpleNamespace(user=alice))
    key = (*([getattr(issue, order.column)] if order.column else []), issue.uuid)

    sql, parameters = walks.ids_of(filters.spaces, filters.conditions, order, key)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        plan = [step for *_, step in cursor.fetchall()]

    assert plan and not [step for step in plan if re.search(r"id=\? AND rowid[<>]", step)]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9))
def test_pages_by_number_are_parts_of_what_the_orm_finds(shelves, alice, seed):
    chance = random.Random(seed)
    wanted = parameters_of(shelves, chance)
    filters = IssueFilter(wanted | {"sort": chance.choice(SORTS)}, request=SimpleNamespace(user=alice))
    order, size = filters.order(), chance.choice([1, 3, 7])
    whole = in_order(filters.qs, order)
    cache.clear()

    for number in chance.choices(range(1, len(whole) // size + 3), k=6):
        page = issue_rows.numbered_page(filters, order, number, size, ("id",), len(whole))
        assert [row["id"] for row in page] == whole[(number - 1) * size : number * size]


def person_of(user):
    return user and {"id": user.uuid, "name": user.name, "email": user.email, "avatar_url": None}


def named(row):
    return row and {"id": row.uuid, "name": row.name}


def plain_document(issue):
    """The document of an issue, made from instances."""
    level, space = issue.level, issue.space
    everything = [*space.channels.filter(is_default=True).order_by("pk")]
    routed = [row.channel for row in issue.channel_rows.order_by("pk")]
    public = Comment.objects.filter(issue=issue, deleted_at=None, is_internal=False)
    return {
        "id": issue.uuid,
        "key": issue.key,
        "number": issue.number,
        "space": {"id": space.uuid, "key": space.key, "name": space.name},
        "title": issue.title,
        "description": issue.description,
        "description_html": issue.description_rendered,
        "description_format": issue.description_format,
        "status": issue.status,
        "resolution": issue.resolution,
        "level": level
        and {
            "id": level.uuid,
            "key": level.key,
            "name": level.name,
            "severity": level.severity,
            "color": level.color,
        },
        "assignee": person_of(issue.assignee),
        "reporter": None if issue.is_anonymous else person_of(issue.reporter),
        "is_anonymous": issue.is_anonymous,
        "teams": [named(row.team) for row in issue.team_rows.order_by("pk")],
        "project": named(issue.project),
        "environment": named(issue.environment),
        "channels": [named(channel) for channel in everything + routed],
        "labels": {row.key: row.value for row in issue.label_rows.order_by("pk")},
        "annotations": issue.annotations,
        "kind": issue.kind or None,
        "reason": issue.reason,
        "source": {
            "type": issue.resource_type or None,
            "id": issue.resource_id or None,
            "name": issue.resource_name or None,
            "alert_id": issue.alert_id or None,
        },
        "error": {
            "type": issue.error_type or None,
            "message": issue.error_message or None,
            "file_path": issue.file_path or None,
            "function_name": issue.function_name or None,
            "is_crash": issue.is_crash,
            "languages": issue.languages,
            "platform": issue.platform or None,
            "track": issue.track or None,
            "service": issue.service or None,
            "first_version": issue.first_version or None,
            "last_version": issue.last_version or None,
        },
        "fingerprint": issue.fingerprint or None,
        "seen_count": issue.seen_count,
        "first_seen_at": issue.first_seen_at,
        "last_seen_at": issue.last_seen_at,
        "comment_count": public.count(),
        "attachments": [],
        "is_read": issue.is_read,
        "due_on": issue.due_on,
        "version": issue.version,
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "resolved_at": issue.resolved_at,
        "closed_at": issue.closed_at,
    }


def as_json(documents):
    """Documents as a client reads them."""
    return orjson.loads(orjson.dumps(list(documents), option=OPTIONS))


def test_a_document_says_what_the_instances_say(shelves, alice):
    filters = IssueFilter({}, request=SimpleNamespace(user=alice))

    page = issue_rows.page(filters, ORDERS["-number"], None, 100, tuple(issue_rows.ISSUE))

    issues = Issue.objects.visible_to(alice).order_by("-pk")
    assert len(page.rows) > 20
    assert as_json(page.rows) == as_json(map(plain_document, issues))


def test_a_single_document_is_the_one_of_the_list(shelves, alice):
    filters = IssueFilter({}, request=SimpleNamespace(user=alice))
    page = issue_rows.page(filters, ORDERS["-number"], None, 100, tuple(issue_rows.ISSUE))

    by_uuid = [issue_rows.document(alice.space_roles(), row["id"]) for row in page.rows]
    by_key = [issue_rows.document(alice.space_roles(), row["key"].lower()) for row in page.rows]

    assert as_json(by_uuid) == as_json(by_key) == as_json(page.rows)
