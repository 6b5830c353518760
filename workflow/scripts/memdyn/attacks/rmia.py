"""RMIA (Zarifzadeh, Liu & Shokri 2024, "Low-Cost High-Power Membership Inference Attacks", equations 2 to 4)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.margins import loss


@dataclass(frozen=True)
class RMIA(Attack):
    """The share of population samples z with R(x) / R(z) >= gamma, R(x) = p(x | model) / P(x).

    P(x) is the mean of p over the reference models: IN and OUT (online), or the line ((1 + a) mean_out + (1 - a)) / 2
    (offline). P(z) is the mean over all models of the reference pairs: all are OUT there. Samples of one share are
    ordered by their ratio, or a population of Z samples could show no FPR below 1 / Z.

    At gamma = 1 the share is x's rank among samples that the model did not train on, so all target models can have one
    threshold. At any other gamma the share depends on how far the target's ratios spread, and so the FPR at one
    threshold on the target: pooled over targets the attack looks weaker than it is on any.

    The dialect "privacy_meter" is the offline attack of ML Privacy Meter (`run_rmia` of modules/mia/attacks/rmia.py,
    for two reference pairs or more): P(z) is on the line too, above the mean of the larger half of the reference
    models' p(z); R(x) / R(z) > 1; and samples of one share are tied.

    Attributes:
        mode: "online" or "offline".
        a: offline only, slope of the line that guesses the IN from the OUT probability.
        gamma: threshold of the pairwise likelihood ratio.
        dialect: "memdyn" or "privacy_meter".
    """

    mode: str
    a: float
    gamma: float
    dialect: str = "memdyn"
    min_references: ClassVar[int] = 1

    @property
    def exchangeable(self) -> bool:
        """Online, P(x) is a mean over all models of a pair, whichever is IN."""
        return self.mode == "online"

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """log p = -softplus(-margin)."""
        return {"log_p": -loss(values["margin"])}

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """An empirical CDF per model: sort log R(z), look log R(x) - log gamma up; never the n x Z matrix."""
        log_ratio, log_ratio_z = self._log_ratios(signals, folds)
        wanted = log_ratio - np.log(self.gamma)
        log_ratio_z.sort(axis=1)
        share = _strict_share if self.dialect == "privacy_meter" else _ordered_share
        for row, levels in zip(wanted, log_ratio_z, strict=True):
            row[:] = share(row, levels)
        return wanted

    def raw_ratio(self, signals: Signals, folds: str) -> np.ndarray:
        """log R(x), float64 [M, n], of margins: per model the same order as the score's."""
        return self._log_ratios(signals.map(self.prepare), folds)[0]

    def _log_ratios(self, signals: Signals, folds: str) -> tuple[np.ndarray, np.ndarray]:
        """log R(x) [M, n] and log R(z) [M, Z]."""
        self.check(signals, folds)
        log_p, log_p_z = signals.arrays["log_p"], signals.population["log_p"]
        p, p_z = np.exp(log_p), np.exp(log_p_z)
        shadow = (p[0::2] + p[1::2]) / 2 if self.mode == "online" else self._line(signals.split(p)[1])
        shadow_z = (p_z[0::2] + p_z[1::2]) / 2

        def reference_z(fold: Fold) -> np.ndarray:
            return self._line(_larger_half(p_z, fold)) if self.dialect == "privacy_meter" else fold.means(shadow_z)

        folds = folds_of(signals.half, folds)
        log_ratio = _over_references(log_p, folds, lambda fold: fold.means(shadow))
        return log_ratio, _over_references(log_p_z, folds, reference_z)

    def _line(self, outside: np.ndarray) -> np.ndarray:
        """P, half IN and half OUT, guessed from OUT probabilities."""
        return ((1 + self.a) * outside + (1 - self.a)) / 2


def _ordered_share(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The share of levels [Z], sorted logs, that are <= each value, and up to 1 / Z more for the way above the last.

    The way is 1 - R(z) / R(x); below all levels it is the ratio to the first.
    """
    order = np.argsort(values)  # then values of one count lie together: faster than a search for each
    ranked, share = values[order], np.empty(len(values))
    starts = np.searchsorted(ranked, levels)
    count = np.repeat(np.arange(len(levels) + 1), np.diff(starts, prepend=0, append=len(values)))
    last = levels[np.maximum(count - 1, 0)]
    above = -np.expm1(np.minimum(last - ranked, 0))
    above[: starts[0]] = np.exp((ranked - last)[: starts[0]])
    share[order] = (count + above) / len(levels)
    return share


def _strict_share(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The share of levels [Z], sorted, that are < each value."""
    return np.searchsorted(levels, values, side="left") / len(levels)


def _larger_half(p: np.ndarray, fold: Fold) -> np.ndarray:
    """Means of the larger half of the reference models' p [M, Z]: [F, Z], F = 1 or one row a scored pair."""
    if fold.references is not None:
        kept = [fold.references]
    else:
        pairs = np.arange(len(p) // 2)
        kept = [np.delete(pairs, pair) for pair in pairs]
    by_sample = np.ascontiguousarray(p.T)
    halves = []
    for pairs in kept:
        values = by_sample[:, np.concatenate([2 * pairs, 2 * pairs + 1])]
        halves.append(np.partition(values, len(pairs), axis=1)[:, len(pairs) :].mean(axis=1))
    return np.array(halves)


def _over_references(log_p: np.ndarray, folds: list[Fold], reference: Callable[[Fold], np.ndarray]) -> np.ndarray:
    """log p [M, n] minus the log of each fold's reference [F, n]."""
    ratio = np.empty_like(log_p)
    for fold in folds:
        log_reference = np.log(reference(fold))
        for model in (0, 1):
            ratio[model::2][fold.scored] = log_p[model::2][fold.scored] - log_reference
    return ratio
