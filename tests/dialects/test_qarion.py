"""Qarion's API at its own paths: its documents, its words, its errors."""

import json
from uuid import uuid4

import pytest
from django.test import Client

from comments.models import Comment
from issues.models import HistoryEntry, Issue, Level
from tests.calls import done, send
from tests.factories import IssueFactory, LevelFactory, ProjectFactory, SpaceFactory

NOWHERE = "0190a6c4-7b1e-7c3a-9d52-0123456789ab"


@pytest.fixture
def qarion(api, bob):
    return api(bob)


def patch(client, issue, **body):
    return send(client, "patch", f"/issues/{issue.uuid}", body)


def problems(response, status=422):
    """[(loc, type)] of a refusal."""
    assert response.status_code == status, response.content
    return [(problem["loc"], problem["type"]) for problem in response.json()["detail"]]


def test_an_issue_is_created_with_all_that_the_page_names(qarion, ops, alice):
    product = ProjectFactory(space=ops, name="Customer Events")
    body = {
        "title": "Customer ID nulls increased",
        "description": "Seeing **15 %**\r\n",
        "priority": "high",
        "space_id": str(ops.uuid),
        "product_id": str(product.uuid),
        "assignee_id": str(alice.uuid),
        "alert_id": NOWHERE,
        "unheard_of": 1,
    }

    found = done(send(qarion, "post", "/issues", body), 201)

    issue = Issue.objects.get()
    assert found == {
        "id": str(issue.uuid),
        "title": "Customer ID nulls increased",
        "description": "Seeing **15 %**\r\n",
        "status": "open",
        "priority": "high",
        "product": {"id": str(product.uuid), "name": "Customer Events"},
        "assignee": {"id": str(alice.uuid), "name": "Alice Owner"},
        "reporter": {"id": str(issue.reporter.uuid), "name": "Bob Colleague"},
        "created_at": f"{issue.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "updated_at": f"{issue.updated_at:%Y-%m-%dT%H:%M:%SZ}",
        "space_id": str(ops.uuid),
        "alert_id": NOWHERE,
    }
    assert done(qarion.get(f"/issues/{issue.uuid}")) == found
    assert issue.level.key == "P1"
    assert {entry.source for entry in HistoryEntry.objects.filter(issue=issue)} == {"qarion"}


def test_a_new_issue_is_open_and_of_medium_priority(qarion, ops):
    found = done(send(qarion, "post", "/issues", {"title": "Slow", "space_id": str(ops.uuid)}), 201)

    assert (found["status"], found["priority"], found["description"]) == ("open", "medium", "")
    assert Issue.objects.get().level.key == "P2"


@pytest.mark.parametrize(
    "body, expected",
    [
        ({}, [(["body", "title"], "value_error.missing"), (["body", "space_id"], "value_error.missing")]),
        ({"title": " "}, [(["body", "title"], "value_error")]),
        ({"title": "x" * 501}, [(["body", "title"], "value_error")]),
        ({"title": 7}, [(["body", "title"], "value_error")]),
        ({"priority": "urgent"}, [(["body", "priority"], "type_error.enum")]),
        ({"space_id": "OPS"}, [(["body", "space_id"], "value_error")]),
        ({"assignee_id": NOWHERE}, [(["body", "assignee_id"], "value_error")]),
        ({"product_id": NOWHERE}, [(["body", "product_id"], "value_error")]),
    ],
)
def test_what_is_wrong_with_a_new_issue_is_named(qarion, ops, body, expected):
    whole = {"title": "Slow", "space_id": str(ops.uuid)} | body if body else {}

    response = send(qarion, "post", "/issues", whole)

    assert problems(response) == expected
    assert not Issue.objects.exists()


def test_a_space_that_is_unknown_or_anothers_is_not_there(qarion, charlie):
    theirs = charlie.memberships.get().space

    answers = [
        send(qarion, "post", "/issues", {"title": "Slow", "space_id": space})
        for space in (NOWHERE, str(theirs.uuid))
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json() == answers[1].json() == {"detail": "Not found."}


@pytest.mark.parametrize("word, status", [("in_progress", "in_progress"), ("resolved", "resolved")])
def test_another_word_changes_the_status(qarion, ops, word, status):
    issue = IssueFactory(space=ops, status="open")

    assert done(patch(qarion, issue, status=word))["status"] == word

    issue.refresh_from_db()
    assert issue.status == status


@pytest.mark.parametrize("status", Issue.Status.values)
@pytest.mark.parametrize("severity", ["critical", "medium", None])
def test_what_is_read_and_written_back_changes_nothing(qarion, ops, alice, status, severity):
    level = severity and LevelFactory(space=ops, key="OWN", severity=severity)
    issue = IssueFactory(space=ops, status=status, level=level, assignee=alice, title="x" * 500)
    before, entries = Issue.objects.values().get(), HistoryEntry.objects.count()
    shown = done(qarion.get(f"/issues/{issue.uuid}"))
    if level is None:
        # Whoever writes `medium` on an issue without a level means it.
        del shown["priority"]

    echoed = shown | {"assignee_id": shown["assignee"]["id"], "product_id": None}
    found = done(send(qarion, "patch", f"/issues/{issue.uuid}", echoed))

    assert {**found, "priority": None} == {**shown, "priority": None}
    assert Issue.objects.values().get() == before
    assert HistoryEntry.objects.count() == entries


def test_medium_on_an_issue_without_a_level_sets_it(qarion, ops):
    issue = IssueFactory(space=ops, level=None)

    done(patch(qarion, issue, priority="medium"))

    issue.refresh_from_db()
    assert issue.level.key == "P2"


def test_a_title_is_one_line_in_which_a_backslash_is_a_character(qarion, ops):
    issue = IssueFactory(space=ops)

    assert done(patch(qarion, issue, title=r"C:\new\rows"))["title"] == r"C:\new\rows"
    for title in ("Two\nlines", "Two\rlines"):
        assert problems(patch(qarion, issue, title=title)) == [(["body", "title"], "value_error")]


@pytest.mark.parametrize("status", ["resolved", "nonsense", None])
def test_a_status_of_a_new_issue_is_one_more_unknown_field(status, qarion, ops):
    body = {"title": "Nulls", "space_id": str(ops.uuid), "status": status}

    assert done(send(qarion, "post", "/issues", body), 201)["status"] == "open"
    assert Issue.objects.get().status == "open"


def test_a_description_is_markdown_from_when_qarion_writes_it(qarion, ops):
    issue = IssueFactory(space=ops, description="<b>Slow</b>", description_format="html")

    done(patch(qarion, issue, description="<b>Slow</b>"))
    issue.refresh_from_db()
    before = issue.description_format
    done(patch(qarion, issue, description="**Slow**"))
    issue.refresh_from_db()

    assert (before, issue.description_format) == ("html", "md")


def test_a_derived_title_stays_derived_until_it_is_said_along_with_another_description(qarion, ops):
    issue = IssueFactory(space=ops, title="", description="Nulls\nin events")
    shown = done(qarion.get(f"/issues/{issue.uuid}"))

    done(patch(qarion, issue, **shown))
    done(patch(qarion, issue, **shown | {"status": "resolved"}))
    followed = done(patch(qarion, issue, description="Timeouts"))["title"]
    for _ in range(2):
        kept = done(patch(qarion, issue, title="Timeouts", description="Slow"))["title"]

    assert (followed, kept) == ("Timeouts", "Timeouts")
    assert done(patch(qarion, issue, description="Slower"))["title"] == "Timeouts"


def test_null_takes_the_assignee_and_the_product_away(qarion, ops, alice):
    issue = IssueFactory(space=ops, assignee=alice, project=ProjectFactory(space=ops))

    found = done(patch(qarion, issue, assignee_id=None, product_id=None))

    assert (found["assignee"], found["product"]) == (None, None)


def test_no_description_is_null_or_blank(qarion, ops):
    body = {"title": "x", "space_id": str(ops.uuid), "description": None}
    made = done(send(qarion, "post", "/issues", body), 201)
    issue = IssueFactory(space=ops, description="Slow", description_format="html")

    found = [done(patch(qarion, issue, description=None)) for _ in range(2)]

    assert [row["description"] for row in (made, *found)] == [""] * 3
    assert found[0] == found[1]


def test_a_deleted_issue_is_gone(qarion, ops):
    issue = IssueFactory(space=ops)

    assert done(qarion.delete(f"/issues/{issue.uuid}"), 204) is None

    assert qarion.get(f"/issues/{issue.uuid}").status_code == 404
    assert Issue.objects.filter(pk=issue.pk, deleted_at__isnull=False).exists()


def test_an_id_that_is_none_is_refused_and_an_unknown_one_is_not_found(qarion):
    assert problems(qarion.get("/issues/nonsense")) == [(["path", "id"], "value_error")]
    assert qarion.get(f"/issues/{NOWHERE}").json() == {"detail": "Not found."}


# Lists.


def listed(client, **parameters):
    found = done(client.get("/issues", parameters))
    return [row["title"] for row in found["items"]], found["total"]


def test_a_list_is_narrowed_by_what_qarion_shows(qarion, ops, alice):
    custom = LevelFactory(space=ops, key="OWN", severity="critical")
    product = ProjectFactory(space=ops)
    IssueFactory(space=ops, title="a", status="excluded", level=custom, assignee=alice)
    IssueFactory(space=ops, title="b", status="pending", level=None, project=product)
    IssueFactory(space=SpaceFactory(), title="elsewhere")

    assert listed(qarion) == (["b", "a"], 2)
    assert listed(qarion, status="resolved") == (["a"], 1)
    assert listed(qarion, status="in_progress") == (["b"], 1)
    assert listed(qarion, priority="critical") == (["a"], 1)
    assert listed(qarion, priority="medium") == (["b"], 1)
    assert listed(qarion, assignee_id=str(alice.uuid)) == (["a"], 1)
    assert listed(qarion, product_id=str(product.uuid)) == (["b"], 1)
    assert listed(qarion, space_id=str(ops.uuid), status="open") == ([], 0)
    for name in ("space_id", "product_id", "assignee_id"):
        assert listed(qarion, **{name: NOWHERE}) == ([], 0)


def test_pages_are_exact_to_the_end(qarion, ops):
    for number in range(5):
        IssueFactory(space=ops, title=str(number))

    pages = [done(qarion.get("/issues", {"page": page, "size": 2})) for page in (1, 2, 3, 4)]

    assert [[row["title"] for row in page["items"]] for page in pages] == [["4", "3"], ["2", "1"], ["0"], []]
    assert {(page["total"], page["size"]) for page in pages} == {(5, 2)}
    assert done(qarion.get("/issues", {"size": 101}))["size"] == 100
    assert done(qarion.get("/issues"))["size"] == 20


@pytest.mark.parametrize(
    "name, value",
    [
        ("page", "0"),
        ("page", "x"),
        ("size", "-1"),
        ("status", "closed"),
        ("priority", "P1"),
        ("space_id", "OPS"),
        ("assignee_id", "me"),
    ],
)
def test_a_parameter_that_means_nothing_is_named(qarion, name, value):
    response = qarion.get("/issues", {name: value})

    assert [place for place, _ in problems(response)] == [["query", name]]


# Comments and history.


def test_comments_are_those_of_every_door_but_internal_ones(qarion, ops, alice, bob):
    issue = IssueFactory(space=ops)
    Comment(issue=issue, author=alice, content="From the page").save()
    Comment(issue=issue, author=alice, content="Between us", is_internal=True).save()

    said = done(send(qarion, "post", f"/issues/{issue.uuid}/comments", {"content": "From *here*"}), 201)

    assert said["author"] == {"id": str(bob.uuid), "name": "Bob Colleague", "avatar_url": None}
    found = done(qarion.get(f"/issues/{issue.uuid}/comments"))
    assert [row["content"] for row in found["items"]] == ["From the page", "From *here*"]
    assert found["items"][1] == said
    assert (found["total"], found["page"], found["size"]) == (2, 1, 20)
    blank = send(qarion, "post", f"/issues/{issue.uuid}/comments", {"content": " \n"})
    assert problems(blank) == [(["body", "content"], "value_error")]


def test_history_is_told_in_the_words_of_qarion(qarion, ops, alice, bob):
    issue = IssueFactory(space=ops, status="open", title="Slow", level=None)
    product = ProjectFactory(space=ops, name="Customer Events")
    for change in (
        {"status": "acknowledged"},
        {"status": "pending"},
        {"level": Level.objects.get(space=None, key="P0")},
        {"assignee": alice},
        {"title": "Slower"},
        {"project": product},
        {"labels": {"team": "payments"}},
    ):
        for name, value in change.items():
            setattr(issue, name, value)
        issue.save()
    Comment(issue=issue, author=alice, content="Why?").save()
    Comment(issue=issue, author=alice, content="Between us", is_internal=True).save()

    items = done(qarion.get(f"/issues/{issue.uuid}/history"))["items"]

    assert [(item["action"], item["old_value"], item["new_value"]) for item in items] == [
        ("created", None, None),
        ("status_changed", "open", "in_progress"),
        ("priority_changed", "medium", "critical"),
        ("assignee_changed", None, "Alice Owner"),
        ("title_changed", "Slow", "Slower"),
        ("product_changed", None, "Customer Events"),
        ("comment_added", None, "Why?"),
    ]
    assert set(items[0]) == {"id", "action", "old_value", "new_value", "actor", "timestamp"}


def test_an_anonymous_reporter_is_nobody(api, ops, bob, alice):
    issue = IssueFactory(space=ops, reporter=bob, is_anonymous=True)
    done(patch(api(bob), issue, title="Another title"))
    Comment(issue=issue, author=bob, content="It is me").save()

    shown = done(api(alice).get(f"/issues/{issue.uuid}"))
    comments = done(api(alice).get(f"/issues/{issue.uuid}/comments"))["items"]
    history = done(api(alice).get(f"/issues/{issue.uuid}/history"))["items"]

    assert shown["reporter"] is None
    assert comments[0]["author"] is None
    assert [item["actor"] for item in history if item["action"] == "title_changed"] == [None]


# Errors.


def test_errors_are_in_the_shape_of_qarion(qarion, api, vera, ops):
    issue = IssueFactory(space=ops)
    answers = {
        401: Client().get("/issues"),
        403: patch(api(vera), issue, title="Mine"),
        404: qarion.get("/issues/x/y"),
        405: send(qarion, "put", f"/issues/{issue.uuid}", {}),
        415: qarion.generic("POST", "/issues", "{}", content_type="text/plain"),
        400: qarion.generic("POST", "/issues", "{", content_type="application/json"),
        413: qarion.generic("POST", "/issues", '"' + "x" * 3_000_000 + '"', content_type="application/json"),
    }

    assert {status: answer.status_code for status, answer in answers.items()} == {
        status: status for status in answers
    }
    for answer in answers.values():
        assert answer["Content-Type"] == "application/json"
        assert json.loads(answer.content).keys() == {"detail"}
        assert isinstance(answer.json()["detail"], str)


def test_a_path_with_a_nul_and_a_bad_host_are_errors_of_qarion_too(qarion):
    for answer in (qarion.get("/issues/%00"), qarion.get("/issues", headers={"host": "evil.example"})):
        assert answer.json().keys() == {"detail"}


def test_every_answer_tells_how_often_one_may_call(qarion):
    first, second = qarion.get("/issues"), qarion.get(f"/issues/{uuid4()}")

    limit = int(first["X-RateLimit-Limit"])
    assert int(first["X-RateLimit-Remaining"]) - int(second["X-RateLimit-Remaining"]) == 1
    assert int(first["X-RateLimit-Remaining"]) == limit - 1
    assert int(first["X-RateLimit-Reset"]) > 1_700_000_000


def test_a_browser_that_forgot_the_slash_is_led_to_the_page(client, qarion):
    html = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

    assert client.get("/issues", headers=html)["Location"] == "/issues/"
    assert client.get("/issues/OPS-42", headers=html)["Location"] == "/issues/OPS-42/"
    assert client.get(f"/issues/{uuid4()}", headers=html).status_code == 401
    assert qarion.get("/issues", headers=html).status_code == 200


def test_the_next_page_goes_on_where_the_last_one_ended(qarion, ops):
    for number in range(1, 8):
        IssueFactory(space=ops, title=str(number))

    def titles(page):
        found = done(qarion.get("/issues", {"page": page, "size": 3, "priority": "medium"}))
        return [row["title"] for row in found["items"]]

    assert titles(1) == ["7", "6", "5"]
    IssueFactory(space=ops, title="8")

    assert titles(2) == ["4", "3", "2"]


def test_what_another_door_ignores_is_no_key_of_its_pages(qarion, ops):
    for number in range(1, 7):
        IssueFactory(space=ops, title=str(number), status="open" if number % 2 else "resolved")
    qarion.get("/api/v1/app/issue", {"page": 1, "page_size": 2, "status": "open"})

    found = done(qarion.get("/issues", {"page": 2, "size": 2, "status": "open"}))

    assert [row["title"] for row in found["items"]] == ["1"]


def test_history_tells_no_comment_that_was_made_internal(qarion, ops):
    issue = IssueFactory(space=ops)
    comment = done(send(qarion, "post", f"/issues/{issue.uuid}/comments", {"content": "a secret"}), 201)
    done(send(qarion, "patch", f"/api/comments/{comment['id']}/", {"is_internal": True}))

    items = done(qarion.get(f"/issues/{issue.uuid}/history"))["items"]

    assert [item["action"] for item in items] == ["created"]


def test_who_is_refused_is_told_how_often_they_may_call(api, bob, ops):
    reader, body = api(bob, "read"), {"title": "One", "space_id": str(ops.uuid)}

    refusals = [send(reader, "post", "/issues", body) for _ in range(2)]

    assert [response.status_code for response in refusals] == [403, 403]
    assert [response["X-RateLimit-Remaining"] for response in refusals] == ["599", "598"]
    assert Client().get("/issues")["X-RateLimit-Limit"] == "600"


def test_whom_no_view_hears_is_told_how_often_they_may_call_too(qarion, ops):
    body, once = {"title": "One", "space_id": str(ops.uuid)}, {"Idempotency-Key": "once"}
    nobody = Client(headers={"authorization": "Bearer trk_nobody"})

    answers = [
        qarion.get("/issues", {"page": "%"}),
        qarion.get("/issues?a=1&a=2"),
        qarion.get("/issues/a/b/c"),
        qarion.generic("POST", "/issues", "x" * 3_000_000, content_type="application/json"),
        send(qarion, "post", "/issues", body, **once),
        send(qarion, "post", "/issues", body, **once),
        send(qarion, "post", "/issues", {}, **once),
    ]
    strangers = [nobody.get("/issues"), nobody.get("/issues?a=1&a=2")]

    assert [answer.status_code for answer in answers] == [422, 400, 404, 413, 201, 201, 422]
    assert [int(answer["X-RateLimit-Remaining"]) for answer in answers] == list(range(599, 592, -1))
    assert [answer.status_code for answer in strangers] == [401, 400]
    assert [answer["X-RateLimit-Remaining"] for answer in strangers] == ["59", "58"]
