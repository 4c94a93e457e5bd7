"""The audit trail through the native API: right entries, and nothing that a reader must not learn."""

import json
from datetime import datetime

import pytest
from django.utils import timezone

from issues.actor import Actor, acting_as
from issues.models import HistoryEntry, Issue
from tests.factories import (
    ChannelFactory,
    CommentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    SpaceFactory,
    TeamFactory,
)
from tracker.accounts.models import ApiToken

pytestmark = pytest.mark.django_db

ISSUES = "/api/issues/"


def send(client, method, path, body=None, **headers):
    response = getattr(client, method)(path, body, content_type="application/json", headers=headers)
    assert response.status_code < 300, response.content
    return response


def url(issue):
    return f"{ISSUES}{issue.uuid}/"


def history(client, issue):
    return client.get(f"{url(issue)}history/?page_size=100").json()["results"]


def trail(client, **query):
    response = client.get("/api/history/", {"page_size": 100} | query)
    assert response.status_code == 200, response.content
    return response.json()["results"]


def told(entries):
    return [(e["action"], e["field"], e["old_value"], e["new_value"]) for e in entries]


# What is on record.


def test_a_creation_is_one_entry_with_the_whole_document(api, bob, ops):
    level = LevelFactory(space=ops, key="S1")
    body = {"title": "Nulls ", "level": "S1", "labels": {"team": "data", "flaky": ""}, "kind": "bug"}

    issue = Issue.objects.get(uuid=send(api(bob), "post", ISSUES, body).json()["id"])

    (entry,) = history(api(bob), issue)
    assert (entry["action"], entry["field"], entry["old_value"]) == ("created", None, None)
    created = entry["new_value"]
    assert created["title"] == "Nulls "
    assert created["level"] == str(level.uuid)
    assert created["reporter"] == str(bob.uuid)
    assert created["labels"] == {"team": "data", "flaky": ""}
    assert (created["kind"], created["status"]) == ("bug", "open")


def test_each_changed_field_is_one_entry_and_one_save_is_one_batch(api, bob, alice, ops):
    issue = IssueFactory(space=ops, title="Before", description="Text")
    level, team = LevelFactory(space=ops, key="S1", name="Severe"), TeamFactory(space=ops, name="Data")
    channel = ChannelFactory(space=ops, name="Alerts")
    body = {
        "title": "After",
        "status": "closed",
        "resolution": "negated",
        "level": "S1",
        "assignee": "alice@example.com",
        "is_read": True,
        "due_on": "2026-02-28",
        "error": {"languages": ["c", "go"]},
        "annotations": {"a": "b"},
        "labels": {"team": "x"},
        "teams": [str(team.uuid)],
        "channels": [str(channel.uuid)],
        "kind": "",
    }

    send(api(bob), "patch", url(issue), body)

    entries = history(api(bob), issue)[1:]
    assert sorted(told(entries), key=lambda entry: (entry[1], entry[0])) == [
        ("annotations_changed", "annotations", "", '{"a":"b"}'),
        ("assignee_changed", "assignee", None, str(alice.uuid)),
        ("channel_added", "channels", None, str(channel.uuid)),
        ("due_on_changed", "due_on", None, "2026-02-28"),
        ("is_read_changed", "is_read", False, True),
        ("label_added", "labels", None, {"key": "team", "value": "x"}),
        ("languages_changed", "languages", [], ["c", "go"]),
        ("priority_changed", "level", None, str(level.uuid)),
        ("resolution_changed", "resolution", None, "negated"),
        ("status_changed", "status", "open", "closed"),
        ("team_added", "teams", None, str(team.uuid)),
        ("title_changed", "title", "Before", "After"),
    ]
    assert len({entry["batch"] for entry in entries}) == 1
    assert {entry["version"] for entry in entries} == {2}
    shown = {entry["field"]: (entry["old_display"], entry["new_display"]) for entry in entries}
    assert shown["status"] == ("Open", "Closed")
    assert shown["level"] == ("", "Severe")
    assert shown["assignee"] == ("", "Alice Owner")
    assert shown["teams"] == ("", "Data")
    assert shown["labels"] == ("", "team: x")


def test_labels_are_added_changed_and_removed_by_name(api, bob, ops):
    issue = IssueFactory(space=ops)
    send(api(bob), "patch", url(issue), {"labels": {"a": "1", "b": ""}})

    send(api(bob), "patch", url(issue), {"add_labels": {"a": "2", "c": "3"}, "remove_labels": ["b", "x"]})

    assert sorted(told(history(api(bob), issue)[-3:]), key=lambda entry: entry[0]) == [
        ("label_added", "labels", None, {"key": "c", "value": "3"}),
        ("label_changed", "labels", {"key": "a", "value": "1"}, {"key": "a", "value": "2"}),
        ("label_removed", "labels", {"key": "b", "value": ""}, None),
    ]


def test_a_life_is_told_step_by_step(api, bob, alice, ops):
    client, issue = api(bob), IssueFactory(space=ops)
    comment = send(client, "post", f"{url(issue)}comments/", {"content": "Why?"}).json()["id"]
    send(client, "patch", f"/api/comments/{comment}/", {"content": "Why? "})
    send(client, "patch", f"/api/comments/{comment}/", {"content": "Why? "})
    send(client, "delete", f"/api/comments/{comment}/")
    send(client, "patch", url(issue), {"status": "resolved"})
    send(client, "post", f"{url(issue)}occurrences/", {})
    send(client, "delete", url(issue))
    send(api(alice), "post", f"{url(issue)}restore/")

    entries = history(client, issue)

    assert [entry["action"] for entry in entries] == [
        "created",
        "comment_added",
        "comment_edited",
        "comment_deleted",
        "status_changed",
        "regressed",
        "deleted",
        "restored",
    ]
    assert [entry["position"] for entry in entries] == list(range(1, 9))
    assert [entry["version"] for entry in entries] == list(range(1, 9))
    edited = entries[2]
    assert (edited["old_value"]["content"], edited["new_value"]["content"]) == ("Why?", "Why? ")
    assert edited["old_value"]["comment"] == comment
    assert entries[-1]["actor"]["name"] == "Alice Owner"


def test_an_entry_names_actor_token_door_and_request(api, bob, ops):
    client, issue = api(bob), IssueFactory(space=ops)

    response = send(client, "patch", url(issue), {"title": "x"}, **{"X-Request-ID": "deploy-42.a_B"})

    entry = history(client, issue)[-1]
    token = ApiToken.objects.get(user=bob)
    assert response["X-Request-ID"] == "deploy-42.a_B"
    assert entry["actor"] == {"id": str(bob.uuid), "name": "Bob Colleague"}
    assert (entry["token"], entry["source"]) == (str(token.uuid), "api")
    assert entry["request_id"] == "deploy-42.a_B"
    assert entry["issue"] == str(issue.uuid)
    assert abs((timezone.now() - datetime.fromisoformat(entry["created_at"])).total_seconds()) < 60


def test_a_session_leaves_no_token_and_a_request_without_an_id_gets_one(client, bob, ops):
    issue = IssueFactory(space=ops)
    client.force_login(bob)

    response = send(client, "patch", url(issue), {"title": "x"})

    entry = history(client, issue)[-1]
    assert (entry["actor"]["id"], entry["token"], entry["source"]) == (str(bob.uuid), None, "api")
    assert entry["request_id"] == response["X-Request-ID"]


def test_texts_are_told_byte_for_byte(api, bob, ops):
    issue = IssueFactory(space=ops)
    texts = ["a \r\n\N{OWL} ", " \u202eb\r", '{"sha256": "x"}', ""]

    for text in texts:
        send(api(bob), "patch", url(issue), {"description": text})

    entries = history(api(bob), issue)[1:]
    assert [entry["new_value"] for entry in entries] == texts
    assert [entry["old_value"] for entry in entries] == ["", *texts[:3]]


def test_a_label_cannot_pass_for_the_digest_of_a_text(api, bob, ops):
    hidden = IssueFactory(space=ops, title="The secret plan")
    digest = json.loads(HistoryEntry.objects.get(issue=hidden).new_value)["title"]["sha256"]
    body = {"title": "x", "labels": {"sha256": digest}, "annotations": {"sha256": digest}}

    issue = Issue.objects.get(uuid=send(api(bob), "post", ISSUES, body).json()["id"])
    send(api(bob), "patch", url(issue), {"remove_labels": ["sha256"]})

    created, removed = history(api(bob), issue)
    assert created["new_value"]["labels"] == {"sha256": digest}
    assert created["new_value"]["annotations"] == f'{{"sha256":"{digest}"}}'
    assert removed["old_value"] == {"key": "sha256", "value": digest}


# Lists.


def test_pages_of_a_history_hold_every_entry_once(api, bob, ops):
    client, issue = api(bob), IssueFactory(space=ops)
    for n in range(6):
        send(client, "patch", url(issue), {"title": str(n)})

    for first in (f"{url(issue)}history/?page_size=3", "/api/history/?page_size=3"):
        link, seen = first, []
        while link:
            page = client.get(link).json()
            seen += [entry["id"] for entry in page["results"]]
            link = page["next"]
        everything = [entry["id"] for entry in client.get(first.replace("=3", "=100")).json()["results"]]
        assert seen == everything
        assert len(set(seen)) == len(seen) >= 7


@pytest.mark.parametrize("wanted", ["", "&action=created", "&source=system&space=THREE"])
def test_pages_of_the_trail_of_many_spaces_are_in_one_order_both_ways(api, bob, ops, wanted):
    spaces = [ops, SpaceFactory(key="TWO"), SpaceFactory(key="THREE")]
    for space in spaces[1:]:
        MembershipFactory(user=bob, space=space, role="viewer")
    for n in range(12):
        CommentFactory(issue=IssueFactory(space=spaces[n * n % 3]), is_internal=n % 2 == 0)
    client, pages, back = api(bob), [], []
    address = f"/api/history/?page_size=5{wanted}"

    link = address
    while link:
        pages.append(page := client.get(link).json())
        link = page["next"]
    link = page["previous"]
    while link:
        back.append(page := client.get(link).json())
        link = page["previous"]

    everything = [entry["id"] for entry in client.get(address.replace("=5", "=100")).json()["results"]]
    known = HistoryEntry.objects.visible_to(bob).order_by("-id")
    visible = [str(uuid) for uuid in known.values_list("uuid", flat=True)]
    assert everything == ([uuid for uuid in visible if uuid in everything] if wanted else visible)
    assert [entry["id"] for page in pages for entry in page["results"]] == everything
    assert [page["results"] for page in back] == [page["results"] for page in pages[-2::-1]]


def test_the_trail_is_newest_first_and_has_the_space_s_own_chain(api, alice, ops):
    issue = IssueFactory(space=ops)
    level = LevelFactory(space=ops, key="S1")

    entries = trail(api(alice))

    assert [entry["created_at"] for entry in entries] == sorted(
        (entry["created_at"] for entry in entries), reverse=True
    )
    made = next(entry for entry in entries if entry["subject"] == str(level.uuid))
    assert (made["action"], made["subject_type"], made["issue"]) == ("level_created", "level", None)
    assert any(entry["issue"] == str(issue.uuid) for entry in entries)


def test_the_trail_is_narrowed_by_each_of_its_filters(api, alice, bob, ops):
    mine, other = IssueFactory(space=ops), IssueFactory(space=ops)
    send(api(bob), "patch", url(mine), {"title": "x", "kind": "bug"})
    send(api(alice), "patch", url(other), {"title": "y"})
    batch = history(api(bob), mine)[-1]["batch"]

    found = {
        "issue": trail(api(bob), issue="OPS-1"),
        "actor": trail(api(bob), actor="alice@example.com", source="api"),
        "me": trail(api(bob), actor="me", source="api"),
        "action": trail(api(bob), action="kind_changed"),
        "batch": trail(api(bob), batch=batch.upper()),
        "space": trail(api(bob), space="ops", source="api"),
        "nothing": trail(api(bob), source="admin"),
    }

    assert {name: [entry["action"] for entry in entries] for name, entries in found.items()} == {
        "issue": ["kind_changed", "title_changed", "created"],
        "actor": ["title_changed"],
        "me": ["kind_changed", "title_changed"],
        "action": ["kind_changed"],
        "batch": ["kind_changed", "title_changed"],
        "space": ["title_changed", "kind_changed", "title_changed"],
        "nothing": [],
    }


def test_what_an_actor_did_to_the_space_is_found_by_their_name(api, alice, ops):
    with acting_as(lambda: Actor(user=alice)):
        level = LevelFactory(space=ops, key="S1")

    entries = trail(api(alice), actor="me")

    assert [entry["subject"] for entry in entries] == [str(level.uuid)]


def test_the_trail_of_another_space_is_not_shown(api, bob, charlie):
    foreign = IssueFactory(space=charlie.memberships.get().space)

    entries = trail(api(bob))

    assert str(foreign.uuid) not in json.dumps(entries)
    assert "Data" not in json.dumps(entries)


# Anonymous reporters.


@pytest.fixture
def anonymous(api, bob, ops):
    """An issue that Bob reported, commented on and edited without giving his name."""
    body = {"title": "Unsafe", "is_anonymous": True}
    issue = Issue.objects.get(uuid=send(api(bob), "post", ISSUES, body).json()["id"])
    send(api(bob), "post", f"{url(issue)}comments/", {"content": "It is."})
    send(api(bob), "patch", url(issue), {"status": "pending"})
    return issue


def test_an_anonymous_reporter_is_blank_everywhere(api, vera, alice, bob, anonymous):
    send(api(alice), "patch", url(anonymous), {"kind": "safety"})
    addresses = [
        url(anonymous),
        f"{ISSUES}?fields=key,reporter,assignee",
        ISSUES,
        f"{url(anonymous)}comments/",
        f"{url(anonymous)}history/",
        f"/api/comments/{anonymous.comments.get().uuid}/",
        f"/api/history/?issue={anonymous.uuid}",
    ]

    for reader in (vera, alice, bob):
        for address in addresses:
            text = api(reader).get(address).content.decode()
            assert str(bob.uuid) not in text, address
            assert bob.name not in text and bob.email not in text, address
            assert str(ApiToken.objects.get(user=bob).uuid) not in text, address


def test_others_keep_their_names_on_an_anonymous_issue(api, alice, anonymous):
    send(api(alice), "patch", url(anonymous), {"kind": "safety"})
    send(api(alice), "post", f"{url(anonymous)}comments/", {"content": "Thanks."})

    entries = history(api(alice), anonymous)
    authors = [row["author"] for row in api(alice).get(f"{url(anonymous)}comments/").json()["results"]]

    assert [entry["actor"] and entry["actor"]["name"] for entry in entries] == [None] * 3 + [
        "Alice Owner"
    ] * 2
    assert [author and author["name"] for author in authors] == [None, "Alice Owner"]


def test_no_filter_finds_an_anonymous_reporter(api, alice, bob, anonymous):
    open_issue = IssueFactory(space=anonymous.space, reporter=bob)

    reported = [
        api(reader).get(ISSUES, {"reporter": name}).json()["results"]
        for reader, name in ((alice, bob.email), (alice, str(bob.uuid)), (bob, "me"))
    ]
    acted = trail(api(alice), actor=bob.email) + trail(api(bob), actor="me")

    assert {row["id"] for rows in reported for row in rows} == {str(open_issue.uuid)}
    assert str(anonymous.uuid) not in json.dumps(acted)


def test_a_common_batch_does_not_tell_an_anonymous_reporter(api, alice, bob, anonymous):
    named = IssueFactory(space=anonymous.space)
    ids = [str(named.uuid), str(anonymous.uuid)]
    send(
        api(bob), "post", f"{ISSUES}bulk/", {"ids": ids, "set": {"is_read": True}}, **{"X-Request-ID": "one"}
    )

    shown, hidden = history(api(alice), named)[-1], history(api(alice), anonymous)[-1]

    assert (shown["actor"]["name"], shown["request_id"]) == ("Bob Colleague", "one")
    assert (hidden["actor"], hidden["request_id"], hidden["batch"]) == (None, None, None)
    assert {entry["issue"] for entry in trail(api(alice), batch=shown["batch"])} == {str(named.uuid)}


def test_no_hash_confirms_a_guess_at_an_anonymous_reporter(api, alice, anonymous):
    named = IssueFactory(space=anonymous.space)

    assert {entry["hash"] for entry in history(api(alice), anonymous)} == {None}
    assert all(len(entry["hash"]) == 64 for entry in history(api(alice), named))


def test_an_issue_made_anonymous_hides_what_was_on_record_before(api, alice, bob, ops):
    issue = Issue.objects.get(uuid=send(api(bob), "post", ISSUES, {"title": "x"}).json()["id"])

    send(api(bob), "patch", url(issue), {"is_anonymous": True})

    entries = history(api(alice), issue)
    assert {entry["actor"] for entry in entries} == {None}
    assert "reporter" not in entries[0]["new_value"]


# Internal comments.


def test_internal_comments_are_not_in_a_viewer_s_history(api, vera, bob, ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, author=bob, content="between us", is_internal=True)
    send(api(bob), "patch", f"/api/comments/{comment.uuid}/", {"content": "between us two"})
    send(api(bob), "delete", f"/api/comments/{comment.uuid}/")

    seen = {
        reader: [e["action"] for e in history(client, issue)] + [e["action"] for e in trail(client)]
        for reader, client in (
            ("viewer", api(vera)),
            ("read-only", api(bob, "read")),
            ("member", api(bob)),
        )
    }

    assert not [action for action in seen["viewer"] + seen["read-only"] if action.startswith("comment")]
    assert len([action for action in seen["member"] if action.startswith("comment")]) == 6
    assert "between us" not in api(vera).get("/api/history/?page_size=100").content.decode()


def test_what_a_comment_said_while_internal_stays_so_after_it_is_published(api, vera, bob, ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, author=bob, content="between us", is_internal=True)

    body = {"content": "For all", "is_internal": False}
    send(api(bob), "patch", f"/api/comments/{comment.uuid}/", body)

    assert "between us" not in api(vera).get(f"{url(issue)}history/").content.decode()
    assert "For all" in api(vera).get(f"{url(issue)}comments/").content.decode()


def test_a_viewer_of_one_space_is_a_member_in_another(api, bob, ops):
    other = SpaceFactory(key="DATA")
    MembershipFactory(user=bob, space=other, role="viewer")
    for space in (ops, other):
        CommentFactory(issue=IssueFactory(space=space), is_internal=True)

    shown = [entry for entry in trail(api(bob)) if entry["action"] == "comment_added"]

    assert [entry["issue"] for entry in shown] == [str(Issue.objects.get(space=ops).uuid)]
