"""Saved views as rows: what is on record of them, in which order they stand, how many there may be."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction

from issues.models import SavedView, saved_view
from tests.chains import assert_space_whole, space_entries
from tests.factories import SavedViewFactory, SpaceFactory, UserFactory

pytestmark = pytest.mark.django_db


def told(space):
    return [
        (entry.action, entry.field)
        for entry in space_entries(space)
        if entry.subject_type == SavedView._meta.model_name
    ]


def names(user):
    return [view.name for view in SavedView.objects.shown_to(user)]


def test_what_somebody_keeps_for_themselves_is_on_no_record(ops, bob):
    view = SavedViewFactory(owner=bob)
    before = space_entries(ops)

    view.name = "Renamed"
    view.save()
    view.is_active = False
    view.save()

    assert space_entries(ops) == before
    assert SavedView.objects.get().name == "Renamed"


def test_what_a_space_shares_is_on_its_record(ops, bob):
    view = SavedViewFactory(space=ops, owner=bob)

    view.name = "Renamed"
    view.save()
    view.is_active = False
    view.save()

    assert told(ops) == [
        ("savedview_created", ""),
        ("savedview_changed", "name"),
        ("savedview_retired", "is_active"),
    ]
    assert_space_whole(ops)
    call_command("verify_history")


def test_a_view_is_on_record_from_when_it_is_shared(ops, bob):
    view = SavedViewFactory(owner=bob, name="First name")
    view.name = "Second name"
    view.save()

    view.space = ops
    view.save()

    assert told(ops) == [("savedview_created", "")]
    assert "First name" not in space_entries(ops)[-1].new_value
    call_command("verify_history")


@pytest.mark.parametrize("elsewhere", [None, "another space"])
def test_a_shared_view_stays_in_its_space(ops, bob, elsewhere):
    view = SavedViewFactory(space=ops, owner=bob)

    view.space = elsewhere and SpaceFactory()
    with pytest.raises(ValidationError, match="does not move"):
        view.save()

    assert SavedView.objects.get().space == ops


def test_a_person_sees_their_own_and_those_of_their_spaces(ops, alice, bob, charlie):
    SavedViewFactory(owner=bob, name="Bob's")
    SavedViewFactory(owner=alice, name="Alice's")
    SavedViewFactory(owner=alice, space=ops, name="Shared")
    SavedViewFactory(owner=charlie, space=charlie.memberships.get().space, name="Elsewhere")

    assert names(bob) == ["Bob's", "Shared"]
    assert names(alice) == ["Alice's", "Shared"]
    assert names(charlie) == ["Elsewhere"]


def test_nobody_sees_the_views_of_a_space_they_have_left(ops, bob):
    SavedViewFactory(space=ops)
    SavedViewFactory(owner=bob, name="Bob's")
    membership = bob.memberships.get()
    membership.is_active = False
    membership.save()

    assert names(type(bob).objects.get(pk=bob.pk)) == ["Bob's"]


def test_views_are_moved_within_their_list(ops, bob):
    first, second, third = (SavedViewFactory(owner=bob, name=name) for name in ("First", "Second", "Third"))
    SavedViewFactory(owner=bob, space=ops, name="Shared")

    third.move(-1)
    first.move(-1)
    second.move(1)

    assert names(bob) == ["First", "Third", "Second", "Shared"]


def test_a_view_that_is_shared_comes_last(ops, bob):
    view = SavedViewFactory(owner=bob, name="New here")
    for name in ("One", "Two"):
        SavedViewFactory(space=ops, name=name)

    view.space = ops
    view.save()

    assert names(bob) == ["One", "Two", "New here"]


def test_a_name_is_given_once_and_free_again_after(ops, alice, bob):
    view = SavedViewFactory(owner=bob, name="Urgent")
    SavedViewFactory(owner=alice, name="Urgent")
    SavedViewFactory(owner=bob, space=ops, name="Urgent")

    with pytest.raises(IntegrityError), transaction.atomic():
        SavedViewFactory(owner=bob, name="Urgent")
    with pytest.raises(IntegrityError), transaction.atomic():
        SavedViewFactory(owner=alice, space=ops, name="Urgent")
    view.is_active = False
    view.save()

    assert SavedViewFactory(owner=bob, name="Urgent").pk


def test_a_person_has_so_many_and_no_more(monkeypatch, ops, bob):
    monkeypatch.setattr(saved_view, "VIEWS", 2)
    gone = SavedViewFactory(owner=bob)
    gone.is_active = False
    gone.save()
    SavedViewFactory(owner=bob)
    SavedViewFactory(owner=bob, space=ops)

    with pytest.raises(ValidationError, match="At most 2"):
        SavedViewFactory(owner=bob)
    gone.is_active = True
    with pytest.raises(ValidationError, match="At most 2"):
        gone.save()

    assert SavedViewFactory(owner=UserFactory()).pk


def test_the_address_of_a_view_is_its_list(bob):
    view, everything = SavedViewFactory(owner=bob, query="q=is%3Aopen&sort=level"), SavedViewFactory(query="")

    assert view.get_absolute_url() == f"/issues/?q=is%3Aopen&sort=level&view={view.uuid}"
    assert everything.get_absolute_url() == f"/issues/?view={everything.uuid}"
