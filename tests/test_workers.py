"""`tracker.workers`: pieces of work done by other processes come back in their order."""

import os

import pytest

from tests.processes import start
from tracker.workers import in_order


def described(piece, context):
    if piece < 0:
        raise ValueError(piece)
    return context["unit"] * piece, os.getpid()


def counted(pieces, taken):
    for piece in pieces:
        taken.append(piece)
        yield piece


def test_results_come_in_the_order_of_the_pieces_from_other_processes():
    found = list(in_order(described, range(20), {"unit": "x"}))

    assert [(piece, text) for piece, (text, _) in found] == [(size, "x" * size) for size in range(20)]
    assert os.getpid() not in {process for _, (_, process) in found}


@pytest.mark.parametrize(("pieces", "processes"), [([3], 2), ([3, 4, 5], 0)])
def test_a_piece_alone_and_all_without_processes_are_worked_here(pieces, processes):
    found = list(in_order(described, pieces, {"unit": "x"}, processes))

    assert found == [(size, ("x" * size, os.getpid())) for size in pieces]


def test_no_more_than_a_few_pieces_are_taken_ahead():
    taken = []
    results = in_order(described, counted(range(100), taken), {"unit": "x"})

    next(results)

    assert len(taken) <= 6


def test_what_fails_in_another_process_is_raised_here():
    with pytest.raises(ValueError, match="-1"):
        list(in_order(described, [1, 2, -1], {"unit": "x"}))


SLOW = """
import time
from tracker.workers import in_order

def slow(piece, context):
    print(piece, flush=True)
    time.sleep(600)

list(in_order(slow, range(9), None))
"""


def test_a_process_that_is_killed_leaves_none_behind():
    killed = start(SLOW)
    killed.stdout.readline()

    killed.kill()

    # It ends when nobody is left who could write.
    killed.communicate(timeout=60)
