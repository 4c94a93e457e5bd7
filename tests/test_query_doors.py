"""The query language at its doors: the API's lists and bulk changes, completion, and the pages."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from issues.models import Issue
from tests.factories import IssueFactory, LevelFactory, SpaceFactory

pytestmark = pytest.mark.django_db

ISSUES, COMPLETE, EXPLAIN = "/api/issues/", "/api/queries/complete/", "/api/queries/explain/"


@pytest.fixture
def shelf(ops):
    for title, status in (("Nulls", "open"), ("Timeout", "closed"), ("Nulls again", "resolved")):
        IssueFactory(space=ops, title=title, status=status)


@pytest.fixture
def page(bob):
    client = Client()
    client.force_login(bob)
    return lambda **query: client.get(reverse("issue-list"), query)


def keys(response):
    return [issue["key"] for issue in response.json()["results"]]


def test_the_api_lists_what_a_query_finds(api, bob, shelf):
    response = api(bob).get(ISSUES, {"q": "nulls -is:open OR status:closed", "count": "exact"})

    assert keys(response) == ["OPS-3", "OPS-2"]
    assert response.json()["count"] == 2


def test_the_other_parameters_narrow_what_a_query_finds(api, bob, shelf):
    response = api(bob).get(ISSUES, {"q": "nulls OR timeout", "status": "open,closed"})

    assert keys(response) == ["OPS-2", "OPS-1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"q": "sort:number"}, ["OPS-1", "OPS-2", "OPS-3"]),
        ({"q": "sort:number", "sort": "-number"}, ["OPS-3", "OPS-2", "OPS-1"]),
        ({"q": "nulls sort:number"}, ["OPS-1", "OPS-3"]),
    ],
)
def test_the_order_of_a_query_holds_unless_another_is_asked_for(api, bob, shelf, query, expected):
    assert keys(api(bob).get(ISSUES, query)) == expected


def test_pages_follow_the_order_of_a_query(api, bob, shelf):
    client = api(bob)
    first = client.get(ISSUES, {"q": "sort:number", "page_size": 2})

    second = client.get(first.json()["next"])

    assert (keys(first), keys(second)) == (["OPS-1", "OPS-2"], ["OPS-3"])


@pytest.mark.parametrize(
    ("text", "position", "proposal"),
    [
        ("is:open asignee:me", (8, 15), "assignee"),
        ("a OR", (2, 4), None),
        ('"a', (0, 2), '"a"'),
        ("level:nope", (6, 10), None),
        ("is:open sort:relevance", (8, 22), None),
        ("x" * 2_001, (2_000, 2_001), None),
    ],
)
def test_the_api_shows_the_place_of_a_mistake(api, bob, text, position, proposal):
    response = api(bob).get(ISSUES, {"q": text})

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert [error["parameter"] for error in problem["errors"]] == ["q"]
    assert problem["position"] == {"start": position[0], "end": position[1]}
    assert problem["proposal"] == proposal


def test_a_foreign_row_is_answered_like_a_missing_one(api, bob):
    LevelFactory(space=SpaceFactory(), key="FOREIGN")

    answers = [api(bob).get(ISSUES, {"q": f"level:{key}"}) for key in ("FOREIGN", "MISSING")]

    assert {answer.status_code for answer in answers} == {400}
    foreign, missing = (answer.json()["detail"] for answer in answers)
    assert foreign.replace("FOREIGN", "MISSING") == missing


def bulk(client, query):
    body = {"filter": {"q": query}, "set": {"is_read": True}}
    return client.post(f"{ISSUES}bulk/", json.dumps(body), content_type="application/json")


def test_a_bulk_change_changes_what_a_query_finds(api, bob, shelf):
    response = bulk(api(bob), "is:done nulls sort:number")

    assert response.json()["changed"] == 1
    assert [issue.key for issue in Issue.objects.filter(is_read=True)] == ["OPS-3"]


def test_a_bulk_change_shows_the_place_of_a_mistake_and_changes_nothing(api, bob, shelf):
    response = bulk(api(bob), "is:opem")

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/filter/q"
    assert response.json()["position"] == {"start": 3, "end": 7}
    assert response.json()["proposal"] == "open"
    assert not Issue.objects.filter(is_read=True).exists()


def test_the_export_holds_what_a_query_finds_in_its_order(page, bob, shelf):
    client = Client()
    client.force_login(bob)

    response = client.get(reverse("issue-export-json"), {"q": "nulls sort:number"})

    assert [issue["key"] for issue in json.loads(b"".join(response))] == ["OPS-1", "OPS-3"]


# Completion and explanation.


def test_the_api_proposes_what_may_be_written_next(api, bob):
    response = api(bob).get(COMPLETE, {"q": "is:open lev x", "cursor": 11})

    item = {"text": "level:", "kind": "field", "detail": "A level's key"}
    assert response.json() == {"start": 8, "end": 11, "items": [item]}


def test_without_a_cursor_it_stands_at_the_end(api, bob):
    response = api(bob).get(COMPLETE, {"q": "status:ope"})

    assert response.json()["items"] == [{"text": "open", "kind": "value", "detail": "Open"}]


@pytest.mark.parametrize("cursor", ["-1", "4", "x", "1.5", "9" * 40, "²"])
def test_a_cursor_outside_of_the_text_is_refused(api, bob, cursor):
    response = api(bob).get(COMPLETE, {"q": "abc", "cursor": cursor})

    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == "cursor"


def test_a_query_that_is_too_long_is_not_completed(api, bob):
    assert api(bob).get(COMPLETE, {"q": "x" * 2_001}).status_code == 400


@pytest.mark.parametrize("address", [COMPLETE, EXPLAIN])
def test_parameters_that_are_unknown_are_refused(api, bob, address):
    assert api(bob).get(address, {"query": "x"}).status_code == 400


def test_who_may_only_read_may_write_queries(api, vera):
    for address in (COMPLETE, EXPLAIN):
        assert api(vera, scope="read").get(address, {"q": "is:open"}).status_code == 200


def test_the_api_says_a_query_in_words(api, bob):
    response = api(bob).get(EXPLAIN, {"q": "is:open -label:noise sort:-updated"})

    assert response.json() == {
        "words": "open issues not labelled noise",
        "sort": "-updated",
        "why": None,
        "error": None,
    }


def test_the_api_says_why_a_query_finds_an_issue(api, bob, shelf):
    query = {"q": "nulls (is:open OR is:done) -timeout", "issue": "OPS-1"}

    response = api(bob).get(EXPLAIN, query)

    assert response.json()["why"] == ["nulls", "is:open", "-timeout"]


@pytest.mark.parametrize("reference", ["ELSE-1", "OPS-9", "", "nulls"])
def test_why_an_issue_is_found_that_one_does_not_see_is_not_said(api, bob, shelf, reference):
    IssueFactory(space=SpaceFactory(key="ELSE"), title="Nulls")

    response = api(bob).get(EXPLAIN, {"q": "nulls", "issue": reference})

    assert response.status_code == 404
    assert [error["parameter"] for error in response.json()["errors"]] == ["issue"]


def test_the_api_says_what_is_wrong_with_a_query(api, bob):
    response = api(bob).get(EXPLAIN, {"q": "is:opem"})

    error = {"message": "No issue “is opem”.", "start": 3, "end": 7, "proposal": "open"}
    assert response.status_code == 200
    assert response.json() == {"words": None, "sort": None, "why": None, "error": error}


def test_the_api_says_where_a_query_becomes_too_long(api, bob):
    response = api(bob).get(EXPLAIN, {"q": "x" * 2_001})

    error = response.json()["error"]
    assert (error["start"], error["end"]) == (2_000, 2_001)


# Pages.


def test_the_page_says_the_query_in_words(page, shelf):
    response = page(q="is:open nulls")

    assert [issue["key"] for issue in response.context["issues"]] == ["OPS-1"]
    assert "Open issues with “nulls”" in response.content.decode()


def test_the_page_without_a_query_says_nothing(page, shelf):
    assert 'class="quiet words"' not in page().content.decode()


def test_the_page_shows_a_mistake_at_its_place_and_keeps_what_was_written(page, shelf):
    response = page(q='is:open <b> asignee:"me"')

    text = response.content.decode()
    assert response.status_code == 400
    assert "<code>is:open &lt;b&gt; <mark>asignee</mark>:&quot;me&quot;</code>" in text
    assert 'value="is:open &lt;b&gt; asignee:&quot;me&quot;"' in text
    assert "?q=is%3Aopen+%3Cb%3E+assignee%3A%22me%22" in text


def test_the_way_out_of_a_mistake_keeps_the_rest_of_the_address(page, shelf):
    response = page(q="is:opem", status="open", sort="number")

    assert response.context["mistake"]["better"] == "/issues/?q=is%3Aopen&status=open&sort=number"


def test_the_page_offers_the_order_of_the_query_as_its_own(page, shelf):
    orders = page(q="sort:number").context["form"].fields["sort"].choices

    assert [label for value, label in orders if value == ""] == ["As searched"]
    assert [issue["key"] for issue in page(q="sort:number").context["issues"]] == ["OPS-1", "OPS-2", "OPS-3"]


@pytest.mark.parametrize(
    ("query", "most"),
    # Where nothing is found, what there is without either part is counted, along the rarer of two labels.
    [("", 12), ("level:P0 assignee:bob@example.com label:a", 12), ("level:P0 label:a squad:x", 14)],
)
def test_a_query_costs_the_page_a_statement_for_each_table(
    page, ops, query, most, django_assert_max_num_queries
):
    issue = IssueFactory(space=ops)
    issue.labels = {"squad": "x"}
    issue.save()

    with django_assert_max_num_queries(most):
        assert page(q=query).status_code == 200


def test_the_grammar_is_on_one_page_beside_the_box(page, bob):
    client = Client()
    client.force_login(bob)

    response = client.get(reverse("query-help"))

    assert response.status_code == 200
    for name in ("assignee:", "comments:", "sort:", "regressed"):
        assert f"<code>{name}</code>" in response.content.decode()
    assert f'href="{reverse("query-help")}"' in page().content.decode()


def complete(bob, **query):
    client = Client()
    client.force_login(bob)
    return client.get(reverse("issue-complete"), query)


def test_the_box_is_offered_what_may_stand_at_the_cursor(bob, ops):
    response = complete(bob, q="is:open lev x", cursor=11)

    assert response.content.decode().count('role="option"') == 1
    assert 'data-text="level:" data-start="8"' in response.content.decode()


def test_what_is_offered_is_escaped(bob, ops):
    issue = IssueFactory(space=ops)
    issue.labels = {"team": "<b>"}
    issue.save()

    response = complete(bob, q="label:team:")

    assert "<b>team" in response.content.decode() or "&lt;b&gt;" in response.content.decode()
    assert "<b><b>" not in response.content.decode()


@pytest.mark.parametrize(
    "query", [{"q": "x" * 2_001}, {"q": "abc", "cursor": "4"}, {"q": "a", "cursor": "-1"}]
)
def test_the_box_names_the_field_that_makes_no_sense(bob, ops, query):
    response = complete(bob, **query)

    assert response.status_code == 400
    assert response.content.decode().partition(":")[0] in query
