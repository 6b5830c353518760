"""Attack D of Ye et al. (CCS 2022, "Enhanced Membership Inference Attacks against Machine Learning Models").

A sample is a member of a model at level alpha iff its loss is below the alpha quantile of its losses under models that
were distilled from this one: they know what the model knows of such samples, and nothing of this one by heart.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from memdyn.attacks.base import Attack, folds_of
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values
from memdyn.attacks.ye import SMOOTHINGS, of_rank
from memdyn.stats.shrinkage import MIN_VARIANCE


@dataclass(frozen=True)
class YeDistilled(Attack):
    """-log of the level at which a sample begins to be called a member, among its losses under the model's students.

    A student learns the model's soft labels on samples of the pool that are never scored (`memdyn.mechanisms.student`):
    students that learn non-members, and no members, would tell the two apart by themselves.

    Attributes:
        smoothing: the quantile function between and beyond the losses, see `memdyn.attacks.ye.Ye`.
        students: how many, at least 2.
    """

    smoothing: str
    students: int
    reads = (Reads("margin"), Reads("margin", of="students"))
    exchangeable = True
    min_references = 0

    def __post_init__(self) -> None:
        if self.smoothing not in SMOOTHINGS:
            raise ValueError(f"unknown smoothing {self.smoothing!r}; allowed: {', '.join(SMOOTHINGS)}")

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The scores [M, n]: a model's are of it and of its students alone.

        Raises:
            ValueError: for fewer students than there should be.
        """
        own, theirs = -values["margin"], -values["margin_students"][..., : self.students]
        if theirs.shape[2] < self.students:
            raise ValueError(f"{self}: there are {theirs.shape[2]} students")
        if self.smoothing == "logit_normal":
            deviation = np.sqrt(np.maximum(theirs.var(axis=2), MIN_VARIANCE))
            return {"score": -log_ndtr((own - theirs.mean(axis=2)) / deviation)}
        ranked = np.sort(theirs, axis=2)
        count = (ranked <= own[..., None]).sum(axis=2)
        below, above = (
            np.take_along_axis(ranked, np.clip(place, 0, self.students - 1)[..., None], axis=2)[..., 0]
            for place in (count - 1, count)
        )
        return {"score": of_rank(self.smoothing, own, count, below, above, self.students)}

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        folds_of(signals.half, folds)  # has to exist
        return signals.arrays["score"]
