"""Items one after another, or some at once: the same results in the same order, and the first error."""

import threading
import time

import pytest

from memdyn.jobs.threads import in_threads


@pytest.mark.parametrize("threads", [1, 3])
def test_order_and_errors(threads):
    assert in_threads(lambda item: time.sleep((5 - item) / 1000) or item**2, range(5), threads) == [0, 1, 4, 9, 16]
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda item: 1 // item, [1, 0, 2], threads)


@pytest.mark.parametrize("threads", [1, 3])
def test_so_many_are_at_work_at_once(threads):
    together = threading.Barrier(threads, timeout=20)
    assert len(in_threads(lambda _: together.wait(), range(6), threads)) == 6
    with pytest.raises(threading.BrokenBarrierError):
        more = threading.Barrier(threads + 1, timeout=0.2)
        in_threads(lambda _: more.wait(), range(threads + 1), threads)
