"""What holds between any two doors: reading and writing back loses nothing, what is written is read.

Each law is asked of every ordered pair of doors, over HTTP, from any state in which others leave an issue.
"""

import os
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issues.models import HistoryEntry, Issue, IssueLabel, Level
from issues.models.issue import group
from tests.chains import row
from tests.dialects.lenses import LENSES, states
from tests.factories import (
    ChannelFactory,
    EnvironmentFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    TeamFactory,
)
from tracker.dialects.doors import doors
from tracker.dialects.views import DoorView
from tracker.verification import Verifier

NAMES = sorted(LENSES)
PAIRS = [(first, second) for first in NAMES for second in NAMES]
# What every write steps.
STEPPED = {"version", "updated_at", "updated_by_id"}

each_door = pytest.mark.parametrize("door", NAMES)
each_pair = pytest.mark.parametrize("first, second", PAIRS)
often = settings(
    # As many for all pairs together, however many doors there are.
    max_examples=int(os.environ.get("EXAMPLES", 120 // len(PAIRS))),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def ground(ops, alice, bob):
    """What issues of OPS refer to."""
    gone = MembershipFactory(space=ops, user__name="Gone Colleague")
    gone.is_active = False
    gone.save()
    return SimpleNamespace(
        space=ops,
        statuses=Issue.Status.values,
        members=[alice, bob],
        gone=[gone.user],
        levels=[
            *Level.objects.filter(space=None),
            LevelFactory(space=ops, key="outage", severity="critical"),
            LevelFactory(space=ops, key="wish", severity="low"),
        ],
        teams=[TeamFactory(space=ops), TeamFactory(space=ops)],
        channels=[ChannelFactory(space=ops), ChannelFactory(space=ops)],
        projects=[ProjectFactory(space=ops), ProjectFactory(space=ops, external_id="shop")],
        environments=[EnvironmentFactory(space=ops), EnvironmentFactory(space=ops, external_id="prod")],
        extensions={
            "zylon": {"config": {"thread_id": "t-1", "reported_interaction_id": None}},
            "guance": {"extend": {"text": "x", "members": []}},
            "acme": {"own": [1, {"a": "\n"}]},
        },
    )


@pytest.fixture
def client(api, bob):
    return api(bob)


def made(ground, state):
    issue = Issue(space=ground.space, title="As it came")
    for name, value in state.items():
        setattr(issue, name, value)
    issue.save()
    # Nobody is throttled here.
    cache.clear()
    return issue


def stored(issue):
    """All that is stored of an issue, and the number of entries of its history and of its space's."""
    labels = list(IssueLabel.objects.filter(issue=issue).order_by("pk").values())
    return row(issue), labels, HistoryEntry.objects.filter(space=issue.space).count()


def problems(issue):
    """What is broken in the history of an issue or its space."""
    return list(Verifier(None).problems_of(issue.space, [[issue.pk]]))


def said(lens, document):
    """What a door is to show of what was written: a value that it only takes is shown as another."""
    others = lens.accepted
    return {
        name: others[name].get(value, value) if name in others else value for name, value in document.items()
    }


def put(lens, client, issue, document):
    lens.write(client, issue, document)
    issue.refresh_from_db()


def test_every_door_has_a_lens():
    assert LENSES.keys() == doors().keys()


@each_pair
@often
@given(data=st.data())
def test_what_is_read_and_written_back_changes_nothing(first, second, client, ground, data):
    issue = made(ground, data.draw(states(ground)))
    put(LENSES[first], client, issue, data.draw(LENSES[first].documents(ground)))
    before = stored(issue)
    shown = LENSES[second].read(client, issue)

    put(LENSES[second], client, issue, shown)

    assert stored(issue) == before
    assert LENSES[second].read(client, issue) == shown


@each_pair
@often
@given(data=st.data())
def test_what_is_written_is_read_and_nothing_else_is_touched(first, second, client, ground, data):
    lens = LENSES[second]
    issue = made(ground, data.draw(states(ground)))
    put(LENSES[first], client, issue, data.draw(LENSES[first].documents(ground)))
    changes = data.draw(lens.documents(ground))
    # Many a client sends all that it has read, with its changes in it.
    document = (lens.read(client, issue) if data.draw(st.booleans()) else {}) | changes
    before, _, _ = stored(issue)

    put(lens, client, issue, document)
    once = stored(issue)
    shown = lens.read(client, issue)
    put(lens, client, issue, document)

    wanted = {name: value for name, value in said(lens, document).items() if name in lens.touched}
    assert {name: shown.get(name) for name in wanted} == wanted
    after = once[0]
    touched = {name for name in after if after[name] != before[name]}
    assert touched <= STEPPED.union(*(lens.touched[name] for name in changes))
    assert stored(issue) == once
    assert not problems(issue)


@pytest.mark.parametrize("door", [name for name in NAMES if LENSES[name].creates])
@often
@given(data=st.data())
def test_what_is_created_is_read_and_echoed_by_every_door(door, client, ground, data):
    lens = LENSES[door]
    document = data.draw(lens.creations(ground))

    cache.clear()
    lens.create(client, ground, document)

    issue = Issue.objects.latest("pk")
    shown, before = lens.read(client, issue), stored(issue)
    wanted = {name: value for name, value in said(lens, document).items() if name in shown}
    assert {name: shown[name] for name in wanted} == wanted
    for other in LENSES.values():
        put(other, client, issue, other.read(client, issue))
        assert stored(issue) == before, other.name
    assert not problems(issue)


@each_door
def test_what_is_said_of_one_issue_leads_no_other_out_of_its_group(door, client, ground):
    lens = LENSES[door]
    for status in Issue.Status.values:
        said = lens.read(client, made(ground, {"status": status}))[lens.status]
        for other in Issue.Status.values:
            issue = made(ground, {"status": other})

            put(lens, client, issue, {lens.status: said})

            assert group(issue.status) == group(status), (status, other)


@each_door
def test_what_is_said_holds_though_others_wrote_since_the_issue_was_found(door, client, ground, monkeypatch):
    lens, issue = LENSES[door], made(ground, {"status": "open"})
    said = lens.read(client, issue)[lens.status]
    check = DoorView.check_object_permissions

    def interrupted(view, request, row):
        check(view, request, row)
        if isinstance(row, Issue):
            other = Issue.objects.get(pk=row.pk)
            other.status = "resolved"
            other.save()

    monkeypatch.setattr(DoorView, "check_object_permissions", interrupted)
    put(lens, client, issue, {lens.status: said})

    assert issue.status == "open"
    assert not problems(issue)


@each_door
@often
@given(data=st.data())
def test_a_filter_finds_what_is_shown_with_its_value_and_nothing_else(door, client, ground, data):
    lens = LENSES[door]
    kept = Issue.objects.filter(space=ground.space)
    for issue in kept.filter(deleted_at=None):
        issue.trash()
    for state in data.draw(st.lists(states(ground), min_size=1, max_size=6)):
        made(ground, state)

    shown = lens.listed(client, ground)

    assert len(shown) == kept.filter(deleted_at=None).count()
    for parameter, (value_of, words) in lens.selected().items():
        for word in {value_of(each) for each in shown}.union(words) - {None}:
            found = lens.listed(client, ground, **{parameter: word})
            assert found == [each for each in shown if value_of(each) == word], (parameter, word)
