"""RMIA (Zarifzadeh, Liu & Shokri 2024, "Low-Cost High-Power Membership Inference Attacks", equations 2 to 4)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.inputs import Inputs


@dataclass(frozen=True)
class RMIA(Attack):
    """The share of population samples z with R(x) / R(z) >= gamma, R(x) = p(x | model) / P(x).

    P(x) is the mean of p over the reference models: IN and OUT (online), or ((1 + a) mean_out + (1 - a)) / 2
    (offline). P(z) is the mean over all models of the reference pairs: all are OUT there.

    Attributes:
        mode: "online" or "offline".
        a: offline only, slope of the line that guesses the IN from the OUT probability.
        gamma: threshold of the pairwise likelihood ratio.
    """

    mode: str
    a: float
    gamma: float
    min_references: ClassVar[int] = 1

    @property
    def labels_only(self) -> bool:
        """Online, P(x) is a mean over all models of a pair, whichever is IN."""
        return self.mode == "online"

    def signal(self, margins: np.ndarray) -> np.ndarray:
        """log p = -softplus(-margin)."""
        return np.minimum(margins, 0) - np.log1p(np.exp(-np.abs(margins)))

    def score_signal(self, inputs: Inputs, folds: str) -> np.ndarray:
        """An empirical CDF per model: sort log R(z), look log R(x) - log gamma up; never the n x Z matrix."""
        log_ratio, log_ratio_z = self._log_ratios(inputs, folds)
        wanted = log_ratio - np.log(self.gamma)
        log_ratio_z.sort(axis=1)
        for row, levels in zip(wanted, log_ratio_z, strict=True):
            row[:] = np.searchsorted(levels, row, side="right")
        wanted /= log_ratio_z.shape[1]
        return wanted

    def raw_ratio(self, inputs: Inputs, folds: str) -> np.ndarray:
        """log R(x), float64 [M, n], of margins: per model a finer order than the score's, without its ties."""
        return self._log_ratios(inputs.map(self.signal), folds)[0]

    def _log_ratios(self, inputs: Inputs, folds: str) -> tuple[np.ndarray, np.ndarray]:
        """log R(x) [M, n] and log R(z) [M, Z]."""
        self.check(inputs, folds)
        p, p_z = np.exp(inputs.signal), np.exp(inputs.population)
        if self.mode == "online":
            shadow = (p[0::2] + p[1::2]) / 2
        else:
            shadow = ((1 + self.a) * inputs.split(p)[1] + (1 - self.a)) / 2
        shadow_z = (p_z[0::2] + p_z[1::2]) / 2
        folds = folds_of(inputs.half, folds)
        return _over_references(inputs.signal, shadow, folds), _over_references(inputs.population, shadow_z, folds)


def _over_references(log_p: np.ndarray, shadow: np.ndarray, folds: list[Fold]) -> np.ndarray:
    """log p [M, n] minus the log of the references' mean of shadow [P, n]."""
    ratio = np.empty_like(log_p)
    for fold in folds:
        log_reference = np.log(fold.means(shadow))
        for model in (0, 1):
            ratio[model::2][fold.scored] = log_p[model::2][fold.scored] - log_reference
    return ratio
