"""ROC: AUC, TPR at given FPRs, thresholds; all from sorted scores.

Samples with the same score move together. TPR at FPR a is the largest TPR whose FPR is <= a: nothing is
interpolated, and below 1 / n_out there is nothing to see.

Where members and others come in one array, one sort tells all (`rocs`): who is a member is written into the last bit of
each score. Searching the members among the others would take longer than all the sorting.
"""

from dataclasses import dataclass

import numpy as np

CHUNK = 1 << 16  # scores at a time: temporaries stay in the cache
FEW = 8  # levels that are looked at again; each takes a pass over all scores


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


def roc_of(scores: np.ndarray, member: np.ndarray, fprs: np.ndarray) -> Roc:
    """`roc` of scores [...] and who is a member, bool [...]."""
    marked, exact = _marked(scores, member)
    marked.sort()
    return _of_marked(marked, exact, scores, member, fprs)


def rocs(scores: np.ndarray, member: np.ndarray, fprs: np.ndarray, row_fprs: np.ndarray) -> tuple[Roc, list[Roc]]:
    """`roc_of` all scores [M, n] together, and of each row by itself, which has FPRs of its own."""
    marked, exact = _marked(scores, member)
    rows = [
        _of_marked(np.sort(row), exact, own, where, row_fprs)
        for row, own, where in zip(marked.reshape(scores.shape), scores, member, strict=True)
    ]
    marked.sort()
    return _of_marked(marked, exact, scores, member, fprs), rows


def rocs_without(scores_in: np.ndarray, scores_out: np.ndarray, group: np.ndarray, fprs: np.ndarray) -> list[Roc]:
    """`roc` without each group of samples: from what all members win the part is taken in which the group is.

    Args:
        scores_in, scores_out: [P, n].
        group: int [n], 0 to G - 1, of two groups at least.
        fprs: [A].

    Raises:
        ValueError: for a NaN among the scores, or no scores.
    """
    members, others = _sorted(scores_in), _sorted(scores_out)
    wins, curves = _wins(members, others), []
    for g in range(group.max() + 1):
        own_in, own_out = _sorted(scores_in[:, group == g]), _sorted(scores_out[:, group == g])
        lost = _wins(own_in, others) + 2 * len(members) * len(own_out) - _wins(own_out, members)
        n_in, n_out = len(members) - len(own_in), len(others) - len(own_out)
        allowed = _allowed(n_out, fprs)
        highest = _without(others[-int(allowed.max(initial=0)) - 1 - len(own_out) :], own_out)
        cuts = _cuts(highest, n_out, allowed)
        missed = np.searchsorted(members, cuts, side="right") - np.searchsorted(own_in, cuts, side="right")
        auc_left = (wins - lost + _wins(own_in, own_out)) / (2 * n_in * n_out)
        curves.append(Roc(auc_left, _rates(missed, n_in, n_out, allowed)))
    return curves


def auc(scores_in: np.ndarray, scores_out: np.ndarray) -> float:
    """P(a member's score is higher than a non-member's) + P(equal) / 2."""
    return _auc(_sorted(scores_in), _sorted(scores_out))


def fpr_grid(n_out: int, points_per_decade: int) -> np.ndarray:
    """Log-spaced FPRs from 1 / n_out to 1, both included; none below, where the axis is empty."""
    points = 1 + max(1, round(points_per_decade * np.log10(n_out)))
    return np.geomspace(1 / n_out, 1, points)


def cuts_at_fprs(scores_out: np.ndarray, fprs: np.ndarray) -> np.ndarray:
    """For each FPR [A] the lowest score c such that "member iff score > c" keeps it on these non-members: [A]."""
    scores = np.ravel(scores_out)
    allowed = _allowed(scores.size, fprs)
    below = scores.size - 1 - int(allowed.max(initial=0))  # so many need no order
    return _cuts(_sorted(np.partition(scores, below)[below:] if below > 0 else scores), scores.size, allowed)


def _sorted(scores: np.ndarray) -> np.ndarray:
    ordered = np.sort(np.asarray(scores), axis=None)
    if not len(ordered) or np.isnan(ordered[-1]):  # NaN sorts last
        raise ValueError("scores must not be empty or NaN")
    return ordered


def _marked(scores: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, bool]:
    """The scores, flat, whose last bit says who is a member; whether it was 0 in all, so that nothing is lost.

    Infinities of members become NaN.
    """
    given, member = np.ravel(scores).astype(np.float64, copy=False).view(np.uint64), np.ravel(member)
    marked, lost = np.empty(given.shape), 0
    for left in range(0, len(given), CHUNK):
        piece = slice(left, left + CHUNK)
        bits = marked[piece].view(np.uint64)
        lost |= int(np.bitwise_or.reduce(given[piece])) & 1
        np.bitwise_and(given[piece], ~np.uint64(1), out=bits)
        marked[piece] += 0.0  # of -0.0, 0.0
        bits |= member[piece]
    return marked, not lost


def _of_marked(ordered: np.ndarray, exact: bool, scores: np.ndarray, member: np.ndarray, fprs: np.ndarray) -> Roc:
    """`roc` of scores and who is a member, told by the sorted marked scores.

    Who is a member and who is not is counted from below, some levels at a time. Levels that the lost bit may have made
    are looked at again; where these are many, or scores infinite, two lists tell.
    """
    if not (ordered.size and np.isfinite(ordered[[0, -1]]).all()):
        return roc(scores[member], scores[~member], fprs)
    wins, n_out, left, places, unsure = 0, 0, 0, [], []  # wins in halves
    while left < len(ordered):
        right = _end_of_level(ordered, min(left + CHUNK, len(ordered)) - 1)
        bits = ordered[left:right].view(np.uint64)
        others = np.flatnonzero((bits & 1) == 0)
        n_in = len(bits) - len(others)
        steps = bits[1:] ^ bits[:-1]
        tied = steps == 1
        if tied.any():  # a member and another at one level
            wins += _wins_of_levels(bits, steps)
            unsure += [] if exact else [bits[:-1][tied] | 1]
        else:  # below the j-th other are others[j] - j members
            wins += len(others) * (2 * n_in + len(others) - 1) - 2 * int(others.sum())
        wins += 2 * n_in * n_out
        places.append(left + others)
        n_out, left = n_out + len(others), right
    places, allowed, n_in = np.concatenate(places), _allowed(n_out, fprs), len(ordered) - n_out
    levels = np.concatenate(unsure) if unsure else np.empty(0, np.uint64)
    cuts = places[n_out - 1 - np.minimum(allowed, n_out - 1)] if n_out else places
    at_cuts = np.isin(ordered[cuts].view(np.uint64) | 1, levels).any()
    if not (n_in and n_out) or len(levels) > FEW or at_cuts or 1 in levels:  # 1: zeros of both signs
        return roc(scores[member], scores[~member], fprs)
    ends = _end_of_level(ordered, cuts)
    missed = ends - np.searchsorted(places, ends)
    wins += sum(_beyond_ties(scores, member, level) for level in levels)
    return Roc(wins / (2 * n_in * n_out), _rates(missed, n_in, n_out, allowed))


def _beyond_ties(scores: np.ndarray, member: np.ndarray, level: np.uint64) -> int:
    """What members win, in halves, of scores that differ in the last bit at most, beyond what they would if tied."""
    level = (scores.view(np.uint64) | 1) == level
    members, others = (np.sort(scores[level & side]) for side in (member, ~member))
    return _wins(members, others) - len(members) * len(others)


def _end_of_level(ordered: np.ndarray, place: int | np.ndarray) -> int | np.ndarray:
    """Where the scores end that are level with those at some places, among sorted marked scores."""
    scores = ordered[place]
    return np.searchsorted(ordered, np.maximum(scores, (scores.view(np.uint64) ^ 1).view(np.float64)), side="right")


def _wins_of_levels(bits: np.ndarray, steps: np.ndarray) -> int:
    """The members' wins among these, in halves: twice the area below a line of trapezoids, one a level."""
    ends = np.append(np.flatnonzero(steps > 1) + 1, len(bits))
    members = np.cumsum(bits & 1, dtype=np.int64)[ends - 1]
    wins = members[1:] @ ends[:-1] - members[:-1] @ ends[1:]
    return int(wins + members[-1] * (len(bits) - members[-1]))


def _auc(members: np.ndarray, others: np.ndarray) -> float:
    return _wins(members, others) / (2 * len(members) * len(others))


def _wins(members: np.ndarray, others: np.ndarray) -> int:
    """How many pairs of a member and another the member wins, in halves, in integers: no information is exactly 0.5."""
    below = np.searchsorted(others, members, side="left")
    wins = 2 * int(below.sum())
    tied = others[np.minimum(below, len(others) - 1)] == members
    if tied.any():
        wins += int((np.searchsorted(others, members[tied], side="right") - below[tied]).sum())
    return wins


def _without(highest: np.ndarray, some: np.ndarray) -> np.ndarray:
    """The highest of sorted scores without some, sorted, of all of them; what ties with the lowest stays."""
    gone = some[np.searchsorted(some, highest[0], side="right") :]
    return np.delete(highest, np.searchsorted(highest, gone) + np.arange(len(gone)) - np.searchsorted(gone, gone))


def _allowed(n_out: int, fprs: np.ndarray) -> np.ndarray:
    """How many false positives each FPR allows; 0.001 * 64000 is 64, whatever the rounding."""
    return np.floor(np.asarray(fprs, dtype=float) * n_out + 1e-9).astype(int)


def _cuts(others: np.ndarray, n_out: int, allowed: np.ndarray) -> np.ndarray:
    """The largest score that has to stay on the non-members' side, of the highest of n_out others, sorted."""
    return np.where(allowed < n_out, others[-1 - np.minimum(allowed, len(others) - 1)], -np.inf)


def _tpr(members: np.ndarray, others: np.ndarray, fprs: np.ndarray) -> np.ndarray:
    allowed = _allowed(len(others), fprs)
    missed = np.searchsorted(members, _cuts(others, len(others), allowed), side="right")
    return _rates(missed, len(members), len(others), allowed)


def _rates(missed: np.ndarray, n_in: int, n_out: int, allowed: np.ndarray) -> np.ndarray:
    # Above -inf there is everything but -inf itself, which FPR = 1 includes as well.
    return np.where(allowed >= 1, 1 - np.where(allowed < n_out, missed, 0) / n_in, np.nan)
