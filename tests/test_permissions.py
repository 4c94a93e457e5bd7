"""Who may do what through the native API, and what a stranger learns: nothing."""

import base64
import json
from datetime import timedelta
from uuid import uuid4

import orjson
import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from issues.models import HistoryEntry, Issue, Level, Membership
from tests.factories import (
    AttachmentFactory,
    ChannelFactory,
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SavedViewFactory,
    SpaceFactory,
    SubscriptionFactory,
    TeamFactory,
    TokenFactory,
    UserFactory,
)
from tracker.accounts.throttling import BadTokenThrottle, TokenThrottle

pytestmark = pytest.mark.django_db

ISSUES = "/api/issues/"
NOBODY = ("nobody", "bad token", "basic", "revoked", "expired", "deactivated")
WRITE = {"is_read": True}
TEXT = {"content": "x"}
DENIED = {"viewer": 403, "read-only": 403, "read-only admin": 403, "stranger": 404, "superuser": 404}
READ = dict.fromkeys(("viewer", "member", "admin", "read-only", "read-only admin"), 200) | {
    "stranger": 404,
    "superuser": 404,
}
OWN = dict.fromkeys(READ, 200)
TOKENS = {"read-only": 403, "read-only admin": 403}
MEMBERS = READ | {"viewer": 404, "read-only": 404, "read-only admin": 404}


def members(status):
    return DENIED | {"member": status, "admin": status}


def admins(status):
    return members(403) | {"admin": status}


def signed_in(status):
    """Of the space, whatever their role; not by a token that only reads."""
    return members(status) | {"viewer": status}


# (verb, method, address, body): what each person gets. `own` is a comment of the one who asks.
MATRIX = [
    ("list issues", "get", ISSUES, None, OWN),
    ("read an issue", "get", "{issue}", None, READ),
    ("read an issue by key", "get", f"{ISSUES}OPS-1/", None, READ),
    ("list comments", "get", "{issue}comments/", None, READ),
    ("read a comment", "get", "{other}", None, READ),
    ("read an internal comment", "get", "{internal}", None, MEMBERS),
    ("read a history", "get", "{issue}history/", None, READ),
    ("read the trail", "get", "/api/history/", None, OWN),
    ("read an issue's part of the trail", "get", "/api/history/?issue=OPS-1", None, READ),
    ("list spaces", "get", "/api/spaces/", None, OWN),
    ("read a space", "get", "/api/spaces/OPS/", None, READ),
    ("create", "post", ISSUES, {"title": "x", "space": "OPS"}, members(201)),
    (
        "create by fingerprint",
        "post",
        ISSUES,
        {"title": "x", "space": "OPS", "fingerprint": "f"},
        members(200),
    ),
    ("edit", "patch", "{issue}", WRITE, members(200)),
    ("edit nothing", "patch", "{issue}", {}, members(200)),
    ("replace", "put", "{issue}", {"title": "x"}, members(200)),
    ("change in bulk by id", "post", f"{ISSUES}bulk/", {"ids": ["{uuid}"], "set": WRITE}, members(200)),
    (
        "preview in bulk",
        "post",
        f"{ISSUES}bulk/",
        {"ids": ["{uuid}"], "set": WRITE, "dry_run": True},
        members(200),
    ),
    (
        "change in bulk by filter",
        "post",
        f"{ISSUES}bulk/",
        {"filter": {}, "set": WRITE},
        members(200) | {"stranger": 200, "superuser": 200},
    ),
    ("count a sighting", "post", "{issue}occurrences/", {}, members(200)),
    ("comment", "post", "{issue}comments/", TEXT, members(201)),
    ("comment internally", "post", "{issue}comments/", TEXT | {"is_internal": True}, members(201)),
    ("edit one's own comment", "patch", "{own}", TEXT, members(200)),
    ("replace one's own comment", "put", "{own}", TEXT, members(200)),
    ("delete one's own comment", "delete", "{own}", None, members(204)),
    ("edit another's comment", "patch", "{other}", TEXT, members(403)),
    ("replace another's comment", "put", "{other}", TEXT, members(403)),
    ("delete another's comment", "delete", "{other}", None, members(204) | {"member": 403}),
    (
        "delete another's internal comment",
        "delete",
        "{internal}",
        None,
        members(204) | {"viewer": 404, "member": 403},
    ),
    ("read a file", "get", "{file}", None, READ),
    ("download a file", "get", "{file}download/", None, READ),
    ("take off a file", "delete", "{file}", None, members(204)),
    ("read a file of an internal comment", "get", "{internal file}", None, MEMBERS),
    ("download a file of an internal comment", "get", "{internal file}download/", None, MEMBERS),
    ("take off one's own comment's file", "delete", "{own file}", None, members(204)),
    ("take off another's comment's file", "delete", "{other file}", None, members(403)),
    ("delete", "delete", "{issue}", None, members(204)),
    ("restore", "post", "{trashed}restore/", None, members(200)),
    ("change a space", "patch", "/api/spaces/OPS/", {"is_reopening": False}, admins(200)),
    *(
        row
        for name, body in {
            "level": {"key": "NEW", "name": "x", "space": "OPS"},
            "channel": {"name": "x", "space": "OPS"},
            "project": {"name": "x", "space": "OPS"},
            "environment": {"name": "x", "space": "OPS"},
            "team": {"name": "x", "space": "OPS"},
            "membership": {"user": "leaver@example.com", "space": "OPS"},
        }.items()
        for row in (
            (f"list {name}s", "get", f"/api/{name}s/", None, OWN),
            (f"list {name}s of a space", "get", f"/api/{name}s/?space=OPS", None, READ),
            (f"read a {name}", "get", f"{{{name}}}", None, READ),
            (f"make a {name}", "post", f"/api/{name}s/", body, admins(201)),
            (f"edit a {name}", "patch", f"{{{name}}}", {"is_active": False}, admins(200)),
            (f"replace a {name}", "put", f"{{{name}}}", body | {"user": "{user}"}, admins(200))
            if name == "membership"
            else (f"replace a {name}", "put", f"{{{name}}}", body, admins(200)),
            (f"retire a {name}", "delete", f"{{{name}}}", None, admins(204)),
        )
    ),
    ("edit a level of the system", "patch", "{system}", {"name": "x"}, dict.fromkeys(READ, 403)),
    ("retire a level of the system", "delete", "{system}", None, dict.fromkeys(READ, 403)),
    ("list who follows", "get", "{channel}subscriptions/", None, READ),
    ("follow", "put", "{channel}subscription/", {"kind": "attention"}, signed_in(200)),
    (
        "let another follow",
        "put",
        "{channel}subscription/",
        {"kind": "attention", "user": "{user}"},
        admins(200),
    ),
    ("follow no more", "delete", "{followed}subscription/", None, signed_in(204)),
    ("stop another following", "delete", "{followed}subscription/?user={user}", None, admins(204)),
    ("list views", "get", "/api/views/", None, OWN),
    ("list views of a space", "get", "/api/views/?space=OPS", None, READ),
    ("read a shared view", "get", "{view}", None, READ),
    ("read another's own view", "get", "{own_view}", None, dict.fromkeys(READ, 404)),
    ("keep a view", "post", "/api/views/", {"name": "x"}, dict.fromkeys(READ, 201) | TOKENS),
    ("share a view", "post", "/api/views/", {"name": "x", "space": "OPS"}, members(201)),
    ("edit another's shared view", "patch", "{view}", {"name": "x"}, admins(200)),
    ("replace another's shared view", "put", "{view}", {"name": "x", "space": "OPS"}, admins(200)),
    ("delete another's shared view", "delete", "{view}", None, admins(204)),
    ("edit another's own view", "patch", "{own_view}", {"name": "x"}, dict.fromkeys(READ, 404) | TOKENS),
    ("delete another's own view", "delete", "{own_view}", None, dict.fromkeys(READ, 404) | TOKENS),
    ("list people", "get", "/api/users/", None, OWN),
    ("list people of a space", "get", "/api/users/?space=OPS", None, READ),
    ("read a person", "get", "{person}", None, READ),
    ("read oneself", "get", "/api/users/me/", None, OWN),
    ("list one's own tokens", "get", "/api/tokens/", None, OWN | TOKENS),
    ("list tokens of a space", "get", "/api/tokens/?space=OPS", None, signed_in(200)),
    ("read one's own token", "get", "{own_token}", None, OWN | TOKENS),
    ("read another's token", "get", "{token}", None, signed_in(404) | {"admin": 200}),
    ("make a token", "post", "/api/tokens/", {"name": "x", "space": "OPS"}, signed_in(201)),
    ("revoke one's own token", "delete", "{own_token}", None, dict.fromkeys(OWN, 204) | TOKENS),
    ("revoke another's token", "delete", "{token}", None, signed_in(404) | {"admin": 204}),
]


@pytest.fixture
def people(ops, alice, bob, vera, charlie):
    """{who: (person, client)}"""
    deactivated, root = UserFactory(member_of=ops), UserFactory(is_superuser=True, is_staff=True)
    people = {"viewer": vera, "member": bob, "admin": alice, "stranger": charlie, "superuser": root}
    tokens = {who: (person, {}) for who, person in people.items()} | {
        "read-only": (bob, {"scope": "read"}),
        "read-only admin": (alice, {"scope": "read"}),
        "revoked": (bob, {"is_active": False}),
        "expired": (bob, {"expires_at": timezone.now() - timedelta(seconds=1)}),
        "deactivated": (deactivated, {}),
    }
    clients = {"nobody": (None, Client())}
    for number, (who, (person, fields)) in enumerate(tokens.items()):
        TokenFactory(secret=f"trk_{number}", user=person, space=ops, **fields)
        clients[who] = (person, Client(headers={"authorization": f"Bearer trk_{number}"}))
    for who, header in (("bad token", "Bearer trk_x"), ("basic", "Basic Ym9iOng=")):
        clients[who] = (None, Client(headers={"authorization": header}))
    deactivated.is_active = False
    deactivated.save()
    return clients


@pytest.mark.parametrize(
    ("verb", "method", "address", "body", "expected"), MATRIX, ids=[r[0] for r in MATRIX]
)
def test_everybody_may_do_what_the_matrix_says(people, ops, verb, method, address, body, expected):
    issue, trashed = IssueFactory(space=ops, fingerprint="f"), IssueFactory(space=ops)
    trashed.trash()
    somebody = UserFactory(member_of=ops)
    rows = {
        "level": LevelFactory(space=ops),
        "channel": ChannelFactory(space=ops),
        "followed": ChannelFactory(space=ops),
        "project": ProjectFactory(space=ops),
        "environment": EnvironmentFactory(space=ops),
        "team": TeamFactory(space=ops),
        "membership": somebody.memberships.get(),
        "token": TokenFactory(space=ops, user=somebody),
        "view": SavedViewFactory(space=ops, owner=somebody),
        "own_view": SavedViewFactory(owner=somebody),
        "system": Level.objects.get(space=None, key="P1"),
    }
    folders = {"followed": "channels", "system": "levels", "own_view": "views"}
    MembershipFactory(space=ops, user__email="leaver@example.com", is_active=False)
    for follower in {somebody, *(person for person, _ in people.values() if person)}:
        SubscriptionFactory(channel=rows["followed"], user=follower)
    internal = CommentFactory(issue=issue, author=somebody, is_internal=True)
    other = CommentFactory(issue=issue, author=somebody)
    file, internal_file, other_file = (AttachmentFactory(owner=row) for row in (issue, internal, other))
    expected = expected | dict.fromkeys(NOBODY, 401)
    got = {}

    for who, (person, client) in people.items():
        with transaction.atomic():
            names = {
                "issue": f"{ISSUES}{issue.uuid}/",
                "trashed": f"{ISSUES}{trashed.uuid}/",
                "internal": f"/api/comments/{internal.uuid}/",
                "other": f"/api/comments/{other.uuid}/",
                "file": f"/api/attachments/{file.uuid}/",
                "internal file": f"/api/attachments/{internal_file.uuid}/",
                "other file": f"/api/attachments/{other_file.uuid}/",
                "person": f"/api/users/{somebody.uuid}/",
                "user": somebody.uuid,
                "own_token": f"/api/tokens/{person and person.tokens.first().uuid}/",
            } | {name: f"/api/{folders.get(name, name + 's')}/{row.uuid}/" for name, row in rows.items()}
            if "{own" in address:
                names |= own_of(person, issue)
            sent = body and json.dumps(body).replace("{uuid}", str(issue.uuid))
            sent = sent and sent.replace("{user}", str(somebody.uuid))
            before = HistoryEntry.objects.count()
            response = client.generic(
                method.upper(), address.format(**names), sent or "", content_type="application/json"
            )
            got[who] = response.status_code
            if response.status_code >= 400:
                assert HistoryEntry.objects.count() == before
            if who in ("stranger", "superuser", *NOBODY):
                assert "OPS" not in response.content.decode()
            transaction.set_rollback(True)

    assert got == expected


def own_of(person, issue):
    """Addresses of a comment of this person and of its file, which take longest to make."""
    comment = CommentFactory(issue=issue, author=person)
    file = AttachmentFactory(owner=comment)
    return {"own": f"/api/comments/{comment.uuid}/", "own file": f"/api/attachments/{file.uuid}/"}


@pytest.mark.parametrize("who", NOBODY)
def test_who_is_nobody_is_told_how_to_sign_in(people, who):
    response = people[who][1].get(ISSUES)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response["Content-Type"] == "application/problem+json"


def test_a_token_does_nothing_once_its_holder_has_left(api, bob, ops):
    client, issue = api(bob), IssueFactory(space=ops)
    seen = client.get(f"{ISSUES}{issue.uuid}/").status_code

    membership = Membership.objects.get(user=bob)
    membership.is_active = False
    membership.save()

    left = client.get(f"{ISSUES}{issue.uuid}/").status_code
    assert (seen, left) == (200, 404)
    assert client.get(ISSUES).json()["results"] == []


def test_nobody_sees_a_space_that_was_closed(api, alice, ops):
    client, issue = api(alice), IssueFactory(space=ops)
    ops.is_active = False
    ops.save()

    statuses = [client.get(path).status_code for path in (f"{ISSUES}{issue.uuid}/", "/api/spaces/OPS/")]

    assert statuses == [404, 404]


def test_a_token_of_another_space_reaches_every_space_of_its_user(bob, ops):
    other = SpaceFactory()
    TokenFactory(secret="trk_elsewhere", user=bob, space=other)
    issue = IssueFactory(space=ops)

    response = Client(headers={"authorization": "bearer trk_elsewhere"}).get(f"{ISSUES}{issue.uuid}/")

    assert response.status_code == 200


def test_a_session_reads_and_writes_only_with_its_csrf_token(bob, ops):
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    body = {"title": "x", "space": "OPS"}
    client.cookies["csrftoken"] = "a" * 32

    read = client.get(ISSUES)
    without = client.post(ISSUES, body, content_type="application/json")
    with_token = client.post(ISSUES, body, content_type="application/json", headers={"X-CSRFToken": "a" * 32})

    assert [read.status_code, without.status_code, with_token.status_code] == [200, 403, 201]
    assert without["Content-Type"] == "application/problem+json"


def test_a_bad_token_is_not_made_good_by_a_session(client, bob, ops):
    client.force_login(bob)

    response = client.get(ISSUES, headers={"authorization": "Bearer trk_x"})

    assert response.status_code == 401


# What a stranger learns.


@pytest.fixture
def foreign(charlie):
    """Rows of a space that is not Bob's, each beside a name that is nobody's."""
    space = charlie.memberships.get().space
    issue = IssueFactory(space=space)
    comment = CommentFactory(issue=issue)
    trashed = IssueFactory(space=space)
    trashed.trash()
    return {
        "issue": (issue.uuid, uuid4()),
        "issue key": (issue.key, "XYZ-1"),
        "trashed": (trashed.uuid, uuid4()),
        "comment": (comment.uuid, uuid4()),
        "file": (AttachmentFactory(owner=issue).uuid, uuid4()),
        "comment's file": (AttachmentFactory(owner=comment).uuid, uuid4()),
        "space": (space.uuid, uuid4()),
        "space key": (space.key, "XYZ"),
        "level": (LevelFactory(space=space, key="F1").uuid, uuid4()),
        "level key": ("F1", "F2"),
        "person": (charlie.uuid, uuid4()),
        "address": (charlie.email, "nobody@example.com"),
        "team": (TeamFactory(space=space).uuid, uuid4()),
        "project": (ProjectFactory(space=space).uuid, uuid4()),
        "environment": (EnvironmentFactory(space=space).uuid, uuid4()),
        "channel": (ChannelFactory(space=space).uuid, uuid4()),
        "all": (space.channels.get(is_default=True).uuid, uuid4()),
        "membership": (charlie.memberships.get().uuid, uuid4()),
        "token": (TokenFactory(space=space, user=charlie).uuid, uuid4()),
        "view": (SavedViewFactory(space=space, owner=charlie).uuid, uuid4()),
        "own view": (SavedViewFactory(owner=charlie).uuid, uuid4()),
    }


BODIES = [
    ("space", {"space": "§", "title": "x"}),
    ("space key", {"space": "§", "title": "x"}),
    ("level", {"level": "§"}),
    ("level key", {"level": "§"}),
    ("person", {"assignee": "§"}),
    ("person", {"assignee": {"id": "§"}}),
    ("address", {"assignee": "§"}),
    ("team", {"teams": ["§"]}),
    ("project", {"project": "§"}),
    ("environment", {"environment": "§"}),
    ("channel", {"channels": ["§"]}),
    ("all", {"channels": ["§"]}),
]
ASKED = [
    *(
        (name, method, f"{ISSUES}§/{rest}", body)
        for name in ("issue", "issue key", "trashed")
        for method, rest, body in (
            ("get", "", None),
            ("put", "", {"title": "x"}),
            ("patch", "", {"title": "x"}),
            ("delete", "", None),
            ("get", "comments/", None),
            ("post", "comments/", TEXT),
            ("get", "history/", None),
            ("post", "occurrences/", {}),
            ("post", "restore/", None),
        )
    ),
    *(("comment", method, "/api/comments/§/", TEXT) for method in ("get", "put", "patch", "delete")),
    *(
        (name, method, f"/api/attachments/§/{rest}", None)
        for name in ("file", "comment's file")
        for method, rest in (("get", ""), ("get", "download/"), ("delete", ""))
    ),
    ("space", "get", "/api/spaces/§/", None),
    ("space key", "get", "/api/spaces/§/", None),
    *((name, "post", ISSUES, body | {"title": "x"}) for name, body in BODIES),
    *((name, "patch", f"{ISSUES}OPS-1/", body) for name, body in BODIES[2:]),
    *(
        (name, "post", f"{ISSUES}bulk/", {"filter": {}, "set": body, "dry_run": dry_run})
        for name, body in BODIES[2:]
        for dry_run in (True, False)
    ),
    ("issue", "post", f"{ISSUES}bulk/", {"ids": ["§"], "set": WRITE}),
    ("issue", "post", f"{ISSUES}bulk/", {"ids": ["§"], "set": WRITE, "dry_run": True}),
    *(
        (name, "post", f"{ISSUES}bulk/", {"filter": {parameter: "§"}, "set": WRITE})
        for name, parameter in (
            ("space", "space"),
            ("level", "level"),
            ("person", "assignee"),
            ("team", "team"),
        )
    ),
    *(
        (name, "get", f"{ISSUES}?{parameter}=§", None)
        for name, parameter in (
            ("space", "space"),
            ("space key", "space"),
            ("level", "level"),
            ("level key", "level"),
            ("person", "assignee"),
            ("person", "reporter"),
            ("address", "assignee"),
            ("address", "reporter"),
            ("team", "team"),
            ("project", "project"),
            ("environment", "environment"),
            ("channel", "channel"),
            ("all", "channel"),
        )
    ),
    *(
        (name, method, f"/api/{folder}/§/", body)
        for name, folder, body in (
            ("level", "levels", {"name": "x"}),
            ("channel", "channels", {"name": "x"}),
            ("all", "channels", {"targets": []}),
            ("project", "projects", {"name": "x"}),
            ("environment", "environments", {"name": "x"}),
            ("team", "teams", {"name": "x"}),
            ("membership", "memberships", {"role": "admin"}),
            ("view", "views", {"name": "x"}),
            ("own view", "views", {"name": "x"}),
        )
        for method in ("get", "put", "patch", "delete")
    ),
    *(
        ("channel", method, "/api/channels/§/subscription/", {"kind": "attention"})
        for method in ("get", "put")
    ),
    ("channel", "delete", "/api/channels/§/subscription/", None),
    ("channel", "get", "/api/channels/§/subscriptions/", None),
    ("person", "get", "/api/users/§/", None),
    ("token", "get", "/api/tokens/§/", None),
    ("token", "delete", "/api/tokens/§/", None),
    ("space", "patch", "/api/spaces/§/", {"name": "x"}),
    *(
        (name, "get", f"/api/{folder}/?space=§", None)
        for name in ("space", "space key")
        for folder in (
            "levels",
            "channels",
            "projects",
            "environments",
            "teams",
            "memberships",
            "users",
            "tokens",
            "views",
        )
    ),
    *(
        (name, "post", f"/api/{folder}/", {"space": "§", "name": "x", "key": "X"})
        for name in ("space", "space key")
        for folder in ("levels",)
    ),
    *(
        (name, "post", f"/api/{folder}/", {"space": "§", "name": "x"})
        for name in ("space", "space key")
        for folder in ("channels", "projects", "environments", "teams", "tokens", "views")
    ),
    *((name, "post", "/api/memberships/", {"user": "§", "space": "OPS"}) for name in ("person", "address")),
    *(
        (name, "put", "/api/channels/{all}/subscription/", {"user": "§", "kind": "attention"})
        for name in ("person", "address")
    ),
    ("space", "get", "/api/history/?space=§", None),
    ("space key", "get", "/api/history/?space=§", None),
    ("issue", "get", "/api/history/?issue=§", None),
    ("issue key", "get", "/api/history/?issue=§", None),
    ("person", "get", "/api/history/?actor=§", None),
    ("address", "get", "/api/history/?actor=§", None),
]


def test_what_is_another_s_looks_like_what_is_not_there(api, alice, ops, foreign):
    client = api(alice)
    IssueFactory(space=ops)
    own_channel = str(ops.channels.get().uuid)
    before = list(Issue.objects.order_by("pk").values())

    for name, method, address, body in ASKED:
        answers = []
        for reference in map(str, foreign[name]):
            sent = "" if body is None else json.dumps(body, ensure_ascii=False).replace("§", reference)
            response = client.generic(
                method.upper(),
                address.replace("§", reference).replace("{all}", own_channel),
                sent,
                content_type="application/json",
            )
            document = response.json()
            document.pop("request_id")
            answers.append((response.status_code, document))
        assert answers[0] == answers[1], (name, method, address, body)
        assert answers[0][0] == 404, (name, method, address, body, answers[0])

    assert list(Issue.objects.order_by("pk").values()) == before


def test_a_cursor_of_one_s_own_making_does_not_find_another_s_row(api, bob, ops, foreign):
    IssueFactory(space=ops)

    answers = []
    for uuid in foreign["issue"]:
        for unsigned in (b"", b"\0" * 12):
            cursor = base64.urlsafe_b64encode(unsigned + orjson.dumps([0, str(uuid)])).decode().rstrip("=")
            answers.append(api(bob).get(ISSUES, {"cursor": cursor}))

    assert {response.status_code for response in answers} == {400}


def test_a_space_says_nothing_of_another_one_s_numbers(api, bob, ops, foreign):
    IssueFactory(space=ops)

    listed = api(bob).get(f"{ISSUES}?count=exact&fields=key,number").json()

    assert (listed["count"], listed["results"]) == (1, [{"key": "OPS-1", "number": 1}])


def test_a_guess_at_a_mass_assignment_changes_nothing(api, bob, ops, foreign):
    issue = IssueFactory(space=ops)
    forged = ["pk", "space_id", "reporter_id", "author", "deleted_at", "is_title_derived", "extensions"]

    responses = [
        api(bob).patch(f"{ISSUES}{issue.uuid}/", {name: 1}, content_type="application/json")
        for name in forged
    ]

    assert [response.status_code for response in responses] == [400] * len(forged)


# How often.


def test_a_token_may_call_so_often_a_minute_and_no_more(api, bob, alice, monkeypatch):
    assert TokenThrottle.rate == "600/min"
    monkeypatch.setattr(TokenThrottle, "rate", "3/min")
    clients = [api(bob), api(alice)]

    answers = [clients[0].get(ISSUES) for _ in range(4)]
    of_another = clients[1].get(ISSUES)

    assert [response.status_code for response in answers] == [200, 200, 200, 429]
    assert answers[3]["Content-Type"] == "application/problem+json"
    assert 1 <= int(answers[3]["Retry-After"]) <= 61
    assert answers[3].json()["status"] == 429
    assert of_another.status_code == 200


def test_what_is_refused_and_what_is_not_found_counts_too(api, bob, monkeypatch):
    monkeypatch.setattr(TokenThrottle, "rate", "3/min")

    answers = [
        api(bob).get("/api/issues/OPS-9/"),
        api(bob).post(ISSUES, "[", content_type="application/json"),
        api(bob).get(f"{ISSUES}?x=1"),
        api(bob).get(ISSUES),
    ]

    assert [response.status_code for response in answers] == [404, 400, 400, 429]


def test_an_address_may_present_so_many_bad_tokens_and_no_more(api, bob, monkeypatch):
    assert BadTokenThrottle.rate == "60/min"
    monkeypatch.setattr(BadTokenThrottle, "rate", "3/min")
    good = api(bob)

    answers = [
        Client(headers={"authorization": f"Bearer trk_{n}", "x-forwarded-for": f"10.0.0.{n}"}).get(ISSUES)
        for n in range(4)
    ]
    elsewhere = Client(headers={"authorization": "Bearer trk_x"}, REMOTE_ADDR="10.1.1.1").get(ISSUES)

    assert [response.status_code for response in answers] == [401, 401, 401, 429]
    assert int(answers[3]["Retry-After"]) >= 1
    assert answers[3]["Content-Type"] == "application/problem+json"
    assert elsewhere.status_code == 401
    assert good.get(ISSUES).status_code == 200


@pytest.mark.parametrize("secret", ["trk_\N{OWL}", "x" * 5_000, "\x01", "' OR 1=1", "trk_ a", ""])
def test_a_token_that_can_be_none_is_a_bad_one(secret):
    response = Client(headers={"authorization": f"Bearer {secret}"}).get(ISSUES)

    assert response.status_code == 401
    assert secret == "" or secret not in response.content.decode()
