"""A batch of changes is undone: everything is as it was, but for what was changed since."""

from datetime import date
from io import StringIO
from random import Random

import pytest
from django.core.management import call_command

from issues.actor import Actor, acting_as
from issues.models import HistoryEntry, Issue, Level
from issues.models.fields import uuid7
from issues.models.issue import TIMES
from issues.undo import entries_of, revert, undo
from tests.chains import assert_whole, entries, row
from tests.factories import (
    ChannelFactory,
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
)

pytestmark = pytest.mark.django_db

# What goes on with every change, and what follows from the labels.
MOVING = {"version", "updated_at", "updated_by_id", "labels_shown"}


def last_batch():
    return HistoryEntry.objects.order_by("-id").values_list("batch", flat=True)[0]


def state(issues):
    return [{name: value for name, value in row(issue).items() if name not in MOVING} for issue in issues]


def keys(issues):
    return [issue.pk for issue in issues]


def verify():
    call_command("verify_history", stdout=StringIO())


class Chance:
    """Random issues of a space, and random changes of them."""

    def __init__(self, seed, space, people):
        self.random = Random(seed)
        self.people = people
        self.rows = {
            name: [make(space=space) for _ in range(2)]
            for name, make in (
                ("level", LevelFactory),
                ("project", ProjectFactory),
                ("environment", EnvironmentFactory),
                ("teams", TeamFactory),
                ("channels", ChannelFactory),
            )
        }

    def value(self, name):
        """Something that may stand in a column."""
        texts = ["", "x", "# A title\n\nand more"]
        offers = {
            "status": Issue.Status.values,
            "resolution": [None, *Issue.Resolution.values],
            "assignee": [None, *self.people],
            "description": texts,
            "error_message": texts,
            "kind": ["", "bug"],
            "is_read": [True, False],
            "due_on": [None, date(2026, 1, 2)],
            "annotations": [{}, {"b": "1", "a": "2"}],
            "extensions": [{}, {"qarion": {"x": [1, None]}}],
            "languages": [[], ["python", "sql"]],
            "last_version": ["", "1.2"],
            "title": ["One", "Two"],
        }
        return self.random.choice(offers.get(name) or [None, *self.rows[name]])

    def members(self, name):
        return [member for member in self.rows[name] if self.random.random() < 0.5]

    def labels(self):
        return {key: self.random.choice(["", "1", "2"]) for key in "abc" if self.random.random() < 0.5}

    def issue(self, space):
        made = Issue(space=space, title="One")
        for name in ("status", "description", "level", "assignee", "project", "kind", "annotations"):
            setattr(made, name, self.value(name))
        made.labels, made.teams, made.channels = (
            self.labels(),
            self.members("teams"),
            self.members("channels"),
        )
        made.save()
        return made

    def wanted(self):
        """What `change()` is asked for."""
        names = (
            "status", "resolution", "level", "assignee", "project", "environment", "description",
            "error_message", "kind", "is_read", "due_on", "annotations", "extensions", "languages",
            "last_version", "title",
        )  # fmt: skip
        wanted = {name: self.value(name) for name in names if self.random.random() < 0.3}
        if self.random.random() < 0.5:
            wanted |= {"add_labels": self.labels(), "remove_labels": list(self.labels())}
        if self.random.random() < 0.3:
            wanted["labels"] = self.labels()
            wanted.pop("add_labels", None), wanted.pop("remove_labels", None)
        for name in ("teams", "channels"):
            if self.random.random() < 0.4:
                wanted[self.random.choice(["", "add_", "remove_"]) + name] = self.members(name)
        return wanted or {"is_read": True}


@pytest.mark.parametrize("seed", range(25))
def test_everything_is_as_it_was(seed, ops, alice, bob):
    chance = Chance(seed, ops, [alice, bob])
    issues = [chance.issue(ops) for _ in range(6)]
    before = state(issues)
    changed = Issue.objects.filter(pk__in=keys(issues)).change(**chance.wanted())
    after = state(issues)

    done = undo(last_batch(), changed)

    assert state(issues) == before
    assert sorted(change.row.pk for change in done.changes) == sorted(changed)
    assert done.skipped == []
    undo(done.batch, changed)
    assert state(issues) == after
    assert_whole(*issues)
    verify()


def test_undoing_twice_changes_nothing_more(ops):
    issue = IssueFactory(space=ops)
    Issue.objects.change(status="resolved")
    batch = last_batch()
    undo(batch, [issue.pk])
    version = Issue.objects.get().version

    again = undo(batch, [issue.pk])

    assert (again.changes, again.skipped) == ([], [issue])
    assert Issue.objects.get().version == version


def test_what_was_changed_since_stays(ops):
    left, changed = IssueFactory(space=ops), IssueFactory(space=ops)
    Issue.objects.change(status="resolved", add_labels={"noise": ""})
    batch = last_batch()
    Issue.objects.filter(pk=changed.pk).change(kind="bug")

    done = undo(batch, [left.pk, changed.pk])

    assert done.skipped == [changed]
    assert [issue.status for issue in Issue.objects.order_by("pk")] == ["open", "resolved"]
    assert Issue.objects.get(pk=changed.pk).labels == {"noise": ""}


def test_a_comment_is_no_change_since(ops, bob):
    issue = IssueFactory(space=ops)
    Issue.objects.change(status="resolved")
    batch = last_batch()
    CommentFactory(issue=issue, author=bob)

    undo(batch, [issue.pk])

    assert Issue.objects.get().status == "open"
    assert_whole(issue)


@pytest.mark.parametrize("between", ["open", "resolved"])
def test_what_was_closed_was_closed_then(ops, between):
    issue = IssueFactory(space=ops, status="closed")
    before = row(issue)
    Issue.objects.change(status=between)

    undo(last_batch(), [issue.pk])

    assert [row(issue)[name] for name in TIMES] == [before[name] for name in TIMES]
    verify()


def test_an_undone_undo_of_a_reopening_is_open_again(ops):
    issue = IssueFactory(space=ops, status="closed")
    Issue.objects.change(status="open")
    done = undo(last_batch(), [issue.pk])

    undo(done.batch, [issue.pk])

    assert [row(issue)[name] for name in ("status", *TIMES)] == ["open", None, None]
    verify()


def test_levels_of_the_same_name_are_told_apart(ops):
    here, there = (LevelFactory(space=space, name="Hot") for space in (ops, SpaceFactory()))
    issues = [IssueFactory(space=level.space, level=level) for level in (here, there)]
    Issue.objects.change(level=Level.objects.get(key="P0"))

    done = undo(last_batch(), keys(issues))

    assert done.skipped == []
    assert [issue.level for issue in Issue.objects.order_by("pk")] == [here, there]


def test_issue_whose_text_was_blanked_stays(ops, alice):
    secret, other = IssueFactory(space=ops, description="hunter2"), IssueFactory(space=ops, description="x")
    Issue.objects.change(description="Nothing to see")
    batch = last_batch()
    call_command("redact", secret.key, position=2, side="old", by=alice.email, why="x", stdout=StringIO())

    done = undo(batch, [secret.pk, other.pk])

    assert done.skipped == [secret]
    assert [issue.description for issue in Issue.objects.order_by("pk")] == ["Nothing to see", "x"]


def test_reporter_who_hides_is_not_named_by_undoing(ops, bob):
    issue = IssueFactory(space=ops, reporter=bob)
    Issue.objects.change(is_anonymous=True)

    done = undo(last_batch(), [issue.pk])

    assert done.skipped == [issue]
    assert Issue.objects.get().is_anonymous


def test_what_is_in_the_trash_stays(ops):
    issue = IssueFactory(space=ops)
    Issue.objects.change(status="resolved")
    batch = last_batch()
    issue.refresh_from_db()
    issue.trash()

    assert undo(batch, [issue.pk]).skipped == [issue]


@pytest.mark.parametrize("count", [2, 40])
def test_undoing_costs_the_same_for_many(ops, count, django_assert_max_num_queries):
    issues = [IssueFactory(space=ops) for _ in range(count)]
    Issue.objects.change(status="resolved", add_labels={"again": ""})
    batch = last_batch()

    with django_assert_max_num_queries(25):
        undo(batch, keys(issues))

    assert not Issue.objects.exclude(status="open").exists()


# One change of one issue.


def position_of(issue, action):
    return next(entry.position for entry in reversed(entries(issue)) if entry.action == action)


def test_one_change_is_reverted_though_others_came_after(ops):
    issue = IssueFactory(space=ops, kind="bug")
    Issue.objects.change(kind="task", is_read=True)
    Issue.objects.change(status="resolved")

    revert(issue, [position_of(issue, "kind_changed")])

    stored = Issue.objects.get()
    assert (stored.kind, stored.is_read, stored.status) == ("bug", True, "resolved")


def test_a_status_comes_back_with_its_resolution(ops):
    issue = IssueFactory(space=ops, status="closed", resolution="negated")
    resolved_at = Issue.objects.get().resolved_at
    Issue.objects.change(status="open")

    revert(issue, [position_of(issue, "status_changed")])

    stored = Issue.objects.get()
    assert (stored.status, stored.resolution, stored.resolved_at) == ("closed", "negated", resolved_at)
    verify()


def test_labels_that_one_line_names_are_reverted_together(ops):
    issue = IssueFactory(space=ops)
    Issue.objects.change(add_labels={"a": "1", "b": "", "c": ""})
    first = position_of(issue, "label_added") - 2

    revert(issue, [first, first + 1])

    assert Issue.objects.get().labels == {"c": ""}


def test_a_derived_title_goes_on_following(ops):
    issue = IssueFactory(space=ops, title="", description="Before")
    Issue.objects.change(description="After")

    revert(issue, [position_of(issue, "description_changed")])

    stored = Issue.objects.get()
    assert (stored.title, stored.description, stored.is_title_derived) == ("Before", "Before", True)


def test_undo_says_who_did_it(ops, bob):
    issue = IssueFactory(space=ops)
    Issue.objects.change(status="resolved")

    with acting_as(lambda: Actor(user=bob, source="web")):
        undo(last_batch(), [issue.pk])

    assert [(entry.actor, entry.source) for entry in entries(issue)[2:]] == [(bob, "web")]


@pytest.mark.database("sqlite")
def test_a_batch_is_found_without_reading_all_of_history(ops):
    assert "uuid" in entries_of(uuid7()).explain()
