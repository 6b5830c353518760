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

    def score_pairs(self, signals: Signals, folds: str) -> tuple[np.ndarray, np.ndarray]:
        """Scores of IN and OUT models, [P, n] each."""
        self.check(signals, folds)
        values = signals.split(signals.arrays["margin_views"])
        if self.dialect in POOLED and self.variance == "global":
            flat = tuple(each.reshape(len(each), -1) for each in values)
            scores = self.score_values(flat, signals.half, folds)
            return tuple(each.reshape(values[0].shape).mean(axis=2) for each in scores)
        n_views = values[0].shape[2]
        sums = None
        for view in range(n_views):  # a handful: each has variances of its own
            given = tuple(np.ascontiguousarray(each[:, :, view]) for each in values)
            scores = self.score_values(given, signals.half, folds)
            sums = scores if sums is None else tuple(np.add(*both) for both in zip(sums, scores, strict=True))
        return tuple(each / n_views for each in sums)
