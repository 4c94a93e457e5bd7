"""What pages show where there is nothing yet."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import IssueFactory, UserFactory
from tests.test_pages import text_of

pytestmark = pytest.mark.django_db


def page_of(person, name="issue-list", **params):
    client = Client()
    client.force_login(person)
    response = client.get(reverse(name), params)
    assert response.status_code == 200
    return text_of(response)


def test_an_empty_space_shows_how_to_begin(ops, bob):
    page = page_of(bob)

    assert "curl http://testserver/api/issues/" in page
    assert '"space": "OPS"' in page
    assert "manage.py demo" in page


def test_who_may_not_write_is_shown_no_call_that_writes(ops, vera):
    page = page_of(vera)

    assert "curl" not in page
    assert "manage.py demo" in page


@pytest.mark.parametrize("name", ["issue-list", "triage"])
def test_a_list_that_only_finds_nothing_does_not_begin_anew(ops, bob, name):
    before = page_of(bob, name)

    IssueFactory(space=ops, status="closed")

    assert "curl" in before
    assert "curl" not in page_of(bob, name, **({"q": "is:open"} if name == "issue-list" else {}))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("issue-list", "You are in no space yet"),
        ("view-list", "No views yet"),
        ("channel-list", "No channels"),
        ("history-list", "Nothing on record"),
        ("trash", "The trash is empty"),
        ("people", "You are in no space yet"),
        ("settings-tokens", "You are in no space yet"),
    ],
)
def test_pages_say_why_they_are_empty(db, name, said):
    assert said in page_of(UserFactory(), name)
