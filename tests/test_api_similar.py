"""`/api/issues/similar/`: what may be a duplicate of a title, among one's own issues."""

import pytest

from tests.factories import CommentFactory, IssueFactory, MembershipFactory, SpaceFactory

pytestmark = pytest.mark.django_db

SIMILAR = "/api/issues/similar/"


@pytest.fixture
def shelf(ops):
    """Issues of which most have a common word in their title, and some a rare one."""
    for title in (
        "Timeout in checkout of vouchers",
        "Checkout: timeout!",
        "Vouchers expire in the basket",
        *(f"Page {number} in the shop" for number in range(10)),
    ):
        IssueFactory(space=ops, title=title)


def found(response):
    return [row["issue"]["title"] for row in response.json()["results"]]


def test_titles_that_share_rare_words_come_first_with_the_reason(shelf, api, bob):
    response = api(bob).get(SIMILAR, {"title": "CHECKOUT timeout page", "space": "OPS"})

    best = response.json()["results"][0]
    assert best["issue"]["title"] == "Checkout: timeout!"
    assert best["words"] == ["checkout", "timeout"]
    assert found(response)[1] == "Timeout in checkout of vouchers"
    assert 1 > best["score"] > response.json()["results"][1]["score"] > 0
    assert len(found(response)) <= 10


def test_the_same_title_is_all_there_is_to_share(shelf, api, bob):
    response = api(bob).get(SIMILAR, {"title": "checkout timeout"})

    assert response.json()["results"][0]["score"] == 1


def test_an_issue_is_no_duplicate_of_itself(shelf, api, bob):
    response = api(bob).get(SIMILAR, {"issue": "OPS-1"})

    assert found(response)[0] == "Checkout: timeout!"
    assert "Timeout in checkout of vouchers" not in found(response)


def test_other_spaces_deleted_issues_and_comments_are_left_out(shelf, ops, api, bob, charlie):
    mine = SpaceFactory(key="MINE")
    MembershipFactory(space=mine, user=bob, role="viewer")
    IssueFactory(space=mine, title="Zebra stripes missing")
    IssueFactory(space=ops, title="Zebra stripes gone").trash()
    IssueFactory(space=charlie.memberships.get().space, title="Zebra stripes elsewhere")
    CommentFactory(issue=IssueFactory(space=ops, title="Other"), content="Zebra stripes", is_internal=True)
    title = {"title": "Zebra stripes"}

    assert found(api(bob).get(SIMILAR, title)) == ["Zebra stripes missing"]
    assert found(api(bob).get(SIMILAR, title | {"space": "OPS"})) == []


@pytest.mark.parametrize("title", ["zzz", "!!", "\ufdfa" * 400, "a " * 250, "(\" OR ' * : NOT"])
def test_any_title_has_an_answer(shelf, api, bob, title):
    response = api(bob).get(SIMILAR, {"title": title})

    assert response.status_code == 200
    assert found(response) == []


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"title": ""}, 400),
        ({"title": "x" * 501}, 400),
        ({"title": "x", "space": "ELSE"}, 404),
        ({"issue": "ELSE-1"}, 404),
        ({"title": "x", "limit": "3"}, 400),
    ],
)
def test_bad_parameters_are_refused(shelf, api, bob, params, status):
    assert api(bob).get(SIMILAR, params).status_code == status


def test_it_costs_the_same_for_every_title(shelf, api, bob, django_assert_num_queries):
    client = api(bob)
    client.get(SIMILAR, {"title": "warm"})
    title = "Timeout checkout vouchers basket shop page expire nothing else three four five six seven"

    with django_assert_num_queries(4):
        client.get(SIMILAR, {"title": title})
    with django_assert_num_queries(4):
        client.get(SIMILAR, {"title": "Timeout"})
