"""Whether the rates of an attack may lie under a bound: limits that hold at all thresholds at once, from counts."""

import numpy as np
from scipy.stats import beta


def simultaneous_rates(members, others, level):
    """Limits of the rates at every threshold: (lower limit of the TPR, upper limit of the FPR), a row a threshold.

    The share of a continuous law beyond the k-th largest of n independent values is Beta(k, n - k + 1), whatever the
    law. Clopper and Pearson's limits are its quantiles; with Bonferroni's part of the error for each k they hold for
    all k together, so that thresholds may be chosen by the values. Ties only make the limits wider.

    Args:
        members, others: scores [n] and [m] of independent trials each; higher speaks for membership.
        level: of both limits together, such as 0.99.
    """
    thresholds = np.unique(np.concatenate([members, others, [-np.inf]]))
    hits, false = ((values[:, None] >= thresholds).sum(0) for values in (members, others))
    n, m, error = len(members), len(others), (1 - level) / 2
    low = np.where(hits, beta.ppf(error / n, np.maximum(hits, 1), n - hits + 1), 0.0)
    high = np.where(false < m, beta.ppf(1 - error / m, false + 1, np.maximum(m - false, 1)), 1.0)
    return low, high


def surely_above(members, others, bound, level=0.99):
    """By how much the rates surely surpass a bound (FPR -> largest TPR) at some threshold; 0 or less: nowhere."""
    low, high = simultaneous_rates(members, others, level)
    return float((low - bound(high)).max())
