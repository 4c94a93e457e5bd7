"""Spaces and what belongs to them: levels, channels, members and the like, in a chain of their own."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from issues.actor import Actor, acting_as
from issues.models import Channel, Counter, Level, Membership, Space, Subscription, TextVersion
from issues.models.history import digest
from tests.chains import assert_space_whole, space_entries, values
from tests.factories import (
    ChannelFactory,
    EnvironmentFactory,
    InvitationFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
    TokenFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

MAKERS = {
    "level": (LevelFactory, "name", "Other"),
    "channel": (ChannelFactory, "query", "is:open"),
    "membership": (MembershipFactory, "role", "admin"),
    "team": (TeamFactory, "handle", "@team"),
    "project": (ProjectFactory, "external_id", "p-1"),
    "environment": (EnvironmentFactory, "name", "production"),
    "apitoken": (TokenFactory, "scope", "read"),
    "invitation": (InvitationFactory, "role", "admin"),
}


def said(space, after):
    return [
        (entry.action, entry.field, *values(entry), entry.subject_type, entry.subject)
        for entry in space_entries(space)[after:]
    ]


@pytest.mark.parametrize("kind", list(MAKERS))
def test_a_row_of_a_space_leaves_entries_in_the_chain_of_the_space(ops, alice, kind):
    make, name, value = MAKERS[kind]
    before = len(space_entries(ops))

    with acting_as(lambda: Actor(user=alice, source="admin")):
        row = make(space=ops)
        old = getattr(row, name)
        setattr(row, name, value)
        row.save()
        row.is_active = False
        row.save()
        row.is_active = True
        row.save()

    told = said(ops, before)
    assert [e[0] for e in told] == [
        f"{kind}_created",
        f"{kind}_changed",
        f"{kind}_retired",
        f"{kind}_restored",
    ]
    assert told[1][1:4] == (name, old, value)
    assert {e[4:] for e in told} == {(kind, row.uuid)}
    assert {(entry.actor, entry.source) for entry in space_entries(ops)[before:]} == {(alice, "admin")}
    assert_space_whole(ops)


def test_created_says_everything_that_is_not_empty(ops):
    before = len(space_entries(ops))

    LevelFactory(space=ops, key="HOT", name="Hot", rank=5)

    entry = space_entries(ops)[before]
    assert values(entry)[1] == {
        "space": str(ops.uuid),
        "key": "HOT",
        "name": "Hot",
        "severity": "medium",
        "rank": 5,
        "color": "#C9C9C9",
        "is_active": True,
    }
    assert (entry.new_display, entry.issue) == ("Hot", None)


def test_a_new_space_has_a_counter_a_channel_and_a_chain():
    space = SpaceFactory(key="NEW", name="New")

    assert Counter.objects.get(space=space).next == 1
    assert list(space.channels.values_list("name", "is_default")) == [("All", True)]
    assert [entry.action for entry in space_entries(space)] == ["space_created", "channel_created"]
    assert space.version == Space.objects.get().version == 2
    assert_space_whole(space)


def test_a_space_steps_one_version_for_each_save(ops):
    start = ops.version

    ops.name, ops.is_reopening = "Other", False
    ops.save()
    after = ops.version
    LevelFactory(space=ops)
    IssueFactory(space=ops)

    assert (after, Space.objects.get(pk=ops.pk).version) == (start + 1, start + 2)
    assert [e[:2] for e in said(ops, start)] == [
        ("space_changed", "name"),
        ("space_changed", "is_reopening"),
        ("level_created", ""),
    ]
    assert_space_whole(ops)


def test_a_stale_space_does_not_undo_what_others_did(ops):
    stale = Space.objects.get(pk=ops.pk)
    ops.name = "Other"
    ops.save()

    stale.is_reopening = False
    stale.save()

    stored = Space.objects.get(pk=ops.pk)
    assert (stored.name, stored.is_reopening) == ("Other", False)
    assert stale.version == stored.version


@pytest.mark.parametrize("kind", list(MAKERS))
def test_a_row_that_is_saved_unchanged_is_no_statement(ops, kind, django_assert_num_queries):
    made = MAKERS[kind][0](space=ops)
    row = type(made).objects.get(pk=made.pk)

    with django_assert_num_queries(0):
        row.is_active = True
        row.save()

    assert_space_whole(ops)


def test_subscriptions_are_in_the_chain_of_their_channels_space(ops, bob):
    channel, before = ChannelFactory(space=ops), len(space_entries(ops))

    subscription = Subscription(channel=channel, user=bob)
    subscription.save()
    subscription.kind = "responsible"
    subscription.save()

    assert [e[:2] for e in said(ops, before)] == [
        ("subscription_created", ""),
        ("subscription_changed", "kind"),
    ]
    assert_space_whole(ops)


def test_addresses_of_targets_are_on_record_by_digest(ops):
    targets = [{"kind": "webhook", "url": "https://example.com/secret"}]
    before = len(space_entries(ops))

    ChannelFactory(space=ops, targets=targets)

    text = '[{"kind":"webhook","url":"https://example.com/secret"}]'
    assert said(ops, before)[0][3]["targets"] == {"sha256": digest(text)}
    assert TextVersion.objects.get(space=ops, sha256=digest(text)).text == text


def test_rank_nought_is_shown(ops):
    level = LevelFactory(space=ops, rank=5)

    level.rank = 0
    level.save()

    entry = space_entries(ops)[-1]
    assert (values(entry), entry.old_display, entry.new_display) == ((5, 0), "5", "0")


# What the system made, and what may not be.


def test_the_levels_of_the_system_are_there():
    found = Level.objects.filter(space=None).values_list("key", "severity", "rank")

    assert list(found) == [("P0", "critical", 0), ("P1", "high", 10), ("P2", "medium", 20), ("P3", "low", 30)]


@pytest.mark.parametrize(("name", "value"), [("name", "Other"), ("is_active", False), ("rank", 1)])
def test_the_levels_of_the_system_do_not_change(name, value):
    level = Level.objects.get(key="P1", space=None)
    setattr(level, name, value)

    with pytest.raises(ValidationError, match="system"):
        level.save()

    assert getattr(Level.objects.get(pk=level.pk), name) != value


def test_a_level_of_the_system_is_not_made_or_taken_over(ops):
    taken = Level.objects.get(key="P1", space=None)
    taken.space = ops

    with pytest.raises(ValidationError):
        Level(key="P9", name="P9").save()
    with pytest.raises(ValidationError):
        taken.save()

    assert Level.objects.filter(space=None).count() == 4


@pytest.mark.parametrize("kind", list(MAKERS))
def test_a_row_does_not_move_to_another_space(ops, kind):
    row, other = MAKERS[kind][0](space=ops), SpaceFactory()

    row.space = other
    with pytest.raises(ValidationError, match="another space"):
        row.save()

    assert type(row).objects.get(pk=row.pk).space == ops


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (SpaceFactory, "key", "a"),
        (SpaceFactory, "key", "TOOLONGAKEYFORUS"),
        (SpaceFactory, "key", "1A"),
        (SpaceFactory, "name", ""),
        (SpaceFactory, "name", "x" * 257),
        (LevelFactory, "color", "red"),
        (LevelFactory, "severity", "worst"),
        (LevelFactory, "rank", -1),
        (LevelFactory, "rank", "high"),
        (LevelFactory, "rank", 2**40),
        (LevelFactory, "name", None),
        (LevelFactory, "description", "\x00"),
        (ChannelFactory, "query", "x" * 2_001),
        (ChannelFactory, "targets", {}),
        (ChannelFactory, "targets", [{1}]),
        (MembershipFactory, "role", "owner"),
        (MembershipFactory, "user_id", 10**6),
        (MembershipFactory, "is_active", "perhaps"),
        (TeamFactory, "name", "\ud800"),
        (ProjectFactory, "external_id", "x" * 129),
        (TokenFactory, "expires_at", "soon"),
    ],
    ids=lambda value: getattr(value, "__name__", ascii(value)[:20]),
)
def test_a_wrong_value_is_refused_and_nothing_is_written(make, name, value):
    row = make()
    space = Space.objects.get(pk=row.home())
    before = space.version
    setattr(row, name, value)
    new = type(row)(**{field: getattr(row, field) for field in row.given()})

    for either in (row, new):
        with pytest.raises(ValidationError) as refused:
            either.save()
        assert list(refused.value.message_dict) == [row._meta.get_field(name).name]

    assert Space.objects.get(pk=space.pk).version == before


def test_a_key_of_a_space_is_in_capitals(ops):
    space = SpaceFactory(key="dev")
    ops.key = "ops2"

    ops.save()

    assert set(Space.objects.values_list("key", flat=True)) == {"DEV", "OPS2"}
    assert (space.key, ops.key) == ("DEV", "OPS2")


@pytest.mark.parametrize(
    "twice",
    [
        lambda ops: LevelFactory(space=ops, key="TWICE"),
        lambda ops: ChannelFactory(space=ops, name="Twice"),
        lambda ops: Channel(space=ops, name="Other", is_default=True).save(),
        lambda ops: MembershipFactory(space=ops, user=UserFactory._meta.model.objects.get()),
        lambda ops: ProjectFactory(space=ops, external_id="twice"),
        lambda ops: Level.install(),
    ],
)
def test_what_there_is_once_is_there_once(ops, twice):
    UserFactory()
    failed = 0

    for _ in range(2):
        try:
            with transaction.atomic():
                twice(ops)
        except IntegrityError:
            failed += 1

    assert failed == 1 or Level.objects.filter(space=None).count() == 4
    assert_space_whole(ops)


def test_the_row_is_locked_before_the_space(ops):
    level = LevelFactory(space=ops)
    level.name = "Other"

    with CaptureQueriesContext(connection) as queries:
        level.save()

    statements = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert 'FROM "issues_level"' in statements[0] and 'FROM "issues_space"' in statements[1]
    if connection.vendor == "postgresql":
        assert all(
            statement.endswith("UPDATE OF " + table)
            for statement, table in zip(statements[:2], ('"issues_level"', '"issues_space"'), strict=True)
        )


def test_what_failed_is_not_in_the_chain(ops):
    LevelFactory(space=ops, key="ONCE")
    before = len(space_entries(ops))

    with pytest.raises(IntegrityError), transaction.atomic():
        LevelFactory(space=ops, key="ONCE")

    assert len(space_entries(ops)) == before
    assert_space_whole(ops)


def test_roles_count_only_where_person_space_and_membership_are_active(ops, bob):
    quiet = SpaceFactory()
    MembershipFactory(space=quiet, user=bob)
    quiet.is_active = False
    quiet.save()
    left = MembershipFactory(user=bob)
    left.is_active = False
    left.save()

    roles = type(bob).objects.get(pk=bob.pk).space_roles()

    assert roles == {ops.pk: "member"}
    assert Membership.objects.filter(user=bob).count() == 3
