"""The pages of saved views: saving what a list shows, opening it again, changing and sharing it."""

import pytest
from django.test import Client
from django.urls import reverse

from issues.models import SavedView
from tests.factories import ChannelFactory, IssueFactory, MembershipFactory, SavedViewFactory, SpaceFactory
from tests.test_pages import text_of

pytestmark = pytest.mark.django_db

LIST = "/issues/"


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def url(name, view):
    return reverse(name, args=[view.uuid])


def save(client, **fields):
    return client.post(reverse("view-list"), {"name": "Urgent", "query": "q=is%3Aopen", "space": ""} | fields)


def test_a_list_is_saved_and_opened_again(ops, bob):
    client = signed_in(bob)

    response = save(client, query="q=is%3Aopen+level%3AP0&sort=level")

    view = SavedView.objects.get()
    assert (view.name, view.owner, view.space) == ("Urgent", bob, None)
    assert response["Location"] == f"/issues/?q=is%3Aopen+level%3AP0&sort=level&view={view.uuid}"
    opened = client.get(response["Location"])
    assert opened.status_code == 200
    assert "The view Urgent is saved." in text_of(opened)
    assert client.get(url("view-detail", view))["Location"] == response["Location"]


def test_the_list_offers_to_save_what_it_shows(ops, bob):
    html = signed_in(bob).get(LIST, {"q": "is:open", "sort": "level", "facets": "1"}).content.decode()

    assert '<input type="hidden" name="query" value="q=is%3Aopen&amp;sort=level">' in html
    assert "Everybody in Operations" in html


def test_a_viewer_saves_for_themselves_alone(ops, vera):
    client = signed_in(vera)

    page = client.get(LIST).content.decode()
    shared, own = save(client, space="OPS"), save(client)

    assert "Save view" in page and "Everybody in" not in page
    assert (shared.status_code, own.status_code) == (422, 302)
    assert SavedView.objects.get().space is None


def test_a_view_is_shared_with_a_space(ops, alice, bob, charlie):
    save(signed_in(bob), space="OPS")

    assert "Urgent" in text_of(signed_in(alice).get(reverse("view-list")))
    assert "Urgent" not in text_of(signed_in(charlie).get(reverse("view-list")))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "Name"),
        ({"name": " \n "}, "Name"),
        ({"name": "x" * 257}, "Name"),
        ({"name": "a\x00"}, "NUL"),
        ({"query": "q=is%3Anonsense"}, "What it shows"),
        ({"query": "status=nonsense"}, "status"),
        ({"query": "sort=nonsense"}, "sort"),
        ({"query": "cursor=abc"}, "cursor"),
        ({"query": "q=a&q=b"}, "more than once"),
        ({"query": "q=%00"}, "NUL"),
        ({"query": "q=%ff"}, "What it shows"),
        ({"query": "nonsense"}, "What it shows"),
        ({"query": f"q={'x' * 2_000}"}, "What it shows"),
        ({"space": "DATA"}, "Who sees it"),
    ],
)
def test_what_is_no_view_is_refused_and_named(ops, bob, charlie, fields, said):
    response = save(signed_in(bob), **fields)

    assert response.status_code == 422
    assert said in text_of(response)
    assert not SavedView.objects.exists()


def test_a_name_that_is_taken_is_refused(ops, bob):
    client = signed_in(bob)
    save(client)

    response = save(client)

    assert response.status_code == 422
    assert "There is a view of this name already." in text_of(response)


def test_views_are_listed_with_their_open_issues(ops, bob):
    IssueFactory(space=ops, title="Disk full")
    IssueFactory(space=ops, title="Disk full", status="resolved")
    IssueFactory(space=ops, title="Another")
    SavedViewFactory(owner=bob, name="Disks", query="q=disk&sort=number")
    SavedViewFactory(space=ops, name="All", query="")

    response = signed_in(bob).get(reverse("view-list"))

    rows = {
        row["view"].name: (row["params"], row["count"])
        for _, rows in response.context["groups"]
        for row in rows
    }
    assert rows == {"Disks": (["disk", "sort:number"], "1"), "All": ([], "2")}


def test_a_view_of_what_is_gone_is_listed_and_says_so(ops, bob):
    channel = ChannelFactory(space=SpaceFactory())
    view = SavedViewFactory(owner=bob, query=f"channel={channel.uuid}")
    client = signed_in(bob)

    page, opened = client.get(reverse("view-list")), client.get(view.get_absolute_url())
    menu = client.get(reverse("view-menu"))

    assert "What it names is gone" in text_of(page)
    assert (page.status_code, menu.status_code, opened.status_code) == (200, 200, 400)


def test_the_menu_names_the_first_views_with_their_numbers(ops, bob):
    IssueFactory(space=ops)
    for number in range(12):
        SavedViewFactory(owner=bob, name=f"View no. {number}", query="")

    page = text_of(signed_in(bob).get(reverse("view-menu")))

    assert "View no. 0 1" in page and "View no. 9 1" in page and "View no. 10" not in page


def test_tabs_show_where_one_is_and_lead_to_the_next(ops, bob):
    first, _ = (SavedViewFactory(owner=bob, name=name) for name in ("First", "Second"))

    html = signed_in(bob).get(first.get_absolute_url()).content.decode()

    tabs = [part for part in html.split("<a ") if "First</bdi>" in part or "Second</bdi>" in part]
    assert ['aria-current="page"' in tab for tab in tabs] == [True, False]
    assert ['data-keys="v"' in tab for tab in tabs] == [False, True]


def test_another_query_on_top_of_a_view_updates_it(ops, bob):
    view = SavedViewFactory(owner=bob, query="q=is%3Aopen")
    client = signed_in(bob)

    as_saved = client.get(view.get_absolute_url())
    edited = client.get(LIST, {"q": "is:open level:P0", "view": view.uuid})
    response = client.post(url("view-update", view), {"query": "q=is%3Aopen+level%3AP0"})

    assert "Update view" not in text_of(as_saved) and "Save view" not in text_of(as_saved)
    assert "Update view" in text_of(edited) and "Save view as" in text_of(edited)
    view.refresh_from_db()
    assert view.query == "q=is%3Aopen+level%3AP0"
    assert response["Location"] == view.get_absolute_url()


def test_a_bad_query_updates_nothing(ops, bob):
    view = SavedViewFactory(owner=bob)

    response = signed_in(bob).post(url("view-update", view), {"query": "q=is%3Anonsense"})

    assert response.status_code == 422
    view.refresh_from_db()
    assert view.query == "q=is%3Aopen"


def test_a_view_is_renamed_and_shared(ops, bob):
    view = SavedViewFactory(owner=bob)
    client = signed_in(bob)

    page = client.get(url("view-edit", view))
    response = client.post(url("view-edit", view), {"name": "Better", "space": "OPS"})
    after = client.get(url("view-edit", view))

    assert page.status_code == 200 and "Who sees it" in text_of(page)
    assert response["Location"] == reverse("view-list")
    view.refresh_from_db()
    assert (view.name, view.space, view.query) == ("Better", ops, "q=is%3Aopen")
    assert "Who sees it" not in text_of(after)


def test_a_view_is_deleted_and_comes_back(ops, bob):
    view = SavedViewFactory(owner=bob, name="Urgent")
    client = signed_in(bob)

    page = client.post(url("view-delete", view), follow=True)
    gone = client.get(url("view-detail", view)).status_code
    restored = client.post(url("view-restore", view), follow=True)

    assert "The view Urgent is deleted." in text_of(page)
    assert url("view-restore", view) in page.content.decode()
    assert gone == 404
    assert "The view Urgent is back." in text_of(restored)
    assert SavedView.objects.get().is_active


def test_a_view_does_not_come_back_over_another_of_its_name(ops, bob):
    view = SavedViewFactory(owner=bob, name="Urgent", is_active=False)
    SavedViewFactory(owner=bob, name="Urgent")

    page = signed_in(bob).post(url("view-restore", view), follow=True)

    assert "There is a view of this name already." in text_of(page)
    view.refresh_from_db()
    assert not view.is_active


def test_a_view_is_moved_and_by_one_place_alone(ops, bob):
    first, second = (SavedViewFactory(owner=bob, name=name) for name in ("First", "Second"))
    client = signed_in(bob)

    moved = client.post(url("view-move", second), {"to": "up"})
    nowhere = client.post(url("view-move", first), {"to": "sideways"})

    assert (moved.status_code, nowhere.status_code) == (302, 400)
    assert list(SavedView.objects.shown_to(bob)) == [second, first]


@pytest.mark.parametrize("name", ["view-edit", "view-update", "view-delete", "view-move"])
@pytest.mark.parametrize(("who", "status"), [("alice", 302), ("bob", 302), ("mina", 403), ("vera", 403)])
def test_a_shared_view_is_changed_by_who_shared_it_and_by_admins(ops, alice, bob, vera, name, who, status):
    view = SavedViewFactory(space=ops, owner=bob)
    people = {"alice": alice, "bob": bob, "vera": vera, "mina": MembershipFactory(space=ops).user}
    sent = {"name": "Better", "query": "", "to": "up"}

    response = signed_in(people[who]).post(url(name, view), sent)

    assert response.status_code == status


@pytest.mark.parametrize("name", ["view-edit", "view-update", "view-delete", "view-move", "view-restore"])
def test_a_private_view_is_nobody_else_s(ops, alice, bob, name):
    view = SavedViewFactory(owner=bob, is_active=name != "view-restore")
    sent = {"name": "Better", "query": "", "to": "up"}

    response = signed_in(alice).post(url(name, view), sent)

    assert response.status_code == 404


def test_history_tells_of_shared_views(ops, bob):
    client = signed_in(bob)
    save(client, space="OPS")
    view = SavedView.objects.get()
    client.post(url("view-delete", view))

    page = text_of(client.get(reverse("history-list"), {"action": "savedview_retired"}))

    assert "Bob Colleague deleted the view Urgent" in page


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_of_issues_costs_the_same_however_many_views_there_are(
    ops, bob, count, django_assert_max_num_queries
):
    for _ in range(count):
        SavedViewFactory(owner=bob)
        SavedViewFactory(space=ops)
    IssueFactory(space=ops)
    client = signed_in(bob)

    with django_assert_max_num_queries(12):
        response = client.get(LIST, {"q": "is:open"})

    assert response.status_code == 200
