"""Work that other processes do meanwhile, a few pieces ahead of the one that takes it.

Nothing here may import a model: the processes import this before Django is set up.
"""

import gc
import pickle
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice
from multiprocessing import get_context

import django

PROCESSES = 2
# Rows are many and have no cycles, so that the collector looks for these in vain.
SELDOM = 50_000, 20, 100
# In such a process, what all of its work needs to know.
known = []


def in_order(work, pieces, context, processes=PROCESSES):
    """(piece, `work(piece, context)`) of every piece, in their order.

    `work` is a function of a module; pieces, `context` and results can be pickled. A few pieces are taken
    ahead, no more, so that memory stays flat. One piece alone is worked here, as all are without processes.
    """
    pieces = iter(pieces)
    first = list(islice(pieces, 2))
    pieces = chain(first, pieces)
    if len(first) < 2 or processes < 1:
        for piece in pieces:
            yield piece, work(piece, context)
        return
    spawn, pickled = get_context("spawn"), (pickle.dumps(context),)
    with collected_seldom(), ProcessPoolExecutor(processes, spawn, start, pickled) as pool:
        waiting = deque()
        while True:
            ahead = islice(pieces, 2 * processes - len(waiting))
            waiting.extend((piece, pool.submit(run, work, piece)) for piece in ahead)
            if not waiting:
                return
            piece, result = waiting.popleft()
            yield piece, result.result()


@contextmanager
def collected_seldom():
    usual = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def start(pickled):
    gc.set_threshold(*SELDOM)
    django.setup()
    known[:] = [pickle.loads(pickled)]  # noqa: S301 - our own parent's


def run(work, piece):
    return work(piece, *known)
