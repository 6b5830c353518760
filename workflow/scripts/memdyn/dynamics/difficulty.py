"""How hard a sample is to learn, from the stored signals of the same models.

Checkpoints need not be every epoch, so each measure is defined on the grid t_1 < ... < t_K of TRAINED checkpoints
(epoch 0 is left out) and is the literature's own where the grid is dense:
- a checkpoint stands for the epochs since the one before it: means over time weigh it by t_k - t_{k-1}, t_0 = 0;
- a learning epoch is seen at the first checkpoint at or after it, so it is late by less than one step;
- forgetting events between two checkpoints cancel: the count is a lower bound.

Measures are of one model and one sample. `in` is the mean over the models that trained on the sample (the literature's
meaning), `out` the same over those that did not, where it exists: untouched by the sample's own membership, and so the
one to correlate with vulnerability. Prediction depth (needs activations) and GraNd (needs gradients) are no functions
of stored signals: optional probes (`memdyn.probes`) give them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.dynamics.pairs import pair_values
from memdyn.stats.margins import loss, probability
from memdyn.terms import early_checkpoint

HARDER = {
    "learning_epoch": 1,  # smallest t from which on every checkpoint is correct; last + 1 if never (Siddiqui 2022)
    "forgetting": 1,  # times correct, then wrong; K if never correct (Toneva et al. 2019, section 3)
    "aum": -1,  # mean over time of z_y - max other z (Pleiss et al. 2020, equation 2)
    "el2n": 1,  # ||softmax(z) - onehot||_2 early in training (Paul et al. 2021, definition 2.3)
    "confidence": -1,  # mean over time of p_y (Swayamdipta et al. 2020, section 2)
    "variability": 1,  # standard deviation over time of p_y (the same)
    "loss": 1,  # -log p_y at the last checkpoint
    "c_score": -1,  # correct at the last checkpoint, models without the sample (Jiang et al. 2021, equation 1)
    "memorisation": 1,  # P[correct | in] - P[correct | out] at the last checkpoint (Feldman & Zhang 2020, equation 1)
    "grand": 1,  # optional: norm of the sample's own gradient early in training (Paul et al. 2021, definition 2.1)
    "prediction_depth": 1,  # optional: block from which on the prediction is settled (Baldock et al. 2021, section 2.1)
}
"""Measures, and whether a larger value means a harder sample (1) or an easier one (-1)."""

_MODELS = {"c_score": ("out",), "memorisation": ("in-out",), "loss": ("out",)}


@dataclass(frozen=True)
class Difficulty:
    """Difficulty measures of each pair's models.

    Attributes:
        values: (measure, models) -> float32 [P, n]; models is "in", "out" or "in-out" (the difference of a pair). Empty
            where no checkpoint is trained and nothing else was measured.
        harder: measure -> whether a larger value means a harder sample (1) or an easier one (-1).
    """

    values: dict[tuple[str, str], np.ndarray]
    harder: Mapping[str, int] = field(default_factory=lambda: HARDER)

    def table(self) -> pd.DataFrame:
        """sample (row in the pool), and a column `<measure>_<models>` each: the mean over models."""
        means = {f"{name}_{models}": values.mean(axis=0) for (name, models), values in self.values.items()}
        return pd.DataFrame({"sample": np.arange(len(next(iter(means.values()), ())))} | means)


def difficulty(
    scores: ShadowScores,
    early: float,
    measured: Mapping[str, np.ndarray] | None = None,
    harder: Mapping[str, int] | None = None,
) -> Difficulty:
    """The difficulty of every scored sample; one checkpoint in memory at a time.

    Args:
        scores: of one run, with the signals margin, and gap and el2n for the measures that are made of them.
        early: EL2N is taken at the first trained checkpoint at or after this share of the last epoch.
        measured: further measures [M, n] of all models and scored samples, by a name in `HARDER` or `harder`.
        harder: the directions of a user's own measures, as in `HARDER`.
    """
    mask = scores.masks[:, scores.parts["scored"]]
    epochs = [epoch for epoch in scores.epochs if epoch > 0]
    measures = (_of_training(scores, epochs, early) if epochs else {}) | dict(measured or {})
    found = {}
    for name, values in measures.items():
        found |= _by_membership(name, values, mask)
    return Difficulty(found, HARDER | dict(harder or {}))


def _of_training(scores: ShadowScores, epochs: Sequence[int], early: float) -> dict[str, np.ndarray]:
    """The measures [M, n] that are read off the trained checkpoints."""
    rows = scores.parts["scored"]
    shape = len(scores.masks), rows.stop - rows.start
    early_epoch = early_checkpoint(epochs, early)
    learning, forgetting = LearningEpoch(shape), Forgetting(shape)
    aum, confidence = Moments(shape), Moments(shape)
    for epoch, weight in zip(epochs, np.diff([0, *epochs]), strict=True):
        margin = scores.signal(epoch, "margin")[:, rows]
        confidence.add(probability(margin), weight)
        if scores.has("gap"):
            gap = scores.signal(epoch, "gap")[:, rows]
            correct = gap > 0
            learning.add(epoch, correct)
            forgetting.add(correct)
            aum.add(gap, weight)
        if epoch == early_epoch and scores.has("el2n"):
            el2n = scores.signal(epoch, "el2n")[:, rows]
    found = {}
    if scores.has("gap"):
        found |= {"learning_epoch": learning.value(), "forgetting": forgetting.value(), "aum": aum.mean}
    if scores.has("el2n"):
        found["el2n"] = el2n
    found |= {"confidence": confidence.mean, "variability": confidence.deviation(), "loss": loss(margin)}
    return found | (dict.fromkeys(("c_score", "memorisation"), correct) if scores.has("gap") else {})


class LearningEpoch:
    """The first checkpoint from which on every one is correct, over checkpoints that arrive in order."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.start = np.full(shape, -1, dtype=np.int32)
        self.epoch = 0

    def add(self, epoch: int, correct: np.ndarray) -> None:
        """The next checkpoint, correct bool of the shape."""
        self.start = np.where(correct, np.where(self.start < 0, epoch, self.start), -1)
        self.epoch = epoch

    def value(self) -> np.ndarray:
        """int32 of the shape; the last epoch + 1 where the last checkpoint is wrong."""
        return np.where(self.start < 0, self.epoch + 1, self.start)


class Forgetting:
    """Counts of "correct, then wrong at the next checkpoint"."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.events = np.zeros(shape, dtype=np.int16)
        self.before = np.zeros(shape, dtype=bool)
        self.ever = np.zeros(shape, dtype=bool)
        self.checkpoints = 0

    def add(self, correct: np.ndarray) -> None:
        """The next checkpoint, correct bool of the shape."""
        self.events += self.before & ~correct
        self.before = correct
        self.ever |= correct
        self.checkpoints += 1

    def value(self) -> np.ndarray:
        """int16 of the shape; the number of checkpoints where none was correct."""
        return np.where(self.ever, self.events, np.int16(self.checkpoints))


class Moments:
    """Weighted mean and standard deviation over checkpoints (West 1979), without cancellation."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.weight = 0.0
        self.mean = np.zeros(shape)
        self.squares = np.zeros(shape)

    def add(self, values: np.ndarray, weight: float) -> None:
        """The next checkpoint's values, of the shape."""
        self.weight += weight
        deviation = values - self.mean
        self.mean += deviation * (weight / self.weight)
        self.squares += weight * deviation * (values - self.mean)

    def deviation(self) -> np.ndarray:
        """The population standard deviation, of the shape."""
        return np.sqrt(self.squares / self.weight)


def _by_membership(name: str, values: np.ndarray, mask: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    inside, outside = pair_values(values.astype(np.float32), mask)
    parts = {"in": inside, "out": outside}
    wanted = _MODELS.get(name, ("in", "out"))
    return {(name, models): parts[models] if models in parts else inside - outside for models in wanted}
