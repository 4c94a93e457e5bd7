"""Labels, teams, channels and attachments: wished for, then compared under the lock."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from issues.actor import Actor, acting_as
from issues.models import Attachment, Channel, Issue, IssueAttachment, IssueChannel, IssueLabel
from issues.models.fields import uuid7
from tests.chains import actions, assert_whole, entries, row, told
from tests.factories import ChannelFactory, IssueFactory, SpaceFactory, TeamFactory

pytestmark = pytest.mark.django_db

MAKERS = {"teams": TeamFactory, "channels": ChannelFactory}


def attach(space, name="log.txt"):
    attachment = Attachment(
        space=space, name=name, content_type="text/plain", size=1, sha256="0" * 64, file=name
    )
    attachment.save()
    return attachment


MAKERS["attachments"] = attach


# Labels.


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"a": "1"}, [("label_added", None, {"key": "a", "value": "1"}, "", "a: 1")]),
        ({}, ["tag"], [("label_added", None, {"key": "tag", "value": ""}, "", "tag")]),
        ({"a": "1"}, {}, [("label_removed", {"key": "a", "value": "1"}, None, "a: 1", "")]),
        (
            {"a": "1"},
            {"a": "2"},
            [("label_changed", {"key": "a", "value": "1"}, {"key": "a", "value": "2"}, "a: 1", "a: 2")],
        ),
        (
            {"a": "1", "b": ""},
            {"b": "", "c": "3"},
            [
                ("label_added", None, {"key": "c", "value": "3"}, "", "c: 3"),
                ("label_removed", {"key": "a", "value": "1"}, None, "a: 1", ""),
            ],
        ),
    ],
)
def test_labels_become_what_is_assigned_and_say_so(ops, before, after, said):
    issue = IssueFactory(space=ops)
    issue.labels = before
    issue.save()
    seen = len(entries(issue))

    issue.labels = after
    issue.save()

    assert row(issue)["labels"] == (after if isinstance(after, dict) else dict.fromkeys(after, ""))
    assert [(e[0], *e[2:]) for e in told(issue, after=seen)] == said
    assert {e[1] for e in told(issue, after=seen)} == {"labels"}
    assert_whole(issue)


@pytest.mark.parametrize("labels", [{"a": "1", "b": ""}, {"b": "", "a": "1"}])
def test_the_same_labels_are_no_change(ops, labels):
    issue = IssueFactory(space=ops)
    issue.labels = {"a": "1", "b": ""}
    issue.save()

    issue.labels = labels
    issue.save()

    assert (issue.version, len(entries(issue))) == (2, 3)


def test_no_labels_for_no_labels_is_no_change(ops):
    issue = IssueFactory(space=ops)

    issue.labels = {}
    issue.wish("teams", add=[], remove=[])
    issue.save()

    assert issue.version == 1


def test_a_new_issue_is_created_with_its_sets(ops):
    team, channel, file = (make(space=ops) for make in MAKERS.values())
    issue = Issue(space=ops, title="New")
    issue.labels, issue.teams, issue.channels, issue.attachments = {"a": "1"}, [team], [channel], [file]

    issue.save()

    [created] = entries(issue)
    assert created.action == "created"
    stored = row(issue)
    assert [stored[name] for name in ("labels", "teams", "channels", "attachments")] == [
        {"a": "1"},
        {team.pk: None},
        {channel.pk: None},
        {file.pk: None},
    ]
    document = told(issue, after=0)[0][3]
    assert document["labels"] == {"a": "1"}
    assert (document["teams"], document["channels"]) == ([str(team.uuid)], [str(channel.uuid)])
    assert document["attachments"] == [str(file.uuid)]


def test_labels_are_wished_before_the_save_and_stored_after_it(ops):
    issue = IssueFactory(space=ops)

    issue.wish("labels", add={"a": "1"})
    wished, stored = issue.labels, row(issue)["labels"]
    issue.save()

    assert (wished, stored, row(issue)["labels"]) == ({"a": "1"}, {}, {"a": "1"})


def test_wishes_add_up(ops):
    issue = IssueFactory(space=ops)
    issue.labels = {"a": "1", "b": "2"}
    issue.wish("labels", add={"c": "3", "d": "4"})
    issue.wish("labels", remove=["a", "c"])
    issue.wish("labels", add={"c": "5"})

    issue.save()

    assert row(issue)["labels"] == {"b": "2", "d": "4", "c": "5"}


def test_a_label_both_added_and_removed_is_gone(ops):
    issue = IssueFactory(space=ops)
    issue.wish("labels", add={"a": "1"}, remove=["a"])

    issue.save()

    assert issue.version == 1


@pytest.mark.parametrize(
    "labels",
    [
        {"": "1"},
        {" ": "1"},
        {"a" * 65: ""},
        {"a": "b" * 257},
        {"a": "\x00"},
        {"\x00": ""},
        {"a": "\ud800"},
        {"a": 1},
        {"a": None},
        {1: "a"},
        {str(number): "" for number in range(51)},
    ],
    ids=lambda labels: ascii(labels)[:20],
)
def test_labels_that_cannot_be_are_refused(ops, labels):
    issue, new = IssueFactory(space=ops), Issue(space=ops, title="New")
    issue.kind = "bug"
    before = row(issue)

    for either in (issue, new):
        either.labels = labels
        with pytest.raises(ValidationError, match="labels"):
            either.save()

    assert (row(issue), new.pk) == (before, None)


def test_fifty_labels_are_enough(ops):
    issue = IssueFactory(space=ops)
    issue.labels = {f"{number:02}": "" for number in range(49)}
    issue.save()
    stale = Issue.objects.get(pk=issue.pk)
    issue.wish("labels", add=["one more"])
    issue.save()

    stale.wish("labels", add=["too many"])
    with pytest.raises(ValidationError, match="At most 50"):
        stale.save()

    assert len(row(issue)["labels"]) == 50


# Rows.


@pytest.mark.parametrize("name", list(MAKERS))
def test_a_set_of_rows_becomes_what_is_assigned_and_says_so(ops, name):
    first, second = (MAKERS[name](space=ops) for _ in range(2))
    issue = IssueFactory(space=ops)
    member = name.removesuffix("s")

    setattr(issue, name, [first])
    issue.save()
    setattr(issue, name, [second.pk])
    issue.save()

    assert row(issue)[name] == {second.pk: None}
    assert told(issue) == [
        (f"{member}_added", name, None, str(first.uuid), "", str(first)),
        (f"{member}_added", name, None, str(second.uuid), "", str(second)),
        (f"{member}_removed", name, str(first.uuid), None, str(first), ""),
    ]
    assert issue.version == 3


@pytest.mark.parametrize("name", list(MAKERS))
def test_a_member_of_another_space_is_refused(ops, name):
    stranger = MAKERS[name](space=SpaceFactory())
    issue, new = IssueFactory(space=ops), Issue(space=ops, title="New")

    for either in (issue, new):
        setattr(either, name, [stranger])
        with pytest.raises(ValidationError, match=name):
            either.save()

    assert actions(issue) == ["created"] and new.pk is None


@pytest.mark.parametrize("name", list(MAKERS))
@pytest.mark.parametrize("member", [10**6, "abc", None, 2**80])
def test_a_member_that_does_not_exist_is_refused(ops, name, member):
    issue = IssueFactory(space=ops)

    issue.wish(name, add=[member])
    with pytest.raises(ValidationError, match=name):
        issue.save()

    assert actions(issue) == ["created"]


@pytest.mark.parametrize("name", list(MAKERS))
def test_a_member_that_is_not_there_is_removed_without_a_word(ops, name):
    issue = IssueFactory(space=ops)

    issue.wish(name, remove=[MAKERS[name](space=ops), 10**6])
    issue.save()

    assert actions(issue) == ["created"]


def test_the_default_channel_holds_every_issue_by_itself(ops):
    issue = IssueFactory(space=ops)

    issue.wish("channels", add=[Channel.objects.get(space=ops, is_default=True)])
    with pytest.raises(ValidationError, match="default channel"):
        issue.save()

    assert not IssueChannel.objects.exists()


def test_a_channel_says_whether_a_rule_or_a_hand_put_the_issue_there(ops):
    by_hand, by_rule = ChannelFactory(space=ops), ChannelFactory(space=ops)
    issue = IssueFactory(space=ops)

    issue.wish("channels", add=[by_hand])
    issue.save()
    with acting_as(lambda: Actor(source="rule", rule=uuid7())):
        issue.wish("channels", add=[by_rule])
        issue.save()

    manual = dict(IssueChannel.objects.values_list("channel_id", "is_manual"))
    assert manual == {by_hand.pk: True, by_rule.pk: False}


def test_twenty_files_are_enough(ops):
    issue = IssueFactory(space=ops)

    issue.attachments = [attach(ops, f"{number}.txt") for number in range(21)]
    with pytest.raises(ValidationError, match="At most 20"):
        issue.save()

    assert not IssueAttachment.objects.exists()


def test_a_file_belongs_to_one_issue(ops):
    file = attach(ops)
    first, second = IssueFactory(space=ops), IssueFactory(space=ops)
    first.attachments = [file]
    first.save()

    second.attachments = [file]
    with pytest.raises(ValidationError, match="attachments"):
        second.save()

    assert (first.attachments, second.version) == ({file.pk: None}, 1)


# Together.


def test_sets_and_fields_are_one_version_and_one_batch(ops):
    issue = IssueFactory(space=ops)
    issue.kind, issue.labels, issue.teams = "bug", {"a": "1"}, [TeamFactory(space=ops)]
    issue.channels = [ChannelFactory(space=ops)]

    issue.save()

    new = entries(issue)[1:]
    assert [entry.action for entry in new] == ["kind_changed", "label_added", "team_added", "channel_added"]
    assert {entry.version for entry in new} == {2} and len({entry.batch for entry in new}) == 1


def test_update_fields_does_not_hold_back_a_set(ops):
    issue = IssueFactory(space=ops)
    issue.labels = {"a": "1"}

    issue.save(update_fields=["status"])

    assert row(issue)["labels"] == {"a": "1"}


def test_a_stale_instance_adds_to_the_labels_of_now(ops):
    issue = IssueFactory(space=ops)
    stale = Issue.objects.get(pk=issue.pk)
    seen = stale.labels
    issue.wish("labels", add={"a": "1"})
    issue.save()

    stale.wish("labels", add={"b": "2"}, remove=["c"])
    stale.save()

    assert (seen, row(issue)["labels"]) == ({}, {"a": "1", "b": "2"})
    assert actions(issue) == ["created", "label_added", "label_added"]


def test_what_a_stale_instance_assigns_replaces_the_labels_of_now(ops):
    issue = IssueFactory(space=ops)
    stale = Issue.objects.get(pk=issue.pk)
    issue.labels = {"a": "1"}
    issue.save()

    stale.labels = {"b": "2"}
    stale.save()

    assert row(issue)["labels"] == {"b": "2"}
    assert actions(issue) == ["created", "label_added", "label_added", "label_removed"]


def test_a_saved_wish_is_not_made_twice(ops):
    issue = IssueFactory(space=ops)
    issue.wish("labels", add={"a": "1"})
    issue.save()
    other = Issue.objects.get(pk=issue.pk)
    other.labels = {}
    other.save()

    issue.kind = "bug"
    issue.save()

    assert row(issue)["labels"] == {}


def test_labels_know_the_space_of_their_issue(ops):
    issue = IssueFactory(space=ops)
    issue.labels = {"a": "1"}
    issue.save()

    assert IssueLabel.objects.get().space == ops


def test_reading_a_set_is_one_query(ops, django_assert_num_queries):
    issue = IssueFactory(space=ops)
    issue.labels = {str(number): "" for number in range(50)}
    issue.save()

    with django_assert_num_queries(1):
        assert len(issue.labels) == 50


def test_as_many_labels_cost_as_many_queries_as_one(ops):
    def queries(labels):
        issue = IssueFactory(space=ops)
        issue.labels = labels
        with CaptureQueriesContext(connection) as found:
            issue.save()
        return len(found)

    assert queries(["one"]) == queries([str(number) for number in range(50)])
