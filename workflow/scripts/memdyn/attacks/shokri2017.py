"""A classifier of predictions, one a class (Shokri, Stronati, Song & Shmatikov, S&P 2017, "Membership Inference Attacks
Against Machine Learning Models", section V): trained to tell what shadow models say of members and of non-members.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from memdyn.attacks.base import Attack, folds_of
from memdyn.attacks.classes import classes_of, labels_of
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values

BATCH = 200
HIDDEN = 64  # units of the one hidden layer, as in the paper (section VI-C)
ROWS = 1 << 11  # predicted at a time: temporaries stay in the cache


@dataclass(frozen=True)
class Shokri2017(Attack):
    """Log-odds of membership that a net of one hidden layer gives to a sample's probabilities.

    Its input is the log-odds of the label's probability and of the largest others, in descending order (Salem et al.,
    NDSS 2019: three are enough); of all classes it is the paper's vector but for the order of the other classes.

    It is trained on the other half of the pairs, whatever `folds` asks for: a training without each pair would be as
    many times dearer as there are pairs. Of each class as many IN as OUT records are taken, evenly along their order by
    the label's log-odds, which is also the order of training: nothing depends on how samples and models are numbered.

    Attributes:
        probabilities: how many it is given, the label's among them.
        records: IN records of a class that it is trained on, and OUT ones, at most.
        epochs: of its training.
        seed: of its training.
    """

    probabilities: int
    records: int
    epochs: int
    seed: int
    reads: ClassVar[tuple[Reads, ...]] = (Reads("logits"),)
    threshold: ClassVar[float] = 0.0

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """The net's, from its log-odds."""
        return expit(scores)

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """float32 [M, n, probabilities], or as many as there are classes."""
        logits = values["logits"]
        label = np.broadcast_to(labels_of(values)[:, None], (*logits.shape[:2], 1))
        others = logits.copy()
        np.put_along_axis(others, label, -np.inf, axis=2)
        count = min(self.probabilities, logits.shape[2]) - 1
        largest = -np.sort(-others, axis=2)[..., :count]
        chosen = np.concatenate([np.take_along_axis(logits, label, axis=2), largest], axis=2)
        return {"odds": _log_odds(chosen, logits).astype(np.float32)}

    def min_pairs(self, folds: str) -> int:
        """As for halves."""
        return super().min_pairs("halves")

    def can_score(self, half: np.ndarray, folds: str) -> bool:
        """As for halves: pairs of one half alone have nothing to be trained on."""
        return len(np.unique(half)) == 2

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        folds_of(signals.half, folds)  # has to exist
        self.check(signals, folds)
        odds = signals.arrays["odds"]
        inside, outside = signals.split(odds)
        scores = np.empty(odds.shape[:2])
        for own in classes_of(signals):
            for fold in folds_of(signals.half, "halves"):
                references = np.ix_(fold.references, own)
                net = self._trained(inside[references], outside[references])
                models = np.sort(np.concatenate([2 * fold.scored, 2 * fold.scored + 1]))
                scores[np.ix_(models, own)] = net(odds[np.ix_(models, own)])
        return scores

    def _trained(self, inside: np.ndarray, outside: np.ndarray) -> "_Net":
        """On records [..., k] of members and non-members."""
        sides = [_spread(_in_order(side.reshape(-1, side.shape[-1])), self.records) for side in (inside, outside)]
        # in turn, so that two sides that hold the same records cannot be told by their order
        records = np.stack(sides, axis=1).reshape(-1, inside.shape[-1]).astype(np.float64)
        target = np.tile([1, 0], len(sides[0]))
        mean, scale = records.mean(axis=0), records.std(axis=0)
        scale[scale == 0] = 1.0
        net = MLPClassifier(
            (HIDDEN,),
            batch_size=min(BATCH, len(records)),
            max_iter=self.epochs,
            n_iter_no_change=self.epochs,
            random_state=self.seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it ends after its epochs, as it is told
            net.fit((records - mean) / scale, target)
        return _Net(mean, scale, net.coefs_, net.intercepts_)


@dataclass(frozen=True)
class _Net:
    """What was learned; log-odds instead of probabilities, which saturate."""

    mean: np.ndarray
    scale: np.ndarray
    weights: list[np.ndarray]
    biases: list[np.ndarray]

    def __call__(self, records: np.ndarray) -> np.ndarray:
        """[...] of records [..., k], some at a time."""
        flat = records.reshape(-1, records.shape[-1])
        found = np.empty(len(flat))
        for left in range(0, len(flat), ROWS):
            inputs = (flat[left : left + ROWS].astype(np.float64) - self.mean) / self.scale
            hidden = inputs @ self.weights[0]
            hidden += self.biases[0]
            np.maximum(hidden, 0, out=hidden)
            found[left : left + ROWS] = (hidden @ self.weights[1] + self.biases[1])[:, 0]
        return found.reshape(records.shape[:-1])


def _log_odds(chosen: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """log p - log(1 - p) [..., k] of the classes with the chosen logits [..., k] among all [..., K].

    1 - p is a difference only where p is at most 1/2; that of the first class is the sum of what the others have.
    """
    first = logits.argmax(axis=-1, keepdims=True)
    top = np.take_along_axis(logits, first, axis=-1)
    rest = logits.copy()
    np.put_along_axis(rest, first, -np.inf, axis=-1)
    second = rest.max(axis=-1, keepdims=True)
    total_rest = second + np.log(np.exp(rest - second).sum(axis=-1, keepdims=True))
    log_p = np.minimum(chosen - np.logaddexp(top, total_rest), -np.log(2))
    return np.where(chosen == top, top - total_rest, log_p - np.log1p(-np.exp(log_p)))


def _in_order(records: np.ndarray) -> np.ndarray:
    """Records float32 [N, k] by the first value, then by the second."""
    bits = np.ascontiguousarray(records[:, :2].T).view(np.int32)
    first, second = (bits ^ (bits >> 31 & 0x7FFFFFFF)).astype(np.int64)  # in the order of the numbers
    return records[np.argsort((first << 32) + second, kind="stable")]


def _spread(records: np.ndarray, count: int) -> np.ndarray:
    """So many of the records [N, ...], at even steps; all where there are not more."""
    if len(records) <= count:
        return records
    return records[((np.arange(count) + 0.5) * len(records) / count).astype(int)]
