"""ROC: AUC, TPR at given FPRs, thresholds; all from one sort of the members' and one of the non-members' scores.

Samples with the same score move together. TPR at FPR a is the largest TPR whose FPR is <= a: nothing is
interpolated, and below 1 / n_out there is nothing to see.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Roc:
    """AUC and the TPRs [A] at the FPRs that were asked for (NaN where FPR < 1 / n_out)."""

    auc: float
    tpr: np.ndarray


def roc(scores_in: np.ndarray, scores_out: np.ndarray, fprs: np.ndarray) -> Roc:
    """AUC (Mann-Whitney, ties as halves) and TPR at each FPR.

    Args:
        scores_in: scores of members, any shape; higher = member.
        scores_out: scores of non-members, any shape.
        fprs: false positive rates [A].

    Raises:
        ValueError: for a NaN among the scores, or no scores.
    """
    members, others = _sorted(scores_in), _sorted(scores_out)
    return Roc(_auc(members, others), _tpr(members, others, np.asarray(fprs, dtype=float)))


def auc(scores_in: np.ndarray, scores_out: np.ndarray) -> float:
    """P(a member's score is higher than a non-member's) + P(equal) / 2."""
    return _auc(_sorted(scores_in), _sorted(scores_out))


def fpr_grid(n_out: int, points_per_decade: int) -> np.ndarray:
    """Log-spaced FPRs from 1 / n_out to 1, both included; none below, where the axis is empty."""
    points = 1 + max(1, round(points_per_decade * np.log10(n_out)))
    return np.geomspace(1 / n_out, 1, points)


def cuts_at_fprs(scores_out: np.ndarray, fprs: np.ndarray) -> np.ndarray:
    """For each FPR [A] the lowest score c such that "member iff score > c" keeps it on these non-members: [A]."""
    return _cuts(_sorted(scores_out), np.asarray(fprs, dtype=float))


def _sorted(scores: np.ndarray) -> np.ndarray:
    ordered = np.sort(np.asarray(scores), axis=None)
    if not len(ordered) or np.isnan(ordered[-1]):  # NaN sorts last
        raise ValueError("scores must not be empty or NaN")
    return ordered


def _auc(members: np.ndarray, others: np.ndarray) -> float:
    below = np.searchsorted(others, members, side="left")
    wins = 2 * int(below.sum())  # in halves, in integers: an uninformative score has exactly 0.5
    tied = others[np.minimum(below, len(others) - 1)] == members
    if tied.any():
        wins += int((np.searchsorted(others, members[tied], side="right") - below[tied]).sum())
    return wins / (2 * len(members) * len(others))


def _allowed(n_out: int, fprs: np.ndarray) -> np.ndarray:
    """How many false positives each FPR allows; 0.001 * 64000 is 64, whatever the rounding."""
    return np.floor(fprs * n_out + 1e-9).astype(int)


def _cuts(others: np.ndarray, fprs: np.ndarray) -> np.ndarray:
    """The largest score that has to stay on the non-members' side."""
    allowed = _allowed(len(others), fprs)
    return np.where(allowed < len(others), others[np.maximum(len(others) - 1 - allowed, 0)], -np.inf)


def _tpr(members: np.ndarray, others: np.ndarray, fprs: np.ndarray) -> np.ndarray:
    missed = np.searchsorted(members, _cuts(others, fprs), side="right")
    # Above -inf there is everything but -inf itself, which FPR = 1 includes as well.
    missed = np.where(_allowed(len(others), fprs) < len(others), missed, 0)
    return np.where(_allowed(len(others), fprs) >= 1, 1 - missed / len(members), np.nan)
