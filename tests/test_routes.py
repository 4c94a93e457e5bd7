"""Every route has a rule for strangers and for nobody, and keeps it."""

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from issues.models import BulkRun
from tests.factories import (
    AttachmentFactory,
    ChannelFactory,
    CommentFactory,
    EnvironmentFactory,
    InvitationFactory,
    IssueFactory,
    LevelFactory,
    ProjectFactory,
    SavedViewFactory,
    TeamFactory,
    TokenFactory,
)
from tracker.dialects.ids import ulid_of

pytestmark = pytest.mark.django_db

SECRET = "Nobody else's business"
METHODS = ("get", "head", "post", "put", "patch", "delete")

# tenant: names a row of a space, and to a stranger there is none.
# own: shows one's own things, and to nobody asks for a sign-in.
# door: of another product's API, where a token alone signs in; with an argument it names a row of a space.
# public: for everybody.
RULES = {
    "qarion:issues": "door",
    "qarion:issue": "door",
    "qarion:comments": "door",
    "qarion:history": "door",
    "qarion:unknown": "public",
    "versori:issues": "door",
    "versori:issue": "door",
    "versori:unknown": "public",
    "zylon:issues": "door",
    "zylon:issue": "door",
    "zylon:unknown": "public",
    "guance:issue-add": "door",
    "guance:issue-list": "door",
    "guance:issue": "door",
    "guance:issue-modify": "door",
    "guance:issue-delete": "door",
    "guance:reply-create": "door",
    "guance:reply-list": "door",
    "guance:reply-modify": "door",
    "guance:reply-delete": "door",
    "guance:level-list": "door",
    "guance:level-add": "door",
    "guance:level-modify": "door",
    "guance:level-delete": "door",
    "guance:level-config": "door",
    "guance:level-config-set": "door",
    "guance:channel-list": "door",
    "guance:channel-add": "door",
    "guance:channel-modify": "door",
    "guance:channel-delete": "door",
    "guance:channel-subscribe": "door",
    "guance:attachment-upload": "door",
    "guance:attachment-delete": "door",
    "guance:attachment": "door",
    "guance:unknown": "public",
    "datadog:search": "door",
    "datadog:issue": "door",
    "datadog:state": "door",
    "datadog:assignee": "door",
    "datadog:unknown": "public",
    "api:issue-list": "own",
    "api:issue-bulk": "own",
    "api:issue-facets": "own",
    "api:issue-similar": "own",
    "api:issue-detail": "tenant",
    "api:issue-restore": "tenant",
    "api:issue-occurrences": "tenant",
    "api:issue-comments": "tenant",
    "api:issue-history": "tenant",
    "api:comment-detail": "tenant",
    "api:attachment-list": "own",
    "api:attachment-detail": "tenant",
    "api:attachment-download": "tenant",
    "api:history-list": "own",
    "api:query-complete": "own",
    "api:query-explain": "own",
    "api:space-list": "own",
    "api:space-detail": "tenant",
    "api:level-list": "own",
    "api:level-detail": "tenant",
    "api:channel-list": "own",
    "api:channel-detail": "tenant",
    "api:channel-subscriptions": "tenant",
    "api:channel-subscription": "tenant",
    "api:project-list": "own",
    "api:project-detail": "tenant",
    "api:environment-list": "own",
    "api:environment-detail": "tenant",
    "api:team-list": "own",
    "api:team-detail": "tenant",
    "api:membership-list": "own",
    "api:membership-detail": "tenant",
    "api:user-list": "own",
    "api:user-me": "own",
    "api:user-detail": "tenant",
    "api:view-list": "own",
    "api:view-detail": "tenant",
    "api:token-list": "own",
    "api:token-detail": "tenant",
    "api-schema": "public",
    "api-docs": "public",
    "api-schema-door": "public",
    "api-docs-door": "public",
    "api-unknown": "public",
    "healthz": "public",
    "readyz": "public",
    "home": "public",
    "login": "public",
    "logout": "public",
    "password_reset": "public",
    "password_reset_done": "public",
    "password_reset_confirm": "public",
    "invitation": "public",
    "invitation-accept": "public",
    "invitation-withdraw": "tenant",
    "people": "own",
    "person-invite": "own",
    "person-role": "tenant",
    "person-remove": "tenant",
    "person-restore": "tenant",
    "person-link": "tenant",
    "person-deactivate": "tenant",
    "settings-profile": "own",
    "settings-password": "own",
    "settings-tokens": "own",
    "token-revoke": "tenant",
    "query-help": "own",
    "triage": "own",
    "issue-facets": "own",
    "issue-complete": "own",
    "issue-list": "own",
    "issue-export": "own",
    "issue-export-json": "own",
    "issue-export-markdown": "own",
    "issue-changes": "own",
    "issue-change": "own",
    "issue-read": "own",
    "issue-create": "own",
    "issue-create-draft": "own",
    "issue-edit-draft": "tenant",
    "text-complete": "own",
    "comment-draft": "tenant",
    "attachment-upload": "own",
    "issue-detail": "tenant",
    "issue-edit": "tenant",
    "issue-update": "tenant",
    "issue-tick": "tenant",
    "issue-news": "tenant",
    "issue-similar": "tenant",
    "issue-like": "own",
    "issue-attach": "tenant",
    "issue-delete": "tenant",
    "issue-restore": "tenant",
    "issue-revert": "tenant",
    "issue-history": "tenant",
    "issue-occurrences": "tenant",
    "batch-detail": "tenant",
    "batch-undo": "tenant",
    "issue-doors": "tenant",
    "issue-markdown": "tenant",
    "issue-json": "tenant",
    "issue-csv": "tenant",
    "view-list": "own",
    "view-menu": "own",
    "view-detail": "tenant",
    "view-edit": "tenant",
    "view-update": "tenant",
    "view-delete": "tenant",
    "view-restore": "tenant",
    "view-move": "tenant",
    "channel-list": "own",
    "channel-detail": "tenant",
    "channel-subscribe": "tenant",
    "level-list": "own",
    "level-detail": "tenant",
    "dashboard": "own",
    "dashboard-export": "own",
    "dashboard-export-svg": "own",
    "history-list": "own",
    "trash": "own",
    "comment-create": "tenant",
    "comment-edit": "tenant",
    "comment-tick": "tenant",
    "comment-delete": "tenant",
    "attachment-download": "tenant",
    "attachment-remove": "tenant",
}
# What stands in the address names no row.
OF_NO_ROW = {"api-unknown", "api-schema-door", "api-docs-door"}
# An address of a route that cannot be reversed, since its pattern has alternatives.
BY_HAND = {"guance:unknown": "/api/v1/channel/nothing"}
# What a secret in the address opens, to whoever has it.
BY_SECRET = {"invitation", "password_reset_confirm"}


def walk(resolver, namespace=""):
    """(name with its namespace or None, pattern) of every route."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield entry.name and f"{namespace}{entry.name}", entry
        else:
            inner = f"{entry.namespace}:" if entry.namespace else ""
            yield from walk(entry, namespace + inner)


# The admin's pages are its own: it shows them to its staff and to nobody else.
ROUTES = {name: pattern for name, pattern in walk(get_resolver()) if not (name and name.startswith("admin:"))}


def routes(rule):
    return sorted(name for name in ROUTES if RULES.get(name) == rule)


@pytest.fixture
def addresses(ops, alice):
    """A function that gives the address of a route for objects of OPS."""
    issue = IssueFactory(space=ops, title=SECRET)
    comment = CommentFactory(issue=issue, author=alice, content=SECRET)
    ops.name = SECRET
    ops.save()
    objects = {"issue": issue.uuid, "comment": comment.uuid, "space": ops.uuid, "user": alice.uuid}
    objects["membership"] = alice.memberships.get().uuid
    objects["token"] = TokenFactory(space=ops, user=alice, name=SECRET).uuid
    for make in (LevelFactory, ChannelFactory, ProjectFactory, EnvironmentFactory, TeamFactory):
        row = make(space=ops, name=SECRET)
        objects[row._meta.model_name] = row.uuid
    objects["view"] = SavedViewFactory(space=ops, owner=alice, name=SECRET).uuid
    objects["batch"] = BulkRun.objects.create(user=alice, posted="do=resolve", until=1, total=1).uuid
    objects["person"] = objects["membership"]
    objects["attachment"] = AttachmentFactory(owner=issue, name=SECRET, content=SECRET.encode()).uuid
    objects["invitation"] = InvitationFactory(space=ops, invited_by=alice, email="secret@example.com").uuid
    others = {"secret": "nobody-has-it", "uidb64": alice.uuid, "position": 1, "token": "nobody-has-it"}
    others |= {"organisation_id": ulid_of(ops.uuid), "path": "nothing", "name": "qarion"}
    at_doors = {
        "qarion": str(issue.uuid),
        "versori": ulid_of(issue.uuid),
        "zylon": f"issue_{issue.uuid.hex}",
        "datadog": str(issue.uuid),
        "guance": f"issue_{issue.uuid.hex}",
        "guance:reply-modify": f"repim_{comment.uuid.hex}",
        "guance:reply-delete": f"repim_{comment.uuid.hex}",
        "guance:level-modify": f"issl_{objects['level'].hex}",
        "guance:channel-modify": f"chan_{objects['channel'].hex}",
        "guance:channel-delete": f"chan_{objects['channel'].hex}",
        "guance:channel-subscribe": f"chan_{objects['channel'].hex}",
        "guance:attachment": f"att_{objects['attachment'].hex}",
    }

    def address(name):
        if name in BY_HAND:
            return BY_HAND[name]
        door, _, own = name.rpartition(":")
        row = at_doors.get(name) or at_doors.get(door) or objects.get(own.partition("-")[0])
        known = others | {"id": row, "issue_id": row, "key": issue.key}
        return reverse(
            name, kwargs={key: known[key] for key in ROUTES[name].pattern.regex.groupindex} or None
        )

    return address


def answers(client, address):
    for method in METHODS:
        body = {} if method in ("get", "head") else {"data": "{}", "content_type": "application/json"}
        yield method, getattr(client, method)(address, **body)


def body(response):
    """The content of an answer, read from a stream once."""
    if response.streaming:
        response.streaming_content = [b"".join(response.streaming_content)]
    return response.getvalue()


def test_every_route_has_a_name_and_a_rule():
    unnamed = [str(pattern.pattern) for name, pattern in walk(get_resolver()) if name is None]
    without_rule = ROUTES.keys() - RULES.keys()

    assert not unnamed or all(pattern == "(?P<url>.*)$" for pattern in unnamed)
    assert not without_rule


def test_a_route_with_an_argument_is_a_tenant_s():
    with_arguments = {name for name, pattern in ROUTES.items() if pattern.pattern.regex.groups}

    door = {name for name in routes("door") if name in with_arguments}
    assert with_arguments - OF_NO_ROW - BY_SECRET == set(routes("tenant")) | door


@pytest.mark.parametrize("name", routes("tenant"))
def test_to_a_stranger_there_is_nothing(name, addresses, charlie):
    client = Client()
    client.force_login(charlie)

    found = dict(answers(client, addresses(name)))

    statuses = {method: response.status_code for method, response in found.items()}
    assert set(statuses.values()) <= {404, 405}, statuses
    assert 404 in (statuses["get"], statuses["post"])
    assert all(SECRET.encode() not in response.content for response in found.values())


@pytest.mark.parametrize("name", routes("door"))
def test_a_stranger_s_token_opens_nothing_of_a_door(name, addresses, charlie):
    TokenFactory(secret="trk_stranger", user=charlie, space=charlie.memberships.get().space)
    client = Client(headers={"authorization": "Bearer trk_stranger"})
    is_tenant = ROUTES[name].pattern.regex.groups

    found = dict(answers(client, addresses(name)))

    assert all(SECRET.encode() not in response.content for response in found.values())
    statuses = {method: response.status_code for method, response in found.items()}
    assert set(statuses.values()) <= {404, 405, 422} if is_tenant else max(statuses.values()) < 500


@pytest.mark.parametrize("name", routes("tenant") + routes("own") + routes("door"))
def test_nobody_is_asked_to_sign_in(name, addresses):
    found = dict(answers(Client(), addresses(name)))

    for method, response in found.items():
        if response.status_code == 302:
            assert response["Location"].startswith("/login/"), method
        else:
            assert response.status_code in (401, 405), (method, response.status_code)
        assert SECRET.encode() not in response.content
    assert found["get"].status_code in (302, 401, 405)


@pytest.mark.parametrize("name", routes("own"))
def test_a_stranger_sees_only_their_own(name, addresses, charlie):
    client = Client()
    client.force_login(charlie)

    found = dict(answers(client, addresses(name)))

    for method, response in found.items():
        assert response.status_code < 500, method
        assert SECRET.encode() not in body(response)
        assert b"OPS-1" not in body(response)


@pytest.mark.parametrize("name", routes("public"))
def test_what_is_public_says_nothing_of_anybody(name, addresses):
    for method, response in answers(Client(), addresses(name)):
        assert response.status_code < 500, method
        assert SECRET.encode() not in body(response)


def test_every_answer_names_its_request(addresses):
    for name in ROUTES:
        assert Client().get(addresses(name))["X-Request-ID"]
