"""Limits of rates that are pooled over models and samples: TPRs, FPRs, shares.

The jackknife over pairs alone is too sure of itself in two places. Where nearly nobody or nearly everybody is called,
its replicates are all alike: independent trials bound what is known (Clopper & Pearson). Where a threshold keeps a few
false positives, a replicate has the same threshold or the next, whatever luck has made of the largest scores: order
statistics bound that (`memdyn.stats.threshold_luck`). A limit is the outermost of the three, never their sum.

How often they hold and how wide they are: docs/intervals.md, measured by `benchmarks/bench_intervals.py`.
"""

import numpy as np

from memdyn.stats import jackknife
from memdyn.stats.intervals import at_least_binomial


def limits(
    values: np.ndarray,
    sizes: np.ndarray,
    trials: np.ndarray | float,
    level: float,
    luck: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits [...] of rates, within [0, 1]; NaN where the jackknife has none.

    Args:
        values: [1 + G, ...], of all pairs, then without each group.
        sizes: [G], pairs a group.
        trials: decisions behind each rate, a scalar or [...].
        level: nominal coverage.
        luck: [2, ...], the rates as low, and as high, as the luck of their thresholds may have made them; None: no
            threshold was chosen on the scores that the rates are of.
    """
    low, high = jackknife.interval(values[0], values[1:], sizes, level)
    if luck is not None:
        low, high = np.minimum(low, luck[0]), np.maximum(high, luck[1])
    return at_least_binomial(values[0], low, high, trials, level)


def limits_of_roc(
    values: np.ndarray, sizes: np.ndarray, trials: float, level: float, luck: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits [..., 1 + A] of an AUC, which the jackknife alone has right, and of TPRs.

    Args:
        values: [1 + G, ..., 1 + A], the AUC first.
        sizes, trials, level: as in `limits`; trials are members' scores.
        luck: [2, ..., A], of the TPRs (`memdyn.stats.threshold_luck.tprs_by_chance`).
    """
    of_auc = np.clip(jackknife.interval(values[0, ..., :1], values[1:, ..., :1], sizes, level), 0, 1)
    of_tprs = limits(values[..., 1:], sizes, trials, level, luck)
    low, high = (np.concatenate(both, axis=-1) for both in zip(of_auc, of_tprs, strict=True))
    return low, high
