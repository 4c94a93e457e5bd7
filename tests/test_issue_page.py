"""What the page of an issue does beside showing it: news, visits, boxes, fields that save themselves."""

import re
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from issues.actor import Actor, acting_as
from issues.models import Issue, LastVisit
from issues.tasks import seen
from tests.factories import CommentFactory, IssueFactory, UserFactory

pytestmark = pytest.mark.django_db

NEW = 'id="new"'


@pytest.fixture
def as_bob(client, bob):
    client.force_login(bob)
    return client


def page_of(client, issue, **data):
    return client.get(issue.get_absolute_url(), data).content.decode()


def act(user, source="web", at=None):
    return acting_as(lambda: Actor(user=user, source=source, at=at))


def posted(client, issue, name, data, **headers):
    return client.post(reverse(name, args=[issue.key]), data, headers=headers)


# The timeline


def test_changes_within_five_minutes_stand_on_one_line(as_bob, ops, alice):
    start = timezone.now() - timedelta(hours=1)
    issue = IssueFactory(space=ops)
    for minutes, status in ((0, "acknowledged"), (4, "in_progress"), (6, "pending")):
        with act(alice, at=start + timedelta(minutes=minutes)):
            issue.status = status
            issue.save()

    lines = re.findall(r'<li class="change">(.*?)</li>', page_of(as_bob, issue), re.S)

    assert [line.count("→") for line in lines] == [2, 1, 0]


def test_people_of_one_name_are_told_apart(as_bob, ops):
    issue = IssueFactory(space=ops)
    for status in ("pending", "closed"):
        with act(UserFactory(name="Kim Lee", member_of=ops)):
            issue.status = status
            issue.save()

    assert page_of(as_bob, issue).count("<b>Kim Lee</b>") == 2


@pytest.mark.parametrize(
    ("source", "words"), [("api", "via API"), ("datadog", "via Datadog"), ("rule", "via rule")]
)
def test_a_change_names_its_door(as_bob, ops, alice, source, words):
    with act(alice, source):
        issue = IssueFactory(space=ops)

    assert words in page_of(as_bob, issue)


def test_a_thousand_entries_cost_no_more(as_bob, ops, bob, alice, django_assert_max_num_queries):
    issue = IssueFactory(space=ops)
    with act(alice):
        for number in range(250):
            issue.title = f"Title {number}"
            issue.save()
            issue.description = f"- [ ] Text {number}"
            issue.save()
            CommentFactory(issue=issue, author=bob, content=f"- [ ] Remark {number}.")

    with django_assert_max_num_queries(12):
        ends = page_of(as_bob, issue)
    with django_assert_max_num_queries(12):
        whole = page_of(as_bob, issue, timeline="all")

    assert "Show 671 more" in ends
    assert "Remark 249." in ends and "Remark 100." not in ends
    assert whole.count('<li class="comment"') == 250


# Visits


def test_what_others_did_since_the_last_visit_is_marked(as_bob, ops, alice, bob):
    issue = IssueFactory(space=ops)
    CommentFactory(issue=issue, author=alice, content="Seen before")
    first = page_of(as_bob, issue)
    CommentFactory(issue=issue, author=bob, content="My own")
    CommentFactory(issue=issue, author=alice, content="Not seen yet")

    second, third = page_of(as_bob, issue), page_of(as_bob, issue)

    assert NEW not in first and NEW not in third
    assert second.index("My own") < second.index(NEW) < second.index("Not seen yet")
    assert 'class="to-news"' in second and 'class="to-news"' not in third


def test_a_line_of_changes_ends_where_news_begin(as_bob, ops, alice):
    issue = IssueFactory(space=ops)
    with act(alice):
        issue.status = "pending"
        issue.save()
    page_of(as_bob, issue)
    with act(alice):
        issue.status = "closed"
        issue.save()

    html = page_of(as_bob, issue)

    assert html.index("Pending") < html.index(NEW) < html.index("→ <b>Closed")


def test_only_looking_at_what_changed_is_a_visit(as_bob, ops, bob):
    issue = IssueFactory(space=ops)
    as_bob.head(issue.get_absolute_url())
    as_bob.get(reverse("issue-news", args=[issue.key]))
    before = LastVisit.objects.count()

    page_of(as_bob, issue)
    at = LastVisit.objects.get(user=bob, issue=issue).at
    page_of(as_bob, issue)

    assert before == 0
    assert LastVisit.objects.get().at == at


def test_a_visit_that_cannot_be_written_breaks_no_page(as_bob, ops, monkeypatch):
    def refuse(*args, **kwargs):
        raise DatabaseError("read-only")

    monkeypatch.setattr("django.db.models.QuerySet.bulk_create", refuse)
    issue = IssueFactory.build(space=ops)
    issue.save()

    assert "Timeline" in page_of(as_bob, issue)


# News


def test_news_are_told_once_the_version_has_changed(as_bob, ops):
    issue = IssueFactory(space=ops)
    address = reverse("issue-news", args=[issue.key])
    shown = re.search(r'"If-None-Match": "\\"(\d+)\\""', page_of(as_bob, issue))[1]

    same = as_bob.get(address, headers={"if-none-match": f'"{shown}"'})
    issue.status = "pending"
    issue.save()
    changed = as_bob.get(address, headers={"if-none-match": f'"{shown}"'})
    again = as_bob.get(address, headers={"if-none-match": changed["ETag"]})
    issue.trash()
    gone = as_bob.get(address, headers={"if-none-match": changed["ETag"]})

    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200 and b"has changed" in changed.content
    assert again.status_code == 304
    assert b"trash" in gone.content


def test_who_has_signed_out_is_told_no_news(ops):
    issue = IssueFactory(space=ops)

    response = Client().get(reverse("issue-news", args=[issue.key]))

    assert (response.status_code, response.content) == (401, b"")


# Boxes


@pytest.mark.parametrize("format", ["md", "html", "text"])
def test_boxes_of_markdown_are_buttons_for_who_may_edit(client, ops, bob, vera, format):
    issue = IssueFactory(space=ops, description="- [ ] one", description_format=format)
    buttons = {}
    for person in (bob, vera):
        client.force_login(person)
        buttons[person] = 'name="box"' in page_of(client, issue)

    assert buttons == {bob: format == "md", vera: False}


def test_box_is_ticked_and_an_older_text_is_a_conflict(as_bob, ops):
    issue = IssueFactory(space=ops, description="- [ ] one\n- [ ] two")
    data = {"box": "2", "seen": seen(issue.description)}

    ticked = posted(as_bob, issue, "issue-tick", data)
    stale = posted(as_bob, issue, "issue-tick", data)

    assert ticked.url == issue.get_absolute_url()
    assert stale.status_code == 409
    assert "no box was ticked" in stale.content.decode()
    assert Issue.objects.get().description == "- [ ] one\n- [x] two"


def test_box_of_a_comment_is_its_author_s(client, ops, alice, bob):
    comment = CommentFactory(issue=IssueFactory(space=ops), author=bob, content="1. [ ] one")
    data = {"box": "1", "seen": seen(comment.content)}
    address = reverse("comment-tick", args=[comment.uuid])
    statuses = []
    for person in (alice, bob, bob):
        client.force_login(person)
        statuses.append(client.post(address, data).status_code)

    comment.refresh_from_db()
    assert statuses == [403, 302, 409]
    assert comment.content == "1. [x] one" and comment.edited_at


# Fields and title


def test_answer_to_htmx_keeps_the_way_the_page_is_shown(as_bob, ops):
    issue = IssueFactory(space=ops)
    shown = f"http://testserver{issue.get_absolute_url()}?timeline=all"

    response = posted(
        as_bob,
        issue,
        "issue-update",
        {"status": "pending"},
        **{"hx-request": "true", "hx-current-url": shown},
    )

    assert response.url == f"{issue.get_absolute_url()}?timeline=all"


def test_saved_field_is_named_and_one_left_alone_is_not(as_bob, ops):
    issue = IssueFactory(space=ops)

    posted(as_bob, issue, "issue-update", {"version": 1, "status": "pending"})
    first = page_of(as_bob, issue)
    posted(as_bob, issue, "issue-update", {"version": 2, "status": "pending"})

    assert "OPS-1 is pending." in first
    assert "OPS-1 is pending." not in page_of(as_bob, issue)


def test_title_is_edited_in_its_place(as_bob, ops):
    issue = IssueFactory(space=ops, title="Old")

    bad = posted(as_bob, issue, "issue-edit", {"inline": "1", "version": 1, "title": "x" * 501})
    good = posted(as_bob, issue, "issue-edit", {"inline": "1", "version": 1, "title": "New"})

    assert bad.status_code == 422
    assert 'class="title-form"' in bad.content.decode() and "x" * 501 in bad.content.decode()
    assert good.url == issue.get_absolute_url()
    assert Issue.objects.get().title == "New"


def test_title_changed_by_two_is_a_conflict_with_the_typed_one_kept(as_bob, ops, alice):
    issue = IssueFactory(space=ops, title="Old")
    with act(alice):
        issue.title = "Hers"
        issue.save()

    response = posted(as_bob, issue, "issue-edit", {"inline": "1", "version": 1, "title": "Mine"})
    version = re.search(r'name="inline".*?name="version" value="(\d+)"', response.content.decode(), re.S)[1]
    again = posted(as_bob, issue, "issue-edit", {"inline": "1", "version": version, "title": "Mine"})

    assert response.status_code == 409
    assert 'value="Mine"' in response.content.decode()
    assert again.status_code == 302 and Issue.objects.get().title == "Mine"


# Similar issues


def test_similar_issues_are_shown_while_a_new_one_is_written(as_bob, ops):
    IssueFactory(space=ops, title="Vouchers expire in the basket")
    form = {"space": "OPS", "title": "vouchers expire", "description": "", "labels": "", "preview": "1"}

    preview = as_bob.post(reverse("issue-create"), form)
    part = as_bob.get(reverse("issue-like"), {"title": "vouchers expire", "space": "OPS"})
    nothing = as_bob.get(reverse("issue-like"), {"title": "", "space": "NOT-THERE"})

    assert "OPS-1" in preview.content.decode()
    assert "OPS-1" in part.content.decode() and "<html" not in part.content.decode()
    assert nothing.status_code == 200 and b"OPS-1" not in nothing.content


def test_a_button_shows_similar_issues_and_keeps_what_was_typed(as_bob, ops):
    IssueFactory(space=ops, title="Vouchers expire in the basket")
    form = {
        "space": "OPS",
        "title": "vouchers expire",
        "description": "<b>Why?</b>",
        "labels": "",
        "check": "1",
    }

    similar = as_bob.post(reverse("issue-create"), form)
    none, wrong = (
        as_bob.post(reverse("issue-create"), form | other)
        for other in ({"title": "Zebra"}, {"level": "no-level"})
    )

    page = similar.content.decode()
    assert similar.status_code == 200 and "Vouchers expire in the basket" in page
    assert 'value="vouchers expire"' in page and "&lt;b&gt;Why?&lt;/b&gt;" in page
    assert "There is no similar issue" in none.content.decode()
    assert wrong.status_code == 422 and "Vouchers expire in the basket" in wrong.content.decode()
    assert Issue.objects.count() == 1


def test_similar_issues_of_an_issue_are_others_that_one_sees(as_bob, ops, charlie):
    for space in (ops, charlie.memberships.get().space):
        IssueFactory(space=space, title="Vouchers expire in the basket")
    issue = IssueFactory(space=ops, title="Vouchers expire")

    html = as_bob.get(reverse("issue-similar", args=[issue.key])).content.decode()

    assert "Vouchers expire in the basket" in html
    assert "DATA-1" not in html


def test_the_page_of_what_stands_beside_leads_to_where_an_issue_is_mentioned(as_bob, ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=IssueFactory(space=ops, title="The other one"), content="As #1")

    html = as_bob.get(reverse("issue-similar", args=[issue.key])).content.decode()

    assert "Mentioned in" in html and "The other one" in html
    assert f"{reverse('issue-detail', args=['OPS-2'])}#comment-{comment.uuid}" in html


# In the next release


def test_what_was_seen_in_a_version_can_be_resolved_in_the_next_release(as_bob, ops):
    issue, unversioned = IssueFactory(space=ops, last_version="1.2"), IssueFactory(space=ops)
    button = 'name="resolution" value="next_release"'

    shown = [button in page_of(as_bob, each) for each in (issue, unversioned)]
    wanted = {"version": 1, "status": "resolved", "resolution": "next_release"}
    posted(as_bob, issue, "issue-update", wanted)
    issue.refresh_from_db()
    issue.count_sighting(version="1.2")
    issue.count_sighting(version="1.3")

    assert shown == [True, False]
    entries = list(issue.history.order_by("position").values_list("action", "field", "new_value"))
    resolved = entries.index(("resolution_changed", "resolution", '"next_release"'))
    assert entries.index(("regressed", "status", '"open"')) > resolved
    assert (issue.status, issue.seen_count) == ("open", 3)
