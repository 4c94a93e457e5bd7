"""What queries say, refuse and cost beside what they find."""

from datetime import UTC, datetime, timedelta

import pytest

from issues.models import Issue
from issues.query import QueryError, complete, explain, read, why
from tests.factories import (
    ChannelFactory,
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def found(user, text):
    issues = Issue.objects.visible_to(user).filter(read(text, user).condition)
    return sorted(issues.values_list("title", flat=True))


def labelled(issue, **labels):
    issue.labels = labels
    issue.save()
    return issue


# What is refused.

LETTERS = "label:" + ",".join("abcdefghijklmnopqrst")
MISTAKES = [
    ("asignee:me", "asignee", "There is no field and no label", "assignee"),
    ("a http://x.org/y", "http://x.org/y", "write it in quotes", '"http://x.org/y"'),
    ("*base", "*base", "by their beginning", "title:*base"),
    ("a -nu*in", "nu*in", "by their beginning", "title:nu*in"),
    ("n?lls", "n?lls", "by their beginning", "title:n?lls"),
    ("time-*", "time-*", "by their beginning", "title:time-*"),
    ("level:", "level:", "A value is missing", None),
    ("level:>P1", "level:>P1", "is not compared", None),
    ("title:[a TO b]", "title:[a TO b]", "is not compared", None),
    ("status:opne", "opne", "has no value", "open"),
    ("status:open,zzz", "zzz", "It is one of open, acknowledged, in_progress, ", None),
    ("severity:hihg", "hihg", "has no value", "high"),
    ("is:opem", "opem", "No issue", "open"),
    ("is:zzz", "zzz", "No issue “is zzz”. It is one of open, active, ", None),
    ("is:deleted", "deleted", "in the trash", None),
    ("has:asignee", "asignee", "may be empty", "assignee"),
    ("no:title:", "title:", "may be empty", "title"),
    ("has:created", "created", "It is one of level, severity, assignee, ", None),
    ("level:P9", "P9", "There is no level", None),
    ("assignee:nobody@else.org", "nobody@else.org", "There is no person", None),
    ("assignee:bobb", "bobb", "There is no person", None),
    ('assignee:""', '""', "There is no person", None),
    ("assignee:@", "@", "There is no person", None),
    ("reporter:zz*", "zz*", "There is no person", None),
    ("team:paymnets", "paymnets", "There is no team", "Payments"),
    ("project:zzz", "zzz", "There is no project", None),
    ("environment:zzz", "zzz", "There is no environment", None),
    ("channel:zzz", "zzz", "There is no channel", None),
    ("space:DATA", "DATA", "There is no space", None),
    ("space:none", "none", "There is no space", None),
    ("key:DATA-1", "DATA", "There is no space", None),
    ("key:OPS", "OPS", "A key as OPS-42", None),
    ("seen:many", "many", "A whole number", None),
    ("seen:-1", "-1", "A whole number", None),
    ("seen:1*", "1*", "A whole number", None),
    ("number:1000000000000000000", "1000000000000000000", "18 digits", None),
    ("comments:[1 TO x]", "x", "A whole number", None),
    ("created:2026-13-01", "2026-13-01", "A day as", None),
    ("created:0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00", "A day as", None),
    ("created:soon", "soon", "A day as", None),
    ("due:2026-*", "2026-*", "A day as", None),
    ("created:-99999d", "-99999d", "A day as", None),
    ("language:g*", "g*", "no wildcards", None),
    ("sort:title", "title", "The order is one of", None),
    ("sort:creatd", "creatd", "The order is one of", "created"),
    ("sort:level,number", "level,number", "The order is one of", None),
    ("sort:level sort:number", "sort:number", "once", None),
    ("(a sort:level)", "sort:level", "outside of brackets", None),
    ("a OR sort:level", "sort:level", "outside of brackets", None),
    ("-sort:level", "sort:level", "outside of brackets", None),
    (" ".join(f"label:k{n}" for n in range(20)) + " -label:x", "label:x", "At most 20", None),
    ("(a) OR -" + LETTERS, LETTERS, "At most 20", None),
    (" ".join(f"(a{n} OR has:team)" for n in range(10)) + " (b OR no:label)", "b", "At most 20", None),
]


@pytest.mark.parametrize(("text", "marked", "reason", "proposal"), MISTAKES)
def test_what_means_nothing_is_refused_at_its_place(ops, alice, charlie, text, marked, reason, proposal):
    TeamFactory(space=ops, name="Payments")

    with pytest.raises(QueryError) as caught:
        read(text, alice)

    error = caught.value
    assert text[error.start : error.end] == marked
    assert reason in error.message
    assert error.proposal == proposal


def test_nobody_is_meant_by_a_name_that_is_empty(ops, alice):
    UserFactory(member_of=ops, name="Carl", email=None)

    with pytest.raises(QueryError, match="There is no person “”"):
        read('assignee:Carl,""', alice)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (" ".join(f"w{n}" for n in range(100)), 1),
        (" OR ".join(f"w{n}" for n in range(100)), 1),
        (" ".join(["has:team"] * 100), 1),
        ("label:a (label:a) -label:a -(label:a)", 2),
        ("label:a label:a:b", 2),
        (" ".join(f"-w{n}" for n in range(100)), 1),
        ('a "b c" (d OR "e f" OR label:a) -g -"h i" -(j OR k) (-l OR -m)', 6),
    ],
)
def test_words_beside_one_another_and_what_is_asked_twice_take_one_subquery(alice, text, number):
    statement = str(Issue.objects.filter(read(text, alice).condition).query)

    assert statement.upper().count("SELECT ") == number + 1


FOREIGN = {
    "level": LevelFactory, "team": TeamFactory, "project": ProjectFactory, "channel": ChannelFactory,
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_row_is_refused_like_a_missing_one(ops, alice, name):
    row = FOREIGN[name](space=SpaceFactory(), name="Foreign")
    refusals = []

    for text in (str(row.uuid), "Foreign", "019b76da-0000-7000-8000-000000000000", "Missing"):
        with pytest.raises(QueryError) as caught:
            read(f"{name}:{text}", alice)
        refusals.append((caught.value.message.replace(text, "…"), caught.value.proposal))

    assert len(set(refusals)) == 1


def test_a_foreign_person_is_refused_like_a_missing_one(alice, charlie):
    for text in (charlie.email, str(charlie.uuid), '"Charlie Stranger"', "missing@example.com"):
        with pytest.raises(QueryError, match="There is no person"):
            read(f"assignee:{text}", alice)


# What is found beyond the random tests.


def test_foreign_issues_labels_and_comments_are_not_found(ops, alice):
    foreign = labelled(IssueFactory(title="foreign", seen_count=7), squad="payments")
    CommentFactory(issue=foreign, content="a secret word")
    labelled(IssueFactory(space=ops, title="own"), squad="data")

    assert found(alice, "") == ["own"]
    assert found(alice, "secret OR label:squad:payments OR squad:payments") == []
    assert found(alice, "-secret -label:squad:payments") == ["own"]


def test_a_label_of_others_is_no_field(ops, alice):
    labelled(IssueFactory(), shift="night")

    with pytest.raises(QueryError, match="no label"):
        read("shift:night", alice)
    assert found(alice, "label.shift:night") == []


def test_whom_an_issue_hides_no_query_finds(ops, alice, bob):
    IssueFactory(space=ops, title="open", reporter=bob)
    IssueFactory(space=ops, title="hidden", reporter=bob, is_anonymous=True)
    IssueFactory(space=ops, title="nobody", reporter=None)

    assert found(alice, "reporter:bob@example.com") == found(alice, "has:reporter") == ["open"]
    assert found(alice, "no:reporter") == found(alice, "reporter:none") == ["hidden", "nobody"]
    assert found(bob, "-reporter:me") == ["hidden", "nobody"]


def test_internal_comments_are_found_by_members_alone(ops, bob, vera):
    issue = IssueFactory(space=ops, title="x")
    CommentFactory(issue=issue, content="root cause", is_internal=True)
    CommentFactory(issue=issue, content="gone").trash()

    assert found(bob, "root") == ["x"]
    assert found(vera, "root") == found(bob, "gone") == []
    assert found(vera, "-root") == ["x"]


def test_regressed_issues_are_those_that_came_back(ops, alice):
    for title in ("again", "done again", "resolved"):
        issue = IssueFactory(space=ops, title=title, status="resolved")
        if title != "resolved":
            issue.count_sighting()
    Issue.objects.filter(title="done again").change(status="closed")

    assert found(alice, "is:regressed") == ["again"]
    assert found(alice, "regressed:today") == found(alice, "has:regressed") == ["again", "done again"]
    assert found(alice, "regressed:<today") == []
    assert found(alice, "no:regressed") == ["resolved"]
    assert explain("regressed:-7d", alice) == "issues regressed in the last 7 days"


def test_a_channel_of_a_name_that_several_spaces_have_is_all_of_them(ops, alice):
    IssueFactory(space=ops, title="x")

    assert found(alice, "channel:All") == ["x"]
    assert found(alice, "-channel:All") == []


def test_rows_are_found_by_id_as_well(ops, alice):
    team = TeamFactory(space=ops)
    issue = IssueFactory(space=ops, title="x", assignee=alice)
    issue.teams = [team]
    issue.save()

    assert found(alice, f"team:{team.uuid} assignee:{alice.uuid} space:{ops.uuid} key:OPS-1") == ["x"]


def test_days_begin_at_midnight_where_the_user_is(ops, alice):
    IssueFactory(space=ops, title="x", created_at=datetime(2026, 1, 15, 3, tzinfo=UTC))
    alice.time_zone = "America/New_York"

    assert found(alice, "created:2026-01-14") == ["x"]
    assert found(alice, "created:2026-01-15") == []
    assert found(alice, "created:2026-01-14T22:00:00-05:00") == ["x"]
    assert found(alice, "created:2026-01-14T22:00") == ["x"]


@pytest.mark.parametrize(
    ("zone", "day", "start", "end"),
    [
        ("Europe/Berlin", "2024-03-31", "2024-03-30T23:00Z", "2024-03-31T22:00Z"),
        ("Europe/Berlin", "2024-10-27", "2024-10-26T22:00Z", "2024-10-27T23:00Z"),
        # One of them begins at one o'clock, the other has two midnights.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00Z", "2018-11-05T02:00Z"),
        ("America/Havana", "2023-11-05", "2023-11-05T04:00Z", "2023-11-06T05:00Z"),
    ],
)
def test_a_day_on_which_the_clocks_change_is_shorter_or_longer(ops, alice, zone, day, start, end):
    alice.time_zone = zone
    start, end = datetime.fromisoformat(start), datetime.fromisoformat(end)
    moment = timedelta(microseconds=1)
    for title, at in (("before", start - moment), ("first", start), ("last", end - moment), ("after", end)):
        IssueFactory(space=ops, title=title, created_at=at)
    noon = start + timedelta(hours=12)

    today = Issue.objects.visible_to(alice).filter(read("created:today", alice, now=noon).condition)

    assert found(alice, f"created:{day}") == ["first", "last"]
    assert sorted(today.values_list("title", flat=True)) == ["first", "last"]
    assert found(alice, f"created:<{day}") == ["before"]
    assert found(alice, f"created:>{day}") == ["after"]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.5Z", "9999-12-31"])
def test_the_first_and_the_last_day_are_days_in_every_zone(ops, alice, zone, at):
    alice.time_zone = zone
    IssueFactory(space=ops, due_on="2026-02-28")

    found = {
        text: Issue.objects.visible_to(alice).filter(read(text, alice).condition).count()
        for text in (f"due:{at}", f"due:>{at}", f"due:<={at}")
    }

    assert sorted(found.values()) == [0, 0, 1]


@pytest.mark.parametrize(
    "text",
    [
        "is:open", "level:P0,P1 -level:P2,P3", "assignee:alice@example.com OR reporter:bob@example.com",
        "label:a -label:b squad:x zone:y squad:z", "severity:high,low severity:medium -severity:critical",
        'title:a description:b c d "e f"', "comments:>3 team:none channel:All",
    ],
)  # fmt: skip
def test_reading_and_asking_cost_a_statement_for_each_table(
    ops, alice, bob, text, django_assert_max_num_queries
):
    labelled(IssueFactory(space=ops), squad="", zone="")
    alice.space_roles()

    with django_assert_max_num_queries(2):
        list(Issue.objects.visible_to(alice).filter(read(text, alice).condition))


def test_many_conditions_are_not_too_much_for_the_database(ops, alice):
    issue = labelled(IssueFactory(space=ops, title="a"), k="v")

    for text in (
        "a " * 100,
        " OR ".join(["label:k:v"] * 100),
        "-" + "(" * 32 + "b" + ")" * 32,
        "-comments:1 " * 99,
        "-label:" + ",".join(f"{n}{':' * 64}" for n in range(20)),
        f"-label:*{':' * 1_900}",
    ):
        assert found(alice, text) == [issue.title], text


def test_more_keys_of_labels_than_a_statement_has_columns_are_looked_for(ops, alice):
    text = "label:" + ",".join(f"{n}{':' * 64}" for n in range(28))

    with pytest.raises(QueryError, match="At most 20 conditions"):
        read(text, alice)


def test_a_label_whose_key_has_colons_is_found_by_its_value(ops, alice):
    labelled(IssueFactory(space=ops, title="x"), **{"a:b": "c"})
    labelled(IssueFactory(space=ops, title="y"), **{"a": "b:c"})

    assert sorted(found(alice, "label:a:b:c")) == ["x", "y"]
    assert found(alice, "label:a:b:* -label.a:*") == ["x"]


@pytest.mark.parametrize("text", ["squad:>5", "squad:[a TO b]", "label.squad:<=b"])
def test_labels_are_not_compared(ops, alice, text):
    labelled(IssueFactory(space=ops), squad="5")

    with pytest.raises(QueryError, match="is not compared"):
        read(text, alice)


# Words.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "all issues"),
        ("*", "issues with any text"),
        ("is:open", "open issues"),
        ("is:open level:P0,P1 -label:noise created:-7d",
         "open issues of level P0 or P1, not labelled noise, created in the last 7 days"),
        ("status:open,in_progress", "open or in progress issues"),
        ("is:open is:unassigned", "open unassigned issues"),
        ("-is:open", "issues not open"),
        ("is:mine", "issues assigned to me"),
        ("assignee:bob@example.com", "issues assigned to Bob Colleague"),
        ("assignee:none,me", "issues assigned to nobody or me"),
        ("assignee:*", "issues assigned to any"),
        ('null "a b"', "issues with “null”, with “a b”"),
        ("a OR b", "issues with “a” or with “b”"),
        ("is:open (a OR -b)", "open issues (with “a” or not with “b”)"),
        ("-(a b)", "issues not (with “a” and with “b”)"),
        ("level:(P0 OR P1)", "issues of level P0 or of level P1"),
        ("severity:high", "issues of severity high"),
        ("label:team:x label.team:y", "issues labelled team:x, labelled team: y"),
        ("seen:>5 comments:0", "issues seen more than 5 times, with 0 comments"),
        ("seen:[1 TO 5]", "issues seen 1 to 5 times"),
        ("seen:[* TO 5] comments:[3 TO *]", "issues seen at most 5 times, with at least 3 comments"),
        ("seen:[* TO *]", "issues seen at least 0 times"),
        ("created:2026-01-15", "issues created on 2026-01-15"),
        ("created:>2026-01-15", "issues created after 2026-01-15"),
        ("created:<-24h", "issues created before 24 hours ago"),
        ("updated:[2026-01-01 TO today]", "issues changed from 2026-01-01 to today"),
        ("updated:[2026-01-01 TO *]", "issues changed since 2026-01-01"),
        ("closed:[* TO today]", "issues closed until today"),
        ("closed:*", "issues closed at any time"),
        ("due:+1d", "issues due in the next 1 day"),
        ("due:today,tomorrow", "issues due today or tomorrow"),
        ("has:due no:label", "issues with due, without label"),
        ("title:null", "issues with “null” in the title"),
        ("title:nul*", "issues with something like “nul*” in the title"),
        ("key:ops-1", "issues with the key OPS-1"),
        ("env:none", "issues in none"),
        ("sort:level", "all issues"),
        ("sort:level is:open", "open issues"),
        ('nono* "nono*"', "issues with something like “nono*”, with “nono*”"),
        ('label:a* label:"a*"', "issues labelled something like a*, labelled a*"),
        (r"kind:b*g kind:b\*g", "issues of kind something like b*g, of kind b*g"),
        (r"kind:b\*g*", r"issues of kind something like b\*g*"),
        ("team:* label.squad:b?", "issues of team any, labelled squad: something like b?"),
    ],
)  # fmt: skip
def test_a_query_is_said_in_words(alice, bob, text, words):
    assert explain(text, alice) == words


def test_a_query_has_the_order_that_it_asks_for(alice):
    assert read("a sort:-updated", alice).sort == "-updated"
    assert read("a", alice).sort is None


def test_why_an_issue_is_found(ops, alice, django_assert_num_queries):
    issue = labelled(IssueFactory(space=ops, title="Nulls", level=None), squad="data")
    text = "is:open (level:P0 OR no:level) nulls -label:noise squad:data zzz"
    alice.space_roles()

    with django_assert_num_queries(3):
        parts = why(issue, text, alice)

    assert parts == ["is:open", "no:level", "nulls", "-label:noise", "squad:data"]
    assert why(issue, "", alice) == []


# Completion.


def proposed(text, user, cursor=None):
    """(text that would be replaced, [proposed texts])."""
    document = complete(text, len(text) if cursor is None else cursor, user)
    return text[document["start"] : document["end"]], [item["text"] for item in document["items"]]


@pytest.fixture
def shop(ops, alice, bob, charlie):
    labelled(IssueFactory(space=ops), squad="payments", zone="a b", **{"squad lead": "x"})
    labelled(IssueFactory(space=ops), squad="data")
    labelled(IssueFactory(), secret="x", squad="foreign")
    TeamFactory(space=ops, name="Payments team", handle="@pay")
    TeamFactory(space=ops, name="Past", is_active=False)
    ProjectFactory(space=ops, name="Customer Events")


@pytest.mark.parametrize(
    ("text", "replaced", "expected"),
    [
        ("a lev", "lev", ["level:"]),
        ("-lev", "lev", ["level:"]),
        ("(lev", "lev", ["level:"]),
        ("@lev", "@lev", ["level:"]),
        ("env", "env", ["environment:"]),
        ("squ", "squ", ["label.squad:"]),
        ("A", "A", ["assignee:", "AND"]),
        ("level:", "", ["P0", "P1", "P2", "P3", ">"][:4]),
        ("level:p", "p", ["P0", "P1", "P2", "P3"]),
        ("level:P0,P", "P", ["P0", "P1", "P2", "P3"]),
        ("level:(P0 OR P", "P", ["P0", "P1", "P2", "P3"]),
        ("status:re", "re", ["resolved"]),
        ("is:un", "un", ["unassigned", "unread"]),
        ("has:d", "d", ["description", "due"]),
        ("assignee:m", "m", ["me"]),
        ("assignee:bo", "bo", ["bob@example.com"]),
        ("assignee:char", "char", []),
        ("team:p", "p", ['@pay']),
        ("team:@p", "@p", ["@pay"]),
        ("project:c", "c", ['"Customer Events"']),
        ('project:"Customer E', '"Customer E', ['"Customer Events"']),
        ("channel:a", "a", ["All"]),
        ("label:s", "s", ["squad", '"squad lead"']),
        ("label:squad:", "squad:", ["squad:data", "squad:payments"]),
        ("label.squad:p", "p", ["payments"]),
        ("squad:", "", ["data", "payments"]),
        ("zone:a", "a", ['"a b"']),
        ("label:zone:", "zone:", ['"zone:a b"']),
        ('label:"squad lead:', '"squad lead:', ['"squad lead:x"']),
        ("label:sec", "sec", []),
        ("seen:", "", [">", ">=", "<", "<="]),
        ("seen:>", "", []),
        ("level:(P0,P", "P", ["P0", "P1", "P2", "P3"]),
        ("created:y", "y", ["yesterday"]),
        ("created:(>y", "y", ["yesterday"]),
        ("-created:[y", "y", ["yesterday"]),
        ("created:[today TO y", "y", ["yesterday"]),
        ("created:[-7d TO *] lev", "lev", ["level:"]),
        ("seen:[", "", []),
        ("team:[p lev", "lev", []),
        ("a[b) lev", "lev", ["level:"]),
        ("sort:-u", "-u", ["-updated"]),
        ('"level:', '"level:', []),
        ("\\", "\\", []),
    ],
)  # fmt: skip
def test_what_may_be_written_next(shop, alice, text, replaced, expected):
    assert proposed(text, alice) == (replaced, expected)


def test_what_is_proposed_stands_at_the_cursor(shop, alice):
    assert proposed("is:open lev zzz", alice, 11) == ("lev", ["level:"])


def test_all_fields_are_proposed_where_nothing_stands(shop, alice):
    assert {"is:", "level:", "comments:", "sort:"} <= set(proposed("is:open ", alice)[1])


@pytest.mark.parametrize("text", ["level:", "assignee:", "label:", "label:squad:", "team:", "sq", "created:"])
def test_a_proposal_costs_a_statement(shop, alice, text, django_assert_max_num_queries):
    alice.space_roles()

    with django_assert_max_num_queries(1):
        complete(text, len(text), alice)


def test_at_most_twenty_are_proposed(ops, alice):
    ProjectFactory.create_batch(25, space=ops)
    for n in range(25):
        labelled(IssueFactory(space=ops), **{f"key{n}": f"v{n}"})

    assert len(proposed("project:P", alice)[1]) == len(proposed("label:key", alice)[1]) == 20


def test_what_many_spaces_call_alike_is_proposed_once(ops, alice):
    for number in range(25):
        space = MembershipFactory(user=alice, space=SpaceFactory(key=f"S{number}")).space
        EnvironmentFactory(space=space, name="production")
        LevelFactory(space=space, key="S1", name="Severe")
    EnvironmentFactory(space=space, name="staging")
    LevelFactory(space=space, key="S2", name="Slight")

    assert proposed("environment:", alice)[1] == ["production", "staging"]
    assert proposed("level:S", alice)[1] == ["S1", "S2"]
    with pytest.raises(QueryError) as caught:
        read("environment:stagin", alice)
    assert caught.value.proposal == "staging"


def test_every_proposal_is_a_query(shop, alice):
    for name in (
        "level",
        "assignee",
        "label",
        "team",
        "project",
        "zone",
        "due",
        "has",
        "is",
        "sort",
        "channel",
    ):
        for item in complete(f"{name}:", len(name) + 1, alice)["items"]:
            if item["kind"] == "value":
                read(f"{name}:{item['text']}", alice)


@pytest.mark.parametrize("text", ["label.", "label.squ", "-LABEL.sq", "@label.squad", "squ"])
def test_a_label_is_proposed_by_its_whole_name_too(ops, alice, text):
    labelled(IssueFactory(space=ops), squad="data")

    items = complete(text, len(text), alice)["items"]

    assert "label.squad:" in [item["text"] for item in items]


@pytest.mark.parametrize("text", ["label:zone:", "label.zone:", "zone:"])
def test_a_proposed_label_finds_its_issue(shop, alice, text):
    start = complete(text, len(text), alice)["start"]

    (proposal,) = proposed(text, alice)[1]

    assert len(found(alice, text[:start] + proposal)) == 1
