"""What stands before every view: for browsers one thing more than for programs."""

import pytest

BROWSERS = {"session", "user", "htmx", "_messages"}


def kept_of(response):
    """What was made of the request for browsers alone."""
    return BROWSERS & vars(response.wsgi_request).keys()


@pytest.mark.django_db
def test_a_program_gets_no_session_and_a_browser_does_at_the_same_address(api, client, bob):
    client.force_login(bob)

    program = api(bob).get("/api/issues/")
    browser = client.get("/api/issues/")

    assert kept_of(program) <= {"user"}
    assert kept_of(browser) == BROWSERS
    assert program.json() == browser.json()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/login/", "/admin/login/", "/no/such/page/"])
def test_a_page_has_a_session_for_who_has_none_yet(client, path):
    response = client.get(path)

    assert kept_of(response) == BROWSERS


@pytest.mark.django_db
def test_a_key_for_a_repeated_call_lets_nobody_in(client):
    response = client.post(
        "/api/issues/", {}, content_type="application/json", headers={"Idempotency-Key": "once"}
    )

    assert response.status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/issues/", "/api/no/such/thing", "/login/", "/healthz"])
def test_an_answer_says_how_long_it_is(client, path):
    response = client.get(path)

    assert response["Content-Length"] == str(len(response.content))
