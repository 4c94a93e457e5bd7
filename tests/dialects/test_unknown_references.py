"""A filter that names what is not there finds nothing and counts nothing, at every door."""

from uuid import UUID

import pytest

from tests.calls import done, send
from tests.factories import (
    ChannelFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    UserFactory,
)
from tracker.dialects.ids import ulid_of

pytestmark = pytest.mark.django_db

NOWHERE = UUID("0190a6c4-7b1e-7c3a-9d52-0123456789ab")
SEARCH, DAY = "/api/v2/error-tracking/issues/search", 86_400_000


@pytest.fixture
def elsewhere():
    """{name: uuid of a row that only another space has}"""
    space = SpaceFactory()
    person = UserFactory(member_of=space)
    rows = {
        "project": ProjectFactory(space=space),
        "environment": EnvironmentFactory(space=space),
        "level": LevelFactory(space=space),
        "channel": ChannelFactory(space=space),
        "team": TeamFactory(space=space),
        "person": person,
        "space": space,
    }
    IssueFactory(space=space, project=rows["project"], level=rows["level"], assignee=person, reporter=person)
    return {name: row.uuid for name, row in rows.items()}


@pytest.fixture
def bare(ops):
    """An issue without a project, an environment, a level, an assignee or a reporter."""
    return IssueFactory(space=ops)


@pytest.mark.parametrize(
    ("name", "kind"), [("space_id", "space"), ("product_id", "project"), ("assignee_id", "person")]
)
def test_qarion_counts_no_issue_of_a_row_that_is_not_there(name, kind, api, bob, bare, elsewhere):
    for reference in (NOWHERE, elsewhere[kind]):
        found = done(api(bob).get("/issues", {name: str(reference)}))

        assert (found["items"], found["total"]) == ([], 0), reference


@pytest.mark.parametrize(
    ("name", "kind", "prefix"), [("projects", "project", "project"), ("created_by", "person", "user")]
)
@pytest.mark.parametrize("states", ["", "NotReviewed", "NotReviewed,Deleted"])
def test_zylon_counts_no_issue_of_a_row_that_is_not_there(
    name, kind, prefix, states, api, bob, bare, elsewhere
):
    known = elsewhere[kind]
    for text in ("nope", str(NOWHERE), f"{prefix}_{NOWHERE.hex}", f"{prefix}_{known.hex}", f"nope,{known}"):
        found = done(api(bob).get("/api/v1/app/issue", {name: text, "states": states}))

        assert (found["data"], found["total_count"], found["has_next_page"]) == ([], 0, False), text


@pytest.mark.parametrize(
    ("key", "kind", "prefix"),
    [
        ("channelUUID", "channel", "chan"),
        ("level", "level", "issl"),
        ("creator", "person", "acnt"),
        ("updator", "person", "acnt"),
    ],
)
def test_guance_counts_no_issue_of_a_row_that_is_not_there(key, kind, prefix, api, bob, bare, elsewhere):
    for text in ("nope", f"{prefix}_{NOWHERE.hex}", f"{prefix}_{elsewhere[kind].hex}"):
        asked = {key: text} if key == "channelUUID" else {"filters": [{"key": key, "value": text}]}
        found = done(send(api(bob), "post", "/api/v1/issue/list", asked))["content"]

        assert (found["data"], found["pageInfo"]["totalCount"]) == ([], 0), text


@pytest.mark.parametrize("kind", ["project", "environment"])
def test_versori_finds_no_issue_of_a_row_that_is_not_there(kind, api, bob, ops, bare, elsewhere):
    for text in ("nope", ulid_of(NOWHERE), ulid_of(elsewhere[kind])):
        path = f"/api/v2/o/{ulid_of(ops.uuid)}/issues"

        assert done(api(bob).get(path, {f"{kind}_id": text})) == [], text


def test_datadog_finds_no_issue_of_a_row_that_is_not_there(api, bob, bare, elsewhere):
    now = int(bare.created_at.timestamp() * 1_000)
    asked = {"query": "", "from": now - DAY, "to": now + DAY, "persona": "ALL"}
    conditions = [
        {name: [str(reference)]}
        for name, kind in (("assignee_ids", "person"), ("team_ids", "team"))
        for reference in (NOWHERE, elsewhere[kind])
    ]
    conditions += [{"query": f"assignee:{reference}"} for reference in (NOWHERE, elsewhere["person"])]
    conditions += [{"query": f"{name}:nope"} for name in ("assignee", "team", "project", "env", "level")]

    for condition in conditions:
        body = {"data": {"type": "search_request", "attributes": asked | condition}}
        assert done(send(api(bob), "post", SEARCH, body))["data"] == [], condition


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("space", "space"),
        ("level", "level"),
        ("assignee", "person"),
        ("reporter", "person"),
        ("team", "team"),
        ("project", "project"),
        ("environment", "environment"),
        ("channel", "channel"),
    ],
)
def test_the_native_api_refuses_a_row_that_is_not_there(name, kind, api, bob, bare, elsewhere):
    for reference in ("nope", str(NOWHERE), str(elsewhere[kind])):
        response = api(bob).get("/api/issues/", {name: reference, "total": "true"})

        assert response.status_code == 400, response.content
