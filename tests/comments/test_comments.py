"""Comments: on record in the chain of their issue."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from comments.models import Comment, CommentAttachment
from issues.actor import Actor, acting_as
from issues.models import Issue, Outbox, TextVersion
from issues.models.base import WayRound
from issues.models.history import digest
from tests.chains import actions, assert_whole, entries, row, told
from tests.factories import AttachmentFactory, CommentFactory, IssueFactory

pytestmark = pytest.mark.django_db


def document(comment, content, **instead):
    return {
        "comment": str(comment.uuid),
        "content": {"sha256": digest(content)},
        "format": "md",
        "is_internal": False,
        "extensions": "",
    } | instead


def test_a_comment_is_on_record(ops, bob):
    issue = IssueFactory(space=ops)

    with acting_as(lambda: Actor(user=bob, source="web")):
        comment = CommentFactory(issue=issue, author=bob, content="*Found* it")

    assert told(issue) == [("comment_added", "comments", None, document(comment, "*Found* it"), "", "")]
    assert (row(issue)["version"], row(issue)["updated_by_id"]) == (2, bob.pk)
    assert "<em>Found</em>" in Comment.objects.get().content_rendered
    assert TextVersion.objects.filter(text="*Found* it").exists()
    assert Outbox.objects.filter(issue=issue, version=2).count() == 1
    assert_whole(issue)


def test_an_internal_comment_is_a_version_and_leaves_the_issue_as_last_changed_before(ops, alice, bob):
    with acting_as(lambda: Actor(user=alice)):
        issue = IssueFactory(space=ops)
    before = row(issue)

    with acting_as(lambda: Actor(user=bob)):
        comment = CommentFactory(issue=issue, author=bob, is_internal=True)
        comment.content = "Two"
        comment.save()
        comment.trash()

    assert actions(issue) == ["created", "comment_added", "comment_edited", "comment_deleted"]
    assert row(issue) == before | {"version": 4}
    assert Outbox.objects.filter(issue=issue).count() == 4
    assert_whole(issue)


def test_an_edited_comment_says_what_it_was(ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, content="One")

    comment.content = "*Two*"
    comment.save()

    assert told(issue, after=2) == [
        ("comment_edited", "comments", document(comment, "One"), document(comment, "*Two*"), "", "")
    ]
    stored = Comment.objects.get()
    assert "<em>Two</em>" in stored.content_rendered
    assert stored.edited_at == comment.edited_at == entries(issue)[-1].created_at == row(issue)["updated_at"]
    assert_whole(issue)


def test_a_comment_in_another_format_is_rendered_again(ops):
    comment = CommentFactory(issue=IssueFactory(space=ops), content="*One*")

    comment.content_format = "text"
    comment.save()

    stored = Comment.objects.get()
    assert "*One*" in stored.content_rendered and stored.edited_at is None


def test_a_comment_that_is_saved_unchanged_is_no_statement(ops, django_assert_num_queries):
    CommentFactory(issue=IssueFactory(space=ops), content="One")
    comment = Comment.objects.get()

    with django_assert_num_queries(0):
        comment.content = "One"
        comment.save()


def test_a_deleted_comment_leaves_its_history(ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, content="One")

    comment.trash()

    assert told(issue, after=2) == [
        ("comment_deleted", "comments", document(comment, "One"), None, "", ""),
    ]
    assert Comment.objects.get().deleted_at == comment.deleted_at
    assert_whole(issue)


def test_a_comment_is_deleted_once_and_for_all(ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue)
    stale = Comment.objects.get()
    comment.trash()

    stale.trash()
    comment.deleted_at = None
    comment.save()

    assert actions(issue) == ["created", "comment_added", "comment_deleted"]
    assert Comment.objects.get().deleted_at == stale.deleted_at == comment.deleted_at is not None


def test_an_edit_and_a_deletion_in_one_save_are_two_entries(ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, content="One")
    gone = CommentFactory(issue=issue)
    gone.trash()

    comment.content, comment.deleted_at = "Two", gone.deleted_at
    comment.save()

    assert told(issue, after=4) == [
        ("comment_edited", "comments", document(comment, "One"), document(comment, "Two"), "", ""),
        ("comment_deleted", "comments", document(comment, "Two"), None, "", ""),
    ]
    assert_whole(issue)


def test_a_stale_comment_does_not_undo_what_others_did(ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, content="One")
    stale = Comment.objects.get()
    comment.content = "Two"
    comment.save()

    stale.is_internal = True
    stale.save()

    stored = Comment.objects.get()
    assert (stored.content, stored.is_internal) == ("Two", True)
    assert "Two" in stored.content_rendered


@pytest.mark.parametrize(("before", "after"), [(False, False), (False, True), (True, False), (True, True)])
def test_entries_of_internal_comments_are_internal(ops, before, after):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, content="One", is_internal=before)

    comment.content, comment.is_internal = "Two", after
    comment.save()
    comment.trash()

    assert [entry.is_internal for entry in entries(issue)] == [False, before, before or after, after]


def test_leftovers_of_a_dialect_are_on_record_by_digest(ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, content="One")

    comment.extensions = {"acme": {"mood": 1}}
    comment.save()

    extensions = {"sha256": digest('{"acme":{"mood":1}}')}
    assert told(issue, after=2)[0][3] == document(comment, "One", extensions=extensions)
    assert TextVersion.objects.filter(sha256=extensions["sha256"], text='{"acme":{"mood":1}}').exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content", None),
        ("content", "x" * 65_536),
        ("content", "a\x00b"),
        ("content", "\ud800"),
        ("content_format", "rtf"),
        ("is_internal", None),
        ("is_internal", "perhaps"),
        ("extensions", []),
        ("extensions", {"a": float("nan")}),
        ("extensions", {"a": {1}}),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_wrong_value_is_refused_and_nothing_is_written(ops, name, value):
    issue = IssueFactory(space=ops)
    comment, new = CommentFactory(issue=issue), Comment(issue=issue, content="New")

    for either in (comment, new):
        setattr(either, name, value)
        with pytest.raises(ValidationError) as refused:
            either.save()
        assert list(refused.value.message_dict) == [name]

    assert (actions(issue), Comment.objects.count()) == (["created", "comment_added"], 1)


@pytest.mark.parametrize("key", [None, 10**6, 2**80])
def test_a_comment_needs_its_issue(db, key):
    with pytest.raises(ValidationError, match="issue"):
        Comment(issue_id=key, content="New").save()

    assert not Comment.objects.exists()


def test_an_issue_has_so_many_comments_and_no_more(ops, monkeypatch):
    monkeypatch.setattr("comments.models.COMMENTS", 2)
    issue = IssueFactory(space=ops)
    CommentFactory(issue=issue), CommentFactory(issue=issue)

    with pytest.raises(ValidationError, match="At most 2"):
        CommentFactory(issue=issue)

    assert row(issue)["version"] == 3


def test_a_comment_does_not_move_to_another_issue(ops):
    issue, other = IssueFactory(space=ops), IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, content="One")

    comment.issue, comment.content = other, "Two"
    comment.save()

    assert Comment.objects.get().issue == comment.issue == issue
    assert (actions(issue)[-1], actions(other)) == ("comment_edited", ["created"])
    assert_whole(issue, other)


def test_the_issue_is_locked_before_its_comment(ops):
    comment = CommentFactory(issue=IssueFactory(space=ops))
    comment.content = "Two"

    with CaptureQueriesContext(connection) as queries:
        comment.save()

    statements = [query["sql"] for query in queries if "SELECT" in query["sql"]]
    assert 'FROM "issues_issue"' in statements[0] and 'FROM "comments_comment"' in statements[1]
    if connection.vendor == "postgresql":
        assert all("FOR NO KEY UPDATE" in statement for statement in statements[:2])


def test_comments_are_seen_by_those_who_may(ops, bob, vera, charlie):
    issue, gone = IssueFactory(space=ops), IssueFactory(space=ops)
    plain, internal = CommentFactory(issue=issue), CommentFactory(issue=issue, is_internal=True)
    CommentFactory(issue=issue).trash()
    CommentFactory(issue=gone)
    Issue.objects.get(pk=gone.pk).trash()

    seen = [set(Comment.objects.visible_to(user)) for user in (bob, vera, charlie)]

    assert seen == [{plain, internal}, {plain}, set()]


@pytest.mark.parametrize(
    "way",
    [
        lambda: Comment.objects.update(content="x"),
        lambda: Comment.objects.all().delete(),
        lambda: Comment.objects.get().delete(),
        lambda: Comment.objects.get().issue.comments.all().delete(),
        lambda: Comment.objects.get().author.comments.update(content="x"),
        lambda: Comment.objects.bulk_create([]),
        lambda: Comment.objects.bulk_update([], ["content"]),
        lambda: Comment.objects.get().attachment_rows.all().delete(),
        lambda: CommentAttachment.objects.update(comment=None),
        lambda: CommentAttachment.objects.bulk_create([]),
        lambda: CommentAttachment(comment=Comment.objects.get()).save(),
        lambda: CommentAttachment().delete(),
    ],
)
def test_there_is_no_way_round(ops, way):
    issue = IssueFactory(space=ops)
    CommentFactory(issue=issue, content="One")

    with pytest.raises(WayRound):
        way()

    assert Comment.objects.get().content == "One"


def test_a_new_comment_is_on_record_with_its_files(ops):
    issue = IssueFactory(space=ops)
    files = [AttachmentFactory(space=ops, name=name) for name in ("a", "b")]
    comment = Comment(issue=issue, content="One")

    comment.attachments = files
    comment.save()

    uuids = sorted(str(file.uuid) for file in files)
    assert told(issue) == [
        ("comment_added", "comments", None, document(comment, "One", attachments=uuids), "", "")
    ]
    assert list(Comment.objects.get().attachments) == [file.pk for file in files]
    assert_whole(issue)


def test_files_of_a_comment_are_diffed_against_what_is_stored(ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, content="One")
    stale = Comment.objects.get()
    first, second = AttachmentFactory(owner=comment), AttachmentFactory(space=ops)

    stale.wish("attachments", add=[second, first])
    stale.content = "Two"
    stale.save()
    stale.save()

    old, new = (
        {"attachments": sorted(str(file.uuid) for file in files)} for files in ([first], [first, second])
    )
    assert told(issue, after=3) == [
        (
            "comment_edited",
            "comments",
            document(comment, "One", **old),
            document(comment, "Two", **new),
            "",
            "",
        )
    ]
    assert list(Comment.objects.get().attachments) == [first.pk, second.pk]
    assert Comment.objects.get().edited_at == stale.edited_at
    assert_whole(issue)


def test_a_deleted_comment_had_its_files(ops):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, content="One")
    file = AttachmentFactory(owner=comment)

    comment.trash()

    *_, (action, _, old, new, _, _) = told(issue)
    assert (action, new) == ("comment_deleted", None)
    assert old == document(comment, "One", attachments=[str(file.uuid)])


def test_files_that_are_there_already_are_no_change(ops):
    comment = CommentFactory(issue=IssueFactory(space=ops))
    file = AttachmentFactory(owner=comment)
    before = Comment.objects.values().get()

    comment.attachments = [file]
    comment.save()

    assert Comment.objects.values().get() == before
    assert not comment.wishes()
    assert len(entries(comment.issue)) == 3


def test_a_file_of_another_space_comes_on_no_comment(ops, charlie):
    comment = CommentFactory(issue=IssueFactory(space=ops))
    file = AttachmentFactory(space=charlie.memberships.get().space)

    comment.wish("attachments", add=[file])
    with pytest.raises(ValidationError, match="another space"):
        comment.save()

    assert not CommentAttachment.objects.exists()
    assert len(entries(comment.issue)) == 2
    assert list(comment.attachments) == [file.pk]
