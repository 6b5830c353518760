"""LiRA over several views of each sample (Carlini et al. 2022, section VI-B, in the form of their code)."""

from dataclasses import dataclass

import numpy as np

from memdyn.attacks.lira import LiRA
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals

POOLED = ("carlini2022", "tfp")  # their fixed variance is one of all samples and views


@dataclass(frozen=True)
class LiraViews(LiRA):
    """LiRA of each view (the sample as it is, mirrored, moved), as if it were alone; then the mean over views.

    So the views of a sample are taken for copies of one piece of evidence. Online the mean is compared with 0, which is
    a likelihood ratio of 1 where views say the same. The margins of the views are held whole, [M, n, views].
    """

    reads = (Reads("margin", views=True),)

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        self.check(signals, folds)
        values = signals.arrays["margin_views"]
        given = signals.split(values)
        if self.dialect in POOLED and self.variance == "global":
            flat, *of_pairs = (each.reshape(len(each), -1) for each in (values, *given))
            return self.score_values(flat, tuple(of_pairs), signals.half, folds).reshape(values.shape).mean(axis=2)
        total = 0.0
        for view in range(values.shape[2]):  # a handful: each has variances of its own
            own, *of_pairs = (np.ascontiguousarray(each[:, :, view]) for each in (values, *given))
            total = total + self.score_values(own, tuple(of_pairs), signals.half, folds)
        return total / values.shape[2]
