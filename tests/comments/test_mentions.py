"""What texts mention is kept as they change, and shown to who may read it."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from comments.mentions import Mention, mentioned
from tests.factories import CommentFactory, IssueFactory, SpaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def target(ops):
    """OPS-1, of which others speak."""
    return IssueFactory(space=ops, title="Ids are null")


def keys(issue, user):
    return [mention.issue.key for mention in Mention.objects.of(issue, user)]


@pytest.mark.parametrize(
    "text",
    [
        "See #1.",
        "Like OPS-1, but worse",
        "http://127.0.0.1:8000/issues/OPS-1/",
        "[this](/issues/ops-1/#comment-2)",
    ],
)
def test_an_issue_is_mentioned_by_number_key_and_address(target, ops, bob, text, settings):
    text = text.replace("http://127.0.0.1:8000", settings.BASE_URL)

    IssueFactory(space=ops, description=text)

    assert keys(target, bob) == ["OPS-2"]


@pytest.mark.parametrize(
    "text", ["`OPS-1`", "OPS-12 and #12", "https://elsewhere.example/issues/OPS-1/", "1"]
)
def test_what_only_looks_alike_mentions_nothing(target, ops, bob, text):
    IssueFactory(space=ops, description=text)

    assert keys(target, bob) == []


def test_mentions_come_and_go_with_edits(target, ops, bob):
    issue = IssueFactory(space=ops, description="OPS-1 and OPS-3")
    comment = CommentFactory(issue=IssueFactory(space=ops), content="OPS-1 again")
    before = keys(target, bob)

    issue.description = "OPS-3 alone"
    issue.save()
    comment.content = "Nothing"
    comment.save()

    assert (before, keys(target, bob)) == (["OPS-3", "OPS-2"], [])
    assert Mention.objects.get().key == "OPS-3"


def test_a_bulk_change_is_followed(target, ops, bob):
    issues = [IssueFactory(space=ops) for _ in range(2)]

    type(target).objects.filter(pk__in=[issue.pk for issue in issues]).change(description="As #1")

    assert keys(target, bob) == ["OPS-3", "OPS-2"]


def test_others_spaces_trash_and_internal_comments_stay_out_of_sight(target, ops, bob, vera, charlie):
    IssueFactory(space=SpaceFactory(key="FAR"), description="OPS-1")
    IssueFactory(space=ops, description="OPS-1").trash()
    issue = IssueFactory(space=ops)
    CommentFactory(issue=issue, content="OPS-1, between us", is_internal=True)
    CommentFactory(issue=issue, content="OPS-1 is taken back").trash()

    assert keys(target, bob) == [issue.key]
    assert keys(target, vera) == keys(target, charlie) == []


def test_an_issue_does_not_list_itself(target, bob):
    CommentFactory(issue=target, content="OPS-1 is this one")

    assert keys(target, bob) == []


def test_wrong_mentions_are_found_and_repaired(target, ops, bob):
    CommentFactory(issue=IssueFactory(space=ops, description="#1"), content="OPS-1")
    Mention.objects.filter(comment=None).delete()
    Mention.objects.create(issue=target, key="OPS-9")

    with pytest.raises(CommandError, match="2 of mentions"):
        call_command("check_derived", stdout=StringIO())
    call_command("check_derived", repair=True, stdout=StringIO())

    call_command("check_derived", stdout=StringIO())
    assert keys(target, bob) == ["OPS-2", "OPS-2"]


def test_links_elsewhere_are_no_mentions():
    html = '<a href="https://example.com/issues/OPS-1/">x</a><a href="/issues/OPS-2/history/">y</a>'

    assert mentioned(html) == set()
