"""The page of an issue at every door."""

import json
import re
from html import unescape

import pytest
from django.test import Client

from comments.models import Comment
from tests.factories import IssueFactory, TokenFactory
from tracker.dialects.doors import apis
from tracker.dialects.pages import SECRET

ALL = apis()


@pytest.fixture
def page(client, bob, ops):
    """A function that gives Bob's page of an issue at every door."""
    client.force_login(bob)

    def shown(issue):
        response = client.get(f"/issues/{issue.key}/doors/")
        assert response.status_code == 200
        return response.content.decode()

    return shown


def section(html, door):
    """(command, document) that a page shows of a door."""
    own = html.partition(f'<section class="door" id="{door.name}"')[2].partition("</section>")[0]
    blocks = re.findall(r"<pre.*?</pre>", own, re.DOTALL)
    command, document = [unescape(re.sub(r"<[^>]+>", "", block)) for block in blocks]
    return command, json.loads(document)


@pytest.mark.parametrize("door", ALL.values(), ids=ALL)
def test_the_page_shows_what_the_door_itself_answers(door, page, ops, bob):
    issue = IssueFactory(space=ops, title='Odd "quotes" & <b>tags</b>', assignee=bob)
    issue.labels = {"a": "`b`", "c": "```"}
    issue.save()
    TokenFactory(secret="trk_door", user=bob, space=ops)

    command, document = section(page(issue), door)

    assert command.endswith(door.address(issue)) and f"{SECRET}" in command
    answer = Client().get(door.address(issue), headers=door.headers("trk_door"))
    assert answer.status_code == 200
    assert without_trace(document) == without_trace(answer.json())


def without_trace(document):
    """What is another at every answer is left out."""
    return {name: value for name, value in document.items() if name != "traceId"}


def test_the_page_hides_what_the_doors_hide(page, ops, alice):
    issue = IssueFactory(space=ops, reporter=alice, is_anonymous=True)
    Comment(issue=issue, author=alice, content="Between us", is_internal=True).save()

    html = page(issue)

    assert alice.name not in html and alice.email not in html
    assert "Between us" not in html


def test_the_page_leads_to_the_others_of_the_issue_and_they_to_it(page, client, ops):
    issue = IssueFactory(space=ops)

    html = page(issue)

    for path in (f"/issues/{issue.key}/", f"/issues/{issue.key}/history/"):
        assert f'href="{path}"' in html
        assert f'href="/issues/{issue.key}/doors/"' in client.get(path).content.decode()
