"""Issues through the native API: written and read back, listed page by page, deleted, sighted."""

from datetime import timedelta
from itertools import chain, pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from comments.models import Comment
from issues.actor import Actor, acting_as
from issues.models import Attachment, HistoryEntry, Issue, Level, Membership, Occurrence
from tests.factories import (
    ChannelFactory,
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
)

pytestmark = pytest.mark.django_db

ISSUES = "/api/issues/"
ODD = "  two  blanks \r\n\ttab \N{OWL} \u202eright to left\u202c שלום e\u0301 \x7f \u2028 trailing  \r\n\r\n"


def send(client, method, path, body=None, **headers):
    return getattr(client, method)(path, body, content_type="application/json", headers=headers)


def url(issue):
    return f"{ISSUES}{issue.uuid}/"


def keys(response):
    assert response.status_code == 200, response.content[:300]
    return [row["key"] for row in response.json()["results"]]


def numbers(response):
    return [int(key.partition("-")[2]) for key in keys(response)]


def imported(at, **fields):
    """An issue that came about at another time."""
    with acting_as(lambda: Actor(source="import", at=at)):
        return IssueFactory(**fields)


@pytest.fixture
def whole(ops, alice, bob):
    """An issue with something in every field."""
    issue = Issue(
        space=ops,
        title=" Nulls \N{OWL} ",
        description=ODD,
        status="closed",
        resolution="negated",
        level=LevelFactory(space=ops, key="S1", name="Sev 1", rank=5, severity="critical", color="#ABCDEF"),
        assignee=alice,
        reporter=bob,
        project=ProjectFactory(space=ops, name="Events"),
        environment=EnvironmentFactory(space=ops, name="production"),
        kind="bug",
        reason="error",
        resource_type="table",
        resource_id="t-1",
        resource_name="events",
        alert_id="a-1",
        annotations={"b": "2", "a": 'quo"te'},
        is_read=True,
        due_on="2026-02-28",
        error_type="TypeError",
        error_message="None is not\r\nsubscriptable ",
        file_path="a/b.py",
        function_name="f",
        is_crash=True,
        languages=["python", "c"],
        platform="linux",
        track="backend",
        service="api",
        first_version="1.0",
        last_version="1.1",
        fingerprint="abc ",
    )
    issue.labels = {"team": "payments", "flaky": "", 'quo"te': "\\ \N{OWL}"}
    issue.teams = [TeamFactory(space=ops, name="Payments"), TeamFactory(space=ops, name="Data")]
    issue.channels = [ChannelFactory(space=ops, name="Alerts")]
    issue.attachments = [
        Attachment.objects.create(space=ops, name="log.txt", size=5, content_type="text/plain")
    ]
    issue.save()
    CommentFactory(issue=issue, author=bob)
    CommentFactory(issue=issue, author=bob, is_internal=True)
    CommentFactory(issue=issue, author=bob).trash()
    return Issue.objects.get(pk=issue.pk)


# An independent builder of documents: slow, from instances, attribute by attribute.


def time(at):
    return at and at.isoformat().replace("+00:00", "Z")


def person(user):
    return user and {"id": str(user.uuid), "name": user.name, "email": user.email, "avatar_url": None}


def named(row):
    return row and {"id": str(row.uuid), "name": row.name}


def level_document(level):
    return level and {
        "id": str(level.uuid),
        "key": level.key,
        "name": level.name,
        "severity": level.severity,
        "color": level.color,
    }


def document_of(issue):
    all_channel = issue.space.channels.get(is_default=True)
    return {
        "id": str(issue.uuid),
        "key": f"{issue.space.key}-{issue.number}",
        "number": issue.number,
        "space": {"id": str(issue.space.uuid), "key": issue.space.key, "name": issue.space.name},
        "title": issue.title,
        "description": issue.description,
        "description_html": issue.description_rendered,
        "description_format": issue.description_format,
        "status": issue.status,
        "resolution": issue.resolution,
        "level": level_document(issue.level),
        "assignee": person(issue.assignee),
        "reporter": None if issue.is_anonymous else person(issue.reporter),
        "is_anonymous": issue.is_anonymous,
        "teams": [named(row.team) for row in issue.team_rows.order_by("pk")],
        "project": named(issue.project),
        "environment": named(issue.environment),
        "channels": [named(all_channel)] + [named(row.channel) for row in issue.channel_rows.order_by("pk")],
        "labels": {row.key: row.value for row in issue.label_rows.order_by("pk")},
        "annotations": issue.annotations,
        "kind": issue.kind or None,
        "reason": issue.reason,
        "source": {
            "type": issue.resource_type or None,
            "id": issue.resource_id or None,
            "name": issue.resource_name or None,
            "alert_id": issue.alert_id or None,
        },
        "error": {
            "type": issue.error_type or None,
            "message": issue.error_message or None,
            "file_path": issue.file_path or None,
            "function_name": issue.function_name or None,
            "is_crash": issue.is_crash,
            "languages": issue.languages,
            "platform": issue.platform or None,
            "track": issue.track or None,
            "service": issue.service or None,
            "first_version": issue.first_version or None,
            "last_version": issue.last_version or None,
        },
        "fingerprint": issue.fingerprint or None,
        "seen_count": issue.seen_count,
        "first_seen_at": time(issue.first_seen_at),
        "last_seen_at": time(issue.last_seen_at),
        "comment_count": sum(
            not c.is_internal and c.deleted_at is None for c in Comment.objects.filter(issue=issue)
        ),
        "attachments": [
            named(row.attachment) | {"size": row.attachment.size, "content_type": row.attachment.content_type}
            for row in issue.attachment_rows.order_by("pk")
        ],
        "is_read": issue.is_read,
        "due_on": issue.due_on and issue.due_on.isoformat(),
        "version": issue.version,
        "created_at": time(issue.created_at),
        "updated_at": time(issue.updated_at),
        "resolved_at": time(issue.resolved_at),
        "closed_at": time(issue.closed_at),
    }


# One issue.


def test_a_document_says_of_an_issue_what_its_instance_does(api, bob, whole, ops):
    bare = IssueFactory(space=ops, title="Bare")

    shown = [api(bob).get(url(issue)).json() for issue in (whole, bare)]

    assert shown == [document_of(whole), document_of(Issue.objects.get(pk=bare.pk))]
    assert list(shown[0]) == list(document_of(whole))
    assert list(shown[0]["labels"].items()) == list(document_of(whole)["labels"].items())


def test_a_listed_document_is_the_part_that_was_asked_for(api, bob, whole):
    everything = document_of(whole)

    listed = api(bob).get(ISSUES).json()["results"][0]
    chosen = api(bob).get(f"{ISSUES}?fields=labels,id,description").json()["results"][0]
    complete = api(bob).get(f"{ISSUES}?fields={','.join(everything)}").json()["results"][0]

    assert listed == {name: everything[name] for name in listed}
    assert {"id", "key", "title", "status", "level", "assignee", "labels", "updated_at"} <= listed.keys()
    assert "description" not in listed
    assert list(chosen.items()) == [(name, everything[name]) for name in ("labels", "id", "description")]
    assert complete == everything


def test_an_issue_is_found_by_its_id_and_its_key_in_any_spelling(api, bob, ops):
    issue = IssueFactory(space=ops)
    text = str(issue.uuid)

    responses = [
        api(bob).get(f"{ISSUES}{spelling}/")
        for spelling in (text, text.upper(), text.replace("-", ""), "OPS-1", "ops-1", "Ops-1")
    ]

    assert {response.content for response in responses} == {responses[0].content}
    assert responses[0].json()["id"] == text
    assert responses[0]["ETag"] == '"1"'


def test_a_created_issue_has_every_field_as_it_was_sent(api, bob, alice, ops):
    level, project = LevelFactory(space=ops, key="S1"), ProjectFactory(space=ops)
    environment, channel = EnvironmentFactory(space=ops), ChannelFactory(space=ops)
    teams = TeamFactory.create_batch(2, space=ops)
    sent = {
        "title": ODD.replace("\r", "").replace("\n", ""),
        "description": ODD,
        "description_format": "text",
        "status": "resolved",
        "resolution": "resolved",
        "is_anonymous": False,
        "labels": {"z": " x ", "a": "", "ключ": ODD},
        "annotations": {"z": ODD, "a": ""},
        "kind": " bug ",
        "reason": "error",
        "source": {"type": "table", "id": " 1 ", "name": "events", "alert_id": "\N{OWL}"},
        "error": {
            "type": "TypeError",
            "message": ODD,
            "file_path": "a b ",
            "function_name": "f",
            "is_crash": True,
            "languages": ["python"],
            "platform": "linux",
            "track": "t",
            "service": "s",
            "first_version": "1",
            "last_version": "2",
        },
        "fingerprint": " f ",
        "is_read": True,
        "due_on": "2026-02-28",
    }
    references = {
        "level": "s1",
        "assignee": "ALICE@example.com",
        "project": str(project.uuid).upper(),
        "environment": {"id": environment.uuid.hex},
        "teams": [str(team.uuid) for team in teams],
        "channels": [str(channel.uuid)],
        "space": "ops",
    }

    response = send(api(bob), "post", ISSUES, sent | references)

    document = response.json()
    assert response.status_code == 201, document
    assert {name: document[name] for name in sent} == sent
    assert list(document["labels"]) == list(sent["labels"])
    assert document["level"]["id"] == str(level.uuid)
    assert document["assignee"]["id"] == str(alice.uuid)
    assert document["reporter"]["id"] == str(bob.uuid)
    assert document["project"]["id"] == str(project.uuid)
    assert document["environment"]["id"] == str(environment.uuid)
    assert [team["id"] for team in document["teams"]] == [str(team.uuid) for team in teams]
    assert [row["name"] for row in document["channels"]] == ["All", channel.name]
    assert document == document_of(Issue.objects.get())


def test_a_created_issue_has_defaults_an_address_and_an_etag(api, bob, ops):
    response = send(api(bob), "post", ISSUES, {"title": "Nulls"})

    document = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"{ISSUES}{document['id']}/"
    assert response["ETag"] == '"1"'
    assert api(bob).get(response["Location"]).content == response.content
    assert (document["key"], document["status"], document["reason"]) == ("OPS-1", "open", "manual")
    assert (document["level"], document["labels"], document["is_read"]) == (None, {}, False)
    assert (document["seen_count"], document["version"], document["comment_count"]) == (1, 1, 0)
    assert document["created_at"] == document["updated_at"] == document["first_seen_at"]


def test_an_issue_without_a_title_is_called_by_its_first_line(api, bob):
    response = send(api(bob), "post", ISSUES, {"description": "\n# Nulls in events\nmore"})

    assert response.json()["title"] == "Nulls in events"


@pytest.mark.parametrize(
    "description", ["---", "**", "```", "#", "\u200b", "<!-- x -->", "![](x)", "|", "\x07"]
)
def test_a_description_without_words_names_an_issue_or_is_refused(api, bob, description):
    response = send(api(bob), "post", ISSUES, {"description": description})

    assert response.status_code in (201, 400), response.content
    if response.status_code == 201:
        assert response.json()["title"].strip()


def test_the_space_is_the_token_s_unless_another_is_named(api, bob):
    data = SpaceFactory(key="DATA")
    MembershipFactory(user=bob, space=data)

    responses = [send(api(bob), "post", ISSUES, {"title": "x"} | more) for more in ({}, {"space": "data"})]

    assert [response.json()["key"] for response in responses] == ["OPS-1", "DATA-1"]


def test_a_session_names_the_space(client, bob):
    client.force_login(bob)

    without, named = (send(client, "post", ISSUES, {"title": "x"} | more) for more in ({}, {"space": "OPS"}))

    assert [error["pointer"] for error in without.json()["errors"]] == ["/space"]
    assert named.status_code == 201


def test_putting_back_what_was_read_changes_nothing(api, bob, whole):
    read = api(bob).get(url(whole))
    before = HistoryEntry.objects.count()

    put = send(api(bob), "put", url(whole), read.json())

    assert put.status_code == 200, put.content
    assert put.content == read.content
    assert put["ETag"] == read["ETag"]
    assert HistoryEntry.objects.count() == before


def test_putting_back_keeps_a_derived_title_and_what_was_retired(api, bob, vera, ops):
    issue = IssueFactory(space=ops, title="", description="First line\nsecond", assignee=vera)
    membership = Membership.objects.get(user=vera)
    membership.is_active = False
    membership.save()
    read = api(bob).get(url(issue))

    put = send(api(bob), "put", url(issue), read.json())

    assert put.content == read.content
    assert Issue.objects.get().is_title_derived


def test_putting_back_an_anonymous_issue_keeps_it_anonymous(api, alice, bob, ops):
    issue = IssueFactory(space=ops, reporter=bob, is_anonymous=True)
    read = api(alice).get(url(issue))

    put = send(api(alice), "put", url(issue), read.json())

    assert put.content == read.content
    assert Issue.objects.get().reporter == bob


def test_a_patch_writes_what_was_sent_and_nothing_else(api, bob, whole):
    before = api(bob).get(url(whole)).json()

    after = send(api(bob), "patch", url(whole), {"kind": "task"}).json()

    moved = {name for name in before if before[name] != after[name]}
    assert moved == {"kind", "version", "updated_at"}
    assert after["version"] == before["version"] + 1


def test_a_stale_reader_s_patch_leaves_others_fields_alone(api, alice, bob, ops):
    issue = IssueFactory(space=ops, title="Before")
    send(api(alice), "patch", url(issue), {"title": "After"})

    document = send(api(bob), "patch", url(issue), {"status": "closed"}).json()

    assert (document["title"], document["status"]) == ("After", "closed")


@pytest.mark.parametrize(
    "body", [{}, {"kind": "bug"}, {"labels": {'quo"te': "\\ \N{OWL}", "flaky": "", "team": "payments"}}]
)
def test_a_patch_that_changes_nothing_leaves_no_trace(api, bob, whole, body):
    read = api(bob).get(url(whole))
    before = HistoryEntry.objects.count()

    response = send(api(bob), "patch", url(whole), body)

    assert response.content == read.content
    assert HistoryEntry.objects.count() == before


def test_read_only_fields_in_a_write_are_ignored(api, alice, bob, ops):
    issue = IssueFactory(space=ops, reporter=bob)
    forged = {
        "id": "0190a6c4-7b1e-7c3a-9d52-0123456789ab",
        "number": 99,
        "key": "OPS-99",
        "reporter": {"id": str(alice.uuid)},
        "version": 77,
        "seen_count": 1_000,
        "created_at": "2001-01-01T00:00:00Z",
        "description_html": "<script>alert(1)</script>",
        "closed_at": "2001-01-01T00:00:00Z",
    }
    before = api(bob).get(url(issue)).content

    response = send(api(alice), "patch", url(issue), forged)
    created = send(api(alice), "post", ISSUES, forged | {"title": "x"}).json()

    assert response.content == before
    assert (created["number"], created["reporter"]["id"], created["version"]) == (2, str(alice.uuid), 1)


def test_labels_are_added_and_removed_one_by_one(api, bob, ops):
    issue = IssueFactory(space=ops)
    send(api(bob), "patch", url(issue), {"labels": {"a": "1", "b": "2"}})

    response = send(
        api(bob), "patch", url(issue), {"add_labels": {"b": "3", "c": ""}, "remove_labels": ["a", "nothing"]}
    )

    assert response.json()["labels"] == {"b": "3", "c": ""}
    assert response.json()["version"] == 3


def test_null_empties_what_may_be_empty(api, bob, whole):
    nothing = dict.fromkeys(["level", "assignee", "project", "environment", "resolution", "due_on", "kind"])
    nothing |= {"source": dict.fromkeys(["type", "id", "name", "alert_id"]), "teams": [], "channels": []}

    document = send(api(bob), "patch", url(whole), nothing).json()

    assert {name: document[name] for name in nothing} == nothing | {"channels": document["channels"][:1]}


def test_a_title_of_blanks_gives_way_to_the_first_line_or_is_refused(api, bob, ops):
    described, bare = IssueFactory(space=ops, description="First"), IssueFactory(space=ops)

    taken = send(api(bob), "patch", url(described), {"title": "  "})
    refused = send(api(bob), "patch", url(bare), {"title": "  "})

    assert taken.json()["title"] == "First"
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/title"


def test_what_belongs_to_a_status_follows_it(api, bob, ops):
    issue = IssueFactory(space=ops)

    resolved = send(api(bob), "patch", url(issue), {"status": "resolved"}).json()
    closed = send(api(bob), "patch", url(issue), {"status": "closed", "resolution": "negated"}).json()
    reopened = send(api(bob), "patch", url(issue), {"status": "open"}).json()

    assert resolved["resolved_at"] and not resolved["closed_at"]
    assert (closed["resolution"], closed["resolved_at"]) == ("negated", resolved["resolved_at"])
    assert closed["closed_at"]
    assert (reopened["resolution"], reopened["resolved_at"], reopened["closed_at"]) == (None, None, None)


def test_nobody_but_the_reporter_gives_up_an_anonymity(api, alice, bob, ops):
    issue = IssueFactory(space=ops, reporter=bob, is_anonymous=True)

    by_another = send(api(alice), "patch", url(issue), {"is_anonymous": False})
    hidden = api(alice).get(url(issue)).json()
    by_reporter = send(api(bob), "patch", url(issue), {"is_anonymous": False})

    assert by_another.status_code == 400
    assert by_another.json()["errors"][0]["pointer"] == "/is_anonymous"
    assert hidden["reporter"] is None
    assert by_reporter.json()["reporter"]["id"] == str(bob.uuid)


def test_nobody_makes_another_s_issue_anonymous(api, alice, bob, ops):
    issue = IssueFactory(space=ops, reporter=bob)

    response = send(api(alice), "patch", url(issue), {"is_anonymous": True})
    same = send(api(alice), "patch", url(issue), {"is_anonymous": False})

    assert response.json()["errors"][0]["pointer"] == "/is_anonymous"
    assert (response.status_code, same.status_code) == (400, 200)
    assert not Issue.objects.get().is_anonymous


def test_a_deleted_issue_is_gone_everywhere_until_it_is_restored(api, bob, ops):
    client, issue = api(bob), IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, author=bob)
    addresses = [
        url(issue),
        f"{ISSUES}OPS-1/",
        f"{url(issue)}comments/",
        f"{url(issue)}history/",
        f"/api/comments/{comment.uuid}/",
        f"/api/history/?issue={issue.uuid}",
    ]

    deleted = client.delete(url(issue))
    gone = [client.get(address).status_code for address in addresses]
    gone += [
        send(client, "patch", url(issue), {"title": "x"}).status_code,
        send(client, "put", url(issue), {"title": "x"}).status_code,
        client.delete(url(issue)).status_code,
        send(client, "post", f"{url(issue)}comments/", {"content": "x"}).status_code,
        send(client, "post", f"{url(issue)}occurrences/", {}).status_code,
        send(client, "patch", f"/api/comments/{comment.uuid}/", {"content": "x"}).status_code,
        send(
            client, "post", f"{ISSUES}bulk/", {"ids": [str(issue.uuid)], "set": {"is_read": True}}
        ).status_code,
    ]
    listed = keys(client.get(ISSUES))
    restored = client.post(f"{url(issue)}restore/")
    again = client.post(f"{url(issue)}restore/")

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert set(gone) == {404}
    assert listed == []
    assert (restored.status_code, restored.json()["version"]) == (200, 4)
    assert again.status_code == 404
    assert {client.get(address).status_code for address in addresses} == {200}
    assert keys(client.get(ISSUES)) == ["OPS-1"]


# Sightings.


def test_a_sighting_counts_and_is_kept(api, bob, ops):
    issue = IssueFactory(space=ops, last_version="1.2")
    before = api(bob).get(url(issue)).json()

    at = timezone.now() + timedelta(minutes=5)
    sent = {"at": at.isoformat(), "session": " s ", "user": "u", "version": "1.2"}
    after = send(api(bob), "post", f"{url(issue)}occurrences/", sent).json()

    assert (after["seen_count"], after["last_seen_at"]) == (2, time(at))
    assert after["version"] == before["version"]
    assert HistoryEntry.objects.filter(issue=issue).count() == 1
    kept = Occurrence.objects.filter(issue=issue).order_by("-id")[0]
    assert (kept.at, kept.session, kept.user, kept.version) == (at, " s ", "u", "1.2")


@pytest.mark.parametrize("status", Issue.Status.values)
@pytest.mark.parametrize("is_reopening", [True, False])
def test_a_sighting_reopens_what_is_resolved_and_nothing_else(api, bob, ops, status, is_reopening):
    issue = IssueFactory(space=ops, status=status)
    ops.is_reopening = is_reopening
    ops.save()
    before = api(bob).get(url(issue)).json()

    after = send(api(bob), "post", f"{url(issue)}occurrences/").json()

    reopens = is_reopening and status == "resolved"
    assert after["status"] == ("open" if reopens else status)
    assert after["seen_count"] == before["seen_count"] + (status != "excluded")
    assert (after["resolved_at"] is None) is (reopens or before["resolved_at"] is None)
    entries = HistoryEntry.objects.filter(issue=issue).order_by("position").values_list("action", "field")
    assert list(entries)[1:] == ([("regressed", "status")] if reopens else [])
    assert after == document_of(Issue.objects.get())


@pytest.mark.parametrize(
    ("version", "reopens"), [("1.0", False), ("1.1", False), ("1.2", False), ("1.3", True), ("", True)]
)
def test_what_the_next_release_is_to_mend_is_opened_again_by_a_new_version_alone(
    api, bob, ops, version, reopens
):
    issue = IssueFactory(space=ops, first_version="1.0", last_version="1.0")
    for seen in ("1.1", "1.2"):
        issue.count_sighting(version=seen)
    wanted = {"status": "resolved", "resolution": "next_release"}
    resolved = send(api(bob), "patch", url(issue), wanted).json()

    after = send(api(bob), "post", f"{url(issue)}occurrences/", {"version": version}).json()

    assert (resolved["status"], resolved["resolution"]) == ("resolved", "next_release")
    assert (after["status"], after["seen_count"]) == ("open" if reopens else "resolved", 4)
    assert after["resolution"] == (None if reopens else "next_release")
    regressed = HistoryEntry.objects.filter(issue=issue, action="regressed", field="status")
    assert regressed.count() == reopens


def test_an_old_sighting_does_not_move_the_last_one(api, bob, ops):
    issue = IssueFactory(space=ops)
    before = api(bob).get(url(issue)).json()

    sent = {"at": "2001-01-01T00:00:00+02:00"}
    after = send(api(bob), "post", f"{url(issue)}occurrences/", sent).json()

    assert (after["seen_count"], after["last_seen_at"]) == (2, before["last_seen_at"])


def test_a_fingerprint_makes_one_issue_and_then_counts_on_it(api, bob):
    first, second, third = (
        send(api(bob), "post", ISSUES, {"title": title, "fingerprint": "abc", "error": error})
        for title, error in (
            ("One", {"first_version": "1.0"}),
            ("Two", {"type": "ValueError"}),
            ("Three", {"first_version": "1.0", "last_version": "1.2"}),
        )
    )

    assert [response.status_code for response in (first, second, third)] == [201, 200, 200]
    assert {response.json()["id"] for response in (first, second, third)} == {first.json()["id"]}
    assert (third.json()["title"], third.json()["seen_count"]) == ("One", 3)
    assert [response.json()["error"]["last_version"] for response in (first, second, third)] == [
        None,
        None,
        "1.2",
    ]
    assert "Location" not in second


@pytest.mark.parametrize(
    ("status", "expected", "count"),
    [
        ("open", "open", 2),
        ("resolved", "open", 2),
        ("closed", "closed", 2),
        ("ignored", "ignored", 2),
        ("excluded", "excluded", 1),
    ],
)
def test_a_fingerprint_seen_again_follows_the_rules_of_sightings(api, bob, ops, status, expected, count):
    IssueFactory(space=ops, fingerprint="abc", status=status)

    response = send(api(bob), "post", ISSUES, {"title": "x", "fingerprint": "abc"})

    assert response.status_code == 200
    assert (response.json()["status"], response.json()["seen_count"]) == (expected, count)
    assert Issue.objects.count() == 1


def test_a_fingerprint_is_one_of_its_space_and_not_of_the_trash(api, bob, ops):
    client = api(bob)
    IssueFactory(space=SpaceFactory(), fingerprint="abc")
    IssueFactory(space=ops, fingerprint="abc").trash()

    response = send(client, "post", ISSUES, {"title": "x", "fingerprint": "abc"})

    assert (response.status_code, response.json()["key"]) == (201, "OPS-2")


def test_no_fingerprint_is_nobody_s(api, bob):
    responses = [
        send(api(bob), "post", ISSUES, {"title": "x"} | more)
        for more in ({}, {"fingerprint": None}, {"fingerprint": ""}, {"fingerprint": None})
    ]

    assert [response.status_code for response in responses] == [201] * 4


# Lists.


@pytest.fixture
def shelf(ops, alice, bob):
    """Six issues that differ in everything that a filter looks at; OPS-1 is the oldest."""
    project, environment = ProjectFactory(space=ops), EnvironmentFactory(space=ops)
    team, channel, level = (
        TeamFactory(space=ops),
        ChannelFactory(space=ops),
        LevelFactory(space=ops, key="S1"),
    )
    p1 = Level.objects.get(space=None, key="P1")
    start = timezone.now() - timedelta(days=10)
    rows = [
        {"title": "Nulls in events", "status": "open", "level": p1, "assignee": alice, "reporter": bob},
        {"title": "Timeout", "description": "of EVENTS 100%", "status": "in_progress", "level": level},
        {"title": "Disk full", "status": "closed", "project": project, "environment": environment},
        {"title": "Nulls again", "status": "resolved", "reporter": bob, "is_anonymous": True},
        {"title": "Slow query", "labels": {"team": "payments ", "flaky": ""}, "teams": [team]},
        {"title": "Crash", "channels": [channel], "fingerprint": " abc ", "labels": {"team": "data"}},
    ]
    for day, row in enumerate(rows):
        sets = {name: row.pop(name) for name in ("labels", "teams", "channels") if name in row}
        with acting_as(lambda day=day: Actor(source="import", at=start + timedelta(days=day))):
            issue = IssueFactory.build(space=ops, **row)
            for name, members in sets.items():
                setattr(issue, name, members)
            issue.save()
    return {
        "project": project.uuid,
        "environment": environment.uuid,
        "team": team.uuid,
        "channel": channel.uuid,
        "all": ops.channels.get(is_default=True).uuid,
        "level": level.uuid,
        "alice": alice.uuid,
        "day": lambda n: (start + timedelta(days=n)).isoformat(),
    }


# The parameters of a list, and the numbers of the issues on it; a number stands for a day of the shelf.
QUERIES = [
    ({}, [6, 5, 4, 3, 2, 1]),
    ({"q": "events"}, [2, 1]),
    ({"q": "nulls AGAIN"}, [4]),
    ({"q": "100%"}, [2]),
    ({"q": "_"}, [6, 5, 4, 3, 2, 1]),
    ({"space": "ops"}, [6, 5, 4, 3, 2, 1]),
    ({"status": "closed"}, [3]),
    ({"status": "resolved,in_progress"}, [4, 2]),
    ({"level": "p1"}, [1]),
    ({"level": "P1,none"}, [6, 5, 4, 3, 1]),
    ({"level": "none"}, [6, 5, 4, 3]),
    ({"level": "{level}"}, [2]),
    ({"level": "P0"}, []),
    ({"assignee": "ALICE@example.com"}, [1]),
    ({"assignee": "{alice}"}, [1]),
    ({"assignee": "none"}, [6, 5, 4, 3, 2]),
    ({"assignee": "me"}, []),
    ({"reporter": "me"}, [1]),
    ({"reporter": "bob@example.com"}, [1]),
    ({"team": "{team}"}, [5]),
    ({"project": "{project}"}, [3]),
    ({"project": "none"}, [6, 5, 4, 2, 1]),
    ({"environment": "{environment}"}, [3]),
    ({"environment": "none"}, [6, 5, 4, 2, 1]),
    ({"channel": "{channel}"}, [6]),
    ({"channel": "{all}"}, [6, 5, 4, 3, 2, 1]),
    ({"label": "flaky"}, [5]),
    ({"label": "team"}, [6, 5]),
    ({"label": "team:data"}, [6]),
    ({"label": "team: data"}, [6]),
    ({"label": "team:payments "}, [5]),
    ({"label": "team:payments"}, []),
    ({"label": "flaky:"}, [5]),
    ({"label": "nothing"}, []),
    ({"fingerprint": " abc "}, [6]),
    ({"fingerprint": "abc"}, []),
    ({"created_after": 2, "created_before": 4}, [4, 3]),
    ({"updated_after": 3}, [6, 5, 4]),
    ({"updated_before": 1}, [1]),
    ({"status": "open", "q": "nulls", "level": "P1", "assignee": "{alice}"}, [1]),
    ({"sort": "number"}, [1, 2, 3, 4, 5, 6]),
    ({"sort": "-number"}, [6, 5, 4, 3, 2, 1]),
    ({"sort": "created"}, [1, 2, 3, 4, 5, 6]),
    ({"sort": "-created"}, [6, 5, 4, 3, 2, 1]),
    ({"sort": "updated"}, [1, 2, 3, 4, 5, 6]),
    ({"sort": "-updated"}, [6, 5, 4, 3, 2, 1]),
    ({"sort": "level"}, [1, 2, 6, 5, 4, 3]),
    ({"sort": ""}, [6, 5, 4, 3, 2, 1]),
]


def test_a_list_holds_what_matches_in_its_order(api, bob, shelf):
    found = []

    for query, _ in QUERIES:
        asked = {
            name: shelf["day"](value) if isinstance(value, int) else value.format(**shelf)
            for name, value in query.items()
        }
        response = api(bob).get(ISSUES, asked | {"count": "exact"})
        found.append((query, numbers(response)))
        assert response.json()["count"] == len(numbers(response))

    assert found == QUERIES


def test_a_plus_sign_of_a_time_may_be_left_unescaped(api, bob, shelf):
    response = api(bob).get(f"{ISSUES}?created_after={shelf['day'](4)}")

    assert numbers(response) == [6, 5]


def test_a_count_is_given_only_when_it_is_asked_for(api, bob, shelf):
    response = api(bob).get(ISSUES)

    assert list(response.json()) == ["results", "next", "previous"]


def test_a_page_has_fifty_rows_unless_another_size_is_asked_for(api, bob, ops):
    IssueFactory.create_batch(51, space=ops)

    pages = [api(bob).get(ISSUES, query).json() for query in ({}, {"page_size": 1}, {"page_size": 100})]

    assert [len(page["results"]) for page in pages] == [50, 1, 51]
    assert [page["next"] is None for page in pages] == [False, False, True]
    assert {page["previous"] for page in pages} == {None}


def walk(client, link, direction="next", between=lambda: None):
    """The numbers on every page from `link` on, following `direction`."""
    pages = []
    while link:
        response = client.get(link)
        pages.append(numbers(response))
        link = response.json()[direction]
        between()
    return pages, response


SORTS = ["-number", "number", "-created", "created", "-updated", "updated", "level"]


@pytest.fixture
def many(ops):
    """Seventeen issues in an order of their own, many of them alike in time and level."""
    levels = [None, *Level.objects.filter(space=None)]
    now = timezone.now()
    for n in range(17):
        imported(now - timedelta(hours=n % 4), space=ops, level=levels[n % 5])
    return set(range(1, 18))


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("size", [4, 5])
def test_pages_hold_every_row_once_forwards_and_backwards(api, bob, many, sort, size):
    client = api(bob)
    whole_list = numbers(client.get(f"{ISSUES}?sort={sort}"))

    forwards, last = walk(client, f"{ISSUES}?sort={sort}&page_size={size}")
    backwards, first = walk(client, last.json()["previous"], "previous")

    assert list(chain(*forwards)) == whole_list
    assert set(whole_list) == many and len(whole_list) == len(many)
    assert [*backwards[::-1], forwards[-1]] == forwards
    assert first.json()["previous"] is None


@pytest.mark.parametrize("sort", SORTS)
def test_pages_hold_every_row_once_while_rows_come(api, bob, ops, many, sort):
    client = api(bob)

    def somebody_reports():
        imported(timezone.now() - timedelta(hours=2), space=ops)
        if Issue.objects.count() > 30:
            pytest.fail("The walk does not end.")

    pages, _ = walk(client, f"{ISSUES}?sort={sort}&page_size=3", between=somebody_reports)

    seen = list(chain(*pages))
    assert len(seen) == len(set(seen))
    assert many <= set(seen)


def test_pages_go_on_after_the_row_that_they_ended_with_is_deleted(api, bob, ops, many):
    client = api(bob)
    first = client.get(f"{ISSUES}?page_size=5")
    Issue.objects.get(number=numbers(first)[-1]).trash()

    second = client.get(first.json()["next"])

    assert numbers(second) == [12, 11, 10, 9, 8]


def test_links_keep_the_parameters_of_their_list(api, bob, ops, many):
    link = (
        api(bob).get(f"{ISSUES}?page_size=5&level=P1,none&sort=level&fields=key&count=exact").json()["next"]
    )

    query = parse_qs(urlsplit(link).query)

    assert query.pop("cursor")
    assert query == {
        "page_size": ["5"],
        "level": ["P1,none"],
        "sort": ["level"],
        "fields": ["key"],
        "count": ["exact"],
    }


def test_one_sees_the_issues_of_all_one_s_spaces_and_of_no_other(api, bob, ops):
    data, foreign = SpaceFactory(key="DATA"), SpaceFactory(key="ELSE")
    MembershipFactory(user=bob, space=data, role="viewer")
    for space in (ops, data, foreign):
        IssueFactory(space=space)

    response = api(bob).get(f"{ISSUES}?count=exact")

    assert keys(response) == ["DATA-1", "OPS-1"]
    assert response.json()["count"] == 2


# What it costs.


def test_a_list_costs_the_same_for_one_issue_and_for_fifty(api, bob, ops, whole, django_assert_num_queries):
    client, names = api(bob), ",".join(document_of(whole))
    with django_assert_num_queries(2):
        client.get(ISSUES)
    IssueFactory.create_batch(49, space=ops, reporter=bob, assignee=bob, project=whole.project)

    with django_assert_num_queries(2):
        response = client.get(f"{ISSUES}?fields={names}")

    assert len(response.json()["results"]) == 50


def test_one_issue_costs_two_statements(api, bob, whole, django_assert_num_queries):
    client = api(bob)

    with django_assert_num_queries(2):
        response = client.get(url(whole))

    assert response.status_code == 200


def test_comments_and_history_cost_the_same_for_one_and_for_fifty(api, bob, ops, django_assert_num_queries):
    client, issue = api(bob), IssueFactory(space=ops)
    CommentFactory.create_batch(50, issue=issue, author=bob)

    with django_assert_num_queries(3):
        comments = client.get(f"{url(issue)}comments/?page_size=50")
    with django_assert_num_queries(4):
        history = client.get(f"{url(issue)}history/?page_size=50")
    with django_assert_num_queries(3):
        trail = client.get("/api/history/?page_size=50")

    assert [len(page.json()["results"]) for page in (comments, history, trail)] == [50, 50, 50]


def test_a_creation_costs_a_fixed_number_of_statements(api, bob, ops, django_assert_max_num_queries):
    client = api(bob)
    level = LevelFactory(space=ops, key="S1")

    with django_assert_max_num_queries(15) as bare:
        send(client, "post", ISSUES, {"title": "x"})
    with django_assert_max_num_queries(16) as with_references:
        send(
            client, "post", ISSUES, {"title": "x", "level": "S1", "labels": {f"k{n}": "" for n in range(50)}}
        )

    assert level.issues.count() == 1
    assert len(with_references) - len(bare) <= 1


def test_positions_and_versions_of_a_history_go_up_by_one(api, bob, ops):
    issue = IssueFactory(space=ops)
    for title in ("a", "b", "c"):
        send(api(bob), "patch", url(issue), {"title": title, "kind": title})

    entries = api(bob).get(f"{url(issue)}history/").json()["results"]

    assert all(after["position"] - before["position"] == 1 for before, after in pairwise(entries))
    assert [entry["version"] for entry in entries] == [1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize(
    ("name", "factory"), [("level", LevelFactory), ("project", ProjectFactory), ("teams", TeamFactory)]
)
def test_what_is_retired_is_not_set_anew_but_stays_where_it_is(api, bob, ops, name, factory):
    row = factory(space=ops)
    holder, other = IssueFactory(space=ops), IssueFactory(space=ops)
    value = [str(row.uuid)] if name == "teams" else str(row.uuid)
    client = api(bob)
    client.patch(f"/api/issues/{holder.uuid}/", {name: value}, content_type="application/json")
    row.is_active = False
    row.save()

    kept = client.patch(f"/api/issues/{holder.uuid}/", {name: value}, content_type="application/json")
    refused = client.patch(f"/api/issues/{other.uuid}/", {name: value}, content_type="application/json")

    assert kept.status_code == 200
    assert refused.status_code == 400
    assert refused.json()["errors"] == [{"pointer": f"/{name}", "detail": "It is retired."}]


def test_a_sighting_that_has_not_been_is_refused(api, bob, ops):
    issue = IssueFactory(space=ops)

    response = api(bob).post(
        f"/api/issues/{issue.uuid}/occurrences/",
        {"at": "9999-01-01T00:00:00Z"},
        content_type="application/json",
    )

    assert response.status_code == 400
    assert Issue.objects.get(pk=issue.pk).seen_count == 1


def test_an_issue_of_two_of_the_teams_stands_once_in_its_pages(api, bob, ops):
    teams = [TeamFactory(space=ops, name=name) for name in ("zed one", "zed two")]
    for _ in range(8):
        issue = IssueFactory(space=ops)
        issue.teams = teams
        issue.save()

    first = api(bob).get(ISSUES, {"q": "team:zed*", "page_size": 5}).json()
    second = api(bob).get(first["next"]).json()

    found = [row["number"] for page in (first, second) for row in page["results"]]
    assert found == list(range(8, 0, -1)) and second["next"] is None
