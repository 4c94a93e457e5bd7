"""`manage.py bootstrap`: what a client needs for its first call, the same at every run."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from issues.models import HistoryEntry, Issue, Level, Membership, Space
from tests.factories import IssueFactory, SpaceFactory, UserFactory
from tracker.accounts.models import ApiToken, User
from tracker.dialects.ids import parse

pytestmark = pytest.mark.django_db

SHAPE = {
    "spaces": {"id", "ulid", "hex", "key", "name"},
    "users": {"id", "hex", "email", "name", "password", "spaces"},
    "tokens": {"user", "space", "scope", "token"},
    "projects": {"id", "ulid", "hex", "space", "name", "external_id"},
    "environments": {"id", "ulid", "hex", "space", "name", "external_id"},
    "channels": {"id", "ulid", "hex", "space", "name"},
    "teams": {"id", "ulid", "hex", "space", "name"},
    "levels": {"id", "ulid", "hex", "space", "key", "name", "severity"},
    "issues": {"id", "ulid", "hex", "key", "space"},
}


@pytest.fixture(autouse=True)
def in_development(settings):
    settings.DEBUG = True


def printed(*arguments, **options):
    out = StringIO()
    call_command("bootstrap", *arguments, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def counts():
    return [
        model.objects.count() for model in (Space, User, Membership, ApiToken, Level, Issue, HistoryEntry)
    ]


def test_it_prints_one_object_of_the_promised_shape():
    document = json.loads(printed("--json"))

    assert document.keys() == SHAPE.keys()
    for name, keys in SHAPE.items():
        assert all(keys <= row.keys() for row in document[name]), name
    assert [space["key"] for space in document["spaces"]] == ["OPS", "DATA"]
    assert [len(document[name]) for name in ("users", "tokens", "issues")] == [3, 4, 3]
    assert [level["space"] for level in document["levels"]] == [None, None, None, None, "OPS"]
    for name in ("projects", "environments", "channels", "teams"):
        assert [row["space"] for row in document[name]] == ["OPS", "DATA"]


def test_an_admin_is_in_both_spaces_and_a_member_in_each():
    users = json.loads(printed("--json"))["users"]

    roles = [{space["key"]: space["role"] for space in user["spaces"]} for user in users]
    assert roles == [{"OPS": "admin", "DATA": "admin"}, {"OPS": "member"}, {"DATA": "member"}]


def test_every_form_of_an_id_means_the_same_row():
    document = json.loads(printed("--json"))

    for rows in document.values():
        for row in rows:
            assert {str(parse(row[form])) for form in ("id", "ulid", "hex")} == {row["id"]}
    assert {issue["id"] for issue in document["issues"]} == {
        str(uuid) for uuid in Issue.objects.values_list("uuid", flat=True)
    }


def test_people_sign_in_and_tokens_open_the_api():
    document = json.loads(printed("--json"))

    for user in document["users"]:
        assert Client().login(username=user["email"], password=user["password"])
    for token in document["tokens"]:
        client = Client(headers={"authorization": f"Bearer {token['token']}"})
        body = {"space": token["space"], "title": "Hello"}
        response = client.post("/api/issues/", body, content_type="application/json")
        assert response.status_code == (201 if token["scope"] == "write" else 403)


def test_a_second_run_prints_the_same_and_makes_nothing():
    first, before = printed("--json"), counts()

    second = printed("--json")

    assert second == first
    assert counts() == before


def test_what_somebody_changed_meanwhile_stays_as_they_left_it():
    first = json.loads(printed("--json"))
    space, person, issue = (
        Space.objects.get(key="OPS"),
        User.objects.get(handle="sasha"),
        Issue.objects.first(),
    )
    space.name, person.name = "Renamed", "Renamed"
    space.save()
    person.set_password("another password")
    person.save()
    issue.trash()
    before = counts()

    second = json.loads(printed("--json"))

    assert counts() == before
    assert second["spaces"][0]["name"] == second["users"][1]["name"] == "Renamed"
    assert second["users"][1]["password"] is None
    assert second["issues"] == first["issues"]


def test_a_revoked_token_is_not_printed():
    printed("--json")
    token = ApiToken.objects.get(scope="read")
    token.is_active = False
    token.save()

    tokens = json.loads(printed("--json"))["tokens"]

    assert [token["token"] is None for token in tokens] == [False, False, False, True]


def test_without_debug_it_wants_a_yes(settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="--yes"):
        printed("--json")
    assert not Space.objects.exists()
    assert "OPS" in printed(yes=True)


@pytest.mark.parametrize(
    "make", [lambda: SpaceFactory(key="OPS"), lambda: UserFactory(email="jane@example.com")]
)
def test_where_somebody_else_s_rows_stand_it_makes_nothing(make):
    make()
    IssueFactory()
    before = counts()

    with pytest.raises(CommandError, match="not ours"):
        printed("--json")

    assert counts() == before


def test_its_secrets_are_this_installation_s_own(settings):
    first = json.loads(printed("--json"))
    settings.SECRET_KEY = "another"

    with pytest.raises(CommandError, match="not ours"):
        printed("--json")
    assert all(len(user["password"]) >= 32 for user in first["users"])


def test_history_holds_afterwards():
    printed("--json")

    out = StringIO()
    call_command("verify_history", stdout=out)
    assert "holds" in out.getvalue()
