"""Zylon's API at its own paths: its documents, its words, its errors."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from issues.models import HistoryEntry, Issue
from tests.calls import done, send
from tests.factories import CommentFactory, IssueFactory, MembershipFactory, ProjectFactory, SpaceFactory

LIST = "/api/v1/app/issue"
NOWHERE = "issue_0190a6c47b1e7c3a9d520123456789ab"
BODY = {
    "description": "Response missed the attached policy details.",
    "resource_type": "Thread",
    "type": "NoContextUsed",
    "anonymous": False,
}


@pytest.fixture
def zylon(api, bob):
    return api(bob)


def path_of(issue):
    return f"{LIST}/issue_{issue.uuid.hex}"


def refused(response, status=400):
    """(code, message) of a refusal."""
    assert response.status_code == status, response.content
    assert response.json().keys() == {"error"}
    return response.json()["error"]["code"], response.json()["error"]["message"]


def test_an_issue_is_created_with_all_that_the_page_names(zylon, ops, bob):
    found = done(send(zylon, "post", LIST, BODY | {"unheard_of": 1}))

    issue = Issue.objects.get()
    at = f"{issue.created_at:%Y-%m-%dT%H:%M:%SZ}"
    assert found == {
        "id": f"issue_{issue.uuid.hex}",
        "issue_number": 1,
        "description": "Response missed the attached policy details.",
        "resource_type": "Thread",
        "type": "NoContextUsed",
        "state": "NotReviewed",
        "is_read": False,
        "created_at": at,
        "updated_at": at,
        "created_by": {
            "id": f"user_{bob.uuid.hex}",
            "org_id": f"org_{ops.uuid.hex}",
            "account_id": f"acct_{bob.uuid.hex}",
            "name": "Bob Colleague",
            "email": "bob@example.com",
            "state": "Active",
            "roles": ["AppMember"],
            "created_at": f"{bob.date_joined:%Y-%m-%dT%H:%M:%SZ}",
        },
    }
    assert done(zylon.get(path_of(issue))) == found
    assert done(zylon.get(LIST))["data"] == [found]
    assert issue.title == "Response missed the attached policy details."
    assert {entry.source for entry in HistoryEntry.objects.filter(issue=issue)} == {"zylon"}


@pytest.mark.parametrize(
    "change, code",
    [
        ({"type": None}, "invalid_request"),
        ({"type": "Odd"}, "invalid_request"),
        ({"resource_type": "Page"}, "invalid_request"),
        ({"description": 7}, "invalid_request"),
        ({"anonymous": "no"}, "invalid_request"),
        ({"project_id": NOWHERE}, "invalid_request"),
    ],
)
def test_what_is_wrong_with_a_new_issue_is_named(zylon, change, code):
    found, message = refused(send(zylon, "post", LIST, BODY | change))

    assert found == code
    assert message.startswith(next(iter(change)))
    assert not Issue.objects.exists()


def test_an_anonymous_reporter_is_left_out(zylon, api, alice):
    found = done(send(zylon, "post", LIST, BODY | {"anonymous": True}))

    assert "created_by" not in found
    assert "created_by" not in done(api(alice).get(f"{LIST}/{found['id']}"))


@pytest.mark.parametrize("config", [{}, {"thread_id": "t1"}])
def test_the_config_is_shown_as_it_was_given(zylon, ops, config):
    found = done(send(zylon, "post", LIST, BODY | {"config": config}))

    assert found["data"] == config
    assert done(zylon.get(f"{LIST}/{found['id']}")) == found


def test_a_missing_is_read_is_false_in_a_put_and_left_alone_in_a_patch(zylon, ops):
    issue = IssueFactory(space=ops, is_read=True)

    assert done(send(zylon, "patch", path_of(issue), {"state": "InReview"}))["is_read"] is True
    found = done(send(zylon, "put", path_of(issue), {"state": "InReview"}))

    issue.refresh_from_db()
    assert (found["state"], found["is_read"], issue.status) == ("InReview", False, "in_progress")


@pytest.mark.parametrize("status", Issue.Status.values)
def test_what_is_read_and_written_back_changes_nothing(zylon, ops, status):
    config = {"thread_id": "t1", "reported_interaction_id": "i1"}
    issue = IssueFactory(space=ops, status=status, kind="odd", extensions={"zylon": {"config": config}})
    before, entries = Issue.objects.values().get(), HistoryEntry.objects.count()
    shown = done(zylon.get(path_of(issue)))

    found = done(send(zylon, "put", path_of(issue), shown))

    assert found == shown
    assert (shown["type"], shown["data"]) == ("Other", config)
    assert Issue.objects.values().get() == before
    assert HistoryEntry.objects.count() == entries


def test_an_unknown_state_is_an_invalid_state(zylon, ops):
    issue = IssueFactory(space=ops)

    assert refused(send(zylon, "put", path_of(issue), {"state": "Odd"}))[0] == "invalid_state"


def test_deleting_leaves_the_issue_to_those_who_ask_for_deleted_ones(zylon, ops):
    kept, gone, shown = (IssueFactory(space=ops) for _ in range(3))

    assert done(zylon.delete(path_of(gone)), 204) is None
    assert done(send(zylon, "put", path_of(shown), {"state": "Deleted"}))["state"] == "Deleted"

    assert refused(zylon.get(path_of(gone)), 404)[0] == "not_found"
    assert refused(zylon.delete(path_of(gone)), 404)[0] == "not_found"
    assert [row["issue_number"] for row in done(zylon.get(LIST))["data"]] == [kept.number]
    found = done(zylon.get(LIST, {"states": "Deleted"}))
    assert [(row["issue_number"], row["state"]) for row in found["data"]] == [
        (shown.number, "Deleted"),
        (gone.number, "Deleted"),
    ]
    assert done(zylon.get(LIST, {"states": "Deleted,NotReviewed"}))["total_count"] == 3


def test_a_viewer_deletes_nothing(api, vera, ops):
    issue = IssueFactory(space=ops)

    assert refused(send(api(vera), "put", path_of(issue), {"state": "Deleted"}), 403)[0] == "forbidden"
    assert refused(api(vera).delete(path_of(issue)), 403)[0] == "forbidden"


# Lists.


def numbers(client, **parameters):
    return [row["issue_number"] for row in done(client.get(LIST, parameters))["data"]]


def test_a_list_is_narrowed_by_what_zylon_shows(zylon, ops, alice, bob):
    project = ProjectFactory(space=ops, name="Support")
    IssueFactory(space=ops, number=1, status="excluded", kind="Format", reporter=alice)
    IssueFactory(space=ops, number=2, status="open", kind="odd", reporter=bob, project=project)
    IssueFactory(space=ops, number=3, status="pending", reporter=bob, is_anonymous=True, description="Policy")
    IssueFactory(space=SpaceFactory())

    assert numbers(zylon) == [3, 2, 1]
    assert numbers(zylon, page_order="ASC") == [1, 2, 3]
    assert numbers(zylon, states="Closed") == [1]
    assert numbers(zylon, states="InReview,NotReviewed") == [3, 2]
    assert numbers(zylon, type="Format") == [1]
    assert numbers(zylon, type="Other") == [3, 2]
    assert numbers(zylon, created_by=f"user_{bob.uuid.hex}") == [2]
    assert numbers(zylon, projects=f"project_{project.uuid.hex}") == [2]
    assert numbers(zylon, projects="project_x") == []
    assert numbers(zylon, filter_by_text='poli"cy') == []
    assert numbers(zylon, filter_by_text="policy") == [3]
    assert numbers(zylon, start_date="4102444800000") == []
    assert numbers(zylon, end_date="4102444800000") == [3, 2, 1]
    (only,) = done(zylon.get(LIST, {"projects": f"project_{project.uuid.hex}", "include": "Project"}))["data"]
    assert only["project"] == {"id": f"project_{project.uuid.hex}", "name": "Support"}


def test_pages_by_number_and_by_cursor_lead_on_to_each_other(zylon, ops):
    for number in range(1, 6):
        IssueFactory(space=ops, number=number)

    first = done(zylon.get(LIST, {"page": 1, "page_size": 2}))
    second = done(zylon.get(LIST, {"after": first["next_cursor"], "first": 2}))
    back = done(zylon.get(LIST, {"before": second["previous_cursor"], "last": 2}))
    last = done(zylon.get(LIST, {"page": 3, "page_size": 2}))

    assert [[row["issue_number"] for row in page["data"]] for page in (first, second, back, last)] == [
        [5, 4],
        [3, 2],
        [5, 4],
        [1],
    ]
    assert [(page["has_next_page"], page["has_previous_page"]) for page in (first, second, last)] == [
        (True, False),
        (True, True),
        (False, True),
    ]
    assert first["total_count"] == last["total_count"] == 5


def test_the_total_is_left_out_for_whom_it_does_not_concern(zylon, ops):
    IssueFactory.create_batch(2, space=ops)

    first = done(zylon.get(LIST, {"page_size": 1, "total_count": "false"}))
    rest = done(zylon.get(LIST, {"after": first["next_cursor"], "total_count": "false"}))

    assert "total_count" not in first and "total_count" not in rest
    assert (first["has_next_page"], rest["has_next_page"]) == (True, False)
    assert done(zylon.get(LIST, {"total_count": "true"}))["total_count"] == 2
    assert refused(zylon.get(LIST, {"total_count": "perhaps"}))


def test_a_page_is_asked_for_from_either_end_without_a_cursor(zylon, ops):
    for number in range(1, 6):
        IssueFactory(space=ops, number=number)

    last = done(zylon.get(LIST, {"last": 2}))

    assert numbers(zylon, first=2) == numbers(zylon, first=2, last=1) == [5, 4]
    assert numbers(zylon, first=2, page=2) == [3, 2]
    assert [row["issue_number"] for row in last["data"]] == [2, 1]
    assert (last["has_next_page"], last["has_previous_page"]) == (False, True)
    assert numbers(zylon, before=last["previous_cursor"]) == [5, 4, 3]


def test_before_a_page_past_the_end_comes_the_last_one(zylon, ops):
    assert done(zylon.get(LIST, {"page": 9}))["has_previous_page"] is False
    for number in range(1, 4):
        IssueFactory(space=ops, number=number)

    past = done(zylon.get(LIST, {"page": 9, "page_size": 2}))

    assert (past["data"], past["has_next_page"], past["has_previous_page"]) == ([], False, True)
    assert numbers(zylon, before=past["previous_cursor"], last=2) == [2, 1]


def test_a_time_that_is_shown_finds_its_issue_and_no_other_time_does(zylon, ops):
    IssueFactory(space=ops, number=1, created_at=datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC))
    second = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * 1_000

    assert numbers(zylon, start_date=second, end_date=second) == [1]
    assert numbers(zylon, start_date=second + 1) == []
    assert numbers(zylon, end_date=second - 1) == []
    assert numbers(zylon, end_date="253402300799999") == [1]
    assert numbers(zylon, start_date="253402300799999") == []


@pytest.mark.parametrize(
    "name, value",
    [
        ("page", "0"),
        ("page_size", "x"),
        ("states", "open"),
        ("type", "odd"),
        ("start_date", "-1"),
        ("after", "x"),
    ],
)
def test_a_parameter_that_means_nothing_is_named(zylon, name, value):
    code, message = refused(zylon.get(LIST, {name: value}))

    assert code == "invalid_request"
    assert message.startswith(name)


def test_an_organisation_is_named_by_its_key_or_its_id(api, bob, ops):
    other = SpaceFactory(key="DATA")
    MembershipFactory(space=other, user=bob, role="member")
    stranger = SpaceFactory(key="SECRET")
    client = api(bob)
    IssueFactory(space=ops, number=1)
    IssueFactory(space=other, number=7)

    assert numbers(client) == [1]
    for name in ("data", f"org_{other.uuid.hex}", str(other.uuid)):
        found = done(client.get(LIST, headers={"x-org": name}))
        assert [row["issue_number"] for row in found["data"]] == [7]
    for name in ("SECRET", f"org_{stranger.uuid.hex}", "nonsense"):
        assert refused(client.get(LIST, headers={"x-org": name}), 404)[0] == "not_found"


def test_errors_are_in_the_shape_of_zylon(zylon, api, vera, ops):
    issue = IssueFactory(space=ops)
    answers = {
        401: Client().get(LIST),
        403: send(api(vera), "post", LIST, BODY),
        404: zylon.get(f"{LIST}/"),
        405: send(zylon, "post", path_of(issue), {}),
        415: zylon.generic("POST", LIST, "{}", content_type="text/plain"),
        400: zylon.generic("POST", LIST, "[]", content_type="application/json"),
        413: zylon.generic("POST", LIST, '"' + "x" * 3_000_000 + '"', content_type="application/json"),
    }

    codes = {status: refused(answer, status)[0] for status, answer in answers.items()}

    assert codes == {
        400: "invalid_request",
        401: "unauthenticated",
        403: "forbidden",
        404: "not_found",
        405: "method_not_allowed",
        413: "request_too_large",
        415: "unsupported_media_type",
    }
    assert refused(zylon.get(f"{LIST}/{NOWHERE}"), 404)[0] == "not_found"
    assert refused(zylon.get("/api/v1/app/other"), 404)[0] == "not_found"


def test_what_is_internal_is_not_found_by_a_text(zylon, ops, bob):
    issue = IssueFactory(space=ops, title="One", description="A policy")
    CommentFactory(issue=issue, author=bob, content="a secret leak", is_internal=True)

    assert numbers(zylon, filter_by_text="leak") == []
    assert numbers(zylon, filter_by_text="POLICY") == [1]
    assert numbers(zylon, filter_by_text=" ") == []
    assert refused(zylon.get(LIST, {"filter_by_text": "x" * 2_001}))[0] == "invalid_request"
    assert done(zylon.get(LIST, {"filter_by_text": "x" * 2_000}))["data"] == []


def test_the_next_page_goes_on_where_the_last_one_ended(zylon, ops):
    for number in range(1, 8):
        IssueFactory(space=ops, number=number)

    assert numbers(zylon, page=1, page_size=3) == [7, 6, 5]
    IssueFactory(space=ops, number=8)

    assert numbers(zylon, page=2, page_size=3) == [4, 3, 2]


def test_a_cursor_of_the_trash_stays_in_it(zylon, ops):
    for number in range(1, 9):
        issue = IssueFactory(space=ops, number=number)
        if number > 3:
            issue.trash()
    asked = {"states": "Deleted", "page_size": 2}

    first = done(zylon.get(LIST, asked))
    second = done(zylon.get(LIST, asked | {"after": first["next_cursor"]}))
    back = done(zylon.get(LIST, asked | {"before": second["previous_cursor"]}))

    shown = [[(row["issue_number"], row["state"]) for row in page["data"]] for page in (first, second, back)]
    assert shown == [
        [(8, "Deleted"), (7, "Deleted")],
        [(6, "Deleted"), (5, "Deleted")],
        [(8, "Deleted"), (7, "Deleted")],
    ]


def test_a_token_that_only_reads_may_ask_for_headers(api, bob, ops):
    assert api(bob, "read").head(LIST).status_code == 200


def test_extensions_that_are_none_of_ours_hide_no_issue(zylon, ops):
    for own in (5, None, [], {"config": 5}):
        IssueFactory(space=ops, extensions={"zylon": own})

    found = done(zylon.get(LIST))

    assert [row.get("data") for row in found["data"]] == [None] * 4
