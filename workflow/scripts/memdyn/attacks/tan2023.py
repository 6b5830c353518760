"""The per-sample loss threshold of Tan et al. (AISTATS 2023, "A Blessing of Dimensionality in Membership Inference
through Regularization", section 3), the best one on the reference models.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.signals import Signals
from memdyn.stats.margins import loss

CHUNK = 1 << 19  # values at a time


@dataclass(frozen=True)
class Tan2023(Attack):
    """A member iff loss < tau_i, where tau_i maximises TPR - FPR of sample i over the reference models.

    tau_i lies midway between the closest IN loss below and OUT loss above. Of several maxima the smallest tau is taken,
    the one with the fewest false alarms. Where no IN loss lies below (no threshold is better than none) tau_i is the
    smallest loss of all, and where no OUT loss lies above, the largest IN loss. The score is tau_i - loss.
    """

    # what is above 0, and not 0 itself: a loss of tau_i is no member's
    threshold: ClassVar[float] = float(np.nextafter(0.0, 1.0))
    min_references: ClassVar[int] = 1

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        self.check(signals, folds)
        losses = loss(signals.margins)
        scores = np.empty_like(losses)
        for fold in folds_of(signals.half, folds):
            tau = _thresholds(*signals.split(losses), fold)
            for model in (0, 1):
                scores[model::2][fold.scored] = tau - losses[model::2][fold.scored]
        return scores


def _thresholds(inside: np.ndarray, outside: np.ndarray, fold: Fold) -> np.ndarray:
    """tau [F, n] of losses [P, n], F = 1 or one row a scored pair; some samples at a time."""
    if fold.references is not None:
        inside, outside = inside[fold.references], outside[fold.references]
    n_pairs, n_samples = inside.shape
    left_out = np.arange(n_pairs) if fold.references is None else np.full(1, -1)
    tau = np.empty((len(left_out), n_samples))
    width = max(1, CHUNK // (len(left_out) * 2 * n_pairs))
    for first in range(0, n_samples, width):
        columns = slice(first, first + width)
        both = np.concatenate([inside[:, columns], outside[:, columns]]).T
        order = np.argsort(both, axis=1)
        values, pairs = np.take_along_axis(both, order, axis=1), order % n_pairs
        kept = pairs[:, None, :] != left_out[:, None]
        shape = (*kept.shape[:2], 2 * fold.count)  # each pair that is left out has two losses
        values, is_in = (
            np.broadcast_to(each[:, None], kept.shape)[kept].reshape(shape) for each in (values, order < n_pairs)
        )
        tau[:, columns] = _best_cut(values, is_in).T
    return tau


def _best_cut(losses: np.ndarray, is_in: np.ndarray) -> np.ndarray:
    """The threshold [...] of the largest TPR - FPR.

    Args:
        losses: [..., K], ascending, as many IN as OUT.
        is_in: bool [..., K].
    """
    advantage = np.cumsum(np.where(is_in, 1, -1), axis=-1, dtype=np.int32)
    advantage[..., :-1][losses[..., :-1] == losses[..., 1:]] = -1  # no threshold parts equal losses
    best = advantage.argmax(axis=-1)[..., None]
    most, below, above = (
        np.take_along_axis(values, place, axis=-1)[..., 0]
        for values, place in ((advantage, best), (losses, best), (losses, np.minimum(best + 1, losses.shape[-1] - 1)))
    )
    return np.where(most > 0, (below + above) / 2, losses[..., 0])
