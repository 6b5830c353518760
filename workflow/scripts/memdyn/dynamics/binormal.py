"""The binormal ROC of one sample whose IN and OUT margins have standard deviations of their own.

With d' = (mu_in - mu_out) / sqrt((s_in^2 + s_out^2) / 2), the d_a of signal detection (Simpson & Fitter 1973), and
r = s_in / s_out,

    AUC = Phi(d' / sqrt 2)         TPR(alpha) = Phi((sqrt((1 + r^2) / 2) d' - z_(1-alpha)) / r)

so the AUC needs d' alone, at any r, and a small FPR needs both. Training makes the margins of its members more alike
(s_in < s_out), the more the larger d' is, and at an FPR of 0.1 % a ratio of .75 instead of 1 weighs as much as d' + 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from memdyn.stats.deconvolution import Posterior

STEP = 0.08  # of log r between the columns of a table
TINY = np.finfo(float).tiny
SURE = 1 - 1e-16  # the largest probability with a finite normal score
_NODES = 0.5 * np.arange(-7, 8)  # of a normal law; on a uniform grid the trapezoid rule is exact to rounding
_SHARES = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()


@dataclass(frozen=True)
class Ratio:
    """log(s_in / s_out) of n samples: normal, around weight * trend(d') + own where the sample's effect is d'.

    Attributes:
        own: [n], what the sample's own margins say, already weighted.
        weight: of the trend; 0: each sample by itself, 1: the trend alone.
        error: the standard deviation.
        coefficients: of the trend, a square polynomial in asinh d'.
        reach: the least and the largest asinh d' that the trend was fitted at; beyond, it is constant.
        spread: standard deviation of the samples around the trend.
        noise: sampling variance of what the samples' margins say.
    """

    own: np.ndarray
    weight: float
    error: float
    coefficients: np.ndarray
    reach: tuple[float, float]
    spread: float
    noise: float

    def trend(self, d_prime: np.ndarray) -> np.ndarray:
        """log(s_in / s_out) that is expected of samples with these d'."""
        return np.polynomial.polynomial.polyval(np.clip(np.arcsinh(d_prime), *self.reach), self.coefficients)

    def at(self, d_prime: np.ndarray) -> np.ndarray:
        """Posterior means [n] of log(s_in / s_out), if these are the samples' d'."""
        return self.weight * self.trend(d_prime) + self.own


def fit_ratio(observed: np.ndarray, halves: np.ndarray, d_prime: np.ndarray, trust: float) -> Ratio:
    """Empirical Bayes for the ratio of standard deviations.

    Args:
        observed: [n], log(s_in / s_out) of all pairs of models.
        halves: [2, n], the same of two halves of the pairs.
        d_prime: [n]; posterior means, for a trend that noise does not flatten.
        trust: by what the trend is multiplied; 0 where samples do not differ in d', since the noise of d' alone goes
            along with that of the ratio where margins are skewed.

    The variance around the trend is the covariance of the halves, whatever law the margins have: heavy tails make
    standard deviations noisier. Of it, and of the trend, only what exceeds the sampling error by two standard errors is
    taken: a ratio that varies by chance would pass for leakage at small FPRs.
    """
    n = len(d_prime)
    x = np.arcsinh(d_prime)
    design = np.stack([x, x**2], axis=1)
    centred = design - design.mean(axis=0)
    values = np.stack([observed, *halves], axis=1)
    slopes, _, rank, _ = np.linalg.lstsq(centred, values - values.mean(axis=0), rcond=1e-8)
    fitted = centred @ slopes
    rest = (values - values.mean(axis=0) - fitted).T
    covariance = rest @ rest.T / max(n - 1 - int(rank), 1)
    total = covariance[0, 0]
    excess = covariance[1, 2] - 2 * np.sqrt(covariance[1, 1] * covariance[2, 2] / n)
    excess = float(np.clip(excess, 0, total))
    own = excess / max(total, TINY)

    chance = total * (rank + 2 * np.sqrt(2 * rank))
    explained = fitted[:, 0] @ fitted[:, 0]
    kept = trust * max(0.0, 1 - chance / max(explained, chance, TINY)) * slopes[:, 0]
    intercept = observed.mean() - kept @ design.mean(axis=0)
    error = own * (1 - own) * total + (1 - own) * total * (1 + int(rank)) / n  # of the sample, and of the trend
    return Ratio(
        own=own * observed,
        weight=1 - own,
        error=float(np.sqrt(error)),
        coefficients=np.array([intercept, *kept]),
        reach=(float(x.min()), float(x.max())),
        spread=float(np.sqrt(excess)),
        noise=float(total - excess),
    )


def score(d_prime: np.ndarray, log_ratio: np.ndarray, alpha: float) -> np.ndarray:
    """Phi^-1 of TPR(alpha), of arrays that broadcast."""
    r = np.exp(log_ratio)
    return (np.sqrt((1 + r * r) / 2) * d_prime + ndtri(alpha)) / r


def expected_tpr(posterior: Posterior, ratio: Ratio, alpha: float) -> np.ndarray:
    """Posterior means of TPR_i(alpha), [n]."""
    columns = _columns(ratio)
    tpr = np.stack([ndtr(scores) @ _SHARES for scores in _scores(posterior, ratio, columns, alpha)], axis=1)
    table = ndtri(np.clip(posterior.weights @ tpr, TINY, SURE))
    return ndtr(_read(table, columns, posterior, ratio))


def tpr_quantiles(posterior: Posterior, ratio: Ratio, alpha: float, probabilities: tuple[float, ...]) -> np.ndarray:
    """Posterior quantiles of TPR_i(alpha), [number of probabilities, n]."""
    columns = _columns(ratio)
    found = np.empty((len(probabilities), len(posterior.weights), len(columns)))
    for column, scores in enumerate(_scores(posterior, ratio, columns, alpha)):
        order = np.argsort(scores, axis=None)
        values, effect, node = scores.ravel()[order], order // len(_NODES), order % len(_NODES)
        mass = posterior.weights[:, effect] * _SHARES[node]
        middle = mass.cumsum(axis=1) - mass / 2
        for found_at, probability in zip(found, probabilities, strict=True):
            found_at[:, column] = _crossing(middle, values, probability)
    return np.stack([ndtr(_read(table, columns, posterior, ratio)) for table in found])


def _crossing(increasing: np.ndarray, values: np.ndarray, level: float) -> np.ndarray:
    """[B]: where rows [B, N] reach a level, between values [N]."""
    after = np.clip((increasing < level).sum(axis=1), 1, len(values) - 1)
    rows = np.arange(len(after))
    low, high = increasing[rows, after - 1], increasing[rows, after]
    share = np.clip((level - low) / np.maximum(high - low, TINY), 0, 1)
    return values[after - 1] * (1 - share) + values[after] * share


def _scores(posterior: Posterior, ratio: Ratio, columns: np.ndarray, alpha: float) -> Iterator[np.ndarray]:
    """[K, nodes] a column: the scores of TPR at each effect of the grid, over the law of the ratio."""
    effects = posterior.values[:, None]
    spread = ratio.weight * ratio.trend(effects) + ratio.error * _NODES
    return (score(effects, spread + own, alpha) for own in columns)


def _columns(ratio: Ratio) -> np.ndarray:
    """Values of the samples' own share of log r, one step apart, that hold all of them between them."""
    first = ratio.own.min()
    return first + STEP * np.arange(2 + int((ratio.own.max() - first) / STEP))


def _read(table: np.ndarray, columns: np.ndarray, posterior: Posterior, ratio: Ratio) -> np.ndarray:
    """[n], between the nodes of the posterior and the columns of a table."""
    place = (ratio.own - columns[0]) / STEP
    column = np.minimum(place.astype(int), len(columns) - 2)
    share = place - column
    left, right = (
        table[row, column] * (1 - share) + table[row, column + 1] * share for row in (posterior.left, posterior.right)
    )
    return left * (1 - posterior.fraction) + right * posterior.fraction
