"""Two people change one issue: the second is told, and keeps theirs, takes the other's, or merges."""

import re
from types import SimpleNamespace

import pytest

from comments.models import Comment
from issues.models import Draft, Issue, Level
from tests.factories import ChannelFactory, CommentFactory, IssueFactory
from tests.test_pages import Forms, act, form_of, text_of, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_bob(client, bob):
    client.force_login(bob)
    return client


def choices(response):
    """{button: what its form sends} of the three answers to a conflict."""
    note = re.search(r'<div class="note warning conflict".*', response.content.decode(), re.S)[0]
    found = {}
    for form in re.findall(r"<form.*?</form>", note, re.S):
        button = re.search(r"<button[^>]*>(Keep mine|Take theirs|Save merged)</button>", form)
        if button:
            stub = SimpleNamespace(request=response.request, content=form.encode())
            (found[button[1]],) = Forms(stub).found.values()
    return found


@pytest.fixture
def both(as_bob, ops, alice):
    """Bob and Alice edit the description; Bob, who sends it last, renames the issue too."""
    issue = IssueFactory(space=ops, title="Old", description="one\ntwo\nthree\n")
    form = form_of(as_bob.get(url("issue-edit", issue)))
    with act(alice):
        issue.description = "ONE\ntwo\nthree\n"
        issue.save()
    mine = form | {"title": "New", "description": "one\r\ntwo\r\nTHREE\r\n"}
    return as_bob.post(url("issue-edit", issue), mine)


def stored():
    issue = Issue.objects.get()
    return issue.title, issue.description


def test_it_says_what_the_other_did(both):
    assert both.status_code == 409
    assert "Alice Owner edited the description just now" in text_of(both)
    assert stored() == ("Old", "ONE\ntwo\nthree\n")


def test_both_texts_and_their_merger_are_shown(both):
    (clash,) = both.context["form"].clashes

    assert (clash.theirs, clash.mine) == ("ONE\ntwo\nthree\n", "one\ntwo\nTHREE\n")
    assert (clash.merged, clash.overlaps) == ("ONE\ntwo\nTHREE\n", 0)
    assert "Your edits do not touch: both are in here." in text_of(both)


@pytest.mark.parametrize(
    ("button", "description"),
    [
        ("Keep mine", "one\ntwo\nTHREE\n"),
        ("Take theirs", "ONE\ntwo\nthree\n"),
        ("Save merged", "ONE\ntwo\nTHREE\n"),
    ],
)
def test_each_answer_is_saved_with_what_nobody_else_changed(both, as_bob, button, description):
    response = as_bob.post(url("issue-edit", Issue.objects.get()), choices(both)[button])

    assert response.status_code == 302
    assert stored() == ("New", description)


def test_an_answer_that_comes_too_late_is_a_conflict_again(both, as_bob, alice):
    issue = Issue.objects.get()
    with act(alice):
        issue.description = "Once more"
        issue.save()

    again = as_bob.post(url("issue-edit", issue), choices(both)["Keep mine"])

    assert again.status_code == 409
    assert stored() == ("Old", "Once more")


def test_a_draft_stays_until_the_conflict_is_over(both, as_bob, bob):
    issue = Issue.objects.get()
    Draft.keep(bob, "description", issue, text="one\ntwo\nTHREE\n", version=1)

    as_bob.post(url("issue-edit", issue), choices(both)["Save merged"])

    assert not Draft.objects.exists()


def test_edits_of_the_same_line_are_both_offered(as_bob, ops, alice):
    issue = IssueFactory(space=ops, title="x", description="one")
    form = form_of(as_bob.get(url("issue-edit", issue))) | {"description": "mine"}
    with act(alice):
        issue.description = "theirs"
        issue.save()

    conflict = as_bob.post(url("issue-edit", issue), form)

    assert choices(conflict)["Save merged"]["description"] == "theirs\r\nmine"
    assert "In 1 place you both changed the same lines: there theirs stands before yours." in text_of(
        conflict
    )


def test_of_a_field_one_value_is_chosen(as_bob, ops, alice):
    issue = IssueFactory(space=ops, level=Level.objects.get(key="P2"))
    mine = {"version": 1, "level": Level.objects.get(key="P3").uuid}
    with act(alice):
        issue.level = Level.objects.get(key="P1")
        issue.save()

    conflict = as_bob.post(url("issue-update", issue), mine)
    answers = choices(conflict)
    as_bob.post(url("issue-update", issue), answers["Take theirs"])
    taken = Issue.objects.get().level.key
    as_bob.post(url("issue-update", issue), answers["Keep mine"])

    # There is nothing to merge of a single value.
    assert answers.keys() == {"Keep mine", "Take theirs"}
    assert (taken, Issue.objects.get().level.key) == ("P1", "P3")


def test_of_two_fields_each_is_chosen(as_bob, ops, alice):
    p1, p2, p3 = Level.objects.filter(key__in=("P1", "P2", "P3"), space=None).order_by("key")
    issue = IssueFactory(space=ops, level=p2)
    with act(alice):
        issue.level, issue.status = p1, "pending"
        issue.save()

    conflict = as_bob.post(url("issue-update", issue), {"version": 1, "level": p3.uuid, "status": "closed"})
    merged = choices(conflict)["Save merged"] | {"level": str(p1.uuid), "status": "closed"}
    as_bob.post(url("issue-update", issue), merged)

    issue = Issue.objects.get()
    assert "Alice Owner set Status Open → Pending and set Level P2 → P1" in text_of(conflict) or (
        "Alice Owner set Level P2 → P1 and set Status Open → Pending" in text_of(conflict)
    )
    assert (issue.level.key, issue.status) == ("P1", "closed")


def test_keeping_one_s_own_label_keeps_the_labels_that_others_added(as_bob, ops, alice):
    issue = IssueFactory.build(space=ops)
    issue.labels = {"team": "payments"}
    issue.save()
    with act(alice):
        issue.labels = {"team": "search", "flaky": ""}
        issue.save()

    conflict = as_bob.post(url("issue-update", issue), {"version": 1, "labels": "team: billing"})
    as_bob.post(url("issue-update", issue), choices(conflict)["Keep mine"])

    assert conflict.status_code == 409
    assert Issue.objects.get().labels == {"team": "billing", "flaky": ""}


@pytest.mark.parametrize("button", ["Keep mine", "Take theirs", "Save merged"])
def test_what_one_left_alone_stays_as_the_other_made_it(as_bob, ops, alice, button):
    issue = IssueFactory(space=ops, description="one", kind="bug")
    form = form_of(as_bob.get(url("issue-edit", issue))) | {"description": "mine"}
    with act(alice):
        issue.description, issue.kind, issue.is_crash = "theirs", "task", True
        issue.save()

    conflict = as_bob.post(url("issue-edit", issue), form)
    as_bob.post(url("issue-edit", issue), choices(conflict)[button])

    stored = Issue.objects.get()
    assert (stored.kind, stored.is_crash) == ("task", True)


def test_a_channel_that_others_chose_stays(as_bob, ops, alice):
    issue, theirs = IssueFactory(space=ops), ChannelFactory(space=ops)
    mine = {"version": 1, "of": "channels", "level": Level.objects.get(key="P3").uuid}
    with act(alice):
        issue.level, issue.channels = Level.objects.get(key="P1"), [theirs]
        issue.save()

    conflict = as_bob.post(url("issue-update", issue), mine)
    as_bob.post(url("issue-update", issue), choices(conflict)["Keep mine"])

    issue = Issue.objects.get()
    assert issue.level.key == "P3"
    assert list(issue.channels) == [theirs.pk]


def test_a_preview_forgets_nothing_of_what_was_seen(as_bob, ops, alice):
    issue = IssueFactory(space=ops, description="one")
    form = form_of(as_bob.get(url("issue-edit", issue))) | {"description": "mine"}
    with act(alice):
        issue.description = "theirs"
        issue.save()

    previewed = form_of(as_bob.post(url("issue-edit", issue), form | {"preview": "1"}))
    conflict = as_bob.post(url("issue-edit", issue), previewed)

    assert conflict.status_code == 409


def edited_twice(as_bob, bob, ops, alice, **theirs):
    """What Bob is told who sends an edit of his comment that another tab, or a program, has edited since."""
    comment = CommentFactory(issue=IssueFactory(space=ops), author=bob, content="one\ntwo\nthree\n")
    form = form_of(as_bob.get(url("comment-edit", comment)))
    with act(alice):
        for name, value in theirs.items():
            setattr(comment, name, value)
        comment.save()
    mine = form | {"content": "one\r\ntwo\r\nTHREE\r\n"}
    return comment, as_bob.post(url("comment-edit", comment), mine)


@pytest.mark.parametrize(
    ("button", "content"),
    [
        ("Keep mine", "one\ntwo\nTHREE\n"),
        ("Take theirs", "ONE\ntwo\nthree\n"),
        ("Save merged", "ONE\ntwo\nTHREE\n"),
    ],
)
def test_a_comment_is_not_written_over_either(as_bob, bob, ops, alice, button, content):
    theirs = {"content": "ONE\ntwo\nthree\n", "is_internal": True}
    comment, conflict = edited_twice(as_bob, bob, ops, alice, **theirs)
    between = Comment.objects.get().content

    response = as_bob.post(url("comment-edit", comment), choices(conflict)[button])

    assert (conflict.status_code, between) == (409, theirs["content"])
    assert "Alice Owner edited a comment just now" in text_of(conflict)
    assert response.status_code == 302
    comment.refresh_from_db()
    assert (comment.content, comment.is_internal) == (content, True)


def test_a_comment_whose_text_nobody_else_edited_is_saved(as_bob, bob, ops, alice):
    comment, response = edited_twice(as_bob, bob, ops, alice, is_internal=True)

    comment.refresh_from_db()
    assert response.status_code == 302
    assert (comment.content, comment.is_internal) == ("one\ntwo\nTHREE\n", True)


def test_htmx_shows_it_as_a_page(as_bob, ops, alice):
    issue = IssueFactory(space=ops, title="Old", status="open")
    with act(alice):
        issue.title, issue.status = "Theirs", "pending"
        issue.save()
    mine = {"version": 1, "title": "Mine", "status": "closed"}

    conflict = as_bob.post(url("issue-edit", issue), mine, headers={"hx-request": "true"})

    assert (conflict.status_code, conflict["HX-Retarget"], conflict["HX-Reselect"]) == (409, "#main", "#main")
    assert choices(conflict).keys() == {"Keep mine", "Take theirs"}


def test_a_box_is_chosen_too(as_bob, ops, alice):
    issue = IssueFactory(space=ops, kind="bug")
    form = form_of(as_bob.get(url("issue-edit", issue))) | {
        "kind": "task",
        "is_crash": "on",
        "of": "is_crash",
    }
    with act(alice):
        issue.kind, issue.is_crash = "incident", True
        issue.save()

    conflict = as_bob.post(url("issue-edit", issue), form)
    as_bob.post(url("issue-edit", issue), choices(conflict)["Keep mine"])

    issue = Issue.objects.get()
    assert conflict.status_code == 409
    assert (issue.kind, issue.is_crash) == ("task", True)
