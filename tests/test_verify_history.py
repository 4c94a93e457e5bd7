"""`verify_history`: what holds holds, and nothing that was changed behind the back stays unseen."""

from datetime import timedelta
from io import StringIO
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.utils import timezone

from comments.models import Comment, CommentAttachment
from issues.actor import Actor, acting_as
from issues.models import (
    Attachment,
    Channel,
    HistoryEntry,
    Issue,
    IssueLabel,
    IssueTeam,
    Level,
    Membership,
    Space,
    Subscription,
    TextVersion,
)
from issues.models.insert import insert_many
from issues.models.triggers import lift_triggers
from tests.factories import (
    AttachmentFactory,
    ChannelFactory,
    CommentFactory,
    IssueFactory,
    LevelFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    TokenFactory,
)
from tracker import verification

pytestmark = pytest.mark.django_db
only_sqlite = pytest.mark.database("sqlite")


def verify(**options):
    said = StringIO()
    call_command("verify_history", stdout=said, **options)
    return said.getvalue()


def broken():
    """What the command says of history that does not hold."""
    with pytest.raises(CommandError) as failure:
        verify()
    return str(failure.value)


def rewrite(rows, **values):
    """UPDATE past every guard."""
    lift_triggers()
    return models.QuerySet.update(rows, **values)


def execute(sql, *parameters):
    lift_triggers()
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def entry(issue, position):
    return HistoryEntry.objects.filter(issue=issue, position=position)


def stored(value):
    """A uuid as the database keeps it."""
    return value if connection.features.has_native_uuid_field else value.hex


@pytest.fixture
def issue(ops, alice):
    """An issue with three entries: created, its status changed, its title changed."""
    with acting_as(lambda: Actor(user=alice, source="web")):
        issue = IssueFactory(space=ops, title="Disk is full", description="On db-1")
        issue.status = "resolved"
        issue.save()
        issue.title = "Disk is full again"
        issue.save()
    return issue


def full_life(space, alice, bob):
    """An issue to which everything has happened that can happen to one."""
    team, project, channel = (make(space=space) for make in (TeamFactory, ProjectFactory, ChannelFactory))
    level = LevelFactory(space=space, rank=0)
    issue = Issue(
        space=space, title="Before", description="First line\nand more", reporter=alice, project=project
    )
    issue.labels = {"sha256": "of what", "flaky": ""}
    issue.teams = [team]
    issue.save()
    issue.level, issue.assignee, issue.due_on = level, bob, timezone.now().date()
    issue.labels, issue.teams, issue.channels = {"flaky": "very", "new": ""}, [], [channel]
    issue.annotations, issue.extensions = {"b": "2", "a": "1"}, {"datadog": {"z": 1.0, "a": [None]}}
    issue.is_crash, issue.languages, issue.error_message = True, ["python", "c"], "Boom"
    issue.resource_id, issue.alert_id = "r-1", "a-1"
    issue.save()
    issue.attachments = [
        Attachment.objects.create(space=space, name="log", content_type="text/plain", size=1, sha256="0" * 64)
    ]
    issue.save()
    return issue


def talk(issue, alice, bob):
    remark = CommentFactory(issue=issue, author=alice, content="I look into it")
    CommentFactory(issue=issue, author=bob, content="Between us", is_internal=True)
    empty = CommentFactory(issue=issue, author=bob, content="", extensions={"github": {"id": 1}})
    remark.content = "I have looked into it"
    remark.save()
    empty.trash()
    file = AttachmentFactory(owner=remark)
    AttachmentFactory(owner=remark)
    remark.wish("attachments", remove=[file])
    remark.save()


def come_and_go(issue):
    issue.status, issue.resolution = "closed", "negated"
    issue.save()
    issue.status = "open"
    issue.save()
    issue.status, issue.resolved_at = "resolved", timezone.now() - timedelta(days=1)
    issue.save()
    issue.status, issue.resolved_at = "in_progress", timezone.now()
    issue.save()
    issue.resolved_at = None
    issue.save()
    issue.status = "resolved"
    issue.save()
    issue.count_sighting()
    issue.trash()
    issue.restore()


def test_history_holds_after_a_varied_life(ops, alice, bob, vera):
    with acting_as(lambda: Actor(user=alice, source="web", token=uuid4(), request_id="r1")):
        issue = full_life(ops, alice, bob)
        talk(issue, alice, bob)
        come_and_go(issue)
        IssueFactory.create_batch(3, space=ops, status="closed")
    Issue.objects.filter(space=ops).change(status="acknowledged", add_labels={"bulk": "1"}, assignee=vera)
    Issue.objects.filter(space=ops).change(status="closed", remove_labels=["bulk"])

    said = verify()

    entries, texts = HistoryEntry.objects.count(), TextVersion.objects.count()
    assert said == f"History holds: 5 chains, {entries} entries, {texts} texts, 0 of them blanked.\n"


def test_history_of_a_space_holds_after_a_varied_life(ops, alice, bob):
    level, channel = LevelFactory(space=ops, rank=0), ChannelFactory(space=ops, targets=[{"kind": "email"}])
    Subscription(channel=channel, user=bob).save()
    token = TokenFactory(space=ops, user=alice, expires_at=timezone.now())
    channel.targets, channel.query = [{"kind": "slack", "url": "https://example.com"}], "is:open"
    channel.save()
    level.rank, level.is_active = 7, False
    level.save()
    token.is_active = False
    token.save()
    ops.name = "Operations at large"
    ops.save()

    said = verify(space="ops")

    assert said.startswith("History holds: 1 chains, ")


def test_other_spaces_are_left_out_when_one_is_asked_for(issue, charlie):
    rewrite(entry(issue, 2), action="x")

    said = verify(space="DATA")

    assert "1 chains, 3 entries" in said


def test_an_unknown_space_is_named(ops):
    with pytest.raises(CommandError, match="There is no space NONE"):
        verify(space="NONE")


def changed(value):
    """Another value of the same kind, as close as there is one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1) if value else "x"
    if isinstance(value, UUID):
        return UUID(int=value.int ^ 1)
    return uuid4() if value is None else value + (1 if isinstance(value, int) else timedelta(microseconds=1))


@pytest.mark.parametrize(
    "column",
    sorted(
        {field.attname for field in HistoryEntry._meta.fields} - {"id", "space_id", "issue_id", "actor_id"}
    ),
)
def test_a_changed_column_of_an_entry_is_found_and_named(issue, column):
    value = entry(issue, 2).values_list(column, flat=True).get()
    other = 99 if column == "position" else "true" if value is None and "value" in column else changed(value)
    rewrite(entry(issue, 2), **{column: other})

    said = broken()

    named = "OPS-1 entry 3 (" if column == "position" else "OPS-1 entry 2 ("
    assert said.startswith(named)
    assert said.endswith("1 of 2 chains do not hold.")


@pytest.mark.parametrize("column", ["space_id", "issue_id", "actor_id"])
def test_an_entry_that_was_given_to_another_is_found_and_named(issue, bob, column):
    other = {"actor_id": bob.pk, "issue_id": IssueFactory(space=issue.space).pk}
    others = other | {"space_id": SpaceFactory().pk}
    rewrite(entry(issue, 2), **{column: others[column]})

    said = broken()

    assert said.startswith("OPS-1 entry 3 (" if column == "issue_id" else "OPS-1 entry 2 (")


@only_sqlite
@pytest.mark.parametrize("column", ["uuid", "created_at", "batch", "old_value", "old_display"])
@pytest.mark.parametrize("garbage", ["x'ff'", "'garbage'", "x'7b'"])
def test_bytes_that_are_no_value_are_found_and_named(issue, column, garbage):
    second = entry(issue, 2).get()
    execute(f"UPDATE issues_historyentry SET {column} = CAST({garbage} AS TEXT) WHERE id = %s", second.pk)

    said = broken()

    assert said.startswith("OPS-1 entry 2")


@only_sqlite
def test_a_mark_that_is_neither_yes_nor_no_is_found(issue):
    execute("UPDATE issues_historyentry SET is_internal = 2 WHERE id = %s", entry(issue, 2).get().pk)

    assert broken().startswith("OPS-1 entry 2 (status_changed): is_internal is neither yes nor no")


@only_sqlite
def test_a_row_that_cannot_be_read_is_named(issue):
    execute("UPDATE issues_issue SET annotations = '{' WHERE id = %s", issue.pk)

    said = broken()

    assert said.startswith("OPS-1: a row that its history tells of cannot be read")


def test_a_dropped_entry_is_found(issue):
    execute("DELETE FROM issues_historyentry WHERE issue_id = %s AND position = 2", issue.pk)

    assert broken().startswith("OPS-1 entry 3 (title_changed): entry 2 is missing")


def test_a_cut_off_tail_is_found(issue):
    execute("DELETE FROM issues_historyentry WHERE issue_id = %s AND position > 1", issue.pk)

    assert broken().startswith("OPS-1: its row is at version 3, its history ends with 1")


def test_a_tail_cut_inside_of_one_save_is_found(issue):
    issue.kind, issue.service = "bug", "api"
    issue.save()
    execute("DELETE FROM issues_historyentry WHERE issue_id = %s AND position = 5", issue.pk)

    assert broken().startswith("OPS-1: its service is not what history says")


def test_a_history_that_is_gone_is_found(issue):
    execute("DELETE FROM issues_historyentry WHERE issue_id = %s", issue.pk)

    assert broken().startswith("OPS-1: it has no history")


def test_two_swapped_entries_are_found(issue):
    for before, after in ((2, 9), (3, 2), (9, 3)):
        rewrite(entry(issue, before), position=after)

    assert broken().startswith("OPS-1 entry 2 (title_changed): it does not follow from the entry before")


def test_an_inserted_entry_is_found(issue):
    last = entry(issue, 3).get()
    last.pk, last.uuid, last.position, last.previous_hash = None, uuid4(), 4, last.hash
    HistoryEntry.objects.append([last])

    assert broken().startswith("OPS-1 entry 4 (title_changed): hash does not match")


def test_a_forged_entry_that_is_sealed_but_untrue_is_found(issue, alice):
    last = entry(issue, 3).get()
    last.uuid, last.position, last.version, last.batch = uuid4(), 4, 4, uuid4()
    last.action, last.field, last.old_value, last.new_value = "kind_changed", "kind", '"bug"', '"task"'
    last.seal(last.hash, issue.space.uuid, issue.uuid, alice.uuid)
    HistoryEntry.objects.append([last])

    assert broken().startswith("OPS-1 entry 4 (kind_changed): its old value is not what stood there before")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("title", "Disk is fine"),
        ("description", ""),
        ("status", "closed"),
        ("annotations", '{"a": "1"}'),
        ("is_crash", True),
        ("due_on", "2026-01-01"),
        ("resolved_at", "2020-01-01 00:00:00+00:00"),
        ("closed_at", "2020-01-01 00:00:00+00:00"),
        ("deleted_at", "2020-01-01 00:00:00+00:00"),
        ("version", 4),
    ],
)
def test_a_row_that_was_changed_behind_the_back_is_found(issue, column, value):
    execute(f"UPDATE issues_issue SET {column} = %s WHERE id = %s", value, issue.pk)

    named = "its row is at version 4" if column == "version" else f"its {column} is not what history says"
    assert broken().startswith(f"OPS-1: {named}")


def test_an_assignee_who_was_changed_behind_the_back_is_found(issue, bob):
    execute("UPDATE issues_issue SET assignee_id = %s WHERE id = %s", bob.pk, issue.pk)

    assert broken().startswith("OPS-1: its assignee is not what history says")


def test_members_of_sets_that_were_changed_behind_the_back_are_found(ops, alice, bob):
    issue = full_life(ops, alice, bob)
    models.QuerySet.delete(IssueLabel.objects.filter(issue=issue, key="new"))
    assert broken().startswith("OPS-1: its labels are not what history says")

    models.QuerySet.bulk_create(
        IssueLabel.objects.all(), [IssueLabel(issue=issue, space=ops, key="new", value="")]
    )
    models.QuerySet.bulk_create(
        IssueTeam.objects.all(), [IssueTeam(issue=issue, team=TeamFactory(space=ops))]
    )
    assert broken().startswith("OPS-1: its teams are not what history says")


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DELETE FROM comments_comment WHERE id = %s", "is gone"),
        ("UPDATE comments_comment SET content = 'No' WHERE id = %s", "is not what history says"),
        (
            "UPDATE comments_comment SET is_internal = NOT is_internal WHERE id = %s",
            "is not what history says",
        ),
        ("UPDATE comments_comment SET deleted_at = created_at WHERE id = %s", "is not what history says"),
    ],
)
def test_a_comment_that_was_changed_behind_the_back_is_found(issue, bob, sql, reason):
    comment = CommentFactory(issue=issue, author=bob, content="Yes")
    execute(sql, comment.pk)

    assert broken().startswith(f"OPS-1: the comment {comment.uuid} {reason}")


def test_a_deleted_comment_that_came_back_off_the_record_is_found(issue, bob):
    comment = CommentFactory(issue=issue, author=bob)
    comment.trash()
    rewrite(Comment.objects.filter(pk=comment.pk), deleted_at=None)

    assert broken().startswith(f"OPS-1: the comment {comment.uuid} is not what history says")


def test_a_file_that_left_its_comment_off_the_record_is_found(issue, bob):
    comment = CommentFactory(issue=issue, author=bob)
    AttachmentFactory.create_batch(2, owner=comment)
    assert "History holds" in verify()

    execute("DELETE FROM comments_commentattachment WHERE id = %s", comment.attachment_rows.first().pk)

    assert broken().startswith(f"OPS-1: the comment {comment.uuid} is not what history says")


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_file_that_came_onto_a_comment_off_the_record_is_found(issue, bob, is_deleted):
    comment, file = CommentFactory(issue=issue, author=bob), AttachmentFactory(space=issue.space)
    if is_deleted:
        comment.trash()
    assert "History holds" in verify()

    insert_many([CommentAttachment(comment_id=comment.pk, attachment_id=file.pk)])

    assert broken().startswith(f"OPS-1: the comment {comment.uuid} is not what history says")


def test_a_comment_without_history_is_found(issue, bob):
    comment = Comment(issue=issue, author=bob, content="Psst", created_at=timezone.now())
    models.Model.save_base(comment, force_insert=True)

    assert broken().startswith(f"OPS-1: the comment {comment.uuid} has no history")


def test_a_changed_text_is_found_and_its_first_entry_named(issue):
    rewrite(TextVersion.objects.filter(text="Disk is full"), text="Disk is fill")

    assert broken().startswith("OPS-1 entry 1 (created): its text is not what it was")


def test_a_missing_text_is_found(issue):
    execute("DELETE FROM issues_textversion WHERE text = 'Disk is full again'")

    assert broken().startswith("OPS-1 entry 3 (title_changed): its text is missing")


def test_a_text_that_was_blanked_off_the_record_is_found(issue, alice):
    rewrite(
        TextVersion.objects.filter(text="Disk is full"),
        text="",
        blanked_at=timezone.now(),
        blanked_by=alice,
        blanked_why="I say so",
    )

    assert broken().startswith("OPS-1 entry 1 (created): its text was blanked off the record")


@only_sqlite
def test_history_of_an_issue_that_is_gone_is_found(issue):
    table = HistoryEntry._meta.db_table
    execute(f"UPDATE {table} SET issue_id = 999999 WHERE issue_id = %s AND position = 1", issue.pk)

    said = broken()

    assert "history entry 1 (created): its issue or space is gone" in said
    execute(f"UPDATE {table} SET issue_id = %s WHERE issue_id = 999999", issue.pk)


def test_every_broken_chain_is_named_and_the_rest_counted(ops):
    for issue in IssueFactory.create_batch(25, space=ops):
        rewrite(entry(issue, 1), source="door")

    lines = broken().splitlines()

    assert lines[0] == "OPS-1 entry 1 (created): hash does not match"
    assert lines[19:] == [
        "OPS-20 entry 1 (created): hash does not match",
        "25 of 26 chains do not hold.",
    ]


def test_what_is_written_while_it_is_read_is_no_break(issue, bob, monkeypatch):
    members, late = verification.members, [CommentFactory]

    def members_and_a_comment(kind, keys):
        if late:
            late.pop()(issue=issue, author=bob)
        return members(kind, keys)

    monkeypatch.setattr(verification, "members", members_and_a_comment)

    assert verify().startswith("History holds: 2 chains")


def test_issues_are_read_in_chunks(ops, monkeypatch):
    IssueFactory.create_batch(7, space=ops)
    CommentFactory(issue=Issue.objects.first())
    monkeypatch.setattr(verification, "ISSUES", 3)
    monkeypatch.setattr(verification, "ENTRIES", 2)

    assert verify().startswith(f"History holds: 8 chains, {HistoryEntry.objects.count()} entries")


# The chain of a space.


def space_entries(space, **values):
    return HistoryEntry.objects.filter(space=space, issue=None, **values)


def test_a_changed_entry_of_a_space_is_found_and_named(ops, alice):
    rewrite(space_entries(ops, position=3), new_display="Alice Attacker")

    assert broken().startswith("OPS entry 3 (membership_created): hash does not match")


def test_a_dropped_entry_of_a_space_is_found(ops, alice):
    execute(
        "DELETE FROM issues_historyentry WHERE issue_id IS NULL AND space_id = %s AND position = 2", ops.pk
    )

    assert broken().startswith("OPS entry 3 (membership_created): entry 2 is missing")


def test_a_cut_off_tail_of_a_space_is_found(ops, alice):
    execute(
        "DELETE FROM issues_historyentry WHERE issue_id IS NULL AND space_id = %s AND position > 2", ops.pk
    )

    assert broken().startswith("OPS: its row is at version 3, its history ends with 2")


def test_two_swapped_entries_of_a_space_are_found(ops, alice):
    for before, after in ((2, 9), (3, 2), (9, 3)):
        rewrite(space_entries(ops, position=before), position=after)

    assert broken().startswith("OPS entry 2 (membership_created): it does not follow from the entry before")


def test_a_role_that_was_changed_behind_the_back_is_found(ops, vera):
    membership = Membership.objects.get(user=vera)
    rewrite(Membership.objects.filter(pk=membership.pk), role="admin")

    assert broken().startswith(f"OPS: the membership {membership.uuid}: its role is not what history says")


def test_a_row_of_a_space_without_history_is_found(ops):
    level = Level(space=ops, key="P9", name="P9")
    models.Model.save(level)

    assert broken().startswith(f"OPS: the level {level.uuid} has no history")


def test_a_row_of_a_space_that_is_gone_is_found(ops):
    level = LevelFactory(space=ops)
    execute("DELETE FROM issues_level WHERE id = %s", level.pk)

    assert broken().startswith(f"OPS: the level {level.uuid} is gone")


def test_a_changed_secret_of_a_channel_is_found(ops):
    channel = ChannelFactory(space=ops, targets=[{"kind": "email", "to": "a@example.com"}])
    rewrite(Channel.objects.filter(pk=channel.pk), targets=[{"kind": "email", "to": "b@example.com"}])

    assert broken().startswith(f"OPS: the channel {channel.uuid}: its targets is not what history says")


def test_a_space_without_history_is_found(ops):
    execute("DELETE FROM issues_historyentry WHERE space_id = %s", ops.pk)
    rewrite(Space.objects.filter(pk=ops.pk), version=0)

    assert broken().startswith("OPS: it has no history")
