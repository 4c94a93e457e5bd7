"""`manage.py create_owner`: the first person, without a password that anybody knows."""

import re
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from issues.models import Membership, Space
from tests.factories import MembershipFactory
from tests.test_verify_history import verify
from tracker.accounts.models import User

pytestmark = pytest.mark.django_db

ODETTE = {"email": "Odette@Example.com", "name": "Odette Owner"}


def create_owner(**options):
    """What the command prints."""
    said = StringIO()
    call_command("create_owner", stdout=said, **options)
    return said.getvalue()


def link_in(said):
    (link,) = re.findall(r"http://127\.0\.0\.1:8000/password-reset/\S+", said)
    return urlsplit(link).path


def test_the_first_owner_sets_a_password_and_signs_in(settings):
    settings.DEBUG = False

    link = link_in(create_owner(**ODETTE, space="ops", space_name="Operations"))
    owner = User.objects.get()
    had_password = owner.has_usable_password()
    client = Client()
    page = client.get(link, follow=True).request["PATH_INFO"]
    client.post(page, dict.fromkeys(("new_password1", "new_password2"), "correct horse battery"))
    client.post("/login/", {"username": "odette@example.com", "password": "correct horse battery"})

    assert client.get("/people/").status_code == 200
    assert (owner.email, owner.name, owner.is_superuser, owner.is_staff) == (
        "odette@example.com", "Odette Owner", True, True,
    )  # fmt: skip
    assert not had_password
    assert (Space.objects.get().key, Space.objects.get().name) == ("OPS", "Operations")
    assert Membership.objects.get().role == "admin"
    assert verify()


def test_without_a_space_there_is_an_owner_and_nothing_else():
    create_owner(**ODETTE)

    assert User.objects.count() == 1 and not Space.objects.exists()


def test_a_space_that_is_there_gets_another_admin(ops, alice):
    create_owner(**ODETTE, space="OPS", space_name="Other")

    assert Space.objects.get().name == "Operations"
    assert Membership.objects.filter(space=ops, role="admin").count() == 2


def test_an_address_has_one_account_whoever_asks(ops, alice):
    create_owner(**ODETTE)

    with pytest.raises(CommandError, match="has an account already"):
        create_owner(**ODETTE)
    with pytest.raises(CommandError, match="has an account already"):
        create_owner(email="ALICE@example.com", name="Alice")

    assert User.objects.filter(email__iexact="odette@example.com").count() == 1
    assert not User.objects.get(pk=alice.pk).is_superuser


def test_again_gives_the_owner_a_fresh_link_and_a_space(ops):
    first = link_in(create_owner(**ODETTE))
    owner = User.objects.get()
    MembershipFactory(space=ops, user=owner, role="viewer", is_active=False)

    second = link_in(create_owner(email="odette@example.com", again=True, space="OPS"))

    assert Client().get(second).status_code == 302 and first.split("/")[2] == second.split("/")[2]
    assert Membership.objects.filter(user=owner, role="admin", is_active=True).exists()
    assert User.objects.count() == 1


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_again_is_for_owners(ops, alice, email):
    with pytest.raises(CommandError, match="no active superuser"):
        create_owner(email=email, name="x", again=True)


@pytest.mark.parametrize(
    "options",
    [
        {"email": "no address"},
        {"email": "x" * 300 + "@example.com"},
        {"name": " "},
        {"name": "x" * 300},
        {"name": "a\x00b"},
        {"name": "\ud800"},
        {"space": "not a key"},
        {"space": "OPS", "space_name": "x" * 300},
        {"space": "OPS", "space_name": "a\x00"},
    ],
)
def test_what_cannot_be_is_one_sentence_and_leaves_nothing(options):
    with pytest.raises(CommandError):
        create_owner(**ODETTE | options)

    assert not User.objects.exists() and not Space.objects.exists()


@pytest.mark.parametrize("missing", ["email", "name"])
def test_a_script_is_told_what_is_missing(missing, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO())

    with pytest.raises(CommandError, match=f"--{missing} is missing"):
        create_owner(**ODETTE | {missing: None})

    assert not User.objects.exists()


def test_somebody_at_the_terminal_is_asked(monkeypatch):
    answers = {"E-mail: ": "odette@example.com", "Name: ": "Odette"}
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", answers.pop)

    create_owner()

    assert User.objects.get().name == "Odette" and not answers
