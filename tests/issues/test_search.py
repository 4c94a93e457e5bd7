"""What reads the index of words for a list: it finds what the query finds, and by the index alone."""

import json
from datetime import date

import pytest
from django.db import connection

from issues import conjuncts, issue_rows
from issues.models import Issue, Space
from issues.orders import NEWEST_FIRST, ORDERS
from issues.query import read
from issues.walks import ids_of
from tests.factories import CommentFactory, IssueFactory, MembershipFactory, SpaceFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(ops):
    """Somebody who views OPS and is a member of DATA, with issues of all kinds in both."""
    reader, bob = UserFactory(email="rea@example.com"), UserFactory(email="bob@example.com")
    spaces = [ops, SpaceFactory(key="DATA")]
    for space, role in zip(spaces, ("viewer", "member"), strict=True):
        MembershipFactory(space=space, user=reader, role=role)
        MembershipFactory(space=space, user=bob)
        for number, title in enumerate(
            ("Disk full", "Full disk", "Disk slow", "Net down", "Disk full again")
        ):
            issue = IssueFactory(
                space=space,
                title=title,
                status=("open", "in_progress", "closed")[number % 3],
                assignee=(None, reader, bob)[number % 3],
            )
            CommentFactory(issue=issue, content=f"quiet word {number}", is_internal=number % 2)
    IssueFactory(space=ops, title="Disk full of secrets").trash()
    IssueFactory(space=SpaceFactory(key="ELSE"), title="Disk full elsewhere")
    return reader


def statement(user, text):
    """(SQL, parameters) with which a list finds the keys of its first page."""
    return ids_of(user.space_roles(), [read(text, user).condition], ORDERS[NEWEST_FIRST], size=100)


def driven(user, text):
    """Primary keys as a list reads them, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(*statement(user, text))
        return [pk for (pk,) in cursor.fetchall()]


def is_along_the_words(user, text):
    sql, _ = statement(user, text)
    table = "issues_searchdocument" if connection.vendor == "postgresql" else "issues_search"
    return f"FROM {table} CROSS JOIN" in sql


def listed(user, text):
    return list(
        Issue.objects.visible_to(user)
        .filter(read(text, user).condition)
        .order_by("-pk")
        .values_list("pk", flat=True)
    )


@pytest.mark.parametrize(
    "text",
    [
        "disk",
        "dis*",
        '"disk full"',
        '"disk fu*" disk',
        "disk -full",
        'disk -"disk full" -slow',
        "quiet",
        '"quiet word"',
        "disk -quiet",
        'disk -"quiet word"',
        "disk is:open",
        "disk status:closed,in_progress",
        "disk assignee:none",
        "disk assignee:me",
        "disk assignee:me,none",
        "disk is:unassigned status:open",
        "disk -status:open",
        "disk (is:done OR assignee:me)",
        "disk (full OR slow) space:OPS",
        "quiet space:data is:open",
        "zzz",
    ],
)
def test_the_index_gives_what_the_query_finds(reader, text):
    assert is_along_the_words(reader, text)
    assert driven(reader, text) == listed(reader, text)


def test_the_index_itself_narrows_by_space_status_and_assignee(reader):
    said = str(statement(reader, "disk status:closed,pending assignee:me space:OPS"))

    ops, data = Space.objects.filter(key__in=["OPS", "DATA"]).order_by("pk")
    assert all(token in said for token in (f"s{ops.pk}", "tclosed", "tpending", f"u{reader.pk}"))
    assert "topen" not in said and f"s{data.pk}" not in said


def test_without_words_that_all_must_have_the_index_does_not_drive(reader):
    for text in ("", "is:open", "-disk", "disk OR is:open", "NOT (disk full)", "*", "!!"):
        assert not is_along_the_words(reader, text)


@pytest.mark.parametrize(
    "text", ["disk OR number:2", "number:<3 OR disk", '"disk full" OR key:OPS-1 OR cache']
)
def test_words_of_which_another_condition_may_take_the_place_drive_their_part(reader, text):
    assert is_along_the_words(reader, text)
    assert driven(reader, text) == listed(reader, text)


def test_with_no_space_left_there_is_nothing(reader):
    assert ids_of({}, [read("disk", reader).condition], ORDERS[NEWEST_FIRST]) == ("", [])


def test_many_spaces_and_many_words_are_no_matter(reader):
    for _ in range(20):
        MembershipFactory(space=SpaceFactory(), user=reader, role="viewer")
    reader = UserFactory._meta.model.objects.get(pk=reader.pk)
    text = " ".join(["disk", *(f"-w{number}" for number in range(98))])

    assert driven(reader, text) == listed(reader, text) == listed(reader, "disk")
    assert driven(reader, "quiet") == listed(reader, "quiet")
    assert driven(reader, f'disk -"{"a " * 990}"') == listed(reader, "disk")


# Values, of which the index knows as well.


@pytest.fixture
def valued(reader, ops):
    """The same reader, with issues that have services and so on, alike to the index or all but alike."""
    for number, service in enumerate(
        ("Web Shop", "web-shop", "WEB SHOP", "webshop", "Läden", "Lden", "", "a*")
    ):
        IssueFactory(
            space=ops,
            title="Disk failed",
            service=service,
            status=("open", "closed")[number % 2],
            kind=("bug", "")[number % 2],
            first_version=("1.0", "1.10", "10")[number % 3],
            last_version=("2.0", "1.1")[number % 2],
            languages=(["go", "c"], ["C#"], [])[number % 3],
            is_crash=number == 2,
            due_on=(date(2020, 1, number), None)[number % 2] if number else None,
        )
    IssueFactory(space=ops, service="web shop", kind="bug", is_crash=True).trash()
    IssueFactory(space=SpaceFactory(key="ELSE2"), service="web shop", kind="bug")
    return reader


VALUES = [
    'service:"web shop"',
    "service:webshop",
    "service:Läden",
    'service:("web shop" OR läden OR nothing)',
    "service:web*",
    "service:we* kind:bug",
    'service:"web shop" is:open assignee:none',
    "service:nothing",
    "version:1.1",
    "version:1.1*",
    "version:1*",
    "kind:BUG -service:webshop",
    "language:c",
    "language:C#",
    "language:(go OR c#)",
    "is:crash",
    "is:(crash OR anonymous)",
    "is:overdue",
    "due:<2020-01-04",
    "due:*",
    "disk service:webshop",
    "kind:bug -disk",
]


@pytest.mark.parametrize("text", VALUES)
def test_the_index_gives_what_has_a_value(valued, text):
    assert is_along_the_words(valued, text)
    assert driven(valued, text) == listed(valued, text)


@pytest.mark.parametrize("text", VALUES)
@pytest.mark.parametrize("most", [0, 100])
def test_what_has_a_value_comes_in_every_order(valued, monkeypatch, text, most):
    monkeypatch.setattr("issues.conjuncts.RARE", most)
    monkeypatch.setattr("issues.search.RARE", most)
    issues = Issue.objects.visible_to(valued).filter(read(text, valued).condition)

    for name, terms in (("-updated", ("-updated_at", "-pk")), ("level", ("level_rank", "-pk"))):
        condition, order = read(text, valued).condition, ORDERS[name]
        with connection.cursor() as cursor:
            cursor.execute(*ids_of(valued.space_roles(), [condition], order, size=100))
            found = [pk for (pk,) in cursor.fetchall()]
        assert found == list(issues.order_by(*terms).values_list("pk", flat=True))


@pytest.mark.parametrize(
    "text",
    [
        "-service:webshop",
        "service:webshop OR is:open",
        "service:*shop",
        "service:w?bshop",
        "service:*",
        "no:service",
        'service:""',
        "-(service:webshop kind:bug)",
        "is:(crash OR open)",
        "title:disk",
    ],
)
def test_what_does_not_follow_from_a_value_the_index_does_not_drive(valued, text):
    assert not is_along_the_words(valued, text)
    assert driven(valued, text) == listed(valued, text)


# Ranking.


@pytest.fixture
def ranked(ops, alice):
    """Issues with the word in one place more than the next, the best one the oldest."""
    for title, description, remark in (
        ("Disk and cache", "Full", ""),
        ("Slow", "The disk, the cache", ""),
        ("Down", "", "The disk or the cache?"),
        ("Disk", "cache", ""),
        ("Nothing", "of it", ""),
    ):
        issue = IssueFactory(space=ops, title=title, description=description)
        if remark:
            CommentFactory(issue=issue, content=remark)


def titles(response):
    return [issue["title"] for issue in response.json()["results"]]


def test_the_best_match_comes_first_where_that_is_asked_for(ranked, api, alice):
    expected = ["Disk and cache", "Disk", "Slow", "Down"]

    by_parameter = api(alice).get("/api/issues/", {"q": "disk cache", "sort": "relevance"})
    by_query = api(alice).get("/api/issues/", {"q": "disk cache sort:relevance", "count": "exact"})
    first = api(alice).get("/api/issues/", {"q": "disk cache", "sort": "relevance", "page_size": 3})
    second = api(alice).get(first.json()["next"])

    assert titles(by_parameter) == titles(by_query) == titles(first) + titles(second) == expected
    assert by_query.json()["count"] == 4


def test_a_word_that_an_issue_does_not_have_counts_nothing(ops, api, alice):
    for title, remark in (("Both", "The disk and the cache"), ("One", "The disk"), ("Title", "")):
        issue = IssueFactory(space=ops, title=title if remark else "Disk")
        if remark:
            CommentFactory(issue=issue, content=remark)

    response = api(alice).get("/api/issues/", {"q": "disk OR cache", "sort": "relevance"})

    assert titles(response) == ["Disk", "Both", "One"]


def test_what_goes_to_the_trash_meanwhile_is_not_ranked(ranked, api, alice, monkeypatch):
    read = issue_rows.documents

    def documents(*args):
        Issue.objects.get(title="Disk").trash()
        return read(*args)

    monkeypatch.setattr(issue_rows, "documents", documents)

    response = api(alice).get("/api/issues/", {"q": "disk cache", "sort": "relevance"})

    assert titles(response) == ["Disk and cache", "Slow", "Down"]


def test_only_the_newest_matches_are_ranked(ranked, api, alice, monkeypatch):
    monkeypatch.setattr("issues.search.RANKED", 3)

    response = api(alice).get("/api/issues/", {"q": "disk sort:relevance", "count": "exact"})

    assert titles(response) == ["Disk", "Slow", "Down"]
    assert response.json()["count"] == 4


@pytest.mark.parametrize("query", ["", "is:open", "-disk", "!!"])
def test_without_words_nothing_is_relevant(ranked, api, alice, query):
    response = api(alice).get("/api/issues/", {"q": query, "sort": "relevance"})

    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == "sort"


def test_the_page_and_its_exports_are_ranked_too(ranked, client, alice):
    client.force_login(alice)
    params = {"q": "disk cache", "sort": "relevance"}

    page = client.get("/issues/", params)
    export = client.get("/issues/export.json", params)

    assert [issue["title"] for issue in page.context["issues"]][:2] == ["Disk and cache", "Disk"]
    assert [issue["title"] for issue in json.loads(b"".join(export))][:2] == ["Disk and cache", "Disk"]


@pytest.mark.database("sqlite")
@pytest.mark.parametrize("text", ["disk", '"disk full" -slow', "dis* is:open assignee:me"])
def test_the_newest_come_out_of_the_index_in_their_order(reader, text):
    sql, parameters = statement(reader, text)

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        plan = [row[-1] for row in cursor.fetchall()]

    assert plan[0].startswith("SCAN issues_search VIRTUAL TABLE")
    assert plan[1:] == ["SEARCH issues_issue USING INTEGER PRIMARY KEY (rowid=?)"]


@pytest.mark.parametrize(("most", "index"), [(2, "issue_reporter"), (1, "")])
def test_words_of_few_issues_are_looked_for_in_these(ops, bob, monkeypatch, most, index):
    monkeypatch.setattr(conjuncts, "OF_VALUES", most)
    for _ in range(2):
        IssueFactory(space=ops, reporter=bob, title="Nulls")
    found = conjuncts.Conjuncts.of([ops.pk], [read("nulls reporter:me", bob).condition])

    path, _, _ = found.path(ORDERS[NEWEST_FIRST])

    assert path.index == index


def test_a_phrase_that_is_wanted_and_unwanted_is_nowhere(ops, bob):
    IssueFactory(space=ops, title="nulls in events")

    assert driven(bob, '"nulls in" -"nulls in"') == []
    assert len(driven(bob, '"nulls in"')) == 1


def leave_out(keys):
    """Go on with numbering issues so many keys later."""
    last = Issue.objects.latest("pk").pk + keys
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence('issues_issue', 'id'), %s)", [last])
        else:
            cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = 'issues_issue'", [last])


@pytest.mark.parametrize("sort", ["-number", "number"])
@pytest.mark.parametrize("narrowed", ["", "&assignee=me&status=open"])
def test_words_are_found_page_by_page_however_far_apart_their_issues_are(ops, alice, api, sort, narrowed):
    for gap in (0, 300, 600, 3_000, 6_000, 20_000, 90_000, 400_000):
        for title in ("Disk full", "Net down", "Full disk"):
            IssueFactory(space=ops, title=title, assignee=alice)
        leave_out(gap)
    keys = [issue.key for issue in Issue.objects.filter(title__icontains="disk").order_by("pk")]

    there, back = [], []
    page = api(alice).get(f"/api/issues/?q=disk&page_size=3&sort={sort}{narrowed}").json()
    while True:
        there += [issue["key"] for issue in page["results"]]
        if not page["next"]:
            break
        page = api(alice).get(page["next"]).json()
    while page["previous"]:
        page = api(alice).get(page["previous"]).json()
        back = [issue["key"] for issue in page["results"]] + back

    wanted = keys if sort == "number" else keys[::-1]
    assert there == wanted
    assert back == wanted[: len(back)] and len(back) == 15
