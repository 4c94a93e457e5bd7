"""Lists to take away: every match, as the list has it, harmless in a spreadsheet."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from issues import exports, markdown
from issues.models import Issue, Level
from tests.factories import CommentFactory, EnvironmentFactory, IssueFactory, ProjectFactory

pytestmark = pytest.mark.django_db

HOSTILE = [
    "=1+1",
    "+1",
    "-2",
    "@SUM(A1)",
    "\t=1",
    " =1",
    '"=1',
    "'=1",
    "\uff1d1",
    'say "hi", then; go',
    "mal=formed",
    "'quoted'",
]


@pytest.fixture
def page(client, bob):
    """A function that downloads the list as bob: `page("csv", status="open")`."""
    client.force_login(bob)

    def download(ending="csv", **params):
        name = {"csv": "issue-export", "json": "issue-export-json", "md": "issue-export-markdown"}[ending]
        return client.get(reverse(name), params)

    return download


def content(response):
    return b"".join(response.streaming_content)


def lines(response):
    """The lines of a CSV answer as dicts."""
    return list(csv.DictReader(io.StringIO(content(response).decode("utf-8-sig"), newline="")))


def labelled(issue, **labels):
    issue.labels = labels
    issue.save()
    return issue


def test_a_line_says_what_the_list_shows(page, ops, bob, vera):
    at = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
    issue = IssueFactory(
        space=ops,
        title="Disk is full",
        level=Level.objects.get(key="P1"),
        assignee=bob,
        reporter=vera,
        project=ProjectFactory(space=ops, name="Website"),
        environment=EnvironmentFactory(space=ops, name="production"),
        status="resolved",
        created_at=at,
        updated_at=at,
        resolved_at=at,
    )
    labelled(issue, team="db", flaky="")
    CommentFactory(issue=issue)

    (line,) = lines(page())

    updated_at = line.pop("updated_at")
    assert updated_at.startswith("20") and updated_at.endswith("Z")
    assert line == {
        "key": "OPS-1",
        "title": "Disk is full",
        "status": "resolved",
        "level": "P1",
        "severity": "high",
        "assignee": "Bob Colleague",
        "reporter": "Vera Viewer",
        "project": "Website",
        "environment": "production",
        "labels": "team: db, flaky",
        "seen_count": "1",
        "comment_count": "1",
        "created_at": "2026-01-15T10:30:00.000000Z",
        "resolved_at": line["resolved_at"],
        "url": "http://127.0.0.1:8000/issues/OPS-1/",
    }


def test_the_file_is_a_download_that_excel_reads(page, ops):
    IssueFactory(space=ops, title="Größe ✓")

    response = page()

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="issues-20')
    assert response["Content-Disposition"].endswith('.csv"')
    assert response["X-Content-Type-Options"] == "nosniff"
    data = content(response)
    assert data.startswith(b'\xef\xbb\xbf"key","title",')
    assert data.endswith(b"\r\n") and data.count(b"\r\n") == 2


@pytest.mark.parametrize("title", HOSTILE)
def test_no_cell_is_a_formula(page, ops, title):
    IssueFactory(space=ops, title=title)

    (line,) = lines(page())

    is_harmless = title in ('say "hi", then; go', "mal=formed", "'quoted'")
    assert line["title"] == (title if is_harmless else f"'{title}")


def test_a_label_and_a_name_are_no_formulas_either(page, ops, bob):
    bob.name = "@bob"
    bob.save()
    labelled(IssueFactory(space=ops, assignee=bob), **{"=cmd": "|calc"})

    (line,) = lines(page())

    assert (line["assignee"], line["labels"]) == ("'@bob", "'=cmd: |calc")


def test_a_cell_with_line_breaks_stays_one_cell():
    found = exports.csv_text([["one\r\ntwo", '"', "\rgo", None, 3, -3, True]])

    assert list(csv.reader(io.StringIO(found, newline=""))) == [
        ["one\r\ntwo", '"', "'\rgo", "", "3", "-3", "True"]
    ]


def test_an_anonymous_reporter_is_blank(page, ops, vera):
    IssueFactory(space=ops, reporter=vera, is_anonymous=True)

    (line,) = lines(page())
    documents = json.loads(content(page("json")))

    assert line["reporter"] == ""
    assert documents[0]["reporter"] is None


def test_it_takes_the_parameters_of_the_list(page, ops):
    IssueFactory(space=ops, title="Disk full", status="closed")
    IssueFactory(space=ops, title="Disk slow")
    IssueFactory(space=ops, title="Network")
    IssueFactory(space=ops, title="Disk loud")

    found = lines(page(q="disk", status="open", sort="number"))

    assert [line["key"] for line in found] == ["OPS-2", "OPS-4"]


def test_it_is_every_match_wherever_in_the_list_one_was(page, ops):
    for _ in range(3):
        IssueFactory(space=ops)

    found = lines(page(cursor="a page further down"))

    assert len(found) == 3


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_what_no_list_understands_is_the_list_s_own_400(page, ops, ending):
    response = page(ending, status="lost")

    assert response.status_code == 400
    assert "issues/issue_list.html" in [template.name for template in response.templates]
    assert b"status: One of open" in response.content


def test_it_holds_what_one_may_read_and_nothing_else(page, ops, client, charlie):
    IssueFactory(space=ops)
    IssueFactory(space=ops).trash()
    IssueFactory()

    mine = lines(page())
    client.force_login(charlie)
    theirs = lines(client.get(reverse("issue-export")))

    assert [line["key"] for line in mine] == ["OPS-1"]
    assert theirs == []


def test_the_policy_is_asked(page, ops, monkeypatch):
    IssueFactory(space=ops)
    monkeypatch.setitem(exports.may.__globals__["LEAST"], "export", "admin")

    assert lines(page()) == []


def test_nothing_is_an_empty_table_and_an_empty_array(page, ops):
    assert lines(page()) == []
    assert json.loads(content(page("json"))) == []


@pytest.mark.parametrize("sort", ["-number", "number", "created", "-updated", "level"])
def test_every_chunk_costs_one_statement(page, ops, monkeypatch, sort):
    monkeypatch.setattr(exports, "CHUNK", 4)
    for _ in range(11):
        labelled(IssueFactory(space=ops), a="b")
    page(sort=sort)

    with CaptureQueriesContext(connection) as queries:
        found = lines(page(sort=sort))

    assert len({line["key"] for line in found}) == len(found) == 11
    # Session, person, roles, and three chunks.
    assert len(queries) == 6


def test_nothing_is_read_before_it_is_sent(page, ops, monkeypatch):
    monkeypatch.setattr(exports, "CHUNK", 1)
    for _ in range(5):
        IssueFactory(space=ops)
    response = page()

    with CaptureQueriesContext(connection) as queries:
        parts = iter(response.streaming_content)
        next(parts)
        next(parts)

    assert len(queries) <= 2


def test_the_array_is_what_the_api_lists(page, ops, bob, api):
    issue = labelled(IssueFactory(space=ops, assignee=bob), a="b")
    CommentFactory(issue=issue)
    IssueFactory(space=ops)

    response = page("json")

    assert response["Content-Type"] == "application/json"
    assert response["Content-Disposition"].endswith('.json"')
    assert json.loads(content(response)) == api(bob).get("/api/issues/").json()["results"]


def test_a_download_is_only_read(client, bob):
    client.force_login(bob)

    assert client.post(reverse("issue-export")).status_code == 405
    assert Issue.objects.count() == 0


# Markdown


def shown_cells(text):
    """The texts of the cells of a Markdown table as it is rendered, a list for each line."""
    rows = re.findall(r"<tr>(.*?)</tr>", markdown.render(text), re.S)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in rows]
    return [[unescape(re.sub(r"<[^>]*>", "", cell)) for cell in row] for row in cells]


def test_a_markdown_table_says_what_the_list_shows(page, ops, bob):
    at = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
    level = Level.objects.get(key="P1")
    issue = IssueFactory(space=ops, title="Disk is full", level=level, assignee=bob, created_at=at)
    labelled(issue, team="db")

    response = page("md", q="disk")

    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert 'filename="issues-' in response["Content-Disposition"]
    assert content(response).decode() == (
        "Issues of <http://127.0.0.1:8000/issues/?q=disk>\n"
        "\n"
        "| Issue | Title | Level | Status | Assignee | Labels | Seen | Created |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| [OPS-1](http://127.0.0.1:8000/issues/OPS-1/) | Disk is full | P1 | Open | Bob Colleague "
        "| team: db | 1 | 2026-01-15 |\n"
    )


@pytest.mark.parametrize(
    "title",
    [
        "a | b",
        "*a* _b_ `c` # d",
        "<b>a</b> &amp;",
        "[a](https://example.com)",
        "![a](b)",
        "\\| a \\",
        "a\u2028b | c",
    ],
)
def test_a_title_in_a_markdown_table_is_shown_as_it_is(page, ops, title):
    IssueFactory(space=ops, title=title)

    _, row = shown_cells(content(page("md")).decode())

    assert row[1] == " ".join(title.split())
    assert len(row) == 8


def test_a_markdown_table_of_nothing_has_its_head_alone(page, ops):
    head, *rows = shown_cells(content(page("md")).decode())

    assert head == ["Issue", "Title", "Level", "Status", "Assignee", "Labels", "Seen", "Created"]
    assert not any(map(any, rows))
