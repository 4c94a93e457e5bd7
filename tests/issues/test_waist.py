"""The one way to change an issue."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import product

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from issues.actor import Actor, acting_as
from issues.models import HistoryEntry, Issue, Level, Occurrence, Outbox, Space, TextVersion
from issues.models.base import VersionConflict
from issues.models.history import Member
from tests.chains import actions, assert_whole, entries, row, told
from tests.factories import (
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    ProjectFactory,
    SpaceFactory,
    UserFactory,
)
from tracker.verification import Verifier

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(moment, user=None):
    """Whatever is done inside is done at this moment."""
    return acting_as(lambda: Actor(user=user, at=moment))


def updated_columns(queries):
    """The columns that UPDATEs of issues set."""
    statements = [query["sql"] for query in queries if query["sql"].startswith('UPDATE "issues_issue"')]
    return {
        part.split("=")[0].strip().strip('"')
        for statement in statements
        for part in statement.split(" SET ", 1)[1].split(" WHERE ")[0].split(', "')
    }


# Only what this instance changed.


def test_a_stale_instance_does_not_undo_what_others_did(ops):
    issue = IssueFactory(space=ops, title="Before")
    stale = Issue.objects.get(pk=issue.pk)
    issue.title = "After"
    issue.save()

    stale.status = "resolved"
    stale.save()

    assert (stale.title, stale.status, stale.version) == ("After", "resolved", 3)
    assert [e.action for e in HistoryEntry.objects.filter(issue=issue).order_by("position")] == [
        "created",
        "title_changed",
        "status_changed",
    ]


def test_what_two_stale_instances_both_set_is_the_later_ones(ops):
    issue = IssueFactory(space=ops, title="Before")
    first, second = Issue.objects.get(pk=issue.pk), Issue.objects.get(pk=issue.pk)

    first.title = "First"
    first.save()
    second.title = "Second"
    second.save()

    assert row(issue)["title"] == "Second"
    assert [(e[4], e[5]) for e in told(issue)] == [("", ""), ("", "")]
    assert_whole(issue)


def test_what_a_stale_instance_sets_to_what_it_is_already_is_no_change(ops):
    issue = IssueFactory(space=ops)
    stale = Issue.objects.get(pk=issue.pk)
    issue.kind = "bug"
    issue.save()

    stale.kind = "bug"
    stale.save()

    assert (stale.version, actions(issue)) == (2, ["created", "kind_changed"])


def test_what_a_stale_instance_sets_back_to_what_it_loaded_is_no_change(ops):
    issue = IssueFactory(space=ops, kind="bug")
    stale = Issue.objects.get(pk=issue.pk)
    issue.kind = "task"
    issue.save()

    stale.kind = "task"
    stale.kind = "bug"
    stale.save()

    assert row(issue)["kind"] == "task"


def test_only_changed_columns_are_written(ops, bob):
    issue = IssueFactory(space=ops)
    issue.kind, issue.assignee = "bug", bob

    with CaptureQueriesContext(connection) as queries:
        issue.save()

    assert updated_columns(queries) == {"kind", "assignee_id", "version", "updated_at", "updated_by_id"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", "Disk full"),
        ("is_read", False),
        ("is_read", 0),
        ("due_on", "2026-05-01"),
        ("annotations", {"b": "2", "a": "1"}),
        ("extensions", {"acme": [1, 2.5, True, None]}),
        ("languages", ["go"]),
        ("status", Issue.Status.OPEN),
        ("resolution", None),
    ],
)
def test_the_same_value_is_no_statement(ops, django_assert_num_queries, name, value):
    pk = IssueFactory(
        space=ops,
        title="Disk full",
        due_on=date(2026, 5, 1),
        annotations={"a": "1", "b": "2"},
        extensions={"acme": [1, 2.5, True, None]},
        languages=["go"],
    ).pk
    issue = Issue.objects.get(pk=pk)

    with django_assert_num_queries(0):
        setattr(issue, name, value)
        issue.save()

    assert actions(issue) == ["created"]


def test_the_same_related_row_is_no_statement(ops, bob, django_assert_num_queries):
    level = LevelFactory(space=ops)
    pk = IssueFactory(space=ops, level=level, assignee=bob).pk
    issue = Issue.objects.get(pk=pk)

    with django_assert_num_queries(0):
        issue.level, issue.assignee_id = level, str(bob.pk)
        issue.save()

    assert actions(issue) == ["created"]


def test_a_new_issue_saved_again_is_no_statement(ops, django_assert_num_queries):
    issue = IssueFactory(space=ops, extensions={"acme": {"a": 1}})

    with django_assert_num_queries(0):
        issue.save()

    assert issue.version == 1


def test_two_saves_of_one_instance_are_two_changes(ops):
    issue = IssueFactory(space=ops)

    issue.kind = "bug"
    issue.save()
    issue.kind = "task"
    issue.save()

    assert (issue.version, [e[3] for e in told(issue)]) == (3, ["bug", "task"])


def test_many_fields_in_one_save_are_one_version_and_one_batch(ops, bob):
    issue = IssueFactory(space=ops)
    issue.title, issue.kind, issue.status, issue.assignee = "Other", "bug", "pending", bob
    issue.labels = {"a": "1"}

    issue.save()

    new = entries(issue)[1:]
    assert [entry.version for entry in new] == [2] * 5
    assert len({entry.batch for entry in new}) == len({entry.created_at for entry in new}) == 1
    assert issue.version == row(issue)["version"] == 2


def test_an_instance_knows_after_its_save_what_is_stored(ops, alice):
    issue = IssueFactory(space=ops)
    issue.status = "closed"

    with acting_as(lambda: Actor(user=alice)):
        issue.save()

    stored = row(issue)
    assert {name: getattr(issue, name) for name in stored} == stored
    assert issue.updated_by == alice


def test_the_times_of_a_row_and_its_entry_are_one(ops):
    issue = IssueFactory(space=ops)
    issue.status = "closed"

    issue.save()

    stored, entry = row(issue), entries(issue)[-1]
    assert {stored["updated_at"], stored["resolved_at"], stored["closed_at"]} == {entry.created_at}


def test_updated_at_never_goes_back(ops):
    issue = IssueFactory(space=ops)
    before = issue.updated_at
    issue.kind = "bug"

    with at(NOON - timedelta(days=9_000)):
        issue.save()

    assert issue.updated_at == row(issue)["updated_at"] == before


# update_fields, deferred columns, related rows.


@pytest.mark.parametrize("name", ["level", "level_id"])
def test_update_fields_names_a_relation_either_way(ops, name):
    issue, level = IssueFactory(space=ops), LevelFactory(space=ops)
    issue.level, issue.kind = level, "bug"

    issue.save(update_fields=[name])

    assert (row(issue)["level_id"], row(issue)["kind"]) == (level.pk, "")
    assert actions(issue) == ["created", "priority_changed"]


def test_what_update_fields_leaves_out_waits_for_the_next_save(ops, bob):
    issue = IssueFactory(space=ops)
    issue.status, issue.kind, issue.assignee = "pending", "bug", bob

    issue.save(update_fields=["status"])
    waiting = (issue.kind, issue.assignee_id)
    issue.save()

    assert waiting == ("bug", bob.pk)
    assert actions(issue) == ["created", "status_changed", "assignee_changed", "kind_changed"]


def test_what_update_fields_leaves_out_takes_part_in_nothing(ops):
    issue = IssueFactory(space=ops, title="Kept")
    issue.status, issue.resolution, issue.description = "closed", "negated", "Not yet"

    issue.save(update_fields=["status"])

    stored = row(issue)
    assert (stored["status"], stored["resolution"], stored["description"]) == ("closed", None, "")
    assert (issue.resolution, issue.description) == ("negated", "Not yet")


def test_an_empty_update_fields_writes_nothing(ops, django_assert_num_queries):
    issue = IssueFactory(space=ops)
    issue.kind = "bug"

    with django_assert_num_queries(0):
        issue.save(update_fields=[])

    assert issue.kind == "bug"


def test_update_fields_refuses_a_name_that_is_no_field(ops):
    issue = IssueFactory(space=ops)
    issue.kind = "bug"

    with pytest.raises(ValueError, match="no field colour"):
        issue.save(update_fields=["colour"])

    assert actions(issue) == ["created"]


@pytest.mark.parametrize("load", [lambda rows: rows.only("title"), lambda rows: rows.defer("kind", "status")])
def test_a_row_loaded_in_part_writes_what_was_set(ops, load):
    issue = IssueFactory(space=ops, kind="bug", status="pending")
    part = load(Issue.objects.all()).get(pk=issue.pk)

    part.kind = "task"
    part.save()

    assert (row(issue)["kind"], row(issue)["status"]) == ("task", "pending")
    assert [(e[0], e[2], e[3]) for e in told(issue)] == [("kind_changed", "bug", "task")]


def test_a_column_set_unseen_to_what_it_is_is_no_entry(ops):
    issue = IssueFactory(space=ops, kind="bug")
    part = Issue.objects.only("title").get(pk=issue.pk)

    part.kind = "bug"
    part.save()

    assert actions(issue) == ["created"]


def test_reading_a_deferred_column_is_no_change(ops, django_assert_num_queries):
    issue = IssueFactory(space=ops, extensions={"acme": 1})
    part = Issue.objects.defer("extensions").get(pk=issue.pk)

    seen = part.extensions
    with django_assert_num_queries(0):
        part.save()

    assert seen == {"acme": 1}


def test_a_description_set_on_a_row_without_its_format_is_rendered_in_it(ops):
    issue = IssueFactory(space=ops, description_format="text")
    part = Issue.objects.defer("description_format").get(pk=issue.pk)

    part.description = "*a* < b"
    part.save()

    assert "&lt;" in row(issue)["description_rendered"] and "<em>" not in row(issue)["description_rendered"]


@pytest.mark.parametrize("name", ["level", "project", "environment", "assignee", "reporter"])
def test_a_related_row_is_set_as_a_row_or_by_its_key(ops, bob, name):
    related = {
        "level": LevelFactory(space=ops),
        "project": ProjectFactory(space=ops),
        "environment": EnvironmentFactory(space=ops),
    }.get(name, bob)
    by_row, by_key = IssueFactory(space=ops), IssueFactory(space=ops)

    setattr(by_row, name, related)
    by_row.save()
    setattr(by_key, f"{name}_id", related.pk)
    by_key.save()

    action = "priority_changed" if name == "level" else f"{name}_changed"
    assert told(by_row) == told(by_key)
    assert told(by_row) == [(action, name, None, str(related.uuid), "", str(related))]


def test_a_related_row_that_is_not_saved_is_refused(ops):
    issue = IssueFactory(space=ops, level=LevelFactory(space=ops))

    issue.level = Level(space=ops, key="NEW", name="New")
    with pytest.raises(ValueError, match="unsaved"):
        issue.save()

    assert row(issue)["level_id"] is not None


def test_what_no_save_may_set_is_left_alone(ops):
    issue, other = IssueFactory(space=ops), SpaceFactory()
    before = row(issue)
    issue.space, issue.number, issue.seen_count, issue.kind = other, 900, 77, "bug"

    issue.save()

    after = row(issue)
    assert {name for name in before if before[name] != after[name]} == {"kind", "version", "updated_at"}
    assert (issue.space, issue.number, issue.seen_count) == (ops, before["number"], 1)


# Values that no row may have.

NAIVE = datetime(2026, 3, 1, 12)
WRONG = [
    ("title", None),
    ("title", "one\ntwo"),
    ("title", "one\rtwo"),
    ("title", "x" * 501),
    ("title", "a\x00b"),
    ("title", "a\ud800b"),
    ("description", None),
    ("description", "x" * 65_536),
    ("description", "a\x00b"),
    ("description_format", "rtf"),
    ("description_format", ""),
    ("status", "done"),
    ("status", ""),
    ("status", None),
    ("resolution", "fixed"),
    ("resolution", ""),
    ("resolved_at", "yesterday"),
    ("resolved_at", NAIVE),
    ("level_id", "high"),
    ("level_id", 10**6),
    ("level_id", 2**80),
    ("assignee_id", 10**6),
    ("reporter_id", 10**6),
    ("project_id", 10**6),
    ("environment_id", [1]),
    ("is_read", "perhaps"),
    ("is_crash", None),
    ("due_on", "soon"),
    ("due_on", 5),
    ("kind", "x" * 65),
    ("reason", "whim"),
    ("error_message", "x" * 65_536),
    ("annotations", None),
    ("annotations", []),
    ("annotations", {"a": 1}),
    ("annotations", {"a" * 65: ""}),
    ("annotations", {"a": "\x00"}),
    ("annotations", {str(n): "" for n in range(51)}),
    ("extensions", None),
    ("extensions", "{}"),
    ("extensions", {"a": {1}}),
    ("extensions", {"a": float("nan")}),
    ("extensions", {"a": float("inf")}),
    ("extensions", {"a": 2**64}),
    ("extensions", {"a": (1, 2)}),
    ("extensions", {"a": "\ud800"}),
    ("extensions", {1: "a"}),
    ("extensions", {"a": "x" * 262_144}),
    ("languages", "go"),
    ("languages", {"go": 1}),
    ("languages", ["x" * 33]),
    ("languages", ["\x00"]),
    ("languages", [1]),
]


def named(value):
    return ascii(value)[:30]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=named)
def test_a_wrong_value_is_refused_and_nothing_is_written(ops, name, value):
    issue = IssueFactory(space=ops)
    before = row(issue)
    issue.kind = "bug"
    setattr(issue, name, value)

    with pytest.raises(ValidationError) as refused:
        issue.save()

    assert list(refused.value.message_dict) == [name.removesuffix("_id")]
    assert (row(issue), actions(issue)) == (before, ["created"])


@pytest.mark.parametrize(("name", "value"), WRONG, ids=named)
def test_a_new_issue_with_a_wrong_value_is_refused(ops, name, value):
    issue = Issue(space=ops, title="New")
    setattr(issue, name, value)

    with pytest.raises(ValidationError) as refused:
        issue.save()

    assert list(refused.value.message_dict) == [name.removesuffix("_id")]
    assert not Issue.objects.exists() and issue.pk is None
    assert IssueFactory(space=ops).number == 1


def test_an_issue_without_a_space_is_refused():
    with pytest.raises(ValidationError) as refused:
        Issue(title="Nowhere").save()

    assert "space" in refused.value.message_dict


@pytest.mark.parametrize(
    ("name", "factory"),
    [("level", LevelFactory), ("project", ProjectFactory), ("environment", EnvironmentFactory)],
)
def test_a_row_of_another_space_is_refused(ops, name, factory):
    issue = IssueFactory(space=ops)
    setattr(issue, name, factory(space=SpaceFactory()))

    with pytest.raises(ValidationError, match="another space"):
        issue.save()

    assert actions(issue) == ["created"]


def test_a_level_of_the_system_belongs_to_every_space(ops):
    issue = IssueFactory(space=ops)

    issue.level = Level.objects.get(space=None, key="P0")
    issue.save()

    assert row(issue)["level_rank"] == 0


@pytest.mark.parametrize(
    ("name", "given", "stored"),
    [
        ("title", 5, "5"),
        ("is_read", "True", True),
        ("is_crash", 1, True),
        ("due_on", "2026-05-01", date(2026, 5, 1)),
        ("resolved_at", "2026-05-01T10:00:00+02:00", datetime(2026, 5, 1, 8, tzinfo=UTC)),
    ],
)
def test_a_value_is_brought_into_form_before_it_is_put_on_record(ops, name, given, stored):
    issue, new = IssueFactory(space=ops), Issue(space=ops, title="New")

    for either in (issue, new):
        setattr(either, name, given)
        either.save()

    assert getattr(issue, name) == getattr(new, name) == stored
    assert row(issue)[name] == row(new)[name] == stored


def test_json_that_was_changed_in_place_is_seen(ops):
    IssueFactory(space=ops, extensions={"acme": {"ids": [1]}}, languages=["go"])
    issue = Issue.objects.get()

    issue.extensions["acme"]["ids"].append(2)
    issue.languages.append("rust")
    issue.save()

    assert (row(issue)["extensions"], row(issue)["languages"]) == ({"acme": {"ids": [1, 2]}}, ["go", "rust"])
    assert actions(issue) == ["created", "extensions_changed", "languages_changed"]


@pytest.mark.parametrize(("before", "after"), list(product([1, True, 1.0], repeat=2)))
def test_json_keeps_what_python_thinks_equal_apart(ops, before, after):
    issue = IssueFactory(space=ops, extensions={"acme": [before]})

    issue.extensions = {"acme": [after]}
    issue.save()

    assert repr(row(issue)["extensions"]) == repr({"acme": [after]})
    assert issue.version == (1 if repr(before) == repr(after) else 2)


def test_json_in_place_after_a_save_is_seen_again(ops):
    issue = IssueFactory(space=ops)

    for number in range(3):
        issue.extensions[str(number)] = number
        issue.save()

    assert (issue.version, row(issue)["extensions"]) == (4, {"0": 0, "1": 1, "2": 2})


def test_json_comes_back_with_its_keys_in_their_order(ops):
    issue = IssueFactory(space=ops, extensions={"z": 1, "a": {"y": 1.0, "b": "é\u2028"}})

    stored = row(issue)["extensions"]

    assert repr(stored) == repr({"z": 1, "a": {"y": 1.0, "b": "é\u2028"}})


# Titles and renderings.


def test_a_title_follows_the_description_until_somebody_sets_one(ops):
    issue = IssueFactory(space=ops, title="", description="Disk full\nSince noon")
    derived = (issue.title, issue.is_title_derived)

    issue.description = "Disk empty"
    issue.save()
    followed = issue.title
    issue.title = "My words"
    issue.save()
    issue.description = "Disk gone"
    issue.save()

    assert (derived, followed) == (("Disk full", True), "Disk empty")
    assert (issue.title, row(issue)["is_title_derived"]) == ("My words", False)
    assert actions(issue) == [
        "created",
        "title_changed",
        "description_changed",
        "title_changed",
        "description_changed",
    ]


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_title_that_is_taken_away_is_derived_again(ops, blank):
    issue = IssueFactory(space=ops, title="My words", description="Disk full")

    issue.title = blank
    issue.save()

    assert (issue.title, issue.is_title_derived) == ("Disk full", True)
    assert row(issue)["is_title_derived"] is True


def test_a_title_taken_away_that_comes_out_the_same_is_no_change(ops):
    issue = IssueFactory(space=ops, title="Disk full", description="Disk full")

    issue.title = ""
    issue.save()

    assert (issue.title, issue.is_title_derived, issue.version) == ("Disk full", False, 1)


def test_a_description_whose_first_line_stays_changes_no_title(ops):
    issue = IssueFactory(space=ops, title="", description="Disk full\nSince noon")

    issue.description = "Disk full\nSince one"
    issue.save()

    assert actions(issue) == ["created", "description_changed"]
    assert row(issue)["is_title_derived"] is True


def test_a_description_is_rendered_when_it_is_written(ops):
    issue = IssueFactory(space=ops, description="*one*")
    first = row(issue)["description_rendered"]

    issue.description = "*two*"
    issue.save()
    second = row(issue)["description_rendered"]
    issue.description_format = "text"
    issue.save()
    third = row(issue)["description_rendered"]

    assert "<em>one</em>" in first and "<em>two</em>" in second and "*two*" in third
    assert issue.description_rendered == third


def test_a_stale_instance_renders_in_the_format_of_now(ops):
    issue = IssueFactory(space=ops, description="*one*")
    stale = Issue.objects.get(pk=issue.pk)
    issue.description_format = "text"
    issue.save()

    stale.description = "*two*"
    stale.save()

    assert "*two*" in row(issue)["description_rendered"]


def test_an_issue_without_words_still_has_a_title(ops):
    issue = IssueFactory(space=ops, title="", description="")

    assert issue.title


# Status, resolution, times.

TODO, ACTIVE = {"open"}, {"acknowledged", "in_progress", "pending"}
DONE = {"resolved", "closed", "ignored", "excluded"}
RESOLUTIONS = (None, "resolved", "negated", "ignored")
STATUSES = [*TODO, *sorted(ACTIVE), *sorted(DONE)]
# Closed as ignored is ignored; an ignored issue has no other resolution.
NORMAL = [
    (status, resolution)
    for status, resolution in product(STATUSES, RESOLUTIONS)
    if (status, resolution) not in [("closed", "ignored"), ("ignored", "resolved"), ("ignored", "negated")]
]


def is_same_group(status, other):
    return any({status, other} <= group for group in (TODO, ACTIVE, DONE))


def after_status(before, status):
    """A status alone was set: its resolution stays while the group does and it fits."""
    was, resolution = before
    if status == was:
        return before
    if not is_same_group(was, status):
        return status, None
    fits = {"closed": ("resolved", "negated"), "ignored": ("ignored",)}.get(status, RESOLUTIONS)
    return status, resolution if resolution in fits else None


def after_both(before, status, resolution):
    """Both were set: they stay, in their normal form."""
    if (status, resolution) == ("closed", "ignored"):
        return "ignored", "ignored"
    if status == "ignored" and resolution in ("resolved", "negated"):
        return "closed", resolution
    return status, resolution


@pytest.fixture
def every_pair(ops):
    return [IssueFactory(space=ops, status=status, resolution=resolution) for status, resolution in NORMAL]


def previewed(before, **wanted):
    """{issue: (status, resolution)} after a change, as `preview()` says."""
    after = {issue.pk: (issue.status, issue.resolution) for issue in before}
    for change in Issue.objects.preview(**wanted):
        after[change.row.pk] = (change.row.status, change.row.resolution)
    return list(after.values())


def test_a_new_issue_keeps_its_pair(every_pair):
    assert [(row(issue)["status"], row(issue)["resolution"]) for issue in every_pair] == NORMAL


def test_a_new_issue_is_brought_into_normal_form(ops):
    first = IssueFactory(space=ops, status="closed", resolution="ignored")
    second = IssueFactory(space=ops, status="ignored", resolution="negated")

    assert (first.status, second.status) == ("ignored", "closed")
    assert first.closed_at and second.closed_at


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_alone_keeps_the_resolution_that_fits(every_pair, status):
    found = previewed(every_pair, status=status)

    assert found == [after_status(before, status) for before in NORMAL]


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_a_resolution_alone_is_kept_in_normal_form(every_pair, resolution):
    found = previewed(every_pair, resolution=resolution)

    assert found == [after_both(before, before[0], resolution) for before in NORMAL]


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_a_status_and_a_resolution_that_are_set_together_both_stay(every_pair, resolution):
    found = {status: previewed(every_pair, status=status, resolution=resolution) for status in STATUSES}

    assert found == {
        status: [after_both(before, status, resolution) for before in NORMAL] for status in STATUSES
    }


@pytest.mark.parametrize("status", STATUSES)
def test_a_save_moves_a_status_as_change_would(every_pair, status):
    for issue in every_pair:
        issue.status = status
        issue.save()

    found = [(row(issue)["status"], row(issue)["resolution"]) for issue in every_pair]
    assert found == [after_status(before, status) for before in NORMAL]


def test_a_resolution_that_is_named_stays_though_it_is_the_same(ops):
    issue = IssueFactory(space=ops, status="closed", resolution="negated")
    issue.status, issue.resolution = "open", "negated"

    issue.save(update_fields=["status", "resolution"])

    assert (row(issue)["status"], row(issue)["resolution"]) == ("open", "negated")
    assert actions(issue) == ["created", "status_changed"]


def test_a_time_of_resolution_that_is_named_stays_though_it_is_the_same(ops):
    at = datetime(2026, 5, 1, tzinfo=UTC)
    issue = IssueFactory(space=ops, status="resolved", resolved_at=at)
    issue.status = "open"

    issue.save(update_fields=["status", "resolved_at"])

    stored = row(issue)
    assert (stored["status"], stored["resolved_at"], stored["closed_at"]) == ("open", at, None)
    assert [entry[:2] for entry in told(issue)] == [
        ("status_changed", "status"),
        ("resolved_at_changed", "resolved_at"),
    ]
    assert not list(Verifier(Space.objects.filter(pk=ops.pk)).problems())


def test_a_resolution_that_goes_with_its_status_is_on_record(ops):
    issue = IssueFactory(space=ops, status="resolved", resolution="negated")
    issue.status = "open"

    issue.save()

    assert [(e[0], e[2], e[3]) for e in told(issue)] == [
        ("status_changed", "resolved", "open"),
        ("resolution_changed", "negated", None),
    ]


EARLIER, LATER = NOON, NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("before", "after", "resolved_at", "closed_at"),
    [
        ("open", "pending", None, None),
        ("open", "resolved", LATER, None),
        ("open", "closed", LATER, LATER),
        ("open", "ignored", LATER, LATER),
        ("pending", "excluded", LATER, LATER),
        ("resolved", "closed", EARLIER, LATER),
        ("resolved", "open", None, None),
        ("closed", "resolved", EARLIER, None),
        ("closed", "ignored", EARLIER, EARLIER),
        ("excluded", "closed", EARLIER, EARLIER),
        ("closed", "in_progress", None, None),
    ],
)
def test_a_status_sets_the_times_that_belong_to_it(ops, before, after, resolved_at, closed_at):
    with at(EARLIER):
        issue = IssueFactory(space=ops, status=before)

    with at(LATER):
        issue.status = after
        issue.save()

    assert (row(issue)["resolved_at"], row(issue)["closed_at"]) == (resolved_at, closed_at)
    assert (issue.resolved_at, issue.closed_at) == (resolved_at, closed_at)


def test_a_resolved_at_that_is_given_stays(ops):
    given = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)
    new = IssueFactory(space=ops, status="resolved", resolved_at=given)
    moved, alone = IssueFactory(space=ops), IssueFactory(space=ops, status="resolved")

    moved.status, moved.resolved_at = "resolved", given
    moved.save()
    alone.resolved_at = given
    alone.save()

    assert [row(issue)["resolved_at"] for issue in (new, moved, alone)] == [given] * 3
    assert actions(moved) == ["created", "status_changed", "resolved_at_changed"]
    assert actions(alone) == ["created", "resolved_at_changed"]


def test_a_change_of_anything_else_leaves_the_times_alone(ops):
    with at(EARLIER):
        issue = IssueFactory(space=ops, status="closed")

    with at(LATER):
        issue.resolution = "negated"
        issue.kind = "bug"
        issue.save()

    assert (issue.resolved_at, issue.closed_at) == (EARLIER, EARLIER)


def test_level_rank_follows_the_level(ops):
    issue = IssueFactory(space=ops)
    ranks = [row(issue)["level_rank"]]

    for level in (LevelFactory(space=ops, rank=7), None):
        issue.level = level
        issue.save()
        ranks.append(row(issue)["level_rank"])

    assert ranks == [1000, 7, 1000]
    assert IssueFactory(space=ops, level=LevelFactory(space=ops, rank=3)).level_rank == 3


# The life of an instance.


def test_after_a_rollback_and_a_refresh_an_instance_saves_again(ops):
    issue = IssueFactory(space=ops)

    with transaction.atomic():
        issue.kind = "bug"
        issue.save()
        transaction.set_rollback(True)
    issue.refresh_from_db()
    issue.kind = "bug"
    issue.save()

    assert (issue.version, actions(issue)) == (2, ["created", "kind_changed"])
    assert_whole(issue)


def test_a_rollback_takes_history_texts_and_outbox_with_it(ops):
    issue = IssueFactory(space=ops)
    before = (TextVersion.objects.count(), Outbox.objects.count(), Occurrence.objects.count())

    with transaction.atomic():
        issue.description = "Never seen"
        issue.save()
        IssueFactory(space=ops)
        transaction.set_rollback(True)

    assert (TextVersion.objects.count(), Outbox.objects.count(), Occurrence.objects.count()) == before
    assert (actions(issue), Issue.objects.count()) == (["created"], 1)
    assert IssueFactory(space=ops).number == 2


@pytest.fixture
def broken_outbox(monkeypatch):
    """A switch: while it is on, the last receiver of a change fails."""

    def fail(rows, **options):
        raise IntegrityError("No more room.")

    def switch(is_on=True):
        monkeypatch.undo()
        if is_on:
            monkeypatch.setattr("issues.signals.insert_many", fail)

    return switch


def test_an_instance_whose_save_failed_can_be_saved_again(ops, broken_outbox):
    issue = IssueFactory(space=ops)
    issue.kind, issue.labels = "bug", {"a": "1"}

    broken_outbox()
    with pytest.raises(IntegrityError):
        issue.save()
    broken_outbox(False)
    failed = (issue.kind, issue.version, actions(issue))
    issue.save()

    assert failed == ("bug", 1, ["created"])
    assert (row(issue)["kind"], row(issue)["labels"], issue.version) == ("bug", {"a": "1"}, 2)


def test_a_new_issue_whose_save_failed_can_be_saved_again(ops, broken_outbox):
    issue = Issue(space=ops, title="New")
    issue.labels = {"a": "1"}

    broken_outbox()
    with pytest.raises(IntegrityError):
        issue.save()
    broken_outbox(False)
    failed = (issue.pk, issue.number, issue.created_at)
    issue.save()

    assert failed == (None, None, None)
    assert (issue.number, issue.labels, actions(issue)) == (1, {"a": "1"}, ["created"])


def test_a_refused_save_of_a_stale_instance_claims_nothing_of_others(ops):
    issue = IssueFactory(space=ops, kind="one")
    stale = Issue.objects.get(pk=issue.pk)
    issue.kind = "two"
    issue.save()

    stale.labels = {"": "no key"}
    with pytest.raises(ValidationError):
        stale.save()
    issue.kind = "three"
    issue.save()
    stale.labels = {}
    stale.status = "pending"
    stale.save()

    assert (row(issue)["kind"], stale.kind) == ("three", "three")


def test_a_refresh_forgets_what_was_not_saved(ops, django_assert_num_queries):
    issue = IssueFactory(space=ops)
    issue.kind, issue.labels = "bug", {"a": "1"}

    issue.refresh_from_db()

    with django_assert_num_queries(0):
        issue.save()
    assert (issue.kind, issue.labels) == ("", {})


def test_a_refresh_of_one_field_leaves_the_others_waiting(ops):
    issue = IssueFactory(space=ops)
    issue.kind, issue.is_crash = "bug", True

    issue.refresh_from_db(fields=["kind"])
    issue.save()

    assert actions(issue) == ["created", "is_crash_changed"]


def test_an_issue_in_the_trash_is_changed_like_any_other(ops):
    issue = IssueFactory(space=ops)
    stale = Issue.objects.get(pk=issue.pk)
    issue.trash()

    stale.kind = "bug"
    stale.save()

    assert stale.deleted_at == row(issue)["deleted_at"] is not None
    assert actions(issue) == ["created", "deleted", "kind_changed"]


def test_trash_and_restore_save_nothing_else(ops):
    issue = IssueFactory(space=ops)
    issue.kind = "bug"

    issue.trash()
    issue.restore()

    assert actions(issue) == ["created", "deleted", "restored"]
    assert (issue.kind, row(issue)["kind"], row(issue)["deleted_at"]) == ("bug", "", None)


def test_what_is_in_the_trash_is_not_deleted_again(ops):
    issue = IssueFactory(space=ops)
    stale = Issue.objects.get(pk=issue.pk)
    issue.trash()

    stale.trash()

    assert (stale.deleted_at, actions(issue)) == (issue.deleted_at, ["created", "deleted"])


def test_a_row_that_was_never_saved_under_its_key_is_not_made_by_an_update(ops):
    issue = IssueFactory(space=ops)
    ghost = issue.fork()
    ghost.pk = 10**6
    ghost.kind = "bug"

    with pytest.raises(Issue.DoesNotExist):
        ghost.save()

    assert Issue.objects.count() == 1


# Versions that a client has seen.


def test_a_version_that_has_moved_on_is_a_conflict(ops):
    issue = IssueFactory(space=ops)
    stale = Issue.objects.get(pk=issue.pk)
    issue.kind = "bug"
    issue.save()

    stale.expected_versions = {1}
    stale.title = "Other"
    with pytest.raises(VersionConflict) as conflict:
        stale.save()

    assert (conflict.value.stored.version, conflict.value.stored.kind) == (2, "bug")
    assert (stale.title, row(issue)["version"]) == ("Other", 2)


def test_a_conflict_is_told_though_nothing_would_change(ops):
    issue = IssueFactory(space=ops)
    issue.expected_versions = {7}

    with pytest.raises(VersionConflict):
        issue.save()

    assert issue.version == 1


def test_any_of_the_expected_versions_will_do(ops):
    issue = IssueFactory(space=ops)
    issue.expected_versions, issue.kind = {1, 5}, "bug"

    issue.save()

    assert issue.version == 2


# What happens to an issue beside its columns.


def test_record_adds_entries_and_one_version(ops):
    issue = IssueFactory(space=ops)

    with transaction.atomic():
        locked = Issue.objects.lock().get(pk=issue.pk)
        locked.record([Member("seen", "looks", None, "by hand"), Member("seen", "looks", None, "again")])

    assert [e[:4] for e in told(issue)] == [
        ("seen", "looks", None, "by hand"),
        ("seen", "looks", None, "again"),
    ]
    assert row(issue)["version"] == locked.version == 2
    assert_whole(issue)


def test_a_sighting_counts_and_is_no_history(ops):
    issue = IssueFactory(space=ops)
    later = issue.last_seen_at + timedelta(hours=1)

    counted = issue.count_sighting(at=later, session="s", user="u")

    assert counted and (issue.seen_count, issue.last_seen_at, issue.version) == (2, later, 1)
    seen = Occurrence.objects.filter(issue=issue).order_by("-id").first()
    assert (seen.at, seen.session, seen.user, seen.version) == (later, "s", "u", "")
    assert actions(issue) == ["created"]


def test_a_sighting_of_another_version_moves_the_last_one_on_record(ops):
    issue = IssueFactory(space=ops, first_version="1.0", last_version="1.1")
    last = issue.last_seen_at

    for hours, version in ((2, "1.2"), (3, ""), (4, "1.2"), (1, "1.1")):
        issue.count_sighting(at=last + timedelta(hours=hours), version=version)

    assert (issue.first_version, issue.last_version, issue.seen_count, issue.version) == ("1.0", "1.2", 5, 2)
    assert told(issue)[0][:4] == ("last_version_changed", "last_version", "1.1", "1.2")
    assert actions(issue) == ["created", "last_version_changed"]
    assert_whole(issue)


def test_two_versions_seen_in_turns_change_the_last_one_once_an_hour(ops):
    issue = IssueFactory(space=ops)
    began = issue.last_seen_at

    for minutes, version in ((1, "1"), (2, "2"), (59, "2"), (62, "2"), (63, "1"), (124, "1")):
        with acting_as(partial(Actor, at=began + timedelta(minutes=minutes))):
            issue.count_sighting(version=version)

    changes = HistoryEntry.objects.filter(issue=issue, field="last_version").order_by("position")
    minutes = [(entry.created_at - began) / timedelta(minutes=1) for entry in changes]
    assert [round(at) for at in minutes] == [1, 62, 124]
    assert_whole(issue)


def test_a_sighting_of_another_version_that_reopens_says_both(ops):
    issue = IssueFactory(space=ops, status="resolved")

    issue.count_sighting(version="2")

    assert (issue.status, issue.last_version, issue.version) == ("open", "2", 2)
    assert actions(issue) == ["created", "regressed", "last_version_changed"]
    assert_whole(issue)


def test_sightings_of_the_past_move_the_last_version_to_that_of_the_newest(ops):
    issue = IssueFactory(space=ops, status="resolved")
    last = issue.last_seen_at
    seen = {3: "1.3", 4: "", 1: "1.1", -1: "0.9"}

    issue.count_sightings(
        [Occurrence(issue=issue, at=last + timedelta(hours=h), version=v) for h, v in seen.items()]
    )

    assert (issue.status, issue.last_version, issue.seen_count) == ("resolved", "1.3", 5)
    assert actions(issue) == ["created", "last_version_changed"]
    assert_whole(issue)


def test_a_sighting_of_long_ago_does_not_turn_back_the_clock(ops):
    issue = IssueFactory(space=ops)
    last = issue.last_seen_at

    issue.count_sighting(at=last - timedelta(days=3))

    assert (issue.seen_count, issue.last_seen_at) == (2, last)


def test_a_sighting_opens_a_resolved_issue_again_on_record(ops):
    issue = IssueFactory(space=ops, status="resolved", resolution="resolved")

    issue.count_sighting()

    assert (issue.status, issue.resolution, issue.resolved_at, issue.version) == ("open", None, None, 2)
    assert actions(issue) == ["created", "regressed", "resolution_changed"]
    assert_whole(issue)


@pytest.mark.parametrize("status", ["open", "closed", "ignored"])
def test_a_sighting_opens_nothing_else(ops, status):
    issue = IssueFactory(space=ops, status=status)

    issue.count_sighting()

    assert (issue.status, issue.seen_count) == (status, 2)


def test_a_space_may_keep_its_resolved_issues_closed(ops):
    ops.is_reopening = False
    ops.save()
    issue = IssueFactory(space=ops, status="resolved")

    issue.count_sighting()

    assert (issue.status, issue.seen_count) == ("resolved", 2)


def test_an_excluded_issue_counts_nothing(ops):
    issue = IssueFactory(space=ops, status="excluded")

    counted = issue.count_sighting()

    assert (counted, row(issue)["seen_count"], Occurrence.objects.count()) == (False, 1, 1)


def test_a_fingerprint_finds_the_newest_issue_that_is_not_deleted(ops):
    old, new, gone = (IssueFactory(space=ops, fingerprint="abc") for _ in range(3))
    gone.trash()
    IssueFactory(space=SpaceFactory(), fingerprint="abc")

    with transaction.atomic():
        found = Issue.sighted(ops, "abc")
        unknown = Issue.sighted(ops, "xyz")

    assert (found, unknown, found.seen_count) == (new, None, 2)
    assert row(old)["seen_count"] == 1


# New issues.


def test_numbers_count_up_in_each_space(ops):
    other = SpaceFactory()

    numbers = [IssueFactory(space=space).number for space in (ops, ops, other, ops)]

    assert numbers == [1, 2, 1, 3]


def test_a_number_that_is_brought_along_is_kept_and_passed(ops):
    numbers = [IssueFactory(space=ops, **given).number for given in ({}, {"number": 40}, {"number": 7}, {})]

    assert numbers == [1, 40, 7, 41]


def test_a_number_is_never_given_twice(ops):
    IssueFactory(space=ops, number=5)

    with pytest.raises(IntegrityError), transaction.atomic():
        IssueFactory(space=ops, number=5)

    assert IssueFactory(space=ops).number == 6


def test_the_number_of_a_deleted_issue_stays_taken(ops):
    IssueFactory(space=ops).trash()

    assert IssueFactory(space=ops).number == 2


def test_a_new_issue_has_one_entry_one_sighting_and_one_outbox_row(ops, alice):
    issue = Issue(space=ops, title="New")

    with at(NOON, alice):
        issue.save()

    stored = row(issue)
    times = ("created_at", "updated_at", "first_seen_at", "last_seen_at")
    assert [stored[name] for name in times] == [NOON] * 4
    assert (stored["version"], stored["seen_count"], issue.updated_by) == (1, 1, alice)
    assert actions(issue) == ["created"]
    assert Occurrence.objects.filter(issue=issue, at=NOON).count() == 1
    assert Outbox.objects.filter(issue=issue, version=1).count() == 1


def test_news_of_an_import_is_for_nobody(ops):
    with acting_as(lambda: Actor(source="import", at=NOON)):
        issue = IssueFactory(space=ops)
        issue.kind = "bug"
        issue.save()

    assert not Outbox.objects.exists()
    assert [entry.source for entry in entries(issue)] == ["import", "import"]


def test_a_comment_moves_the_version_of_its_issue(ops):
    issue = IssueFactory(space=ops)
    CommentFactory(issue=issue, author=UserFactory())

    issue.kind = "bug"
    issue.save()

    assert issue.version == 3
    assert_whole(issue)
