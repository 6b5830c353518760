"""The sequence attack: the likelihood ratio of all of a sample's margins so far, as one vector.

Optimal where the margins of a sample over checkpoints are jointly normal, as LiRA is at one checkpoint; cf. Michel,
Basu & Kaufmann 2026 (arXiv 2602.16596), who derive the optimal attack on a sequence of released models for means.

The density is a product of conditional ones, the attacked checkpoint first: p(x_1) p(x_2 | x_1) ..., where x_1 is the
margin there and x_2, x_3, ... are the earlier ones. p(x_1) is LiRA's (Carlini et al. 2022) with shrunken variances, so
all else is what history adds. Fitted to IN and to OUT apart, means and covariances of 10 checkpoints cost more than
history gives: with 32 models the attack was weaker than LiRA. So in each conditional IN and OUT share the normal
regression of x_t on x_1 .. x_{t-1}, and differ in its level alone, by an effect; and all is shrunken towards what
samples have in common:
    coefficients: towards those of the common correlation matrix R, which counts as `weight` models
    variance of x_t given the others: a scaled inverse chi-square prior (nu_t, s_t^2), fitted as LiRA's
    effect, in these standard deviations: a normal prior (m_t, l_t)
(the first two are a generalised inverse-Wishart prior of the covariance; Ben-David et al. 2015, "High dimensional
Bayesian inference for Gaussian directed acyclic graph models"). With n pairs that calibrate, their squares S [T, T],
centred in IN and in OUT, and D the sample's own standard deviations, all regressions are read off ONE elimination of
A = S + weight D R D:
    RSS_t = pivot_t(A) - weight D_t^2 pivot_t(R),   r_t = x_t - its prediction,   q_t = sum_{s<t} r_s^2 / pivot_s(A),
    b_t = what is left of the difference of IN and OUT means,   g_t = 2 / n + sum_{s<t} b_s^2 / pivot_s(A)  its noise
Then r_t -+ E[effect | b_t] / 2 is Student t with nu_t + 2 (n - 1) degrees of freedom and a scale that IN and OUT share:
where membership changes how checkpoints hang together, and not only their levels, that is not seen.
The priors are of the half of the pairs that the scored one is not in.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.history import latest_first
from memdyn.attacks.lira import LiRA
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.correlated import (
    Common,
    cross_moments,
    cross_moments_without_each,
    eliminate,
    in_common,
    samples_last,
)
from memdyn.stats.shrinkage import MIN_VARIANCE

CHUNK = 1 << 19  # values at a time of the largest array, [pairs, T, T, samples]
Both = tuple[np.ndarray, np.ndarray]  # of IN and of OUT models


@dataclass(frozen=True)
class Sequence(Attack):
    """log p(margins so far | IN) - log p(margins so far | OUT); at one checkpoint it is LiRA, bit for bit.

    Attributes:
        checkpoints: at most so many; see `memdyn.attacks.history.latest_first`.
    """

    checkpoints: int
    reads = (Reads("margin", history=True),)
    min_references: ClassVar[int] = LiRA.min_references
    threshold: ClassVar[float] = 0.0

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The history [M, n, T], the attacked checkpoint first."""
        return {"history": latest_first(values, self.checkpoints)}

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        return signals.join(*self.score_pairs(signals, folds))

    def score_pairs(self, signals: Signals, folds: str) -> Both:
        """Scores of IN and OUT models, [P, n] each."""
        self.check(signals, folds)
        history = signals.arrays["history"]
        attacked = replace(signals.arrays, arrays={"margin": np.ascontiguousarray(history[:, :, 0])})
        scores = LiRA("online", "shrunken").score_pairs(replace(signals, arrays=attacked), folds)
        if history.shape[2] > 1:
            values = signals.split(history)
            for fold in folds_of(signals.half, folds):
                _add_history(scores, values, fold, _common(values, fold, signals.half))
        return scores


def _add_history(scores: Both, values: Both, fold: Fold, common: Common) -> None:
    """Adds to scores [P, n] what values [P, n, T] say beside the first of them."""
    dof = 2 * (fold.count - 1)
    for columns, means, squares in _moments(values, fold):
        centre, shift = (means[0] + means[1]) / 2, means[0] - means[1]
        prior, least = common.add_to(squares, dof)
        apart = [samples_last(value[fold.scored, columns]) - centre for value in values]
        eliminate(squares, least, *apart, shift)
        pivots = np.einsum("fttc->ftc", squares)
        rest = np.maximum(pivots - prior, dof * MIN_VARIANCE)
        laws = list(_laws(shift, pivots, rest, fold.count, common))
        for score, residuals in zip(scores, apart, strict=True):
            score[fold.scored, columns] += _log_ratio(residuals, pivots, laws)


def _laws(
    shift: np.ndarray, pivots: np.ndarray, rest: np.ndarray, count: int, common: Common
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Of each checkpoint but the first: half the effect [F, c], dof [F, 1], spread = dof scale^2 [F, c] but for the
    factor 1 + 1 / (2 n) + (noise of the effect) / 4 + q, and that factor [F, c] without q.

    Args:
        shift, pivots, rest: b, pivots of A and RSS, [F, T, c].
    """
    noise = np.full(shift[:, 0].shape, 2 / count)
    for t in range(1, shift.shape[1]):
        noise = noise + shift[:, t - 1] ** 2 / pivots[:, t - 1]
        dof = common.nu[:, t, None] + 2 * (count - 1)
        spread = (common.nu * common.residual)[:, t, None] + rest[:, t]
        deviation = np.sqrt(spread / dof)
        effect, effects = common.effect[:, t, None], common.effects[:, t, None]
        trust = effects / (effects + noise)
        mean = effect + trust * (shift[:, t] / deviation - effect)
        yield mean * deviation / 2, dof, spread, 1 + 1 / (2 * count) + trust * noise / 4


def _log_ratio(residuals: np.ndarray, pivots: np.ndarray, laws: list) -> np.ndarray:
    """[S, c], of residuals [S, T, c]."""
    total, q = np.zeros_like(residuals[:, 0]), 0.0
    for t, (half, dof, spread, factor) in enumerate(laws, start=1):
        q = q + residuals[:, t - 1] ** 2 / pivots[:, t - 1]
        spread = spread * (factor + q)
        square, product = residuals[:, t] ** 2 + half**2 + spread, 2 * half * residuals[:, t]
        total += (dof + 1) / 2 * np.log((square + product) / (square - product))
    return total


def _moments(values: Both, fold: Fold) -> Iterator[tuple[slice, list[np.ndarray], np.ndarray]]:
    """(samples, means [F, T, c] of IN and OUT references, their summed squares [F, T, T, c]), a chunk at a time."""
    n_pairs, n_samples, width = values[0].shape
    left_out = fold.references is None
    size = max(1, CHUNK // (n_pairs * width * (width if left_out else 1)))
    for first in range(0, n_samples, size):
        columns = slice(first, first + size)
        if left_out:
            moments = [cross_moments_without_each(samples_last(value[:, columns])) for value in values]
        else:
            moments = [cross_moments(samples_last(value[fold.references, columns])) for value in values]
        yield columns, [mean for mean, _ in moments], moments[0][1] + moments[1][1]


def _common(values: Both, fold: Fold, half: np.ndarray) -> Common:
    """Of the references; where each pair is left out by itself, of the pairs of the other half."""
    if fold.references is not None:
        return in_common(*(value[fold.references] for value in values))
    sides = [np.flatnonzero(half == side) for side in (0, 1)]
    if min(map(len, sides)) >= Sequence.min_references:
        return Common.join([in_common(*(value[side] for value in values)) for side in sides], 1 - half)
    places = np.arange(len(half))  # too few: of all pairs but the scored one
    parts = [in_common(*(np.delete(value, place, axis=0) for value in values)) for place in places]
    return Common.join(parts, places)
