"""Who is still vulnerable: do a mechanism and its baseline leave the same samples at risk?

The most vulnerable samples of a run are the top share by the moderated t of members' and non-members' margins
(`memdyn.attacks.most_vulnerable`). Two runs are compared half against half of the pairs of models: the baseline's set
of one half with the run's set of the OTHER half, both ways, since models of one index share luck. What two such halves
of ONE run have in common is the ceiling that noise leaves (geometric mean of both runs'), the share itself is chance.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from memdyn.attacks.most_vulnerable import MostVulnerable, count_of
from memdyn.compare.regularization.losses import LastMargins
from memdyn.stats import jackknife

COLUMNS = ["run", "baseline", "share", "overlap", "low", "high", "ceiling", "level"]


def overlap_table(
    margins: Mapping[str, LastMargins], baseline_of: Mapping[str, str], share: float, groups: int, level: float
) -> pd.DataFrame:
    """The table `vulnerable_overlap`: a row a run that has a baseline.

    Args:
        margins: of each run.
        baseline_of: run -> its baseline.
        share: of the samples, that are the most vulnerable.
        groups: the most groups of the jackknife; the sets are made anew without each.
        level: of the intervals.
    """
    rows, made = [], {run: _sets(run_margins, share, groups) for run, run_margins in margins.items()}
    for run, baseline in baseline_of.items():
        if run not in made or baseline not in made:
            continue
        own, other = made[run], made[baseline]
        sizes = tuple(margins[name].pairs.sizes(groups) for name in (run, baseline))
        value, ceiling = _common(own[0], other[0]), np.sqrt(_itself(own[0]) * _itself(other[0]))
        low, high = _limits(own, other, sizes, value, level)
        rows.append((run, baseline, share, value, low, high, ceiling, level))
    return pd.DataFrame(rows, columns=COLUMNS)


def _sets(margins: LastMargins, share: float, groups: int) -> dict[int, np.ndarray]:
    """The sets of both halves, bool [2, n]: of all pairs (key 0), and without group g (key g + 1)."""
    signals, group = margins.signals(), margins.pairs.groups(groups)
    found = {0: top_of(MostVulnerable.of(signals).risk, share)}
    for g in np.unique(group):
        found[g + 1] = top_of(MostVulnerable.of(signals.take(np.flatnonzero(group != g))).risk, share)
    return found


def top_of(risk: np.ndarray, share: float) -> np.ndarray:
    """The top share [2, n] of each half; none where a half has too few pairs to tell."""
    chosen = np.zeros(risk.shape, dtype=bool)
    count = count_of(share, risk.shape[1])
    np.put_along_axis(chosen, np.argsort(-risk, axis=1, kind="stable")[:, :count], True, axis=1)
    return chosen & ~np.isnan(risk)


def _common(own: np.ndarray, other: np.ndarray) -> float:
    """Share of the most vulnerable that halves of two runs have in common; NaN where a half has none."""
    if not (own.any(axis=1).all() and other.any(axis=1).all()):
        return np.nan
    return float((own & other[::-1]).sum() / own.sum())


def _itself(own: np.ndarray) -> float:
    return _common(own, own)


def _limits(
    own: dict[int, np.ndarray],
    other: dict[int, np.ndarray],
    sizes: tuple[np.ndarray, np.ndarray],
    value: float,
    level: float,
) -> tuple[float, float]:
    """A run that has no pair of a group stays as it is without it."""
    most = np.maximum(*sizes)
    left = np.flatnonzero(most)
    deleted = np.array([_common(own.get(g + 1, own[0]), other.get(g + 1, other[0])) for g in left])
    if not np.isfinite([value, *deleted]).all():
        return np.nan, np.nan
    low, high = jackknife.interval(value, deleted, most[left], level)
    return float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))
