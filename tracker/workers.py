"""Work that other processes do meanwhile, a few pieces ahead of the one that takes it."""

import gc
import os
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from threading import Thread

PROCESSES = 2
# Rows are many and have no cycles, so that the collector looks for these in vain.
SELDOM = 50_000, 20, 100
# In such a process, the function that it runs and what all pieces need to know.
known = []


def in_order(work, pieces, context, processes=PROCESSES):
    """(piece, `work(piece, context)`) of every piece, in their order.

    `work` asks no database, since the processes are forks, and the connection is of the one that forked;
    starting others would take each of them as long as a thousand issues. Pieces and results can be pickled.
    A few pieces are taken ahead, no more, so that memory stays flat. One piece alone is worked here, as all
    are without processes.
    """
    pieces = iter(pieces)
    first = list(islice(pieces, 2))
    pieces = chain(first, pieces)
    if len(first) < 2 or processes < 1:
        for piece in pieces:
            yield piece, work(piece, context)
        return
    fork = get_context("fork")
    with collected_seldom(), ProcessPoolExecutor(processes, fork, start, (work, context)) as pool:
        waiting = deque()
        while True:
            ahead = islice(pieces, 2 * processes - len(waiting))
            waiting.extend((piece, pool.submit(run, piece)) for piece in ahead)
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


def start(work, context):
    # What was made before the fork is not looked at again: it would be copied, and may hold the connection.
    gc.freeze()
    known[:] = work, context
    Thread(target=end_with_parent, daemon=True).start()


def end_with_parent():
    """A process that was killed leaves forks behind, and with them its connection, and so its locks."""
    parent_process().join()
    os._exit(1)


def run(piece):
    work, context = known
    return work(piece, context)
