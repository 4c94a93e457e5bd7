"""One's own settings: profile, theme, tokens; a token's secret is seen once."""

import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from issues.models import HistoryEntry
from tests.factories import MembershipFactory, TokenFactory, UserFactory
from tests.test_pages import ESCAPED, escaped, form_of, text_of
from tests.test_verify_history import verify
from tracker.accounts.context import browser
from tracker.accounts.models import ApiToken, User, digest_of

pytestmark = pytest.mark.django_db

PROFILE, TOKENS = "/settings/", "/settings/tokens/"


@pytest.fixture
def as_bob(client, bob):
    client.force_login(bob)
    return client


# Profile.


def test_person_changes_what_they_say_of_themselves(as_bob, ops, bob):
    form = form_of(as_bob.get(PROFILE), PROFILE)

    wanted = {"name": "Robert", "handle": "rob", "time_zone": "Asia/Kolkata", "theme": "system"}
    response = as_bob.post(PROFILE, form | wanted, follow=True)

    assert (form["name"], form["time_zone"], form["theme"]) == ("Bob Colleague", "UTC", "system")
    assert "Your profile is saved." in text_of(response)
    stored = User.objects.get(pk=bob.pk)
    assert (stored.name, stored.handle, stored.time_zone) == ("Robert", "rob", "Asia/Kolkata")
    entries = HistoryEntry.objects.filter(subject=bob.uuid).order_by("position")
    assert [(entry.field, entry.actor) for entry in entries] == [("name", bob), ("handle", bob)]
    assert verify()


def test_saving_a_profile_without_typing_changes_nothing(as_bob, ops, bob):
    bob.handle, bob.time_zone = "kept as it is", "Europe/Berlin"
    bob.save()
    form = form_of(as_bob.get(PROFILE), PROFILE)
    before = HistoryEntry.objects.count()

    response = as_bob.post(PROFILE, form)

    assert response.status_code == 302
    assert User.objects.get(pk=bob.pk).handle == "kept as it is"
    assert HistoryEntry.objects.count() == before


@pytest.mark.parametrize(
    "data",
    [
        {"name": ""},
        {"name": " \t "},
        {"name": "two\nlines"},
        {"name": "x" * 257},
        {"name": "a\x00"},
        {"handle": "two words"},
        {"handle": "@bob"},
        {"handle": "x" * 151},
        {"handle": "ALICE"},
        {"handle": "a\x00"},
        {"time_zone": "Europe/Atlantis"},
        {"time_zone": ""},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": "a\x00"},
        {"theme": "pink"},
        {"theme": "dark; Domain=example.com"},
    ],
)
def test_a_bad_profile_shows_the_form_again(as_bob, bob, alice, data):
    alice.handle = "alice"
    alice.save()
    form = {"name": "Robert", "handle": "rob", "time_zone": "UTC", "theme": "dark"} | data

    response = as_bob.post(PROFILE, form)

    assert response.status_code == 422
    assert "not saved" in text_of(response)
    assert User.objects.get(pk=bob.pk).name == "Bob Colleague"
    assert "theme" not in response.cookies


def test_a_surrogate_in_a_profile_is_a_form_error(as_bob):
    form = {"name": "\\ud800", "handle": "\\ud800", "time_zone": "\\ud800", "theme": "\\ud800"}

    response = as_bob.generic("POST", PROFILE, escaped(form), ESCAPED)

    assert response.status_code == 422


def test_the_address_is_shown_and_cannot_be_changed(as_bob, bob):
    form = form_of(as_bob.get(PROFILE), PROFILE)

    as_bob.post(PROFILE, form | {"email": "mallory@example.com", "is_superuser": "on", "is_staff": "on"})

    stored = User.objects.get(pk=bob.pk)
    assert (stored.email, stored.is_superuser, stored.is_staff) == ("bob@example.com", False, False)


def test_theme_is_kept_by_the_browser(as_bob):
    form = form_of(as_bob.get(PROFILE), PROFILE)

    response = as_bob.post(PROFILE, form | {"theme": "contrast"})
    shown = form_of(as_bob.get(PROFILE), PROFILE)
    as_bob.post(PROFILE, form | {"theme": "system"})

    cookie = response.cookies["theme"]
    assert (cookie.value, cookie["samesite"], cookie["max-age"]) == ("contrast", "Lax", 365 * 86_400)
    assert shown["theme"] == "contrast"
    assert not as_bob.cookies["theme"].value


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [("dark", "dark"), ("contrast", "contrast"), (None, "system"), ('"><script>', "system"), ("", "system")],
)
def test_only_a_known_theme_reaches_a_page(rf, cookie, expected):
    request = rf.get("/")
    if cookie is not None:
        request.COOKIES["theme"] = cookie

    assert browser(request) == {
        "theme": expected, "shortcuts": "on", "advance": "on", "density": "compact",
    }  # fmt: skip


# Tokens.


def made(client, **data):
    """The page that answers the making of a token, and its secret."""
    form = {"name": "deploy", "scope": "write", "space": "OPS", "expires": "never", "expires_on": ""} | data
    page = client.post(TOKENS, form)
    assert page.status_code == 200, text_of(page)
    return page, re.search(r'id="secret"[^>]* value="(trk_[\w-]{40,})"', page.content.decode())[1]


def test_a_new_token_works_and_its_secret_is_shown_once(as_bob, ops, bob, caplog):
    caplog.set_level(logging.DEBUG)

    page, secret = made(as_bob)
    answer = Client(headers={"authorization": f"Bearer {secret}"}).get("/api/issues/")

    token = ApiToken.objects.get()
    assert (token.digest, token.user, token.space) == (digest_of(secret), bob, ops)
    assert answer.status_code == 200
    assert page["Cache-Control"] == "no-store"
    assert f"-H &#x27;Authorization: Bearer {secret}" in page.content.decode() or secret in text_of(page)
    later = as_bob.get(TOKENS).content.decode() + str(list(HistoryEntry.objects.values()))
    assert "deploy" in later and secret not in later + caplog.text
    assert HistoryEntry.objects.get(action="apitoken_created").actor == bob


@pytest.mark.parametrize("who", ["vera", "bob"])
def test_everybody_makes_tokens_of_both_scopes_and_none_exceeds_its_user(client, ops, who, request):
    user = request.getfixturevalue(who)
    client.force_login(user)

    statuses = []
    for scope in ("read", "write"):
        _, secret = made(client, scope=scope)
        program = Client(headers={"authorization": f"Bearer {secret}"})
        body = {"title": "x", "space": "OPS"}
        statuses.append(program.post("/api/issues/", body, content_type="application/json").status_code)

    assert statuses == [403, 201 if who == "bob" else 403]


def test_the_curl_of_the_page_is_ready_to_paste(as_bob, ops):
    page, secret = made(as_bob)

    command = re.search(r"<textarea[^>]*>(.*?)</textarea>", page.content.decode(), re.S)[1]

    assert command.startswith("curl &#x27;http://127.0.0.1:8000/api/issues/&#x27; \\") or command.startswith(
        "curl 'http://127.0.0.1:8000/api/issues/' \\"
    )
    assert f"Authorization: Bearer {secret}" in command and '"space": "OPS"' in command


@pytest.mark.parametrize(("expires", "days"), [("30", 30), ("90", 90), ("365", 365)])
def test_a_token_may_expire_after_some_days(as_bob, ops, expires, days):
    made(as_bob, expires=expires)

    left = ApiToken.objects.get().expires_at - timezone.now()
    assert timedelta(days=days, minutes=-1) < left <= timedelta(days=days)


def test_a_token_lives_to_the_end_of_its_last_day_where_its_person_is(as_bob, ops, bob):
    bob.time_zone = "Asia/Kolkata"
    bob.save()
    day = timezone.now().date() + timedelta(days=10)

    made(as_bob, expires="on", expires_on=day.isoformat())

    expected = datetime(day.year, day.month, day.day, 18, 30, tzinfo=UTC)
    assert ApiToken.objects.get().expires_at == expected


@pytest.mark.parametrize(
    "data",
    [
        {"name": ""},
        {"name": "x" * 257},
        {"name": "a\x00"},
        {"scope": "admin"},
        {"space": "DATA"},
        {"space": ""},
        {"expires": "7"},
        {"expires": "on"},
        {"expires": "on", "expires_on": "soon"},
        {"expires": "on", "expires_on": "2020-01-01"},
        {"expires": "on", "expires_on": "9999-12-31"},
        {"expires": "on", "expires_on": "1" * 5_000},
        {"expires": "on", "expires_on": "2\x00"},
    ],
)
def test_a_bad_token_shows_the_form_again(as_bob, ops, charlie, data):
    form = {"name": "deploy", "scope": "write", "space": "OPS", "expires": "never"} | data

    response = as_bob.post(TOKENS, form)

    assert response.status_code == 422
    assert not ApiToken.objects.exists()


def test_a_surrogate_in_a_token_is_a_form_error(as_bob, ops):
    body = escaped({"name": "\\ud800", "scope": "write", "space": "OPS", "expires": "never"})

    response = as_bob.generic("POST", TOKENS, body, ESCAPED)

    assert response.status_code == 422


def test_the_list_says_what_became_of_each_token(as_bob, ops, bob, alice):
    TokenFactory(user=bob, space=ops, name="in use")
    TokenFactory(user=bob, space=ops, name="too old", expires_at=timezone.now() - timedelta(days=1))
    TokenFactory(user=bob, space=ops, name="taken back", is_active=False)
    TokenFactory(user=alice, space=ops, name="of another")

    said = text_of(as_bob.get(TOKENS))

    assert re.search(r"in use Read and write OPS just now Never Live", said)
    assert "Expired" in said and "Revoked" in said
    assert "of another" not in said


def test_a_revoked_token_is_dead_at_once_and_on_record(as_bob, ops, bob):
    token = TokenFactory(user=bob, space=ops, secret="trk_bob")
    program = Client(headers={"authorization": "Bearer trk_bob"})
    address = reverse("token-revoke", args=[token.uuid])
    before = program.get("/api/issues/").status_code

    as_bob.post(address, form_of(as_bob.get(TOKENS), address))
    as_bob.post(address)

    assert (before, program.get("/api/issues/").status_code) == (200, 401)
    assert HistoryEntry.objects.filter(action="apitoken_retired", actor=bob).count() == 1


def test_nobody_revokes_the_token_of_another_here(client, ops, alice, bob):
    token = TokenFactory(user=bob, space=ops)
    client.force_login(alice)

    response = client.post(reverse("token-revoke", args=[token.uuid]))

    assert response.status_code == 404
    assert ApiToken.objects.get().is_active


@pytest.mark.parametrize("count", [1, 40])
def test_the_list_of_tokens_costs_the_same_for_many(as_bob, ops, bob, count, django_assert_num_queries):
    for _ in range(count):
        TokenFactory(user=bob, space=MembershipFactory(user=bob).space)

    with django_assert_num_queries(6):
        response = as_bob.get(TOKENS)

    assert response.status_code == 200


@pytest.mark.parametrize("address", [PROFILE, TOKENS])
def test_settings_need_the_token_of_the_form(ops, bob, address):
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)

    response = client.post(address, {"name": "x", "scope": "write", "space": "OPS", "expires": "never"})

    assert response.status_code == 403
    assert not ApiToken.objects.exists()


def test_who_is_in_no_space_has_settings_and_no_tokens_to_make(client):
    client.force_login(UserFactory())

    pages = [client.get(address) for address in (PROFILE, "/settings/password/", TOKENS)]
    posted = client.post(TOKENS, {"name": "x", "scope": "write", "space": "OPS", "expires": "never"})

    assert [page.status_code for page in pages] == [200] * 3
    assert "You are in no space yet" in text_of(pages[2])
    assert posted.status_code == 422
