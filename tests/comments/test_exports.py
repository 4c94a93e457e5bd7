"""One issue as a Markdown file: what it says, and to whom it says less."""

import orjson
import pytest
from django.test import Client
from django.urls import reverse

from issues.models import Level
from tests.factories import AttachmentFactory, CommentFactory, IssueFactory

pytestmark = pytest.mark.django_db


def file_of(issue, person):
    client = Client()
    client.force_login(person)
    response = client.get(reverse("issue-markdown", args=[issue.key]))
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def test_a_file_says_what_the_page_of_the_issue_says(ops, alice, bob):
    issue = IssueFactory(
        space=ops,
        title="Disk is *full*",
        description="It **hurts**.\n\n- [ ] delete",
        level=Level.objects.get(key="P1"),
        assignee=bob,
        reporter=alice,
    )
    issue.labels = {"team": "db"}
    issue.save()
    file = AttachmentFactory(owner=issue, name="log.txt")
    CommentFactory(issue=issue, author=bob, content="I look into *it*.")

    text = file_of(issue, bob)

    assert text.startswith(
        "# OPS-1 Disk is \\*full\\*\n\n- Address: <http://127.0.0.1:8000/issues/OPS-1/>\n- Status: Open\n"
    )
    for line in (
        "- Level: P1",
        "- Assignee: Bob Colleague",
        "- Reporter: Alice Owner",
        "- Labels: team: db",
        "- Channels: All",
        f"- Files: [log.txt](http://127.0.0.1:8000/attachments/{file.uuid}/)",
    ):
        assert f"{line}\n" in text
    assert "\n## Description\n\nIt **hurts**.\n\n- [ ] delete\n" in text
    assert "\n## Comments\n\n### Bob Colleague · " in text
    assert text.endswith(" UTC\n\nI look into *it*.\n")


def test_a_file_has_what_is_internal_for_members_alone(ops, bob, vera):
    issue = IssueFactory(space=ops)
    CommentFactory(issue=issue, content="Between us", is_internal=True)

    of_member, of_viewer = file_of(issue, bob), file_of(issue, vera)

    assert " · internal\n\nBetween us\n" in of_member
    assert "Between us" not in of_viewer and "## Comments" not in of_viewer


def test_a_file_names_nobody_whom_the_issue_hides(ops, bob, vera):
    issue = IssueFactory(space=ops, reporter=vera, is_anonymous=True)
    CommentFactory(issue=issue, author=vera, content="It was me")

    text = file_of(issue, bob)

    assert "- Reporter: Anonymous\n" in text and "### Anonymous · " in text
    assert vera.name not in text


@pytest.mark.parametrize(("text_format", "language"), [("text", ""), ("html", "html")])
def test_what_is_no_markdown_stays_in_its_fence(ops, bob, text_format, language):
    issue = IssueFactory(space=ops, description="a\n````\n# b", description_format=text_format)

    text = file_of(issue, bob)

    assert f"\n`````{language}\na\n````\n# b\n`````\n" in text


def test_a_deleted_comment_is_in_no_file(ops, bob):
    issue = IssueFactory(space=ops)
    CommentFactory(issue=issue, content="Taken back").trash()

    assert "Taken back" not in file_of(issue, bob)


def test_a_deleted_issue_has_no_file(ops, bob, client):
    issue = IssueFactory(space=ops)
    issue.trash()
    client.force_login(bob)

    response = client.get(reverse("issue-markdown", args=[issue.key]))

    assert response.status_code == 404


@pytest.mark.parametrize("count", [1, 20])
def test_a_file_costs_the_same_however_much_was_said(ops, bob, client, count, django_assert_num_queries):
    issue = IssueFactory(space=ops)
    for _ in range(count):
        CommentFactory(issue=issue)
    client.force_login(bob)

    with django_assert_num_queries(6):
        b"".join(client.get(reverse("issue-markdown", args=[issue.key])).streaming_content)


def test_an_issue_is_to_be_had_as_the_api_and_the_csv_of_a_list_have_it(ops, bob):
    issue = IssueFactory(space=ops, title="Disk full")
    client = Client()
    client.force_login(bob)

    found = {
        name: b"".join(client.get(reverse(name, args=[issue.key])).streaming_content)
        for name in ("issue-json", "issue-csv")
    }
    of_list = b"".join(client.get(reverse("issue-export")).streaming_content)

    assert orjson.loads(found["issue-json"]) == client.get(f"/api/issues/{issue.key}/").json()
    assert found["issue-csv"] == of_list
