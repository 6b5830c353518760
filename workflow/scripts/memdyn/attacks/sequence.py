"""The sequence attack: the likelihood ratio of all of a sample's margins so far, as one vector.

Optimal where the margins of a sample over checkpoints are jointly normal, as LiRA is at one checkpoint; cf. Michel, Basu &
Kaufmann 2026 (arXiv 2602.16596), who derive the optimal attack on a sequence of released models for means.

The density is a product of conditional ones, the attacked checkpoint first: p(x_1) p(x_2 | x_1) ..., where x_1 is the
margin there and x_2, x_3, ... are the earlier ones. p(x_1) is LiRA's with shrunken variances, so all else is what history
adds. Each conditional is the predictive density of a normal regression of x_t on x_1 .. x_{t-1} under a conjugate prior:
    variance of x_t given the others: scaled inverse chi-square (nu_t, s_t^2), fitted as LiRA's (`memdyn.stats.shrinkage`)
    coefficients: those of the pooled correlation matrix R, with the weight of `weight` models
(together a generalised inverse-Wishart prior of the covariance; Ben-David et al. 2015, "High dimensional Bayesian inference
for Gaussian directed acyclic graph models"). With n models that calibrate, their centred squares S [T, T] and D the
sample's own standard deviations, all regressions are read off ONE elimination of A = S + weight D R D:
    RSS_t = pivot_t(A) - weight D_t^2 pivot_t(R),    r_t = x_t - its prediction,    q_t = sum_{s<t} r_s^2 / pivot_s(A)
    x_t | x_1 .. x_{t-1} ~ prediction + Student t, nu_t + n - 1 degrees of freedom, scale^2 =
        (1 + 1/n + q_t) (nu_t s_t^2 + RSS_t) / (nu_t + n - 1)
R and the weight are of the half of the pairs that the scored one is not in; IN and OUT apart.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.special import gammaln

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.history import latest_first
from memdyn.attacks.lira import start_of_folds
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.correlated import (
    Pooled,
    cross_moments,
    cross_moments_without_each,
    eliminate,
    pool,
    samples_last,
)
from memdyn.stats.shrinkage import MIN_VARIANCE, Prior, fit_prior

CHUNK = 1 << 19  # values at a time of the largest array, [pairs, T, T, samples]


@dataclass(frozen=True)
class Sequence(Attack):
    """log p(margins so far | IN) - log p(margins so far | OUT).

    Attributes:
        checkpoints: at most so many; see `memdyn.attacks.history.latest_first`.
    """

    checkpoints: int
    reads = (Reads("margin", history=True),)
    min_references: ClassVar[int] = 2
    threshold: ClassVar[float] = 0.0

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The history [M, n, T], the attacked checkpoint first."""
        return {"history": latest_first(values, self.checkpoints)}

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        return signals.join(*self.score_pairs(signals, folds))

    def score_pairs(self, signals: Signals, folds: str) -> tuple[np.ndarray, np.ndarray]:
        """Scores of IN and OUT models, [P, n] each."""
        self.check(signals, folds)
        values = signals.split(signals.arrays["history"])
        scores = tuple(np.zeros(value.shape[:2]) for value in values)
        for fold in folds_of(signals.half, folds):
            for sign, references in ((1, values[0]), (-1, values[1])):
                law = _Law.of(references, fold, signals.half)
                law.add_log_densities(references, values, scores, sign)
        return scores


@dataclass(frozen=True)
class _Law:
    """The density of a sample's margins in the reference pairs of a fold.

    Attributes:
        pooled: what pairs outside of the fold's scored ones say of all samples.
        priors: of the variance of each checkpoint given the later ones; none before they are fitted.
    """

    fold: Fold
    pooled: Pooled
    priors: tuple[Prior, ...] = ()

    @classmethod
    def of(cls, references: np.ndarray, fold: Fold, half: np.ndarray) -> "_Law":
        """Fitted to the references of values [P, n, T]."""
        law = cls(fold, _pooled(references, fold, half))
        n_pairs, n_samples, width = references.shape
        rest = np.empty((width, n_pairs if fold.references is None else 1, n_samples))
        for columns, _, matrix, prior, least in law.matrices(references):
            eliminate(matrix, least)
            rest[..., columns] = law.rest(matrix, prior).swapaxes(0, 1)
        priors = []
        for t, squares in enumerate(rest):
            near = start_of_folds(references[:, :, 0]) if t == 0 and fold.references is None else None  # as LiRA
            priors.append(fit_prior(squares, fold.count - 1, near))
        return replace(law, priors=tuple(priors))

    def matrices(
        self, references: np.ndarray
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """(samples, means [F, T, c], A [F, T, T, c], prior and least of `Pooled.add_to`), some samples at a time."""
        n_pairs, n_samples, width = references.shape
        left_out = self.fold.references is None
        size = max(1, CHUNK // (n_pairs * width * (width if left_out else 1)))
        for first in range(0, n_samples, size):
            columns = slice(first, first + size)
            values = samples_last(references[:, columns] if left_out else references[self.fold.references, columns])
            means, matrix = cross_moments_without_each(values) if left_out else cross_moments(values)
            yield columns, means, matrix, *self.pooled.add_to(matrix, self.fold.count - 1)

    def rest(self, eliminated: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """RSS [F, T, c]."""
        return np.maximum(np.einsum("fttc->ftc", eliminated) - prior, (self.fold.count - 1) * MIN_VARIANCE)

    def add_log_densities(
        self, references: np.ndarray, values: tuple[np.ndarray, ...], scores: tuple[np.ndarray, ...], sign: int
    ) -> None:
        """Adds to scores [P, n] the log densities of values [P, n, T], times the sign; but for constants."""
        scored = self.fold.scored
        for columns, means, matrix, prior, least in self.matrices(references):
            apart = [samples_last(value[scored, columns]) - means for value in values]
            eliminate(matrix, least, *apart)
            rest = self.rest(matrix, prior)
            for score, residuals in zip(scores, apart, strict=True):
                score[scored, columns] += sign * self._log_density(matrix, rest, residuals)

    def _log_density(self, matrix: np.ndarray, rest: np.ndarray, residuals: np.ndarray) -> np.ndarray:
        """[S, c], of eliminated matrices [F, T, T, c], RSS [F, T, c] and residuals [S, T, c]."""
        total, q = np.zeros_like(residuals[:, 0]), 1 + 1 / self.fold.count
        for t, prior in enumerate(self.priors):
            nu, square = prior.nu[:, None], residuals[:, t] ** 2
            dof = nu + self.fold.count - 1
            spread = (nu * prior.variance[:, None] + rest[:, t]) * q
            total += gammaln((dof + 1) / 2) - gammaln(dof / 2) - np.log(spread) / 2
            total -= (dof + 1) / 2 * np.log1p(square / spread)
            q = q + square / matrix[:, t, t]
        return total


def _pooled(references: np.ndarray, fold: Fold, half: np.ndarray) -> Pooled:
    """Of the references; where each pair is left out by itself, of the pairs of the other half."""
    if fold.references is not None:
        return pool(references[fold.references])
    sides = [np.flatnonzero(half == side) for side in (0, 1)]
    if min(map(len, sides)) >= Sequence.min_references:
        return Pooled.join([pool(references[side]) for side in sides], 1 - half)
    places = np.arange(len(half))
    return Pooled.join([pool(np.delete(references, place, axis=0)) for place in places], places)
