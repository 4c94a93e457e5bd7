"""Drafts: there when the page is opened again, for their writer alone, and gone when they are sent."""

import pytest
from django.urls import reverse

from issues.limits import TEXT
from issues.models import Draft, Issue
from tests.factories import CommentFactory, IssueFactory
from tests.test_pages import act, form_of, text_of, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def issue(ops):
    return IssueFactory(space=ops, title="Broken", description="one\ntwo\n")


@pytest.fixture
def as_bob(client, bob):
    client.force_login(bob)
    return client


def test_comment_is_there_when_the_page_is_opened_again(as_bob, issue):
    kept = as_bob.post(url("comment-draft", issue), {"content": "Not yet\r\nsent"}, follow=True)

    assert "The draft is kept." in text_of(kept)
    assert form_of(kept, url("comment-create", issue))["content"] == "Not yet\r\nsent"
    assert "Draft saved just now" in text_of(kept)
    assert Draft.objects.get().text == "Not yet\nsent"


def test_nobody_else_sees_it(as_bob, issue, client, alice):
    as_bob.post(url("comment-draft", issue), {"content": "Between us"})
    client.force_login(alice)

    assert "Between us" not in text_of(client.get(url("issue-detail", issue)))


def test_it_is_gone_when_the_comment_is_there(as_bob, issue):
    as_bob.post(url("comment-draft", issue), {"content": "Said"})

    as_bob.post(url("comment-create", issue), {"content": "Said"})

    assert not Draft.objects.exists()
    assert form_of(as_bob.get(url("issue-detail", issue)), url("comment-create", issue))["content"] == ""


def test_it_stays_when_the_comment_is_refused(as_bob, issue):
    as_bob.post(url("comment-draft", issue), {"content": "Said"})

    refused = as_bob.post(url("comment-create", issue), {"content": " "})

    assert refused.status_code == 422
    assert Draft.objects.exists()


@pytest.mark.parametrize("emptied", [{"content": " \n"}, {"content": "Said", "discard": "1"}])
def test_it_is_gone_when_it_is_emptied_or_discarded(as_bob, issue, emptied):
    as_bob.post(url("comment-draft", issue), {"content": "Said"})

    as_bob.post(url("comment-draft", issue), emptied)

    assert not Draft.objects.exists()


def test_a_script_is_told_when(as_bob, issue):
    response = as_bob.post(url("comment-draft", issue), {"content": "x"}, headers={"hx-request": "true"})
    emptied = as_bob.post(url("comment-draft", issue), {"content": ""}, headers={"hx-request": "true"})

    assert text_of(response).startswith("Draft saved ")
    assert (emptied.status_code, text_of(emptied)) == (200, "")


@pytest.mark.parametrize(
    ("posted", "reason"),
    [
        ({"content": "x" * (TEXT + 1)}, "content: "),
        ({"content": "nul\x00"}, "content: NUL"),
        ({"description": "x", "title": "x" * 501}, "title: "),
        ({"content": "x", "version": "-1"}, "version: "),
        ({"content": "x", "version": str(2**63)}, "version: "),
    ],
)
def test_what_cannot_be_kept_is_said(as_bob, issue, posted, reason):
    page = as_bob.post(url("comment-draft", issue), posted)
    line = as_bob.post(url("comment-draft", issue), posted, headers={"hx-request": "true"})

    assert (page.status_code, line.status_code) == (422, 422)
    assert reason in text_of(page) and reason in text_of(line)
    assert not Draft.objects.exists()


def test_a_new_issue_is_there_when_the_page_is_opened_again(as_bob):
    as_bob.post(reverse("issue-create-draft"), {"title": "Slow", "description": "Since noon"})

    form = form_of(as_bob.get(reverse("issue-create")))
    as_bob.post(reverse("issue-create"), form)

    assert (form["title"], form["description"]) == ("Slow", "Since noon")
    assert Issue.objects.get().title == "Slow"
    assert not Draft.objects.exists()


def test_there_is_one_draft_of_each_kind(as_bob, issue):
    for text in ("first", "second"):
        as_bob.post(url("comment-draft", issue), {"content": text})
        as_bob.post(url("issue-edit-draft", issue), {"title": "x", "description": text, "version": 1})
        as_bob.post(reverse("issue-create-draft"), {"title": text})

    assert sorted(Draft.objects.values_list("kind", flat=True)) == ["comment", "description", "issue"]
    assert set(Draft.objects.values_list("text", flat=True)) == {"second", ""}


def test_a_description_that_others_changed_since_is_a_conflict(as_bob, issue, alice):
    draft = {"title": "Broken", "description": "one\ntwo\nthree\n", "version": 1}
    as_bob.post(url("issue-edit-draft", issue), draft)
    with act(alice):
        issue.description = "zero\none\ntwo\n"
        issue.save()

    form = form_of(as_bob.get(url("issue-edit", issue)))
    conflict = as_bob.post(url("issue-edit", issue), form)

    assert form["description"] == "one\r\ntwo\r\nthree\r\n"
    assert conflict.status_code == 409
    assert Issue.objects.get().description == "zero\none\ntwo\n"
    assert Draft.objects.exists()


def test_the_description_s_draft_is_gone_when_it_is_saved(as_bob, issue):
    as_bob.post(url("issue-edit-draft", issue), {"title": "Broken", "description": "All new", "version": 1})

    as_bob.post(url("issue-edit", issue), form_of(as_bob.get(url("issue-edit", issue))))

    assert Issue.objects.get().description == "All new"
    assert not Draft.objects.exists()


def test_viewers_keep_nothing(client, vera, issue):
    client.force_login(vera)

    answers = [
        client.post(url(name, issue), {"content": "x"}) for name in ("comment-draft", "issue-edit-draft")
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert client.post(reverse("issue-create-draft"), {"title": "x"}).status_code == 403
    assert not Draft.objects.exists()


def test_whoever_leaves_leaves_no_drafts(as_bob, bob, issue):
    as_bob.post(url("comment-draft", issue), {"content": "x"})

    bob.deactivate()

    assert not Draft.objects.exists()


def test_a_draft_costs_the_page_one_statement(as_bob, issue, django_assert_max_num_queries):
    CommentFactory(issue=issue)
    as_bob.post(url("comment-draft", issue), {"content": "x"})

    with django_assert_max_num_queries(12):
        as_bob.get(url("issue-detail", issue))
