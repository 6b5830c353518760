"""LiRA as others define it: the laws that published tools fit to a sample's margins, as means and variances.

In the first three IN and OUT margins of a sample are normal, with standard deviations over n models, not n - 1, to
which 1e-30 is added. They differ in what the mean is, in the fixed variance, one of all samples, and in the score
offline:

    carlini2022  the paper's code (`generate_ours` and `generate_ours_offline` of its plot.py): medians as means; the
                 fixed variance, of IN and of OUT, is the total one of the IN margins, over models and samples, so that
                 it holds what samples differ by; offline OUT has its own. Offline: -log N(margin; OUT). Samples'
                 lists are cut to the shortest, which here all are as long as.
    tfp          `compute_score_lira` of TensorFlow Privacy: medians as means; the fixed variance is that of what is
                 left when each sample's median is taken away, IN and OUT apart. Offline: -log N(margin; OUT).
    leakpro      `AttackLiRA` of LeakPro: means; the fixed variance is the total one, IN and OUT apart; "switched", its
                 default: a sample's own from 64 reference models on, the fixed one below. Offline: log Phi(z), which
                 is 0 from z = 38.5 on, a tie at the top.
    bavaria      after Brännvall 2026 (arXiv 2603.11799): a normal-inverse-gamma prior of each sample's mean and
                 variance, IN and OUT apart; the predictive law is Student's t, or a normal with the posterior mean of
                 the variance. The prior's weights are options here. Offline: -log P(an OUT margin is larger).

Per sample, carlini2022 and tfp are one: where they differ elsewhere, it is by lists of different length.
"""

import numpy as np

from memdyn.attacks.base import Fold
from memdyn.stats.shrinkage import MIN_VARIANCE

PUBLISHED = ("carlini2022", "tfp", "leakpro")
SWITCH = 64  # reference models, IN and OUT together
MIN_DEVIATION = 1e-30

Moments = tuple[np.ndarray, np.ndarray]


def published(
    dialect: str, variance: str, inside: np.ndarray | None, outside: np.ndarray, fold: Fold
) -> tuple[Moments | None, Moments]:
    """Mean [F, n] and variance [F, n] or [F, 1] of IN and OUT values [P, n] in the reference pairs of a fold.

    Args:
        dialect: one of `PUBLISHED`.
        variance: "per_sample", "global" (the dialect's fixed one) or "switched".
        inside: None offline.

    Raises:
        ValueError: for a dialect or variance that there is none of.
    """
    if dialect not in PUBLISHED or variance not in ("per_sample", "global", "switched"):
        raise ValueError(f"dialect {dialect!r} has no variance {variance!r}")
    if variance == "switched":
        variance = "per_sample" if 2 * fold.count >= SWITCH else "global"
    laws = [None if values is None else _moments(dialect, variance, values, fold) for values in (inside, outside)]
    if dialect == "carlini2022" and variance == "global" and inside is not None:
        laws[1] = laws[1][0], laws[0][1]
    return tuple(laws)


def _moments(dialect: str, variance: str, values: np.ndarray, fold: Fold) -> Moments:
    mean, squares = fold.moments(values)
    centre = mean if dialect == "leakpro" else fold.medians(values)
    if variance == "global":
        squares = _total(mean - centre if dialect == "tfp" else mean, squares, fold.count)
    return centre, (np.sqrt(squares / fold.count) + MIN_DEVIATION) ** 2


def _total(mean: np.ndarray, squares: np.ndarray, count: int) -> np.ndarray:
    """Mean over samples of the sums of squares [F, 1] about the mean of all: of samples with `count` values each."""
    apart = mean - mean.mean(axis=1, keepdims=True)
    return (squares + count * apart**2).mean(axis=1, keepdims=True)


def posterior(
    values: np.ndarray, fold: Fold, mean_weight: float, variance_weight: float
) -> tuple[np.ndarray, float, np.ndarray, float]:
    """A normal with a normal-inverse-gamma prior, given each sample's values [P, n] in the reference pairs of a fold.

    The prior, which all samples share: mean mu0, their mean; variance s0^2, the mean of their SS / (n - 1); as much
    worth as kappa0 = `mean_weight` values for the mean, and nu0 = `variance_weight` for the variance (alpha0 = nu0 / 2,
    beta0 = nu0 s0^2 / 2).

    Returns:
        The mean [F, n]; nu0 + n, degrees of freedom; sums of squares [F, n], 2 beta_n; kappa0 + n.
    """
    count = fold.count
    mean, squares = fold.moments(values)
    np.maximum(squares, (count - 1) * MIN_VARIANCE, out=squares)
    apart = mean.mean(axis=1, keepdims=True) - mean
    variance = squares.mean(axis=1, keepdims=True) / (count - 1)
    weight = mean_weight + count
    squares += variance_weight * variance + mean_weight * count / weight * apart**2
    return mean + mean_weight / weight * apart, variance_weight + count, squares, weight
