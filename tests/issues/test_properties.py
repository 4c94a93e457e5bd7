"""In whatever order stale instances, sets and bulk changes come, row and history agree with a model."""

import os
from copy import deepcopy

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from comments.models import Comment
from issues.models import Issue
from tests.chains import assert_whole, entries
from tests.factories import IssueFactory, LevelFactory, SpaceFactory

pytestmark = pytest.mark.django_db

# `EXAMPLES=1000 pytest …` looks further, and elsewhere each time.
EXAMPLES = int(os.environ.get("EXAMPLES", 0))
LIGHT = settings(
    max_examples=EXAMPLES or 12,
    stateful_step_count=25,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

DONE = ("resolved", "closed", "ignored", "excluded")
ACTIVE = ("acknowledged", "in_progress", "pending")
RESOLUTIONS = (None, "resolved", "negated", "ignored")
COLUMNS = ("title", "status", "resolution", "level", "kind", "extensions", "is_read", "deleted")
LABELS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["", "1", "2"]), max_size=3)
VALUES = {
    "title": st.sampled_from(["One", "Two", "Three"]),
    "status": st.sampled_from(["open", *ACTIVE, *DONE]),
    "resolution": st.sampled_from(RESOLUTIONS),
    "level": st.sampled_from([None, 0, 1]),
    "kind": st.sampled_from(["", "bug", "task"]),
    "extensions": st.sampled_from([{}, {"a": 1}, {"a": True}, {"a": [1, {"b": None}]}]),
    "is_read": st.booleans(),
}
SETTINGS = st.fixed_dictionaries({}, optional=VALUES).filter(bool)


def group(status):
    return "done" if status in DONE else "active" if status in ACTIVE else "todo"


class Row:
    """What the database should hold of an issue."""

    def __init__(self, **values):
        self.values = dict.fromkeys(COLUMNS) | {"kind": "", "extensions": {}, "is_read": False} | values
        self.labels, self.version, self.said = {}, 1, 1
        self.comments = {}

    def take(self, mine, named, wish=None):
        """Values and a wish for labels come in; everything that changes is an entry."""
        new = self.values | mine
        new |= settled(self.values, new, named)
        fields = [name for name in COLUMNS if repr(new[name]) != repr(self.values[name])]
        labels = wish(self.labels) if wish else self.labels
        members = {
            key for key in labels.keys() | self.labels.keys() if labels.get(key) != self.labels.get(key)
        }
        self.values, self.labels = new, labels
        self.say(len(fields) + len(members))

    def say(self, entries):
        self.said += entries
        self.version += bool(entries)


def settled(old, new, named):
    """The status and resolution that an issue ends up with."""
    status, resolution = new["status"], new["resolution"]
    if status != old["status"] and "resolution" not in named:
        if group(status) != group(old["status"]):
            resolution = None
        if (status, resolution) == ("closed", "ignored") or (status == "ignored" and resolution != "ignored"):
            resolution = None
    elif (status, resolution) == ("closed", "ignored"):
        status = "ignored"
    elif status == "ignored" and resolution in ("resolved", "negated"):
        status = "closed"
    return {"status": status, "resolution": resolution}


class Held:
    """An instance that somebody holds, with what it has loaded and set."""

    def __init__(self, row, instance):
        self.row, self.instance = row, instance
        self.load()

    def load(self):
        self.loaded, self.set, self.wish = deepcopy(self.row.values), {}, None

    def touched(self):
        return {name: value for name, value in self.set.items() if repr(value) != repr(self.loaded[name])}


class Tracker(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.space = SpaceFactory()
        self.levels = [LevelFactory(space=self.space) for _ in range(2)]
        self.rows, self.held = {}, []

    def teardown(self):
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def native(self, values):
        """Values as the model has them."""
        return {
            name: self.levels[value] if name == "level" and value is not None else deepcopy(value)
            for name, value in values.items()
        }

    def pick(self, number):
        return self.held[number % len(self.held)]

    @precondition(lambda self: len(self.rows) < 3)
    @rule(values=SETTINGS, labels=LABELS)
    def create(self, values, labels):
        values = {"title": "One", "status": "open"} | values
        issue = Issue(space=self.space, **self.native(values))
        issue.labels = labels
        issue.save()
        row = Row(**values)
        row.values |= settled(row.values, row.values, {"resolution"})
        row.labels = dict(labels)
        self.rows[issue.pk] = row
        self.held.append(Held(row, issue))

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 9), is_part=st.booleans())
    def load(self, number, is_part):
        held = self.pick(number)
        rows = Issue.objects.defer("kind", "extensions", "status") if is_part else Issue.objects
        self.held = [*self.held[-4:], Held(held.row, rows.get(pk=held.instance.pk))]
        if is_part:
            # Reading is what makes a deferred column that of now.
            _ = (
                self.held[-1].instance.kind,
                self.held[-1].instance.extensions,
                self.held[-1].instance.status,
            )

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 9), values=SETTINGS)
    def set(self, number, values):
        held = self.pick(number)
        for name, value in self.native(values).items():
            setattr(held.instance, name, value)
        held.set |= values

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 9), labels=LABELS)
    def assign(self, number, labels):
        held = self.pick(number)
        held.instance.labels = labels
        held.wish = lambda stored: dict(labels)

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 9), add=LABELS, remove=st.sets(st.sampled_from("abcd")))
    def wish(self, number, add, remove):
        held = self.pick(number)
        held.instance.wish("labels", add=add, remove=remove)
        before = held.wish or dict
        held.wish = lambda stored: {
            key: value for key, value in (before(stored) | add).items() if key not in remove
        }

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 9), only=st.none() | st.sets(st.sampled_from(list(VALUES)), max_size=4))
    def save(self, number, only):
        held = self.pick(number)
        held.instance.save(update_fields=only)
        touched = held.touched()
        mine = {name: value for name, value in touched.items() if only is None or name in only}
        named = mine.keys() | (only or set())
        if mine or held.wish:
            held.row.take(mine, named, held.wish)
            waiting = {name: value for name, value in touched.items() if name not in mine}
            held.load()
            held.set = waiting

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 9))
    def refresh(self, number):
        held = self.pick(number)
        held.instance.refresh_from_db()
        held.load()

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 9), is_restored=st.booleans())
    def trash(self, number, is_restored):
        # Freshly loaded: what a stale instance does to the trash is said elsewhere.
        held = self.pick(number)
        issue = Issue.objects.get(pk=held.instance.pk)
        issue.restore() if is_restored else issue.trash()
        held.row.take({"deleted": None if is_restored else True}, set())

    @precondition(lambda self: self.rows)
    @rule(values=SETTINGS, add=LABELS, remove=st.sets(st.sampled_from("abcd")), count=st.integers(1, 3))
    def change(self, values, add, remove, count):
        keys = sorted(self.rows)[:count]
        Issue.objects.filter(pk__in=keys).change(**self.native(values), add_labels=add, remove_labels=remove)
        for key in keys:
            self.rows[key].take(
                values,
                values.keys(),
                lambda stored: {k: v for k, v in (stored | add).items() if k not in remove},
            )

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 9), content=st.sampled_from(["One", "Two"]))
    def comment(self, number, content):
        held = self.pick(number)
        comment = Comment(issue=held.instance, content=content)
        comment.save()
        held.row.comments[comment.pk] = content
        held.row.say(1)

    @precondition(lambda self: any(row.comments for row in self.rows.values()))
    @rule(content=st.sampled_from(["One", "Two", None]))
    def edit(self, content):
        row = next(row for row in self.rows.values() if row.comments)
        pk = min(row.comments)
        comment = Comment.objects.get(pk=pk)
        if content is None:
            comment.trash()
            del row.comments[pk]
            row.say(1)
        else:
            comment.content = content
            comment.save()
            row.say(row.comments[pk] != content)
            row.comments[pk] = content

    @invariant()
    def rows_are_what_was_written(self):
        for issue in Issue.objects.filter(pk__in=self.rows).order_by("pk"):
            row = self.rows[issue.pk]
            found = {name: getattr(issue, name) for name in COLUMNS[:-1]}
            found |= {
                "level": self.levels.index(issue.level) if issue.level else None,
                "deleted": True if issue.deleted_at else None,
            }
            assert {name: repr(found[name]) for name in COLUMNS} == {
                name: repr(row.values[name]) for name in COLUMNS
            }
            assert issue.labels == row.labels
            assert (issue.resolved_at is not None) == (issue.status in DONE)
            assert (issue.closed_at is not None) == (issue.status in DONE[1:])

    @invariant()
    def history_says_every_change_once(self):
        for issue in Issue.objects.filter(pk__in=self.rows).select_related("space"):
            row = self.rows[issue.pk]
            assert (len(entries(issue)), issue.version) == (row.said, row.version)
            assert_whole(issue)


def test_rows_and_history_agree_with_a_model():
    run_state_machine_as_test(Tracker, settings=LIGHT)


@LIGHT
@given(st.lists(st.none() | st.integers(1, 12), max_size=12))
def test_numbers_are_never_doubled_and_have_no_holes_of_our_own(brought):
    space, taken, following = SpaceFactory(), set(), 1

    with transaction.atomic():
        for number in brought:
            if number in taken:
                with pytest.raises(IntegrityError), transaction.atomic():
                    IssueFactory(space=space, number=number)
                continue
            issue = IssueFactory(space=space, number=number)
            assert issue.number == (following if number is None else number)
            assert issue.number not in taken
            taken.add(issue.number)
            following = max(following, issue.number + 1)
            if len(taken) % 3 == 0:
                issue.trash()

    assert set(Issue.objects.filter(space=space).values_list("number", flat=True)) == taken
    assert IssueFactory(space=space).number == following
