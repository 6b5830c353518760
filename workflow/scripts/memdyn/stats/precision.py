"""Precision of a test at any prior, from how often it is right on as many positives as negatives."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from memdyn.stats import jackknife
from memdyn.stats.intervals import clopper_pearson


def at_prior(even: ArrayLike, prior: ArrayLike) -> np.ndarray:
    """Precision (positive predictive value) at a prior, from that of equal priors, TPR / (TPR + FPR).

    Bayes: the odds are TPR / FPR times those of the prior.
    """
    even, prior = np.asarray(even, dtype=float), np.asarray(prior, dtype=float)
    return even * prior / (even * prior + (1 - even) * (1 - prior))


def even_precision(
    tpr: np.ndarray, fpr: np.ndarray, sizes: np.ndarray, trials: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """TPR / (TPR + FPR), with lower and upper limit [...]; NaN where nothing is called positive.

    Jackknifed as log odds, half a call added to either rate, since the odds of few false alarms are far from normal;
    and nowhere narrower than so many independent calls allow (Clopper & Pearson).

    Args:
        tpr, fpr: [1 + G, ...], of all, then without each group.
        sizes: [G], of the groups.
        trials: [...], positives of all, of which there are as many as negatives.
        level: nominal coverage.
    """
    calls = (tpr[0] + fpr[0]) * trials
    with np.errstate(invalid="ignore", divide="ignore"):
        value = tpr[0] / (tpr[0] + fpr[0])
        odds = np.log(tpr + 0.5 / trials) - np.log(fpr + 0.5 / trials)
    low, high = (expit(limit) for limit in jackknife.interval(odds[0], odds[1:], sizes, level))
    least = clopper_pearson(tpr[0] * trials, np.where(calls > 0, calls, np.nan), level)
    known = ~np.isnan(value) & ~np.isnan(low)
    low, high = np.fmin(low, least[0]), np.fmax(high, least[1])
    return value, np.where(known, low, np.nan), np.where(known, high, np.nan)
