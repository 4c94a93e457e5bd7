"""Saved views through the native API."""

import pytest

from issues.models import SavedView
from tests.calls import done, send
from tests.factories import SavedViewFactory, SpaceFactory

pytestmark = pytest.mark.django_db

VIEWS = "/api/views/"
QUERY = "q=is%3Aopen+level%3AP0&sort=level"


def at(view):
    return f"{VIEWS}{view.uuid}/"


def test_a_view_is_made_and_read_again(api, bob):
    made = done(send(api(bob), "post", VIEWS, {"name": " Urgent ", "query": QUERY}), 201)

    assert made | {"id": 0, "created_at": 0} == {
        "id": 0,
        "space": None,
        "owner": {"id": str(bob.uuid), "name": bob.name, "email": bob.email, "avatar_url": None},
        "name": " Urgent ",
        "query": QUERY,
        "is_active": True,
        "created_at": 0,
    }
    assert done(api(bob).get(f"{VIEWS}{made['id']}/")) == made
    assert done(api(bob).get(VIEWS))["results"] == [made]


def test_the_query_of_a_view_is_the_one_of_the_list(api, bob, ops):
    made = done(send(api(bob), "post", VIEWS, {"name": "Urgent", "query": QUERY}), 201)

    response = api(bob).get(f"/api/issues/?{made['query']}")

    assert response.status_code == 200


def test_a_view_is_shared_once_and_stays(api, bob, ops):
    view = SavedViewFactory(owner=bob)
    elsewhere = SpaceFactory()
    bob.memberships.create(space=elsewhere, role="member")

    shared = done(send(api(bob), "patch", at(view), {"space": "ops"}))
    again = send(api(bob), "patch", at(view), {"space": "OPS"})
    moved = send(api(bob), "patch", at(view), {"space": elsewhere.key})
    taken_back = send(api(bob), "patch", at(view), {"space": None})

    assert shared["space"]["key"] == "OPS"
    assert [response.status_code for response in (again, moved, taken_back)] == [200, 400, 400]
    assert SavedView.objects.get().space == ops


def test_a_list_is_narrowed_to_a_space_and_to_what_was_deleted(api, bob, ops):
    SavedViewFactory(owner=bob, name="Own")
    SavedViewFactory(space=ops, name="Shared")
    SavedViewFactory(owner=bob, name="Gone", is_active=False)

    def names(query):
        return [document["name"] for document in done(api(bob).get(f"{VIEWS}?{query}"))["results"]]

    assert names("space=OPS") == ["Shared"]
    assert names("is_active=false") == ["Gone"]
    assert names("") == ["Own", "Shared", "Gone"]


def test_a_view_is_deleted_and_comes_back(api, bob):
    view = SavedViewFactory(owner=bob)

    deleted = api(bob).delete(at(view))
    restored = done(send(api(bob), "patch", at(view), {"is_active": True}))

    assert deleted.status_code == 204
    assert restored["is_active"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"name": 1}, "/name"),
        ({"name": "x", "query": "q=is%3Anonsense"}, "/query"),
        ({"name": "x", "query": "page=2"}, "/query"),
        ({"name": "x", "query": "q"}, "/query"),
        ({"name": "x", "query": f"q={'x' * 2_000}"}, "/query"),
        ({"name": "x", "query": None}, "/query"),
        ({"name": "x", "space": 1}, "/space"),
        ({"name": "x", "position": 1}, "/position"),
    ],
)
def test_what_is_no_view_is_refused_and_named(api, bob, body, pointer):
    response = send(api(bob), "post", VIEWS, body)

    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert not SavedView.objects.exists()


def test_a_name_is_given_once(api, bob):
    SavedViewFactory(owner=bob, name="Urgent")

    response = send(api(bob), "post", VIEWS, {"name": "Urgent"})

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/name"


def test_an_owner_who_only_views_by_now_edits_what_they_shared_no_more(api, vera, ops):
    view = SavedViewFactory(owner=vera, space=ops)

    response = send(api(vera), "patch", at(view), {"name": "x"})

    assert response.status_code == 403


@pytest.mark.parametrize("count", [1, 20])
def test_a_list_costs_the_same_however_long_it_is(api, bob, ops, count, django_assert_max_num_queries):
    for _ in range(count):
        SavedViewFactory(space=ops)
    client = api(bob)

    with django_assert_max_num_queries(3):
        response = client.get(VIEWS)

    assert len(response.json()["results"]) == count
