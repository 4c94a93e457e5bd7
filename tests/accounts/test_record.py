"""What happens to a person is on record in their spaces, and a deactivated one is out at once."""

import pytest
from django.core.exceptions import ValidationError
from django.db import models
from django.test import Client
from django.urls import reverse

from issues.actor import Actor, acting_as
from issues.models import Membership
from issues.models.base import WayRound
from issues.models.triggers import lift_triggers
from tests.chains import assert_space_whole, space_entries, values
from tests.factories import IssueFactory, MembershipFactory, SpaceFactory, TokenFactory, UserFactory
from tests.test_verify_history import broken, verify
from tracker.accounts.models import ApiToken, User

pytestmark = pytest.mark.django_db


def told(space, person):
    """(action, field, old, new) of the entries of a space about a person."""
    entries = [entry for entry in space_entries(space) if entry.subject == person.uuid]
    return [(entry.action, entry.field, *values(entry)) for entry in entries]


def test_a_change_of_a_person_stands_in_each_of_their_spaces(ops, alice, bob):
    data = MembershipFactory(user=bob, space__key="DB").space
    left = MembershipFactory(user=bob, is_active=False).space
    stranger = SpaceFactory()

    with acting_as(lambda: Actor(user=alice, source="admin")):
        bob.name, bob.is_staff = "Robert Colleague", True
        bob.save()

    expected = [
        ("user_changed", "name", "Bob Colleague", "Robert Colleague"),
        ("user_changed", "is_staff", False, True),
    ]
    assert told(ops, bob) == told(data, bob) == expected
    assert told(left, bob) == told(stranger, bob) == []
    last = [space_entries(space)[-1] for space in (ops, data)]
    assert {(entry.subject_type, entry.actor, entry.source) for entry in last} == {("user", alice, "admin")}
    assert len({entry.batch for entry in last}) == 1
    assert_space_whole(ops)
    assert verify()


@pytest.mark.parametrize("names", [{"time_zone": "Asia/Tokyo"}, {"last_login": None}, {}])
def test_what_is_nobody_s_business_is_not_on_record(ops, bob, names):
    before = len(space_entries(ops))
    for name, value in names.items():
        setattr(bob, name, value)

    bob.save(update_fields=names or None)

    assert len(space_entries(ops)) == before


def test_a_new_password_is_on_record_without_its_value(ops, bob):
    bob.set_password("correct horse battery")
    bob.save()

    assert told(ops, bob) == [("password_changed", "password", None, None)]
    assert verify()


def test_hashing_a_password_anew_is_no_change_of_it(ops, bob, settings):
    bob.set_password("correct horse battery")
    bob.save()
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]

    is_right = bob.check_password("correct horse battery")

    assert is_right and User.objects.get(pk=bob.pk).password.startswith("pbkdf2_sha1$")
    assert len(told(ops, bob)) == 1


def test_a_stale_instance_puts_only_what_it_saves_on_record(ops, bob):
    stale = User.objects.get(pk=bob.pk)
    bob.name = "Robert"
    bob.save()

    stale.handle = "bob"
    stale.save(update_fields=["handle"])

    assert [entry[1] for entry in told(ops, bob)] == ["name", "handle"]
    assert User.objects.get(pk=bob.pk).name == "Robert"


def test_addresses_are_kept_in_lower_case_and_nobody_shares_the_empty_one(ops):
    person, nobody, nobody_else = (
        UserFactory(email="JO@Example.com"),
        UserFactory(email=""),
        UserFactory(email=""),
    )

    assert person.email == "jo@example.com"
    assert nobody.email is nobody_else.email is None


@pytest.mark.parametrize("change", [{"name": "x"}, {"is_superuser": True}, {"password": "x"}])
def test_people_are_not_changed_past_the_record(bob, change):
    with pytest.raises(WayRound):
        User.objects.filter(pk=bob.pk).update(**change)


# What verify_history makes of it.


def test_history_holds_when_a_person_changes_while_away(ops, bob):
    membership = Membership.objects.get(user=bob)
    bob.name = "Robert"
    bob.save()
    membership.is_active = False
    membership.save()
    bob.name = "Rob"
    bob.save()
    assert verify()

    membership.is_active = True
    membership.save()
    bob.name = "Bobby"
    bob.save()

    assert [entry[2:] for entry in told(ops, bob)] == [("Bob Colleague", "Robert"), ("Rob", "Bobby")]
    assert verify()


def test_history_holds_after_a_change_of_role(ops, bob):
    bob.name = "Robert"
    bob.save()
    membership = Membership.objects.get(user=bob)

    membership.role = "viewer"
    membership.save()

    assert verify()
    models.QuerySet.update(User.objects.filter(pk=bob.pk), name="Mallory")
    assert f"the person {bob.uuid}: their name is not what history says" in broken()


def test_what_becomes_of_a_superuser_stands_in_every_space(ops):
    elsewhere = SpaceFactory()
    with acting_as(lambda: Actor(source="admin")):
        ghost = UserFactory(name="Ghost", is_superuser=True)
        ghost.name = "Spirit"
        ghost.save()
        ghost.is_superuser = False
        ghost.save()
        ghost.name = "Nobody to them"
        ghost.save()

    expected = [
        ("user_created", "", None, {"is_superuser": True}),
        ("user_changed", "name", "Ghost", "Spirit"),
        ("user_changed", "is_superuser", True, False),
    ]
    assert told(ops, ghost) == told(elsewhere, ghost) == expected
    assert verify()


@pytest.mark.parametrize("change", [{"is_superuser": True}, {"email": "mallory@example.com"}])
def test_a_person_changed_behind_the_back_is_found(ops, bob, change):
    bob.is_superuser, bob.email = False, "robert@example.com"
    bob.save()
    bob.is_superuser = True
    bob.save()
    bob.is_superuser = False
    bob.save()

    models.QuerySet.update(User.objects.filter(pk=bob.pk), **change)

    assert "is not what history says" in broken()


def test_an_entry_about_a_person_cannot_be_bent(ops, bob):
    bob.name = "Robert"
    bob.save()
    lift_triggers()

    models.QuerySet.update(ops.history.filter(subject=bob.uuid), new_value='"Mallory"')

    assert "hash does not match" in broken()


# Deactivation.


def deactivate(person, by):
    with acting_as(lambda: Actor(user=by, source="web")):
        person.deactivate()


def test_a_deactivated_person_is_out_and_their_past_stays(ops, alice, bob):
    data = MembershipFactory(user=bob, space__key="DB").space
    elsewhere = SpaceFactory()
    TokenFactory(user=bob, space=ops, secret="trk_bob")
    TokenFactory(user=bob, space=elsewhere)
    issue = IssueFactory(space=ops, assignee=bob)

    deactivate(bob, alice)

    assert not User.objects.get(pk=bob.pk).is_active
    assert not Membership.objects.filter(user=bob, is_active=True).exists()
    assert not ApiToken.objects.filter(user=bob, is_active=True).exists()
    issue.refresh_from_db()
    assert issue.assignee == bob and issue.version == 1
    assert [entry.action for entry in space_entries(ops)[-3:]] == [
        "user_retired",
        "membership_retired",
        "apitoken_retired",
    ]
    assert {entry.actor for entry in space_entries(ops)[-3:]} == {alice}
    assert [entry.action for entry in space_entries(data)[-2:]] == ["user_retired", "membership_retired"]
    assert space_entries(elsewhere)[-1].action == "apitoken_retired"
    assert verify()


def test_a_deactivated_person_loses_session_and_token_at_once(ops, alice, bob):
    TokenFactory(user=bob, space=ops, secret="trk_bob")
    page, program = Client(), Client(headers={"authorization": "Bearer trk_bob"})
    page.force_login(bob)
    before = [page.get(reverse("people")).status_code, program.get("/api/issues/").status_code]

    deactivate(bob, alice)

    after = [page.get(reverse("people")).status_code, program.get("/api/issues/").status_code]
    assert (before, after) == ([200, 200], [302, 401])


def test_deactivation_is_whole_or_nothing(ops, bob, monkeypatch):
    TokenFactory(user=bob, space=ops)
    before = len(space_entries(ops))

    def refuse(self, stored, changed):
        raise ValidationError("Not this one.")

    monkeypatch.setattr(ApiToken, "validate", refuse)
    with pytest.raises(ValidationError):
        bob.deactivate()

    assert bob.is_active and User.objects.get(pk=bob.pk).is_active
    assert Membership.objects.get(user=bob).is_active
    assert len(space_entries(ops)) == before


@pytest.mark.parametrize("save", [{}, {"update_fields": ["is_active"]}])
def test_whoever_is_saved_as_no_longer_active_is_deactivated(ops, bob, save):
    bob.is_active = False

    bob.save(**save)

    assert not Membership.objects.get(user=bob).is_active
    assert [entry.action for entry in space_entries(ops)[-2:]] == ["user_retired", "membership_retired"]
    assert verify()


def test_the_last_admin_of_a_space_is_not_deactivated(ops, alice, bob):
    with pytest.raises(ValidationError, match="keeps at least one admin"):
        alice.deactivate()
    assert alice.is_active and User.objects.get(pk=alice.pk).is_active
    assert Membership.objects.get(user=alice).is_active

    MembershipFactory(space=ops, role="admin")
    alice.deactivate()

    assert not User.objects.get(pk=alice.pk).is_active
    assert verify()


def test_deactivating_twice_is_deactivating_once(ops, alice, bob):
    deactivate(bob, alice)
    before = len(space_entries(ops))

    deactivate(bob, alice)

    assert len(space_entries(ops)) == before
