"""One issue through all doors: created at one, found, discussed, assigned and closed at the others."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from comments.models import Comment
from issues.actor import Actor, acting_as
from issues.models import HistoryEntry, Issue
from tests.calls import done, send
from tests.factories import CommentFactory, IssueFactory, TokenFactory
from tracker.dialects.doors import doors
from tracker.dialects.ids import ulid_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def at(ops, bob):
    """{door: a client that signs Bob in as the product's own clients do}"""
    TokenFactory(secret="trk_story", user=bob, space=ops)
    return {name: Client(headers=door.headers("trk_story")) for name, door in doors().items()}


def test_one_issue_goes_through_all_doors_and_its_history_tells_of_each(at, ops, bob, alice):
    made = done(
        send(
            at["guance"],
            "post",
            "/api/v1/issue/add",
            {
                "name": "Checkout answers 503",
                "level": "system_level_1",
                "description": "<p>Since 10:30.</p>",
                "extend": {"linkList": [{"name": "graph", "link": "https://example.com/g"}]},
            },
        )
    )["content"]
    issue = Issue.objects.get()
    uuid, day = str(issue.uuid), 86_400_000
    now = int(issue.created_at.timestamp() * 1_000)

    said = done(
        send(at["qarion"], "post", f"/issues/{uuid}/comments", {"content": "A pod was out of memory."}), 201
    )
    asked = {"query": "checkout", "from": now - day, "to": now + day, "persona": "ALL"}
    found = done(
        send(
            at["datadog"],
            "post",
            "/api/v2/error-tracking/issues/search",
            {"data": {"type": "search_request", "attributes": asked}},
        )
    )
    done(
        send(
            at["datadog"],
            "put",
            f"/api/v2/error-tracking/issues/{found['data'][0]['id']}/assignee",
            {"data": {"id": str(alice.uuid), "type": "assignee"}},
        )
    )
    versori = f"/api/v2/o/{ulid_of(ops.uuid)}/issues/{ulid_of(issue.uuid)}"
    done(send(at["versori"], "patch", versori, {"status": "acked", "labels": {"team": "payments"}}))
    zylon = f"/api/v1/app/issue/issue_{issue.uuid.hex}"
    done(send(at["zylon"], "put", zylon, {"state": "Closed", "is_read": True}))

    shown = {
        name: done(client.get(doors()[name].address(Issue.objects.get()))) for name, client in at.items()
    }
    assert shown["qarion"].items() >= {
        "id": uuid, "title": "Checkout answers 503", "status": "resolved", "priority": "high",
    }.items()  # fmt: skip
    assert shown["qarion"]["assignee"]["name"] == alice.name
    assert shown["zylon"].items() >= {
        "id": f"issue_{issue.uuid.hex}", "issue_number": issue.number, "state": "Closed", "is_read": True,
        "description": "<p>Since 10:30.</p>",
    }.items()  # fmt: skip
    assert shown["guance"]["content"].items() >= {
        "uuid": made["uuid"], "name": "Checkout answers 503", "statusType": 25, "level": "system_level_1",
    }.items()  # fmt: skip
    assert shown["guance"]["content"]["extend"]["linkList"] == made["extend"]["linkList"]
    assert shown["versori"].items() >= {
        "id": ulid_of(issue.uuid), "status": "closed", "severity": "high", "labels": {"team": "payments"},
    }.items()  # fmt: skip
    datadog = shown["datadog"]["data"]
    assert (datadog["id"], datadog["attributes"]["state"]) == (uuid, "RESOLVED")
    assert datadog["relationships"]["assignee"]["data"]["id"] == str(alice.uuid)

    told = list(HistoryEntry.objects.filter(issue=issue).order_by("position").values_list("source", "action"))
    assert told == [
        ("guance", "created"),
        ("qarion", "comment_added"),
        ("datadog", "assignee_changed"),
        ("versori", "status_changed"),
        ("versori", "label_added"),
        ("zylon", "status_changed"),
        ("zylon", "is_read_changed"),
    ]
    assert {entry.actor for entry in HistoryEntry.objects.filter(issue=issue)} == {bob}
    replies = done(at["guance"].get(f"/api/v1/issue/reply/{made['uuid']}/list"))["content"]
    assert [reply["content"] for reply in replies if reply["type"] == "reply"] == [said["content"]]
    # It raises where a chain does not hold.
    call_command("verify_history", stdout=StringIO())


def reads(door, issue):
    """All that a door shows of an issue and its space, as functions of a client."""
    organisation, day = ulid_of(issue.space.uuid), 86_400_000
    now = int(issue.created_at.timestamp() * 1_000)
    asked = {"query": "*", "from": now - day, "to": now + day, "persona": "ALL"}
    search = {"data": {"type": "search_request", "attributes": asked}}
    paths = {
        "qarion": ["/issues", f"/issues/{issue.uuid}/comments", f"/issues/{issue.uuid}/history"],
        "zylon": ["/api/v1/app/issue?include=User,Project"],
        "guance": [
            f"/api/v1/issue/reply/issue_{issue.uuid.hex}/list",
            "/api/v1/issue-level/list",
            "/api/v1/channel/quick_list",
        ],
        "versori": [f"/api/v2/o/{organisation}/issues"],
        "datadog": [],
    }
    found = [
        lambda client, path=path: client.get(path) for path in (doors()[door].address(issue), *paths[door])
    ]
    if door == "guance":
        found.append(lambda client: send(client, "post", "/api/v1/issue/list", {}))
    if door == "datadog":
        found.append(lambda client: send(client, "post", "/api/v2/error-tracking/issues/search", search))
    return found


@pytest.mark.parametrize("door", doors())
def test_an_anonymous_reporter_is_named_at_no_door(door, at, ops, alice):
    with acting_as(lambda: Actor(user=alice)):
        issue = IssueFactory(space=ops, reporter=alice, is_anonymous=True)
        Comment(issue=issue, author=alice, content="It was me").save()
        issue.title = "Edited by its reporter"
        issue.save()
    forms = (alice.name, alice.email, str(alice.uuid), alice.uuid.hex, ulid_of(alice.uuid))

    for read in reads(door, issue):
        response = read(at[door])
        assert response.status_code == 200, response.content
        named = [form for form in forms if form in response.content.decode()]
        assert not named, (response.request["PATH_INFO"], named)


@pytest.mark.parametrize(
    "kept",
    [
        None,
        5,
        [{}],
        dict.fromkeys(("extend", "assignee", "teams", "declaration", "config", Issue.UNKNOWN_ASSIGNEE), 5),
        {"extend": dict.fromkeys(("manager", "managers", "members", "channels", "extra"), 5)},
    ],
)
@pytest.mark.parametrize("door", doors())
def test_no_door_falls_over_what_a_file_brought_in_its_name(door, kept, at, ops):
    issue = IssueFactory(space=ops, extensions={door: kept})

    shown = [done(read(at[door])) for read in reads(door, issue)]

    assert all(shown)


def filtered(door, issue, person, at):
    """Lists of a door that ask for what `person` wrote, or for what changed at `at`, as such functions."""
    made, later = (int(moment.timestamp() * 1_000) for moment in (issue.created_at, at))
    asked = {"from": made - 86_400_000, "to": later + 86_400_000, "persona": "ALL"}
    queries = ["updated:>=-1d", f"updated:>={at:%Y-%m-%d}", "comments:0", "Between"]
    filters = [{"key": "updator", "value": value} for value in ("", f"acnt_{person.uuid.hex}")]
    bodies = {
        "guance": [{"filters": [one | {"equal": equal}]} for one in filters for equal in (True, False)]
        + [{"search": "Between"}, {"startTime": later}],
        "datadog": [
            {"data": {"type": "search_request", "attributes": asked | {"query": query}}} for query in queries
        ],
    }
    path = {"guance": "/api/v1/issue/list", "datadog": "/api/v2/error-tracking/issues/search"}.get(door)
    paths = {
        "zylon": ["/api/v1/app/issue?filter_by_text=Between", f"/api/v1/app/issue?start_date={later}"],
        "versori": [
            f"/api/v2/o/{ulid_of(issue.space.uuid)}/issues?search_date=lastSeenAt&after={at:%Y-%m-%d}T00:00:00Z"
        ],
        "qarion": ["/issues?status=open"],
    }
    found = [lambda client, body=body: send(client, "post", path, body) for body in bodies.get(door, [])]
    return found + [lambda client, address=address: client.get(address) for address in paths.get(door, [])]


@pytest.mark.parametrize("door", doors())
def test_an_internal_comment_shows_at_no_door(door, at, ops, alice, bob):
    now = timezone.now()
    with acting_as(lambda: Actor(user=alice, at=now - timedelta(days=3))):
        issue = IssueFactory(space=ops)
        # What a page and a count keep until something changes.
        IssueFactory(space=ops)
    asked = [*reads(door, issue), *filtered(door, issue, bob, now)]
    comment = Comment(issue=issue, author=bob, content="Between us", is_internal=True)

    def said():
        documents = [done(read(at[door])) for read in asked]
        # Guance numbers its answers.
        return [{**found, "traceId": ""} if door == "guance" else found for found in documents]

    before, told = said(), []
    with acting_as(lambda: Actor(user=bob, at=now)):
        comment.save()
        told.append(said())
        comment.content = "Between us two"
        comment.save()
        told.append(said())
        comment.trash()
        told.append(said())

    assert told == [before] * 3
    assert issue.history.count() == 4
    call_command("verify_history", stdout=StringIO())


@pytest.mark.parametrize(("was_internal", "is_internal"), [(True, False), (False, True), (False, False)])
def test_a_comment_that_is_public_before_or_after_an_edit_changes_its_issue(
    was_internal, is_internal, ops, alice, bob
):
    with acting_as(lambda: Actor(user=alice)):
        issue = IssueFactory(space=ops)
        comment = CommentFactory(issue=issue, author=bob, is_internal=was_internal)
    later = issue.updated_at + timedelta(hours=1)

    comment.content, comment.is_internal = "Seen", is_internal
    with acting_as(lambda: Actor(user=bob, at=later)):
        comment.save()

    issue.refresh_from_db()
    assert (issue.updated_at, issue.updated_by, issue.version) == (later, bob, 3)


@pytest.mark.parametrize(
    "path",
    [
        "/issues/{uuid}",
        "/api/v1/app/issue/issue_{uuid.hex}",
        "/api/v2/error-tracking/issues/{uuid}/assignee",
        "/api/issues/{uuid}/",
    ],
)
def test_an_answer_without_a_body_has_no_type(path, api, ops, alice):
    issue = IssueFactory(space=ops)

    for _ in range(2):
        response = api(alice).delete(path.format(uuid=issue.uuid), headers={"idempotency-key": "once"})

        assert (response.status_code, response.content) == (204, b"")
        assert "Content-Type" not in response.headers
    assert response.headers["Idempotency-Replayed"] == "true"
