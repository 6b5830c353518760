"""Are the probabilities of an attack right? Reliability diagram, Brier score, calibration error, against the truth.

Of attacks whose score stands for a probability of membership, with a method `probability(scores)`, at equal priors:
every sample is a member of half of the models. Scores are cross-fitted, so what is judged is not what was fitted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memdyn.attacks.base import Attack
from memdyn.attacks.refits import Deletions, refits
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.stats import jackknife
from memdyn.stats.jackknife import TooFewModels

BINS = 10
BRIER, CALIBRATION_ERROR = "brier", "calibration_error"
_RELIABILITY = ["epoch", "bin", "probability", "member_rate", "low", "high", "share", "level"]
_CALIBRATION = ["epoch", "metric", "value", "low", "high", "level"]


@dataclass(frozen=True)
class Judged:
    """Probabilities against memberships, over all (model, sample).

    Attributes:
        share: [BINS], of the probabilities that lie in each bin, [from, to) but for the last.
        probability: [BINS], their mean; NaN of an empty bin.
        member_rate: [BINS], how many are members; the same as the mean probability where these are right.
        brier: mean squared difference of probability and membership (Brier 1950); 1/4 for guessing 1/2.
        calibration_error: mean over bins, by their share, of |probability - member_rate| (Naeini et al. 2015); of few
            scores above 0 by chance alone (.006 of 300 samples under 16 models, .002 under 64), where its intervals
            are some twice as wide as need be.
    """

    share: np.ndarray
    probability: np.ndarray
    member_rate: np.ndarray
    brier: float
    calibration_error: float

    @classmethod
    def of(cls, probabilities: np.ndarray, mask: np.ndarray) -> "Judged":
        """Of probabilities [M, n] and the mask, bool [M, n].

        Raises:
            ValueError: for what is no probability.
        """
        p, member = probabilities.ravel(), mask.ravel().astype(float)
        if not ((p >= 0) & (p <= 1)).all():
            raise ValueError(f"probabilities must lie between 0 and 1, got {p.min()} to {p.max()}")
        bins = np.minimum((p * BINS).astype(int), BINS - 1)
        count, total, members = (np.bincount(bins, weights, BINS) for weights in (None, p, member))
        with np.errstate(invalid="ignore"):
            mean, rate = total / count, members / count
        error = np.abs(total - members).sum() / len(p)
        return cls(count / len(p), mean, rate, float(np.mean((p - member) ** 2)), float(error))


def tables_of_attacks(
    attacks: Mapping[str, Attack], scores: ShadowScores, groups: int, level: float, tell: Callable[[str], None]
) -> dict[str, pd.DataFrame]:
    """`reliability_tables` of several attacks, with a column attack; one that lacks models leaves the others theirs.

    Args:
        attacks: by label.
        tell: is told which are left out, and why.

    Raises:
        TooFewModels: where none is left.
    """
    tables, lost = defaultdict(list), []
    for label, attack in attacks.items():
        try:
            found = reliability_tables(attack, scores.for_attack(attack), groups, level)
        except TooFewModels as reason:
            lost.append(f"{label} has no numbers, because {reason}")
            continue
        for name, table in found.items():
            tables[name].append(table.assign(attack=label))
    if not tables:
        raise TooFewModels("; ".join(lost))
    for line in lost:
        tell(line)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def reliability_tables(attack: Attack, scores: ShadowScores, groups: int, level: float) -> dict[str, pd.DataFrame]:
    """How right an attack's probabilities are at each checkpoint, with limits by the jackknife over pairs, refitted.

    Args:
        attack: one that gives probabilities.
        groups: the most groups of the jackknife.
        level: of the intervals.

    Returns:
        reliability: a row an epoch and bin that is not empty; columns as in `Judged`, limits of the member rate (none
            of a bin that is empty without some group).
        calibration: a row an epoch and metric (brier, calibration_error).

    Raises:
        TooFewModels: to calibrate the attack.
    """
    bins: list[tuple[Any, ...]] = []
    metrics: list[tuple[Any, ...]] = []
    for epoch in scores.epochs:
        given = scores.prepared(attack, "scored", epoch)
        deletions = Deletions.of(attack, given.signals.pairs, given.signals.half, groups)
        judged = [
            Judged.of(attack.probability(refit.scores), refit.given.mask) for refit in refits(attack, given, deletions)
        ]
        bins += [(epoch, *row, level) for row in _of_bins(judged, deletions.sizes, level)]
        for metric in (BRIER, CALIBRATION_ERROR):
            values = np.array([getattr(each, metric) for each in judged])
            metrics.append((epoch, metric, *_with_limits(values, deletions.sizes, level), level))
    return {
        "reliability": pd.DataFrame(bins, columns=_RELIABILITY),
        "calibration": pd.DataFrame(metrics, columns=_CALIBRATION),
    }


def _of_bins(judged: Sequence[Judged], sizes: np.ndarray, level: float) -> Iterator[tuple[Any, ...]]:
    whole = judged[0]
    rates = _with_limits(np.array([each.member_rate for each in judged]), sizes, level)
    for b in np.flatnonzero(whole.share):
        yield (int(b) + 1, whole.probability[b], *(values[b] for values in rates), whole.share[b])


def _with_limits(values: np.ndarray, sizes: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(value, low, high) of shares [1 + G, ...]: of all pairs, then without each group."""
    low, high = jackknife.interval(values[0], values[1:], sizes, level)
    return values[0], np.clip(low, 0, 1), np.clip(high, 0, 1)
