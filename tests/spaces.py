"""A space to which everything has happened that can happen to one."""

from datetime import UTC, date, datetime
from uuid import uuid4

from django.core.management import call_command

from comments.models import Comment
from issues.actor import Actor, acting_as
from issues.models import Attachment, Issue, Level
from tests.factories import (
    ChannelFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    ProjectFactory,
    SavedViewFactory,
    TeamFactory,
    UserFactory,
)

AT = datetime(2025, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def full_space(space, alice, bob, vera):
    """Fill the space, of which these are admin, member and viewer."""
    with acting_as(lambda: Actor(user=alice, token=uuid4(), source="api", request_id="request-1")):
        monitored(space, bob)
        discussed(space, alice, bob)
        hidden(space, vera)
        redacted(space, alice)
    moved_and_deleted(space, bob)
    kept(space, alice, vera)


def monitored(space, bob):
    """An issue with every column set, and sightings."""
    team, other = TeamFactory(space=space, handle="infra", summary="Wakes up"), TeamFactory(space=space)
    channel = ChannelFactory(space=space, targets=[{"kind": "webhook", "url": "https://example.com/x"}])
    level = LevelFactory(space=space, key="SEV", rank=7, color="#123456", severity="critical")
    issue = Issue(
        space=space,
        title="Zürich ✓ 😀",
        description="**Bold** and #2\r\n\ttab",
        status="in_progress",
        level=level,
        assignee=bob,
        project=ProjectFactory(space=space, external_id="p-1"),
        environment=EnvironmentFactory(space=space),
        kind="error",
        reason="error",
        resource_type="table",
        resource_id="t-1",
        resource_name="orders",
        alert_id="a-1",
        annotations={"b": "2", "a": "1"},
        extensions={"datadog": {"z": 1.0, "big": 2**53 - 1, "deep": [[[{"x": None}]]], "small": 1e-7}},
        is_read=True,
        due_on=date(2026, 2, 28),
        error_type="KeyError",
        error_message="'id'\nat line 3",
        file_path="a/b.py",
        function_name="go",
        is_crash=True,
        languages=["python", "c"],
        platform="linux",
        track="trace",
        service="web",
        first_version="1.0",
        last_version="1.1",
        fingerprint="f00",
        created_at=AT,
    )
    issue.labels, issue.teams, issue.channels = {"z": "", "a": "one"}, [team], [channel]
    issue.save()
    issue.count_sighting(at=AT, session="s", user="u", version="1.1")
    issue.attachments = [file(space, bob, "log.txt")]
    issue.teams, issue.labels = [other, team], {"a": "two", "new": "="}
    issue.level = Level.objects.get(key="P1", space=None)
    issue.save()
    level.is_active = False
    level.save()


def kept(space, alice, vera):
    """Views that the space shares, one of somebody who has nothing else to do here, one deleted."""
    for name, owner in (("Mine", alice), ("Urgent", UserFactory(name="Owner of a view", email=None))):
        SavedViewFactory(space=space, name=name, owner=owner)
    view = SavedViewFactory(space=space, name="Not wanted", owner=vera, query="sort=number")
    view.is_active = False
    view.save()
    SavedViewFactory(owner=alice, name="Nobody else's business")
    SavedViewFactory(space=space, name="First of all", owner=alice, query="").move(-9)


def file(space, by, name):
    return Attachment.objects.create(
        space=space,
        name=name,
        content_type="text/plain",
        size=3,
        sha256="0" * 64,
        file=f"uploads/{name}",
        uploaded_by=by,
    )


def discussed(space, alice, bob):
    """An issue with comments of every kind, resolved and closed."""
    issue = IssueFactory(space=space, description="<p>Hi</p>", description_format="html", level=None)
    remark = Comment(issue=issue, author=bob, content="I look into #1", created_at=AT)
    remark.save()
    Comment(issue=issue, author=alice, content="Between us", is_internal=True, content_format="text").save()
    empty = Comment(issue=issue, author=bob, content="", extensions={"github": {"id": 1}})
    empty.save()
    remark.content = "I have looked into it"
    remark.save()
    empty.trash()
    remark.attachments = [file(space, alice, "screen.png")]
    remark.save()
    issue.refresh_from_db()
    issue.status, issue.resolution, issue.resolved_at = "closed", "negated", AT
    issue.save()


def hidden(space, vera):
    """An issue whose reporter stays anonymous, with a title of its own making."""
    with acting_as(lambda: Actor(user=vera, source="web")):
        issue = Issue(space=space, title="", description="First line\nand more", is_anonymous=True)
        issue.reporter = vera
        issue.save()


def redacted(space, alice):
    """An issue in whose past a secret is blanked."""
    issue = IssueFactory(space=space, description="hunter2 is the password")
    issue.description = "Nothing"
    issue.save()
    call_command(
        "redact", f"{space.key}-{issue.number}", position=1, field="description", by=alice.email, why="Secret"
    )


def moved_and_deleted(space, bob):
    """An issue that somebody once had who has nothing else to do here, now in the trash."""
    issue = IssueFactory(space=space, assignee=UserFactory(name="Gone", email=None, handle="gone"))
    issue.assignee = bob
    issue.save()
    issue.channels = [ChannelFactory(space=space)]
    with acting_as(lambda: Actor(rule=uuid4(), source="rule")):
        issue.save()
    issue.trash()
