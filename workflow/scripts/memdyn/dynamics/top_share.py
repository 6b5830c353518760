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
    """The choice of samples in what is found early of the samples at risk, jackknifed over groups of samples.

    The pool's samples are in random order. Without a group the top shares are taken anew among the samples that are
    left; their scores stay, since what samples share of them (a prior) hardly moves.

    Attributes:
        final: d' [2S, n] of the halves at the last checkpoint.
        top: the share that is at risk.
    """

    final: np.ndarray
    top: float

    def error(self, recalls: np.ndarray) -> float:
        """Standard error of (recall - chance) / (ceiling - chance), of `recalls`; NaN where the ceiling is chance."""
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = (recalls - self._chances) / (self._ceilings - self._chances)
        return float(self.standard_error(shares)) if np.isfinite(shares).all() else np.nan

    def recalls(self, effects: np.ndarray) -> np.ndarray:
        """[1 + G], in the order of `each`: what the top share by d' [2S, n] of a half names of the other half's V_T."""
        return np.array([_recall(kept, goal) for kept, goal in zip(self.each(effects), self._goals, strict=True)])

    def each(self, effects: np.ndarray) -> list[np.ndarray]:
        """Values [2S, n] of all samples, then those without each group."""
        return [effects, *(effects[:, self._group != g] for g in range(self._group.max() + 1))]

    def standard_error(self, values: np.ndarray) -> np.ndarray:
        """Of values [1 + G, ...], in the order of `each`."""
        return jackknife.standard_error(values[0], values[1:], np.bincount(self._group))

    @cached_property
    def _group(self) -> np.ndarray:
        return jackknife.sample_groups(self.final.shape[1])

    @cached_property
    def _goals(self) -> list[np.ndarray]:
        """Of each of `each`: the final sets [2S, n']."""
        return [_top(final, self.top) for final in self.each(self.final)]

    @cached_property
    def _ceilings(self) -> np.ndarray:
        return self.recalls(self.final)

    @cached_property
    def _chances(self) -> np.ndarray:
        return np.array([goal[0].sum() / goal.shape[1] for goal in self._goals])


def _recall(effects: np.ndarray, goal: np.ndarray) -> np.float64:
    size = goal[0].sum()
    return (highest(effects, np.full(len(effects), round(size))) * opposite(goal)).sum(axis=1).mean() / size


def _top(effects: np.ndarray, share: float) -> np.ndarray:
    return highest(effects, np.full(len(effects), count(effects.shape[1], share)))
