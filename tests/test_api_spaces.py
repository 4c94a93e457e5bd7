"""Spaces, levels, projects, environments and teams through the native API."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issues.models import Environment, Level, Project, Space, Team
from tests.calls import done, names, pointers, send, url
from tests.chains import space_entries
from tests.factories import (
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
)

pytestmark = pytest.mark.django_db

# folder: (model, what is asked for, everything that can be set)
KINDS = {
    "projects": (Project, {"name": "Events"}, {"name": " Events\t", "external_id": "p-1 "}),
    "environments": (Environment, {"name": "production"}, {"name": "Prod", "external_id": "🦉"}),
    "teams": (Team, {"name": "Data"}, {"name": "Data", "handle": "@data", "summary": "They\r\nknow. "}),
    "levels": (
        Level,
        {"key": "HOT", "name": "Hot"},
        {
            "key": "Été_1-a",
            "name": "Hot",
            "description": "Now\n",
            "severity": "critical",
            "rank": 0,
            "color": "#aB0000",
        },
    ),
}
MAKE = {
    "projects": ProjectFactory,
    "environments": EnvironmentFactory,
    "teams": TeamFactory,
    "levels": LevelFactory,
}


# What they share.


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sent_is_kept_and_shown_byte_for_byte(api, alice, ops, kind):
    model, _, whole = KINDS[kind]

    made = send(api(alice), "post", f"/api/{kind}/", whole | {"space": "ops"})

    document = done(made, 201)
    row = model.objects.get(uuid=document["id"])
    assert {name: document[name] for name in whole} == whole
    assert {name: getattr(row, name) for name in whole} == whole
    assert document["space"] == {"id": str(ops.uuid), "key": "OPS", "name": "Operations"}
    assert document["is_active"] is True
    assert made["Location"] == url(kind, row)
    assert done(api(alice).get(made["Location"])) == document


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_can_be_put_back_and_changes_nothing(api, alice, ops, kind):
    row = MAKE[kind](space=ops, **KINDS[kind][2])
    read = done(api(alice).get(url(kind, row)))
    before = len(space_entries(ops))

    put = done(send(api(alice), "put", url(kind, row), read))

    assert put == read
    assert len(space_entries(ops)) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_patch_changes_what_was_sent(api, alice, ops, kind):
    row = MAKE[kind](space=ops, **KINDS[kind][2])
    read = done(api(alice).get(url(kind, row)))

    changed = done(send(api(alice), "patch", url(kind, row), {"name": "Other"}))

    assert changed == read | {"name": "Other"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_deleted_is_retired_and_can_come_back(api, alice, ops, kind):
    row = MAKE[kind](space=ops)
    client, address = api(alice), url(kind, row)

    deleted = [send(client, "delete", address).status_code for _ in range(2)]
    listed = names(client.get(f"/api/{kind}/?space=OPS&is_active=false"))
    back = done(send(client, "patch", address, {"is_active": True}))

    assert deleted == [204, 204]
    assert listed == [row.name]
    assert back["is_active"] is True
    actions = [entry.action for entry in space_entries(ops)[-2:]]
    assert [action.partition("_")[2] for action in actions] == ["retired", "restored"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [str, lambda uuid: uuid.hex, lambda uuid: str(uuid).upper()])
def test_an_id_is_known_in_its_forms(api, vera, ops, kind, form):
    row = MAKE[kind](space=ops)

    document = done(api(vera).get(f"/api/{kind}/{form(row.uuid)}/"))

    assert document["id"] == str(row.uuid)


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_has_pages_a_count_and_filters(api, vera, charlie, ops, kind):
    other = MembershipFactory(user=vera).space
    for number in range(5):
        MAKE[kind](space=ops, name=f"{number}", **({"rank": number} if kind == "levels" else {}))
    MAKE[kind](space=other, name="elsewhere")
    MAKE[kind](space=charlie.memberships.get().space, name="not theirs")
    client, path = api(vera), f"/api/{kind}/?space={ops.uuid}&page_size=2&count=exact"

    first = done(client.get(path))
    seen, page = first["results"][:], first
    while page["next"]:
        page = done(client.get(page["next"]))
        seen += page["results"]
    back = done(client.get(page["previous"]))

    own = [row["name"] for row in seen if row["space"]]
    assert own == ["0", "1", "2", "3", "4"]
    assert first["count"] == len(seen) == 5 + 4 * (kind == "levels")
    assert back["results"] == seen[-len(page["results"]) - 2 : -len(page["results"])]
    everything = names(client.get(f"/api/{kind}/?page_size=100"))
    assert "elsewhere" in everything and "not theirs" not in everything


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_costs_the_same_however_many_there_are(
    api, vera, ops, kind, django_assert_max_num_queries, django_assert_num_queries
):
    client = api(vera)
    client.get(f"/api/{kind}/")
    MAKE[kind](space=ops)
    with django_assert_max_num_queries(6) as few:
        client.get(f"/api/{kind}/")
    for _ in range(20):
        row = MAKE[kind](space=ops)
        if kind == "levels":
            IssueFactory(space=ops, level=row)

    with django_assert_num_queries(len(few)):
        found = client.get(f"/api/{kind}/?page_size=100")

    assert len(done(found)["results"]) >= 21


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": " \t"}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "two\rlines"}, "/name"),
        ({"name": None}, "/name"),
        ({"name": 5}, "/name"),
        ({"name": "x" * 257}, "/name"),
        ({"name": "\x00"}, "/name"),
        ({"is_active": "true"}, "/is_active"),
        ({"is_active": None}, "/is_active"),
        ({"nmae": "x"}, "/nmae"),
        ({"space_id": 1}, "/space_id"),
        ({"space": 5}, "/space"),
    ],
)
def test_what_does_not_do_is_refused_by_name(api, alice, ops, kind, change, pointer):
    model, least, _ = KINDS[kind]
    row, client = MAKE[kind](space=ops), api(alice)
    before, rows = len(space_entries(ops)), list(model.objects.order_by("pk").values())

    made = send(client, "post", f"/api/{kind}/", least | {"space": "OPS"} | change)
    changed = send(client, "patch", url(kind, row), change)

    assert pointers(made) == pointers(changed) == [pointer]
    assert len(space_entries(ops)) == before
    assert list(model.objects.order_by("pk").values()) == rows


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_not_made_where_one_has_no_business_and_does_not_move(api, alice, ops, charlie, kind):
    model, least, _ = KINDS[kind]
    row = MAKE[kind](space=ops)
    mine = MembershipFactory(user=alice, role="admin").space
    viewed = MembershipFactory(user=alice, role="member").space
    client, count = api(alice), model.objects.count()

    foreign = send(client, "post", f"/api/{kind}/", least | {"space": "DATA"})
    unnamed = send(client, "patch", url(kind, row), {"space": "DATA"})
    moved = send(client, "patch", url(kind, row), {"space": mine.key})
    as_member = send(client, "post", f"/api/{kind}/", least | {"space": viewed.key})
    kept = send(client, "patch", url(kind, row), {"space": {"id": ops.uuid.hex}})

    assert pointers(foreign, 404) == ["/space"]
    assert pointers(unnamed) == pointers(moved) == ["/space"]
    assert as_member.status_code == 403
    assert done(kept)["space"]["key"] == "OPS"
    assert model.objects.count() == count


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_space_a_token_means_its_home_and_a_session_has_to_name_one(api, alice, ops, client, kind):
    least = KINDS[kind][1]
    client.force_login(alice)

    by_token = done(send(api(alice), "post", f"/api/{kind}/", least), 201)
    by_session = send(client, "post", f"/api/{kind}/", least)

    assert by_token["space"]["key"] == "OPS"
    assert pointers(by_session) == ["/space"]


@pytest.mark.parametrize(
    ("kind", "name"), [("projects", "external_id"), ("environments", "external_id"), ("levels", "key")]
)
def test_what_there_is_once_in_a_space_is_refused_a_second_time_by_name(api, alice, ops, kind, name):
    least = KINDS[kind][1]
    first, second = (MAKE[kind](space=ops, **{name: f"id-{number}"}) for number in range(2))
    first.is_active = False
    first.save()
    elsewhere = MembershipFactory(user=alice, role="admin").space

    made = send(api(alice), "post", f"/api/{kind}/", least | {name: "id-0", "space": "OPS"})
    changed = send(api(alice), "patch", url(kind, second), {name: "id-0"})
    in_another = send(api(alice), "post", f"/api/{kind}/", least | {name: "id-0", "space": elsewhere.key})

    assert pointers(made) == pointers(changed) == [f"/{name}"]
    assert in_another.status_code == 201


def test_an_external_id_can_go_and_is_no_empty_text(api, alice, ops):
    rows = [ProjectFactory(space=ops, external_id=f"p-{number}") for number in range(2)]

    gone = [done(send(api(alice), "patch", url("projects", row), {"external_id": None})) for row in rows]
    empty = send(api(alice), "patch", url("projects", rows[0]), {"external_id": ""})

    assert [document["external_id"] for document in gone] == [None, None]
    assert pointers(empty) == ["/external_id"]


@pytest.mark.parametrize("value", ["yes", "1", "True"])
def test_a_filter_that_says_nothing_is_refused(api, vera, value):
    assert pointers(api(vera).get(f"/api/teams/?is_active={value}")) == ["is_active"]
    assert pointers(api(vera).get("/api/teams/?space=NOPE"), 404) == ["space"]
    assert pointers(api(vera).get("/api/teams/?name=x")) == ["name"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "space", "name", "is_active", "key", "description", "severity", "rank", "color", "query", "targets",
        "kind", "url", "address", "secret", "handle", "summary", "external_id", "user", "role", "scope",
        "expires_at", "is_reopening",
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        *(f"/api/{kind}/" for kind in (*KINDS, "channels", "memberships", "tokens")),
        "/api/spaces/OPS/",
        "{level}",
        "{channel}",
        "{channel}subscription/",
        "{membership}",
    ],
)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=ANYTHING | st.dictionaries(NAMES, ANYTHING, max_size=6))
def test_any_json_gets_an_answer(api, alice, ops, path, body):
    client = api(alice)
    client.raise_request_exception = False
    rows = {
        "level": Level.objects.filter(space=ops).first() or LevelFactory(space=ops),
        "channel": ops.channels.get(is_default=True),
        "membership": alice.memberships.get(),
    }
    address = path.format(**{name: url(f"{name}s", row) for name, row in rows.items()})
    method = "post" if path.endswith("s/") else "put" if "subscription" in path else "patch"

    response = send(client, method, address, body)

    assert response.status_code < 500, response.content
    response.json()


# Spaces.


def test_a_space_is_shown_with_ones_own_role(api, bob, ops):
    other = MembershipFactory(user=bob, role="viewer").space

    documents = done(api(bob).get("/api/spaces/?count=exact"))

    assert documents["count"] == 2
    assert documents["results"][0] == {
        "id": str(ops.uuid),
        "key": "OPS",
        "name": "Operations",
        "is_reopening": True,
        "role": "member",
        "created_at": documents["results"][0]["created_at"],
    }
    assert (documents["results"][1]["key"], documents["results"][1]["role"]) == (other.key, "viewer")


def test_an_admin_changes_the_settings_of_a_space(api, alice, ops):
    body = {"key": "ops2", "name": "Operations II", "is_reopening": False}

    document = done(send(api(alice), "patch", f"/api/spaces/{ops.uuid}/", body))

    stored = Space.objects.get(pk=ops.pk)
    assert (stored.key, stored.name, stored.is_reopening) == ("OPS2", "Operations II", False)
    assert {name: document[name] for name in body} == body | {"key": "OPS2"}
    assert [entry.field for entry in space_entries(ops)[-3:]] == ["key", "name", "is_reopening"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"key": "1A"}, "/key"),
        ({"key": ""}, "/key"),
        ({"key": "A" * 11}, "/key"),
        ({"key": "TAKEN"}, "/key"),
        ({"name": "two\nlines"}, "/name"),
        ({"is_reopening": "no"}, "/is_reopening"),
        ({"is_active": False}, "/is_active"),
        ({"version": 5, "x": 1}, "/version"),
    ],
)
def test_a_setting_that_does_not_do_is_refused_by_name(api, alice, ops, body, pointer):
    SpaceFactory(key="TAKEN")

    response = send(api(alice), "patch", "/api/spaces/OPS/", body)

    assert pointer in pointers(response)
    assert Space.objects.filter(key="OPS", name="Operations", is_reopening=True).exists()


# Levels.


def test_levels_come_by_rank_the_system_s_with_those_of_the_space(api, vera, charlie, ops):
    LevelFactory(space=ops, key="HOT", rank=5)
    LevelFactory(space=charlie.memberships.get().space, key="THEIRS")
    MembershipFactory(user=vera, space=SpaceFactory(key="TWO"))
    LevelFactory(space=Space.objects.get(key="TWO"), key="SECOND", rank=50)

    found = done(api(vera).get("/api/levels/"))["results"]
    of_one = done(api(vera).get("/api/levels/?space=OPS"))["results"]

    assert [level["key"] for level in found] == ["P0", "HOT", "P1", "P2", "P3", "SECOND"]
    assert [level["key"] for level in of_one] == ["P0", "HOT", "P1", "P2", "P3"]
    assert [(level["is_system"], level["space"] is None) for level in of_one[:2]] == [
        (True,) * 2,
        (False,) * 2,
    ]


def test_a_level_counts_the_open_issues_that_one_sees(api, vera, charlie, ops):
    level, system = LevelFactory(space=ops), Level.objects.get(key="P1", space=None)
    IssueFactory(space=ops, level=level)
    IssueFactory(space=ops, level=level, status="pending")
    IssueFactory(space=ops, level=level, status="closed")
    IssueFactory(space=ops, level=level).trash()
    IssueFactory(space=ops, level=system)
    IssueFactory(space=charlie.memberships.get().space, level=system)

    listed = done(api(vera).get("/api/levels/"))["results"]
    one = done(api(vera).get(url("levels", level)))

    counts = {row["key"]: row["open_issue_count"] for row in listed}
    assert (counts[level.key], counts["P1"], counts["P0"]) == (2, 1, 0)
    assert one["open_issue_count"] == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"key": "with space"}, "/key"),
        ({"key": "a,b"}, "/key"),
        ({"key": "None"}, "/key"),
        ({"key": "x" * 65}, "/key"),
        ({"severity": "worst"}, "/severity"),
        ({"rank": -1}, "/rank"),
        ({"rank": 32_768}, "/rank"),
        ({"rank": "5"}, "/rank"),
        ({"rank": 5.0}, "/rank"),
        ({"rank": True}, "/rank"),
        ({"color": "red"}, "/color"),
        ({"color": "#12345"}, "/color"),
        ({"description": "x" * 2_001}, "/description"),
        ({"space": None}, "/space"),
    ],
)
def test_a_level_that_does_not_do_is_refused_by_name(api, alice, ops, client, body, pointer):
    client.force_login(alice)
    whole = {"key": "HOT", "name": "Hot", "space": "OPS"} | body

    response = send(client, "post", "/api/levels/", whole)

    assert pointers(response) == [pointer]
    assert not Level.objects.filter(space=ops).exists()


def test_the_system_s_levels_say_that_they_do_not_change(api, alice):
    level = Level.objects.get(key="P1", space=None)

    answers = [
        send(api(alice), method, url("levels", level), body)
        for method, body in (("patch", {"name": "x"}), ("put", {"key": "P1", "name": "x"}), ("delete", None))
    ]

    assert [response.status_code for response in answers] == [403] * 3
    assert all("do not change" in response.json()["detail"] for response in answers)


def test_issues_follow_their_level_to_its_new_rank(api, alice, ops):
    calm, hot = LevelFactory(space=ops, rank=50), LevelFactory(space=ops, rank=60)
    first, second = IssueFactory(space=ops, level=calm), IssueFactory(space=ops, level=hot)
    version = second.version

    done(send(api(alice), "patch", url("levels", hot), {"rank": 1}))

    listed = done(api(alice).get("/api/issues/?sort=level"))["results"]
    assert [row["key"] for row in listed] == [second.key, first.key]
    assert {row["version"] for row in listed} == {version}


def test_a_retired_level_is_not_given_to_another_issue(api, alice, ops):
    level = LevelFactory(space=ops, key="OLD")
    issue = IssueFactory(space=ops)
    send(api(alice), "delete", url("levels", level))

    response = send(api(alice), "patch", f"/api/issues/{issue.uuid}/", {"level": "OLD"})

    assert pointers(response) == ["/level"]
