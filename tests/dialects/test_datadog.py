"""Datadog's Error Tracking API at its own paths: its documents, its search, its words, its errors."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import Client

from issues.actor import Actor, acting_as
from issues.models import HistoryEntry, Issue, Level, Team
from tests.calls import done, send
from tests.factories import (
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    TokenFactory,
    UserFactory,
)
from tests.openapi import validator
from tracker import docs
from tracker.accounts.throttling import BadTokenThrottle, TokenThrottle
from tracker.dialects.datadog.serializers import case_id

ISSUES = "/api/v2/error-tracking/issues"
SEARCH = f"{ISSUES}/search"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOBODY = "5ad1bd2e-52a2-4d4e-8a0f-5b29e5a2f7c1"


@pytest.fixture
def datadog(api, bob):
    return api(bob)


def path_of(issue, *parts):
    return "/".join((ISSUES, str(issue.uuid), *parts))


def made(at=NOON, *, labels=None, teams=(), **fields):
    issue = IssueFactory.build(**fields)
    issue.labels, issue.teams = labels or {}, list(teams)
    with acting_as(lambda: Actor(at=at)):
        issue.save()
    return issue


def milliseconds(at):
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def asked(**attributes):
    """The body of a search over a day around noon."""
    window = {"from": milliseconds(NOON - 12 * HOUR), "to": milliseconds(NOON + 12 * HOUR)}
    said = {"query": "*", "persona": "ALL"} | window | attributes
    said = {name: value for name, value in said.items() if value is not None}
    return {"data": {"attributes": said, "type": "search_request"}}


def found(client, query="*", **attributes):
    """The titles of what a search finds, in its order."""
    document = done(send(client, "post", SEARCH, asked(query=query, **attributes)))
    cases = [row["attributes"] for row in document["included"] if row["type"] == "case"]
    titles = {case["insights"][0]["resource_id"]: case["title"] for case in cases}
    return [titles[row["id"]] for row in document["data"]]


def state_body(issue, state):
    return {"data": {"attributes": {"state": state}, "id": str(issue.uuid), "type": "error_tracking_issue"}}


def assignee_body(uuid):
    return {"data": {"id": str(uuid), "type": "assignee"}}


def refused(response, status=400):
    """The sentences of a refusal."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    assert response.json().keys() == {"errors"}
    return response.json()["errors"]


# Documents.


@pytest.fixture
def whole(ops, alice, bob):
    """An issue of which everything is known."""
    return made(
        space=ops,
        number=7,
        title="Checkout fails",
        description="It **does**.",
        status="in_progress",
        level=Level.objects.get(key="P1", space=None),
        assignee=bob,
        reporter=alice,
        project=ProjectFactory(space=ops, name="Shop"),
        teams=[TeamFactory(space=ops, name="Payments", handle="pay", summary="They pay.")],
        due_on="2026-03-09",
        error_type="ValueError",
        error_message="not a number",
        file_path="/shop/cart.py",
        function_name="total",
        is_crash=True,
        languages=["python", "C++", "Klingon"],
        platform="browser",
        track="rum",
        service="shop-web",
        first_version="1.0",
        last_version="1.1",
    )


def test_an_issue_is_shown_with_all_that_the_page_names(datadog, whole, ops, alice, bob):
    issue, team = whole, Team.objects.get()

    document = done(datadog.get(path_of(issue)))

    case = str(case_id({"id": str(issue.uuid)}))
    owner = {"data": {"id": str(bob.uuid), "type": "user"}}
    assert document["data"] == {
        "id": str(issue.uuid),
        "type": "issue",
        "attributes": {
            "error_message": "not a number",
            "error_type": "ValueError",
            "file_path": "/shop/cart.py",
            "first_seen": milliseconds(NOON),
            "first_seen_version": "1.0",
            "function_name": "total",
            "is_crash": True,
            "languages": ["PYTHON", "C_PLUS_PLUS", "UNKNOWN"],
            "last_seen": milliseconds(NOON),
            "last_seen_version": "1.1",
            "platform": "BROWSER",
            "service": "shop-web",
            "state": "ACKNOWLEDGED",
        },
        "relationships": {
            "assignee": owner,
            "case": {"data": {"id": case, "type": "case"}},
            "team_owners": {"data": [{"id": str(team.uuid), "type": "team"}]},
        },
    }
    assert document["included"] == [
        {
            "id": case,
            "type": "case",
            "attributes": {
                "created_at": "2026-03-01T12:00:00Z",
                "creation_source": "ERROR_TRACKING",
                "description": "It **does**.",
                "due_date": "2026-03-09",
                "insights": [
                    {
                        "ref": f"/error-tracking?issueId={issue.uuid}",
                        "resource_id": str(issue.uuid),
                        "type": "ERROR_TRACKING",
                    }
                ],
                "key": "ET-7",
                "modified_at": "2026-03-01T12:00:00Z",
                "priority": "P2",
                "status": "IN_PROGRESS",
                "title": "Checkout fails",
                "type": "ERROR_TRACKING_ISSUE",
            },
            "relationships": {
                "assignee": owner,
                "created_by": {"data": {"id": str(alice.uuid), "type": "user"}},
                "project": {"data": {"id": str(issue.project.uuid), "type": "project"}},
            },
        },
        {
            "id": str(bob.uuid),
            "type": "user",
            "attributes": {"email": "bob@example.com", "handle": "bob@example.com", "name": "Bob Colleague"},
        },
        {
            "id": str(team.uuid),
            "type": "team",
            "attributes": {"handle": "pay", "name": "Payments", "summary": "They pay."},
        },
    ]


def test_an_issue_of_which_nothing_is_known_shows_its_title_and_its_space(datadog, ops):
    issue = made(space=ops, title="Slow", description="Very.")

    document = done(datadog.get(path_of(issue)))

    attributes, (case,) = document["data"]["attributes"], document["included"]
    assert (attributes["error_type"], attributes["error_message"]) == ("Slow", "Very.")
    assert (attributes["platform"], attributes["languages"], attributes["service"]) == ("UNKNOWN", [], "")
    assert attributes["file_path"] == attributes["first_seen_version"] == ""
    assert document["data"]["relationships"].keys() == {"case"}
    assert case["relationships"] == {"project": {"data": {"id": str(ops.uuid), "type": "project"}}}
    assert case["attributes"]["priority"] == "NOT_DEFINED"
    assert {"due_date", "closed_at"}.isdisjoint(case["attributes"])


@pytest.mark.parametrize(
    ("status", "state", "case"),
    [
        ("open", "OPEN", "OPEN"),
        ("acknowledged", "ACKNOWLEDGED", "IN_PROGRESS"),
        ("in_progress", "ACKNOWLEDGED", "IN_PROGRESS"),
        ("pending", "ACKNOWLEDGED", "IN_PROGRESS"),
        ("resolved", "RESOLVED", "CLOSED"),
        ("closed", "RESOLVED", "CLOSED"),
        ("ignored", "IGNORED", "CLOSED"),
        ("excluded", "EXCLUDED", "CLOSED"),
    ],
)
def test_every_status_has_a_state_and_a_case(datadog, ops, status, state, case):
    issue = made(space=ops, status=status)

    document = done(datadog.get(path_of(issue)))

    attributes = document["included"][0]["attributes"]
    assert (document["data"]["attributes"]["state"], attributes["status"]) == (state, case)
    assert attributes.get("closed_at") == ("2026-03-01T12:00:00Z" if case == "CLOSED" else None)


def test_a_case_that_says_no_time_of_its_end_leaves_it_out(datadog, ops):
    issue = made(space=ops, status="resolved")
    issue.resolved_at = None
    issue.save()

    (case,) = done(datadog.get(path_of(issue)))["included"]

    assert case["attributes"]["status"] == "CLOSED"
    assert "closed_at" not in case["attributes"]


def test_an_anonymous_reporter_is_named_nowhere(datadog, api, ops, alice, bob):
    with acting_as(lambda: Actor(user=alice)):
        issue = IssueFactory(space=ops, reporter=alice, is_anonymous=True)
    own = done(api(alice).get(path_of(issue)))["included"][0]["relationships"]
    assert {"created_by", "modified_by"}.isdisjoint(own)

    done(send(datadog, "put", path_of(issue, "state"), state_body(issue, "IGNORED")))

    changed = done(datadog.get(path_of(issue)))["included"][0]["relationships"]
    assert "created_by" not in changed
    assert changed["modified_by"]["data"]["id"] == str(bob.uuid)


@pytest.mark.parametrize(
    ("include", "kinds"),
    [
        (None, ["case", "user", "team"]),
        ("assignee", ["user"]),
        ("team_owners%2Ccase", ["case", "team"]),
        ("", None),
    ],
)
def test_included_is_what_is_asked_for(datadog, whole, include, kinds):
    query = "" if include is None else f"?include={include}"

    document = done(datadog.get(path_of(whole) + query))

    assert [row["type"] for row in document.get("included", ())] == (kinds or [])
    assert ("included" in document) == (kinds is not None)


def test_an_unknown_part_is_refused(datadog, whole):
    (issue,) = refused(datadog.get(f"{path_of(whole)}?include=issue"))
    (search,) = refused(send(datadog, "post", f"{SEARCH}?include=case", asked()))

    assert issue.startswith("include: 'issue' is not one of")
    assert search.startswith("include: 'case' is not one of")


# Changes.


def test_a_state_is_put_and_on_record(datadog, whole):
    document = done(send(datadog, "put", path_of(whole, "state"), state_body(whole, "resolved")))

    whole.refresh_from_db()
    entry = HistoryEntry.objects.filter(issue=whole).latest("position")
    assert (whole.status, document["data"]["attributes"]["state"]) == ("resolved", "RESOLVED")
    assert (entry.action, entry.source) == ("status_changed", "datadog")
    assert [row["type"] for row in document["included"]] == ["case", "user", "team"]
    assert document == done(datadog.get(path_of(whole)))


@pytest.mark.parametrize("status", Issue.Status.values)
def test_what_is_read_and_put_back_changes_nothing(datadog, whole, status):
    whole.status = status
    whole.save()
    before, entries = Issue.objects.values().get(), HistoryEntry.objects.count()
    shown = done(datadog.get(path_of(whole)))["data"]
    state, assignee = shown["attributes"]["state"], shown["relationships"]["assignee"]["data"]["id"]

    done(send(datadog, "put", path_of(whole, "state"), state_body(whole, state)))
    done(send(datadog, "put", path_of(whole, "assignee"), assignee_body(assignee)))

    assert Issue.objects.values().get() == before
    assert HistoryEntry.objects.count() == entries


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"attributes": {"state": "gone"}}, 'invalid json value for IssueState: "gone"'),
        ({"attributes": {}}, "data.attributes.state: This field is required."),
        ({"attributes": {"state": 7}}, "data.attributes.state: Not a valid string."),
        ({"attributes": "OPEN"}, "data.attributes: Invalid data. Expected a dictionary, but got str."),
        ({"id": NOBODY}, "data.id: It is not the id of the address."),
        ({"id": "short"}, "invalid UUID length: 5"),
        ({"type": "issue"}, 'data.type: "issue" is not a valid choice.'),
    ],
)
def test_what_is_wrong_with_a_state_is_said(datadog, whole, body, said):
    right = state_body(whole, "IGNORED")["data"]

    assert refused(send(datadog, "put", path_of(whole, "state"), {"data": right | body})) == [said]
    for name in right:
        less = {key: value for key, value in right.items() if key != name}
        (missing,) = refused(send(datadog, "put", path_of(whole, "state"), {"data": less}))
        assert missing == f"data.{name}: This field is required."
    whole.refresh_from_db()
    assert whole.status == "in_progress"


def test_a_member_is_assigned_and_taken_off(datadog, ops, alice):
    issue = made(space=ops)

    document = done(send(datadog, "put", path_of(issue, "assignee"), assignee_body(alice.uuid)))
    issue.refresh_from_db()
    assert issue.assignee == alice
    assert document["data"]["relationships"]["assignee"]["data"] == {"id": str(alice.uuid), "type": "user"}
    gone = datadog.delete(path_of(issue, "assignee"))

    issue.refresh_from_db()
    assert (gone.status_code, gone.content, issue.assignee) == (204, b"", None)
    assert "assignee" not in done(datadog.get(path_of(issue)))["data"]["relationships"]
    actions = HistoryEntry.objects.filter(issue=issue).order_by("position").values_list("action", flat=True)
    assert list(actions) == ["created", "assignee_changed", "assignee_changed"]


def unknown_people(charlie):
    """Nobody, and somebody of another space."""
    return (NOBODY, str(charlie.uuid))


@pytest.mark.parametrize("which", [0, 1])
def test_whom_the_space_does_not_know_is_kept_for_this_door_alone(datadog, ops, bob, charlie, which):
    unknown = unknown_people(charlie)[which]
    issue = made(space=ops, assignee=bob)

    document = done(send(datadog, "put", path_of(issue, "assignee"), assignee_body(unknown.upper())))

    issue.refresh_from_db()
    assert issue.assignee is None
    assert document["data"]["relationships"]["assignee"]["data"]["id"] == unknown
    assert [row for row in document["included"] if row["type"] == "user"] == [
        {"id": unknown, "type": "user", "attributes": {"email": "", "handle": "", "name": ""}}
    ]
    entries = HistoryEntry.objects.count()
    done(send(datadog, "put", path_of(issue, "assignee"), assignee_body(unknown)))
    assert HistoryEntry.objects.count() == entries
    assert done(datadog.get(f"/issues/{issue.uuid}"))["assignee"] is None


def test_others_leave_the_unknown_assignee_alone_until_they_assign_somebody(datadog, ops, alice):
    issue = made(space=ops, extensions={"guance": {"kept": 1}})
    done(send(datadog, "put", path_of(issue, "assignee"), assignee_body(NOBODY)))
    qarion = f"/issues/{issue.uuid}"

    done(send(datadog, "patch", qarion, {"assignee_id": None, "status": "resolved"}))
    assert done(datadog.get(path_of(issue)))["data"]["relationships"]["assignee"]["data"]["id"] == NOBODY
    done(send(datadog, "patch", qarion, {"assignee_id": str(alice.uuid)}))
    done(send(datadog, "patch", qarion, {"assignee_id": None}))

    issue.refresh_from_db()
    assert issue.extensions == {"guance": {"kept": 1}}
    assert "assignee" not in done(datadog.get(path_of(issue)))["data"]["relationships"]
    call_command("verify_history", stdout=StringIO())


def test_assigning_many_at_once_drops_unknown_assignees(datadog, ops, alice):
    issue = made(space=ops)
    done(send(datadog, "put", path_of(issue, "assignee"), assignee_body(NOBODY)))

    Issue.objects.filter(pk=issue.pk).change(assignee=alice)

    issue.refresh_from_db()
    assert (issue.assignee, issue.extensions) == (alice, {})


def test_taking_off_an_unknown_assignee_leaves_nothing(datadog, ops):
    issue = made(space=ops)
    done(send(datadog, "put", path_of(issue, "assignee"), assignee_body(NOBODY)))

    assert datadog.delete(path_of(issue, "assignee")).status_code == 204

    issue.refresh_from_db()
    assert issue.extensions == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"id": "not-a-uuid"}, "invalid UUID length: 10"),
        ({"id": "z" * 36}, "invalid UUID format"),
        ({"id": None}, "data.id: This field may not be null."),
        ({"type": "user"}, 'data.type: "user" is not a valid choice.'),
    ],
)
def test_what_is_wrong_with_an_assignee_is_said(datadog, whole, bob, body, said):
    right = assignee_body(NOBODY)["data"]

    assert refused(send(datadog, "put", path_of(whole, "assignee"), {"data": right | body})) == [said]

    whole.refresh_from_db()
    assert whole.assignee == bob


def test_what_comes_first_is_checked_first(datadog, api, vera, ops):
    issue = made(space=ops)
    reader = api(vera)

    assert Client().get(f"{ISSUES}/x").status_code == 401
    for client in (datadog, reader):
        for path, method in (("", "get"), ("/state", "put"), ("/assignee", "put"), ("/assignee", "delete")):
            assert refused(send(client, method, f"{ISSUES}/x{path}", {})) == ["issue id is not an uuid"]
            nowhere = send(client, method, f"{ISSUES}/{uuid4()}{path}", {})
            assert refused(nowhere, 404) == ["issue not found"]
    assert send(reader, "put", path_of(issue, "state"), {}).status_code == 403
    assert send(datadog, "put", path_of(issue, "state"), {}).status_code == 400


def test_only_the_home_space_is_seen(datadog, bob, ops):
    other = SpaceFactory()
    MembershipFactory(space=other, user=bob, role="viewer")
    elsewhere = made(space=other, title="Elsewhere")

    assert refused(datadog.get(path_of(elsewhere)), 404) == ["issue not found"]
    assert refused(send(datadog, "put", path_of(elsewhere, "state"), {}), 404) == ["issue not found"]
    assert found(datadog) == []


def test_a_deleted_issue_is_nowhere(datadog, whole):
    whole.trash()

    assert refused(datadog.get(path_of(whole)), 404) == ["issue not found"]
    assert found(datadog) == []


# Keys.


def test_both_keys_are_needed_and_the_application_s_acts(api, bob, vera, ops, whole):
    api(bob), api(vera)
    own, others = f"trk_{bob.pk}_write", f"trk_{vera.pk}_write"
    TokenFactory(secret="trk_elsewhere", user=bob, space=SpaceFactory())

    def status(method="get", *parts, **keys):
        names = {"app": "DD-APPLICATION-KEY", "key": "DD-API-KEY"}
        headers = {names[name]: value for name, value in keys.items()}
        return send(
            Client(), method, path_of(whole, *parts), state_body(whole, "OPEN"), **headers
        ).status_code

    assert status(app=own, key=own) == status(app=own, key=others) == status(app=others, key=own) == 200
    assert {status(app=own), status(key=own), status(), status(app=own, key="x")} == {401}
    assert status(app=own, key="trk_elsewhere") == 401
    assert status("put", "state", app=others, key=own) == 403
    assert status("put", "state", app=own, key=others) == 200


def test_who_may_only_read_searches_and_changes_nothing(api, vera, bob, whole):
    for client in (api(vera), api(bob, scope="read")):
        assert found(client) == ["Checkout fails"]
        done(client.get(path_of(whole)))
        for method, name in (("put", "state"), ("put", "assignee"), ("delete", "assignee")):
            assert send(client, method, path_of(whole, name), state_body(whole, "OPEN")).status_code == 403


# Searches.


def test_a_result_counts_what_was_seen_in_the_window(datadog, ops):
    issue = made(NOON - 11 * HOUR, space=ops)
    who = {-13: ("s1", "u1"), 1: ("s1", "u1"), 2: ("s2", "u1"), 3: ("", "u2"), 12: ("s9", "u9")}
    for hours, (session, user) in who.items():
        issue.count_sighting(at=NOON + hours * HOUR, session=session, user=user)

    document = done(send(datadog, "post", SEARCH, asked()))

    assert document["data"] == [
        {
            "id": str(issue.uuid),
            "type": "error_tracking_search_result",
            "attributes": {"impacted_sessions": 2, "impacted_users": 2, "total_count": 4},
            "relationships": {"issue": {"data": {"id": str(issue.uuid), "type": "issue"}}},
        }
    ]
    shown, *more = document["included"]
    assert shown == done(datadog.get(path_of(issue)))["data"]
    assert [row["type"] for row in more] == ["case"]


def test_a_result_has_what_is_asked_for_and_each_thing_once(datadog, ops, bob):
    for _ in range(2):
        made(space=ops, assignee=bob)

    def kinds(include):
        document = done(send(datadog, "post", f"{SEARCH}?include={include}", asked()))
        return [row["type"] for row in document.get("included", ())]

    assert kinds("issue%2Cissue.assignee") == ["issue", "issue", "user"]
    assert kinds("issue.case") == ["case", "case"]
    assert kinds("issue.team_owners") == []


def test_the_four_orders(datadog, ops):
    levels = {key: Level.objects.get(key=key, space=None) for key in ("P0", "P2")}
    old = made(NOON - 3 * HOUR, space=ops, title="old", level=levels["P2"])
    new = made(NOON - HOUR, space=ops, title="new")
    made(NOON - 2 * HOUR, space=ops, title="urgent", level=levels["P0"])
    for issue, sessions in ((old, "aaa"), (new, "ab")):
        for session in sessions:
            issue.count_sighting(at=NOON, session=session)

    assert found(datadog) == found(datadog, order_by="TOTAL_COUNT") == ["old", "new", "urgent"]
    assert found(datadog, order_by="IMPACTED_SESSIONS") == ["new", "old", "urgent"]
    assert found(datadog, order_by="FIRST_SEEN") == ["new", "urgent", "old"]
    assert found(datadog, order_by="PRIORITY") == ["urgent", "old", "new"]


def test_at_most_a_hundred_are_found(datadog, ops):
    for _ in range(101):
        made(space=ops)

    assert len(found(datadog)) == 100


def test_a_search_costs_the_same_for_one_and_for_many(datadog, ops, bob, whole, django_assert_num_queries):
    found(datadog)
    with django_assert_num_queries(5):
        found(datadog, "service:shop* OR title:*")
    for _ in range(20):
        made(space=ops, assignee=bob, teams=Team.objects.all())

    with django_assert_num_queries(5):
        assert len(found(datadog, "service:shop* OR title:*")) == 21


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("*", "abcd"),
        ("", "abcd"),
        ("service:orders-* AND @language:go", "a"),
        ("service:(orders-api OR billing)", "ab"),
        ("service:Warehouse", "c"),
        ("@language:c_plus_plus", "b"),
        ("language:C++", "b"),
        ("@language:c_*", "b"),
        ("language:?o", "a"),
        ("language:x*", ""),
        ("-service:*", "d"),
        ("@error.type:ValueError", "a"),
        ("error.type:c", "c"),
        ("error.message:boom", "ac"),
        ("state:RESOLVED", "bc"),
        ("issue.state:acknowledged", "d"),
        ("NOT state:resolved", "ad"),
        ("-state:(OPEN OR ACKNOWLEDGED)", "bc"),
        ("env:production", "a"),
        ("version:1.?", "a"),
        ("team:payments", "b"),
        ("region:eu", "c"),
        ("title:a OR title:b", "ab"),
        ("broken pipe", "b"),
        ('"pipe broken"', ""),
        ("assignee:none", "acd"),
        ("assignee:bob@example.com", "b"),
    ],
)
def test_the_search_asks_for_what_is_shown(datadog, ops, bob, query, titles):
    a = {"service": "orders-api", "languages": ["Go"], "error_type": "ValueError", "error_message": "a boom"}
    production = EnvironmentFactory(space=ops, name="production")
    made(space=ops, title="a", **a, environment=production, first_version="1.2", annotations={"region": "eu"})
    team = TeamFactory(space=ops, name="Payments", handle="payments")
    b = {"service": "billing", "languages": ["C++"], "description": "Broken pipe", "status": "resolved"}
    made(space=ops, title="b", **b, teams=[team], assignee=bob)
    project = ProjectFactory(space=ops, name="Warehouse")
    c = {"project": project, "status": "closed", "labels": {"region": "eu"}, "description": "boom"}
    made(space=ops, title="c", **c)
    made(space=ops, title="d", status="pending")

    assert sorted(found(datadog, query)) == sorted(titles)


@pytest.mark.parametrize(
    ("term", "is_known"),
    [
        ("env:staging", "env:production"),
        ("team:nobodys", "team:payments"),
        ("assignee:mallory", "assignee:bob@example.com"),
        ("assignee:mal*", "assignee:b*"),
        ("level:P9", "level:P0"),
        ("severity:dire", "severity:critical"),
        ("state:SNOOZED", "state:OPEN"),
        ("is:odd", "is:open"),
        ("host:web-1", "region:eu"),
        ("has:host", "has:team"),
        ("space:NOWHERE", "space:OPS"),
        ("channel:nowhere", "channel:All"),
    ],
)
def test_what_nobody_knows_is_found_nowhere_and_refuses_nothing(datadog, ops, bob, term, is_known):
    key, _, value = term.partition(":")
    known = is_known.partition(":")[2]
    team = TeamFactory(space=ops, name="Payments", handle="payments")
    production, level = (
        EnvironmentFactory(space=ops, name="production"),
        Level.objects.get(key="P0", space=None),
    )
    a = {"environment": production, "level": level, "teams": [team], "labels": {"region": "eu"}}
    made(space=ops, title="a", assignee=bob, **a)

    assert found(datadog, is_known) == ["a"]
    assert found(datadog, term) == found(datadog, f"title:a {term}") == []
    assert found(datadog, f"-{term}") == found(datadog, f"title:a OR {term}") == ["a"]
    if key == is_known.partition(":")[0]:
        assert (
            found(datadog, f"{key}:({value} OR {known})") == found(datadog, f"{key}:{value},{known}") == ["a"]
        )


def test_what_only_members_read_is_not_searched(datadog, ops, bob):
    issue = made(space=ops, title="Slow")
    CommentFactory(issue=issue, author=bob, content="xylophone", is_internal=True)
    CommentFactory(issue=issue, author=bob, content="trombone")

    assert found(datadog, "trombone") == ["Slow"]
    assert found(datadog, "xylophone") == []


def test_a_track_or_a_persona_narrows_and_leaves_what_has_none(datadog, ops):
    for title, platform, track in (
        ("web", "browser", "rum"),
        ("phone", "React Native", "rum"),
        ("server", "BACKEND", "trace"),
        ("odd", "mainframe", "logs"),
        ("tv", "roku", ""),
        ("none", "", ""),
    ):
        made(space=ops, title=title, platform=platform, track=track)

    def of(persona, track=None):
        return set(found(datadog, persona=persona, track=track))

    assert of("ALL") == {"web", "phone", "server", "odd", "tv", "none"}
    assert of("BROWSER") == {"web", "none"}
    assert of("MOBILE") == {"phone", "none"}
    assert of("BACKEND") == {"server", "odd", "tv", "none"}
    assert of(None, "rum") == {"web", "phone", "tv", "none"}
    assert of("BACKEND", "trace") == {"server", "tv", "none"}


def test_newer_clients_name_states_people_and_teams(datadog, ops, bob, charlie):
    team = TeamFactory(space=ops)
    made(space=ops, title="mine", assignee=bob, status="closed")
    made(space=ops, title="theirs", teams=[team])
    unknown = made(space=ops, title="unknown's", status="ignored")
    done(send(datadog, "put", path_of(unknown, "assignee"), assignee_body(NOBODY)))

    assert found(datadog, states=["RESOLVED"]) == ["mine"]
    assert set(found(datadog, states=["IGNORED", "RESOLVED"])) == {"mine", "unknown's"}
    assert found(datadog, assignee_ids=[str(bob.uuid)]) == ["mine"]
    assert found(datadog, assignee_ids=[NOBODY]) == found(datadog, f"assignee:{NOBODY}") == ["unknown's"]
    assert found(datadog, assignee_ids=[str(charlie.uuid)]) == []
    assert found(datadog, "assignee:none") == ["theirs"]
    assert found(datadog, team_ids=[str(team.uuid)]) == ["theirs"]
    assert found(datadog, team_ids=[NOBODY]) == []


@pytest.mark.parametrize("spoof", [{"datadog": {"unknown_assignee": NOBODY}}, {"unknown_assignee": NOBODY}])
def test_what_others_keep_assigns_nobody_here(datadog, ops, spoof):
    made(
        space=ops,
        title="spoofed",
        extensions={"guance": {"extend": spoof | {"nul": "\0", "text": "\\u0000"}}},
    )
    own = made(space=ops, title="own", extensions={"guance": {"extend": {"datadog": {}, "nul": "\0"}}})
    done(send(datadog, "put", path_of(own, "assignee"), assignee_body(NOBODY)))

    assert found(datadog, assignee_ids=[NOBODY]) == found(datadog, f"assignee:{NOBODY}") == ["own"]
    assert found(datadog, f"-assignee:{NOBODY}") == found(datadog, "assignee:none") == ["spoofed"]
    assert found(datadog, "assignee:*") == ["own"]


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"track": "invalid-track"}, "invalid json value for TrackType: invalid-track"),
        ({"persona": "NOBODY"}, "invalid json value for PersonaType: NOBODY"),
        ({"order_by": "NAME"}, "invalid json value for OrderBy: NAME"),
        ({"states": ["OPEN", "odd"]}, 'invalid json value for IssueState: "odd"'),
        ({"states": ["OPEN"] * 21}, "data.attributes.states: At most 20 items."),
        ({"assignee_ids": ["me"]}, "invalid UUID length: 2"),
        ({"team_ids": [NOBODY] * 51}, "data.attributes.team_ids: At most 50 items."),
        ({"persona": None}, "data.attributes.track: Either a track or a persona is needed."),
        ({"from": None}, "data.attributes.from: This field is required."),
        ({"query": None}, "data.attributes.query: This field is required."),
        ({"from": "1"}, "data.attributes.from: Milliseconds since 1970, as a whole number."),
        ({"to": 1.5}, "data.attributes.to: Milliseconds since 1970, as a whole number."),
        ({"to": True}, "data.attributes.to: Milliseconds since 1970, as a whole number."),
        ({"from": 7, "to": 7}, "data.attributes.from: It is not before `to`."),
        ({"query": "service:(a"}, "data.attributes.query: This bracket is not closed."),
        ({"query": "sort:created"}, "data.attributes.query: The order is said by order_by."),
        ({"query": "seen:often"}, "data.attributes.query: A whole number of at most 18 digits."),
    ],
)
def test_what_is_wrong_with_a_search_is_said(datadog, attributes, said):
    assert refused(send(datadog, "post", SEARCH, asked(**attributes))) == [said]


def test_a_search_without_its_envelope_is_refused(datadog):
    whole = asked()["data"]

    assert refused(send(datadog, "post", SEARCH, {})) == ["data: This field is required."]
    assert refused(send(datadog, "post", SEARCH, {"data": whole | {"type": "search"}})) == [
        'data.type: "search" is not a valid choice.'
    ]
    assert refused(send(datadog, "post", SEARCH, [])) == [
        "Invalid data. Expected a dictionary, but got list."
    ]


def test_a_window_may_be_wider_than_time(datadog, ops):
    made(space=ops, title="Slow")

    assert found(datadog, **{"from": -(2**53) + 1, "to": 2**53 - 1}) == ["Slow"]


# Errors.


def test_errors_are_sentences(datadog, api, vera, whole):
    path = path_of(whole, "state")
    answers = {
        401: Client().get(path_of(whole)),
        403: send(api(vera), "put", path, state_body(whole, "OPEN")),
        404: datadog.get(f"{path_of(whole)}/"),
        405: datadog.get(SEARCH),
        415: datadog.generic("PUT", path, "{}", content_type="text/plain"),
        400: datadog.generic("PUT", path, "{", content_type="application/json"),
        413: datadog.generic("PUT", path, '"' + "x" * 3_000_000 + '"', content_type="application/json"),
    }

    for status, answer in answers.items():
        (said,) = refused(answer, status)
        assert said
    for path in ("", "/", "/issues", "/issues/search/", "/%00"):
        assert len(refused(datadog.get(f"/api/v2/error-tracking{path}"), 404)) == 1


def test_a_setting_turns_sentences_into_objects(datadog, settings):
    settings.DATADOG_ERROR_OBJECTS = True

    answer = datadog.get(f"{ISSUES}/{NOBODY}")

    assert answer["Content-Type"] == "application/vnd.api+json"
    assert answer.json() == {"errors": [{"status": "404", "title": "Not Found", "detail": "issue not found"}]}


def test_the_document_follows_the_setting(datadog, whole, settings):
    settings.DATADOG_ERROR_OBJECTS = True

    described = json.loads(docs.made.__wrapped__("datadog"))

    responses = described["paths"][f"{ISSUES}/{{issue_id}}"]["get"]["responses"]
    for answer in (datadog.get(path_of(whole)), datadog.get(f"{ISSUES}/{NOBODY}")):
        schema = responses[str(answer.status_code)]["content"][answer["Content-Type"]]["schema"]
        assert not list(validator(described, schema).iter_errors(answer.json()))
    assert list(validator(described, schema).iter_errors({"errors": ["Not Found"]}))


RATE = {f"X-RateLimit-{name}" for name in ("Limit", "Period", "Remaining", "Reset", "Name")}


def test_every_answer_says_how_often_one_may_call(datadog, whole, monkeypatch):
    monkeypatch.setattr(TokenThrottle, "rate", "2/min")

    first, second, third = (datadog.get(path_of(whole)) for _ in range(3))

    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in (first, second, third)] == ["1", "0", "0"]
    assert (third["X-RateLimit-Limit"], third["X-RateLimit-Period"]) == ("2", "60")
    assert 0 < int(third["X-RateLimit-Reset"]) <= 60
    assert refused(third, 429) == ["Too many requests"]


def test_a_refusal_before_the_view_says_so_as_well(whole, monkeypatch):
    monkeypatch.setattr(BadTokenThrottle, "rate", "1/min")
    client = Client(headers={"DD-API-KEY": "trk_wrong", "DD-APPLICATION-KEY": "trk_wrong"})

    first, second = (client.get(path_of(whole)) for _ in range(2))

    assert (first.status_code, second.status_code) == (401, 429)
    assert set(second.headers) >= RATE
    assert refused(second, 429) == ["Too many requests"]


def test_a_person_s_address_is_theirs_alone(datadog, ops):
    """Who is no member of the space any more is still shown where they have an issue."""
    former = UserFactory(name="Gone Away", email="gone@example.com", member_of=ops)
    issue = made(space=ops, assignee=former)
    membership = former.memberships.get()
    membership.is_active = False
    membership.save()

    document = done(send(datadog, "put", path_of(issue, "assignee"), assignee_body(former.uuid)))

    (person,) = [row for row in document["included"] if row["type"] == "user"]
    assert person["attributes"]["name"] == "Gone Away"
