"""The samples at risk: the top share by a score; and how far what is found of them depends on the choice of samples."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from memdyn.dynamics.splits import opposite
from memdyn.stats import jackknife


def count(n_samples: int, share: float) -> int:
    """How many samples a share is, at least one."""
    return max(1, round(share * n_samples))


def highest(scores: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Weights [H, n] of the `sizes` [H] highest scores of each row; those that tie at the border share what is left."""
    weights = np.zeros(scores.shape)
    for row, score, size in zip(weights, scores, sizes.astype(int), strict=True):
        if size:
            cut = np.partition(score, len(score) - size)[len(score) - size]
            above, tied = score > cut, score == cut
            row[above] = 1
            row[tied] = (size - above.sum()) / tied.sum()
    return weights


@dataclass(frozen=True)
class SampleJackknife:
    """The choice of samples in the share of the ceiling that is found early, jackknifed over groups of samples.

    The pool's samples are in random order. Without a group the top shares are taken anew among the samples that are
    left; their scores stay, since what samples share of them (a prior) hardly moves.

    Attributes:
        final: d' [2S, n] of the halves at the last checkpoint.
        top: the share that is at risk.
    """

    final: np.ndarray
    top: float

    def error(self, effects: np.ndarray) -> float:
        """Standard error of (recall - chance) / (ceiling - chance), where d' [2S, n] of a checkpoint names the risk.

        NaN where the ceiling is chance.
        """
        worlds = zip(self._kept, self._goals, strict=True)
        shares = np.array([self._share(effects[:, kept], goal) for kept, goal in worlds])
        if not np.isfinite(shares).all():
            return np.nan
        return float(jackknife.standard_error(shares[0], shares[1:], np.bincount(self._group)))

    def _share(self, effects: np.ndarray, goal: tuple[np.ndarray, np.float64]) -> np.float64:
        final, ceiling = goal
        size = count(effects.shape[1], self.top)
        chance = size / effects.shape[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self._recall(effects, final) - chance) / (ceiling - chance)

    def _recall(self, effects: np.ndarray, final: np.ndarray) -> np.float64:
        """Mean over halves of what the top share of one names of the other half's."""
        size = count(effects.shape[1], self.top)
        return (highest(effects, np.full(len(effects), size)) * opposite(final)).sum(axis=1).mean() / size

    @cached_property
    def _group(self) -> np.ndarray:
        return jackknife.sample_groups(self.final.shape[1])

    @cached_property
    def _kept(self) -> list[np.ndarray | slice]:
        """All samples, then those without each group."""
        return [slice(None), *(np.flatnonzero(self._group != g) for g in range(self._group.max() + 1))]

    @cached_property
    def _goals(self) -> list[tuple[np.ndarray, np.float64]]:
        """Of each of `_kept`: the final sets [2S, n'], and the ceiling."""
        goals = []
        for kept in self._kept:
            final = self.final[:, kept]
            sets = highest(final, np.full(len(final), count(final.shape[1], self.top)))
            goals.append((sets, self._recall(final, sets)))
        return goals
