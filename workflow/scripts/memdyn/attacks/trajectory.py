"""A classifier of loss trajectories (Liu et al. 2022, "Membership Inference Attacks by Exploiting Loss Trajectory").

They guess the trajectory from models distilled from the target, since an attacker sees its last weights only. Here it
is the target's own over its checkpoints: a white-box upper bound of theirs. Their classifier, a multilayer perceptron,
is gradient-boosted trees here: these need no scaling of the losses, depend on no order of the samples, and are fast.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, folds_of
from memdyn.attacks.history import latest_first
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.margins import loss

MOST_ROWS = 200_000  # (model, sample) rows that train the classifier: of the first samples, which are in random order
TREES = {"max_iter": 50, "max_leaf_nodes": 15, "early_stopping": False, "random_state": 0}


@dataclass(frozen=True)
class Trajectory(Attack):
    """Log-odds that a vector of losses is a member's, by trees trained on IN and OUT trajectories of the other half.

    One classifier serves all samples: nothing is calibrated per sample. A fit costs seconds, so that it is cross-fitted
    over halves of the pairs even where others leave out a pair at a time.

    Attributes:
        checkpoints: at most so many; see `memdyn.attacks.history.latest_first`.
    """

    checkpoints: int
    reads = (Reads("margin", history=True),)
    min_references: ClassVar[int] = 1

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The losses [M, n, T], in single precision as margins are stored."""
        return {"losses": loss(latest_first(values, self.checkpoints)).astype(np.float32)}

    def can_score(self, half: np.ndarray, folds: str) -> bool:
        """Pairs in either half, whatever the folds."""
        return super().can_score(half, "halves") and len(np.unique(half)) == len(folds_of(half, "halves"))

    def min_pairs(self, folds: str) -> int:
        """The smallest number of pairs, one in each half."""
        return super().min_pairs("halves")

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        return signals.join(*self.score_pairs(signals, folds))

    def score_pairs(self, signals: Signals, folds: str) -> tuple[np.ndarray, np.ndarray]:
        """Scores of IN and OUT models, [P, n] each."""
        folds_of(signals.half, folds)  # has to exist
        self.check(signals, folds)
        values = signals.split(signals.arrays["losses"])
        scores = np.empty(values[0].shape[:2]), np.empty(values[1].shape[:2])
        for fold in folds_of(signals.half, "halves"):
            classifier = _trained(*(value[fold.references] for value in values))
            for value, score in zip(values, scores, strict=True):
                for pair in fold.scored:  # a pair at a time: temporaries of trees are larger than what they read
                    score[pair] = classifier.decision_function(value[pair])
        return scores


def _trained(inside: np.ndarray, outside: np.ndarray) -> "HistGradientBoostingClassifier":  # noqa: F821
    """Of trajectories [pairs, n, T] of IN and of OUT models."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    kept = max(1, MOST_ROWS // (2 * len(inside)))
    rows = [values[:, :kept].reshape(-1, values.shape[2]) for values in (inside, outside)]
    return HistGradientBoostingClassifier(**TREES).fit(np.concatenate(rows), np.repeat([1, 0], len(rows[0])))
