"""What reads the index of words for a list: it finds what the query finds, and by the index alone."""

import json

import pytest
from django.db import connection

from issues.models import Issue, Space
from issues.orders import NEWEST_FIRST, ORDERS
from issues.paths import ids_of
from issues.query import read
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
