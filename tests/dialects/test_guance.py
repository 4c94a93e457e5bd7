"""Guance's API at its own paths: its envelope, its documents, its words, its errors."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from issues.models import HistoryEntry, Issue, Level
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


def test_an_issue_is_in_the_channels_that_it_names(guance, ops):
    named, given, bound = (ChannelFactory(space=ops, name=name) for name in "abc")
    everything = ops.channels.get(is_default=True)
    entry = {"type": "#", "uuid": channel_id(named)}

    add(guance, extend={"channels": [entry]}, channelUUIDs=[channel_id(given), channel_id(everything)])
    issue = Issue.objects.get()
    issue.wish("channels", add=[bound])
    issue.save()
    modify(guance, issue, extend={"channels": [entry], "text": "x"})
    assert set(issue.channels) == {named.pk, given.pk, bound.pk}
    modify(guance, issue, extend={"channels": []})

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
    IssueFactory(space=ops, number=1, status="excluded", level=own, reporter=alice, resource_name="db")
    IssueFactory(space=ops, number=2, status="acknowledged", level=None, reporter=bob)
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
    assert listed(guance, channelUUID=channel_id(channel)) == [3]
    assert listed(guance, channelUUID=channel_id(ops.channels.get(is_default=True))) == [3, 2, 1]
    assert listed(guance, channelUUID="chan_x") == []
    assert listed(guance, search="policy") == [3]
    assert listed(guance, search="") == [3, 2, 1]
    assert listed(guance, search="?!") == []
    assert listed(guance, startTime=4_102_444_800) == []
    assert listed(guance, endTime=4_102_444_800_000) == [3, 2, 1]


def test_both_ends_of_a_time_are_in_it(guance, ops):
    IssueFactory(space=ops, created_at=datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC))
    second = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())

    assert len(listed(guance, startTime=second, endTime=second)) == 1
    assert len(listed(guance, startTime=second * 1_000 + 500, endTime=second * 1_000 + 500)) == 1
    assert len(listed(guance, startTime=second + 1)) == 0
    assert len(listed(guance, endTime=second * 1_000 + 499)) == 0


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

    # The token, its space, the total, the page, its people, and what its objects name: channels, members.
    with django_assert_num_queries(7):
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
