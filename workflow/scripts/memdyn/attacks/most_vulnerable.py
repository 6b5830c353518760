"""The most vulnerable samples by themselves: an attack that fails on average may be certain of a few.

After Aerni, Zhang & Tramèr 2024, "Evaluations of Machine Learning Privacy Defenses are Misleading": averages over all
samples hide the few that leak most, so these are looked at alone. Who they are is decided on one half of the pairs, and
they are attacked on the other half, both ways: no model that is attacked has had a say in who is looked at, so that
luck is not taken for vulnerability: on pure noise their AUC is .5 (down to .46 of a single sample, whose pooled scores
help to calibrate each other). The threshold of all samples is another matter: on noise LiRA's lets more of the few
through, members and non-members alike, so that their TPR means something beside their own FPR only.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memdyn.attacks.signals import Signals
from memdyn.stats.rates import limits
from memdyn.stats.roc import cuts_at_fprs, roc
from memdyn.stats.shrinkage import MIN_VARIANCE, fit_prior
from memdyn.stats.threshold_luck import tprs_by_chance

SHARES = (0.01, 0.05, 0.1)
COLUMNS = [
    *("share", "metric", "value", "low", "high", "all_samples"),
    *("fpr", "fpr_low", "fpr_high", "own_tpr", "own_tpr_low", "own_tpr_high", "n_samples"),
]
FEWEST_PAIRS = 2  # in a half: no variance of one pair
QUANTITIES = ("value", "fpr", "own")


@dataclass(frozen=True)
class MostVulnerable:
    """The most vulnerable of one checkpoint, as each half of the pairs sees them.

    Attributes:
        risk: [2, n]; how vulnerable each sample looks in the pairs of half 0, and of half 1. NaN where a half has too
            few pairs to tell.
        half: int [P], 0 or 1: the half of each pair.
    """

    risk: np.ndarray
    half: np.ndarray

    @classmethod
    def of(cls, margins: Signals) -> "MostVulnerable":
        """From the margins of one checkpoint."""
        inside, outside = margins.split(margins.margins)
        risk = np.full((2, inside.shape[1]), np.nan)
        for side in (0, 1):
            pairs = margins.half == side
            if np.count_nonzero(pairs) >= FEWEST_PAIRS:
                risk[side] = moderated_t(inside[pairs], outside[pairs])
        return cls(risk, margins.half)

    def attacked(self, share: float) -> np.ndarray:
        """bool [P, n]: each pair on the top share of the samples by the risk in the other half."""
        chosen = np.zeros(self.risk.shape, dtype=bool)
        np.put_along_axis(chosen, self._top(share), True, axis=1)
        return chosen[1 - self.half]

    def _top(self, share: float) -> np.ndarray:
        """The top share of the samples by each half's risk, int [2, k], the riskiest first.

        The pool's samples are in random order, so those that tie at the border are taken as they come.
        """
        count, places = count_of(share, self.risk.shape[1]), []
        for risk in self.risk:
            least = np.partition(risk, -count)[-count]
            some = np.flatnonzero(risk >= least)
            places.append(some[np.argsort(-risk[some], kind="stable")[:count]])
        return np.stack(places)

    def measure(self, scores_in: np.ndarray, scores_out: np.ndarray, fprs: Sequence[float]) -> np.ndarray:
        """How an attack fares on them, [SHARES, 1 + A, QUANTITIES]: the AUC, and the TPR at each pooled FPR.

        Args:
            scores_in, scores_out: [P, n], of all samples.
            fprs: [A].

        Returns:
            value: their AUC by themselves; their TPR where the threshold keeps the FPR over ALL samples.
            fpr: their own FPR at that threshold (NaN for the AUC).
            own: the AUC again; their TPR where the threshold keeps the FPR over them, NaN below 1 / their number of OUT
                scores.
            All are NaN where a half cannot tell who is vulnerable.
        """
        fprs = np.asarray(fprs, dtype=float)
        cuts = cuts_at_fprs(scores_out, fprs)[:, None]
        seen = fprs * scores_out.size >= 1 - 1e-9
        found = np.full((len(SHARES), 1 + len(fprs), len(QUANTITIES)), np.nan)
        for k, (inside, outside) in enumerate(self._scores(scores_in, scores_out)):
            curve = roc(inside, outside, fprs)
            found[k, 0, [0, 2]] = curve.auc
            found[k, 1:, 0] = np.where(seen, (inside > cuts).mean(axis=1), np.nan)
            found[k, 1:, 1] = np.where(seen, (outside > cuts).mean(axis=1), np.nan)
            found[k, 1:, 2] = curve.tpr
        return found

    def luck(self, scores_in: np.ndarray, scores_out: np.ndarray, fprs: Sequence[float], level: float) -> np.ndarray:
        """What the luck of thresholds may have made of what `measure` returns; see `luck_of`."""
        return luck_of(self._scores(scores_in, scores_out), scores_out, fprs, level)

    def _scores(self, scores_in: np.ndarray, scores_out: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """IN and OUT scores of each share; nothing where a half cannot tell who is vulnerable."""
        if np.isnan(self.risk).any():
            return
        top = self._top(max(SHARES))
        most = [
            np.stack([row[top[1 - side]] for row, side in zip(scores, self.half, strict=True)])
            for scores in (scores_in, scores_out)
        ]
        for share in SHARES:
            inside, outside = (scores[:, : count_of(share, self.risk.shape[1])].ravel() for scores in most)
            yield inside, outside


def luck_of(
    few: Iterable[tuple[np.ndarray, np.ndarray]], scores_out: np.ndarray, fprs: Sequence[float], level: float
) -> np.ndarray:
    """The TPRs of the most vulnerable as low, and as high, as the luck of thresholds may have made them.

    Args:
        few: IN and OUT scores of each share.
        scores_out: of all samples, any shape.
        fprs: [A].
        level: of both sides.

    Returns:
        [2, SHARES, 1 + A, QUANTITIES]; NaN of AUCs and FPRs (whose limits hold as they are), and where none is scored.
    """
    fprs = np.asarray(fprs, dtype=float)
    found = np.full((2, len(SHARES), 1 + len(fprs), len(QUANTITIES)), np.nan)
    for k, (inside, outside) in enumerate(few):
        if len(inside) and len(outside):
            found[:, k, 1:, 0] = tprs_by_chance(inside, scores_out, fprs, level)
            found[:, k, 1:, 2] = tprs_by_chance(inside, outside, fprs, level)
    return found


def moderated_t(margins_in: np.ndarray, margins_out: np.ndarray) -> np.ndarray:
    """How far each sample's mean IN margin lies above its mean OUT margin, in shrunken standard deviations, [n].

    Smyth 2004, "Linear models and empirical Bayes methods", up to a factor that all samples share: each sample's
    residual variance is shrunken towards the others', so that two pairs are enough to order samples.

    Args:
        margins_in, margins_out: [P, n], P >= 2.
    """
    dof = 2 * len(margins_in) - 2
    difference = margins_in.mean(axis=0) - margins_out.mean(axis=0)
    squares = sum(((margins - margins.mean(axis=0)) ** 2).sum(axis=0) for margins in (margins_in, margins_out))
    squares = np.maximum(squares, dof * MIN_VARIANCE)
    prior = fit_prior(squares[None], dof)
    return difference / np.sqrt(squares + prior.nu[0] * prior.variance[0])


def count_of(share: float, n_samples: int) -> int:
    """How many samples a share is, at least one."""
    return max(1, round(share * n_samples))


def limits_of(
    values: Sequence[np.ndarray], sizes: np.ndarray, level: float, n_pairs: int, n_samples: int, luck: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits of what `MostVulnerable.measure` returns.

    Args:
        values: of all pairs, then without each group, the choice made anew.
        sizes: pairs a group.
        luck: of `luck_of`.
    """
    trials = n_pairs * np.array([count_of(share, n_samples) for share in SHARES])
    luck = np.where(np.isnan(luck), values[0], luck)
    return limits(np.array(values), sizes, trials[:, None, None], level, luck)


def most_vulnerable_table(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, everyone: np.ndarray, metrics: Sequence[str], n_samples: int
) -> pd.DataFrame:
    """A row a share and metric.

    Args:
        value, low, high: what `MostVulnerable.measure` returns, with its limits.
        everyone: [1 + A], the metrics over all samples.
        metrics: their names.
        n_samples: of which the shares are.

    Returns:
        share, metric, value, low, high, all_samples (the metric over all samples), fpr, fpr_low, fpr_high, own_tpr,
        own_tpr_low, own_tpr_high (NaN for the AUC), n_samples (how many the share is).
    """
    places = [(k, m) for k in range(len(SHARES)) for m in range(len(metrics))]
    rows = []
    for k, m in places:
        of_value, of_fpr, of_own = zip(value[k, m], low[k, m], high[k, m], strict=True)
        own = of_own if m else (np.nan,) * 3
        count = count_of(SHARES[k], n_samples)
        rows.append((SHARES[k], metrics[m], *of_value, everyone[m], *of_fpr, *own, count))
    return pd.DataFrame(rows, columns=COLUMNS)
