"""`import_issues`: issues come in with their past, once, and garbage stays out."""

import io
import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from comments.models import Comment
from issues.models import HistoryEntry, Issue, Membership, Outbox, Space
from tests.factories import CommentFactory, IssueFactory, UserFactory
from tracker import github
from tracker.accounts.models import User

ARCHIVED = {
    "number": 7,
    "id": "MDU6SXNzdWU3",
    "title": "Rotation is unclear ",
    "url": "https://example.com/issues/7",
    "state": "CLOSED",
    "author": "octocat",
    "authorAssociation": "CONTRIBUTOR",
    "assignees": ["hubot", "mona"],
    "labels": ["editorial", "ready for PR"],
    "body": "See #3.\r\n\r\n    *indented*  \n\tünï ✓",
    "createdAt": "2019-01-07T10:00:00Z",
    "updatedAt": "2019-03-01T12:00:00Z",
    "closedAt": "2019-02-01T12:00:00Z",
    "comments": [
        {
            "author": "mona",
            "authorAssociation": "MEMBER",
            "body": "Agreed.\r\n",
            "createdAt": "2019-01-08T10:00:00Z",
            "updatedAt": "2019-01-09T10:00:00Z",
        },
        {
            "author": "octocat",
            "body": "Done by #9",
            "createdAt": "2019-02-01T12:00:00Z",
            "updatedAt": "2019-02-01T12:00:00Z",
        },
        {
            "author": "hubot",
            "body": "Thanks",
            "createdAt": "2019-03-01T12:00:00Z",
            "updatedAt": "2019-03-01T12:00:00Z",
        },
    ],
}
LISTED = {
    "number": 8,
    "title": "Crash at start",
    "body": None,
    "state": "OPEN",
    "stateReason": "",
    "author": {"id": "x", "is_bot": False, "login": "octocat", "name": "The Octocat"},
    "assignees": [{"id": "y", "login": "mona", "name": ""}],
    "labels": [{"id": "z", "name": "bug", "description": "It is broken", "color": "d73a4a"}],
    "milestone": {"number": 1, "title": "v1", "dueOn": None},
    "comments": [
        {
            "id": "IC_1",
            "author": {"login": "hubot"},
            "body": "Same here",
            "createdAt": "2024-05-02T08:00:00Z",
            "url": "https://example.com/issues/8#issuecomment-1",
        }
    ],
    "createdAt": "2024-05-01T08:00:00Z",
    "updatedAt": "2024-05-02T08:00:00Z",
    "closedAt": None,
    "url": "https://example.com/issues/8",
}


def utc(*moment):
    return datetime(*moment, tzinfo=UTC)


@pytest.fixture
def root(db):
    """The superuser, who becomes admin of a new space."""
    return UserFactory(email="root@example.com", is_superuser=True)


@pytest.fixture
def run(tmp_path):
    """A function that imports records and gives what was said of it."""

    def run(*records, form=list, data=None, **options):
        file = tmp_path / "export.json"
        document = {"repo": "acme/rocket", "issues": records} if form is dict else records
        file.write_bytes(json.dumps(document).encode() if data is None else data)
        said, complained = io.StringIO(), io.StringIO()
        options = {"space": "MLS", "format": "github", **options}
        try:
            call_command("import_issues", str(file), stdout=said, stderr=complained, **options)
            outcome = ""
        except CommandError as error:
            outcome = str(error)
        return SimpleNamespace(said=said.getvalue(), complaints=complained.getvalue(), error=outcome)

    return run


def holds():
    said = io.StringIO()
    call_command("verify_history", stdout=said)
    return said.getvalue().startswith("History holds")


def the_issue(number=7):
    return Issue.objects.get(space__key="MLS", number=number)


# What comes in.


def test_an_archived_issue_keeps_what_it_was(root, run):
    result = run(ARCHIVED, form=dict)

    issue = the_issue()
    assert (issue.title, issue.description) == (ARCHIVED["title"], ARCHIVED["body"])
    assert (issue.status, issue.resolved_at, issue.closed_at) == ("closed", *[utc(2019, 2, 1, 12)] * 2)
    assert (issue.created_at, issue.updated_at) == (utc(2019, 1, 7, 10), utc(2019, 3, 1, 12))
    assert issue.labels == {"editorial": "", "ready for PR": ""}
    assert (issue.reporter.handle, issue.assignee.handle) == ("octocat", "hubot")
    assert issue.extensions == {
        "github": {
            "id": "MDU6SXNzdWU3",
            "url": "https://example.com/issues/7",
            "authorAssociation": "CONTRIBUTOR",
            "assignees": ["mona"],
        }
    }
    assert (result.said, result.complaints, result.error) == ("1 issue imported.\n", "", "")


def test_comments_keep_what_they_were(root, run):
    run(ARCHIVED, form=dict)

    first, second, _ = Comment.objects.filter(issue=the_issue())
    assert (first.content, first.author.handle) == ("Agreed.\r\n", "mona")
    assert (first.created_at, first.edited_at) == (utc(2019, 1, 8, 10), utc(2019, 1, 9, 10))
    assert first.extensions == {"github": {"authorAssociation": "MEMBER"}}
    assert (second.created_at, second.edited_at) == (utc(2019, 2, 1, 12), None)


def test_a_listed_issue_keeps_what_it_was(root, run):
    run(LISTED)

    issue, comment = the_issue(8), Comment.objects.get()
    assert (issue.description, issue.status, issue.closed_at) == ("", "open", None)
    assert (issue.reporter.name, issue.assignee.name, issue.labels) == ("octocat", "mona", {"bug": ""})
    assert issue.extensions["github"] == {"url": "https://example.com/issues/8", "milestone": "v1"}
    assert comment.extensions["github"] == {
        "id": "IC_1",
        "url": "https://example.com/issues/8#issuecomment-1",
    }


def test_a_list_of_a_few_columns_is_enough(root, run):
    run({"number": 1, "title": "Short", "createdAt": "2024-05-01T08:00:00+02:00"})

    issue = the_issue(1)
    assert (issue.status, issue.reporter, issue.created_at) == ("open", None, utc(2024, 5, 1, 6))
    assert issue.updated_at == issue.created_at


@pytest.mark.parametrize(
    ("reason", "status"),
    [("COMPLETED", "closed"), ("NOT_PLANNED", "ignored"), ("DUPLICATE", "closed"), (None, "closed")],
)
def test_the_reason_of_closing_decides_the_status(root, run, reason, status):
    run(ARCHIVED | {"stateReason": reason})

    assert the_issue().status == status


def test_the_past_becomes_history_in_its_own_time(root, run):
    run(ARCHIVED, form=dict)

    entries = HistoryEntry.objects.filter(issue=the_issue()).order_by("position")
    assert [(e.action, e.actor and e.actor.handle, e.created_at) for e in entries] == [
        ("created", "octocat", utc(2019, 1, 7, 10)),
        ("comment_added", "mona", utc(2019, 1, 8, 10)),
        ("comment_added", "octocat", utc(2019, 2, 1, 12)),
        ("status_changed", None, utc(2019, 2, 1, 12)),
        ("comment_added", "hubot", utc(2019, 3, 1, 12)),
    ]
    assert {entry.source for entry in HistoryEntry.objects.all()} == {"import"}
    assert holds()


def test_ids_tell_the_time_of_creation(root, run):
    run(ARCHIVED, form=dict)

    for row in (the_issue(), Comment.objects.first()):
        assert (row.uuid.version, row.uuid.int >> 80) == (7, row.created_at.timestamp() * 1000)


def test_issues_go_in_by_age_and_numbers_go_on_after_the_last(root, run):
    run(LISTED, ARCHIVED, LISTED | {"number": 9, "createdAt": "2018-01-01T00:00:00Z"})

    assert [issue.number for issue in Issue.objects.order_by("id")] == [9, 7, 8]
    assert IssueFactory(space=Space.objects.get(key="MLS")).number == 10


def test_nobody_is_told_of_old_news(root, run):
    run(ARCHIVED, LISTED)

    assert not Outbox.objects.exists()


# People and the space.


def test_a_missing_space_is_made_with_the_superusers_as_admins(root, run):
    run(ARCHIVED, form=dict, space="mls")

    space = Space.objects.get()
    assert (space.key, space.name) == ("MLS", "acme/rocket")
    assert [m.user for m in Membership.objects.filter(role="admin")] == [root]


def test_the_admin_and_the_name_of_a_new_space_can_be_chosen(root, run):
    somebody = UserFactory(email="owner@example.com")

    run(ARCHIVED, admin="Owner@example.com", name="Rockets")

    assert Space.objects.get().name == "Rockets"
    assert [m.user for m in Membership.objects.filter(role="admin")] == [somebody]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"admin": "nobody@example.com"}, "There is no nobody@example.com to be admin of MLS"),
        ({"admin": "owner@example.com", "space": "no key"}, "The space NO KEY cannot be made: key: "),
        ({"admin": "owner@example.com", "name": "x" * 257}, "The space MLS cannot be made: name: "),
    ],
)
def test_a_space_that_cannot_be_made_is_refused(db, run, options, reason):
    UserFactory(email="owner@example.com")

    result = run(ARCHIVED, **options)

    assert result.error.startswith(reason)
    assert not Space.objects.exists()


def test_a_space_is_made_even_if_nobody_can_be_its_admin_yet(db, run):
    run(ARCHIVED)

    assert Space.objects.get().key == "MLS"
    assert not Membership.objects.filter(role="admin").exists()


def test_a_number_links_where_its_issue_exists_and_stays_text_where_not(root, run):
    run(ARCHIVED | {"number": 7, "body": "#8 and #99"}, LISTED | {"number": 8})

    html = Issue.objects.get(number=7).description_rendered
    assert 'href="/issues/MLS-8/"' in html
    assert "#99" in html and "MLS-99" not in html


def test_members_are_found_by_handle_or_name_in_any_case(ops, alice, bob, run):
    alice.handle = "OctoCat"
    alice.save()
    bob.name = "Hubot"
    bob.save()

    run(ARCHIVED, space="OPS")

    issue = Issue.objects.get()
    assert (issue.reporter, issue.assignee) == (alice, bob)


def test_a_person_of_another_space_is_a_stranger(ops, charlie, run):
    charlie.handle = "octocat"
    charlie.save()

    run(ARCHIVED, space="OPS")

    assert Issue.objects.get().reporter != charlie


def test_a_missing_person_becomes_a_viewer_who_cannot_sign_in(root, run):
    run(ARCHIVED)

    person = User.objects.get(handle="mona")
    assert (person.name, person.email, person.has_usable_password()) == ("mona", None, False)
    assert person.memberships.get().role == "viewer"


@pytest.mark.parametrize("author", [None, "", {"login": ""}, {"login": None}, {}])
def test_who_is_gone_is_nobody(root, run, author):
    run(ARCHIVED | {"author": author, "comments": [ARCHIVED["comments"][0] | {"author": author}]})

    assert (the_issue().reporter, Comment.objects.get().author) == (None, None)


# Again.


def everything():
    return [
        list(model.objects.order_by("pk").values())
        for model in (Issue, Comment, HistoryEntry, User, Membership, Space)
    ]


def test_a_second_run_changes_nothing_and_says_so(root, run):
    run(ARCHIVED, LISTED)
    before = everything()

    result = run(ARCHIVED, LISTED)

    assert result.said == "2 issues unchanged.\n"
    assert everything() == before


def test_an_older_file_changes_nothing(root, run):
    run(ARCHIVED)

    result = run(ARCHIVED | {"title": "Before", "updatedAt": "2019-03-01T11:00:00Z"})

    assert result.said == "1 issue unchanged.\n"
    assert the_issue().title == ARCHIVED["title"]


def newer(record, **changes):
    return record | {"updatedAt": "2024-06-01T00:00:00Z"} | changes


def test_a_newer_file_brings_what_changed(root, run):
    run(LISTED)
    edited = LISTED["comments"][0] | {"body": "Same here, twice", "updatedAt": "2024-05-20T00:00:00Z"}
    added = {"author": {"login": "new"}, "body": "Fixed", "createdAt": "2024-05-30T00:00:00Z"}

    result = run(
        newer(
            LISTED,
            title="Crash at startup",
            labels=[{"name": "bug"}, {"name": "fixed"}],
            assignees=[],
            milestone=None,
            state="CLOSED",
            stateReason="COMPLETED",
            closedAt="2024-05-31T00:00:00Z",
            comments=[edited, added],
        )
    )

    issue = the_issue(8)
    assert result.said == "1 issue updated.\n"
    assert (issue.title, issue.assignee, issue.status) == ("Crash at startup", None, "closed")
    assert (issue.closed_at, issue.updated_at) == (utc(2024, 5, 31), utc(2024, 6, 1))
    assert issue.labels == {"bug": "", "fixed": ""}
    assert issue.extensions["github"] == {
        "url": "https://example.com/issues/8",
        "stateReason": "COMPLETED",
    }
    assert [c.content for c in issue.comments.all()] == ["Same here, twice", "Fixed"]
    assert issue.comments.first().edited_at == utc(2024, 5, 20)
    assert not HistoryEntry.objects.exclude(source="import").exists()
    assert holds()


def test_what_a_newer_file_leaves_out_stays(root, run):
    run(LISTED | {"body": "Text"})

    run(
        {"number": 8, "title": "Crash", "createdAt": LISTED["createdAt"], "updatedAt": "2024-06-01T00:00:00Z"}
    )

    issue = the_issue(8)
    assert (issue.title, issue.description, issue.assignee.name) == ("Crash", "Text", "mona")
    assert (issue.labels, issue.comments.count()) == ({"bug": ""}, 1)
    assert issue.extensions["github"]["milestone"] == "v1"


def test_a_comment_that_is_gone_goes_to_the_trash(root, run):
    run(LISTED)

    run(newer(LISTED, comments=[]))

    assert Comment.objects.get().deleted_at == utc(2024, 6, 1)
    assert holds()


def test_an_issue_that_was_opened_and_closed_again_has_its_new_time(root, run):
    run(ARCHIVED)

    run(newer(ARCHIVED, closedAt="2024-05-31T00:00:00Z"))

    statuses = HistoryEntry.objects.filter(field="status").order_by("position")
    assert [entry.new_value for entry in statuses] == ['"closed"', '"open"', '"closed"']
    assert the_issue().closed_at == utc(2024, 5, 31)
    assert holds()


def test_both_forms_know_each_others_comments(root, run):
    run(ARCHIVED, form=dict)
    comments = [
        c | {"author": {"login": c["author"]}, "id": f"IC_{n}"} for n, c in enumerate(ARCHIVED["comments"])
    ]

    run(newer(ARCHIVED, author={"login": "octocat"}, comments=comments))

    ids = [comment.extensions["github"]["id"] for comment in Comment.objects.all()]
    assert ids == ["IC_0", "IC_1", "IC_2"]


def test_an_issue_that_was_changed_here_is_left_alone(root, run):
    run(ARCHIVED)
    issue = the_issue()
    issue.title = "Ours"
    issue.save()

    result = run(newer(ARCHIVED, title="Theirs"))

    assert result.said == "MLS-7 was changed here since its import and is left alone.\n"
    assert the_issue().title == "Ours"


def test_an_issue_that_was_commented_on_here_is_left_alone(root, run):
    run(ARCHIVED)
    CommentFactory(issue=the_issue())

    result = run(newer(ARCHIVED, title="Theirs"))

    assert result.said == "MLS-7 was changed here since its import and is left alone.\n"


def test_an_issue_that_was_not_imported_is_left_alone(ops, run):
    IssueFactory(space=ops, title="Ours")

    result = run(newer(LISTED, number=1), LISTED, space="OPS")

    assert result.said == "1 issue imported.\nOPS-1 was not imported and is left alone.\n"
    assert Issue.objects.get(number=1).title == "Ours"


# What cannot be taken.

TOO_EARLY = "0001-01-01T00:00:00+14:00"
TOO_LATE = "2999-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"number": None}, "number: not a whole number from 1 to 999999999"),
        ({"number": 0}, "number: not a whole number from 1 to 999999999"),
        ({"number": -3}, "number: not a whole number from 1 to 999999999"),
        ({"number": True}, "number: not a whole number from 1 to 999999999"),
        ({"number": "7"}, "number: not a whole number from 1 to 999999999"),
        ({"number": 10**9}, "number: not a whole number from 1 to 999999999"),
        ({"number": 8}, "number: an earlier record has it"),
        ({"title": None}, "title: there is none"),
        ({"title": " \t"}, "title: there is none"),
        ({"title": "x" * 501}, "title: more than 500 characters"),
        ({"title": "a\nb"}, "title: more than one line"),
        ({"title": "a\x00b"}, "title: NUL characters are not allowed."),
        ({"title": "a\ud800b"}, "title: Lone surrogates are not allowed."),
        ({"title": ["a"]}, "title: not a text"),
        ({"body": "x" * 65_536}, "body: more than 65535 characters"),
        ({"body": 5}, "body: not a text"),
        ({"state": "MERGED"}, "state: 'MERGED' is neither OPEN nor CLOSED"),
        ({"createdAt": None}, "createdAt: there is none"),
        ({"createdAt": "yesterday"}, "createdAt: 'yesterday' is no time that has been"),
        ({"createdAt": "2019-01-07T10:00:00"}, "createdAt: '2019-01-07T10:00:00' is no time that has been"),
        (
            {"createdAt": "0001-01-01T00:00:00+14:00"},
            "createdAt: '0001-01-01T00:00:00+14:00' is no time that has been",
        ),
        ({"updatedAt": TOO_LATE}, f"updatedAt: '{TOO_LATE}' is no time that has been"),
        ({"updatedAt": "2018-01-01T00:00:00Z"}, "updatedAt: before createdAt"),
        ({"closedAt": "2018-01-01T00:00:00Z"}, "closedAt: before createdAt"),
        ({"labels": ["x" * 65]}, "labels: more than 64 characters"),
        ({"labels": [{"name": " "}]}, "labels: a name is blank or not one line"),
        ({"labels": [str(n) for n in range(51)]}, "labels: more than 50"),
        ({"labels": "bug"}, "labels: not a list"),
        ({"author": 5}, "author: not a text"),
        ({"author": {"login": "x" * 257}}, "author: more than 256 characters"),
        ({"assignees": [None, [1]]}, "assignees: not a text"),
        ({"comments": 3}, "comments: not a list"),
        ({"comments": [5]}, "comment 1: it is no object"),
        ({"comments": [ARCHIVED["comments"][0], {"body": "?"}]}, "comment 2: createdAt: there is none"),
        ({"url": {}}, "url: not a text"),
        ({"milestone": 1}, "milestone: not a text"),
    ],
)
def test_a_bad_record_is_named_and_the_others_go_in(root, run, changes, reason):
    result = run(LISTED, ARCHIVED | changes)

    number = {**ARCHIVED, **changes}["number"]
    known = f" (#{number})" if type(number) is int and 0 < number < 10**9 else ""
    assert result.complaints == f"record 2{known}: {reason}\n"
    assert (result.said, result.error) == ("1 issue imported.\n", "1 record of 2 could not be taken.")
    assert [issue.number for issue in Issue.objects.all()] == [8]
    assert not User.objects.filter(handle="hubot").exclude(pk=Comment.objects.get().author_id).exists()


def test_nothing_of_a_record_that_fails_while_it_is_written_stays(root, run, monkeypatch):
    monkeypatch.setattr("comments.models.COMMENTS", 1)

    result = run(ARCHIVED | {"number": 9, "author": "somebody"}, LISTED)

    assert result.complaints == "record 1 (#9): content: At most 1 comments on an issue.\n"
    assert [issue.number for issue in Issue.objects.all()] == [8]
    assert not User.objects.filter(handle="somebody").exists()
    assert holds()


def test_a_person_of_a_failed_record_is_made_for_the_next_one(root, run, monkeypatch):
    monkeypatch.setattr("comments.models.COMMENTS", 1)

    run(ARCHIVED | {"author": "somebody"}, LISTED | {"author": "somebody"})

    assert Issue.objects.get().reporter == User.objects.get(handle="somebody")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is not JSON"),
        (b"\xff\xfe\xff", "it is not JSON"),
        (b"[{", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b'"issues"', "it is neither a list of issues nor an object with a list `issues`"),
        (b'{"pulls": []}', "it is neither a list of issues nor an object with a list `issues`"),
        (b'{"issues": {}}', "it is neither a list of issues nor an object with a list `issues`"),
    ],
)
def test_a_broken_file_changes_nothing(root, run, data, reason):
    result = run(data=data)

    assert result.error.endswith(f"export.json is no export of GitHub issues: {reason}.")
    assert not Space.objects.exists()


@pytest.mark.parametrize("file", ["nowhere.json", ".", "\x00"])
def test_a_file_that_cannot_be_read_changes_nothing(root, file):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_issues", file, space="MLS")

    assert not Space.objects.exists()


def test_a_file_of_bad_records_alone_makes_no_space(root, run):
    result = run(1, {}, None)

    assert result.error == "3 records of 3 could not be taken."
    assert not Space.objects.exists()


def test_a_file_without_issues_says_so(root, run):
    assert run().said == "There are no issues in the file.\n"


def test_the_standard_input_is_a_file_too(root, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps([LISTED]).encode())))

    call_command("import_issues", "-", space="MLS", stdout=io.StringIO())

    assert the_issue(8)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_bar_is_shown_on_a_terminal_only(root, tmp_path, is_terminal):
    file, screen = tmp_path / "export.json", io.StringIO()
    file.write_text(json.dumps([ARCHIVED, LISTED]))
    screen.isatty = lambda: is_terminal

    call_command("import_issues", str(file), space="MLS", stdout=io.StringIO(), stderr=screen)

    bar = "\r[####################                    ] 1/2\r[########################################] 2/2\n"
    assert screen.getvalue() == (bar if is_terminal else "")


def test_a_comment_costs_few_queries(root, run):
    remark = LISTED["comments"][0]
    run(LISTED | {"number": 1})

    with CaptureQueriesContext(connection) as few:
        run(LISTED | {"number": 2, "comments": [remark]})
    with CaptureQueriesContext(connection) as many:
        run(LISTED | {"number": 3, "comments": [remark] * 11})

    assert len(many) - len(few) <= 11 * 10


# Garbage.

TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)
KEYS = [*LISTED, "closedAt", "authorAssociation", "id"]
TIMES = st.datetimes(timezones=st.timezones()).map(str) | st.sampled_from(["2019-01-07T10:00:00Z", "now"])
SPOILT = st.builds(
    lambda record, changes: record | changes,
    st.sampled_from([ARCHIVED, LISTED]),
    st.dictionaries(
        st.sampled_from(KEYS),
        ANYTHING | TIMES | st.lists(st.fixed_dictionaries({"createdAt": TIMES}, optional={"body": ANYTHING})),
        max_size=3,
    ),
)


@given(ANYTHING | SPOILT)
@example({"number": 1, "title": "x", "createdAt": "2019-01-07T10:00:00Z", "author": {"login": []}})
def test_any_value_is_a_record_or_refused_with_a_reason(raw):
    try:
        record = github.parse(json.loads(json.dumps(raw)))
    except github.BadRecord as reason:
        assert str(reason).encode()
    else:
        assert record.title.strip() and record.number > 0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(ANYTHING | SPOILT, max_size=4))
def test_any_list_goes_in_or_is_reported(root, run, records):
    result = run(*records)

    bad = len(result.complaints.splitlines())
    assert result.error == (
        f"{bad} record{'s' * (bad != 1)} of {len(records)} could not be taken." if bad else ""
    )
    assert holds()
