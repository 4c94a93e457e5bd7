"""Invitations: made by admins, shown once, good for one person and one time."""

import logging
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from issues.models import HistoryEntry, Membership, Space
from tests.factories import InvitationFactory, MembershipFactory, SpaceFactory, UserFactory
from tests.test_pages import ESCAPED, escaped, form_of, text_of
from tests.test_verify_history import verify
from tracker.accounts.models import Invitation, User, digest_of
from tracker.accounts.throttling import LinkThrottle

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
NEW = {"name": "Nora New", "new_password1": PASSWORD, "new_password2": PASSWORD}
DEAD = "This invitation does not hold any more"


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def invitation(ops, alice):
    """An invitation of nora@example.com, whose link ends in `nora`."""
    return InvitationFactory(space=ops, email="nora@example.com", invited_by=alice, secret="nora")


def link(secret="nora"):
    return reverse("invitation", args=[secret])


def opened(client, secret="nora"):
    return client.get(link(secret), follow=True)


def accept(client, data=()):
    return client.post(reverse("invitation-accept"), dict(data))


def role_of(person, space):
    return Membership.objects.get(space=space, user=person, is_active=True).role


# Inviting.


def test_admin_invites_and_gets_the_link_once(as_alice, ops, alice):
    form = form_of(as_alice.get(reverse("people")), reverse("person-invite"))

    page = as_alice.post(reverse("person-invite"), form | {"email": "NORA@example.com", "role": "viewer"})

    invitation = Invitation.objects.get()
    (address,) = re.findall(rf">({settings.BASE_URL}/invitations/[^<]+)<", page.content.decode())
    assert digest_of(urlsplit(address).path.split("/")[2]) == invitation.digest
    assert (invitation.email, invitation.role, invitation.invited_by) == ("nora@example.com", "viewer", alice)
    assert timedelta(days=6.9) < invitation.expires_at - timezone.now() < timedelta(days=7)
    assert page["Cache-Control"] == "no-store"
    again = as_alice.get(reverse("people"))
    assert "nora@example.com" in text_of(again) and "/invitations/" not in re.sub(
        r"/people/invitations/", "", again.content.decode()
    )
    assert opened(Client(), urlsplit(address).path.split("/")[2]).status_code == 200


def test_the_secret_stands_nowhere(as_alice, ops, caplog):
    caplog.set_level(logging.DEBUG)
    page = as_alice.post(
        reverse("person-invite"), {"email": "nora@example.com", "role": "member", "space": "OPS"}
    )
    secret = re.search(r"/invitations/([\w-]{30,})/", page.content.decode())[1]
    client = Client()
    opened(client, secret)
    accept(client, NEW)

    history = str(list(HistoryEntry.objects.values()))
    kept = history + str(list(Invitation.objects.values()))
    sessions = str([session.get_decoded() for session in Session.objects.all()])
    logged = " ".join(record.getMessage() for record in caplog.records)
    assert secret not in kept + sessions + logged
    assert digest_of(secret) not in history
    assert PASSWORD not in kept + sessions + logged


def test_an_invitation_is_on_record(as_alice, ops, alice):
    as_alice.post(reverse("person-invite"), {"email": "nora@example.com", "role": "member", "space": "OPS"})
    as_alice.post(reverse("invitation-withdraw", args=[Invitation.objects.get().uuid]))

    entries = HistoryEntry.objects.filter(subject_type="invitation").order_by("position")
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("invitation_created", alice),
        ("invitation_retired", alice),
    ]
    assert verify()


def test_a_second_invitation_of_an_address_replaces_the_first(as_alice, invitation):
    as_alice.post(reverse("person-invite"), {"email": "nora@example.com", "role": "viewer", "space": "OPS"})

    assert opened(Client()).status_code == 404
    assert list(Invitation.objects.holding().values_list("role", flat=True)) == ["viewer"]


@pytest.mark.parametrize(
    "data",
    [
        {"email": "no address"},
        {"email": ""},
        {"email": "bob@example.com"},
        {"email": "a\x00@example.com"},
        {"email": "x" * 300 + "@example.com"},
        {"role": "owner"},
        {"role": "x" * 5_000},
        {"space": "DATA"},
        {"space": "a\x00b"},
    ],
)
def test_a_bad_invitation_shows_the_form_again(as_alice, ops, bob, charlie, data):
    form = {"email": "nora@example.com", "role": "member", "space": "OPS"} | data

    response = as_alice.post(reverse("person-invite"), form)

    assert response.status_code == 422
    assert "not saved" in text_of(response)
    assert not Invitation.objects.exists()


def test_a_surrogate_in_an_invitation_is_a_form_error(as_alice, ops):
    body = escaped({"email": "\\ud800@example.com", "role": "member", "space": "OPS"})

    response = as_alice.generic("POST", reverse("person-invite"), body, ESCAPED)

    assert response.status_code == 422
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("who", ["bob", "vera"])
def test_only_admins_invite_and_withdraw(client, invitation, who, request):
    client.force_login(request.getfixturevalue(who))

    invited = client.post(
        reverse("person-invite"), {"email": "friend@example.com", "role": "admin", "space": "OPS"}
    )
    withdrawn = client.post(reverse("invitation-withdraw", args=[invitation.uuid]))

    assert (invited.status_code, withdrawn.status_code) == (403, 403)
    assert list(Invitation.objects.holding()) == [invitation]


def test_an_admin_elsewhere_invites_nobody_here(client, ops, charlie):
    client.force_login(charlie)

    response = client.post(
        reverse("person-invite"), {"email": "friend@example.com", "role": "admin", "space": "OPS"}
    )

    assert response.status_code == 422
    assert not Invitation.objects.exists()


# Accepting.


def test_a_new_person_joins_with_a_name_and_a_password(client, invitation, ops):
    page = opened(client)
    before = client.session.session_key

    form = form_of(page, reverse("invitation-accept")) | NEW
    response = client.post(reverse("invitation-accept"), form, follow=True)

    nora = User.objects.get(email="nora@example.com")
    assert "Alice Owner invites nora@example.com" in text_of(page) and "Operations" in text_of(page)
    assert (nora.name, role_of(nora, ops)) == ("Nora New", "member")
    assert nora.check_password(PASSWORD)
    assert response.wsgi_request.user == nora
    assert client.session.session_key != before
    entries = HistoryEntry.objects.filter(space=ops, actor=nora)
    assert {entry.action for entry in entries} == {"membership_created", "invitation_changed"}
    assert verify()


def test_a_link_is_used_once(client, invitation):
    opened(client)
    waiting = Client()
    opened(waiting)
    accept(client, NEW)

    later, meanwhile = opened(Client()), accept(waiting, NEW)

    assert (later.status_code, meanwhile.status_code) == (404, 404)
    assert User.objects.filter(email="nora@example.com").count() == 1


def test_a_person_with_an_account_signs_in_and_accepts(client, ops, invitation):
    nora = User.objects.create_user("nora@example.com", PASSWORD, name="Nora")

    page = opened(client)
    guess = accept(client, NEW | {"name": "Mallory"})
    sign_in = client.get(f"{reverse('login')}?next={reverse('invitation-accept')}")
    form = form_of(sign_in, reverse("login")) | {"username": "nora@example.com", "password": PASSWORD}
    back = client.post(reverse("login"), form, follow=True)
    response = accept(client)

    assert "Sign in with it to accept" in text_of(page)
    assert guess.status_code == 403
    assert "Accept" in text_of(back)
    assert response.url == reverse("issue-list")
    assert role_of(nora, ops) == "member"
    nora.refresh_from_db()
    assert nora.name == "Nora" and nora.check_password(PASSWORD)


def test_somebody_else_who_is_signed_in_cannot_accept(client, ops, invitation, charlie):
    client.force_login(charlie)

    page = opened(client)
    response = accept(client, NEW)

    assert "You are signed in as charlie@example.com" in text_of(page)
    assert response.status_code == 403
    assert not Membership.objects.filter(user=charlie, space=ops).exists()
    assert not User.objects.filter(email="nora@example.com").exists()
    assert list(Invitation.objects.holding()) == [invitation]


def test_who_was_removed_comes_back_as_invited(client, ops, invitation):
    nora = UserFactory(email="nora@example.com")
    MembershipFactory(space=ops, user=nora, role="admin", is_active=False)
    client.force_login(nora)
    opened(client)

    accept(client)

    assert role_of(nora, ops) == "member"
    assert verify()


def test_who_is_in_already_keeps_the_role(client, ops, invitation):
    nora = MembershipFactory(space=ops, user__email="nora@example.com", role="admin").user
    client.force_login(nora)
    opened(client)

    response = accept(client)

    assert response.status_code == 302
    assert role_of(nora, ops) == "admin"


def used(invitation):
    invitation.accepted_at = timezone.now()
    invitation.save()


def expired(invitation):
    invitation.expires_at = timezone.now() - timedelta(seconds=1)
    invitation.save()


def of_a_deactivated_person(invitation):
    UserFactory(email="nora@example.com", is_active=False)


def by_one_who_may_not_any_more(invitation):
    MembershipFactory(space=invitation.space, role="admin")
    membership = Membership.objects.get(user=invitation.invited_by)
    membership.role = "member"
    membership.save()


def by_one_who_is_deactivated(invitation):
    MembershipFactory(space=invitation.space, role="admin")
    invitation.invited_by.deactivate()


def into_a_retired_space(invitation):
    space = Space.objects.get(pk=invitation.space_id)
    space.is_active = False
    space.save()


DEATHS = [
    used,
    expired,
    Invitation.withdraw,
    of_a_deactivated_person,
    by_one_who_may_not_any_more,
    by_one_who_is_deactivated,
    into_a_retired_space,
]


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: death.__name__)
def test_all_dead_links_look_the_same(client, invitation, death):
    waiting = Client()
    opened(waiting)
    death(invitation)

    unknown, dead = opened(Client(), "unknown"), opened(client)
    page, posted = waiting.get(reverse("invitation-accept")), accept(waiting, NEW)

    assert [r.status_code for r in (unknown, dead, page, posted)] == [404] * 4
    assert text_of(unknown) == text_of(dead) == text_of(page) == text_of(posted)
    assert DEAD in text_of(dead)
    assert not Membership.objects.filter(user__email="nora@example.com").exists()


def test_the_page_of_an_invitation_needs_its_link(client, invitation):
    page, posted = client.get(reverse("invitation-accept")), accept(client, NEW)

    assert (page.status_code, posted.status_code) == (404, 404)
    assert not User.objects.filter(email="nora@example.com").exists()


@pytest.mark.parametrize(
    "data",
    [
        {"name": " "},
        {"name": "two\nlines"},
        {"name": "x" * 257},
        {"name": "a\x00"},
        {"new_password1": "short", "new_password2": "short"},
        {"new_password1": "password123", "new_password2": "password123"},
        {"new_password2": "another horse battery"},
        {"new_password1": "x" * 2_000, "new_password2": "x" * 2_000},
        {"new_password1": "nul\x00nul\x00nul\x00", "new_password2": "nul\x00nul\x00nul\x00"},
    ],
)
def test_a_bad_account_shows_the_form_again(client, invitation, data):
    opened(client)

    response = accept(client, NEW | data)

    assert response.status_code == 422
    assert not User.objects.filter(email="nora@example.com").exists()
    assert list(Invitation.objects.holding()) == [invitation]


def test_a_surrogate_in_a_new_account_is_a_form_error(client, invitation):
    opened(client)

    body = escaped(
        NEW | {"name": "\\ud800", "new_password1": "\\ud800" * 12, "new_password2": "\\ud800" * 12}
    )
    response = client.generic("POST", reverse("invitation-accept"), body, ESCAPED)

    assert response.status_code == 422


def test_an_account_made_in_the_last_moment_is_not_made_twice(client, invitation, monkeypatch):
    opened(client)

    def too_late(self, person):
        raise IntegrityError

    monkeypatch.setattr(Invitation, "accept", too_late)
    response = accept(client, NEW)

    assert response.url == reverse("invitation-accept")


def test_an_invitation_held_by_two_instances_is_accepted_once(ops, invitation):
    twin = Invitation.objects.get(pk=invitation.pk)
    first, second = UserFactory(email="nora@example.com"), UserFactory()

    answers = [invitation.accept(first), twin.accept(second)]

    assert answers == [True, False]
    assert not Membership.objects.filter(user=second).exists()


def test_accepting_needs_the_token_of_the_form(invitation):
    client = Client(enforce_csrf_checks=True)
    page = opened(client)

    without = accept(client, NEW)
    with_token = accept(client, form_of(page, reverse("invitation-accept")) | NEW)

    assert (without.status_code, with_token.status_code) == (403, 302)


def test_the_address_of_a_link_goes_nowhere(client, invitation):
    redirect, dead, page = client.get(link()), client.get(link("unknown")), client.get(link(), follow=True)

    assert redirect["Referrer-Policy"] == dead["Referrer-Policy"] == "no-referrer"
    assert "nora" not in redirect["Location"]
    # A form on a page without referrer would come with `Origin: null`, and be refused.
    assert page["Referrer-Policy"] == "same-origin"
    assert all("no-store" in response["Cache-Control"] for response in (redirect, dead, page))


def test_links_are_tried_so_often_a_minute_and_no_more(client, invitation, monkeypatch, caplog):
    assert LinkThrottle.rate == "30/min"
    monkeypatch.setattr(LinkThrottle, "rate", "3/min")

    statuses = [client.get(link(f"guess{n}")).status_code for n in range(4)]
    right, posted = client.get(link()), Client(enforce_csrf_checks=True).post(link())
    cache.clear()

    assert statuses == [404, 404, 404, 429]
    assert right.status_code == 429 and int(right["Retry-After"]) >= 1
    assert posted.status_code == 403
    assert "Too Many Requests: /invitations/[secret]/" in caplog.text and "nora" not in caplog.text
    assert client.get(link()).status_code == 302


def test_an_invitation_into_one_space_says_nothing_of_another(client, ops, alice, invitation):
    other = SpaceFactory(key="DATA")
    opened(client)

    accept(client, NEW)

    nora = User.objects.get(email="nora@example.com")
    assert list(nora.space_roles()) == [ops.pk] and not other.memberships.exists()
