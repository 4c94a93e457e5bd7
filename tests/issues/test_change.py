"""`change()`: many issues at once, with the entries that one save each would have left."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from issues.actor import Actor, acting_as
from issues.models import HistoryEntry, Issue, IssueLabel, Outbox
from tests.chains import actions, assert_whole, entries, row, told
from tests.factories import (
    ChannelFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# What is an issue's own, whichever way it was changed.
OWN = ("id", "uuid", "number", "created_at", "updated_at", "first_seen_at", "last_seen_at")


def small_chunks(monkeypatch, size=2):
    monkeypatch.setattr("issues.models.issue_queryset.BULK", size)


def twin(space, level):
    """An issue with something in every place."""
    issue = Issue(
        space=space,
        title="",
        description="Disk full\nSince noon",
        status="resolved",
        resolution="negated",
        level=level,
        annotations={"a": "1"},
        extensions={"acme": {"a": 1}},
        languages=["go"],
    )
    issue.labels = {"a": "1", "b": ""}
    with acting_as(lambda: Actor(at=NOON)):
        issue.save()
    return issue


def save(issue, wanted):
    """What `change(**wanted)` does, by one save."""
    for name, value in wanted.items():
        verb, _, plain = name.partition("_")
        if verb in ("add", "remove") and plain in ("labels", "teams", "channels"):
            issue.wish(plain, **{verb: value})
        else:
            setattr(issue, name, value)
    fields = [name for name in wanted if name in {field.name for field in Issue._meta.concrete_fields}]
    issue.save(update_fields=fields)


CHANGES = [
    {"status": "open"},
    {"status": "closed"},
    {"status": "ignored"},
    {"status": "resolved"},
    {"resolution": "ignored"},
    {"resolution": None},
    {"status": "open", "resolution": "negated"},
    {"status": "ignored", "resolution": "resolved"},
    {"status": "closed", "resolved_at": NOON - timedelta(days=1)},
    {"title": "Other", "kind": "bug", "is_read": True},
    {"title": ""},
    {"title": "Disk full"},
    {"description": "Disk empty"},
    {"description": "Disk full"},
    {"description": "*a*", "description_format": "text"},
    {"level": None},
    {"level": LevelFactory},
    {"assignee": UserFactory},
    {"project": ProjectFactory, "environment": EnvironmentFactory},
    {"due_on": "2026-05-01"},
    {"annotations": {}},
    {"annotations": {"a": "1"}},
    {"extensions": {"acme": {"a": True}}},
    {"languages": ["rust", "go"], "error_message": "Boom"},
    {"deleted_at": NOON},
    {"labels": {"b": "", "c": "3"}},
    {"labels": {}},
    {"labels": {"b": "", "a": "1"}},
    {"add_labels": {"a": "2", "c": ""}, "remove_labels": ["b", "z"]},
    {"teams": [TeamFactory]},
    {"add_teams": [TeamFactory, TeamFactory], "remove_teams": []},
    {"channels": [ChannelFactory], "status": "pending", "assignee": UserFactory, "add_labels": ["x"]},
]


def made(wanted, space):
    """`wanted` with rows where it names factories."""

    def make(value):
        if not isinstance(value, type):
            return value
        return value() if value is UserFactory else value(space=space)

    return {
        name: [make(each) for each in value] if isinstance(value, list) else make(value)
        for name, value in wanted.items()
    }


@pytest.mark.parametrize("wanted", CHANGES, ids=lambda wanted: ",".join(wanted))
def test_change_leaves_what_a_save_leaves(ops, alice, wanted):
    level = LevelFactory(space=ops, rank=3)
    saved, changed = twin(ops, level), twin(ops, level)
    wanted = made(wanted, ops)

    with acting_as(lambda: Actor(user=alice, at=NOON + timedelta(hours=1))):
        save(saved, wanted)
        keys = Issue.objects.filter(pk=changed.pk).change(**wanted)

    assert without_own(changed) == without_own(saved)
    assert told(changed) == told(saved)
    assert keys == ([changed.pk] if told(saved) else [])
    assert_whole(saved, changed)


def without_own(issue):
    return {name: value for name, value in row(issue).items() if name not in OWN}


def preview_of(wanted, **where):
    return {
        change.row.pk: (
            [(name, getattr(change.stored, name), getattr(change.row, name)) for name in change.changed],
            change.sets,
            [(member.action, member.old_value, member.new_value) for member in change.members],
        )
        for change in Issue.objects.filter(**where).preview(**wanted)
    }


@pytest.mark.parametrize("wanted", CHANGES, ids=lambda wanted: ",".join(wanted))
def test_a_preview_says_what_change_does_and_does_nothing(ops, wanted):
    issue = twin(ops, LevelFactory(space=ops))
    wanted = made(wanted, ops)
    before = (row(issue), HistoryEntry.objects.count(), Outbox.objects.count())

    said = preview_of(wanted)
    after = (row(issue), HistoryEntry.objects.count(), Outbox.objects.count())
    keys = Issue.objects.change(**wanted)

    assert before == after
    assert list(said) == keys
    stored = row(issue)
    for fields, sets, _ in said.values():
        assert all(stored[name] == new or name == "due_on" for name, _, new in fields)
        assert all(stored[name] == new for name, (_, new) in sets.items())
        assert len(entries(issue)) == 1 + len(fields) + len(said[issue.pk][2])


def test_each_row_is_compared_with_itself(ops, alice):
    level = LevelFactory(space=ops)
    plain, done, same = (
        IssueFactory(space=ops),
        IssueFactory(space=ops, status="resolved", resolution="resolved"),
        IssueFactory(space=ops, status="pending", level=level),
    )
    done.labels = {"a": "1"}
    done.save()

    with acting_as(lambda: Actor(user=alice, source="api")):
        keys = Issue.objects.change(status="pending", level=level, add_labels={"a": "2"})

    assert keys == [plain.pk, done.pk, same.pk]
    assert actions(plain)[1:] == ["status_changed", "priority_changed", "label_added"]
    assert actions(done)[2:] == ["status_changed", "resolution_changed", "priority_changed", "label_changed"]
    assert actions(same)[1:] == ["label_added"]
    assert_whole(plain, done, same)


def test_the_times_of_rows_and_their_entries_are_one(ops):
    issues = [IssueFactory(space=ops) for _ in range(2)]

    Issue.objects.change(status="closed")

    for issue in issues:
        stored, entry = row(issue), entries(issue)[-1]
        assert {stored["updated_at"], stored["resolved_at"], stored["closed_at"]} == {entry.created_at}


def test_rows_that_are_so_already_get_no_entry(ops):
    changed, same = IssueFactory(space=ops), IssueFactory(space=ops, kind="bug")

    keys = Issue.objects.change(kind="bug")

    assert (keys, actions(same), row(same)["version"]) == ([changed.pk], ["created"], 1)


def test_one_change_is_one_batch_over_all_its_chunks(ops, alice, monkeypatch):
    small_chunks(monkeypatch)
    issues = [IssueFactory(space=ops) for _ in range(5)]

    with acting_as(lambda: Actor(user=alice, source="api", request_id="r1")):
        keys = Issue.objects.change(kind="bug", add_labels=["x"])

    new = HistoryEntry.objects.exclude(action="created").filter(issue__in=issues)
    assert keys == [issue.pk for issue in issues]
    assert new.count() == 10 and new.values("batch").distinct().count() == 1
    assert set(new.values_list("actor", "source", "request_id")) == {(alice.pk, "api", "r1")}
    assert Outbox.objects.filter(version=2).count() == 5
    assert_whole(*issues)


def test_a_chunk_that_is_refused_leaves_the_ones_before_it(ops, monkeypatch):
    small_chunks(monkeypatch)
    issues = [IssueFactory(space=space) for space in (ops, ops, SpaceFactory(), ops)]

    with pytest.raises(ValidationError, match="another space"):
        Issue.objects.change(level=LevelFactory(space=ops))

    assert [row(issue)["version"] for issue in issues] == [2, 2, 1, 1]
    assert_whole(*issues)


def test_change_keeps_to_its_queryset(ops):
    inside, outside = IssueFactory(space=ops), IssueFactory(space=SpaceFactory())

    ops.issues.filter(status="open").change(status="closed")

    assert (row(inside)["status"], row(outside)["status"]) == ("closed", "open")


def test_change_of_nothing_changes_nothing(ops):
    IssueFactory(space=ops)

    assert Issue.objects.none().change(kind="bug") == []
    assert Issue.objects.change() == []


def test_a_related_row_goes_by_its_key_too(ops, bob):
    issue = IssueFactory(space=ops)

    Issue.objects.change(assignee=bob.pk)

    assert row(issue)["assignee_id"] == bob.pk


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"status": "done"}, ValidationError),
        ({"title": None}, ValidationError),
        ({"due_on": "soon"}, ValidationError),
        ({"level": 10**6}, ValidationError),
        ({"assignee": "nobody"}, ValidationError),
        ({"assignee": 2**80}, ValidationError),
        ({"add_labels": {"": ""}}, ValidationError),
        ({"teams": [10**6]}, ValidationError),
        ({"extensions": {"a": {1}}}, ValidationError),
        ({"colour": "red"}, FieldDoesNotExist),
        ({"version": 7}, ValueError),
        ({"number": 7}, ValueError),
        ({"seen_count": 7}, ValueError),
        ({"space": 1}, ValueError),
    ],
    ids=str,
)
def test_what_a_save_refuses_a_change_refuses(ops, wanted, error):
    issue = IssueFactory(space=ops)
    before = row(issue)

    with pytest.raises(error):
        Issue.objects.change(**wanted)

    assert (row(issue), actions(issue)) == (before, ["created"])


def queries_of(wanted, **where):
    with CaptureQueriesContext(connection) as queries:
        Issue.objects.filter(**where).change(**wanted)
    return len(queries)


def test_a_chunk_of_many_costs_as_many_queries_as_one_of_two(ops, bob):
    one, other = SpaceFactory(), SpaceFactory()
    for space, count in ((one, 2), (other, 30)):
        for number in range(count):
            IssueFactory(space=space, kind=str(number % 2), status=("open", "pending")[number % 2])
    wanted = {"kind": "bug", "status": "resolved", "assignee": bob, "labels": {"a": "1", "b": "2"}}

    assert queries_of(wanted, space=one) == queries_of(wanted, space=other)


def test_rows_that_were_resolved_at_different_times_are_closed_by_one_update(ops):
    for hour in range(5):
        with acting_as(lambda at=NOON + timedelta(hours=hour): Actor(at=at)):
            IssueFactory(space=ops, status="resolved")

    with CaptureQueriesContext(connection) as queries:
        Issue.objects.change(status="closed")

    updates = [query for query in queries if query["sql"].startswith('UPDATE "issues_issue"')]
    assert len(updates) == 1
    assert sorted(Issue.objects.values_list("resolved_at", flat=True)) == [
        NOON + timedelta(hours=hour) for hour in range(5)
    ]


def test_ten_thousand_issues_change_at_once(ops, alice, bob, record_property):
    many = many_issues(ops, 10_000)

    with acting_as(lambda: Actor(user=alice, source="web")), CaptureQueriesContext(connection) as queries:
        start = perf_counter()
        keys = many.change(status="resolved", assignee=bob, add_labels={"swept": "yes"})
        seconds = perf_counter() - start

    record_property("seconds", round(seconds, 2))
    new = HistoryEntry.objects.filter(issue__in=many.values("pk")).exclude(action="created")
    assert len(keys) == 10_000
    assert len(queries) < 10 * 25
    assert new.count() == 30_000 and new.values("batch").distinct().count() == 1
    assert new.filter(version=2, actor=alice, source="web").count() == 30_000
    said = new.filter(action="status_changed")
    assert set(said.values_list("old_value", "new_value")) == {('"open"', '"resolved"')}
    assert many.filter(version=2, status="resolved", assignee=bob).count() == 10_000
    assert IssueLabel.objects.filter(key="swept", value="yes").count() == 10_000
    assert_whole(*many.order_by("pk")[::2_500])


def many_issues(space, count):
    """Issues as a save would have made them, copied by the database from one that a save did make."""
    first = IssueFactory(space=space)
    copy("issues_issue", first.pk, count, {"number": "n.value + 1", "uuid": fresh_uuid("n.value")})
    entry = entries(first)[0]
    issues = Issue.objects.filter(space=space).exclude(pk=first.pk).order_by("pk")
    copied = []
    for issue in issues:
        created = HistoryEntry(
            **{
                field.attname: getattr(entry, field.attname)
                for field in HistoryEntry._meta.concrete_fields
                if field.attname not in ("id", "uuid")
            }
        )
        created.issue_id = issue.pk
        copied.append(created.seal("", space.uuid, issue.uuid, None))
    HistoryEntry.objects.append(copied)
    with connection.cursor() as cursor:
        # What a database does by itself in a while: without it PostgreSQL plans for a handful of rows.
        cursor.execute("ANALYZE")
    return issues


def fresh_uuid(number):
    if connection.vendor == "postgresql":
        return "gen_random_uuid()"
    return f"printf('%032x', {number} + 1000000)"


def copy(table, pk, count, instead):
    """Copy one row `count` times; `instead` holds SQL for what must differ."""
    names = [field.column for field in Issue._meta.concrete_fields if field.column != "id"]
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(instead.get(name, f'"{name}"') for name in names)
    numbers = (
        f"(SELECT generate_series(1, {count}) AS value) n"
        if connection.vendor == "postgresql"
        else "(WITH RECURSIVE counted(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM counted "
        f"WHERE value < {count}) SELECT value FROM counted) n"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table}, {numbers} WHERE id = {pk}"
        )
