"""What a finished attack on a few models tells of its standard errors with another number of models.

The variance of a metric is a design effect (Kish 1965, "Survey Sampling") times what it were, were all scores
independent, which the ROC tells. The effect is of all checkpoints together: a jackknife over G groups knows each to
1 / sqrt(2 (G - 1)) alone, a quarter with 8, but that noise has little in common.

An attack that calibrates on other models finds more with more of them. How much, it tells by what it loses without a
group: the jackknife's estimate of the bias, which falls with 1 / models (Quenouille 1956).

Limits of TPRs are more than the jackknife's (`memdyn.stats.rates`), and so are those that are foretold: no narrower
than of as many independent trials, nor than the ROC where luck may put a threshold of so many false positives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from memdyn.stats.intervals import at_least_binomial
from memdyn.stats.threshold_luck import fprs_by_chance

Floats = NDArray[np.float64]
_LEAST = 1e-9  # rates of 0 and 1 have no logit


@dataclass(frozen=True)
class Pilot:
    """One metric of an attack at the checkpoints C of a run, and without each of G groups of its models.

    Attributes:
        models: of the attack.
        rates: [C], AUCs or TPRs.
        deleted: [G, C], the same without each group; G from 2 on.
        sizes: [G], of the groups.
        rise: by how much the rates were higher with ever more models, in logits.
        fpr: of a TPR; None: it is an AUC.
        slopes: [C], of the ROC at this FPR; an AUC needs none.
        others: non-members of all models; an AUC needs neither them nor curves.
        curves: FPRs [F], increasing, and TPRs [F] of each checkpoint.
    """

    models: int
    rates: Floats
    deleted: Floats
    sizes: NDArray[np.int64]
    rise: float
    fpr: float | None = None
    slopes: ArrayLike = 0.0
    others: int = 0
    curves: Sequence[tuple[Floats, Floats]] = ()

    @cached_property
    def tells(self) -> bool:
        """Whether any checkpoint has an error."""
        return bool(self._telling.any())

    def error(self, models: ArrayLike) -> Floats:
        """The standard error at the last checkpoint that has one, with so many models [...].

        Rates are taken to fall, with fewer models, no further than they do without a group.
        """
        now, slope = self.rates[self._last], self._slopes[self._last]
        rate = self._risen(now, models)
        slope = slope * (rate * (1 - rate)) / (now * (1 - now))  # of a ROC that has moved in logits
        return np.sqrt(self.effect * independent(rate, slope, self.fpr) / models)

    def half(self, models: ArrayLike, errors: ArrayLike, level: float) -> Floats:
        """Half of the width of the limits at that checkpoint, with so many models [...].

        Args:
            models: [...].
            errors: [...], standard errors in half of the jackknife's width; infinite where there is none.
            level: of the limits.
        """
        models, errors = np.broadcast_arrays(np.asarray(models), np.asarray(errors, dtype=float))
        rate, half = self._risen(self.rates[self._last], models), errors * self.error(models)
        low, high = rate - half, rate + half
        if self.fpr is not None:
            others = np.round(self.others * models / self.models)
            luck = self._tprs_at(fprs_by_chance(np.full(others.shape, self.fpr), others, level), models)
            low, high = np.minimum(low, luck[0]), np.maximum(high, luck[1])
            low, high = at_least_binomial(rate, low, high, others, level)
        return np.where(np.isinf(errors), np.inf, (np.clip(high, 0, 1) - np.clip(low, 0, 1)) / 2)

    def _tprs_at(self, fprs: Floats, models: NDArray[np.int64]) -> Floats:
        """TPRs [2, ...] of the ROC that has moved; a line from 0 to where the finished attack's begins."""
        seen, tprs = self.curves[self._last]
        found = np.interp(fprs, [0.0, *seen], [0.0, *tprs])
        return np.where(found > 0, self._risen(found, models), 0)

    def _risen(self, rate: ArrayLike, models: ArrayLike) -> Floats:
        """A rate of the finished attack, with so many models."""
        share = np.maximum(1 - self.models / np.asarray(models), -1 / (len(self.sizes) - 1))
        return expit(logit(np.clip(rate, _LEAST, 1 - _LEAST)) + self.rise * share)

    @cached_property
    def _last(self) -> int:
        """The last checkpoint that has an error."""
        return int(np.flatnonzero(self._telling)[-1])

    @cached_property
    def effect(self) -> float:
        """The variance with one model, were the rates as they are, over that of one independent score of each kind."""
        return float(np.trace(self._products))

    @cached_property
    def freedom(self) -> float:
        """Degrees of freedom of the effect (Satterthwaite 1946; Box 1954).

        Rather too few: with few groups their products at different checkpoints are larger than they ought to be.
        """
        return (len(self.sizes) - 1) * self.effect**2 / float((self._products**2).sum())

    @cached_property
    def _products(self) -> Floats:
        """[G, G], of the groups' deviations, each checkpoint's in units of its own; their trace is the mean effect."""
        telling = self._telling
        unit = independent(self.rates, self._slopes, self.fpr)[telling] / self.models
        scaled = self._deviations[:, telling] / np.sqrt(unit * telling.sum())
        return scaled @ scaled.T

    @cached_property
    def _deviations(self) -> Floats:
        """[G, C], whose squares add up to those of the jackknife's standard errors."""
        weight = (self.sizes.sum() / self.sizes)[:, None]
        centre = len(weight) * self.rates - ((1 - 1 / weight) * self.deleted).sum(axis=0)
        pseudo = weight * self.rates - (weight - 1) * self.deleted
        return (pseudo - centre) / np.sqrt((weight - 1) * len(weight))

    @cached_property
    def _telling(self) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            known = (self.rates > 0) & (self.rates < 1) & np.isfinite(self._slopes)
            return known & (self._deviations != 0).any(axis=0)

    @property
    def _slopes(self) -> Floats:
        return np.broadcast_to(self.slopes, self.rates.shape)


def independent(rate: Floats, slope: Floats, fpr: float | None) -> Floats:
    """The variance [...] of a metric of independent scores, times as many as there are of members and others each.

    Of an AUC by Hanley & McNeil 1982, which takes no more than the AUC. Of a TPR the binomial's, and that of the
    threshold, which is estimated from the others: the binomial's of the FPR, times the squared slope of the ROC (Pepe
    2003, "The Statistical Evaluation of Medical Tests", 5.2).
    """
    if fpr is None:
        auc = np.maximum(rate, 1 - rate)
        return auc / (2 - auc) + 2 * auc**2 / (1 + auc) - 2 * auc**2
    return rate * (1 - rate) + slope**2 * fpr * (1 - fpr)


def slope_at(fpr: float, fprs: Floats, tprs: Floats) -> float:
    """The slope of a ROC, of FPRs from half to twice the one that is asked for, where there are any.

    Args:
        fprs: [F], increasing.
        tprs: [F].
    """
    low, high = max(fpr / 2, fprs[0]), min(2 * fpr, 1.0)
    below, above = np.interp(np.log([low, high]), np.log(fprs), tprs)
    return float((above - below) / (high - low)) if high > low else np.nan


def rise(rates: Floats, deleted: Floats, sizes: NDArray[np.int64]) -> float:
    """By how much the mean rate were higher with ever more models, in logits: minus the jackknife's bias.

    Of all checkpoints together, since that of one is mostly noise.

    Args:
        rates, deleted, sizes: see `Pilot`.
    """
    kept = 1 - sizes / sizes.sum()  # they add up to G - 1
    whole, without = (logit(np.clip(rate.mean(), _LEAST, 1 - _LEAST)) for rate in (rates, kept @ deleted / kept.sum()))
    return float(kept.sum() * (whole - without))
