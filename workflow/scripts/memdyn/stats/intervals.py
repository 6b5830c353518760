"""Intervals for rates of one sample over models; rates pooled over samples are jackknifed, and these only
widen them.

Decisions over models need not be independent: with a design effect (variance over that of independent trials, Kish
1965) there are as many trials' worth of them as trials / design effect.
"""

import numpy as np
from scipy.special import betaincinv, stdtrit

_SMALLEST = 1e-300  # stands for 0 where a limit is known anyway


def clopper_pearson(
    successes: np.ndarray, trials: np.ndarray, level: float, design_effect: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of a binomial rate that cover at least `level` where trials are independent (Clopper & Pearson 1934).

    With a design effect they are those of successes / design_effect in trials / design_effect (Korn & Graubard 1998),
    and approximate.

    Args:
        successes: counts, any shape.
        trials: numbers of trials >= 1, of that shape or a scalar.
        level: nominal coverage.
        design_effect: > 0, of that shape or a scalar; NaN: no limits.
    """
    k, n = (np.asarray(x, dtype=float) / design_effect for x in (successes, trials))
    misses, tail = n - k, (1 - level) / 2
    low = betaincinv(np.maximum(k, _SMALLEST), misses + 1, tail)
    high = betaincinv(k + 1, np.maximum(misses, _SMALLEST), 1 - tail)
    return np.where(k > 0, low, 0 * n), np.where(misses > 0, high, 1 + 0 * n)


def at_least_binomial(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, trials: np.ndarray | float, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """The limits of jackknifed rates or AUCs, within [0, 1] and nowhere narrower than independent trials allow.

    Near 0 and 1 a few trials are often all alike, and so are the jackknife's values: no width, where the truth is not
    known at all so well (simulated, 6 samples of 600: plain limits of a TPR of .98 cover .80 to .92, of its FPR of
    .001 .3 to .8). The variance of an AUC is at most that of a rate over min(members, others) trials (Birnbaum & Klose
    1957, "Bounds for the variance of the Mann-Whitney statistic").

    Args:
        value, low, high: [...], NaN where there is no estimate or no interval.
        trials: IN or OUT scores behind a value, the fewer of the two; NaN: as narrow as they are given.
        level: nominal coverage.
    """
    least = clopper_pearson(np.asarray(value, dtype=float) * trials, trials, level)
    least = np.where(np.isnan(trials), (low, high), least)
    return np.clip(np.minimum(low, least[0]), 0, 1), np.clip(np.maximum(high, least[1]), 0, 1)


def paired_advantage(
    d_in: np.ndarray,
    d_out: np.ndarray,
    d_both: np.ndarray,
    pairs: int,
    level: float,
    design_effect: np.ndarray | float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Approximate limits of a sample's advantage, the mean over pairs of (decision IN - decision OUT).

    Agresti & Min 2005, "Simple improved confidence intervals for comparing matched proportions": two pairs are
    added, a half to each of the four outcomes; then Wald's interval, which is never empty so. With Student's t, pairs -
    1 degrees of freedom: of eight pairs the variance is hardly known.

    Args:
        d_in: pairs whose IN model is called a member, any shape.
        d_out: pairs whose OUT model is.
        d_both: pairs in which both are.
        pairs: the number of pairs >= 2.
        level: nominal coverage.
        design_effect: > 0, of that shape or a scalar; NaN: no limits.
    """
    n = pairs / np.asarray(design_effect, dtype=float) + 2
    only_in, only_out = ((np.asarray(d, dtype=float) - d_both) / design_effect + 0.5 for d in (d_in, d_out))
    centre = (only_in - only_out) / n
    half = stdtrit(pairs - 1, (1 + level) / 2) * np.sqrt((only_in + only_out) / n - centre**2) / np.sqrt(n)
    return np.maximum(centre - half, -1), np.minimum(centre + half, 1)
