"""Intervals for rates of one sample over models; rates pooled over samples are jackknifed, these only widen them."""

import numpy as np
from scipy.special import ndtri


def wilson(successes: np.ndarray, trials: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Approximate limits of a binomial rate (Wilson 1927).

    Args:
        successes: counts, any shape.
        trials: numbers of independent trials >= 1, of that shape or a scalar.
        level: nominal coverage.
    """
    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    z = ndtri((1 + level) / 2)
    centre = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(k * (n - k) / n + z**2 / 4)
    # At the borders centre and half are equal but for rounding.
    return np.where(k > 0, centre - half, 0.0), np.where(k < n, centre + half, 1.0)


def at_least_binomial(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, trials: int, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """The limits of jackknifed rates or AUCs, within [0, 1] and nowhere narrower than independent trials allow.

    Near 0 and 1 a few trials are often all alike, and so are the jackknife's values: no width, where the truth is not
    known at all so well (simulated, 6 samples of 600: plain limits of a TPR of .98 cover .80 to .92, of its FPR of
    .001 .3 to .8). The variance of an AUC is at most that of a rate over min(members, others) trials (Birnbaum & Klose
    1957, "Bounds for the variance of the Mann-Whitney statistic").

    Args:
        value, low, high: [...], NaN where there is no estimate or no interval.
        trials: IN or OUT scores behind a value, the fewer of the two.
        level: nominal coverage.
    """
    least = wilson(np.asarray(value, dtype=float) * trials, np.full(np.shape(value), trials), level)
    return np.clip(np.minimum(low, least[0]), 0, 1), np.clip(np.maximum(high, least[1]), 0, 1)


def paired_advantage(
    d_in: np.ndarray, d_out: np.ndarray, d_both: np.ndarray, pairs: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Approximate limits of a sample's advantage, the mean over pairs of (decision IN - decision OUT).

    Agresti & Min 2005, "Simple improved confidence intervals for comparing matched proportions": two pairs are
    added, a half to each of the four outcomes; then Wald's interval, which is never empty so.

    Args:
        d_in: pairs whose IN model is called a member, any shape.
        d_out: pairs whose OUT model is.
        d_both: pairs in which both are.
        pairs: numbers of pairs >= 1.
        level: nominal coverage.
    """
    n = np.asarray(pairs, dtype=float) + 2
    only_in = np.asarray(d_in, dtype=float) - d_both + 0.5
    only_out = np.asarray(d_out, dtype=float) - d_both + 0.5
    centre = (only_in - only_out) / n
    half = ndtri((1 + level) / 2) * np.sqrt((only_in + only_out) / n - centre**2) / np.sqrt(n)
    return np.maximum(centre - half, -1), np.minimum(centre + half, 1)
