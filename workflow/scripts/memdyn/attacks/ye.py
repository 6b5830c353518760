"""Attacks P and R of Ye et al. (CCS 2022, "Enhanced Membership Inference Attacks against Machine Learning Models").

A sample is a member at level alpha iff its loss is below the alpha quantile of losses that non-members have: of the
target's own losses on population samples (attack P, section 4.2), or of the sample's losses under reference models that
did not train on it (attack R, section 4.4). The score is where that begins, -log inf {alpha: loss < quantile(alpha)}: a
p-value, on a scale that does not saturate. (Attack D is in `memdyn.attacks.ye_distilled`.)
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.signals import Signals
from memdyn.stats.margins import loss
from memdyn.stats.shrinkage import MIN_VARIANCE

REFERENCES, SMOOTHINGS = ("models", "population"), ("empirical", "linear", "logit_normal")
LARGEST_LOSS = 1000.0  # nats: where the quantile function ends, as in ML Privacy Meter
FAR = 30.0  # a margin from which on exp(-margin) is the loss, but for 1e-13 of it
CHUNK = 1 << 15  # values at a time: the search jumps about, and they should be in the cache


@dataclass(frozen=True)
class Ye(Attack):
    """-log of the level at which a sample begins to be called a member.

    Of N losses L of non-members, k are at most the sample's own: a tie tells against membership.

    Attributes:
        reference: where the losses L come from. "models": the sample's OUT models; "population": the model that is
            attacked, on the population part, so that nothing is calibrated on other models.
        smoothing: the quantile function between and beyond the N losses.
            "empirical": steps, level (k + 1) / (N + 1). Few levels: many samples are tied.
            "linear": through (0, 0), (L_(j), j / (N + 1)) for j = 1..N and (1000 nats, 1); level (k + the share of the
            way from L_(k) to L_(k + 1)) / (N + 1). Losses above 1000 are tied.
            "logit_normal": logit p, the margin, is normal with the N margins' mean and variance (over N); level
            Phi((mean - margin) / deviation). With "models" it orders each sample's models as offline LiRA does.
    """

    reference: str
    smoothing: str

    def __post_init__(self) -> None:
        for value, allowed in ((self.reference, REFERENCES), (self.smoothing, SMOOTHINGS)):
            if value not in allowed:
                raise ValueError(f"unknown option {value!r}; allowed: {', '.join(allowed)}")

    @property
    def min_references(self) -> int:
        """One model has no variance."""
        if self.reference == "population":
            return 0
        return 2 if self.smoothing == "logit_normal" else 1

    @property
    def exchangeable(self) -> bool:
        """Attack P does not ask who trained on what."""
        return self.reference == "population"

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`.

        Raises:
            ValueError: where there is no population to compare with.
        """
        if self.reference == "models":
            return signals.join(*self.score_pairs(signals, folds))
        folds_of(signals.half, folds)
        return self._of_population(signals.margins, signals.population["margin"])

    def _of_population(self, margins: np.ndarray, population: np.ndarray) -> np.ndarray:
        """Scores of margins [M, n] against those [M, Z] of the same models; a search a model."""
        if not population.shape[1]:
            raise ValueError("reference = 'population', but the pool has no population part")
        if self.smoothing == "logit_normal":
            variance = np.maximum(population.var(axis=1, keepdims=True), MIN_VARIANCE)
            return -log_ndtr((population.mean(axis=1, keepdims=True) - margins) / np.sqrt(variance))
        scores = np.empty_like(margins)
        for score, own, levels in zip(scores, -margins, np.sort(-population, axis=1), strict=True):
            count = np.searchsorted(levels, own, side="right")
            below, above = levels[np.maximum(count - 1, 0)], levels[np.minimum(count, len(levels) - 1)]
            score[:] = of_rank(self.smoothing, own, count, below, above, len(levels))
        return scores

    def score_pairs(self, signals: Signals, folds: str) -> tuple[np.ndarray, np.ndarray]:
        """Scores of IN and OUT models, [P, n] each."""
        if self.reference == "population":
            return super().score_pairs(signals, folds)
        self.check(signals, folds)
        values = signals.split(-signals.margins)  # in the order of losses
        scores = np.empty_like(values[0]), np.empty_like(values[1])
        for fold in folds_of(signals.half, folds):
            normal = fold.moments(values[1]) if self.smoothing == "logit_normal" else None
            for value, score in zip(values, scores, strict=True):
                own = value[fold.scored]
                if normal:
                    variance = np.maximum(normal[1] / fold.count, MIN_VARIANCE)
                    score[fold.scored] = -log_ndtr((own - normal[0]) / np.sqrt(variance))
                else:
                    score[fold.scored] = self._of_models(own, values[1], fold)
        return scores

    def _of_models(self, own: np.ndarray, outside: np.ndarray, fold: Fold) -> np.ndarray:
        """Scores of minus margins [R, n] among the references' [P, n]; some samples at a time."""
        scores = np.empty_like(own)
        width = max(1, CHUNK // len(outside))
        for left in range(0, own.shape[1], width):
            columns = slice(left, left + width)
            found = ranks(own[:, columns], outside[:, columns], fold)
            scores[:, columns] = of_rank(self.smoothing, own[:, columns], *found, fold.count)
        return scores


def of_rank(
    smoothing: str, own: np.ndarray, count: np.ndarray, below: np.ndarray, above: np.ndarray, total: int
) -> np.ndarray:
    """Scores of minus margins, `count` of `total` others being at most as large.

    Args:
        smoothing: "empirical" or "linear", see `Ye`.
        below, above: the closest others; of any value where there are none.
    """
    if smoothing == "empirical":
        return np.log(total + 1) - np.log(count + 1)
    of_own, low, high = loss(-own), loss(-below), loss(-above)
    low, high = np.where(count == 0, 0, low), np.where(count == total, np.maximum(LARGEST_LOSS, low), high)
    way = np.minimum((of_own - low) / np.where(high > low, high - low, 1), 1)
    # below all others the way is a ratio, of losses that may both be too small for their difference to 0
    first = np.minimum(log_loss(-own) - log_loss(-above), 0)
    return np.log(total + 1) - np.where(count == 0, first, np.log(np.maximum(count, 1) + way))


def log_loss(margin: np.ndarray) -> np.ndarray:
    """log of the cross-entropy, which is exp(-margin) of large margins and never 0."""
    return np.where(margin > FAR, -margin, np.log(loss(np.minimum(margin, FAR))))


def ranks(own: np.ndarray, others: np.ndarray, fold: Fold) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many of the references are at most as large, and the closest below (or equal) and above.

    Without a loop over pairs: one sort of all, a bisection, and where pairs are left out one by one, the place of the
    pair's own value, which is stepped over. (Of equal values any may be the own: what is left is the same.)

    Args:
        own: [R, n].
        others: [P, n], of all pairs.

    Returns:
        int [R, n], and [R, n] each; of any value where there are none below (none above).
    """
    if fold.references is not None:
        ranked = np.sort(others[fold.references], axis=0)
        count = _at_most(ranked, own)
        lower, upper = count - 1, count
    else:
        ranked = np.sort(others, axis=0)
        count, place = _at_most(ranked, own), _at_most(ranked, others) - 1
        removed = place < count
        lower = count - 1 - (removed & (place == count - 1))
        upper = count + (~removed & (place == count))
        count = count - removed
    last = len(ranked) - 1
    return count, *(np.take_along_axis(ranked, np.clip(each, 0, last), axis=0) for each in (lower, upper))


def _at_most(ranked: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many of a column of ranked [K, n], ascending, are <= each value of the column, [R, n]: bisection of all."""
    found = np.zeros(values.shape, dtype=np.intp)
    for step in 1 << np.arange(len(ranked).bit_length())[::-1]:
        probe = found + step
        inside = np.take_along_axis(ranked, np.minimum(probe, len(ranked)) - 1, axis=0) <= values
        found = np.where(inside & (probe <= len(ranked)), probe, found)
    return found
