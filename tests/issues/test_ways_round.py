"""There is no way to change what is on record but the one that leaves history."""

import json

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.core.management import call_command
from django.core.serializers import serialize
from django.db import DatabaseError, connection, models, transaction
from django.db.models import ProtectedError

from issues.models import (
    HistoryEntry,
    Issue,
    IssueLabel,
    Level,
    Membership,
    Occurrence,
    Space,
    TextVersion,
)
from issues.models.base import Audited, Guarded, WayRound
from issues.models.sets import SETS
from issues.models.triggers import missing_triggers
from tests.chains import actions, assert_whole, entries, row
from tests.factories import IssueFactory, LevelFactory, UserFactory
from tracker.accounts.models import User

pytestmark = pytest.mark.django_db

GUARDED = [model for model in apps.get_models() if issubclass(model, (Guarded, HistoryEntry))]
AUDITED = [model for model in GUARDED if issubclass(model, Audited)]


def by_name(model):
    return model.__name__


@pytest.fixture
def issue(ops, bob):
    issue = Issue(space=ops, title="Kept", assignee=bob, level=LevelFactory(space=ops))
    issue.labels = {"a": "1"}
    issue.save()
    return issue


# Managers.


def awaited(call):
    """The result of `call()`, which is waited for."""

    async def wait():
        return await call()

    return async_to_sync(wait)()


WAYS = [
    lambda rows: rows.update(id=1),
    lambda rows: rows.bulk_update([], ["id"]),
    lambda rows: rows.bulk_create([]),
    lambda rows: rows.all().delete(),
    lambda rows: awaited(lambda: rows.aupdate(id=1)),
    lambda rows: awaited(lambda: rows.abulk_update([], ["id"])),
    lambda rows: awaited(lambda: rows.abulk_create([])),
    lambda rows: awaited(lambda: rows.all().adelete()),
]


@pytest.mark.parametrize("model", GUARDED, ids=by_name)
def test_no_manager_writes_past_history(model):
    for rows in (model.objects, model._base_manager, model._default_manager):
        for way in WAYS:
            with pytest.raises(WayRound):
                way(rows)


@pytest.mark.parametrize("model", GUARDED, ids=by_name)
def test_no_row_is_deleted(model):
    row = model()

    for way in (row.delete, lambda: awaited(row.adelete)):
        with pytest.raises(WayRound):
            way()


RELATED = {
    "space.issues.update": lambda issue: issue.space.issues.update(kind="bug"),
    "space.issues.delete": lambda issue: issue.space.issues.all().delete(),
    "space.issues.add": lambda issue: issue.space.issues.add(issue),
    "user.assigned_issues.update": lambda issue: issue.assignee.assigned_issues.update(kind="bug"),
    "user.assigned_issues.clear": lambda issue: issue.assignee.assigned_issues.clear(),
    "user.assigned_issues.remove": lambda issue: issue.assignee.assigned_issues.remove(issue),
    "user.assigned_issues.set": lambda issue: issue.assignee.assigned_issues.set([]),
    "user.reported_issues.add": lambda issue: issue.assignee.reported_issues.add(issue),
    "level.issues.clear": lambda issue: issue.level.issues.clear(),
    "issue.label_rows.delete": lambda issue: issue.label_rows.all().delete(),
    "issue.label_rows.update": lambda issue: issue.label_rows.update(value="2"),
    "issue.label_rows.create": lambda issue: issue.label_rows.create(space=issue.space, key="b"),
    "issue.label_rows.get.delete": lambda issue: issue.label_rows.get().delete(),
    "issue.label_rows.get.save": lambda issue: issue.label_rows.get().save(),
    "issue.label_rows.bulk_create": lambda issue: issue.label_rows.bulk_create([IssueLabel(key="b")]),
    "issue.label_rows.aupdate": lambda issue: awaited(lambda: issue.label_rows.aupdate(value="2")),
    "issue.history.delete": lambda issue: issue.history.all().delete(),
    "issue.history.update": lambda issue: issue.history.update(action="x"),
    "issue.history.create": lambda issue: issue.history.create(action="x"),
    "issue.history.clear": lambda issue: issue.history.clear(),
    "issue.history.get.save": lambda issue: issue.history.get().save(),
    "issue.history.get.delete": lambda issue: issue.history.get().delete(),
    "issue.occurrences.delete": lambda issue: issue.occurrences.all().delete(),
    "space.history.update": lambda issue: issue.space.history.update(action="x"),
    "space.memberships.delete": lambda issue: issue.space.memberships.all().delete(),
    "space.memberships.update": lambda issue: issue.space.memberships.update(role="admin"),
    "user.memberships.update": lambda issue: issue.assignee.memberships.update(role="admin"),
    "space.levels.clear": lambda issue: issue.space.levels.clear(),
    "history.update": lambda issue: HistoryEntry.objects.filter(issue=issue).update(action="x"),
    "history.update_or_create": lambda issue: HistoryEntry.objects.update_or_create(
        issue=issue, position=1, defaults={"action": "x"}
    ),
    "text.delete": lambda issue: TextVersion.objects.all().delete(),
    "text.get.delete": lambda issue: TextVersion.objects.first().delete(),
}


@pytest.mark.parametrize("way", RELATED.values(), ids=RELATED)
def test_no_related_manager_slips_past(issue, way):
    before = (row(issue), HistoryEntry.objects.count(), Membership.objects.get().role)

    with pytest.raises(WayRound), transaction.atomic():
        way(issue)

    assert (row(issue), HistoryEntry.objects.count(), Membership.objects.get().role) == before
    assert_whole(issue)


@pytest.mark.parametrize("model", GUARDED, ids=by_name)
def test_the_base_manager_is_the_one_that_guards(model):
    assert type(model._base_manager) is type(model.objects) is type(model._default_manager)


@pytest.mark.parametrize(
    "model", [HistoryEntry, Occurrence, *(m for m in AUDITED if m is not Space)], ids=by_name
)
def test_every_foreign_key_protects_what_it_points_to(model):
    keys = [field for field in model._meta.get_fields() if field.concrete and field.is_relation]

    assert keys
    assert {field.name for field in keys if field.remote_field.on_delete is not models.PROTECT} == set()


@pytest.mark.parametrize("kind", SETS.values(), ids=SETS)
def test_every_key_of_a_sets_table_protects_too(kind):
    keys = [field for field in kind.through._meta.concrete_fields if field.is_relation]

    assert {field.remote_field.on_delete for field in keys} == {models.PROTECT}


def test_every_model_with_a_uuid_for_doors_is_guarded():
    bare = {
        model.__name__
        for model in apps.get_models()
        if model._meta.app_label in ("issues", "comments", "accounts") and model not in GUARDED
    }

    derived = {"SearchDocument", "IssueCount", "CountDelta", "OccurrenceHour"}
    assert bare == {
        "BulkRun",
        "Counter",
        "Draft",
        "LastVisit",
        "Mention",
        "Outbox",
        "User",
        "IdempotencyKey",
        *derived,
    }


# The ways that lead through `save()`.


def test_update_or_create_leaves_history(issue):
    found, is_new = Issue.objects.update_or_create(
        space=issue.space, number=issue.number, defaults={"kind": "bug"}
    )

    assert (found, is_new, actions(issue)) == (issue, False, ["created", "kind_changed"])
    assert_whole(issue)


def test_update_or_create_makes_an_issue_with_history(ops):
    made, is_new = Issue.objects.update_or_create(space=ops, number=9, defaults={"title": "New"})
    again, is_newer = Issue.objects.get_or_create(space=ops, number=10, defaults={"title": "New"})

    assert (is_new, is_newer, actions(made), actions(again)) == (True, True, ["created"], ["created"])
    assert IssueFactory(space=ops).number == 11


def test_a_related_manager_that_saves_each_row_leaves_history(issue, bob):
    bob.assigned_issues.remove(issue, bulk=False)

    assert actions(issue) == ["created", "assignee_changed"]


def test_a_related_manager_creates_with_history(ops):
    issue = ops.issues.create(title="New")

    assert actions(issue) == ["created"]


def test_asave_and_acreate_leave_history(ops):
    issue = awaited(lambda: Issue.objects.acreate(space=ops, title="New"))
    issue.kind = "bug"

    awaited(issue.asave)

    assert actions(issue) == ["created", "kind_changed"]


def test_history_itself_is_not_saved():
    with pytest.raises(WayRound):
        HistoryEntry(action="x").save()
    with pytest.raises(WayRound):
        HistoryEntry.objects.create(action="x")

    assert not HistoryEntry.objects.exclude(action__startswith="x").filter(action="x").exists()


# Fixtures.


@pytest.mark.parametrize("model", [Issue, HistoryEntry, IssueLabel, TextVersion, Level, Membership, Space])
def test_a_fixture_is_refused(issue, model, tmp_path):
    before = (row(issue), HistoryEntry.objects.count())
    fixture = tmp_path / "rows.json"
    fixture.write_text(serialize("json", model.objects.all()[:1]))

    with pytest.raises(WayRound), transaction.atomic():
        call_command("loaddata", fixture, verbosity=0)

    assert json.loads(fixture.read_text())
    assert (row(issue), HistoryEntry.objects.count()) == before


def test_a_raw_save_is_refused(issue):
    issue.kind = "bug"

    with pytest.raises(WayRound):
        issue.save_base(raw=True)

    assert row(issue)["kind"] == ""


# People.


def test_a_person_is_never_deleted(ops, bob):
    stranger = UserFactory()

    with pytest.raises(TypeError):
        stranger.delete()
    with pytest.raises((ProtectedError, TypeError)):
        User.objects.filter(pk=bob.pk).delete()

    assert User.objects.filter(pk__in=[stranger.pk, bob.pk]).count() == 2


# The database itself.

SQL = {
    "update": "UPDATE issues_historyentry SET action = 'x'",
    "update of one": "UPDATE issues_historyentry SET action = action WHERE position = 1",
    "delete": "DELETE FROM issues_historyentry",
    "delete of one": "DELETE FROM issues_historyentry WHERE position = 1 AND issue_id IS NOT NULL",
    "text delete": "DELETE FROM issues_textversion",
    "text update": "UPDATE issues_textversion SET text = 'x'",
    "text of another digest": "UPDATE issues_textversion SET sha256 = 'x', text = ''",
    "upsert": "INSERT INTO issues_historyentry SELECT * FROM issues_historyentry WHERE true "
    "ON CONFLICT (id) DO UPDATE SET action = 'x'",
}
ONLY_SQLITE = {
    "replace": "INSERT OR REPLACE INTO issues_historyentry SELECT * FROM issues_historyentry",
    "update or replace": "UPDATE OR REPLACE issues_historyentry SET position = 1",
}
ONLY_POSTGRES = {
    "truncate": "TRUNCATE issues_historyentry",
    "truncate cascade": "TRUNCATE issues_issue CASCADE",
    "truncate texts": "TRUNCATE issues_textversion",
}


@pytest.mark.parametrize(
    "name",
    [
        *SQL,
        *(pytest.param(name, marks=pytest.mark.database("sqlite")) for name in ONLY_SQLITE),
        *(pytest.param(name, marks=pytest.mark.database("postgresql")) for name in ONLY_POSTGRES),
    ],
)
def test_the_database_keeps_history(issue, name):
    before = [entry.hash for entry in entries(issue)]
    # PostgreSQL truncates nothing while keys are still to be checked.
    connection.check_constraints()

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute((SQL | ONLY_SQLITE | ONLY_POSTGRES)[name])

    assert [entry.hash for entry in entries(issue)] == before
    assert_whole(issue)


def test_a_text_may_be_blanked(issue):
    text = TextVersion.objects.get(text="Kept")

    with connection.cursor() as cursor:
        cursor.execute("UPDATE issues_textversion SET text = '' WHERE id = %s", [text.pk])

    assert TextVersion.objects.get(pk=text.pk).text == ""
    assert_whole(issue)


def test_the_triggers_are_there_after_all_migrations():
    assert missing_triggers() == set()


@pytest.mark.django_db(transaction=True)
def test_a_missing_trigger_comes_back_with_the_next_migration():
    table = " ON issues_historyentry" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER history_no_update{table}")
    missing = missing_triggers()

    call_command("migrate", verbosity=0)

    assert (missing, missing_triggers()) == ({"history_no_update"}, set())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["first", "again"])
def test_triggers_and_levels_are_there_after_a_flush(time):
    levels = Level.objects.filter(space=None)

    assert (missing_triggers(), levels.count()) == (set(), 4)
    assert not Issue.objects.exists()
    IssueFactory()


def test_a_raw_delete_of_an_issue_fails_for_its_history(issue):
    with pytest.raises(DatabaseError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM issues_issue WHERE id = %s", [issue.pk])
        connection.check_constraints()

    assert row(issue)


def test_people_are_not_deleted_even_if_nothing_refers_to_them(db):
    somebody = UserFactory()

    with pytest.raises(WayRound, match="deactivated"):
        type(somebody).objects.filter(pk=somebody.pk).delete()

    assert type(somebody).objects.filter(pk=somebody.pk).exists()
