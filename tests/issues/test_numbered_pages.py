"""Pages by number: exact to the end, without a walk from the start, and steady while rows come and go."""

import random
import re
from functools import partial

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from issues import keyset
from issues.models import Issue
from issues.orders import ORDERS, RELEVANCE
from tests.factories import IssueFactory, LevelFactory

pytestmark = pytest.mark.django_db

SIZE = 3


@pytest.fixture
def issues(ops, bob):
    """Seven pages of issues and a part of an eighth."""
    levels = [None, LevelFactory(space=ops, rank=5), LevelFactory(space=ops, rank=7)]
    for number in range(7 * SIZE + 2):
        IssueFactory(space=ops, level=levels[number % 3])
    return Issue.objects.visible_to(bob)


def page(issues, number, order="-number", size=SIZE, scope="bob", total=None):
    """The numbers of the issues of a page."""
    order = ORDERS[order]
    rows = issues.values_list(*order.key, "number")
    total = issues.count() if total is None else total
    read = partial(keyset.read, rows, order)
    found = keyset.numbered_page(read, number, size, lambda row: row[:-1], total, (scope, order))
    return [row[-1] for row in found]


def offset(issues, number, **options):
    """How many rows the statement of a page walks over, None where there is no statement."""
    total = issues.count()
    with CaptureQueriesContext(connection) as captured:
        page(issues, number, total=total, **options)
    (statement,) = (query["sql"] for query in captured.captured_queries)
    match = re.search(r"OFFSET (\d+)", statement)
    return int(match[1]) if match else 0


@pytest.mark.parametrize("order", [name for name in ORDERS if name != RELEVANCE])
@pytest.mark.parametrize("size", [1, SIZE, 100])
def test_pages_in_any_sequence_are_those_of_the_whole_list(issues, order, size):
    whole = list(issues.order_by(*ORDERS[order].terms()).values_list("number", flat=True))
    pages = -(-len(whole) // size)
    chance = random.Random(size)
    sequence = [*range(1, pages + 2), *(chance.randint(1, pages + 1) for _ in range(30))]

    for shuffled in (False, True):
        cache.clear()
        if shuffled:
            chance.shuffle(sequence)
        for number in sequence:
            assert page(issues, number, order, size) == whole[(number - 1) * size : number * size]


def test_pages_one_after_the_other_walk_over_no_row(issues):
    assert [offset(issues, number) for number in range(1, 9)] == [0] * 8


def test_a_jump_walks_from_the_nearest_place_that_is_known(issues):
    from_the_end = offset(issues, 7)
    from_the_start = offset(issues, 3)
    onwards = offset(issues, 4)
    back = offset(issues, 6)

    # The seventh page is known by now, and ends after the rows of its own.
    assert [from_the_end, from_the_start, onwards, back] == [2, 2 * SIZE, 0, SIZE - 1]


def test_the_last_page_is_reached_from_the_end(issues):
    assert offset(issues, 8) == 0
    assert page(issues, 8) == [2, 1]


def test_a_page_past_the_end_is_empty_and_no_statement(issues, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert page(issues, 9, total=23) == []


@pytest.mark.parametrize("gone", [6, 7, 8, 20, 23])
def test_pages_past_the_end_are_empty_once_issues_are_gone(issues, gone):
    for number in range(1, 10):
        page(issues, number)
    for issue in issues.order_by("-number")[:gone]:
        issue.trash()
    left = list(issues.order_by("-number").values_list("number", flat=True))

    jumped = page(issues, 8)
    found = [page(issues, number) for number in range(1, 10)]

    assert jumped == []
    assert found == [left[at : at + SIZE] for at in range(0, 9 * SIZE, SIZE)]


def test_a_short_page_forgets_those_after_it(issues, ops):
    for number in range(1, 9):
        page(issues, number)
    for issue in issues.order_by("-number")[: 4 * SIZE]:
        issue.trash()
    for number in range(1, 5):
        page(issues, number)

    for _ in range(4 * SIZE):
        IssueFactory(space=ops)

    whole = list(issues.order_by("-number").values_list("number", flat=True))
    assert page(issues, 8) == whole[7 * SIZE :]


def test_who_reads_on_misses_and_repeats_nothing_while_issues_come_and_go(issues, ops):
    before = list(issues.order_by("-number").values_list("number", flat=True))
    seen = page(issues, 1)

    for number in range(2, 9):
        IssueFactory(space=ops)
        gone = issues.get(number=seen[-1])
        gone.trash()
        seen += page(issues, number)

    assert seen == before


def test_the_first_page_is_always_new(issues, ops):
    for number in (1, 2, 3):
        page(issues, number, size=1)

    fresh = IssueFactory(space=ops)

    assert page(issues, 1, size=1) == [fresh.number]
    assert page(issues, 2, size=1) == [fresh.number - 1]


def test_another_scope_order_or_size_has_places_of_its_own(issues):
    page(issues, 2)

    assert offset(issues, 3) == 0
    assert offset(issues, 3, scope="alice") == 2 * SIZE
    assert offset(issues, 3, order="number") == 2 * SIZE
    assert offset(issues, 3, size=4) == 2 * 4


def test_only_so_many_places_are_kept(issues, monkeypatch):
    monkeypatch.setattr(keyset, "KNOWN", 2)
    for number in (1, 2, 3):
        page(issues, number)

    assert [offset(issues, 4), offset(issues, 2)] == [0, SIZE - 1]
