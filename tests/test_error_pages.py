"""Pages of errors: what they say went wrong, who can help, and which request it was."""

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from tests.factories import IssueFactory
from tests.test_pages import text_of

pytestmark = pytest.mark.django_db


def signed_in(person):
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def without_request(response):
    return text_of(response).replace(response["X-Request-ID"], "")


def test_an_issue_out_of_sight_looks_like_one_that_is_not_there(ops, bob, charlie):
    IssueFactory(space=ops)
    client = signed_in(charlie)

    there, not_there = client.get("/issues/OPS-1/"), client.get("/issues/OPS-2/")

    assert there.status_code == not_there.status_code == 404
    assert "there is no issue OPS-1" in text_of(there)
    assert without_request(there).replace("OPS-1", "OPS-2") == without_request(not_there)


def test_who_may_not_write_is_told_who_can_let_them(ops, vera):
    issue = IssueFactory(space=ops)

    response = signed_in(vera).post(reverse("issue-update", args=[issue.key]), {"status": "resolved"})

    page = text_of(response)
    assert response.status_code == 403
    assert "An admin of the space can" in page and 'href="/people/"' in response.content.decode()
    assert response["X-Request-ID"] in page


@pytest.mark.parametrize("path", ["/nowhere/", "/issues/OPS-9/", "/views/x/"])
def test_a_page_that_is_not_there_says_what_to_do(ops, bob, path):
    response = signed_in(bob).get(path)

    assert response.status_code == 404
    assert "an admin of that space can add you" in text_of(response)
    assert response["X-Request-ID"] in text_of(response)


def test_who_meets_an_error_finds_the_way_to_other_pages(ops, bob):
    client = signed_in(bob)

    responses = [client.get("/nowhere/"), client.get(reverse("logout"))]

    assert [response.status_code for response in responses] == [404, 405]
    for response in responses:
        assert f'href="{reverse("dashboard")}"' in response.content.decode()


def test_an_error_is_told_without_what_the_database_fails_to_say(ops, bob, monkeypatch):
    client = signed_in(bob)

    def fail(*args):
        raise OperationalError("gone")

    monkeypatch.setattr("issues.templatetags.issues.number_waiting", fail)

    response = client.get("/nowhere/")

    assert response.status_code == 404
    assert "There is nothing here" in text_of(response)
    assert reverse("dashboard") not in response.content.decode()


def test_a_failure_names_its_request_and_offers_another_try(ops, bob, monkeypatch, settings):
    def fail(*args):
        raise RuntimeError("secret of the house")

    monkeypatch.setattr("issues.space_views.visible", fail)

    response = signed_in(bob).get(reverse("channel-list"))

    page = text_of(response)
    assert response.status_code == 500
    assert "Something went wrong on our side; nothing was changed." in page and "Try again" in page
    assert response["X-Request-ID"] in page
    assert "secret of the house" not in page


def test_a_form_without_its_token_is_told_so_with_its_request(ops, bob):
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)

    response = client.post(reverse("view-list"), {"name": "x"})

    assert response.status_code == 403
    page = text_of(response)
    assert "This form was not accepted" in page and "what you typed is still there" in page
    assert response["X-Request-ID"] in page
    assert f'href="{reverse("dashboard")}"' in response.content.decode()
