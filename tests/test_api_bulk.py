"""Many issues changed at once: previewed exactly, and all or none."""

from uuid import uuid4

import pytest

from issues.models import HistoryEntry, Issue
from tests.factories import (
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

BULK = "/api/issues/bulk/"


def send(client, **body):
    return client.post(BULK, body, content_type="application/json")


def ids(*issues):
    return [str(issue.uuid) for issue in issues]


def rows():
    return list(Issue.objects.order_by("pk").values()), HistoryEntry.objects.exclude(issue=None).count()


def pointers(response):
    return [error["pointer"] for error in response.json()["errors"]]


@pytest.fixture
def three(ops, bob):
    """An open, a resolved and a closed issue."""
    made = []
    for status, labels in (("open", {"a": "1"}), ("resolved", {}), ("closed", {"b": ""})):
        issue = Issue(space=ops, title=f"It is {status}", status=status, reporter=bob)
        issue.labels = labels
        issue.save()
        made.append(issue)
    return made


def test_issues_are_changed_by_id_in_any_spelling(api, bob, three):
    first, second, _ = three
    spelled = [str(first.uuid).upper(), second.uuid.hex, str(second.uuid)]

    response = send(api(bob), ids=spelled, set={"is_read": True})

    assert response.status_code == 200, response.content
    assert (response.json()["matched"], response.json()["changed"]) == (2, 2)
    assert list(Issue.objects.order_by("pk").values_list("is_read", flat=True)) == [True, True, False]


SETS = [
    {"status": "closed"},
    {"status": "closed", "resolution": "negated"},
    {"status": "closed", "resolution": "ignored"},
    {"status": "open"},
    {"level": "S1"},
    {"level": None},
    {"assignee": "alice@example.com"},
    {"project": "{project}", "teams": ["{team}"]},
    {"labels": {"a": "1"}},
    {"labels": {}},
    {"add_labels": {"a": "2", "c": ""}, "remove_labels": ["b"]},
    {"is_read": True, "due_on": "2026-02-28"},
    {"is_read": False},
]


@pytest.mark.parametrize("wanted", SETS, ids=str)
def test_a_preview_says_what_then_happens(api, bob, alice, ops, three, wanted):
    LevelFactory(space=ops, key="S1", name="Severe")
    names = {"project": ProjectFactory(space=ops).uuid, "team": TeamFactory(space=ops).uuid}
    wanted = {
        key: [v.format(**names) for v in value]
        if isinstance(value, list)
        else value.format(**names)
        if isinstance(value, str)
        else value
        for key, value in wanted.items()
    }
    before = rows()

    preview = send(api(bob), filter={}, set=wanted, dry_run=True).json()
    untouched = rows()
    done = send(api(bob), filter={}, set=wanted).json()

    assert untouched == before
    assert done == preview | {"dry_run": False}
    assert preview["matched"] == 3
    entries = HistoryEntry.objects.filter(source="api")
    told = {
        (str(uuid), field, old or None, new or None)
        for uuid, field, old, new in entries.values_list("issue__uuid", "field", "old_display", "new_display")
    }
    promised = [
        (item["id"], change["field"], change["old"], change["new"])
        for item in preview["items"]
        for change in item["changes"]
    ]
    assert set(promised) == told
    assert len(promised) == entries.count()
    assert preview["changed"] == len(preview["items"]) == entries.values("issue").distinct().count()
    assert entries.values("batch").distinct().count() <= 1


def test_a_second_time_changes_nothing(api, bob, three):
    send(api(bob), filter={}, set={"status": "closed", "add_labels": {"x": "y"}})
    before = rows()

    again = send(api(bob), filter={}, set={"status": "closed", "add_labels": {"x": "y"}}).json()

    assert (again["matched"], again["changed"], again["items"]) == (3, 0, [])
    assert rows() == before


def test_each_entry_is_that_of_a_single_change(api, bob, ops):
    together, alone = IssueFactory(space=ops, title="x"), IssueFactory(space=ops, title="x")
    wanted = {"status": "closed", "add_labels": {"a": "b"}, "is_read": True}

    send(api(bob), ids=ids(together), set=wanted)
    api(bob).patch(f"/api/issues/{alone.uuid}/", wanted, content_type="application/json")

    histories = [
        [
            {
                name: entry[name]
                for name in entry
                if name not in ("id", "issue", "request_id", "batch", "created_at", "hash")
            }
            for entry in api(bob).get(f"/api/issues/{issue.uuid}/history/").json()["results"]
        ][1:]
        for issue in (together, alone)
    ]
    assert histories[0] == histories[1]
    assert len(histories[0]) == 3


def test_a_filter_takes_the_parameters_of_the_list(api, bob, three):
    response = send(api(bob), filter={"status": "open,resolved", "q": "open"}, set={"is_read": True})

    assert [item["key"] for item in response.json()["items"]] == ["OPS-1"]


def test_a_filter_reaches_one_s_own_spaces_alone(api, bob, three):
    foreign = IssueFactory(space=SpaceFactory())

    response = send(api(bob), filter={}, set={"is_read": True})

    assert response.json()["matched"] == 3
    assert Issue.objects.get(pk=foreign.pk).is_read is False


def test_deleted_issues_are_left_alone(api, bob, three):
    three[0].trash()

    by_filter = send(api(bob), filter={}, set={"is_read": True})
    by_id = send(api(bob), ids=ids(three[0]), set={"is_read": True})

    assert by_filter.json()["matched"] == 2
    assert (by_id.status_code, pointers(by_id)) == (404, ["/ids/0"])


def test_unknown_and_foreign_ids_are_refused_by_place_and_nothing_happens(api, bob, three):
    foreign = IssueFactory(space=SpaceFactory())
    before = rows()
    named = [*ids(three[0]), str(uuid4()), *ids(three[1], foreign), "OPS-1", "x"]

    responses = [
        send(api(bob), ids=named, set={"is_read": True}, dry_run=dry_run) for dry_run in (False, True)
    ]

    for response in responses:
        assert response.status_code == 404
        assert pointers(response) == ["/ids/1", "/ids/3", "/ids/4", "/ids/5"]
        assert len({error["detail"] for error in response.json()["errors"]}) == 1
    assert rows() == before


def test_a_thousand_ids_are_taken_and_one_more_is_not(api, bob, three):
    thousand = [*ids(three[0]), *(str(uuid4()) for _ in range(999))]

    at_limit = send(api(bob), ids=thousand, set={"is_read": True})
    over = send(api(bob), ids=[*thousand, "x"], set={"is_read": True})

    assert (at_limit.status_code, len(pointers(at_limit))) == (404, 999)
    assert (over.status_code, pointers(over)) == (400, ["/ids"])


def test_an_answer_lists_so_many_changes_and_counts_them_all(api, bob, three, monkeypatch):
    monkeypatch.setattr("issues.viewsets.BULK", 2)

    answers = [send(api(bob), filter={}, set={"is_read": True}, dry_run=n) for n in (True, False)]

    assert [response.json()["changed"] for response in answers] == [3, 3]
    assert [[item["key"] for item in response.json()["items"]] for response in answers] == [
        ["OPS-1", "OPS-2"]
    ] * 2


@pytest.mark.parametrize(
    ("wanted", "status", "pointer"),
    [
        ({"level": "P9"}, 404, "/set/level"),
        ({"assignee": "charlie@example.com"}, 404, "/set/assignee"),
        ({"project": "x"}, 404, "/set/project"),
        ({"teams": ["x"]}, 404, "/set/teams/0"),
        ({"labels": {"k" * 65: ""}}, 400, "/set/labels"),
        ({"add_labels": {"": ""}}, 400, "/set/add_labels"),
        ({"add_labels": {f"k{n}": "" for n in range(51)}}, 400, "/set/labels"),
        ({"status": "done"}, 400, "/set/status"),
        ({"title": "x"}, 400, "/set/title"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_set_is_refused_with_its_place(api, bob, charlie, three, wanted, status, pointer):
    before = rows()

    responses = [send(api(bob), filter={}, set=wanted, dry_run=dry_run) for dry_run in (False, True)]

    assert [response.status_code for response in responses] == [status] * 2, responses[0].content
    assert [pointers(response) for response in responses] == [[pointer]] * 2
    assert rows() == before


def test_one_issue_that_cannot_take_it_keeps_all_from_changing(api, bob, ops, three):
    full = Issue(space=ops, title="Full")
    full.labels = {f"k{n}": "" for n in range(50)}
    full.save()
    before = rows()

    response = send(api(bob), filter={}, set={"add_labels": {"one more": ""}})

    assert response.status_code == 400
    assert rows() == before


def test_one_space_in_which_one_only_views_keeps_all_from_changing(api, bob, three):
    other = SpaceFactory()
    MembershipFactory(user=bob, space=other, role="viewer")
    seen = IssueFactory(space=other)
    before = rows()

    responses = [
        send(api(bob), ids=ids(three[0], seen), set={"is_read": True}),
        send(api(bob), filter={}, set={"is_read": True}),
    ]

    assert [response.status_code for response in responses] == [403, 403]
    assert rows() == before


def test_issues_of_two_spaces_get_what_both_have_and_nothing_else(api, bob, ops, three):
    data = SpaceFactory(key="DATA")
    MembershipFactory(user=bob, space=data)
    other = IssueFactory(space=data)
    theirs = UserFactory(member_of=data)
    project = ProjectFactory(space=data)
    before = rows()

    refused = [
        send(api(bob), ids=ids(three[0], other), set=wanted)
        for wanted in ({"assignee": theirs.email}, {"project": str(project.uuid)})
    ]
    unchanged = rows()
    done = send(api(bob), ids=ids(three[0], other), set={"assignee": bob.email, "level": "P1"})

    assert [response.status_code for response in refused] == [404, 400]
    assert unchanged == before
    assert done.json()["changed"] == 2


def test_a_bulk_change_costs_the_same_for_two_and_for_fifty(api, bob, ops, django_assert_num_queries):
    client = api(bob)
    few = ids(*IssueFactory.create_batch(2, space=ops))
    many = ids(*IssueFactory.create_batch(50, space=ops))

    with django_assert_num_queries(30, exact=False) as first:
        send(client, ids=few, set={"status": "closed", "add_labels": {"a": "b"}})
    with django_assert_num_queries(30, exact=False) as second:
        send(client, ids=many, set={"status": "closed", "add_labels": {"a": "b"}})

    assert len(first) == len(second)
