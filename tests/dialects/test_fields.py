"""Every field of a door's answer comes from a row: where the row is another, that field is."""

from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db.models import QuerySet
from django.test import Client

from issues.actor import Actor, acting_as
from issues.models import Issue
from tests.factories import (
    AttachmentFactory,
    ChannelFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    ProjectFactory,
    TeamFactory,
    TokenFactory,
)
from tracker.dialects.doors import doors

pytestmark = pytest.mark.django_db

OTHER = UUID("019bc0de-0000-7000-8000-0000000000ff")
MOMENT = "2026-02-03T04:05:06Z"
ELSEWHERE = {"extend": {"text": "Gone", "channels": [{"type": "@", "uuid": "chan_x"}]}}
# {door: {path in the answer: {row behind it, as `ground` has it: columns and what stands there instead}}}
FIELDS = {
    "guance": {
        "content.createAt": {"issue": {"created_at": MOMENT}},
        "content.creator": {"reporter": {"uuid": OTHER}},
        "content.creatorInfo.email": {"reporter": {"email": "other@example.com"}},
        "content.creatorInfo.name": {"reporter": {"name": "Other"}},
        "content.creatorInfo.username": {"reporter": {"email": "other@example.com"}},
        "content.creatorInfo.uuid": {"reporter": {"uuid": OTHER}},
        "content.description": {"issue": {"description": "Other"}},
        "content.extend.text": {"issue": {"extensions": {"guance": ELSEWHERE}}},
        "content.extend.channels.0.type": {"issue": {"extensions": {"guance": ELSEWHERE}}},
        "content.extend.channels.0.uuid": {"issue": {"extensions": {"guance": ELSEWHERE}}},
        "content.extend.channels.0.exists": {"channel": {"is_active": False}},
        "content.extend.manager.0": {"assignee": {"uuid": OTHER}},
        "content.extend.manager.1": {"team": {"uuid": OTHER}},
        "content.id": {"issue": {"number": 1_234}},
        "content.level": {"level": {"uuid": OTHER}},
        "content.name": {"issue": {"title": "Other"}},
        "content.resource": {"issue": {"resource_name": "Other"}},
        "content.resourceType": {"issue": {"resource_type": "viewer"}},
        "content.resourceUUID": {"issue": {"resource_id": "other"}},
        "content.statusType": {"issue": {"status": "pending"}},
        "content.updateAt": {"issue": {"updated_at": MOMENT}},
        "content.updator": {"editor": {"uuid": OTHER}},
        "content.updatorInfo.email": {"editor": {"email": "other@example.com"}},
        "content.updatorInfo.name": {"editor": {"name": "Other"}},
        "content.updatorInfo.username": {"editor": {"email": "other@example.com"}},
        "content.updatorInfo.uuid": {"editor": {"uuid": OTHER}},
        "content.uuid": {"issue": {"uuid": OTHER}},
        "content.workspaceUUID": {"space": {"uuid": OTHER}},
        "content.attachments.0.fileName": {"attachment": {"name": "other.txt"}},
        "content.attachments.0.fileSuffix": {"attachment": {"name": "log.gz"}},
        "content.attachments.0.uuid": {"attachment": {"uuid": OTHER}},
        "content.bindChannels.0.name": {"everything": {"name": "Other"}},
        "content.bindChannels.0.uuid": {"everything": {"uuid": OTHER}},
        "content.bindChannels.1.name": {"channel": {"name": "Other"}},
        "content.bindChannels.1.uuid": {"channel": {"uuid": OTHER}},
        "content.declaration.business": {
            "issue": {"extensions": {"guance": {"declaration": {"business": "Other"}}}}
        },
        "content.declaration.organization": {
            "issue": {"extensions": {"guance": {"declaration": {"organization": "Other"}}}}
        },
        "content.levelInfo.color": {"level": {"color": "#123456"}},
        "content.levelInfo.name": {"level": {"name": "Other"}},
        "content.managerInfos.0.email": {"assignee": {"email": "other@example.com"}},
        "content.managerInfos.0.name": {"assignee": {"name": "Other"}},
        "content.managerInfos.0.username": {"assignee": {"email": "other@example.com"}},
        "content.managerInfos.0.uuid": {"assignee": {"uuid": OTHER}},
        "content.managerInfos.1.name": {"team": {"name": "Other"}},
        "content.managerInfos.1.uuid": {"team": {"uuid": OTHER}},
    },
    "qarion": {
        "id": {"issue": {"uuid": OTHER}},
        "title": {"issue": {"title": "Other"}},
        "description": {"issue": {"description": "Other"}},
        "status": {"issue": {"status": "open"}},
        "priority": {"level": {"severity": "low"}},
        "product.id": {"project": {"uuid": OTHER}},
        "product.name": {"project": {"name": "Other"}},
        "assignee.id": {"assignee": {"uuid": OTHER}},
        "assignee.name": {"assignee": {"name": "Other"}},
        "reporter.id": {"reporter": {"uuid": OTHER}},
        "reporter.name": {"reporter": {"name": "Other"}},
        "created_at": {"issue": {"created_at": MOMENT}},
        "updated_at": {"issue": {"updated_at": MOMENT}},
        "space_id": {"space": {"uuid": OTHER}},
        "alert_id": {"issue": {"alert_id": str(OTHER)}},
    },
    "zylon": {
        "id": {"issue": {"uuid": OTHER}},
        "issue_number": {"issue": {"number": 1_234}},
        "description": {"issue": {"description": "Other"}},
        "type": {"issue": {"kind": "Inaccurate"}},
        "state": {"issue": {"status": "open"}},
        "is_read": {"issue": {"is_read": False}},
        "created_at": {"issue": {"created_at": MOMENT}},
        "updated_at": {"issue": {"updated_at": MOMENT}},
        "created_by.id": {"reporter": {"uuid": OTHER}},
        "created_by.org_id": {"space": {"uuid": OTHER}},
        "created_by.account_id": {"reporter": {"uuid": OTHER}},
        "created_by.name": {"reporter": {"name": "Other"}},
        "created_by.email": {"reporter": {"email": "other@example.com"}},
        "created_by.state": {"reporter": {"is_active": False}},
        "created_by.roles.0": {"membership": {"role": "admin"}},
        "created_by.created_at": {"reporter": {"date_joined": MOMENT}},
        "data.thread_id": {"issue": {"extensions": {"zylon": {"config": {"thread_id": "t-2"}}}}},
        "project.id": {"project": {"uuid": OTHER}},
        "project.name": {"project": {"name": "Other"}},
    },
    "versori": {
        "id": {"issue": {"uuid": OTHER}},
        "organisationId": {"space": {"uuid": OTHER}},
        "projectId": {"project": {"external_id": "other"}},
        "environmentId": {"environment": {"external_id": "other"}},
        "status": {"issue": {"status": "open"}},
        "reason": {"issue": {"reason": "manual"}},
        "message": {"issue": {"description": "Other"}},
        "title": {"issue": {"title": "Other"}},
        "labels.connector": {"issue": {"labels_shown": '{"connector":"other"}'}},
        "annotations.run": {"issue": {"annotations": {"run": "r-2"}}},
        "createdAt": {"issue": {"created_at": MOMENT}},
        "lastSeenAt": {"issue": {"last_seen_at": MOMENT}},
        "seenCount": {"issue": {"seen_count": 1_234}},
        "resolvedAt": {"issue": {"resolved_at": MOMENT}},
        "resolutionStatus": {"issue": {"resolution": "resolved"}},
        "severity": {"level": {"severity": "low"}},
    },
    "datadog": {
        "data.id": {"issue": {"uuid": OTHER}},
        "data.attributes.error_message": {"issue": {"error_message": "Other"}},
        "data.attributes.error_type": {"issue": {"error_type": "Other"}},
        "data.attributes.file_path": {"issue": {"file_path": "/other.py"}},
        "data.attributes.first_seen": {"issue": {"first_seen_at": MOMENT}},
        "data.attributes.first_seen_version": {"issue": {"first_version": "other"}},
        "data.attributes.function_name": {"issue": {"function_name": "other"}},
        "data.attributes.is_crash": {"issue": {"is_crash": False}},
        "data.attributes.languages.0": {"issue": {"languages": ["go"]}},
        "data.attributes.last_seen": {"issue": {"last_seen_at": MOMENT}},
        "data.attributes.last_seen_version": {"issue": {"last_version": "other"}},
        "data.attributes.platform": {"issue": {"platform": "ios"}},
        "data.attributes.service": {"issue": {"service": "other"}},
        "data.attributes.state": {"issue": {"status": "open"}},
        "data.relationships.assignee.data.id": {"assignee": {"uuid": OTHER}},
        "data.relationships.case.data.id": {"issue": {"uuid": OTHER}},
        "data.relationships.team_owners.data.0.id": {"team": {"uuid": OTHER}},
        "included.0.id": {"issue": {"uuid": OTHER}},
        "included.0.attributes.created_at": {"issue": {"created_at": MOMENT}},
        "included.0.attributes.description": {"issue": {"description": "Other"}},
        "included.0.attributes.insights.0.ref": {"issue": {"uuid": OTHER}},
        "included.0.attributes.insights.0.resource_id": {"issue": {"uuid": OTHER}},
        "included.0.attributes.key": {"issue": {"number": 1_234}},
        "included.0.attributes.modified_at": {"issue": {"updated_at": MOMENT}},
        "included.0.attributes.priority": {"level": {"severity": "low"}},
        "included.0.attributes.status": {"issue": {"status": "pending"}},
        "included.0.attributes.title": {"issue": {"title": "Other"}},
        "included.0.attributes.due_date": {"issue": {"due_on": "2026-02-03"}},
        "included.0.attributes.closed_at": {"issue": {"closed_at": MOMENT}},
        "included.0.relationships.assignee.data.id": {"assignee": {"uuid": OTHER}},
        "included.0.relationships.created_by.data.id": {"reporter": {"uuid": OTHER}},
        "included.0.relationships.modified_by.data.id": {"editor": {"uuid": OTHER}},
        "included.0.relationships.project.data.id": {"project": {"uuid": OTHER}},
        "included.1.id": {"assignee": {"uuid": OTHER}},
        "included.1.attributes.email": {"assignee": {"email": "other@example.com"}},
        "included.1.attributes.handle": {"assignee": {"handle": "other"}},
        "included.1.attributes.name": {"assignee": {"name": "Other"}},
        "included.2.id": {"team": {"uuid": OTHER}},
        "included.2.attributes.handle": {"team": {"handle": "other"}},
        "included.2.attributes.name": {"team": {"name": "Other"}},
        "included.2.attributes.summary": {"team": {"summary": "Other"}},
    },
}
# What the product knows and this tracker does not.
CONSTANTS = {
    "guance": {
        "code": 200,
        "errorCode": "",
        "message": "",
        "success": True,
        "content.deleteAt": -1,
        "content.status": 0,
        "content.subIdentify": "",
        **{
            f"content.{who}.{name}": ""
            for who in ("creatorInfo", "updatorInfo", "managerInfos.0")
            for name in ("acntWsNickname", "iconUrl")
        },
    },
    "qarion": {},
    "zylon": {"resource_type": "Thread"},
    "versori": {},
    "datadog": {
        "data.type": "issue",
        "data.relationships.assignee.data.type": "user",
        "data.relationships.case.data.type": "case",
        "data.relationships.team_owners.data.0.type": "team",
        "included.0.type": "case",
        "included.0.attributes.creation_source": "ERROR_TRACKING",
        "included.0.attributes.insights.0.type": "ERROR_TRACKING",
        "included.0.attributes.type": "ERROR_TRACKING_ISSUE",
        "included.0.relationships.assignee.data.type": "user",
        "included.0.relationships.created_by.data.type": "user",
        "included.0.relationships.modified_by.data.type": "user",
        "included.0.relationships.project.data.type": "project",
        "included.1.type": "user",
        "included.2.type": "team",
    },
}
# What is another in every answer.
RANDOM = {"guance": {"traceId"}}


@pytest.fixture
def ground(ops, alice, bob, vera):
    """An issue of which everything is known, with the rows around it."""
    channel, level, team = ChannelFactory(space=ops), LevelFactory(space=ops), TeamFactory(space=ops)
    project = ProjectFactory(space=ops, external_id="orders")
    environment = EnvironmentFactory(space=ops, external_id="production")
    named = {"type": "#", "uuid": f"chan_{channel.uuid.hex}"}
    issue = IssueFactory(
        space=ops,
        reporter=bob,
        assignee=vera,
        level=level,
        project=project,
        environment=environment,
        description="Six seconds",
        status="resolved",
        resolution="negated",
        kind="Format",
        reason="error",
        is_read=True,
        due_on="2026-02-01",
        annotations={"run": "r-1"},
        alert_id="019bc0de-0000-7000-8000-000000000020",
        resource_type="event",
        resource_id="doc-81",
        resource_name="Latency",
        error_type="KeyError",
        error_message="'id'",
        file_path="/sync.py",
        function_name="run",
        is_crash=True,
        languages=["python"],
        platform="backend",
        service="sync",
        first_version="1.0",
        last_version="1.1",
        extensions={
            "zylon": {"config": {"thread_id": "t-1"}},
            "guance": {"extend": {"text": "Six seconds", "channels": [named]}},
        },
    )
    attachment = AttachmentFactory(owner=issue)
    issue.channels, issue.teams, issue.labels = [channel], [team], {"connector": "shop"}
    with acting_as(lambda: Actor(user=alice)):
        issue.save()
    return SimpleNamespace(
        issue=issue,
        space=ops,
        reporter=bob,
        membership=bob.memberships.get(),
        editor=alice,
        assignee=vera,
        level=level,
        project=project,
        environment=environment,
        channel=channel,
        everything=ops.channels.get(is_default=True),
        team=team,
        attachment=attachment,
    )


@pytest.fixture
def read(ground):
    """A function that gives the leaves of what a door answers about the issue, {path: value}."""
    TokenFactory(secret="trk_reader", space=ground.space, user__member_of=ground.space)

    def leaves_at(door):
        address = door.address(Issue.objects.select_related("space").get(pk=ground.issue.pk))
        response = Client().get(address, headers=door.headers("trk_reader"))
        assert response.status_code == 200, response.content
        return dict(leaves(response.json()))

    return leaves_at


def leaves(value, path=()):
    """(path, value) of everything in a document that holds nothing else."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inner:
        yield ".".join(map(str, path)), value
    for name, each in inner:
        yield from leaves(each, (*path, name))


def put(row, columns):
    """Write columns as nobody else may: nothing is asked, and nothing is told of it."""
    assert QuerySet(type(row)).filter(pk=row.pk).update(**columns) == 1


@pytest.mark.parametrize(("door", "path"), [(door, path) for door in FIELDS for path in FIELDS[door]])
def test_the_field_is_another_where_its_row_is(door, path, ground, read):
    door, rows = doors()[door], FIELDS[door][path]
    before = read(door)[path]

    for name, columns in rows.items():
        put(getattr(ground, name), columns)

    assert read(door)[path] != before


@pytest.mark.parametrize("door", FIELDS)
def test_no_field_is_left_out(door, read):
    found = read(doors()[door])

    assert {path: found[path] for path in CONSTANTS[door]} == CONSTANTS[door]
    assert found.keys() == FIELDS[door].keys() | CONSTANTS[door].keys() | RANDOM.get(door, set())
