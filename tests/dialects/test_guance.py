"""Guance's API at its own paths: its envelope, its documents, its words, its errors."""

import json
import re
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test import Client

from comments.models import Comment
from issues.actor import Actor, acting_as
from issues.models import Channel, HistoryEntry, Issue, Level
from tests.calls import done, send
from tests.factories import (
    AttachmentFactory,
    ChannelFactory,
    CommentFactory,
    IssueFactory,
    LevelFactory,
    SpaceFactory,
    TeamFactory,
    TokenFactory,
    UserFactory,
)
from tracker.dialects.guance.views import GuanceView

ADD, LIST = "/api/v1/issue/add", "/api/v1/issue/list"
HEX = "0190a6c47b1e7c3a9d520123456789ab"
NOWHERE = f"issue_{HEX}"
BODY = {"name": "Checkout is slow", "level": "system_level_1", "description": "<b>Seconds</b> per page\r\n"}
BLANK = {"acntWsNickname": "", "email": "", "iconUrl": "", "name": "", "username": ""}


@pytest.fixture
def guance(api, bob):
    return api(bob)


def at(issue, verb):
    return f"/api/v1/issue/issue_{issue.uuid.hex}/{verb}"


def content(response):
    """What an answer's envelope holds."""
    said = done(response)
    assert re.fullmatch(r"TRACE-[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", said.pop("traceId"))
    said.pop("pageInfo", None)
    found = said.pop("content")
    assert said == {"code": 200, "errorCode": "", "message": "", "success": True}
    return found


def refused(response, status=400):
    """(error code, message) of a refusal."""
    assert response.status_code == status, response.content
    said = response.json()
    assert (said["code"], said["success"], said["content"]) == (status, False, {})
    return said["errorCode"], said["message"]


def add(client, **more):
    return content(send(client, "post", ADD, BODY | more))


def modify(client, issue, **body):
    return content(send(client, "post", at(issue, "modify"), body))


def shown(client, issue):
    return content(client.get(at(issue, "get")))


def account(person):
    return f"acnt_{person.uuid.hex}"


def serial(row):
    """The whole number by which this door calls a row that has no number."""
    return int(row.uuid.hex[:12] + row.uuid.hex[-3:], 16)


def channel_id(channel):
    return f"chan_{channel.uuid.hex}"


def info(person):
    email = person.email
    return BLANK | {"email": email, "name": person.name, "username": email}


def everything():
    """All rows of issues, and how many entries there are of what happened."""
    return list(Issue.objects.order_by("pk").values()), HistoryEntry.objects.count()


def test_an_issue_is_added_with_all_that_the_page_names(guance, ops, bob):
    source = {"resourceType": "event", "resourceUUID": "doc-1", "resource": "Slow checkout"}

    found = add(guance, **source, extend={"text": "Seconds"}, unheard_of=1)

    issue = Issue.objects.get()
    assert found == {
        "createAt": int(issue.created_at.timestamp()),
        "creator": account(bob),
        "creatorInfo": info(bob),
        "deleteAt": -1,
        "description": "<b>Seconds</b> per page\r\n",
        "extend": {"text": "Seconds"},
        "id": 1,
        "level": "system_level_1",
        "name": "Checkout is slow",
        "resource": "Slow checkout",
        "resourceType": "event",
        "resourceUUID": "doc-1",
        "status": 0,
        "statusType": 10,
        "subIdentify": "",
        "updateAt": int(issue.updated_at.timestamp()),
        "updator": account(bob),
        "updatorInfo": info(bob),
        "uuid": f"issue_{issue.uuid.hex}",
        "workspaceUUID": f"wksp_{ops.uuid.hex}",
    }
    assert content(send(guance, "post", LIST, {}))["data"] == [found]
    assert (issue.level.key, issue.description_format) == ("P1", "html")
    assert {entry.source for entry in HistoryEntry.objects.filter(issue=issue)} == {"guance"}


def test_one_issue_shows_more_than_a_list_does(guance, ops, alice, bob):
    team, channel = TeamFactory(space=ops, name="Payments"), ChannelFactory(space=ops, name="Deploys")
    managers = [f"group_{team.uuid.hex}", account(alice), "carol@example.org"]
    told = {"managerInfos": {"carol@example.org": {"name": "Carol"}}}
    issue = IssueFactory(space=ops, level=LevelFactory(space=ops, name="Rush", color="#112233"), reporter=bob)
    AttachmentFactory(owner=issue, name="trace.tar.gz")
    issue.channels = [channel]
    issue.save()

    modify(guance, issue, extend={"manager": managers, "extra": told})

    found = shown(guance, issue)
    file = Issue.objects.get().attachment_rows.get().attachment
    assert found["attachments"] == [
        {"fileName": "trace.tar.gz", "fileSuffix": "gz", "uuid": f"att_{file.uuid.hex}"}
    ]
    assert found["bindChannels"] == [
        {"name": row.name, "uuid": channel_id(row)} for row in (ops.channels.get(is_default=True), channel)
    ]
    assert found["declaration"] == {"business": "", "organization": ""}
    assert found["levelInfo"] == {"color": "#112233", "name": "Rush"}
    assert found["managerInfos"] == [
        {"name": "Payments", "uuid": managers[0]},
        info(alice) | {"uuid": account(alice)},
        {"email": "carol@example.org", "name": "Carol"},
    ]
    assert found["creatorInfo"] == info(bob) | {"uuid": account(bob)}


def test_who_has_left_is_still_told_of_and_a_channel_that_is_deleted_is_not(guance, ops, alice, vera):
    team, channel = TeamFactory(space=ops, name="Payments"), ChannelFactory(space=ops)
    issue = IssueFactory(space=ops)
    issue.channels = [channel]
    issue.save()
    modify(guance, issue, extend={"manager": [account(vera), f"group_{team.uuid.hex}"]})

    for row in (channel, team, vera.memberships.get(space=ops)):
        row.is_active = False
        row.save()

    found = shown(guance, issue)
    assert [row["name"] for row in found["bindChannels"]] == ["All"]
    assert found["managerInfos"] == [
        info(vera) | {"uuid": account(vera)},
        {"name": "Payments", "uuid": f"group_{team.uuid.hex}"},
    ]


@pytest.mark.parametrize(
    "change, name",
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"level": None}, "level"),
        ({"level": "system_level_4"}, "level"),
        ({"level": f"issl_{HEX}"}, "level"),
        ({"level": 4}, "level"),
        ({"level": True}, "level"),
        ({"description": None}, "description"),
        ({"description": ""}, "description"),
        ({"description": 7}, "description"),
        ({"statusType": 11}, "statusType"),
        ({"statusType": "10"}, "statusType"),
        ({"resourceType": "checker"}, "resourceType"),
        ({"resourceUUID": None}, "resourceUUID"),
        ({"extend": []}, "extend"),
        ({"extend": {"manager": ["x"] * 1_001}}, "extend"),
        ({"extend": {"text": "x" * 262_144}}, "extend"),
        ({"attachmentUuids": [f"att_{HEX}"]}, "attachmentUuids"),
        ({"attachmentUuids": "x"}, "attachmentUuids"),
        ({"channelUUIDs": [f"chan_{HEX}"]}, "channelUUIDs"),
        ({"channelUUIDs": ["x"]}, "channelUUIDs"),
    ],
)
def test_what_is_wrong_with_a_new_issue_is_named(guance, ops, change, name):
    code, message = refused(send(guance, "post", ADD, BODY | change))

    assert code == "ft.InvalidParams"
    assert message.startswith(name)
    assert not Issue.objects.exists()


@pytest.mark.parametrize("name", ["name", "level", "description"])
def test_what_a_new_issue_needs_is_asked_for(guance, name):
    body = {key: value for key, value in BODY.items() if key != name}

    assert refused(send(guance, "post", ADD, body))[1].startswith(name)


def test_levels_are_the_system_s_or_custom_ones_or_none(guance, ops):
    own = LevelFactory(space=ops, key="RUSH", severity="high")

    assert add(guance, level=f"issl_{own.uuid.hex}")["level"] == f"issl_{own.uuid.hex}"
    assert add(guance, level=3)["level"] == "system_level_3"
    assert add(guance, level="")["level"] == ""

    assert [issue.level and issue.level.key for issue in Issue.objects.order_by("pk")] == ["RUSH", "P3", None]


@pytest.mark.parametrize(
    "number, status", [(10, "open"), (15, "in_progress"), (20, "resolved"), (25, "closed"), (30, "pending")]
)
def test_a_number_is_a_status(guance, ops, number, status):
    issue = IssueFactory(space=ops, status="open" if number != 10 else "closed")

    assert add(guance, statusType=number)["statusType"] == number
    assert modify(guance, issue, statusType=number)["statusType"] == number

    assert [issue.status for issue in Issue.objects.all()] == [status, status]


@pytest.mark.parametrize("status", Issue.Status.values)
@pytest.mark.parametrize("level", ["P0", "OWN", None])
def test_what_is_read_and_written_back_changes_nothing(guance, ops, alice, bob, status, level):
    LevelFactory(space=ops, key="OWN", is_active=False)
    level = level and Level.objects.get(key=level)
    team, channel = TeamFactory(space=ops), ChannelFactory(space=ops)
    extend = {
        "view_url": "/x?a=1",
        "channels": [{"type": "#", "uuid": channel_id(channel)}, {"type": "#", "uuid": f"chan_{HEX}"}],
        "members": [{"uuid": account(bob)}, "odd"],
        "manager": [f"group_{team.uuid.hex}", "x@example.org", account(bob), account(alice)],
    }
    issue = IssueFactory(
        space=ops, status=status, level=level, title="x" * 500, description="", reporter=alice,
        extensions={"zylon": {"config": {"thread": 1}}},
    )  # fmt: skip
    file = AttachmentFactory(owner=issue, by=alice)
    modify(guance, issue, extend=extend)
    issue = Issue.objects.get()
    issue.assignee = alice
    issue.save()
    read, before = shown(guance, issue), everything()

    echoed = read | {"attachmentUuids": [f"att_{file.uuid.hex}"]}
    found = modify(guance, issue, **echoed)

    assert found == {name: value for name, value in read.items() if name in found} | {
        name: {key: value for key, value in read[name].items() if key != "uuid"}
        for name in ("creatorInfo", "updatorInfo")
    }
    assert everything() == before


# What `extend` says.


def test_extend_is_kept_as_it_came_with_what_exists(guance, ops, alice, charlie):
    channel = ChannelFactory(space=ops)
    extend = {
        "view_isuue_url": "/explorer?w=1",
        "channels": [{"type": "#", "uuid": channel_id(channel)}, {"uuid": f"chan_{HEX}", "exists": True}],
        "members": [{"type": "@", "uuid": account(alice)}, {"uuid": account(charlie)}, {"odd": 1}],
        "linkList": [{"name": "Runbook", "link": "https://example.org"}],
        "manager": "nobody",
        "b": {"z": 1.0, "a": [None, True]},
    }

    found = add(guance, extend=extend)["extend"]

    exists = {"channels": [True, False], "members": [True, False, False]}
    expected = extend | {
        name: [entry | {"exists": is_there} for entry, is_there in zip(extend[name], there, strict=True)]
        for name, there in exists.items()
    }
    assert found == expected
    assert list(found) == list(extend)


ODD = [None, 1, [], {}, "", "@", "acnt_", "group_x", f"acnt_{HEX}", {"uuid": []}, {"uuid": f"chan_{HEX}"}]


@pytest.mark.parametrize("odd", [*ODD, ODD], ids=repr)
def test_whatever_stands_in_extend_is_given_back_and_may_be_written_back(guance, ops, alice, odd):
    names = ("channels", "members", "manager", "managers", "extra", "linkList")
    issue = IssueFactory(space=ops)

    for extend in (dict.fromkeys(names, odd), {"extra": {"managerInfos": odd, "creator": odd}}):
        modify(guance, issue, extend=extend)
        issue.refresh_from_db()
        issue.assignee = None if issue.assignee else alice
        issue.save()
        read, before = shown(guance, issue), everything()
        modify(guance, issue, **read)
        assert everything() == before
        written = read["extend"] | {"more": odd}
        assert modify(guance, issue, extend=written)["extend"] == written


@pytest.mark.parametrize("name", ["manager", "managers"])
def test_the_first_manager_who_is_a_member_is_the_assignee(guance, ops, alice, bob, charlie, name):
    team = TeamFactory(space=ops)
    managers = [f"group_{team.uuid.hex}", account(charlie), "Alice@example.com", account(bob)]

    found = add(guance, extend={name: managers})

    issue = Issue.objects.get()
    assert found["extend"] == {name: managers}
    assert (issue.assignee, list(issue.teams)) == (alice, [team.pk])


def test_an_assignee_from_elsewhere_takes_the_place_of_that_entry_alone(guance, ops, alice, bob, vera):
    own = {"manager": ["x@example.org", "bob@example.com", account(alice)], "text": "kept"}
    add(guance, extend=own)
    issue = Issue.objects.get()
    assert issue.assignee == bob

    issue.assignee = vera
    issue.save()
    replaced = shown(guance, issue)["extend"]
    modify(guance, issue, extend=replaced | {"text": "other"})
    issue.refresh_from_db()
    assert issue.assignee == vera
    issue.assignee = None
    issue.save()

    assert replaced == {"manager": ["x@example.org", account(vera), account(alice)], "text": "kept"}
    assert shown(guance, issue)["extend"] == {
        "manager": ["x@example.org", account(alice)],
        "text": "other",
    }


def test_what_another_door_keeps_at_the_same_time_stays(guance, ops):
    issue = IssueFactory(
        space=ops, extensions={"zylon": {"config": {"a": 1}}, "guance": {"extend": {"b": 2}}}
    )
    ours, theirs = Issue.objects.get(), Issue.objects.get()

    theirs.extensions = theirs.extensions | {"datadog": {"unknown_assignee": HEX}}
    theirs.save()
    ours.extensions = {"zylon": ours.extensions["zylon"], "guance": {"extend": {"b": 3}}}
    ours.save()

    issue.refresh_from_db()
    assert issue.extensions == ours.extensions
    assert issue.extensions == {
        "zylon": {"config": {"a": 1}},
        "guance": {"extend": {"b": 3}},
        "datadog": {"unknown_assignee": HEX},
    }
    call_command("verify_history", stdout=StringIO())


def test_an_assignee_and_teams_of_other_doors_are_shown(guance, ops, alice):
    first, second = TeamFactory(space=ops), TeamFactory(space=ops)
    issue = IssueFactory(space=ops, assignee=alice)
    issue.teams = [first]
    issue.save()

    before = shown(guance, issue)["extend"]
    modify(guance, issue, extend=before | {"text": "x"})
    issue.refresh_from_db()
    issue.teams = [second]
    issue.save()

    assert before == {"manager": [account(alice), f"group_{first.uuid.hex}"]}
    assert shown(guance, issue)["extend"] == {
        "manager": [account(alice), f"group_{second.uuid.hex}"],
        "text": "x",
    }


def test_an_extend_without_managers_takes_them_away(guance, ops, alice):
    issue = IssueFactory(space=ops, assignee=alice)

    assert modify(guance, issue, extend=None)["extend"] == {"manager": [account(alice)]}
    assert modify(guance, issue, extend={})["extend"] == {}

    issue.refresh_from_db()
    assert issue.assignee is None


@pytest.mark.parametrize("without", [{"channels": []}, {"text": "y"}, {}])
def test_an_issue_is_in_the_channels_that_it_names(guance, ops, without):
    named, given, bound = (ChannelFactory(space=ops, name=name) for name in "abc")
    everything = ops.channels.get(is_default=True)
    entry = {"type": "#", "uuid": channel_id(named)}

    add(guance, extend={"channels": [entry]}, channelUUIDs=[channel_id(given), channel_id(everything)])
    issue = Issue.objects.get()
    issue.wish("channels", add=[bound])
    issue.save()
    modify(guance, issue, extend={"channels": [entry], "text": "x"})
    assert set(issue.channels) == {named.pk, given.pk, bound.pk}
    modify(guance, issue, extend=without)

    assert set(issue.channels) == {given.pk, bound.pk}


def test_files_are_uploaded_before_and_replaced_as_a_whole(guance, api, ops, alice, bob):
    first, second = (AttachmentFactory(space=ops, by=bob, name=name) for name in ("a.txt", "b"))
    theirs = AttachmentFactory(space=ops, by=alice)
    elsewhere = AttachmentFactory(owner=IssueFactory(space=ops), by=bob)
    name_of = {row: f"att_{row.uuid.hex}" for row in (first, second, theirs, elsewhere)}

    add(guance, attachmentUuids=[name_of[first]])
    issue = Issue.objects.latest("pk")
    for row in (theirs, elsewhere):
        refused(send(guance, "post", at(issue, "modify"), {"attachmentUuids": [name_of[row]]}))
    modify(api(alice), issue, attachmentUuids=None, statusType=20)
    assert [file["fileSuffix"] for file in shown(guance, issue)["attachments"]] == ["txt"]
    modify(guance, issue, attachmentUuids=[name_of[first], name_of[second]])
    modify(guance, issue, attachmentUuids=[name_of[second]])

    assert shown(guance, issue)["attachments"] == [
        {"fileName": "b", "fileSuffix": "", "uuid": name_of[second]}
    ]


def test_an_anonymous_reporter_is_blank(api, ops, alice, bob):
    extra = {"extra": {"creator": {"name": "Bob"}, "managerInfos": {}}}
    issue = IssueFactory(space=ops, reporter=bob, is_anonymous=True, extensions={"guance": {"extend": extra}})
    modify(api(bob), issue, statusType=20)

    found = shown(api(alice), issue)
    (row,) = content(send(api(alice), "post", LIST, {}))["data"]
    modify(api(alice), issue, statusType=10)

    for document in (found, row):
        assert (document["creator"], document["updator"]) == ("", "")
        assert set(document["creatorInfo"].values()) == set(document["updatorInfo"].values()) == {""}
        assert document["extend"] == {"extra": {"managerInfos": {}}}
    assert shown(api(alice), issue)["updator"] == account(alice)


def test_history_does_not_tell_for_whom_a_client_of_an_anonymous_reporter_acts(api, ops, alice, bob):
    extra = {"extra": {"creator": {"name": "Hidden Person"}}}
    issue = Issue.objects.get(uuid=add(api(bob), extend=extra)["uuid"].removeprefix("issue_"))
    reply = {"issueUUID": f"issue_{issue.uuid.hex}", "content": "It was me.", "extend": extra}
    content(send(api(bob), "post", "/api/v1/issue/reply/create", reply))
    send(api(bob), "patch", f"/api/issues/{issue.uuid}/", {"is_anonymous": True})
    modify(api(bob), issue, extend=extra | {"text": "x"})
    modify(api(bob), issue, extend={})

    native = api(alice).get(f"/api/issues/{issue.uuid}/history/").content.decode()
    client = Client()
    client.force_login(alice)
    page = client.get(f"/issues/{issue.key}/history/").content.decode()

    assert "extensions_changed" in native and "It was me." in native
    assert "Hidden Person" not in native + page


def test_a_deleted_issue_is_gone(guance, ops):
    issue = IssueFactory(space=ops)

    assert content(guance.post(at(issue, "delete"))) is True

    assert refused(guance.get(at(issue, "get")), 404)[0] == "ft.NotFound"
    assert refused(guance.post(at(issue, "delete")), 404)[0] == "ft.NotFound"
    assert content(send(guance, "post", LIST, {}))["data"] == []
    assert Issue.objects.filter(deleted_at__isnull=False).exists()


# Lists.


def listed(client, **body):
    found = content(send(client, "post", LIST, body))
    assert found["pageInfo"]["totalCount"] >= len(found["data"])
    return [row["id"] for row in found["data"]]


def by(key, value, equal=True):
    return {"filters": [{"key": key, "value": value, "equal": equal}]}


def test_a_list_is_narrowed_by_what_guance_shows(guance, ops, alice, bob):
    own, channel = LevelFactory(space=ops, severity="critical"), ChannelFactory(space=ops)
    first = {"title": "First", "description": "", "resource_name": "db"}
    IssueFactory(space=ops, number=1, status="excluded", level=own, reporter=alice, **first)
    second = {"title": "Second", "description": ""}
    IssueFactory(space=ops, number=2, status="acknowledged", level=None, reporter=bob, **second)
    third = IssueFactory(space=ops, number=3, reporter=bob, is_anonymous=True, title="The policy page")
    IssueFactory(space=SpaceFactory(), number=9)
    third.channels = [channel]
    third.save()
    modify(guance, third, level="system_level_0")
    CommentFactory(
        issue=Issue.objects.get(space=ops, number=1), author=alice, content="policy", is_internal=True
    )
    CommentFactory(issue=Issue.objects.get(space=ops, number=2), author=alice, content="policy")

    assert listed(guance) == [3, 2, 1]
    assert listed(guance, **by("statusType", 25)) == [1]
    assert listed(guance, **by("statusType", "15", "false")) == [3, 1]
    assert listed(guance, **by("level", "system_level_0")) == [3]
    assert listed(guance, **by("level", 0)) == [3]
    assert listed(guance, **by("level", f"issl_{own.uuid.hex}", "true")) == [1]
    assert listed(guance, **by("level", "")) == [2]
    assert listed(guance, **by("level", "", False)) == [3, 1]
    assert listed(guance, **by("level", "nonsense")) == []
    assert listed(guance, **by("resource", "db")) == [1]
    assert listed(guance, **by("resource", "db", False)) == [3, 2]
    assert listed(guance, **by("creator", account(bob))) == [2]
    assert listed(guance, **by("creator", account(bob), False)) == [3, 1]
    assert listed(guance, **by("creator", "")) == [3]
    assert listed(guance, **by("creator", "nobody")) == []
    assert listed(guance, **by("updator", account(bob))) == []
    assert listed(guance, **by("updator", "")) == [3, 2, 1]
    assert listed(guance, **by("updator", "", False)) == []
    nobody = [{"key": key, "value": ""} for key in ("creator", "updator")]
    assert listed(guance, filters=nobody) == [3]
    assert listed(guance, filters=[nobody[1], {"key": "statusType", "value": "15"}]) == [2]
    assert listed(guance, filters=[nobody[0]], startTime=1) == [3]
    assert listed(guance, channelUUID=channel_id(channel)) == [3]
    assert listed(guance, channelUUID=channel_id(ops.channels.get(is_default=True))) == [3, 2, 1]
    assert listed(guance, channelUUID="chan_x") == []
    assert listed(guance, search="policy") == [3]
    assert listed(guance, search="") == [3, 2, 1]
    assert listed(guance, search="?!") == []
    assert listed(guance, startTime=4_102_444_800) == []
    assert listed(guance, endTime=4_102_444_800_000) == [3, 2, 1]


def test_a_list_is_narrowed_by_who_changed_an_issue_last(guance, api, ops, alice, bob):
    first, second = IssueFactory(space=ops, number=1), IssueFactory(space=ops, number=2)
    modify(guance, first, statusType=20)
    modify(api(alice), second, statusType=20)

    assert listed(guance, **by("updator", account(bob))) == [1]
    assert listed(guance, **by("updator", account(bob), False)) == [2]
    assert listed(guance, **by("updator", account(alice), "true")) == [2]


def test_both_ends_of_a_time_are_in_it_as_it_is_shown(guance, ops):
    IssueFactory(space=ops, created_at=datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC))
    second = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())

    assert len(listed(guance, startTime=second, endTime=second)) == 1
    assert len(listed(guance, startTime=second * 1_000, endTime=second * 1_000)) == 1
    assert len(listed(guance, startTime=second * 1_000 + 1)) == 0
    assert len(listed(guance, startTime=second + 1)) == 0
    assert len(listed(guance, endTime=second * 1_000 - 1)) == 0
    assert len(listed(guance, endTime=253_402_300_799_999)) == 1
    assert len(listed(guance, startTime=253_402_300_799_999)) == 0


def test_pages_are_exact_to_the_end(guance, ops):
    for number in range(1, 6):
        IssueFactory(space=ops, number=number)

    answers = [done(send(guance, "post", LIST, {"pageIndex": page, "pageSize": 2})) for page in (1, 2, 3, 4)]

    pages = [[row["id"] for row in answer["content"]["data"]] for answer in answers]
    assert pages == [[5, 4], [3, 2], [1], []]
    for number, answer in enumerate(answers, 1):
        expected = {"count": len(pages[number - 1]), "pageIndex": number, "pageSize": 2, "totalCount": 5}
        assert answer["pageInfo"] == answer["content"]["pageInfo"] == expected
    assert done(send(guance, "post", LIST, {"pageSize": 101}))["pageInfo"]["pageSize"] == 100
    assert done(send(guance, "post", LIST, {}))["pageInfo"]["pageSize"] == 10


@pytest.mark.parametrize(
    "body, name",
    [
        ({"pageIndex": 0}, "pageIndex"),
        ({"pageSize": "x"}, "pageSize"),
        ({"startTime": -1}, "startTime"),
        ({"startTime": 10**15}, "startTime"),
        ({"endTime": None}, "endTime"),
        ({"channelUUID": None}, "channelUUID"),
        ({"search": 7}, "search"),
        ({"filters": {}}, "filters"),
        (by("status", 10), "filters.0.key"),
        (by("statusType", 11), "filters.0.value"),
        (by("creator", None), "filters.0.value"),
        (by("creator", {"a": 1}), "filters.0.value"),
        (by("level", "", "perhaps"), "filters.0.equal"),
    ],
)
def test_a_condition_that_means_nothing_is_named(guance, body, name):
    code, message = refused(send(guance, "post", LIST, body))

    assert code == "ft.InvalidParams"
    assert message.startswith(name)


@pytest.mark.parametrize("number", [1, 7])
def test_a_list_costs_the_same_for_more_issues(guance, ops, alice, number, django_assert_num_queries):
    for _ in range(number):
        named = {"members": UserFactory(member_of=ops), "channels": ChannelFactory(space=ops)}
        ids = {"members": account(named["members"]), "channels": channel_id(named["channels"])}
        extend = {name: [{"uuid": uuid}] for name, uuid in ids.items()}
        issue = IssueFactory(
            space=ops, reporter=UserFactory(), assignee=alice, extensions={"guance": {"extend": extend}}
        )
        issue.teams = [TeamFactory(space=ops)]
        issue.save()

    # The token, its space, the total, the page, and what its objects name: channels, members.
    with django_assert_num_queries(5):
        assert len(listed(guance)) == number


# Who may, and errors.


def test_the_key_opens_its_own_workspace_alone(ops, bob, charlie):
    TokenFactory(secret="trk_bob", user=bob, space=ops)
    TokenFactory(secret="trk_left", user=charlie, space=ops)
    issue = IssueFactory(space=ops)
    elsewhere = IssueFactory(space=charlie.memberships.get().space)
    client = Client(headers={"DF-API-KEY": "trk_bob"})

    assert shown(client, issue)["id"] == issue.number
    assert refused(client.get(at(elsewhere, "get")), 404)[0] == "ft.NotFound"
    assert (
        refused(Client(headers={"DF-API-KEY": "trk_x"}).get(at(issue, "get")), 401)[0] == "ft.InvalidApiKey"
    )
    assert refused(Client(headers={"DF-API-KEY": "trk_left"}).get(at(issue, "get")), 403)


def test_a_viewer_may_ask_for_the_headers_alone(api, vera, ops):
    issue = IssueFactory(space=ops)

    for path in (at(issue, "get"), f"/api/v2/error-tracking/issues/{issue.uuid}"):
        assert api(vera).head(path).status_code == 200


def test_a_viewer_reads_and_writes_nothing(api, vera, ops):
    issue, client = IssueFactory(space=ops), api(vera)

    assert listed(client) == [issue.number]
    for path, body in ((ADD, BODY), (at(issue, "modify"), {"statusType": 20}), (at(issue, "delete"), {})):
        assert refused(send(client, "post", path, body), 403)[0] == "ft.NoPermission"


def test_a_token_that_only_reads_reads(api, bob, ops):
    client = api(bob, "read")

    assert listed(client) == []
    assert refused(send(client, "post", ADD, BODY), 403)[0] == "ft.NoPermission"


def test_errors_come_in_the_envelope_too(guance, ops):
    answers = {
        401: Client().post(ADD),
        404: guance.get("/api/v1/issue/x/y/z"),
        405: guance.get(ADD),
        415: guance.generic("POST", ADD, "{}", content_type="text/plain"),
        400: guance.generic("POST", ADD, "{", content_type="application/json"),
        413: guance.generic("POST", ADD, '"' + "x" * 3_000_000 + '"', content_type="application/json"),
    }

    codes = {status: refused(answer, status)[0] for status, answer in answers.items()}

    assert codes == {
        400: "ft.InvalidParams",
        401: "ft.InvalidApiKey",
        404: "ft.NotFound",
        405: "ft.MethodNotAllowed",
        413: "ft.RequestTooLarge",
        415: "ft.UnsupportedMediaType",
    }
    for path in (
        "issue",
        "issue/list/",
        "issue-level",
        "channel/x",
        "attachment/%00",
        f"issue/{NOWHERE}/get",
    ):
        assert refused(guance.get(f"/api/v1/{path}"), 404)[0] == "ft.NotFound"
    assert refused(guance.get(f"/api/v1/issue/{NOWHERE}/get", headers={"host": "evil.example"}), 400)
    assert refused(send(guance, "post", ADD, []), 400)[0] == "ft.InvalidParams"


# Replies.


def replies(client, issue, **parameters):
    return content(client.get(f"/api/v1/issue/reply/issue_{issue.uuid.hex}/list", parameters))


def reply(client, issue, **body):
    body = {"issueUUID": f"issue_{issue.uuid.hex}"} | body
    return content(send(client, "post", "/api/v1/issue/reply/create", body))


def at_reply(comment, verb):
    return f"/api/v1/issue/reply/repim_{comment.uuid.hex}/{verb}"


def test_a_reply_is_a_comment_with_all_that_the_page_names(guance, ops, bob):
    issue = IssueFactory(space=ops)
    file = AttachmentFactory(space=ops, by=bob, name="log.txt")

    found = reply(
        guance,
        issue,
        content="<i>Found</i> it\r\n",
        extend={"members": [{"uuid": account(bob)}], "text": "Found it"},
        attachmentUuids=[f"att_{file.uuid.hex}"],
    )

    comment = Comment.objects.get()
    at = int(comment.created_at.timestamp())
    assert found == {
        "content": "<i>Found</i> it\r\n",
        "createAt": at,
        "creator": account(bob),
        "deleteAt": -1,
        "extend": {"members": [{"uuid": account(bob), "exists": True}], "text": "Found it"},
        "id": serial(comment),
        "issueUUID": f"issue_{issue.uuid.hex}",
        "status": 0,
        "type": "reply",
        "updateAt": at,
        "updator": account(bob),
        "uuid": f"repim_{comment.uuid.hex}",
        "workspaceUUID": f"wksp_{ops.uuid.hex}",
    }
    assert (comment.author, comment.content_format) == (bob, "html")
    (_, row) = replies(guance, issue)
    assert row == found | {
        "attachmentsList": [{"fileName": "log.txt", "fileSuffix": "txt", "uuid": f"att_{file.uuid.hex}"}],
        "creatorInfo": info(bob),
        "is_modify": False,
        "latest_modify_time": at,
        "updatorInfo": info(bob),
    }
    assert HistoryEntry.objects.latest("pk").source == "guance"


@pytest.mark.parametrize("text", ["", None])
def test_a_reply_may_say_nothing(guance, ops, text):
    assert reply(guance, IssueFactory(space=ops), content=text)["content"] == ""


@pytest.mark.parametrize(
    "change, name",
    [
        ({"issueUUID": NOWHERE}, "issueUUID"),
        ({"issueUUID": 7}, "issueUUID"),
        ({"issueUUID": None}, "issueUUID"),
        ({"content": "x" * 65_536}, "content"),
        ({"content": 7}, "content"),
        ({"extend": "x"}, "extend"),
        ({"attachmentUuids": ["x"]}, "attachmentUuids"),
    ],
)
def test_what_is_wrong_with_a_reply_is_named(guance, ops, change, name):
    body = {"issueUUID": f"issue_{IssueFactory(space=ops).uuid.hex}"} | change

    code, message = refused(send(guance, "post", "/api/v1/issue/reply/create", body))

    assert code == "ft.InvalidParams"
    assert message.startswith(name)
    assert not Comment.objects.exists()


def test_a_reply_is_modified_by_its_author(guance, api, ops, alice):
    issue = IssueFactory(space=ops)
    said = reply(guance, issue, content="Found it")
    comment = Comment.objects.get()
    body = {"issueUUID": said["issueUUID"], "content": "Found him"}

    assert refused(send(api(alice), "post", at_reply(comment, "modify"), body), 403)
    found = content(send(guance, "post", at_reply(comment, "modify"), body))

    assert found == said | {"content": "Found him", "updateAt": found["updateAt"]}
    (_, row) = replies(guance, issue)
    assert (row["is_modify"], row["latest_modify_time"]) == (True, found["updateAt"])
    for wrong in ({"content": "x"}, body | {"issueUUID": f"issue_{IssueFactory(space=ops).uuid.hex}"}):
        answer = send(guance, "post", at_reply(comment, "modify"), wrong)
        assert refused(answer)[1].startswith("issueUUID")


def test_a_reply_that_is_read_and_written_back_changes_nothing(guance, ops, bob):
    issue = IssueFactory(space=ops)
    file = AttachmentFactory(space=ops, by=bob)
    extend = {"channels": [{"uuid": f"chan_{HEX}"}], "text": "x"}
    reply(guance, issue, content="<p>x</p>", extend=extend, attachmentUuids=[f"att_{file.uuid.hex}"])
    comment, before = Comment.objects.get(), (Comment.objects.values().get(), everything())
    (_, read) = replies(guance, issue)

    echoed = read | {"attachmentUuids": [each["uuid"] for each in read["attachmentsList"]]}
    content(send(guance, "post", at_reply(comment, "modify"), echoed))

    assert (Comment.objects.values().get(), everything()) == before


@pytest.mark.parametrize("method", ["post", "delete"])
def test_a_reply_is_deleted_by_its_author_or_an_admin(guance, api, ops, alice, bob, method):
    issue = IssueFactory(space=ops)
    own, hers, his = (CommentFactory(issue=issue, author=author) for author in (bob, alice, bob))

    assert content(send(guance, method, at_reply(own, "delete"))) is True
    assert content(send(api(alice), method, at_reply(his, "delete"))) is True
    assert refused(send(guance, method, at_reply(hers, "delete")), 403)[0] == "ft.NoPermission"

    assert refused(send(guance, method, at_reply(own, "delete")), 404)
    assert [row["uuid"] for row in replies(guance, issue) if row["type"] == "reply"] == [
        f"repim_{hers.uuid.hex}"
    ]


def test_internal_comments_are_unknown_here(api, ops, alice):
    issue, client = IssueFactory(space=ops), api(alice)
    internal = CommentFactory(issue=issue, author=alice, content="Between us", is_internal=True)
    file = AttachmentFactory(owner=internal)
    body = {"issueUUID": f"issue_{issue.uuid.hex}", "content": "x"}
    name = f"att_{file.uuid.hex}"

    answers = [
        send(client, "post", at_reply(internal, "modify"), body),
        send(client, "post", at_reply(internal, "delete")),
        client.get(f"/api/v1/attachment/{name}/download"),
        send(client, "post", "/api/v1/attachment/delete", {"attachmentUUID": name}),
    ]

    assert {refused(answer, 404)[0] for answer in answers} == {"ft.NotFound"}
    assert [row["type"] for row in replies(client, issue)] == ["change"]


def test_lines_between_the_replies_tell_what_changed_in_the_words_of_guance(guance, ops, alice, bob):
    issue = IssueFactory(space=ops, status="open", level=None)
    for change in (
        {"status": "acknowledged"},
        {"status": "in_progress"},
        {"level": Level.objects.get(space=None, key="P0")},
        {"assignee": alice},
        {"labels": {"team": "payments"}},
    ):
        for name, value in change.items():
            setattr(issue, name, value)
        issue.save()
    CommentFactory(issue=issue, author=bob, content="Why?")
    modify(guance, issue, name="Slower", statusType=25)

    found = replies(guance, issue)

    assert [(row["type"], row["content"]) for row in found] == [
        ("change", "System created an Issue."),
        ("change", "System set the status: Open → Working."),
        ("change", "System set the level: none → P0."),
        ("change", "System set the manager: none → Alice Owner."),
        ("reply", "Why?"),
        ("change", "Bob Colleague changed the title."),
        ("change", "Bob Colleague set the status: Working → Closed."),
    ]
    assert (found[0]["creator"], found[-1]["creator"]) == ("", account(bob))
    assert found[-1]["creatorInfo"] == info(bob)
    assert found[0].keys() == found[4].keys()


def test_another_sighting_that_reopens_an_issue_is_a_change_of_its_status(guance, ops):
    issue = IssueFactory(space=ops)
    modify(guance, issue, statusType=20)

    issue.refresh_from_db()
    issue.count_sighting()

    assert [row["content"] for row in replies(guance, issue)] == [
        "System created an Issue.",
        "Bob Colleague set the status: Open → Resolved.",
        "System set the status: Resolved → Open.",
    ]
    history = done(guance.get(f"/issues/{issue.uuid}/history"))["items"]
    assert [(row["action"], row["new_value"]) for row in history[1:]] == [
        ("status_changed", "resolved"),
        ("status_changed", "open"),
    ]


def test_pages_of_replies_go_either_way(guance, ops, bob):
    issue = IssueFactory(space=ops)
    for number in range(1, 4):
        CommentFactory(issue=issue, author=bob, content=str(number))

    path = f"/api/v1/issue/reply/issue_{issue.uuid.hex}/list"
    answer = done(guance.get(path, {"ordering": "-createAt", "pageIndex": 2, "pageSize": 3}))

    assert [row["type"] for row in answer["content"]] == ["change"]
    assert answer["pageInfo"] == {"count": 1, "pageIndex": 2, "pageSize": 3, "totalCount": 4}
    texts = [row["content"] for row in replies(guance, issue, pageSize=3)]
    assert texts == ["System created an Issue.", "1", "2"]
    for name, value in (("ordering", "id"), ("pageIndex", "0"), ("pageSize", "x")):
        assert refused(guance.get(path, {name: value}))[1].startswith(name)


@pytest.mark.parametrize("number", [1, 6])
def test_a_page_of_replies_costs_the_same_for_more(guance, ops, number, django_assert_num_queries):
    issue = IssueFactory(space=ops)
    for _ in range(number):
        author = UserFactory(member_of=ops)
        with acting_as(lambda author=author: Actor(user=author)):
            AttachmentFactory(owner=CommentFactory(issue=issue, author=author))
            issue.title = author.name
            issue.save()

    # The token, its space, the issue, two counts, the page, its comments, files, entries, texts and people.
    with django_assert_num_queries(10):
        replies(guance, issue, pageSize=100)


def test_replies_of_an_anonymous_reporter_are_nobody_s(api, ops, alice, bob):
    issue = IssueFactory(space=ops, reporter=bob, is_anonymous=True)
    reply(api(bob), issue, content="It is me", extend={"extra": {"updator": {"name": "Bob"}}})
    modify(api(bob), issue, statusType=20)

    found = replies(api(alice), issue)[1:]

    assert [row["type"] for row in found] == ["reply", "change"]
    for row in found:
        assert (row["creator"], row["updator"], row["creatorInfo"]) == ("", "", BLANK)
        assert "Bob" not in json.dumps(row)


# Levels.


LEVELS = "/api/v1/issue-level"


def test_the_system_s_levels_come_before_the_workspace_s_own(api, guance, ops, alice):
    LevelFactory(space=SpaceFactory())
    LevelFactory(space=ops, is_active=False)
    body = {"name": "Rush hour", "color": "#112233", "description": "Now", "extend": {"a": 1}}

    made = content(send(api(alice), "post", f"{LEVELS}/add", body))

    level = Level.objects.get(name="Rush hour")
    at = int(level.created_at.timestamp())
    assert made == {
        "color": "#112233",
        "createAt": at,
        "creator": account(alice),
        "deleteAt": -1,
        "description": "Now",
        "extend": {"a": 1},
        "id": serial(level),
        "isDefault": False,
        "name": "Rush hour",
        "status": 0,
        "updateAt": at,
        "updator": account(alice),
        "uuid": f"issl_{level.uuid.hex}",
        "workspaceUUID": f"wksp_{ops.uuid.hex}",
    }
    assert (level.key, level.severity) == ("Rush-hour", "medium")
    colors = ("#E94444", "#FF7931", "#FFB44A", "#C9C9C9")
    assert content(guance.get(f"{LEVELS}/list")) == [
        *(
            {
                "color": color,
                "description": "",
                "isDefault": True,
                "name": f"P{place}",
                "uuid": f"system_level_{place}",
            }
            for place, color in enumerate(colors)
        ),
        made,
    ]


def test_levels_of_one_name_have_keys_of_their_own(api, alice, ops):
    for name in ("Rush", "rush!", "none", "???"):
        content(send(api(alice), "post", f"{LEVELS}/add", {"name": name, "color": "#112233"}))

    keys = Level.objects.filter(space=ops).order_by("pk").values_list("key", flat=True)
    assert [re.sub("-[0-9a-f]{8}$", "-…", key) for key in keys] == ["Rush", "rush-…", "none-…", "level"]


def test_a_level_is_modified_and_an_echo_changes_nothing(api, alice, ops):
    level, client = LevelFactory(space=ops, description="", color="#aaaaaa"), api(alice)
    path = f"{LEVELS}/issl_{level.uuid.hex}/modify"

    content(send(client, "post", path, {"extend": {"b": 1, "a": 2}}))
    found = content(send(client, "post", path, {"name": "Other", "color": "#000000"}))
    before = everything()
    assert content(send(client, "post", path, found)) == found

    assert everything() == before
    assert (found["name"], found["color"], found["extend"]) == ("Other", "#000000", {"b": 1, "a": 2})
    assert (found["creator"], found["updator"]) == ("", account(alice))
    assert HistoryEntry.objects.latest("pk").source == "guance"


def test_levels_are_deleted_all_or_none(api, alice, ops):
    first, second = LevelFactory(space=ops), LevelFactory(space=ops)
    names = [f"issl_{level.uuid.hex}" for level in (first, second)]
    client = api(alice)

    for wrong in (f"issl_{HEX}", "system_level_0", "x"):
        answer = send(client, "post", f"{LEVELS}/delete", {"uuids": [names[0], wrong]})
        assert refused(answer)[1].startswith("uuids.1")
    assert Level.objects.filter(space=ops, is_active=True).count() == 2
    assert content(send(client, "post", f"{LEVELS}/delete", {"uuids": names})) is True

    assert not Level.objects.filter(space=ops, is_active=True).exists()
    assert refused(send(client, "post", f"{LEVELS}/{names[0]}/modify", {"name": "x"}), 404)


@pytest.mark.parametrize(
    "body, name",
    [
        ({}, "name"),
        ({"name": "x"}, "color"),
        ({"name": "x" * 257, "color": "#112233"}, "name"),
        ({"name": "x", "color": "red"}, "color"),
        ({"name": "x", "color": "#112233", "description": ""}, "description"),
        ({"name": "x", "color": "#112233", "extend": []}, "extend"),
    ],
)
def test_what_is_wrong_with_a_level_is_named(api, alice, ops, body, name):
    assert refused(send(api(alice), "post", f"{LEVELS}/add", body))[1].startswith(name)
    assert not Level.objects.filter(space=ops).exists()


def test_whether_the_system_s_levels_are_disabled_is_on_record(api, guance, alice, ops):
    assert content(guance.get(f"{LEVELS}/config/get")) == {"isDisabled": False}

    for _ in range(2):
        answer = send(api(alice), "post", f"{LEVELS}/config/set", {"isDisabled": True})
        assert content(answer) == {"isDisabled": True}

    assert content(guance.get(f"{LEVELS}/config/get")) == {"isDisabled": True}
    entries = HistoryEntry.objects.filter(space=ops, action="space_changed")
    assert [(entry.source, entry.actor) for entry in entries] == [("guance", alice)]
    assert refused(send(api(alice), "post", f"{LEVELS}/config/set", {"isDisabled": 1}))[1].startswith(
        "isDisabled"
    )


# Channels.


CHANNELS = "/api/v1/channel"


def test_a_channel_is_made_with_all_that_the_page_names(api, guance, ops, alice):
    upgrade = {"triggerTime": 600, "notifyTarget": ["notify_b"], "kept": True}
    body = {"name": "Deploys", "description": "", "notifyTarget": ["notify_a"], "notifyUpgradeCfg": upgrade}

    made = content(send(api(alice), "post", f"{CHANNELS}/add", body))

    channel = Channel.objects.get(name="Deploys")
    at = int(channel.created_at.timestamp())
    assert made == {
        "createAt": at,
        "creator": account(alice),
        "deleteAt": -1,
        "description": "",
        "id": serial(channel),
        "name": "Deploys",
        "notifyTarget": ["notify_a"],
        "notifyUpgradeCfg": upgrade,
        "status": 0,
        "subscribeType": "",
        "updateAt": at,
        "updator": account(alice),
        "uuid": channel_id(channel),
        "workspaceUUID": f"wksp_{ops.uuid.hex}",
    }
    default, found = content(guance.get(f"{CHANNELS}/quick_list"))
    assert (default["name"], default["notifyTarget"], default["notifyUpgradeCfg"]) == ("All", [], {})
    assert found == made


def test_a_channel_is_modified_and_an_echo_changes_nothing(api, alice, ops):
    channel, client = (
        ChannelFactory(space=ops, targets=[{"kind": "email", "address": "a@example.com"}]),
        api(alice),
    )
    path = f"{CHANNELS}/{channel_id(channel)}/modify"

    found = content(send(client, "post", path, {"name": "Other", "notifyTarget": ["notify_a"]}))
    before = everything()
    assert content(send(client, "post", path, found)) == found

    assert everything() == before
    channel.refresh_from_db()
    assert (channel.name, channel.targets) == ("Other", [{"kind": "email", "address": "a@example.com"}])
    assert channel.extensions == {"guance": {"notifyTarget": ["notify_a"]}}
    assert found["updator"] == account(alice)


def test_two_who_write_of_one_channel_at_once_both_have_written(api, alice, ops, monkeypatch):
    channel, find = ChannelFactory(space=ops), GuanceView.row

    def interrupted(view, *args):
        found, other = find(view, *args), Channel.objects.get(pk=channel.pk)
        other.extensions = {"guance": {"notifyTarget": ["notify_a"]}}
        other.save()
        return found

    monkeypatch.setattr(GuanceView, "row", interrupted)
    upgrade = {"triggerTime": 600, "notifyTarget": []}
    path = f"{CHANNELS}/{channel_id(channel)}/modify"
    content(send(api(alice), "post", path, {"notifyUpgradeCfg": upgrade}))

    channel.refresh_from_db()
    assert channel.extensions == {"guance": {"notifyTarget": ["notify_a"], "notifyUpgradeCfg": upgrade}}


@pytest.mark.parametrize(
    "body, name",
    [
        ({}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"name": "All"}, "name"),
        ({"name": "x", "description": "x" * 257}, "description"),
        ({"name": "x", "notifyTarget": None}, "notifyTarget"),
        ({"name": "x", "notifyTarget": [7]}, "notifyTarget"),
        ({"name": "x", "notifyUpgradeCfg": {}}, "notifyUpgradeCfg.triggerTime"),
        ({"name": "x", "notifyUpgradeCfg": {"triggerTime": "1"}}, "notifyUpgradeCfg.triggerTime"),
        ({"name": "x", "notifyUpgradeCfg": {"triggerTime": 1}}, "notifyUpgradeCfg.notifyTarget"),
    ],
)
def test_what_is_wrong_with_a_channel_is_named(api, alice, ops, body, name):
    assert refused(send(api(alice), "post", f"{CHANNELS}/add", body))[1].startswith(name)
    assert Channel.objects.filter(space=ops).count() == 1


def test_a_channel_is_deleted_but_for_the_default_one(api, guance, alice, ops):
    channel, default = ChannelFactory(space=ops), ops.channels.get(is_default=True)

    assert content(send(api(alice), "post", f"{CHANNELS}/{channel_id(channel)}/delete")) is True
    answer = send(api(alice), "post", f"{CHANNELS}/{channel_id(default)}/delete")

    assert refused(answer)[0] == "ft.InvalidParams"
    assert [row["name"] for row in content(guance.get(f"{CHANNELS}/quick_list"))] == ["All"]
    assert refused(send(api(alice), "post", f"{CHANNELS}/{channel_id(channel)}/delete"), 404)
    again = content(send(api(alice), "post", f"{CHANNELS}/add", {"name": channel.name}))
    assert again["uuid"] != channel_id(channel)


def test_everybody_subscribes_for_themselves(api, guance, ops, vera, bob):
    channel = ChannelFactory(space=ops)
    path = f"{CHANNELS}/{channel_id(channel)}/subscribe"

    def mine(client):
        return content(client.get(f"{CHANNELS}/quick_list"))[1]["subscribeType"]

    for kind in ("responsible", "participate", "attention"):
        assert content(send(api(vera), "post", path, {"type": kind})) is True
        assert (mine(api(vera)), mine(guance)) == (kind, "")
    for _ in range(2):
        assert content(send(api(vera), "post", path, {"type": "cancel"})) is True
    assert mine(api(vera)) == ""
    assert content(send(guance, "post", path, {"type": "cancel"})) is True
    assert refused(send(guance, "post", path, {"type": "x"}))[1].startswith("type")
    assert refused(send(api(bob, "read"), "post", path, {"type": "attention"}), 403)


def test_levels_and_channels_are_the_admin_s(guance, ops):
    level, channel = LevelFactory(space=ops), ChannelFactory(space=ops)
    before = everything()

    for path, body in (
        (f"{LEVELS}/add", {"name": "x", "color": "#112233"}),
        (f"{LEVELS}/issl_{level.uuid.hex}/modify", {"name": "x"}),
        (f"{LEVELS}/delete", {"uuids": [f"issl_{level.uuid.hex}"]}),
        (f"{LEVELS}/config/set", {"isDisabled": True}),
        (f"{CHANNELS}/add", {"name": "x"}),
        (f"{CHANNELS}/{channel_id(channel)}/modify", {"name": "x"}),
        (f"{CHANNELS}/{channel_id(channel)}/delete", {}),
    ):
        assert refused(send(guance, "post", path, body), 403)[0] == "ft.NoPermission"

    assert everything() == before


# Attachments.


FILES = "/api/v1/attachment"


def upload(client, name="trace.log", data=b"One line\n", field="file"):
    return client.post(f"{FILES}/upload", {field: ContentFile(data, name=name)})


@pytest.mark.parametrize("field", ["file", "files", "anything"])
def test_a_file_is_uploaded_put_on_an_issue_and_downloaded(guance, ops, bob, field):
    found = content(upload(guance, field=field))
    assert refused(guance.get(f"{FILES}/{found['uuid']}/download"), 404)
    add(guance, attachmentUuids=[found["uuid"]])

    answer = guance.get(f"{FILES}/{found['uuid']}/download")

    assert (found["fileName"], found["fileSuffix"]) == ("trace.log", "log")
    assert b"".join(answer.streaming_content) == b"One line\n"
    assert answer["Content-Disposition"] == 'attachment; filename="trace.log"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert Issue.objects.get().attachment_rows.get().attachment.uploaded_by == bob


def test_what_is_wrong_with_an_upload_is_said(guance, api, vera, ops):
    two = {"a": ContentFile(b"a", name="a"), "b": ContentFile(b"b", name="b")}

    assert refused(guance.post(f"{FILES}/upload", two))[1].startswith("file")
    assert refused(guance.post(f"{FILES}/upload", {"file": "text"}))[1].startswith("file")
    assert refused(upload(guance, name="x" * 257))[1].startswith("file")
    assert refused(upload(guance, data=b"x" * (20 * 2**20 + 1)), 413)[0] == "ft.RequestTooLarge"
    assert refused(send(guance, "post", f"{FILES}/upload", {}), 415)
    assert refused(upload(api(vera)), 403)
    assert not ops.attachments.exists()


def test_a_file_that_is_deleted_is_on_nothing_and_never_will_be(guance, api, ops, alice, bob):
    issue = IssueFactory(space=ops)
    on_issue = AttachmentFactory(owner=issue, by=bob)
    on_hers = AttachmentFactory(owner=CommentFactory(issue=issue, author=alice))
    loose, theirs = AttachmentFactory(space=ops, by=bob), AttachmentFactory(space=ops, by=alice)

    def delete(row):
        return send(guance, "post", f"{FILES}/delete", {"attachmentUUID": f"att_{row.uuid.hex}"})

    assert [content(delete(row)) for row in (on_issue, loose)] == [True] * 2
    assert refused(delete(on_hers), 403)
    for row in (on_issue, loose, theirs):
        assert refused(delete(row), 404)
        body = BODY | {"attachmentUuids": [f"att_{row.uuid.hex}"]}
        assert refused(send(guance, "post", ADD, body))[1].startswith("attachmentUuids")
    assert refused(send(guance, "post", f"{FILES}/delete", {}))[1].startswith("attachmentUUID")
    assert shown(guance, issue)["attachments"] == []


def test_what_this_door_leaves_can_be_verified_and_moved(api, guance, ops, alice, bob, tmp_path):
    channel = content(
        send(api(alice), "post", f"{CHANNELS}/add", {"name": "Deploys", "notifyTarget": ["notify_a"]})
    )
    level = content(send(api(alice), "post", f"{LEVELS}/add", {"name": "Rush", "color": "#112233"}))
    content(send(api(alice), "post", f"{LEVELS}/config/set", {"isDisabled": True}))
    extend = {"manager": ["alice@example.com"], "channels": [{"uuid": channel["uuid"]}]}
    add(guance, level=level["uuid"], extend=extend)
    issue = Issue.objects.get()
    reply(guance, issue, content="x", extend={"text": "x"})

    call_command("verify_history", stdout=StringIO())
    path = tmp_path / "ops.jsonl"
    call_command("export_issues", "OPS", output=str(path), stdout=StringIO())
    call_command("import_issues", str(path), space="COPY", format="jsonl", stdout=StringIO())

    copy = Issue.objects.get(space__key="COPY")
    assert copy.extensions == issue.extensions
    assert copy.space.extensions == {"guance": {"isDisabled": True}}
    assert copy.space.channels.get(is_default=False).extensions == {"guance": {"notifyTarget": ["notify_a"]}}
