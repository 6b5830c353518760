"""When a sample's membership begins to show: per-sample tests over checkpoints, and the first of a lasting run.

The onset of sample i is the first checkpoint from which on ALL one-sided lower bounds of the margin's mean pair
difference are above 0. Read backwards from the last checkpoint this is a fixed sequence of tests, so bounds that hold
pointwise control the chance of an onset before the true one (Maurer, Hothorn & Lehmacher 1995); the first crossing does
not. Benjamini-Hochberg over samples at the last checkpoint decides who has an onset, the others are right-censored.

The onset depends on the number of models as much as on the signal: compare runs at equal M. The first checkpoint with
d' > 1 does so less.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from memdyn.stats.multiple import benjamini_hochberg

NEVER = -1


def t_statistic(differences: np.ndarray) -> np.ndarray:
    """Student's t [n] of the mean of differences [P, n]; 0 where all are 0, infinite where all are equal."""
    n_pairs = len(differences)
    mean, deviation = differences.mean(axis=0), differences.std(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = mean / (deviation / np.sqrt(n_pairs))
    return np.where((mean == 0) & (deviation == 0), 0.0, t)


def critical_t(t: np.ndarray, level: float, dof: int) -> float:
    """The |t| from which on Benjamini-Hochberg rejects two-sided tests [n] at this false discovery rate.

    Where none is rejected, the |t| that would be.
    """
    p_values = np.sort(2 * stdtr(dof, -np.abs(np.asarray(t, dtype=float))))
    steps = level * np.arange(1, len(p_values) + 1) / len(p_values)
    rejected = np.flatnonzero(p_values <= steps)
    return float(-stdtrit(dof, steps[rejected[-1] if len(rejected) else 0] / 2))


def first_lasting(holds: np.ndarray) -> np.ndarray:
    """int [n]: the first checkpoint from which on `holds` [T, n] is always True; NEVER where the last is False."""
    lasting = np.logical_and.accumulate(holds[::-1], axis=0)[::-1]
    return np.where(lasting[-1], lasting.argmax(axis=0), NEVER)


def first(holds: np.ndarray) -> np.ndarray:
    """int [n]: the first checkpoint at which `holds` [T, n] is True; NEVER where there is none."""
    return np.where(holds.any(axis=0), holds.argmax(axis=0), NEVER)


def onsets(t: np.ndarray, n_pairs: int, level: float) -> np.ndarray:
    """The onset of each sample as an index of checkpoints, int [n]; NEVER: censored.

    Args:
        t: t statistics [T, n] of the margin's pair differences, IN - OUT.
        n_pairs: P, of which they are.
        level: of the one-sided bounds (1 - level), and false discovery rate at the last checkpoint.
    """
    dof = n_pairs - 1
    above = t > -stdtrit(dof, level)
    has_one = benjamini_hochberg(stdtr(dof, -np.asarray(t[-1], dtype=float))) <= level
    return np.where(has_one, first_lasting(above), NEVER)


@dataclass(frozen=True)
class Crossings:
    """Checkpoints at which d' is first above a bound, int [n] each, NEVER where it is not.

    Attributes:
        estimate: of the posterior mean.
        earliest: of its upper limit.
        latest: from which on its lower limit is, lastingly.
    """

    estimate: np.ndarray
    earliest: np.ndarray
    latest: np.ndarray


def crossings(d_prime: np.ndarray, low: np.ndarray, high: np.ndarray, bound: float) -> Crossings:
    """When d' with its credible limits, [T, n] each, exceeds a bound.

    Of a d' that grows, [earliest, latest] is an interval, for each checkpoint by itself, at the level of the limits.
    """
    return Crossings(first(d_prime > bound), first(high > bound), first_lasting(low > bound))


def at_epochs(steps: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """float [n]: the epochs of checkpoint indices, NaN for NEVER."""
    return np.where(steps == NEVER, np.nan, np.asarray(epochs, dtype=float)[steps])
