"""The page of people: everybody sees who is there, admins decide it, and nobody gets more than they have."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from issues.models import HistoryEntry, Membership
from tests.factories import InvitationFactory, IssueFactory, MembershipFactory, TokenFactory, UserFactory
from tests.test_pages import ESCAPED, Forms, escaped, form_of, text_of
from tests.test_verify_history import verify
from tracker.accounts.models import Invitation, User

pytestmark = pytest.mark.django_db

PEOPLE = "/people/"


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def root(ops):
    """A superuser who is an admin of OPS."""
    return MembershipFactory(
        space=ops, role="admin", user__name="Root", user__is_superuser=True, user__email="root@example.com"
    ).user


def membership(person, space=None):
    rows = Membership.objects.filter(user=person)
    return rows.get(space=space) if space else rows.get()


def url(name, person, space=None):
    return reverse(f"person-{name}", args=[membership(person, space).uuid])


def html(response):
    return response.content.decode()


# The list.


def test_everybody_sees_who_is_there_and_a_viewer_changes_nothing(client, ops, alice, bob, vera, charlie):
    bob.handle = "bobby"
    bob.save()
    IssueFactory.create_batch(2, space=ops, assignee=bob)
    IssueFactory(space=ops, assignee=bob, status="closed")
    client.force_login(vera)

    page = client.get(PEOPLE)

    said = text_of(page)
    assert "Alice Owner" in said and "Bob Colleague @bobby bob@example.com Member" in said
    assert "Charlie" not in said
    assert f'assignee={bob.uuid}&amp;status=open%2Cacknowledged%2Cin_progress%2Cpending">2</a>' in html(page)
    assert "/people/" not in html(page).replace('href="/people/', "") and "Invite" not in said


def test_a_person_of_several_spaces_sees_each_and_may_choose_one(client, ops, bob, alice):
    MembershipFactory(user=bob, space__key="DATA", space__name="Data", role="admin")
    client.force_login(bob)

    both, one = client.get(PEOPLE), client.get(f"{PEOPLE}?space=DATA")

    sections = [re.findall(r'<section aria-labelledby="people-(\w+)"', html(page)) for page in (both, one)]
    assert sections == [["DATA", "OPS"], ["DATA"]]
    assert "Alice" in text_of(both) and "Alice" not in text_of(one)
    assert html(both).count(reverse("person-invite")) == 1


@pytest.mark.parametrize("key", ["DATA", "NOPE", "a b", "x" * 3_000])
def test_a_space_of_others_looks_like_none(as_alice, charlie, key):
    response = as_alice.get(PEOPLE, {"space": key})

    assert response.status_code == 404


@pytest.mark.parametrize("count", [1, 25])
def test_the_list_costs_the_same_for_many(as_alice, ops, alice, count, django_assert_num_queries):
    for number in range(count):
        IssueFactory(space=ops, assignee=UserFactory(member_of=ops))
        MembershipFactory(space=ops, is_active=False)
        InvitationFactory(space=ops, email=f"n{number}@example.com", invited_by=UserFactory(member_of=ops))
        MembershipFactory(user=alice, space__key=f"SP{number}", role="admin")

    with django_assert_num_queries(9):
        response = as_alice.get(PEOPLE)

    assert response.status_code == 200


def test_the_link_to_what_somebody_has_left_finds_it(as_alice, ops, alice, bob):
    issue = IssueFactory(space=ops, assignee=bob, title="Left behind")
    bob.deactivate()

    page = as_alice.get(PEOPLE)
    (link,) = [part for part in html(page).split('"') if f"assignee={bob.uuid}" in part]
    found = as_alice.get(link.replace("&amp;", "&"))

    assert "Bob Colleague bob@example.com Deactivated 1 still assigned" in text_of(page)
    assert found.status_code == 200 and issue.title in text_of(found)


def test_a_name_that_turns_the_line_is_shown_as_it_is(as_alice, ops):
    UserFactory(member_of=ops, name="Eve\u202egnp.exe")

    assert "Eve[U+202E]gnp.exe" in text_of(as_alice.get(PEOPLE))


@pytest.mark.parametrize("address", [PEOPLE, "/settings/tokens/"])
def test_every_form_carries_its_token(client, ops, root, bob, address):
    MembershipFactory(space=ops, is_active=False)
    InvitationFactory(space=ops, invited_by=root)
    TokenFactory(space=ops, user=root)
    client.force_login(root)

    forms = Forms(client.get(address)).found

    without = [action for action, form in forms.items() if "csrfmiddlewaretoken" not in form]
    assert without == [reverse("issue-list")] and len(forms) >= 4


# Roles.


def test_admin_changes_a_role(as_alice, ops, alice, bob):
    form = form_of(as_alice.get(PEOPLE), url("role", bob))

    response = as_alice.post(url("role", bob), form | {"role": "viewer"}, follow=True)

    assert form["role"] == "member"
    assert membership(bob).role == "viewer"
    assert "Bob Colleague is viewer now." in text_of(response)
    entry = HistoryEntry.objects.filter(action="membership_changed").get()
    assert (entry.actor, entry.source, entry.new_value) == (alice, "web", '"viewer"')


@pytest.mark.parametrize("role", ["owner", "", "a\x00", "x" * 5_000])
def test_a_role_that_is_none_is_refused(as_alice, ops, bob, role):
    response = as_alice.post(url("role", bob), {"role": role})

    assert response.status_code == 422
    assert membership(bob).role == "member"


def test_a_surrogate_for_a_role_is_refused(as_alice, ops, bob):
    response = as_alice.generic("POST", url("role", bob), escaped({"role": "\\ud800"}), ESCAPED)

    assert response.status_code == 422


@pytest.mark.parametrize("name", ["role", "remove"])
def test_what_the_model_refuses_is_said_on_the_page(as_alice, ops, alice, bob, name, monkeypatch):
    def refuse(self, stored, changed):
        raise ValidationError({"role": "A space keeps at least one admin."})

    monkeypatch.setattr(Membership, "validate", refuse)
    response = as_alice.post(url(name, bob), {"role": "viewer"})

    assert response.status_code == 422
    assert "A space keeps at least one admin." in text_of(response)
    assert membership(bob).is_active and membership(bob).role == "member"


@pytest.mark.parametrize("who", ["bob", "vera"])
@pytest.mark.parametrize("name", ["role", "remove", "restore", "link", "deactivate"])
def test_only_admins_decide(client, ops, alice, who, name, request):
    client.force_login(request.getfixturevalue(who))

    response = client.post(url(name, alice), {"role": "viewer"})

    assert response.status_code == 403
    assert membership(alice).role == "admin" and membership(alice).is_active


def test_nobody_makes_themselves_an_admin(client, ops, alice, bob):
    client.force_login(bob)

    response = client.post(url("role", bob), {"role": "admin"})

    assert response.status_code == 403
    assert membership(bob).role == "member"


@pytest.mark.parametrize("name", ["role", "remove", "restore", "link"])
def test_changes_are_posts_with_the_token_of_the_form(ops, alice, bob, name):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    got, posted = client.get(url(name, bob)), client.post(url(name, bob), {"role": "viewer"})

    assert (got.status_code, posted.status_code) == (405, 403)
    assert membership(bob).role == "member" and membership(bob).is_active


# Removing and bringing back.


def test_a_removed_person_is_out_of_the_space_at_once_and_can_come_back(as_alice, ops, bob):
    page, program = Client(), Client(headers={"authorization": "Bearer trk_bob"})
    page.force_login(bob)
    TokenFactory(user=bob, space=ops, secret="trk_bob")
    issue = IssueFactory(space=ops, assignee=bob)
    path = f"/api/issues/{issue.key}/"

    removed = as_alice.post(url("remove", bob), follow=True)
    out = [page.get(issue.get_absolute_url()).status_code, program.get(path).status_code]
    as_alice.post(form_action(removed, "restore"))

    assert "Bob Colleague bob@example.com Removed 1 still assigned" in text_of(removed)
    assert out == [404, 404]
    assert program.get(path).status_code == 200
    assert verify()


def form_action(page, name):
    return next(part for part in html(page).split('"') if part.endswith(f"/{name}/"))


def test_a_removed_person_does_not_come_back_by_an_older_invitation(as_alice, ops, alice, bob):
    InvitationFactory(space=ops, email="bob@example.com", invited_by=alice, secret="early")

    as_alice.post(url("remove", bob))

    assert not Invitation.objects.holding().exists()
    assert Client().get(reverse("invitation", args=["early"])).status_code == 404


def test_a_refused_removal_withdraws_nothing(as_alice, ops, alice, bob, monkeypatch):
    InvitationFactory(space=ops, email="bob@example.com", invited_by=alice)

    def refuse(self, stored, changed):
        raise ValidationError("No.")

    monkeypatch.setattr(Membership, "validate", refuse)
    as_alice.post(url("remove", bob))

    assert Invitation.objects.holding().count() == 1


def test_a_deactivated_account_is_not_brought_back_by_an_admin(as_alice, ops, bob):
    bob.deactivate()

    response = as_alice.post(url("restore", bob))

    assert response.status_code == 422
    assert "Bring Bob" not in html(as_alice.get(PEOPLE))
    assert not membership(bob).is_active


def test_who_leaves_lands_on_a_page_they_may_see(client, ops, alice, root):
    client.force_login(alice)

    response = client.post(url("remove", alice), follow=True)

    assert response.status_code == 200
    assert "You are in no space yet" in text_of(response)


# A link for a new password.


def test_admin_makes_a_link_for_a_member_of_their_space_on_record(as_alice, ops, alice, bob):
    page = as_alice.post(url("link", bob))
    link = re.search(r">http://127\.0\.0\.1:8000(/password-reset/[^<]+)<", html(page))[1]
    client = Client()
    form = client.get(link, follow=True)
    password = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    client.post(form.request["PATH_INFO"], password)

    bob.refresh_from_db()
    assert bob.check_password("correct horse battery")
    assert page["Cache-Control"] == "no-store"
    entries = HistoryEntry.objects.filter(subject=bob.uuid).order_by("position")
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("password_link_made", alice),
        ("password_changed", bob),
    ]
    assert link not in html(as_alice.get(PEOPLE)) and link not in str(list(entries.values()))
    assert verify()


def superuser(ops):
    return MembershipFactory(space=ops, user__is_superuser=True).user


def staff(ops):
    return MembershipFactory(space=ops, user__is_staff=True).user


def person_of_another_space_too(ops):
    return MembershipFactory(user=UserFactory(member_of=ops)).user


def person_of_a_retired_space_too(ops):
    return MembershipFactory(user=UserFactory(member_of=ops), space__is_active=False).user


def person_whom_the_admin_is_beside_elsewhere(ops):
    person = UserFactory(member_of=ops)
    other = MembershipFactory(user=person).space
    MembershipFactory(user=User.objects.get(email="alice@example.com"), space=other, role="member")
    return person


def deactivated(ops):
    return UserFactory(member_of=ops, is_active=False)


def without_address(ops):
    return UserFactory(member_of=ops, email=None)


OUT_OF_REACH = [
    superuser,
    staff,
    person_of_another_space_too,
    person_of_a_retired_space_too,
    person_whom_the_admin_is_beside_elsewhere,
    deactivated,
    without_address,
]


@pytest.mark.parametrize("make", OUT_OF_REACH, ids=lambda make: make.__name__)
def test_an_admin_takes_over_nobody_with_rights_beyond_theirs(as_alice, ops, make):
    person = make(ops)

    response = as_alice.post(url("link", person, ops))

    assert response.status_code == 403
    assert "/password-reset/" not in html(response)
    assert not HistoryEntry.objects.filter(action="password_link_made").exists()


def test_an_admin_takes_over_nobody_by_way_of_a_removed_membership(as_alice, ops, bob):
    as_alice.post(url("remove", bob))

    response = as_alice.post(url("link", bob))

    assert response.status_code == 403


@pytest.mark.parametrize("make", OUT_OF_REACH[:5], ids=lambda make: make.__name__)
def test_a_superuser_makes_a_link_for_anybody(client, ops, alice, root, make):
    person = make(ops)
    client.force_login(root)

    response = client.post(url("link", person, ops))

    assert response.status_code == 200
    assert "/password-reset/" in html(response)


# The whole account.


def test_a_superuser_deactivates_an_account(client, ops, root, bob):
    client.force_login(root)
    page = client.get(url("deactivate", bob))

    response = client.post(url("deactivate", bob), form_of(page), follow=True)

    assert "Deactivate Bob Colleague?" in text_of(page)
    assert "The account of Bob Colleague is deactivated." in text_of(response)
    assert not User.objects.get(pk=bob.pk).is_active
    entry = HistoryEntry.objects.filter(action="user_retired").get()
    assert (entry.actor, entry.source) == (root, "web")
    assert verify()


def test_an_admin_deactivates_no_account_and_a_superuser_not_their_own(client, ops, alice, bob, root):
    client.force_login(alice)
    by_admin = [client.get(url("deactivate", bob)), client.post(url("deactivate", bob))]
    button = url("deactivate", bob) in html(client.get(PEOPLE))
    client.force_login(root)
    own = client.post(url("deactivate", root))

    assert [response.status_code for response in (*by_admin, own)] == [403] * 3
    assert not button
    assert User.objects.filter(is_active=True, pk__in=[bob.pk, root.pk]).count() == 2


def test_a_deactivation_that_may_not_be_says_why(client, ops, root, bob, monkeypatch):
    client.force_login(root)

    def refuse(self, stored, changed):
        raise ValidationError("A space keeps at least one admin.")

    monkeypatch.setattr(Membership, "validate", refuse)
    response = client.post(url("deactivate", bob))

    assert response.status_code == 422
    assert "A space keeps at least one admin." in text_of(response)
    assert User.objects.get(pk=bob.pk).is_active
