"""Passwords: changed by who knows the old one, set anew by who has a link, and a mail tells no stranger."""

import logging
import re
import socketserver
import threading
import time
from email import message_from_bytes, policy
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from issues.models import HistoryEntry
from tests.factories import MembershipFactory, TokenFactory, UserFactory
from tests.test_pages import ESCAPED, escaped, form_of, text_of
from tracker.accounts import views
from tracker.accounts.links import password_link
from tracker.accounts.models import User
from tracker.accounts.throttling import LinkThrottle, MailThrottle, PasswordThrottle, ResetThrottle

pytestmark = pytest.mark.django_db

OLD, NEW = "old horse battery", "correct horse battery"
BOTH = {"new_password1": NEW, "new_password2": NEW}
RESET = "/password-reset/"


@pytest.fixture
def bob(bob):
    bob.set_password(OLD)
    bob.save()
    return bob


def path(link):
    assert link.startswith("http://127.0.0.1:8000/")
    return urlsplit(link).path


def opened(client, link):
    return client.get(path(link), follow=True)


def set_by(client, link, data=BOTH):
    page = opened(client, link)
    return client.post(page.request["PATH_INFO"], data)


# By a link.


def test_a_link_sets_a_password_once_and_ends_all_sessions(client, bob):
    elsewhere = Client()
    elsewhere.force_login(bob)
    link = password_link(bob)

    response = set_by(client, link)
    again = opened(Client(), link)

    bob.refresh_from_db()
    assert response.url == reverse("login")
    assert bob.check_password(NEW)
    assert elsewhere.get(reverse("people")).status_code == 302
    assert "Your new password is set" in text_of(client.get(reverse("login")))
    assert again.status_code == 404
    assert "This link does not hold any more" in text_of(again)


@pytest.mark.parametrize(("data", "is_active"), [(BOTH, False), (BOTH | {"keep_tokens": "on"}, True)])
def test_a_link_revokes_the_tokens_of_the_account_unless_they_shall_stay(client, bob, data, is_active):
    token = TokenFactory(user=bob, space=MembershipFactory(user=bob).space)

    set_by(client, password_link(bob), data)

    token.refresh_from_db()
    assert token.is_active == is_active


def test_two_who_opened_a_link_use_it_once(bob):
    link, first, second = password_link(bob), Client(), Client()
    pages = [opened(client, link).request["PATH_INFO"] for client in (first, second)]

    answers = [client.post(page, BOTH) for client, page in zip((first, second), pages, strict=True)]

    assert [response.status_code for response in answers] == [302, 404]


def test_the_link_of_another_does_not_set_one_s_password(client, alice, bob):
    token = path(password_link(alice)).split("/")[3]

    response = client.get(reverse("password_reset_confirm", args=[bob.uuid, token]), follow=True)
    posted = client.post(reverse("password_reset_confirm", args=[bob.uuid, "set-password"]), BOTH)

    assert (response.status_code, posted.status_code) == (404, 404)
    bob.refresh_from_db()
    assert bob.check_password(OLD)


def test_whoever_was_signed_in_here_is_signed_out_by_another_s_link(client, alice, bob):
    client.force_login(alice)

    set_by(client, password_link(bob))

    assert client.get(reverse("people")).status_code == 302


def test_all_dead_links_for_a_password_look_the_same(client, bob, settings):
    gone = UserFactory(is_active=False)
    old = password_link(bob)
    settings.PASSWORD_RESET_TIMEOUT = -1

    pages = [client.get(p) for p in (path(old), path(password_link(gone)), "/password-reset/x/y/")]
    pages.append(client.get(f"/password-reset/{bob.uuid}/set-password/"))

    assert [page.status_code for page in pages] == [404] * 4
    assert len({text_of(page) for page in pages}) == 1


def test_a_link_ends_when_its_person_is_deactivated(client, bob):
    page = opened(client, password_link(bob)).request["PATH_INFO"]
    bob.deactivate()

    response = client.post(page, BOTH)

    assert response.status_code == 404
    assert not User.objects.get(pk=bob.pk).check_password(NEW)


def test_a_link_says_neither_secret_nor_number_after_it_was_opened(client, bob):
    link = path(password_link(bob))

    redirect = client.get(link)
    page = client.get(redirect.url)

    assert link.split("/")[3] not in redirect.url + page.content.decode()
    assert redirect["Referrer-Policy"] == "no-referrer" and "no-store" in redirect["Cache-Control"]
    assert link.split("/")[2] == str(bob.uuid)


def test_a_new_password_by_a_link_is_on_record_as_its_person_s(client, bob, caplog):
    caplog.set_level(logging.DEBUG)
    link = password_link(bob)

    set_by(client, link)

    entry = HistoryEntry.objects.filter(action="password_changed").latest("id")
    assert (entry.actor, entry.old_value, entry.new_value, entry.source) == (bob, None, None, "web")
    logged = " ".join(record.getMessage() for record in caplog.records)
    assert NEW not in logged and path(link).split("/")[3] not in logged


BAD = [
    {"new_password1": "short", "new_password2": "short"},
    {"new_password1": "password123", "new_password2": "password123"},
    {"new_password2": "something else here"},
    {"new_password1": "", "new_password2": ""},
    {"new_password1": "x" * 3_000, "new_password2": "x" * 3_000},
    {"new_password1": "nul\x00nul\x00nul\x00", "new_password2": "nul\x00nul\x00nul\x00"},
]


@pytest.mark.parametrize("data", BAD)
def test_a_bad_new_password_shows_the_form_again(client, bob, data):
    by_link = set_by(client, password_link(bob), BOTH | data)
    client.force_login(bob)
    by_settings = client.post(reverse("settings-password"), BOTH | {"old_password": OLD} | data)

    assert (by_link.status_code, by_settings.status_code) == (422, 422)
    bob.refresh_from_db()
    assert bob.check_password(OLD)


def test_surrogates_in_a_new_password_are_a_form_error(client, bob):
    client.force_login(bob)
    body = escaped(dict.fromkeys(("old_password", "new_password1", "new_password2"), "\\ud800" * 12))

    response = client.generic("POST", reverse("settings-password"), body, ESCAPED)

    assert response.status_code == 422


def test_guesses_at_links_are_bounded_and_logged_without_their_secret(client, bob, monkeypatch, caplog):
    monkeypatch.setattr(LinkThrottle, "rate", "2/min")

    statuses = [client.get(f"/password-reset/{bob.uuid}/guess{n}/").status_code for n in range(3)]

    assert statuses == [404, 404, 429]
    assert f"/password-reset/{bob.uuid}/[secret]/" in caplog.text and "guess" not in caplog.text


# By the old one.


def test_a_changed_password_ends_the_other_sessions_and_keeps_this_one(client, bob):
    elsewhere = Client()
    elsewhere.force_login(bob)
    client.force_login(bob)
    before = client.session.session_key

    form = form_of(client.get(reverse("settings-password")), reverse("settings-password"))
    response = client.post(reverse("settings-password"), form | BOTH | {"old_password": OLD}, follow=True)

    assert "Your password is changed" in text_of(response)
    assert client.session.session_key != before
    assert client.get(reverse("people")).status_code == 200
    assert elsewhere.get(reverse("people")).status_code == 302
    bob.refresh_from_db()
    assert bob.check_password(NEW)


def test_a_changed_password_needs_the_old_one_and_guesses_are_bounded(client, bob):
    assert PasswordThrottle.rate == "10/min"
    client.force_login(bob)

    guesses = [
        client.post(reverse("settings-password"), BOTH | {"old_password": f"guess{n}"}) for n in range(10)
    ]
    right = client.post(reverse("settings-password"), BOTH | {"old_password": OLD})

    assert [response.status_code for response in guesses] == [422] * 10
    assert "entered incorrectly" in text_of(guesses[0])
    assert right.status_code == 429
    bob.refresh_from_db()
    assert bob.check_password(OLD)


def test_changing_a_password_needs_the_token_of_the_form(bob):
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)

    response = client.post(reverse("settings-password"), BOTH | {"old_password": OLD})

    assert response.status_code == 403


# By mail.


def test_known_and_unknown_addresses_get_the_same_answer(client, bob):
    UserFactory(email="gone@example.com", is_active=False)
    addresses = ("bob@example.com", "BOB@example.com", "nobody@example.com", "gone@example.com")

    answers = [client.post(RESET, {"email": email}) for email in addresses]

    assert {(response.status_code, response.url) for response in answers} == {(302, "/password-reset/done/")}
    assert len({response.content for response in answers}) == 1
    assert [message.to for message in mail.outbox] == [["bob@example.com"]] * 2
    assert "If there is an account" in text_of(client.get(answers[0].url))


def test_nobody_is_looked_up_before_the_answer_is_out(rf, django_assert_num_queries, bob):
    request = rf.post(RESET, {"email": "bob@example.com"})

    with django_assert_num_queries(0):
        response = views.password_reset(request)

    assert response.status_code == 302 and not mail.outbox
    response.email = None
    response.close()


def test_a_mail_names_the_address_of_the_installation_and_no_other(client, bob, settings):
    settings.BASE_URL = "https://tracker.example.com/"

    client.post(RESET, {"email": "bob@example.com"}, headers={"host": "localhost"})

    (message,) = mail.outbox
    (link,) = re.findall(r"https?://\S+/password-reset/\S+", message.body)
    assert link.startswith(f"https://tracker.example.com/password-reset/{bob.uuid}/")
    assert "localhost" not in message.body


@pytest.mark.parametrize(
    "email", ["", "nobody", "a\x00@example.com", "x" * 300 + "@example.com", "a@b.c\nBcc: d@e.f"]
)
def test_what_is_no_address_is_a_form_error(client, db, email):
    response = client.post(RESET, {"email": email})

    assert response.status_code == 422
    assert not mail.outbox


def test_wishes_are_bounded_for_each_address_and_each_mailbox(client, bob):
    assert (ResetThrottle.rate, MailThrottle.rate) == ("5/min", "5/hour")

    from_one = [client.post(RESET, {"email": f"nobody{n}@example.com"}).status_code for n in range(6)]
    cache.clear()
    to_one = [
        client.post(RESET, {"email": "bob@example.com"}, REMOTE_ADDR=f"10.0.0.{n}").status_code
        for n in range(6)
    ]
    to_nobody = [
        client.post(RESET, {"email": "nobody@example.com"}, REMOTE_ADDR=f"10.0.1.{n}").status_code
        for n in range(6)
    ]

    assert from_one == to_one == to_nobody == [302] * 5 + [429]
    assert len(mail.outbox) == 5


def test_asking_needs_the_token_of_the_form(bob):
    client = Client(enforce_csrf_checks=True)

    response = client.post(RESET, {"email": "bob@example.com"})

    assert response.status_code == 403 and not mail.outbox


def test_without_mail_the_page_says_so(client, db, settings):
    settings.HAS_MAIL = False

    page = client.get(RESET)

    assert "sends no e-mail" in text_of(page) and 'name="email"' not in page.content.decode()


class Receiver(socketserver.StreamRequestHandler):
    """As much of SMTP as it takes to be handed a mail."""

    def handle(self):
        self.answer(220)
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.answer(354)
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
            self.answer(221 if verb == b"QUIT" else 250)
            if verb == b"QUIT":
                return

    def answer(self, code):
        self.wfile.write(f"{code} ok\r\n".encode())


@pytest.fixture
def smtp(settings):
    """A mail server on loopback, to which mails really go; its `mails`."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Receiver) as server:
        server.mails = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        yield server.mails
        server.shutdown()


def test_a_real_mail_arrives_with_a_link_that_works(client, bob, smtp):
    client.post(RESET, {"email": "bob@example.com"})

    (message,) = smtp
    (link,) = re.findall(r"http://127\.0\.0\.1:8000/password-reset/\S+", message.get_content())
    response = set_by(client, link)

    bob.refresh_from_db()
    assert (message["To"], message["From"]) == ("bob@example.com", "tracker@127.0.0.1")
    assert response.status_code == 302 and bob.check_password(NEW)


def test_a_mail_server_that_is_down_changes_no_answer_and_leaks_nothing(client, bob, settings, caplog):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    response = client.post(RESET, {"email": "bob@example.com"})

    assert response.status_code == 302
    assert "could not be sent" in caplog.text
    assert "bob@example.com" not in caplog.text and "/password-reset/" not in caplog.text


class Silent(socketserver.BaseRequestHandler):
    """A mail server that takes the call and says nothing."""

    def handle(self):
        self.request.recv(1)


def test_a_mail_server_that_says_nothing_is_left_after_the_timeout(client, bob, settings, caplog):
    assert settings.EMAIL_TIMEOUT == 5
    settings.EMAIL_TIMEOUT = 0.2
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        start = time.monotonic()

        response = client.post(RESET, {"email": "bob@example.com"})

        server.shutdown()
    assert response.status_code == 302 and "could not be sent" in caplog.text
    assert time.monotonic() - start < 5
