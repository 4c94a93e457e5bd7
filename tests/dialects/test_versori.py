"""Versori's API at its own paths: its documents, its words, its errors."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from issues.models import Environment, HistoryEntry, Issue, Level, Project, Space
from tests.calls import done, send
from tests.chains import assert_space_whole, assert_whole
from tests.factories import (
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TokenFactory,
)
from tests.processes import at_once
from tracker.dialects import ids
from tracker.dialects.ids import ulid_of
from tracker.dialects.versori.words import RESOLUTION
from tracker.verification import Verifier

NOWHERE = "01J2KC8YRYFGX9TMG14D2PF2DB"
ENVIRONMENT = "01J8ZQ4M7X0000000000000ENV"
AT = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)


@pytest.fixture
def versori(api, bob):
    return api(bob)


def list_path(space):
    return f"/api/v2/o/{ulid_of(space.uuid)}/issues"


def path_of(issue):
    return f"{list_path(issue.space)}/{ulid_of(issue.uuid)}"


def body_for(space, **more):
    body = {
        "organisationId": ulid_of(space.uuid),
        "environmentId": ENVIRONMENT,
        "reason": "error",
        "title": "Sync stopped",
        "severity": "high",
    }
    return body | more


def create(client, space, **more):
    return done(send(client, "post", list_path(space), body_for(space, **more)), 201)


def patch(client, issue, **body):
    return send(client, "patch", path_of(issue), body)


def refused(response, status=400):
    """(code, fields) of a refusal."""
    assert response.status_code == status, response.content
    found = response.json()
    assert found.keys() <= {"code", "message", "fields"}
    return found["code"], [field["field"] for field in found.get("fields", [])]


def history():
    return HistoryEntry.objects.count()


def test_an_issue_is_created_with_all_that_the_page_names(versori, ops, bob):
    message = "HTTP 502 from the shop\r\n\tat line 7 "
    labels, annotations = {"connector": "shop", "flaky": ""}, {"run": "r-17"}

    found = create(
        versori, ops, projectId="orders", message=message, labels=labels, annotations=annotations, odd=1
    )

    issue = Issue.objects.get()
    at = f"{issue.created_at:%Y-%m-%dT%H:%M:%SZ}"
    assert found == {
        "id": ulid_of(issue.uuid),
        "organisationId": ulid_of(ops.uuid),
        "projectId": "orders",
        "environmentId": ENVIRONMENT,
        "status": "open",
        "reason": "error",
        "message": message,
        "title": "Sync stopped",
        "labels": labels,
        "annotations": annotations,
        "createdAt": at,
        "lastSeenAt": at,
        "seenCount": 1,
        "resolvedAt": None,
        "severity": "high",
    }
    assert done(versori.get(path_of(issue))) == found
    assert done(versori.get(list_path(ops))) == [found]
    assert (issue.reporter, issue.level.key, issue.description_format) == (bob, "P1", "text")
    assert (issue.project.external_id, issue.environment.external_id) == ("orders", ENVIRONMENT)
    assert {entry.source for entry in HistoryEntry.objects.filter(issue=issue)} == {"versori"}


def test_what_nobody_said_is_empty_or_left_out(versori, ops):
    issue = IssueFactory(space=ops, level=None)

    found = done(versori.get(path_of(issue)))

    assert (found["message"], found["labels"], found["annotations"]) == ("", {}, {})
    assert found["resolvedAt"] is None
    assert found.keys().isdisjoint({"resolutionStatus", "severity"})


@pytest.mark.parametrize(
    "change, fields",
    [
        ({"organisationId": NOWHERE}, ["organisationId"]),
        ({"organisationId": None}, ["organisationId"]),
        ({"environmentId": ""}, ["environmentId"]),
        ({"environmentId": "x" * 129}, ["environmentId"]),
        ({"projectId": 7}, ["projectId"]),
        ({"reason": "odd"}, ["reason"]),
        ({"title": " "}, ["title"]),
        ({"title": "Two\nlines"}, ["title"]),
        ({"title": "x" * 501}, ["title"]),
        ({"severity": "urgent"}, ["severity"]),
        ({"severity": None}, ["severity"]),
        ({"message": "x" * 65_536}, ["message"]),
        ({"labels": {"team": 1}}, ["labels.team"]),
        ({"labels": {f"l{number}": "" for number in range(51)}}, ["labels"]),
        ({"annotations": []}, ["annotations"]),
        ({"annotations": {"a": {"b": "c"}}}, ["annotations.a"]),
    ],
)
def test_what_is_wrong_with_a_new_issue_is_named_and_nothing_is_adopted(versori, ops, change, fields):
    response = send(versori, "post", list_path(ops), body_for(ops, **change))

    assert refused(response) == ("invalid_argument", fields)
    assert not Issue.objects.exists()
    assert not Environment.objects.exists()


def test_what_a_new_issue_needs_is_named(versori, ops):
    _, fields = refused(send(versori, "post", list_path(ops), {}))

    assert sorted(fields) == ["environmentId", "organisationId", "reason", "severity", "title"]


# Organisations, projects, environments.


def test_an_organisation_that_is_unknown_or_anothers_is_not_there(versori, api, charlie, ops):
    theirs = charlie.memberships.get().space
    issue = IssueFactory(space=theirs)

    answers = [
        call
        for organisation in (NOWHERE, ulid_of(theirs.uuid))
        for call in (
            versori.get(f"/api/v2/o/{organisation}/issues"),
            send(versori, "post", f"/api/v2/o/{organisation}/issues", body_for(theirs)),
            versori.get(f"/api/v2/o/{organisation}/issues/{ulid_of(issue.uuid)}"),
        )
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_an_issue_is_found_in_its_own_organisation_only(api, bob, ops):
    other = MembershipFactory(user=bob, space=SpaceFactory()).space
    issue = IssueFactory(space=other)

    found = done(api(bob).get(path_of(issue)))
    elsewhere = api(bob).get(f"{list_path(ops)}/{ulid_of(issue.uuid)}")

    assert found["organisationId"] == ulid_of(other.uuid)
    assert refused(elsewhere, 404) == ("not_found", [])


def test_a_malformed_id_in_the_path_is_named(versori, ops):
    assert refused(versori.get("/api/v2/o/OPS/issues")) == ("invalid_argument", ["organisation_id"])
    assert refused(versori.get(f"{list_path(ops)}/x")) == ("invalid_argument", ["issue_id"])


def test_ids_are_read_in_either_case_and_shown_in_capitals(versori, ops):
    issue = IssueFactory(space=ops)

    found = done(versori.get(f"/api/v2/o/{ulid_of(ops.uuid).lower()}/issues/{ulid_of(issue.uuid).lower()}"))

    assert (found["id"], found["organisationId"]) == (ulid_of(issue.uuid), ulid_of(ops.uuid))


@pytest.mark.parametrize("text", ["prod", ENVIRONMENT.lower(), "Öresund/2 ", "x" * 128, NOWHERE])
def test_an_unknown_environment_is_adopted_once_and_shown_as_it_was_sent(versori, ops, text):
    found = [create(versori, ops, environmentId=text, projectId=text) for _ in range(2)]

    assert {row["environmentId"] for row in found} == {row["projectId"] for row in found} == {text}
    assert Environment.objects.get().external_id == Project.objects.get().external_id == text
    assert_space_whole(ops)


def test_an_id_that_only_another_space_knows_is_adopted_too(versori, ops):
    theirs = EnvironmentFactory(external_id="prod")
    nameless = ProjectFactory(space=theirs.space)

    found = create(versori, ops, environmentId="prod", projectId=ulid_of(nameless.uuid))

    assert (found["environmentId"], found["projectId"]) == ("prod", ulid_of(nameless.uuid))
    issue = Issue.objects.get()
    assert (issue.environment.space, issue.project.space) == (ops, ops)


def test_a_project_of_ours_is_named_by_its_ulid_or_by_the_id_that_it_was_given(versori, ops):
    plain, given = ProjectFactory(space=ops), ProjectFactory(space=ops, external_id="shop")

    ids = [plain.uuid, plain.uuid, given.uuid, "shop"]
    sent = [id if isinstance(id, str) else ulid_of(id) for id in ids]
    sent[1] = sent[1].lower()
    found = [create(versori, ops, projectId=text) for text in sent]

    assert [row["projectId"] for row in found] == [ulid_of(plain.uuid)] * 2 + ["shop"] * 2
    assert Project.objects.count() == 2


@pytest.mark.django_db
def test_what_is_there_to_begin_with_goes_by_ulids_as_they_are_printed(settings):
    settings.DEBUG, out = True, StringIO()
    call_command("bootstrap", "--json", stdout=out, stderr=StringIO())
    printed = json.loads(out.getvalue())
    client = Client(headers={"authorization": f"Bearer {printed['tokens'][0]['token']}"})
    space, project, environment = (
        printed[name][0]["ulid"] for name in ("spaces", "projects", "environments")
    )
    sent = {"organisationId": space, "projectId": project, "environmentId": environment}

    path = f"/api/v2/o/{space}/issues"
    made = done(send(client, "post", path, body_for(Space.objects.get(key="OPS"), **sent)), 201)
    listed = done(client.get(path))

    assert {name: made[name] for name in sent} == sent
    assert len(listed) == 3
    assert all(len(issue[name]) == 26 and ids.parse(issue[name]) for issue in listed for name in sent)


def test_an_issue_of_no_project_is_of_the_default_one_of_its_organisation(versori, ops):
    issue = IssueFactory(space=ops)
    shown = done(versori.get(path_of(issue)))

    found = create(versori, ops, projectId=shown["projectId"], environmentId=shown["environmentId"])

    assert (found["projectId"], found["environmentId"]) == (shown["projectId"], shown["environmentId"])
    assert create(versori, ops)["projectId"] == shown["projectId"]
    assert not Project.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_environment_that_many_bring_at_once_is_adopted_once(api, bob, ops):
    api(bob)

    def bring(number):
        client = Client(headers={"authorization": f"Bearer trk_{bob.pk}_write"})
        return create(client, ops, title=str(number), projectId="shop")["environmentId"]

    found = at_once(8, bring)

    assert set(found) == {ENVIRONMENT}
    assert Environment.objects.count() == Project.objects.count() == 1
    assert Issue.objects.filter(environment__external_id=ENVIRONMENT).count() == 8
    assert_space_whole(ops)


# Writes.


def test_every_field_of_an_issue_changes_and_the_others_stay(versori, ops):
    issue = IssueFactory(space=ops, title="Sync stopped", reason="error", description="x")
    issue.labels = {"team": "orders", "flaky": ""}
    issue.save()
    wanted = {
        "reason": "manual",
        "message": "Twice a day\r\n",
        "title": "Sync stops",
        "labels": {"team": "payments"},
        "annotations": {"run": "r-18"},
        "severity": "low",
        "status": "acked",
    }

    for name, value in wanted.items():
        before = done(versori.get(path_of(issue)))
        found = done(patch(versori, issue, **{name: value}))

        assert found == before | {name: value}
    assert_whole(issue)


@pytest.mark.parametrize(
    "body, field",
    [
        ({"title": ""}, "title"),
        ({"title": None}, "title"),
        ({"message": None}, "message"),
        ({"reason": None}, "reason"),
        ({"labels": {"": "x"}}, "labels"),
        ({"labels": None}, "labels"),
        ({"annotations": {"a": None}}, "annotations.a"),
        ({"severity": "urgent"}, "severity"),
        ({"status": "pending"}, "status"),
        ({"status": None}, "status"),
        ({"resolutionStatus": "done"}, "resolutionStatus"),
        ({"resolvedAt": "yesterday"}, "resolvedAt"),
        ({"resolvedAt": "2026-01-15T10:30:00"}, "resolvedAt"),
        ({"resolvedAt": 7}, "resolvedAt"),
        ({"organisationId": NOWHERE}, "organisationId"),
    ],
)
def test_a_value_that_means_nothing_is_named_and_nothing_is_written(versori, ops, body, field):
    issue = IssueFactory(space=ops)
    before = Issue.objects.values().get(), history()

    response = patch(versori, issue, **{"title": "Another"} | body)

    assert refused(response) == ("invalid_argument", [field])
    assert (Issue.objects.values().get(), history()) == before


@pytest.mark.parametrize("status", Issue.Status.values)
@pytest.mark.parametrize("resolution", [None, *Issue.Resolution.values])
@pytest.mark.parametrize("severity", ["critical", "low", None])
def test_what_is_read_and_written_back_changes_nothing(versori, ops, status, resolution, severity):
    level = severity and LevelFactory(space=ops, key="OWN", severity=severity)
    issue = IssueFactory(space=ops, status=status, resolution=resolution, level=level, resolved_at=AT)
    issue.labels = {"flaky": "", "team": "orders"}
    issue.annotations = {"b": "1", "a": "2"}
    issue.save()
    before, entries = Issue.objects.values().get(), history()
    shown = done(versori.get(path_of(issue)))

    found = done(patch(versori, issue, **shown))

    assert found == shown
    assert (Issue.objects.values().get(), history()) == (before, entries)


def test_a_time_that_is_spelt_otherwise_is_the_same_time(versori, ops):
    issue = IssueFactory(space=ops, status="resolved", resolved_at=AT)
    before = Issue.objects.values().get()

    for spelling in ("2026-03-01T12:00:00+00:00", "2026-03-01T13:00:00.000+01:00"):
        done(patch(versori, issue, resolvedAt=spelling))

    assert Issue.objects.values().get() == before


@pytest.mark.parametrize("severity, key, shown", [("critical", "P0", "high"), ("medium", "P2", "medium")])
def test_critical_is_taken_and_shown_as_high(versori, ops, severity, key, shown):
    found = create(versori, ops, severity=severity)

    assert found["severity"] == shown
    assert Issue.objects.get().level.key == key


def test_a_custom_level_goes_by_its_severity_and_stays(versori, ops):
    issue = IssueFactory(space=ops, level=LevelFactory(space=ops, key="OWN", severity="critical"))

    assert done(patch(versori, issue, severity="high"))["severity"] == "high"
    issue.refresh_from_db()
    assert issue.level.key == "OWN"
    assert done(patch(versori, issue, severity="medium"))["severity"] == "medium"
    assert "severity" not in done(patch(versori, issue, severity=None))


def pair(document):
    return document["status"], document.get("resolutionStatus")


PAIRS = [
    (status, resolution)
    for status in Issue.Status.values
    for resolution in (None, *Issue.Resolution.values)
    if (status, resolution) not in [("closed", "ignored"), ("ignored", "resolved"), ("ignored", "negated")]
]


@pytest.mark.parametrize("status", ["open", "acked", "resolved", "closed"])
def test_a_status_and_a_resolution_that_are_written_together_are_read_together(versori, ops, status):
    for before in PAIRS:
        for resolution in RESOLUTION.meant:
            issue = IssueFactory(space=ops, status=before[0], resolution=before[1])
            wanted = {"status": status, "resolutionStatus": resolution}

            found = done(patch(versori, issue, **wanted))
            version = Issue.objects.values("version").get(pk=issue.pk)
            again = done(patch(versori, issue, **wanted))

            assert pair(found) == pair(again) == (status, resolution), before
            assert Issue.objects.values("version").get(pk=issue.pk) == version


@pytest.mark.parametrize(
    "before, status, after",
    [
        (("resolved", "ignored"), "closed", ("closed", "ignored")),
        (("resolved", "negated"), "closed", ("closed", "negated")),
        (("resolved", "next_release"), "closed", ("closed", "resolved")),
        (("ignored", None), "resolved", ("resolved", "resolved")),
        (("ignored", "ignored"), "resolved", ("resolved", "ignored")),
        (("excluded", None), "closed", ("closed", "ignored")),
        (("closed", "negated"), "open", ("open", None)),
        (("open", "negated"), "resolved", ("resolved", "resolved")),
        (("pending", "negated"), "acked", ("acked", "negated")),
    ],
)
def test_a_status_alone_keeps_the_resolution_within_its_group(versori, ops, before, status, after):
    issue = IssueFactory(space=ops, status=before[0], resolution=before[1])

    assert pair(done(patch(versori, issue, status=status))) == after


@pytest.mark.parametrize(
    "before", [("closed", "negated"), ("ignored", None), ("ignored", "ignored"), ("excluded", None)]
)
def test_a_resolution_can_be_taken_away(versori, ops, before):
    issue = IssueFactory(space=ops, status=before[0], resolution=before[1])

    assert pair(done(patch(versori, issue, resolutionStatus=None))) == ("closed", None)
    issue.refresh_from_db()
    assert (issue.status, issue.resolution) == ("closed", None)


@pytest.mark.parametrize("status", ["resolved", "closed"])
def test_resolving_stamps_the_time_and_opening_again_clears_it(versori, ops, status):
    issue = IssueFactory(space=ops)

    resolved = done(patch(versori, issue, status=status))["resolvedAt"]
    opened = done(patch(versori, issue, status="open"))

    assert abs(datetime.now(UTC) - datetime.fromisoformat(resolved)) < timedelta(minutes=1)
    assert (opened["resolvedAt"], pair(opened)) == (None, ("open", None))


@pytest.mark.parametrize("at", ["2026-03-01T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", None])
@pytest.mark.parametrize("before", ["open", "resolved", "ignored"])
@pytest.mark.parametrize("status", ["open", "resolved", "closed"])
def test_a_time_that_is_written_wins_over_the_stamp_and_is_on_record(versori, ops, at, before, status):
    for known in (None, AT):
        issue = IssueFactory(space=ops, status=before, resolved_at=known)

        found = done(patch(versori, issue, status=status, resolvedAt=at))

        assert (found["status"], found["resolvedAt"]) == (status, at)
        assert not list(Verifier(type(ops).objects.filter(pk=ops.pk)).problems())


def test_deleting_is_not_offered(versori, ops):
    issue = IssueFactory(space=ops)

    assert refused(versori.delete(path_of(issue)), 405)[0] == "unimplemented"
    issue.trash()
    assert refused(versori.get(path_of(issue)), 404)[0] == "not_found"


def test_another_sighting_shows(versori, ops):
    issue = IssueFactory(space=ops, created_at=AT)
    issue.count_sighting(at=AT + timedelta(hours=1))

    found = done(versori.get(path_of(issue)))

    assert (found["seenCount"], found["createdAt"]) == (2, "2026-03-01T12:00:00Z")
    assert found["lastSeenAt"] == "2026-03-01T13:00:00Z"


def test_the_reporter_is_nowhere_to_be_seen(versori, ops, alice):
    issue = IssueFactory(space=ops, reporter=alice, is_anonymous=True)

    response = versori.get(path_of(issue))

    assert b"Alice" not in response.content
    assert b"alice" not in response.content


# Lists.


def titles(client, space, **parameters):
    return "".join(row["title"] for row in done(client.get(list_path(space), parameters)))


def test_a_list_is_narrowed_by_what_versori_shows(versori, ops):
    custom = LevelFactory(space=ops, key="OWN", severity="critical")
    shop = ProjectFactory(space=ops, external_id="shop")
    production = EnvironmentFactory(space=ops)
    IssueFactory(space=ops, title="a", status="excluded", level=custom, project=shop)
    IssueFactory(space=ops, title="b", status="pending", level=None, environment=production)
    IssueFactory(space=ops, title="c", level=Level.objects.get(key="P1"))
    IssueFactory(space=SpaceFactory(), title="x")
    IssueFactory(space=ops, title="y").trash()
    default = ulid_of(ops.uuid)

    assert titles(versori, ops) == "cba"
    assert titles(versori, ops, status="closed") == "a"
    assert titles(versori, ops, status="acked") == "b"
    assert titles(versori, ops, status="resolved") == ""
    assert titles(versori, ops, severity="high") == "ca"
    assert titles(versori, ops, severity="critical") == "a"
    assert titles(versori, ops, severity="low") == ""
    assert (
        titles(versori, ops, project_id="shop") == titles(versori, ops, project_id=ulid_of(shop.uuid)) == "a"
    )
    assert titles(versori, ops, project_id=default) == "cb"
    assert titles(versori, ops, project_id=default, status="open", severity="high") == "c"
    assert titles(versori, ops, environment_id=ulid_of(production.uuid)) == "b"
    assert titles(versori, ops, environment_id=default) == "ca"
    assert titles(versori, ops, project_id="prod") == titles(versori, ops, environment_id=NOWHERE) == ""
    assert titles(versori, ops, status="", odd="x") == "cba"


@pytest.fixture
def seen(ops):
    """Issues that came in this order, were created in the opposite one, and seen last in neither."""
    return [
        IssueFactory(
            space=ops,
            title=title,
            created_at=AT - timedelta(days=day),
            first_seen_at=AT - timedelta(days=day),
            last_seen_at=AT + timedelta(days=seen),
        )
        for day, (title, seen) in enumerate((("a", 2), ("b", 4), ("c", 1), ("d", 3), ("e", 3)))
    ]


ORDERS = [({}, "edcba"), ({"search_date": "createdAt"}, "abcde"), ({"search_date": "lastSeenAt"}, "bedac")]


@pytest.mark.parametrize("order, expected", ORDERS)
def test_an_id_of_the_page_before_leads_on_and_back(versori, ops, seen, order, expected):
    ids = {issue.title: ulid_of(issue.uuid) for issue in seen}
    assert titles(versori, ops, **order) == expected

    for place, title in enumerate(expected):
        after, before = expected[place + 1 :], expected[:place]
        assert titles(versori, ops, after=ids[title], **order) == after
        assert titles(versori, ops, after=ids[title].lower(), first=2, **order) == after[:2]
        assert titles(versori, ops, before=ids[title], **order) == before
        assert titles(versori, ops, before=ids[title], first=2, **order) == before[-2:]
        assert titles(versori, ops, after=ids[expected[0]], before=ids[title], **order) == before[1:]


def test_a_cursor_leads_on_when_its_issue_is_gone(versori, ops, seen):
    seen[2].trash()

    assert titles(versori, ops, after=ulid_of(seen[2].uuid)) == "ba"


def test_a_cursor_tells_nothing_of_other_spaces(versori, ops):
    theirs = IssueFactory()

    answers = [versori.get(list_path(ops), {"after": id}) for id in (NOWHERE, ulid_of(theirs.uuid))]

    assert [refused(answer) for answer in answers] == [("invalid_argument", ["after"])] * 2


@pytest.mark.parametrize(
    "parameters, expected",
    [
        # The times are shown as 12:00:00, and compared as they are shown.
        ({"after": "2026-02-27T12:00:00Z"}, "ba"),
        ({"after": "2026-02-27T11:59:59.9Z"}, "cba"),
        ({"before": "2026-02-27T12:00:00Z"}, "ed"),
        ({"before": "2026-02-27T12:00:00.1Z"}, "edc"),
        ({"before": "2026-02-27T14:00:01+02:00"}, "edc"),
        ({"after": "2026-02-25T12:00:00Z", "before": "2026-02-28T12:00:00Z"}, "dc"),
        ({"after": "2026-03-03T12:00:00Z", "search_date": "lastSeenAt"}, "bed"),
        ({"before": "2026-03-03T12:00:00Z", "search_date": "lastSeenAt"}, "c"),
        ({"before": "2026-02-27T12:00:00Z", "search_date": "createdAt"}, "de"),
        ({"before": "9999-12-31T23:59:59.999999Z"}, "edcba"),
    ],
)
def test_a_time_bounds_the_date(versori, ops, seen, parameters, expected):
    assert titles(versori, ops, **parameters) == expected


def test_a_time_and_an_id_go_together(versori, ops, seen):
    assert titles(versori, ops, after=ulid_of(seen[3].uuid), before="2026-03-01T12:00:00Z") == "cb"


def test_a_page_has_20_issues_and_at_most_100(versori, ops):
    for _ in range(101):
        IssueFactory(space=ops, title="x")

    sizes = {first: len(titles(versori, ops, first=first)) for first in ("", "0", "7", "100", "1000")}

    assert sizes == {"": 20, "0": 20, "7": 7, "100": 100, "1000": 100}


@pytest.mark.parametrize(
    "name, value",
    [
        ("first", "-1"),
        ("first", "x"),
        ("status", "pending"),
        ("severity", "urgent"),
        ("search_date", "updatedAt"),
        ("after", "x"),
        ("before", "2026-01-01"),
        ("before", "2026-01-01T00:00:00"),
    ],
)
def test_a_parameter_that_means_nothing_is_named(versori, ops, name, value):
    assert refused(versori.get(list_path(ops), {name: value})) == ("invalid_argument", [name])


def test_a_page_costs_the_same_however_many_issues_it_has(versori, ops, seen, django_assert_num_queries):
    shop = ProjectFactory(space=ops, external_id="shop")
    for issue in seen[:3]:
        issue.project = shop
        issue.save()
    asked = {
        "first": 1,
        "after": ulid_of(seen[1].uuid),
        "search_date": "lastSeenAt",
        "severity": "high",
        "project_id": "shop",
    }
    done(versori.get(list_path(ops), asked))

    with django_assert_num_queries(3):
        titles(versori, ops, first=1)
    with django_assert_num_queries(3):
        titles(versori, ops, first=5)
    with django_assert_num_queries(6):
        titles(versori, ops, **asked)


# Credentials and errors.


def test_the_scheme_may_be_jwt_as_well(ops, bob):
    TokenFactory(secret="trk_cli", user=bob, space=ops)

    answers = [
        Client(headers={"authorization": f"{scheme} {secret}"}).get(list_path(ops))
        for scheme, secret in (
            ("JWT", "trk_cli"),
            ("jwt", "trk_cli"),
            ("JWT", "trk_no"),
            ("Basic", "trk_cli"),
        )
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 401, 401]
    native = Client(headers={"authorization": "JWT trk_cli"}).get("/api/issues/")
    assert native.status_code == 401


def test_what_is_wrong_with_a_body_as_a_whole_is_said_without_a_name(versori, ops):
    response = send(versori, "patch", path_of(IssueFactory(space=ops)), ["title"])

    assert refused(response) == ("invalid_argument", [])
    assert response.json()["message"].startswith("Invalid data.")


def test_errors_are_in_the_shape_of_versori(versori, api, vera, ops):
    issue, path = IssueFactory(space=ops), list_path(ops)
    huge = '"' + "x" * 3_000_000 + '"'
    answers = {
        401: Client().get(path),
        403: send(api(vera), "post", path, body_for(ops)),
        404: versori.get(f"{path}/"),
        405: send(versori, "put", path_of(issue), {}),
        415: versori.generic("POST", path, "{}", content_type="text/plain"),
        400: versori.generic("POST", path, "[]", content_type="application/json"),
        413: versori.generic("POST", path, huge, content_type="application/json"),
    }

    codes = {status: refused(answer, status)[0] for status, answer in answers.items()}

    assert codes == {
        400: "invalid_argument",
        401: "unauthenticated",
        403: "permission_denied",
        404: "not_found",
        405: "unimplemented",
        413: "invalid_argument",
        415: "invalid_argument",
    }
    assert refused(patch(api(vera), issue, title="Mine"), 403)[0] == "permission_denied"
    assert refused(send(api(vera, "read"), "post", path, body_for(ops)), 403)[0] == "permission_denied"
    assert refused(versori.get("/api/v2/o/x/projects"), 404)[0] == "not_found"
    assert refused(versori.get(f"{path}/%00"), 404)[0] == "not_found"
