"""How far the choice of a threshold is luck: a high quantile of few scores is one of the largest of them."""

import numpy as np
from scipy.stats import binom

from memdyn.stats.roc import cuts_at_fprs


def fprs_by_chance(fprs: np.ndarray, n_out: int, level: float) -> np.ndarray:
    """The FPRs [2, A] between which the threshold at each true FPR lies among so many non-members.

    Of n independent scores Binomial(n, FPR) lie above the true quantile. Where these are at least a and at most b, it
    lies below the a-th largest score, above which a - 1 scores lie, and not below the one above which b lie (David &
    Nagaraja 2003, section 7.1). The jackknife cannot see that: without a group the threshold is mostly the same score
    or the next.

    Args:
        fprs: [A].
        n_out: scores that the threshold is a quantile of.
        level: of both sides.

    Returns:
        The lower ones, and the upper ones. A negative one: no score is surely above the quantile, nobody is called.
    """
    fewest, most = (binom.ppf(tail, n_out, fprs) for tail in ((1 - level) / 2, (1 + level) / 2))
    return np.array([fewest - 1, most]) / n_out


def tprs_by_chance(scores_in: np.ndarray, scores_out: np.ndarray, fprs: np.ndarray, level: float) -> np.ndarray:
    """The TPRs [2, A] between which luck may have put those of a ROC: at the FPRs of `fprs_by_chance`.

    Where luck allows no false positive, of those above all non-members; where it allows less than that, of nobody.

    Args:
        scores_in, scores_out: any shape.
        fprs: [A].
        level: of both sides.
    """
    tried = fprs_by_chance(np.asarray(fprs, dtype=float), scores_out.size, level)
    cuts = cuts_at_fprs(scores_out, np.maximum(tried, 0).ravel()).reshape(tried.shape)
    cuts = np.where(tried < 0, np.inf, cuts)
    called = 1 - np.searchsorted(np.sort(scores_in, axis=None), cuts, side="right") / scores_in.size
    return np.where(tried >= 1 - 1e-9, 1.0, called)
