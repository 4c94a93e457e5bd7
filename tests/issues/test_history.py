"""What entries say, who they name, and how they hang together."""

import threading
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import orjson
import pytest

from issues.actor import Actor, acting_as, current_actor
from issues.models import HistoryEntry, Issue, TextVersion
from issues.models.fields import canonical
from issues.models.history import digest
from tests.chains import assert_whole, entries, told, values
from tests.factories import (
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    ProjectFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

SECRET = "the password is hunter2"


def sha(text):
    return {"sha256": digest(text)}


# Values.


@pytest.mark.parametrize(
    ("name", "value", "old", "new", "shown_old", "shown_new"),
    [
        ("status", "in_progress", "open", "in_progress", "Open", "In progress"),
        ("resolution", "negated", None, "negated", "", "Negated"),
        ("reason", "error", "manual", "error", "Manual", "Error"),
        ("kind", "Straße \U0001f525", "", "Straße \U0001f525", "", "Straße \U0001f525"),
        ("resource_id", "r-1", "", "r-1", "", "r-1"),
        ("alert_id", "a-1", "", "a-1", "", "a-1"),
        ("is_read", True, False, True, "no", "yes"),
        ("due_on", date(2026, 5, 1), None, "2026-05-01", "", "2026-05-01"),
        (
            "resolved_at",
            datetime(2026, 5, 1, 10, tzinfo=UTC),
            None,
            "2026-05-01T10:00:00.000000Z",
            "",
            "2026-05-01T10:00:00.000000Z",
        ),
        ("languages", ["go", "rust"], [], ["go", "rust"], "", "go, rust"),
        ("title", "New", sha("Old"), sha("New"), "", ""),
        ("description", SECRET, "", sha(SECRET), "", ""),
        ("error_message", SECRET, "", sha(SECRET), "", ""),
        ("annotations", {"b": "2", "a": SECRET}, "", sha(canonical({"a": SECRET, "b": "2"})), "", ""),
        ("extensions", {"acme": [1, None]}, "", sha('{"acme":[1,null]}'), "", ""),
    ],
)
def test_an_entry_says_what_was_and_what_is(ops, name, value, old, new, shown_old, shown_new):
    issue = IssueFactory(space=ops, title="Old")

    setattr(issue, name, value)
    issue.save()

    assert told(issue) == [(f"{name}_changed", name, old, new, shown_old, shown_new)]


def test_related_rows_are_named_by_their_uuids(ops, bob):
    related = {
        "level": LevelFactory(space=ops),
        "project": ProjectFactory(space=ops),
        "environment": EnvironmentFactory(space=ops),
        "assignee": bob,
        "reporter": UserFactory(),
    }
    issue = IssueFactory(space=ops)

    for name, row in related.items():
        setattr(issue, name, row)
    issue.save()

    said = {e[1]: e[2:] for e in told(issue)}
    assert said == {name: (None, str(row.uuid), "", str(row)) for name, row in related.items()}


def test_a_display_is_the_name_of_that_moment(ops):
    level = LevelFactory(space=ops, name="Soon")
    issue = IssueFactory(space=ops, level=level)
    issue.level = None
    issue.save()

    level.name = "Later"
    level.save()

    assert told(issue)[0][4:] == ("Soon", "")


def test_values_are_canonical_json(ops):
    issue = IssueFactory(space=ops)

    issue.languages = ["é", "b"]
    issue.labels = {"z": "ü"}
    issue.save()

    assert [entry.new_value for entry in entries(issue)[1:]] == ['["é","b"]', '{"key":"z","value":"ü"}']


def test_no_text_stands_in_an_entry(ops):
    issue = Issue(space=ops, title=SECRET, description=SECRET, error_message=SECRET)
    issue.annotations, issue.extensions = {"a": SECRET}, {"a": SECRET}
    issue.save()
    comment = CommentFactory(issue=issue, content=SECRET)

    comment.content = f"{SECRET}!"
    comment.save()
    for name in ("title", "description", "error_message"):
        setattr(issue, name, f"{SECRET}?")
    issue.annotations, issue.extensions = {"b": SECRET}, {"b": SECRET}
    issue.save()

    columns = ("old_value", "new_value", "old_display", "new_display")
    for entry in entries(issue):
        assert not any("hunter2" in (getattr(entry, column) or "") for column in columns)
    assert TextVersion.objects.filter(space=ops, text__contains="hunter2").count() == 5


def test_a_text_is_kept_once_for_a_space(ops):
    for _ in range(3):
        IssueFactory(space=ops, title="Same", description="Same")

    assert TextVersion.objects.filter(text="Same").count() == 1
    assert TextVersion.objects.get(text="Same").sha256 == digest("Same")


def test_every_text_that_an_entry_names_is_there(ops):
    issue = IssueFactory(space=ops, extensions={"b": 1, "a": 2})
    issue.description = "One"
    issue.save()
    issue.description = ""
    issue.save()

    named = [part["sha256"] for entry in entries(issue) for part in walk(values(entry)) if "sha256" in part]
    assert len(named) >= 4
    for name in named:
        assert digest(TextVersion.objects.get(space=ops, sha256=name).text) == name


def walk(value):
    if isinstance(value, dict):
        yield value
    for part in (
        value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    ):
        yield from walk(part)


def test_created_says_everything_that_is_not_empty(ops, bob):
    level, team = LevelFactory(space=ops), TeamFactory(space=ops)
    issue = Issue(
        space=ops,
        title="New",
        status="closed",
        resolution="resolved",
        level=level,
        assignee=bob,
        is_crash=True,
    )
    issue.extensions, issue.languages, issue.due_on = {"a": 1}, ["go"], date(2026, 5, 1)
    issue.labels, issue.teams = {"a": "1"}, [team]

    with acting_as(lambda: Actor(at=datetime(2026, 3, 1, tzinfo=UTC))):
        issue.save()

    [entry] = entries(issue)
    noon = "2026-03-01T00:00:00.000000Z"
    assert (entry.action, entry.field, entry.old_value, entry.version, entry.position) == (
        "created",
        "",
        None,
        1,
        1,
    )
    assert values(entry)[1] == {
        "number": 1,
        "created_at": noon,
        "title": sha("New"),
        "status": "closed",
        "resolution": "resolved",
        "resolved_at": noon,
        "closed_at": noon,
        "description_format": "md",
        "level": str(level.uuid),
        "assignee": str(bob.uuid),
        "reason": "manual",
        "is_crash": True,
        "extensions": sha('{"a":1}'),
        "languages": ["go"],
        "due_on": "2026-05-01",
        "labels": {"a": "1"},
        "teams": [str(team.uuid)],
    }


# The chain.

FLIPS = {
    "uuid": uuid4(),
    "subject_type": "level",
    "subject": uuid4(),
    "position": 99,
    "version": 99,
    "action": "title_changed",
    "field": "title",
    "old_value": '"x"',
    "new_value": '"x"',
    "old_display": "x",
    "new_display": "x",
    "is_internal": True,
    "token": uuid4(),
    "rule": uuid4(),
    "source": "elsewhere",
    "request_id": "x",
    "batch": uuid4(),
    "created_at": datetime(2000, 1, 1, tzinfo=UTC),
    "previous_hash": "0" * 64,
}


def test_the_hash_covers_every_column_but_primary_keys():
    columns = {field.attname for field in HistoryEntry._meta.concrete_fields}

    assert columns == FLIPS.keys() | {"id", "space_id", "issue_id", "actor_id", "hash"}


@pytest.mark.parametrize("name", [*FLIPS, "space", "issue", "actor"])
def test_a_flipped_column_breaks_the_hash(ops, alice, name):
    with acting_as(lambda: Actor(user=alice)):
        issue = IssueFactory(space=ops)
        issue.status = "pending"
        issue.save()
    entry = entries(issue)[1]
    owners = {"space": ops.uuid, "issue": issue.uuid, "actor": alice.uuid}
    whole = entry.computed_hash(**owners)

    if name in FLIPS:
        setattr(entry, name, FLIPS[name])
    else:
        owners[name] = uuid4()

    assert whole == entry.hash
    assert entry.computed_hash(**owners) != entry.hash


def test_a_hash_is_the_same_from_the_outside(ops, alice):
    with acting_as(lambda: Actor(user=alice, source="api", request_id="r1", token=UUID(int=7))):
        issue = IssueFactory(space=ops)
        issue.labels = {"a": "é"}
        issue.save()

    first, second = entries(issue)

    document = {
        "action": "label_added",
        "actor": str(alice.uuid),
        "batch": str(second.batch),
        "created_at": second.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "field": "labels",
        "is_internal": False,
        "issue": str(issue.uuid),
        "new_display": "a: é",
        "new_value": '{"key":"a","value":"é"}',
        "old_display": "",
        "old_value": None,
        "position": 2,
        "request_id": "r1",
        "rule": None,
        "source": "api",
        "space": str(ops.uuid),
        "subject": None,
        "subject_type": "",
        "token": str(UUID(int=7)),
        "uuid": str(second.uuid),
        "version": 2,
    }
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()
    assert second.hash == digest(first.hash + text)


def test_each_entry_follows_from_the_one_before(ops):
    issue, other = IssueFactory(space=ops), IssueFactory(space=ops)

    for number in range(3):
        for each in (issue, other):
            each.kind, each.labels = str(number), {"n": str(number)}
            each.save()

    assert [entry.position for entry in entries(issue)] == list(range(1, 8))
    assert entries(issue)[0].previous_hash == ""
    assert_whole(issue, other)


def test_times_of_an_entry_are_kept_to_the_microsecond(ops):
    moments = [datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 12, 0, 0, 1, UTC)]

    for moment in moments:
        with acting_as(lambda moment=moment: Actor(at=moment)):
            IssueFactory(space=ops)

    kept = HistoryEntry.objects.exclude(issue=None).order_by("id").values_list("created_at", flat=True)
    assert list(kept) == moments
    assert_whole(*Issue.objects.all())


# Who.


def test_an_entry_names_who_through_which_door(ops, alice):
    token, rule = uuid4(), uuid4()
    actor = Actor(user=alice, token=token, source="acme", request_id="r1", rule=rule)

    with acting_as(lambda: actor):
        issue = IssueFactory(space=ops)
        issue.kind = "bug"
        issue.save()
        CommentFactory(issue=issue)

    for entry in entries(issue):
        assert (entry.actor, entry.token, entry.rule) == (alice, token, rule)
        assert (entry.source, entry.request_id) == ("acme", "r1")


def test_nobody_is_the_system(ops):
    issue = IssueFactory(space=ops)

    [entry] = entries(issue)
    assert (entry.actor, entry.token, entry.source, entry.request_id) == (None, None, "command", "")
    assert issue.updated_by is None


def test_the_actor_is_asked_for_when_the_change_is_saved(ops, alice, bob):
    signed_in = []

    with acting_as(lambda: Actor(user=signed_in[-1])):
        signed_in.append(alice)
        issue = IssueFactory(space=ops)
        issue.kind = "bug"
        signed_in.append(bob)
        issue.save()

    assert [entry.actor for entry in entries(issue)] == [alice, bob]
    assert issue.updated_by == bob


def test_who_acts_inside_acts_no_longer_afterwards(alice, bob):
    seen = []

    with acting_as(lambda: Actor(user=alice)):
        with acting_as(lambda: Actor(user=bob)):
            seen.append(current_actor().user)
        seen.append(current_actor().user)
    with pytest.raises(RuntimeError), acting_as(lambda: Actor(user=bob)):
        raise RuntimeError
    seen.append(current_actor().user)

    assert seen == [bob, alice, None]


def test_threads_do_not_share_an_actor(alice):
    seen = []

    with acting_as(lambda: Actor(user=alice)):
        thread = threading.Thread(target=lambda: seen.append(current_actor().user))
        thread.start()
        thread.join()

    assert seen == [None]


def test_an_import_writes_history_of_its_own_time(ops):
    then = datetime(2020, 2, 3, 4, 5, 6, 789, UTC)

    with acting_as(lambda: Actor(source="import", at=then)):
        issue = IssueFactory(space=ops)
        issue.status = "closed"
        issue.save()
        CommentFactory(issue=issue)

    assert {entry.created_at for entry in entries(issue)} == {then}
    assert (issue.created_at, issue.resolved_at, issue.closed_at) == (then, then, then)
    assert_whole(issue)


# Who sees it.


def test_viewers_do_not_see_entries_of_internal_comments(ops, bob, vera, charlie):
    issue = IssueFactory(space=ops)
    CommentFactory(issue=issue, is_internal=True)

    seen = [
        HistoryEntry.objects.visible_to(user).filter(issue=issue).count() for user in (bob, vera, charlie)
    ]

    assert seen == [2, 1, 0]


def test_viewers_do_not_see_entries_of_comments_that_were_made_internal(ops, bob, vera):
    issue = IssueFactory(space=ops)
    secret, other = CommentFactory(issue=issue, content="The key is 1234."), CommentFactory(issue=issue)
    secret.content = "The key was 1234."
    secret.save()

    secret.is_internal = True
    secret.save()

    chain = HistoryEntry.objects.filter(issue=issue).order_by("position")
    assert chain.visible_to(bob).count() == 5
    assert [str(other.uuid) in entry.new_value for entry in chain.visible_to(vera)] == [False, True]
    assert list(chain.public()) == list(chain.visible_to(vera))


def test_viewers_do_not_see_entries_of_a_comment_that_was_internal_once(ops, vera):
    issue = IssueFactory(space=ops)
    comment = CommentFactory(issue=issue, is_internal=True)
    comment.is_internal = False
    comment.save()

    comment.trash()

    assert HistoryEntry.objects.visible_to(vera).filter(issue=issue).get().action == "created"
