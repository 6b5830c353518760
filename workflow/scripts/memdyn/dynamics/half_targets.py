"""How vulnerable a sample is, seen by one half of the models: d', severity, onset and the zone, each calibrated inside.

All come as [2S, n] a replicate: the halves of `memdyn.dynamics.splits.Splits`, with all pairs or without a group.
"""

from collections.abc import Iterator

import numpy as np
from scipy.special import stdtr, stdtrit

from memdyn.attacks.base import Attack
from memdyn.attacks.evaluate import rates
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.attacks.signals import Signals
from memdyn.dynamics.plane import with_rates
from memdyn.dynamics.splits import Splits
from memdyn.stats.multiple import benjamini_hochberg
from memdyn.terms import LIKELIHOOD_RATIO_1, threshold_label

MORE_VULNERABLE = {"d_prime": 1, "severity": 1, "onset": -1}
"""Targets, and whether a larger value means more vulnerable (1) or less (-1: an early onset)."""


def effects_of(signals: Signals, splits: Splits) -> Iterator[np.ndarray]:
    """Unshrunken d' of the margin."""
    return splits.effects(*signals.split(signals.margins))


def counted_rates(
    attack: Attack, signals: Signals, splits: Splits, threshold: str | float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """FPR and TPR of each sample; the attack is calibrated inside each half, without the deleted group.

    Args:
        attack: any that has the threshold.
        signals: as `Attack.prepare` made them.
        splits: from `Splits.for_attack`.
        threshold: "lr1", or a pooled FPR.

    Raises:
        ValueError: for "lr1" with an attack that has no likelihood ratio.
    """
    if threshold == LIKELIHOOD_RATIO_1 and attack.threshold is None:
        raise ValueError(f"{attack} has no likelihood ratio: give a pooled FPR as threshold")
    fprs, label = () if isinstance(threshold, str) else (threshold,), threshold_label(threshold)
    for replicate in range(splits.n_replicates):
        found = []
        for half in range(len(splits.halves)):
            table = with_rates(rates(attack, splits.calibrated(signals, half, replicate), fprs, "scored", 0))
            table = table[table["threshold"] == label]
            found.append((table["fpr"].to_numpy(), table["tpr"].to_numpy()))
        yield np.stack([fpr for fpr, _ in found]), np.stack([tpr for _, tpr in found])


def onsets(scores: ShadowScores, splits: Splits, level: float) -> Iterator[np.ndarray]:
    """The first checkpoint from which all later one-sided lower bounds of the margin's mean pair difference are > 0.

    A backward fixed sequence: pointwise bounds control the error of the whole. Which samples have an onset is decided
    at the last checkpoint, Benjamini-Hochberg over samples; the others are censored: the last epoch + 1, a rank after
    all that was seen.

    Args:
        scores: of one run.
        splits: of its pairs.
        level: of the lower bounds; the false discovery rate is 1 - level.
    """
    load, start = scores.loader("scored"), None
    for epoch in scores.epochs:
        moments = list(_paired_t(load(epoch), splits))
        if start is None:
            start = [np.full(t.shape, -1, dtype=np.int32) for t in moments]
        for replicate, t in enumerate(moments):
            bound = stdtrit(splits.counts(replicate) - 1, level)[:, None]
            start[replicate] = np.where(t > bound, np.where(start[replicate] < 0, epoch, start[replicate]), -1)
    for replicate, (found, t) in enumerate(zip(start, moments, strict=True)):
        p_values = stdtr(splits.counts(replicate)[:, None] - 1, -t)
        rejected = np.stack([benjamini_hochberg(row) for row in p_values]) <= 1 - level
        yield np.where(rejected & (found >= 0), found, epoch + 1)


def _paired_t(signals: Signals, splits: Splits) -> Iterator[np.ndarray]:
    """The paired t statistics of IN - OUT, [2S, n] a replicate; 0 where there is no difference at all."""
    inside, outside = signals.split(signals.margins)
    difference = inside - outside
    centre = difference.mean(axis=0)
    difference -= centre
    for replicate, (sums, squares) in enumerate(zip(splits.sums(difference), splits.sums(difference**2), strict=True)):
        count = splits.counts(replicate)[:, None]
        mean = sums / count + centre
        variance = np.maximum(squares - sums**2 / count, 0) / (count - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            yield np.where(mean == 0, 0.0, mean / np.sqrt(variance / count))
