"""`redact`: a text goes for good, and that it went is on record."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from comments.models import Comment
from issues.models import HistoryEntry, Issue, Membership, TextVersion
from issues.models.history import digest
from tests.factories import CommentFactory, IssueFactory, UserFactory
from tracker.accounts.models import IdempotencyKey

pytestmark = pytest.mark.django_db

SECRET = 'The "password" is\nCorrect Horse ü ✓ 😀'


@pytest.fixture
def issue(ops):
    """An issue whose first description was a secret."""
    issue = IssueFactory(space=ops, title="We leak", description=SECRET)
    issue.description = "Nothing to see"
    issue.save()
    return issue


def redact(key="OPS-1", position=1, **options):
    """(what it prints, what it warns of)"""
    said, warned = StringIO(), StringIO()
    options = {"by": "alice@example.com", "why": "A password", **options}
    call_command("redact", key, position=position, stdout=said, stderr=warned, **options)
    return said.getvalue(), warned.getvalue()


def refused(*arguments, **options):
    with pytest.raises(CommandError) as refusal:
        redact(*arguments, **options)
    return str(refusal.value)


def verify():
    said = StringIO()
    call_command("verify_history", stdout=said)
    return said.getvalue()


def test_a_text_is_blanked_and_its_digest_kept(issue, alice):
    said, warned = redact(field="description")

    version = TextVersion.objects.get(sha256=digest(SECRET))
    assert (version.text, version.blanked_by, version.blanked_why) == ("", alice, "A password")
    assert (said, warned) == ("OPS-1: the description of entry 1 is blanked.\n", "")


def test_the_blanking_is_an_entry_of_its_own(issue, alice):
    redact(field="description")

    entry = HistoryEntry.objects.get(action="text_redacted")
    assert (entry.issue, entry.position, entry.version) == (issue, 3, 3)
    assert (entry.actor, entry.source, entry.field) == (alice, "command", "description")
    assert json.loads(entry.new_value) == {"sha256": digest(SECRET)}
    assert entry.new_display == "A password"
    assert entry.created_at == TextVersion.objects.get(text="").blanked_at


def test_the_chain_still_holds_and_counts_what_was_blanked(issue, alice):
    redact(field="description")

    assert verify().endswith(" 1 of them blanked.\n")


def test_the_old_side_of_a_change_names_the_same_text(issue, alice):
    redact(position=2, side="old")

    assert TextVersion.objects.get(sha256=digest(SECRET)).text == ""
    assert verify()


def test_a_text_that_comes_back_stays_out_of_history(issue, alice):
    redact(field="description")
    issue.refresh_from_db()
    issue.description = SECRET
    issue.save()

    assert TextVersion.objects.get(sha256=digest(SECRET)).text == ""
    assert verify()


def test_a_comment_that_was_edited_loses_what_it_said(issue, alice, bob):
    comment = CommentFactory(issue=issue, author=bob, content="hunter2 is it", is_internal=True)
    comment.content = "Never mind"
    comment.save()

    redact(position=3)

    assert TextVersion.objects.get(sha256=digest("hunter2 is it")).text == ""
    assert HistoryEntry.objects.get(action="text_redacted").is_internal
    assert verify()


def test_a_deleted_comment_loses_its_text_too(issue, alice, bob):
    comment = CommentFactory(issue=issue, author=bob, content="hunter2 is it")
    comment.trash()

    redact(position=3)

    comment = Comment.objects.get()
    assert (comment.content, "hunter2" in comment.content_rendered) == ("", False)
    assert verify()


def test_annotations_are_blanked_by_their_canonical_text(ops, alice):
    issue = IssueFactory(space=ops, annotations={"b": "a long secret", "a": "1"})
    issue.annotations = {}
    issue.save()

    redact(position=2)

    assert not TextVersion.objects.filter(text__contains="a long secret").exists()
    assert verify()


@pytest.mark.parametrize("is_ascii", [True, False])
def test_kept_answers_that_hold_the_text_are_gone(issue, alice, is_ascii):
    answer = json.dumps({"description": SECRET}, ensure_ascii=is_ascii).encode()
    IdempotencyKey.objects.create(user=alice, key="a", body=answer)
    IdempotencyKey.objects.create(user=alice, key="b", body=b"> " + SECRET.encode())
    IdempotencyKey.objects.create(user=alice, key="c", body=b'{"description": "Nothing to see"}')

    said, _ = redact(field="description")

    assert [row.key for row in IdempotencyKey.objects.all()] == ["c"]
    assert "2 kept answers of the API that held it are gone." in said


def test_kept_answers_that_hold_a_string_of_a_json_text_are_gone(ops, alice):
    issue = IssueFactory(space=ops, extensions={"datadog": {"case": ["a long secret", "open"]}})
    issue.extensions = {}
    issue.save()
    IdempotencyKey.objects.create(user=alice, key="a", body=b'{"case":["a long secret"]}')
    IdempotencyKey.objects.create(user=alice, key="b", body=b'{"status":"open"}')

    redact(position=2)

    assert [row.key for row in IdempotencyKey.objects.all()] == ["b"]


def test_other_issues_that_show_the_text_are_named(issue, alice, charlie):
    IssueFactory(space=issue.space, error_message=SECRET)
    CommentFactory(issue=IssueFactory(space=issue.space), content=SECRET)
    IssueFactory(space=charlie.memberships.get().space, description=SECRET)

    _, warned = redact(field="description")

    assert warned == "Warning: OPS-2, OPS-3 still show that text.\n"
    assert verify()


# What is refused, and changes nothing.


@pytest.fixture
def unchanged(issue):
    """Sees to it that a refusal leaves everything as it was."""
    yield
    assert not TextVersion.objects.exclude(blanked_at=None).exists()
    assert not HistoryEntry.objects.filter(action="text_redacted").exists()


@pytest.mark.parametrize("email", ["bob@example.com", "charlie@example.com", "nobody@example.com"])
def test_only_an_admin_of_the_space_may(issue, alice, bob, charlie, unchanged, email):
    assert refused(field="description", by=email) == f"{email} is no active admin of OPS."


def test_an_admin_who_left_may_not(issue, alice, unchanged):
    UserFactory(member_of=issue.space, member_of__role="admin")
    membership = Membership.objects.get(user=alice)
    membership.is_active = False
    membership.save()

    assert refused(field="description") == "alice@example.com is no active admin of OPS."


def test_a_deactivated_person_may_not(issue, alice, unchanged):
    UserFactory(member_of=issue.space, member_of__role="admin")
    alice.is_active = False
    alice.save()

    assert refused(field="description") == "alice@example.com is no active admin of OPS."


@pytest.mark.parametrize("why", ["", "  ", "x" * 501, "\x00"])
def test_a_reason_is_needed(issue, alice, unchanged, why):
    assert refused(field="description", why=why) == "A reason has 1 to 500 characters."


@pytest.mark.parametrize("key", ["OPS-2", "NONE-1", "nonsense"])
def test_an_issue_that_is_not_there_is_named(issue, alice, unchanged, key):
    assert refused(key) == f"There is no issue {key}."


def test_an_entry_that_is_not_there_is_named(issue, alice, unchanged):
    assert refused(position=7) == "The history of OPS-1 has no entry 7."


def test_an_entry_without_a_text_is_refused(issue, alice):
    issue.status = "closed"
    issue.save()

    assert refused(position=3) == "Entry 3 (status_changed) has no such text."


def test_one_of_several_texts_has_to_be_chosen(issue, alice, unchanged):
    assert refused(position=1) == (
        "Entry 1 (created) has several texts: --side new --field description; --side new --field title."
    )
    assert refused(position=2) == (
        "Entry 2 (description_changed) has several texts: "
        "--side old --field description; --side new --field description."
    )


def test_a_present_text_has_to_be_edited_first(issue, alice, unchanged):
    assert refused(field="title") == "It is the present title of OPS-1: edit it first."
    assert refused(position=2, side="new") == "It is the present description of OPS-1: edit it first."


def test_a_present_comment_has_to_be_edited_first(issue, alice, bob, unchanged):
    CommentFactory(issue=issue, author=bob, content=SECRET)

    said = refused(field="description")

    assert said == "It is the present text of a comment on OPS-1: edit or delete that first."


def test_a_text_is_blanked_once(issue, alice):
    redact(field="description")

    assert refused(field="description") == "That text is blanked already."
    assert refused(position=3) == "Entry 3 (text_redacted) has no such text."


def test_an_issue_in_the_trash_can_be_redacted(issue, alice):
    Issue.objects.get().trash()

    redact(field="description")

    assert verify()
