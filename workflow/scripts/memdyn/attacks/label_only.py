"""The label-only attack by augmented queries (Choquette-Choo et al., ICML 2021, section 4.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values

PENALTY = 1.0  # scikit-learn's default for the inverse of the ridge penalty


@dataclass(frozen=True)
class LabelOnly(Attack):
    """Log-odds of membership by which views of a sample are classified right; nothing else of a model's answers.

    A logistic regression on the vector of right and wrong views (as it is, mirrored, moved), of all samples under the
    reference models, IN and OUT. It is the paper's small classifier of these bits without its hidden layer. Models that
    get all views of nearly all samples right leave little to tell: most scores are tied.
    """

    reads: ClassVar[tuple[Reads, ...]] = (Reads("gap", views=True),)
    threshold: ClassVar[float] = 0.0

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """A whole number a (model, sample), whose bit v tells whether view v is classified right."""
        right = values["gap_views"] > 0
        return {"pattern": right @ 2.0 ** np.arange(right.shape[2])}

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Log-odds [M, n]; see `Attack.score`."""
        self.check(signals, folds)
        patterns, which = np.unique(signals.arrays["pattern"], return_inverse=True)
        inside, outside = signals.split(which.reshape(signals.mask.shape))
        counts = np.stack([_tallies(side, len(patterns)) for side in (inside, outside)], axis=1)
        bits = _bits(patterns)
        scores = np.empty(inside.shape), np.empty(outside.shape)
        for fold in folds_of(signals.half, folds):
            for pairs, of_references in _references(counts, fold):
                log_odds = _log_odds(bits, of_references)
                for side, score in zip((inside, outside), scores, strict=True):
                    score[pairs] = log_odds[side[pairs]]
        return signals.join(*scores)


def _tallies(which: np.ndarray, n_patterns: int) -> np.ndarray:
    """How often each pair has each pattern, of places [P, n]: int [P, K]."""
    place = np.arange(len(which))[:, None] * n_patterns + which
    return np.bincount(place.ravel(), minlength=len(which) * n_patterns).reshape(len(which), n_patterns)


def _bits(patterns: np.ndarray) -> np.ndarray:
    """Patterns [K] as bits float64 [K, V], V >= 1."""
    whole = patterns.astype(np.int64)
    return (whole[:, None] >> np.arange(max(1, int(whole.max()).bit_length())) & 1).astype(float)


def _references(counts: np.ndarray, fold: Fold) -> list[tuple[np.ndarray, np.ndarray]]:
    """(pairs that share references, their references' counts [2, K]) of counts [P, 2, K]."""
    scored = np.arange(len(counts))[fold.scored]
    if fold.references is not None:
        return [(scored, counts[fold.references].sum(axis=0))]
    return [(np.array([pair]), counts.sum(axis=0) - counts[pair]) for pair in scored]


def _log_odds(bits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Of each pattern [K, V], from how often IN and OUT models have it [2, K]: its cost is that of few patterns."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=PENALTY, tol=1e-10, max_iter=1000)
    model.fit(np.concatenate([bits, bits]), np.repeat([1, 0], len(bits)), sample_weight=counts.ravel())
    return model.decision_function(bits)
