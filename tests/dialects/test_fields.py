"""Every field of a door's answer comes from a row: where the row is another, that field is."""

from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db.models import QuerySet
from django.test import Client

from issues.actor import Actor, acting_as
from tests.factories import (
    AttachmentFactory,
    ChannelFactory,
    IssueFactory,
    LevelFactory,
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
}
# What the product knows and this tracker does not, and what is the same of every issue.
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
}
# What is another in every answer.
ANEW = {"guance": {"traceId"}}


@pytest.fixture
def ground(ops, alice, bob, vera):
    """An issue of which everything is known, with the rows around it."""
    channel, level, team = ChannelFactory(space=ops), LevelFactory(space=ops), TeamFactory(space=ops)
    named = {"type": "#", "uuid": f"chan_{channel.uuid.hex}"}
    issue = IssueFactory(
        space=ops,
        reporter=bob,
        assignee=vera,
        level=level,
        description="Six seconds",
        resource_type="event",
        resource_id="doc-81",
        resource_name="Latency",
        extensions={"guance": {"extend": {"text": "Six seconds", "channels": [named]}}},
    )
    attachment = AttachmentFactory(owner=issue)
    issue.channels, issue.teams = [channel], [team]
    with acting_as(lambda: Actor(user=alice)):
        issue.save()
    return SimpleNamespace(
        issue=issue,
        space=ops,
        reporter=bob,
        editor=alice,
        assignee=vera,
        level=level,
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
        response = Client().get(door.address(ground.issue), headers=door.headers("trk_reader"))
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
    """Write columns past all that asks for what, and tells that, they are written."""
    vars(row).update(columns)
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
    assert found.keys() == FIELDS[door].keys() | CONSTANTS[door].keys() | ANEW[door]
