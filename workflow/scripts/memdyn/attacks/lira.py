"""LiRA (Carlini et al. 2022, "Membership Inference Attacks From First Principles", algorithm 1) in closed form.

A pair of models with complementary masks has one IN and one OUT margin of every sample. So leaving a pair out merges
the moments of the pairs before and after, and no loop over models is needed.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import gammaln, log_ndtr

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.dialects import PUBLISHED, posterior, published
from memdyn.attacks.signals import Signals
from memdyn.stats.shrinkage import MIN_VARIANCE, Prior, fit_prior
from memdyn.stats.student import log_survival

CHUNK = 1 << 15  # values at a time: temporaries stay in the cache


@dataclass(frozen=True)
class LiRA(Attack):
    """Online: log p(margin | IN) - log p(margin | OUT). Offline: -log P(an OUT margin is larger).

    Attributes:
        mode: "online" or "offline".
        variance: "per_sample" (SS / (n - 1)), "global" (the mean of these over samples), or "shrunken": the Student-t
            predictive density under a prior of the variances fitted over samples (`memdyn.stats.shrinkage`).
            IN and OUT apart, and anew in each fold. Dialects have values of their own.
        dialect: "memdyn", or whose definition is followed, see `memdyn.attacks.dialects`: "carlini2022", "tfp",
            "leakpro" or "bavaria".
        law: of the dialect "bavaria", "student" or "normal".
        mean_weight, variance_weight: of its prior, in models.
    """

    mode: str
    variance: str
    dialect: str = "memdyn"
    law: str = "student"
    mean_weight: float = 0.01
    variance_weight: float = 4.0
    min_references: ClassVar[int] = 2

    @property
    def threshold(self) -> float | None:
        """The online score is a log likelihood ratio."""
        return 0.0 if self.mode == "online" else None

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        return signals.join(*self.score_pairs(signals, folds))

    def score_pairs(self, signals: Signals, folds: str) -> tuple[np.ndarray, np.ndarray]:
        """Scores of IN and OUT models, [P, n] each."""
        self.check(signals, folds)
        return self.score_values(signals.split(signals.margins), signals.half, folds)

    def score_values(
        self, values: tuple[np.ndarray, np.ndarray], half: np.ndarray, folds: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores of the IN and OUT values [P, n] of pairs that lie in these halves [P]."""
        scores = np.empty_like(values[0]), np.empty_like(values[1])
        for fold in folds_of(half, folds):
            inside, outside = self._laws(values, fold)
            for value, score in zip(values, scores, strict=True):
                if inside is None:
                    score[fold.scored] = self._offline(outside, value[fold.scored])
                else:
                    score[fold.scored] = log_ratio(inside, outside, value[fold.scored])
        return scores

    def _laws(self, values: tuple[np.ndarray, np.ndarray], fold: Fold) -> "tuple[Law | None, Law]":
        """The laws of IN (None: offline) and OUT values in the reference pairs of a fold."""
        given = values if self.mode == "online" else (None, values[1])
        if self.dialect in PUBLISHED:
            found = published(self.dialect, self.variance, *given, fold)
            return tuple(None if moments is None else Normal(*moments) for moments in found)
        return tuple(None if each is None else self._law(each, fold) for each in given)

    def _law(self, values: np.ndarray, fold: Fold) -> "Law":
        if self.dialect != "bavaria":
            return fit_law(self.variance, values, fold)
        mean, dof, squares, weight = posterior(values, fold, self.mean_weight, self.variance_weight)
        if self.law == "normal":
            return Normal(mean, squares / (dof - 2))  # the posterior mean of the variance
        return _student(mean, np.full((len(mean), 1), dof), (1 + 1 / weight) * squares)

    def _offline(self, outside: "Law", x: np.ndarray) -> np.ndarray:
        """How little x [R, n] looks like an OUT value."""
        match self.dialect:
            case "carlini2022" | "tfp":
                return -outside.constant - outside.log_density(x, slice(None))
            case "leakpro":
                return log_ndtr((x - outside.mean) / np.sqrt(outside.variance))
        return -outside.log_survival(x)


@dataclass(frozen=True)
class Normal:
    """mean [F, n], variance [F, n] or [F, 1]."""

    mean: np.ndarray
    variance: np.ndarray
    constant: ClassVar[float] = -np.log(2 * np.pi) / 2

    def log_density(self, x: np.ndarray, columns: slice) -> np.ndarray:
        """Of x [R, c], but for the constant, which a ratio loses."""
        variance = _columns(self.variance, columns)
        result = x - self.mean[:, columns]  # then in place: passes over memory are what takes the time
        result *= result
        result /= variance
        result += np.log(variance)
        result *= -0.5
        return result

    def log_survival(self, x: np.ndarray) -> np.ndarray:
        """log(1 - Phi(z)) of x [R, n] as log Phi(-z), which does not saturate."""
        return log_ndtr((self.mean - x) / np.sqrt(self.variance))


@dataclass(frozen=True)
class _Student:
    """mean [F, n], degrees of freedom [F, 1], and spread [F, n] = degrees of freedom * scale^2."""

    mean: np.ndarray
    dof: np.ndarray
    spread: np.ndarray
    offset: np.ndarray  # of the log density [F, n]: all that does not depend on x
    constant: ClassVar[float] = -np.log(np.pi) / 2

    def log_density(self, x: np.ndarray, columns: slice) -> np.ndarray:
        """Of x [R, c], but for the constant, which a ratio loses."""
        result = x - self.mean[:, columns]
        result *= result
        result += self.spread[:, columns]
        np.log(result, out=result)
        result *= -(self.dof + 1) / 2
        result += self.offset[:, columns]
        return result

    def log_survival(self, x: np.ndarray) -> np.ndarray:
        """log P(T > z) of x [R, n]."""
        return log_survival((x - self.mean) / np.sqrt(self.spread / self.dof), self.dof)


Law = Normal | _Student


def fit_law(variance: str, values: np.ndarray, fold: Fold) -> Law:
    """The density of each sample's values [P, n] in the reference pairs of a fold."""
    mean, squares = fold.moments(values)
    dof = fold.count - 1
    np.maximum(squares, dof * MIN_VARIANCE, out=squares)
    match variance:
        case "per_sample":
            return Normal(mean, squares / dof)
        case "global":
            return Normal(mean, squares.mean(axis=1, keepdims=True) / dof)
        case "shrunken":
            return _predictive(mean, squares, values, fold)
    raise ValueError(f"unknown variance {variance!r}; allowed: per_sample, global, shrunken")


def _predictive(mean: np.ndarray, squares: np.ndarray, values: np.ndarray, fold: Fold) -> _Student:
    """Student t, nu0 + n - 1 degrees of freedom, scale^2 = (1 + 1/n) (nu0 s0^2 + SS) / (nu0 + n - 1)."""
    prior = fit_prior(squares, fold.count - 1, start_of_folds(values) if fold.references is None else None)
    nu = prior.nu[:, None]
    dof = nu + fold.count - 1
    spread = (1 + 1 / fold.count) * (nu * prior.variance[:, None] + squares)
    return _student(mean, dof, spread)


def _student(mean: np.ndarray, dof: np.ndarray, spread: np.ndarray) -> _Student:
    offset = gammaln((dof + 1) / 2) - gammaln(dof / 2) + dof / 2 * np.log(spread)
    return _Student(mean, dof, spread, offset)


def start_of_folds(values: np.ndarray) -> Prior | None:
    """Where the fits of all folds start, which leave one row of values [P, n] out each: the prior of the other half.

    All folds differ little. But a start of all rows would know the one that is left out, and where a likelihood has two
    maxima (margins on a lattice) the start decides which is found. None for too few rows.
    """
    if len(values) < 4:
        return None
    priors = [_prior_of(values[1::2]), _prior_of(values[0::2])]
    which = np.arange(len(values)) % 2
    return Prior(*(np.concatenate([getattr(prior, name) for prior in priors])[which] for name in ("nu", "variance")))


def _prior_of(values: np.ndarray) -> Prior:
    deviation, dof = values - values.mean(axis=0), len(values) - 1
    squares = np.einsum("pn,pn->n", deviation, deviation)
    return fit_prior(np.maximum(squares, dof * MIN_VARIANCE)[None], dof)


def log_ratio(inside: Law, outside: Law, x: np.ndarray) -> np.ndarray:
    """log p(x | IN) - log p(x | OUT) of x [R, n], a few samples at a time."""
    ratio = np.empty_like(x)
    width = max(1, CHUNK // len(x))
    for left in range(0, x.shape[1], width):
        columns = slice(left, left + width)
        piece = x[:, columns]
        np.subtract(inside.log_density(piece, columns), outside.log_density(piece, columns), out=ratio[:, columns])
    return ratio


def _columns(values: np.ndarray, columns: slice) -> np.ndarray:
    """The columns of values [F, n]; all of values [F, 1], which hold for every sample."""
    return values if values.shape[1] == 1 else values[:, columns]
