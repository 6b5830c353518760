"""How fast this machine is, of the one that the constants of a rough estimate were measured on.

A piece of each kind of work is timed, in a tenth of a second and in CPU seconds, the best of a few: what nets do on a
CPU (small products of matrices, and passes over what they give), and what jobs after scoring do (sorts, sums,
exponentials, and Python itself). Nothing is kept: to time it anew costs less than to know whether it is still true.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Pace:
    """Times of what is done here, as multiples of those on the machine of the constants.

    Attributes:
        nets: training and asking a net, on a CPU.
        jobs: all else.
    """

    nets: float
    jobs: float


# CPU seconds of the two pieces on the machine of the constants, a core of an EPYC with AVX-512 (numpy 2, OpenBLAS)
NETS, JOBS = 0.0050, 0.0030
_TIMES = 7


@cache
def pace() -> Pace:
    """Of this machine, timed once a process."""
    return Pace(best(_net(), _TIMES) / NETS, best(_job(), _TIMES) / JOBS)


def best(work: Callable[[], object], times: int, clock: Callable[[], float] = time.process_time) -> float:
    """The shortest of some goes: others on the machine only ever lengthen one."""
    took = []
    for _ in range(times + 1):  # the first one warms up
        began = clock()
        work()
        took.append(clock() - began)
    return min(took[1:])


def _net() -> Callable[[], object]:
    """Products too small to be shared among cores, and what lies between them."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((64, 64, 64), dtype=np.float32)
    weights = rng.standard_normal((64, 64), dtype=np.float32) / 8

    def layers() -> None:
        values = inputs
        for _ in range(3):
            values = np.maximum(values @ weights @ weights @ weights, 0.0)

    return layers


def _job() -> Callable[[], object]:
    values = np.random.default_rng(0).standard_normal(50_000)

    def sums() -> None:
        order = np.argsort(values)
        np.cumsum(np.exp(-np.square(values[order]))).searchsorted(values)
        sum(k * k for k in range(20_000))

    return sums
