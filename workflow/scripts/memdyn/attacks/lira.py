"""LiRA (Carlini et al. 2022, "Membership Inference Attacks From First Principles", algorithm 1) in closed form.

A pair of models with complementary masks has one IN and one OUT margin of every sample. So leaving a pair out merges
the moments of the pairs before and after, and no model is calibrated by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy.special import gammaln, log_ndtr

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.dialects import PUBLISHED, posterior, published
from memdyn.attacks.signals import Signals
from memdyn.stats.shrinkage import MIN_VARIANCE, Prior, fit_prior
from memdyn.stats.student import log_survival


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
        self.check(signals, folds)
        return self.score_values(signals.margins, signals.split(signals.margins), signals.half, folds)

    def score_values(
        self, values: np.ndarray, given: tuple[np.ndarray, np.ndarray], half: np.ndarray, folds: str
    ) -> np.ndarray:
        """Scores [M, n] of values [M, n], whose pairs have these IN and OUT values, [P, n] each, and lie in these
        halves [P]."""
        scores = np.empty_like(values)
        models = [(values[first::2], scores[first::2]) for first in (0, 1)]
        for fold in folds_of(half, folds):
            inside, outside = self._laws(given, fold)
            if inside is None:
                for value, score in models:
                    score[fold.scored] = self._offline(outside, value[fold.scored])
            else:
                log_ratios(inside, outside, models, fold.scored)
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
        return Student(mean, np.full((len(mean), 1), dof), squares, np.zeros((1, 1)), 1 + 1 / weight)

    def _offline(self, outside: "Law", x: np.ndarray) -> np.ndarray:
        """How little x [R, n] looks like an OUT value."""
        match self.dialect:
            case "carlini2022" | "tfp":
                return -outside.constant - outside.log_density(x)
            case "leakpro":
                return log_ndtr((x - outside.mean) / np.sqrt(outside.variance))
        return -outside.log_survival(x)


@dataclass(frozen=True)
class Normal:
    """mean [F, n], variance [F, n] or [F, 1]."""

    mean: np.ndarray
    variance: np.ndarray
    constant: ClassVar[float] = -np.log(2 * np.pi) / 2

    def row(self, place: int) -> "Normal":
        """Of one scored pair."""
        return Normal(_row(self.mean, place), _row(self.variance, place))

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Of x [R, n], but for the constant, which a ratio loses."""
        result = x - self.mean  # then in place: passes over memory are what takes the time
        result *= result
        result /= self.variance
        result += np.log(self.variance)
        result *= -0.5
        return result

    def log_survival(self, x: np.ndarray) -> np.ndarray:
        """log(1 - Phi(z)) of x [R, n] as log Phi(-z), which does not saturate."""
        return log_ndtr((self.mean - x) / np.sqrt(self.variance))


@dataclass(frozen=True)
class Student:
    """Student's t, whose degrees of freedom * scale^2 are factor * (prior + squares).

    Attributes:
        mean, squares: [F, n].
        dof: degrees of freedom [F, 1].
        prior: [F, 1] or [1, 1].
    """

    mean: np.ndarray
    dof: np.ndarray
    squares: np.ndarray
    prior: np.ndarray
    factor: float
    constant: ClassVar[float] = -np.log(np.pi) / 2

    @cached_property
    def spread(self) -> np.ndarray:
        """[F, n]."""
        return self.factor * (self.prior + self.squares)

    @cached_property
    def offset(self) -> np.ndarray:
        """Of the log density [F, n]: all that does not depend on x."""
        return gammaln((self.dof + 1) / 2) - gammaln(self.dof / 2) + self.dof / 2 * np.log(self.spread)

    def row(self, place: int) -> "Student":
        """Of one scored pair."""
        if len(self.mean) == 1:
            return self  # what it has worked out is there for all pairs
        return Student(*(_row(each, place) for each in (self.mean, self.dof, self.squares, self.prior)), self.factor)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Of x [R, n], but for the constant, which a ratio loses."""
        result = x - self.mean
        result *= result
        result += self.spread
        np.log(result, out=result)
        result *= -(self.dof + 1) / 2
        result += self.offset
        return result

    def log_survival(self, x: np.ndarray) -> np.ndarray:
        """log P(T > z) of x [R, n]."""
        return log_survival((x - self.mean) / np.sqrt(self.spread / self.dof), self.dof)


Law = Normal | Student


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


def _predictive(mean: np.ndarray, squares: np.ndarray, values: np.ndarray, fold: Fold) -> Student:
    """Student t, nu0 + n - 1 degrees of freedom, scale^2 = (1 + 1/n) (nu0 s0^2 + SS) / (nu0 + n - 1)."""
    prior = fit_prior(squares, fold.count - 1, start_of_folds(values) if fold.references is None else None)
    nu = prior.nu[:, None]
    return Student(mean, nu + fold.count - 1, squares, nu * prior.variance[:, None], 1 + 1 / fold.count)


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
    mean, dof = values.mean(axis=0), len(values) - 1
    squares = np.zeros_like(mean)
    for row in values:
        squares += (row - mean) ** 2
    return fit_prior(np.maximum(squares, dof * MIN_VARIANCE)[None], dof)


def log_ratios(
    inside: Law, outside: Law, values: Iterable[tuple[np.ndarray, np.ndarray]], scored: slice | np.ndarray
) -> None:
    """Writes log p(x | IN) - log p(x | OUT) of the scored pairs, for each of some (values, scores), [P, n] each.

    A pair at a time, whose values lie together: temporaries stay in the cache.
    """
    values = list(values)
    for place, pair in enumerate(np.arange(len(values[0][0]))[scored]):
        laws = inside.row(place), outside.row(place)
        for x, score in values:
            np.subtract(*(law.log_density(x[pair : pair + 1]) for law in laws), out=score[pair : pair + 1])


def _row(values: np.ndarray, place: int) -> np.ndarray:
    """A row [1, n] of values [F, n]; F = 1: the same for all."""
    return values if len(values) == 1 else values[place : place + 1]
