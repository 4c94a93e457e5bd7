"""Many hands on the same person and the same invitation: nobody gets in twice, nothing is locked for good."""

import pytest
from django.test import Client
from django.urls import reverse

from issues.models import Membership
from tests.chains import assert_space_whole
from tests.factories import InvitationFactory, MembershipFactory, SpaceFactory, TokenFactory, UserFactory
from tests.processes import at_once
from tests.test_verify_history import verify
from tracker.accounts.models import Invitation, User

pytestmark = pytest.mark.django_db(transaction=True)

NEW = {"name": "Nora", "new_password1": "correct horse battery", "new_password2": "correct horse battery"}


def test_of_many_who_press_the_button_at_once_one_gets_in(ops, alice):
    InvitationFactory(space=ops, email="nora@example.com", invited_by=alice, secret="nora")
    clients = [Client() for _ in range(6)]
    for client in clients:
        client.get(reverse("invitation", args=["nora"]))

    answers = at_once(6, lambda number: clients[number].post(reverse("invitation-accept"), NEW))

    went_in = [response for response in answers if response.get("Location") == reverse("issue-list")]
    assert len(went_in) == 1
    assert User.objects.filter(email="nora@example.com").count() == 1
    assert Membership.objects.filter(space=ops, user__email="nora@example.com").count() == 1
    assert_space_whole(ops)
    assert verify()


def test_accepting_and_withdrawing_at_once_is_one_or_the_other(ops, alice):
    person = UserFactory()
    invitation = InvitationFactory(space=ops, email=person.email, invited_by=alice)

    def act(number):
        mine = Invitation.objects.get(pk=invitation.pk)
        return mine.accept(person) if number else mine.withdraw()

    at_once(2, act)

    invitation.refresh_from_db()
    if invitation.accepted_at is None:
        assert not Membership.objects.filter(user=person).exists()
    assert invitation.accepted_at is not None or not invitation.is_active
    assert_space_whole(ops)
    assert verify()


def test_changes_of_a_person_and_of_their_memberships_do_not_wait_for_each_other_for_good(ops, alice, bob):
    spaces = [ops, *SpaceFactory.create_batch(2)]
    for space in spaces[1:]:
        MembershipFactory(space=space, user=bob)
    token = TokenFactory(space=spaces[1], user=bob)

    def act(number):
        match number % 4:
            case 0:
                mine = User.objects.get(pk=bob.pk)
                mine.name = f"Bob {number}"
                mine.save(update_fields=["name"])
            case 1:
                member = Membership.objects.get(user=bob, space=spaces[number % 3])
                member.is_active = not member.is_active
                member.save()
            case 2:
                mine = User.objects.get(pk=bob.pk)
                mine.email = f"bob{number}@example.com"
                mine.save(update_fields=["email"])
            case 3:
                mine = type(token).objects.get(pk=token.pk)
                mine.name = f"by {number}"
                mine.save()

    at_once(16, act)

    for space in spaces:
        assert_space_whole(space)
    assert verify()


def test_a_deactivation_among_other_changes_leaves_nothing_live(ops, bob):
    spaces = [ops, *SpaceFactory.create_batch(2)]
    for space in spaces[1:]:
        MembershipFactory(space=space, user=bob)
        TokenFactory(space=space, user=bob)

    def act(number):
        mine = User.objects.get(pk=bob.pk)
        if number % 4 == 0:
            mine.deactivate()
        elif number % 4 == 1:
            mine.handle = f"bob{number}"
            mine.save(update_fields=["handle"])
        elif number % 4 == 2:
            member = Membership.objects.get(user=bob, space=spaces[number % 3])
            member.role = "viewer"
            member.save()
        else:
            mine.record("password_link_made")

    at_once(12, act)

    assert not User.objects.get(pk=bob.pk).is_active
    assert not bob.memberships.filter(is_active=True).exists()
    assert not bob.tokens.filter(is_active=True).exists()
    for space in spaces:
        assert_space_whole(space)
    assert verify()
