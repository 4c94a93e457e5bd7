"""The promise: by whichever door a change comes, it leaves the right entries, with who, token and door.

A new door is a new row in DOORS.
"""

import json
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from issues.actor import Actor, acting_as
from issues.models import Attachment, HistoryEntry, Issue, Outbox
from issues.models.attachment import attach
from tests.admin_forms import act, edit_list, submit
from tests.chains import assert_space_whole, space_entries
from tests.factories import (
    ChannelFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    TeamFactory,
    TokenFactory,
)

pytestmark = pytest.mark.django_db

SECRET = "trk_doors"


@dataclass
class Scene:
    """An issue, who acts on it, and what a door needs to act."""

    issue: Issue
    actor: Any
    token: Any
    folder: Any
    rows: Any = None

    @property
    def api(self):
        return Client(headers={"authorization": f"Bearer {SECRET}"})

    @property
    def page(self):
        client = Client()
        client.force_login(self.actor)
        return client

    def send(self, method, path, body):
        response = getattr(self.api, method)(path, body, content_type="application/json")
        assert response.status_code < 300, response.content
        return response


def by_patch(scene):
    scene.send("patch", f"/api/issues/{scene.issue.uuid}/", {"status": "resolved"})


def by_put(scene):
    document = scene.api.get(f"/api/issues/{scene.issue.key}/").json()
    scene.send("put", f"/api/issues/{scene.issue.key}/", document | {"status": "resolved"})


def by_bulk_ids(scene):
    scene.send("post", "/api/issues/bulk/", {"ids": [str(scene.issue.uuid)], "set": {"status": "resolved"}})


def by_bulk_filter(scene):
    scene.send("post", "/api/issues/bulk/", {"filter": {"space": "OPS"}, "set": {"status": "resolved"}})


def by_shell(scene):
    issue = Issue.objects.get(pk=scene.issue.pk)
    issue.status = "resolved"
    issue.save()


def by_shell_in_bulk(scene):
    Issue.objects.filter(pk=scene.issue.pk).change(status="resolved")


def by_command_of_somebody(scene):
    with acting_as(lambda: Actor(user=scene.actor, source="worker")):
        by_shell(scene)


def by_page(scene):
    response = scene.page.post(reverse("issue-update", args=[scene.issue.key]), {"status": "resolved"})
    assert response.status_code == 302, response.content


def import_record(scene, record):
    file = scene.folder / "issues.json"
    file.write_text(json.dumps([record]))
    call_command("import_issues", str(file), space="OPS", stdout=StringIO())


# door: (how, its source, whether it acts as the person, whether with the token)
DOORS = {
    "PATCH": (by_patch, "api", True, True),
    "PUT": (by_put, "api", True, True),
    "bulk by ids": (by_bulk_ids, "api", True, True),
    "bulk by filter": (by_bulk_filter, "api", True, True),
    "shell": (by_shell, "command", False, False),
    "shell in bulk": (by_shell_in_bulk, "command", False, False),
    "command": (by_command_of_somebody, "worker", True, False),
    "page": (by_page, "web", True, False),
}


@pytest.fixture
def scene(ops, bob, tmp_path):
    token = TokenFactory(secret=SECRET, user=bob, space=ops)
    return Scene(IssueFactory(space=ops), bob, token, tmp_path)


@pytest.mark.parametrize("door", DOORS)
def test_one_change_leaves_one_entry_with_who_token_and_door(door, scene):
    change, source, is_person, has_token = DOORS[door]

    change(scene)

    *_, entry = entries = list(HistoryEntry.objects.filter(issue=scene.issue).order_by("position"))
    assert [e.action for e in entries] == ["created", "status_changed"]
    assert (entry.field, entry.old_value, entry.new_value) == ("status", '"open"', '"resolved"')
    assert entry.source == source
    assert entry.actor == (scene.actor if is_person else None)
    assert entry.token == (scene.token.uuid if has_token else None)
    assert entry.version == Issue.objects.get(pk=scene.issue.pk).version == 2
    assert Outbox.objects.filter(issue=scene.issue, batch=entry.batch).count() == 1


@pytest.mark.parametrize("door", DOORS)
def test_a_second_time_changes_nothing_and_leaves_nothing(door, scene):
    change, *_ = DOORS[door]
    change(scene)

    change(scene)

    assert HistoryEntry.objects.filter(issue=scene.issue).count() == 2
    assert Issue.objects.get(pk=scene.issue.pk).version == 2


def test_an_import_leaves_entries_at_their_own_time_and_tells_nobody(scene):
    record = {
        "number": 7,
        "title": "From elsewhere",
        "body": "As it was",
        "author": {"login": "octo"},
        "createdAt": "2024-01-01T00:00:00Z",
        "updatedAt": "2024-01-03T00:00:00Z",
        "closedAt": "2024-01-02T00:00:00Z",
        "state": "CLOSED",
        "labels": [{"name": "bug"}],
        "assignees": [],
        "comments": [{"author": {"login": "octo"}, "body": "Me too", "createdAt": "2024-01-01T12:00:00Z"}],
    }

    import_record(scene, record)

    entries = HistoryEntry.objects.filter(issue__number=7).order_by("position")
    assert [(e.action, e.created_at.isoformat()[:16]) for e in entries] == [
        ("created", "2024-01-01T00:00"),
        ("comment_added", "2024-01-01T12:00"),
        ("status_changed", "2024-01-02T00:00"),
    ]
    assert {e.source for e in entries} == {"import"}
    assert not Outbox.objects.filter(issue__number=7).exists()


def test_every_door_that_comments_leaves_one_entry(scene):
    key = scene.issue.key

    scene.send("post", f"/api/issues/{key}/comments/", {"content": "From a program"})
    scene.page.post(reverse("comment-create", args=[key]), {"content": "From the page"})

    entries = HistoryEntry.objects.filter(issue=scene.issue, action="comment_added").order_by("position")
    assert [(e.source, e.actor) for e in entries] == [("api", scene.actor), ("web", scene.actor)]


def attach_by_api(scene):
    form = {"issue": scene.issue.key, "file": SimpleUploadedFile("log.txt", b"x")}
    assert scene.api.post("/api/attachments/", form).status_code == 201


def attach_by_page(scene):
    form = {"file": SimpleUploadedFile("log.txt", b"x")}
    assert scene.page.post(reverse("issue-attach", args=[scene.issue.key]), form).status_code == 302


def attach_by_shell(scene):
    file = Attachment.of(ContentFile(b"x", "log.txt"), space=scene.issue.space, by=None)
    attach(Issue.objects.get(pk=scene.issue.pk), [file])


def detach_by_api(scene):
    assert scene.api.delete(f"/api/attachments/{Attachment.objects.get().uuid}/").status_code == 204


def detach_by_page(scene):
    address = reverse("attachment-remove", args=[Attachment.objects.get().uuid])
    assert scene.page.post(address).status_code == 302


def detach_by_shell(scene):
    issue = Issue.objects.get(pk=scene.issue.pk)
    issue.attachments = []
    issue.save()


# door: (how to attach, how to take off, its source, whether it acts as the person, whether with the token)
FILE_DOORS = {
    "API": (attach_by_api, detach_by_api, "api", True, True),
    "page": (attach_by_page, detach_by_page, "web", True, False),
    "shell": (attach_by_shell, detach_by_shell, "command", False, False),
}


@pytest.mark.parametrize("door", FILE_DOORS)
def test_a_file_that_comes_and_goes_leaves_one_entry_each(door, scene):
    attach, detach, source, is_person, has_token = FILE_DOORS[door]

    attach(scene)
    detach(scene)

    added, removed = HistoryEntry.objects.filter(issue=scene.issue).order_by("position")[1:]
    assert (added.action, added.new_display, added.version) == ("attachment_added", "log.txt", 2)
    assert (removed.action, removed.old_display, removed.version) == ("attachment_removed", "log.txt", 3)
    assert (added.new_value, added.old_value) == (removed.old_value, removed.new_value)
    for entry in (added, removed):
        assert entry.source == source
        assert entry.actor == (scene.actor if is_person else None)
        assert entry.token == (scene.token.uuid if has_token else None)


# Records: what belongs to a space stands in the chain of the space.


# change: (method, folder or None for the space itself, body, (action, field) of its entry)
RECORDS = {
    "make a level": ("post", "levels", {"key": "HOT", "name": "Hot"}, ("level_created", "")),
    "edit a level": ("patch", "levels", {"rank": 5}, ("level_changed", "rank")),
    "retire a level": ("delete", "levels", None, ("level_retired", "is_active")),
    "make a channel": ("post", "channels", {"name": "New"}, ("channel_created", "")),
    "route a channel": ("patch", "channels", {"query": "is:open"}, ("channel_changed", "query")),
    "retire a channel": ("delete", "channels", None, ("channel_retired", "is_active")),
    "make a project": ("post", "projects", {"name": "x", "external_id": "x"}, ("project_created", "")),
    "edit a team": ("put", "teams", {"name": "Data"}, ("team_changed", "name")),
    "retire an environment": ("delete", "environments", None, ("environment_retired", "is_active")),
    "take somebody in": ("post", "memberships", {"user": "known@example.com"}, ("membership_created", "")),
    "give a role": ("patch", "memberships", {"role": "viewer"}, ("membership_changed", "role")),
    "put somebody out": ("delete", "memberships", None, ("membership_retired", "is_active")),
    "revoke a token": ("delete", "tokens", None, ("apitoken_retired", "is_active")),
    "change the space": ("patch", None, {"is_reopening": False}, ("space_changed", "is_reopening")),
}


@pytest.fixture
def records(scene, ops, alice):
    """The scene with an admin for its actor, and a row of each kind to change."""
    scene.actor, scene.token.user = alice, alice
    scene.token.save()
    elsewhere = MembershipFactory(user__email="known@example.com").space
    MembershipFactory(space=elsewhere, user=alice)
    scene.rows = {
        "levels": LevelFactory(space=ops),
        "channels": ChannelFactory(space=ops),
        "projects": ProjectFactory(space=ops),
        "environments": EnvironmentFactory(space=ops),
        "teams": TeamFactory(space=ops),
        "memberships": MembershipFactory(space=ops),
        "tokens": TokenFactory(space=ops),
    }
    return scene


def change_record(scene, method, folder, body):
    """The response to the change, whatever it is."""
    if folder is None:
        path = "/api/spaces/OPS/"
    elif method == "post":
        path, body = f"/api/{folder}/", body | {"space": "OPS"}
    else:
        path = f"/api/{folder}/{scene.rows[folder].uuid}/"
    return scene.api.generic(
        method.upper(), path, json.dumps(body) if body else "", content_type="application/json"
    )


@pytest.mark.parametrize("name", RECORDS)
def test_one_change_of_a_record_leaves_one_entry_with_who_token_and_door(name, records, ops):
    method, folder, body, said = RECORDS[name]
    before = len(space_entries(ops))

    first = change_record(records, method, folder, body)
    after = space_entries(ops)[before:]
    change_record(records, method, folder, body)

    assert first.status_code < 300, first.content
    assert [(entry.action, entry.field) for entry in after] == [said]
    assert (after[0].actor, after[0].token, after[0].source) == (records.actor, records.token.uuid, "api")
    assert len(space_entries(ops)) == before + 1
    assert_space_whole(ops)


def test_every_door_of_a_subscription_and_of_a_new_token_leaves_one_entry(records, ops):
    before = len(space_entries(ops))
    mine = f"/api/channels/{records.rows['channels'].uuid}/subscription/"

    for method, path, body in (
        ("put", mine, {"kind": "attention"}),
        ("put", mine, {"kind": "attention"}),
        ("put", mine, {"kind": "responsible"}),
        ("delete", mine, None),
        ("put", mine, {"kind": "responsible"}),
        ("post", "/api/tokens/", {"name": "ci", "space": "OPS"}),
    ):
        records.send(method, path, body or {})

    entries = space_entries(ops)[before:]
    assert [(entry.action, entry.field) for entry in entries] == [
        ("subscription_created", ""),
        ("subscription_changed", "kind"),
        ("subscription_retired", "is_active"),
        ("subscription_restored", "is_active"),
        ("apitoken_created", ""),
    ]
    assert {(e.actor, e.token, e.source) for e in entries} == {(records.actor, records.token.uuid, "api")}
    assert_space_whole(ops)


def by_admin_form(client, level):
    submit(client, level, name="Changed")


def by_admin_list(client, level):
    edit_list(client, level, rank="7")


def by_admin_action(client, level):
    act(client, "retire", level)


# door of the administration: (how a level is changed there, the action and the field of its entry)
ADMIN_DOORS = {
    "form": (by_admin_form, "level_changed", "name"),
    "list editing": (by_admin_list, "level_changed", "rank"),
    "action": (by_admin_action, "level_retired", "is_active"),
}


@pytest.mark.parametrize("door", ADMIN_DOORS)
def test_each_door_of_the_administration_leaves_one_entry_and_none_the_second_time(door, alice, ops, client):
    change, action, field = ADMIN_DOORS[door]
    level = LevelFactory(space=ops)
    client.force_login(alice)

    change(client, level)
    change(client, level)

    entry = HistoryEntry.objects.exclude(action="level_created").get(subject=level.uuid)
    assert (entry.action, entry.field, entry.source) == (action, field, "admin")
    assert (entry.actor, entry.token) == (alice, None)
