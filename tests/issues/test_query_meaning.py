"""A query finds what a slow and plain reading of it finds, on both databases and for members and viewers."""

import os
import random
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issues.actor import Actor, acting_as
from issues.counts import total_of
from issues.models import Issue, Level
from issues.orders import NEWEST_FIRST, ORDERS
from issues.query import read
from issues.query.parser import parse
from issues.query.tree import Group, Not
from issues.walks import ids_of
from tests.factories import (
    ChannelFactory,
    CommentFactory,
    EnvironmentFactory,
    IssueFactory,
    LevelFactory,
    MembershipFactory,
    ProjectFactory,
    SpaceFactory,
    TeamFactory,
)
from tests.issues.query_reference import Reference

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("EXAMPLES", 0))
TEXTS = [
    "",
    "Nulls in events",
    "nulls again",
    "100% of A_B",
    "Übergröße",
    "a*b?c",
    "back\\slash",
    "İstanbul [x]",
    "東京 events",
]
WORDS = [
    "->", "null -> events",
    "null", "null*", "NULLS", "events", "100%", "_", "%", "a_b", "ü*", "ÜBER*", "GRÖSSE", "übergrösse", "*",
    "a\\*b", '"nulls in"', '"nulls events"', '""', "in-eve*", '"a b c"', '"nulls again nulls"', "x]",
    "back\\\\slash", "[x]", "i", "i*", "zzz", "q\\?", "é*", "東", "東京", "s*", "topen", "u0",
]  # fmt: skip
NAMES = ["", "api", "API-2", "worker"]
TERMS = [
    "is:open", "is:active", "is:done", "is:resolved", "is:unassigned", "is:unread", "is:anonymous",
    "is:crash", "is:mine", "is:assigned", "is:read", "is:overdue", "is:acknowledged", "is:in_progress",
    "is:pending", "is:closed", "is:ignored", "is:excluded", "is:regressed", "has:regressed", "no:regressed",
    "regressed:-7d", "regressed:<2026-01-10", "regressed:>=2026-01-12", "regressed:[2026-01-03 TO today]",
    "space:OPS", "space:data", "space:o*",
    "space:Operations,DATA",
    "status:open,closed", "status:re*", "status:*", "severity:high,none", "severity:critical",
    "level:P0,S1",
    "level:none", "level:*", "level:p?", "level:Own", "assignee:me", "assignee:none", "assignee:@al",
    "assignee:alice@example.com", 'assignee:"Alice Owner"', "assignee:*", "reporter:me", "reporter:none",
    "reporter:b*", "reporter:*", "team:data,none", "team:@data", "team:*", "project:events,none",
    "environment:PRODUCTION", "env:none", "channel:All", "channel:alerts", "channel:al?r*", "team:data*",
    "label:squad", "label:flaky",
    "label:a:b:c", "label:a:b:*", "label:?:b:c", "label:a*:c",
    "label:squad:pay*", "label:s*", "label:squad:payments", "label:flaky:", "label:a:b", "label:*",
    "label.squad:payments", "squad:data", "label.flaky:*", "label.nothing:x", "kind:bug", "kind:*",
    "service:API*",
    'service:""', "service:worker,api", "version:1.*", "version:2.0", "source:alert", "source:7?",
    "source.type:alert", "source.type:ALERT", "source.type:a*", "source.type:*", "fingerprint:*",
    "error.type:valueerror",
    "error.message:NULL", "language:go", "language:GO,python", "language:*", "platform:web", "track:*",
    "fingerprint:abc", "fingerprint:ABC", "fingerprint:a*", "title:nulls", 'title:"in events"',
    "description:ü",
    "seen:1", "seen:>1", "seen:>=2", "seen:<3", "seen:<=1", "seen:[2 TO 3]", "seen:[* TO 1]",
    "number:1,2,3", "number:>5", "number:>=5", "number:<5", "number:<=5", "number:[3 TO 8]",
    "number:[5 TO *]", "key:OPS-3", "key:ops-4,OPS-5", "comments:0", "comments:>0", "comments:<=1",
    "created:-7d",
    "created:>-72h", "created:<-7d", "created:today", "created:2026-01-14",
    "created:[2026-01-10 TO 2026-01-13]",
    "created:today,-30h", "resolved:today,2026-01-10", "due:today,+7d",
    "created:>=2026-01-12", "created:<2026-01-12",
    "created:>2026-01-12", "created:<=2026-01-12", "updated:-2w", "resolved:*", "resolved:-30d",
    "closed:<today",
    "closed:[* TO *]", "first_seen:yesterday", "last_seen:>=2026-01-14", "due:today", "due:<today",
    "due:-7d",
    "due:+7d", "due:>2026-01-15", "due:*", "due:[2026-01-10 TO tomorrow]", "due:[* TO *]", "due:>=+24h",
    *(f"{word}:{name}" for word in ("has", "no") for name in (
        "level", "assignee", "reporter", "team", "label", "channel", "due", "resolved", "closed",
        "language", "project",
        "environment", "service", "version", "description", "severity", "kind", "source", "source.type",
        "error.type", "error.message", "platform", "track", "fingerprint", "title", "label.squad",
    )),
    "null status:open status:closed", "null* assignee:me assignee:none",
    "level:(P0 OR none)", "squad:(NOT data)", "seen:(>2 OR 1)", "due:(-7d OR +7d)",
]  # fmt: skip
# What a path of its own leads to.
FEW = (
    "is:regressed", "has:regressed", "regressed:<2026-01-10", "closed:<2026-01-12", "resolved:-7d",
    "created:-4d",
    "updated:>2026-01-10", "last_seen:<2026-01-05", "label:squad", "label:squad label:flaky", "team:data",
    "channel:alerts", "is:crash", "is:crash label:squad", "null OR events", '"nulls in" OR zzz', "zzz OR qqq",
    '"nulls in" OR "a b c" created:-9d', "label:squad created:-9d",
)  # fmt: skip
SORTS = ("number", "level", "-updated", "updated", "-created", "created")
NOW = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def both(first, joint, second):
    """Two queries, (text, tree), that both hold; alternatives in brackets, since AND binds more strongly."""
    texts = [f"({text})" if is_either(tree) else text for text, tree in (first, second)]
    return joint.join(texts), Group("AND", [first[1], second[1]])


def either(first, second):
    return f"{first[0]} OR {second[0]}", Group("OR", [first[1], second[1]])


def negated(sign, query):
    text, tree = query
    return f"{sign}({text})", tree if sign == "--" else Not(tree)


def is_either(tree):
    return isinstance(tree, Group) and tree.operator == "OR"


# Pairs of a text and of the tree that it was written from, so that what the parser makes of it is tried, too.
QUERIES = st.recursive(
    st.sampled_from([*WORDS, *TERMS]).map(lambda text: (text, parse(text))),
    lambda inner: st.one_of(
        st.builds(negated, st.sampled_from(["-", "NOT ", "--"]), inner),
        st.builds(both, inner, st.sampled_from([" ", " AND "]), inner),
        st.builds(either, inner, inner),
        inner.map(lambda query: (f"({query[0]})", query[1])),
    ),
    max_leaves=6,
)


@pytest.fixture
def spaces(ops):
    """OPS, DATA that its readers see as well, and one that they do not; their rows are called alike."""
    return [ops, SpaceFactory(key="DATA", name="Data"), SpaceFactory(key="ELSE", name="Elsewhere")]


@pytest.fixture
def fill(spaces, alice, bob):
    """A function that makes issues in each of the spaces."""
    alice.handle, alice.time_zone = "al", "America/New_York"
    alice.save()
    MembershipFactory(user=alice, space=spaces[1], role="member")
    worlds = [world(space, alice, bob) for space in spaces]

    def fill(chance):
        for each, space, count in zip(worlds, spaces, (25, 12, 8), strict=True):
            fill_space(each, space, chance, count)

    return fill


def world(ops, alice, bob):
    """The values from which those of the issues of a space are drawn."""
    LevelFactory(space=ops, key="S1", name="Own", severity="high")
    teams = [TeamFactory(space=ops, name="Data", handle="@data"), TeamFactory(space=ops, name="Database")]
    channels = [ChannelFactory(space=ops, name=name) for name in ("alerts", "alarms")]
    return {
        "level": [None, *Level.objects.of([ops])],
        "assignee": [None, alice, bob],
        "reporter": [None, alice, bob],
        "project": [None, ProjectFactory(space=ops, name="Events")],
        "environment": [None, EnvironmentFactory(space=ops, name="production")],
        "teams": [[], teams[:1], teams[1:], teams],
        "channels": [[], channels[:1], channels],
        "labels": [{}, {"squad": "payments", "flaky": ""}, {"squad": "data"}, {"a:b": ""}, {"a:b": "c"},
        {"a": "b", "s": "P*"}, {"a": "b:c"}],
        "title": TEXTS[1:], "description": TEXTS, "error_message": TEXTS, "status": Issue.Status.values,
        "is_anonymous": [False, True], "is_read": [False, True], "is_crash": [False, True],
        "kind": ["", "bug", "Task"], "service": NAMES, "first_version": ["", "1.0"], "last_version": ["",
        "2.0", "1.1"],
        "resource_type": ["", "alert"], "alert_id": ["", "71"], "error_type": ["", "ValueError"],
        "languages": [[], ["Go"], ["python", "go"], ['a"go']], "platform": ["", "Web"], "track": ["",
        "trace"],
        "fingerprint": ["", "abc", "ABC"], "due_on": [None, *(date(2026, 1,
        15) + timedelta(n) for n in (-5, 0, 1, 9))],
    }  # fmt: skip


def fill_space(world, space, chance, count):
    """`count` issues of the last three weeks, each value drawn from the world, some seen again, spoken of or
    deleted.
    """
    for _ in range(count):
        at = NOW - timedelta(minutes=chance.randrange(30_000))
        values = {name: chance.choice(choices) for name, choices in world.items()}
        sets = {name: values.pop(name) for name in ("labels", "teams", "channels")}
        with acting_as(lambda at=at: Actor(source="import", at=at)):
            issue = IssueFactory.build(space=space, **values)
            for name, members in sets.items():
                setattr(issue, name, members)
            issue.save()
            for _ in range(chance.choice([0, 0, 1, 3])):
                issue.count_sighting(at=at)
        for hours in chance.choice([(), (), (), (1,), (30, 90)]):
            come_back(issue, at + timedelta(hours=hours))
        with acting_as(lambda at=at: Actor(source="import", at=at)):
            for _ in range(chance.choice([0, 0, 1, 2])):
                is_internal = chance.choice([True, False])
                CommentFactory(issue=issue, content=chance.choice(TEXTS[1:]), is_internal=is_internal)
        if chance.random() < 0.25:
            issue.trash()


def come_back(issue, at):
    with acting_as(lambda: Actor(source="import", at=at)):
        issue.status = "resolved"
        issue.save()
        issue.count_sighting(at=at)


@pytest.mark.parametrize(("seed", "role"), [(1, "member"), (2, "viewer"), (3, "admin")])
def test_a_query_finds_what_its_plain_reading_finds(fill, spaces, alice, monkeypatch, seed, role):
    fill(random.Random(seed))
    if seed == 2:
        # Here few issues are many.
        monkeypatch.setattr("issues.conjuncts.RARE", 2)
        monkeypatch.setattr("issues.conjuncts.OF_VALUES", 8)
        monkeypatch.setattr("issues.conjuncts.UNPLANNED", 16)
        monkeypatch.setattr("issues.walks.MANY_PARTS", 1)
        monkeypatch.setattr("issues.walks.NEAR", 9)
    reader = alice
    if seed < 3:
        reader = MembershipFactory(space=spaces[0], role=role, user__time_zone="Asia/Kolkata").user
        MembershipFactory(user=reader, space=spaces[1], role="viewer")
    reference = Reference(reader, NOW, reader.time_zone)
    issues = Issue.objects.visible_to(reader)

    @settings(
        max_examples=EXAMPLES or 200,
        derandomize=not EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(QUERIES)
    def agree(query):
        text, tree = query
        condition = read(text, reader, NOW).condition
        found = list(issues.filter(condition).values_list("pk", flat=True))

        assert len(found) == len(set(found))
        assert set(found) == reference.matching(tree), text
        assert listed(reader, condition) == sorted(found, reverse=True), text
        assert listed(reader, condition, size=3) == sorted(found, reverse=True)[:3], text
        order = ORDERS[SORTS[len(text) % len(SORTS)]]
        in_order = issues.filter(condition).order_by(*order.terms()).values_list("pk", flat=True)[:7]
        assert listed(reader, condition, size=7, order=order) == list(in_order), (text, order)
        assert counted(reader, condition) == len(found), text

    agree()


@pytest.mark.parametrize("sort", SORTS)
def test_what_an_index_of_few_leads_to_is_in_every_order(fill, alice, sort):
    fill(random.Random(5))
    issues, order = Issue.objects.visible_to(alice), ORDERS[sort]
    texts = [f"{term}{more}" for term in FEW for more in ("", " is:open", " -null", " null OR events")]

    for text in texts:
        condition = read(text, alice, NOW).condition
        wanted = issues.filter(condition).order_by(*order.terms()).values_list("pk", flat=True)
        assert listed(alice, condition, order=order) == list(wanted), text


def listed(reader, condition, size=100, order=ORDERS[NEWEST_FIRST]):
    """The primary keys that the statement of a list finds."""
    sql, parameters = ids_of(reader.space_roles(), [condition], order, size=size)
    if not sql:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [pk for (pk,) in cursor.fetchall()]


def counted(reader, condition):
    """How many issues there are as the total of a list says."""
    spaces = list(reader.space_roles())
    issues = Issue.objects.visible_to(reader).filter(condition, space_id__in=spaces)
    return total_of(SimpleNamespace(qs=issues, conditions=[condition], spaces=spaces))


def test_each_word_and_each_condition_finds_what_its_plain_reading_finds(fill, alice):
    fill(random.Random(7))
    reference, issues = Reference(alice, NOW, alice.time_zone), Issue.objects.visible_to(alice)
    texts = [text for term in (*WORDS, *TERMS) for text in (term, f"-{term}", f"-({term}) OR {term}")]

    conditions = {text: read(text, alice, NOW).condition for text in texts}

    for text, condition in conditions.items():
        found = set(issues.filter(condition).values_list("pk", flat=True))
        assert found == reference.matching(parse(text)), text
        assert listed(alice, condition) == sorted(found, reverse=True), text
        assert counted(alice, condition) == len(found), text


def test_the_world_of_these_tests_leaves_something_to_find_and_to_miss(fill, alice):
    fill(random.Random(1))
    reference = Reference(alice, NOW, alice.time_zone)

    sizes = [len(reference.matching(parse(term))) for term in TERMS]

    assert sum(0 < size < len(reference.issues) for size in sizes) > len(TERMS) * 0.8
    assert timezone.is_aware(NOW)
