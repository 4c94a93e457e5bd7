"""What a list that stays open is told: how many of its issues others have changed."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from issues import live
from issues.actor import Actor, acting_as
from tests.factories import CommentFactory, IssueFactory, SpaceFactory
from tests.test_pages import text_of

pytestmark = pytest.mark.django_db


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def asked_by(response):
    """The address that a page or an answer wants to be asked."""
    return unescape(re.search(r'data-live hx-get="([^"]*)"', response.content.decode())[1])


def shown(client, **params):
    """A list is opened: the address that it asks from then on."""
    page = client.get(reverse("issue-list"), params)
    return asked_by(client.get(asked_by(page)))


def changed_by(person, issue, **fields):
    with acting_as(lambda: Actor(user=person)):
        for name, value in fields.items():
            setattr(issue, name, value)
        issue.save()


@pytest.fixture
def client(bob):
    return signed_in(bob)


def test_nothing_new_is_told_by_304(client, ops):
    IssueFactory(space=ops)
    address = shown(client)

    first = client.get(address)
    second = client.get(address, headers={"if-none-match": first["ETag"]})

    assert (first.status_code, text_of(first).strip()) == (200, "")
    assert first["Cache-Control"] == "private, no-cache"
    assert (second.status_code, second.content) == (304, b"")


def test_what_others_changed_is_counted_once_an_issue(client, ops, alice):
    issue, other = IssueFactory(space=ops), IssueFactory(space=ops)
    address = shown(client)
    etag = client.get(address)["ETag"]

    changed_by(alice, issue, title="Changed")
    changed_by(alice, issue, title="And again", status="acknowledged")
    changed_by(alice, other, title="Changed")
    response = client.get(address, headers={"if-none-match": etag})

    assert response.status_code == 200
    assert "2 changes" in text_of(response)


def test_what_matches_no_more_is_news_of_the_list_that_shows_it(client, ops, alice):
    issue, unseen = IssueFactory(space=ops), IssueFactory(space=ops, status="resolved")
    address = shown(client, q="is:open")

    changed_by(alice, issue, status="resolved")
    changed_by(alice, unseen, title="Not in this list")

    assert "1 change" in text_of(client.get(address))


def test_what_is_new_and_matches_is_news(client, ops, alice):
    address = shown(client, q="is:open")

    IssueFactory(space=ops)
    IssueFactory(space=ops, status="closed")

    assert "1 change" in text_of(client.get(address))


def test_one_s_own_changes_are_no_news(client, ops, bob):
    issue = IssueFactory(space=ops)
    address = shown(client)

    changed_by(bob, issue, title="Changed")

    assert "change" not in text_of(client.get(address))


def test_another_space_is_no_news(client, ops, alice):
    address = shown(client)

    changed_by(alice, IssueFactory(space=SpaceFactory()), title="Elsewhere")

    assert "change" not in text_of(client.get(address))


def test_an_internal_comment_is_no_news_to_a_viewer(ops, alice, bob, vera):
    issue = IssueFactory(space=ops)
    viewer, member = signed_in(vera), signed_in(bob)
    of_viewer, of_member = shown(viewer), shown(member)

    with acting_as(lambda: Actor(user=alice)):
        CommentFactory(issue=issue, author=alice, is_internal=True)

    assert "change" not in text_of(viewer.get(of_viewer))
    assert "1 change" in text_of(member.get(of_member))


def test_who_has_signed_out_is_told_so_and_not_shown_a_form(ops):
    response = Client().get(reverse("issue-changes"))

    assert (response.status_code, response.content) == (401, b"")


@pytest.mark.parametrize("params", [{"seen": "x"}, {"seen": "-1"}, {"q": "is:nonsense"}, {"page": "2"}])
def test_a_question_that_makes_no_sense_is_refused(client, ops, params):
    response = client.get(reverse("issue-changes"), {"seen": "0"} | params)

    assert response.status_code == 400
    assert next(iter(params)) in response.content.decode()


def test_a_list_that_has_no_room_for_its_issues_asks_without_them(client, ops, monkeypatch):
    monkeypatch.setattr(live, "QUERY_STRING", 60)
    IssueFactory(space=ops, title="x" * 50)

    short, long = (client.get(reverse("issue-list"), {"q": "x" * length}) for length in (50, 59))

    assert asked_by(short).endswith("keys=")
    assert "data-live" not in long.content.decode()


def test_what_is_asked_is_the_list_and_not_how_it_is_shown(client, ops):
    address = shown(client, sort="level", facets="1")

    assert "sort=level" in address and "facets" not in address


@pytest.mark.parametrize("count", [1, 20])
def test_asking_costs_the_same_however_much_happened(
    client, ops, alice, count, django_assert_max_num_queries
):
    address = shown(client)
    for _ in range(count):
        changed_by(alice, IssueFactory(space=ops), title="Changed")

    with django_assert_max_num_queries(8):
        response = client.get(address)

    assert f"{count} change" in text_of(response)
