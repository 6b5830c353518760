"""Quantile regression (Bertran et al., NeurIPS 2023, "Scalable Membership Inference Attacks via Quantile Regression").

A sample's margin is compared with the quantiles of the attacked model's margins on samples which are like it and were
not trained on: no shadow model is needed. As in their Gaussian variant, the conditional law of the margin is normal.
Its mean and log deviation are learned from the sample, theirs by a network, here by two ridge regressions, which are
solved for all models at once.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import eigh
from scipy.special import log_ndtr

from memdyn.attacks.base import Attack, folds_of
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.shrinkage import MIN_VARIANCE

PENALTIES = np.logspace(-4, 2, 13)  # of a ridge regression, a reference sample
LEAST_SQUARE = 1e-3  # of the mean squared residual: the log of a smaller one says little of the variance
LEAST_VALUE = 1e-7  # of the largest singular value
ROWS = 1 << 12  # samples at a time


@dataclass(frozen=True)
class QuantileRegression(Attack):
    """-log P(a margin as large | the sample, not trained on), by the attacked model's margins on the population part.

    The mean and the log variance of the margin are linear in the sample's features, with a slope and an intercept of
    each class that are shrunken towards those of all; how much, is chosen for each model by leaving out one population
    sample at a time (Allen 1974). The log variance is learned from the squared residuals of samples left out (Harvey
    1976), and scaled so that these have variance 1. The quantile at level a is mean + deviation * Phi^-1(a).

    Nothing is fitted on a scored sample, so that its membership has no part in its own score, nor in another's.
    """

    reads = (Reads("margin"), Reads("features"))
    exchangeable = True
    min_references = 0

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`.

        Raises:
            ValueError: where there are not two population samples to learn from, or no features.
        """
        folds_of(signals.half, folds)  # has to exist
        laws = _Laws.of(signals.population)
        margins, scores = signals.margins, np.empty_like(signals.margins)
        for left in range(0, margins.shape[1], ROWS):
            columns = slice(left, left + ROWS)
            mean, variance = laws(signals.arrays.part(slice(None), columns))
            scores[:, columns] = -log_ndtr((mean - margins[:, columns]) / np.sqrt(variance))
        return scores


@dataclass(frozen=True)
class _Laws:
    """The normal laws of the margins of samples, one a model.

    Attributes:
        classes: that have terms of their own, those of the population.
        mean, log_variance: regressions on `Known.terms`.
        low, high: float64 [M], the log variances that were seen; there is none beyond.
        log_scale: float64 [M], added to log variances.
    """

    classes: np.ndarray
    mean: "Ridge"
    log_variance: "Ridge"
    low: np.ndarray
    high: np.ndarray
    log_scale: np.ndarray

    @classmethod
    def of(cls, population: Values) -> "_Laws":
        """Learned from population samples."""
        margins = population["margin"].T
        if len(margins) < 2:
            raise ValueError(f"quantile_regression learns from population samples, and the pool has {len(margins)}")
        known = Known.of(population)
        decomposed = _decomposed(known)
        mean, left_out = decomposed.fit(margins)
        squares = (margins - left_out) ** 2
        squares = np.maximum(squares, np.maximum(LEAST_SQUARE * squares.mean(axis=0), MIN_VARIANCE))
        log_variance, left_out = decomposed.fit(np.log(squares))
        log_scale = np.log(np.mean(squares / np.exp(left_out), axis=0))
        return cls(known.classes, mean, log_variance, left_out.min(axis=0), left_out.max(axis=0), log_scale)

    def __call__(self, values: Values) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the margins of samples, [M, n] each."""
        design = Known.of(values).terms(self.classes)
        log_variance = np.clip(self.log_variance(design), self.low, self.high) + self.log_scale
        return self.mean(design).T, np.exp(log_variance).T


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of samples without a model; equal are those of the same arrays, so that what is made of it is kept.

    Attributes:
        features: float64 [n, d].
        labels: int [n]; None where nobody gave them.
    """

    features: np.ndarray
    labels: np.ndarray | None

    @classmethod
    def of(cls, values: Values) -> "Known":
        """Of the samples of signals."""
        if values.features is None:
            raise ValueError("quantile_regression reads 'features', and was given none")
        return cls(values.features, values.labels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known) and self.features is other.features and self.labels is other.labels

    def __hash__(self) -> int:
        return hash((id(self.features), id(self.labels)))

    @property
    def classes(self) -> np.ndarray:
        """Those that are among them."""
        return np.empty(0, int) if self.labels is None else np.unique(self.labels)

    def terms(self, classes: np.ndarray) -> np.ndarray:
        """What a regression is linear in: features; a one for each class; features of each class: float64 [n, p].

        A sample of another class has those of all only.
        """
        n = len(self.features)
        own = np.zeros((n, 0)) if self.labels is None else self.labels[:, None] == classes
        of_class = (own[:, :, None] * self.features[:, None]).reshape(n, -1)
        return np.concatenate([self.features, own, of_class], axis=1)


@dataclass(frozen=True)
class Ridge:
    """A ridge regression of each model: weights [p, M] of terms that have the mean `centre` [p], intercepts [M]."""

    centre: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray

    def __call__(self, design: np.ndarray) -> np.ndarray:
        """[n, M] of terms [n, p]."""
        return (design - self.centre) @ self.weights + self.intercept


@dataclass(frozen=True)
class Decomposed:
    """Terms of Z samples by singular values, so that the regressions of all models and penalties are products.

    Attributes:
        centre: their means [p].
        left, values, right: [Z, r], [r] and [r, p] of the centred terms.
    """

    centre: np.ndarray
    left: np.ndarray
    values: np.ndarray
    right: np.ndarray

    @classmethod
    def of(cls, design: np.ndarray) -> "Decomposed":
        """Of terms [Z, p], by the smaller of the two matrices of products, which is many times faster.

        What varies less than `LEAST_VALUE` says is left out: the smallest penalty leaves nothing of it.
        """
        centre = design.mean(axis=0)
        centred = design - centre
        by_terms = len(design) >= design.shape[1]
        squares, axes = eigh(centred.T @ centred if by_terms else centred @ centred.T)
        kept = squares > LEAST_VALUE**2 * max(squares[-1], 0)
        values, axes = np.sqrt(squares[kept]), axes[:, kept]
        if by_terms:
            return cls(centre, centred @ axes / values, values, axes.T)
        return cls(centre, axes, values, (axes / values).T @ centred)

    def fit(self, targets: np.ndarray) -> tuple[Ridge, np.ndarray]:
        """The regression of each model with the penalty that predicts samples best which are left out.

        The intercept is not penalised. What is predicted of a sample from all others is in closed form:
        y - (y - fitted) / (1 - h) with the leverage h.

        Args:
            targets: [Z, M].

        Returns:
            the regressions; the predictions [Z, M] of each sample from all others.
        """
        intercept = targets.mean(axis=0)
        centred = targets - intercept
        projected, size = self.left.T @ centred, len(targets)
        best, left_out = np.full(targets.shape[1], np.inf), np.empty_like(targets)
        shrinkage = np.empty((len(self.values), targets.shape[1]))
        for penalty in PENALTIES[::-1]:
            # of the weights, and of the fitted values
            slope = self.values / (self.values**2 + size * penalty)
            kept = self.values * slope
            residual = centred - self.left @ (kept[:, None] * projected)
            residual /= (1 - 1 / size - self.left**2 @ kept)[:, None]
            error = (residual**2).mean(axis=0)
            better = error < best
            best[better], shrinkage[:, better] = error[better], slope[:, None]
            left_out[:, better] = targets[:, better] - residual[:, better]
        weights = self.right.T @ (shrinkage * projected)
        return Ridge(self.centre, weights, intercept), left_out


@lru_cache(maxsize=1)
def _decomposed(known: Known) -> Decomposed:
    """Of the terms of population samples, which are the same in every refit."""
    return Decomposed.of(known.terms(known.classes))
