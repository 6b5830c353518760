"""Attacks by one metric of the prediction, with a threshold a class (Song & Mittal, USENIX Security 2021, "Systematic
Evaluation of Privacy Risks of Machine Learning Models", section 4).

Member iff the prediction is correct; iff the label's confidence is at least tau_y; iff the entropy is at most tau_y;
iff the modified entropy is. tau_y is that of the label y which tells the members and non-members of that class apart
best under the shadow models: the largest mean of TPR and TNR, as in the paper's code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.classes import classes_of
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values

SMALLEST = float(np.finfo(np.float32).smallest_subnormal)  # what a stored entropy cannot be below, but for 0
_NO_CUT = np.iinfo(np.int32).min // 2


@dataclass(frozen=True)
class Song2021(Attack):
    """The signed distance of a metric to its class's threshold: decisions at score 0 are the paper's.

    The metric is measured where it never saturates, larger = member: the log-odds of the confidence (the margin), minus
    the log of an entropy. A threshold at another score moves those of all classes by the same, in nats. Of several
    thresholds that tell IN from OUT equally well the one with the fewest false alarms is taken; like the paper's, each
    is a value of a shadow model, which is itself a member's. Correctness has no threshold: its score is 1 or -1.

    Attributes:
        metric: "correctness", "confidence", "entropy" or "modified_entropy".
    """

    metric: str
    reads: ClassVar[tuple[Reads, ...]] = (
        Reads("margin"),
        Reads("gap"),
        Reads("entropy"),
        Reads("modified_entropy"),
    )
    threshold: ClassVar[float] = 0.0

    @property
    def exchangeable(self) -> bool:
        """Without a calibration."""
        return self.metric == "correctness"

    @property
    def min_references(self) -> int:
        """Correctness needs none."""
        return 0 if self.metric == "correctness" else 1

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The metric, larger = member."""
        match self.metric:
            case "correctness":
                return {"value": np.where(values["gap"] > 0, 1.0, -1.0)}
            case "confidence":
                return {"value": values["margin"]}
            case "entropy" | "modified_entropy":
                return {"value": -np.log(np.maximum(values[self.metric], SMALLEST))}
        raise ValueError(f"unknown metric {self.metric!r}; allowed: correctness, confidence, entropy, modified_entropy")

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        self.check(signals, folds)
        value = signals.arrays["value"]
        ways = folds_of(signals.half, folds)
        if self.metric == "correctness":
            return value
        scores = np.empty_like(value)
        inside, outside = signals.split(value)
        for own in classes_of(signals):
            of_class = inside[:, own], outside[:, own]
            for fold in ways:
                tau = _thresholds(*of_class, fold)[:, None]
                for model in (0, 1):
                    rows = np.arange(model, len(value), 2)[fold.scored]
                    scores[np.ix_(rows, own)] = value[np.ix_(rows, own)] - tau
        return scores


def _thresholds(inside: np.ndarray, outside: np.ndarray, fold: Fold) -> np.ndarray:
    """tau [F] of one class from values [P, n_c], F = 1 or one a scored pair; member iff value >= tau."""
    if fold.references is not None:
        inside, outside = inside[fold.references], outside[fold.references]
    n_pairs, n_samples = inside.shape
    both = np.concatenate([inside, outside]).ravel()
    order = np.argsort(-both)
    values = both[order]
    step = np.where(order < inside.size, 1, -1).astype(np.int32)
    advantage = np.cumsum(step, dtype=np.int32)  # of a threshold at each value, times the number of IN values
    advantage[:-1][values[:-1] == values[1:]] = _NO_CUT  # no threshold parts equal values
    if fold.references is not None:
        return values[advantage.argmax()][None]
    pair = (order // n_samples % n_pairs).astype(np.int16 if n_pairs < 1 << 15 else np.int64)
    places = np.argsort(pair, kind="stable").reshape(n_pairs, 2 * n_samples)
    # a pair at a time: its own values part the others' into runs, of which only the best threshold is looked at
    return np.array([values[_best_cut(advantage, step, own)] for own in places])


def _best_cut(advantage: np.ndarray, step: np.ndarray, own: np.ndarray) -> int:
    """The first place of the largest advantage without the values at some places.

    Between two of these the advantage without them differs from that of all values by a constant. A threshold at one
    of them calls the same others members as one at the next larger other value, which stands before it.

    Args:
        advantage, step: int [N], of values in descending order.
        own: int [k], ascending places.
    """
    leading = int(np.argmin(np.append(own, -1) == np.arange(len(own) + 1)))  # own values above all others: no threshold
    starts = np.append(leading, own[leading:])
    counted = np.append(0, np.cumsum(step[own]))[leading:]
    best = np.maximum.reduceat(advantage, starts) - counted
    run = int(best.argmax())
    end = starts[run + 1] if run + 1 < len(starts) else len(advantage)
    return int(starts[run] + advantage[starts[run] : end].argmax())
