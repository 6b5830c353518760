"""AUC of members against others that are alike: within strata, and on matched pairs.

Everything is counted model by model, so that sums over models give the AUC of any of them: comparisons are of one
model's samples only, and a model that is more confident than others, as a whole, confounds nothing.
"""

import numpy as np


def wins_within(scores: np.ndarray, members: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Comparisons of members with others of their stratum: those that the members win, ties as halves, and all.

    Args:
        scores: [n], of one model; higher = member.
        members: bool [n].
        strata: int [n].

    Returns:
        [2]: wins, comparisons (Mann & Whitney 1947, summed over strata). Their quotient is the AUC.
    """
    order = np.lexsort((scores, strata))
    scores, members, strata = scores[order], members[order], strata[order]
    new_stratum = np.append(True, strata[1:] != strata[:-1])
    new_value = new_stratum | np.append(True, scores[1:] != scores[:-1])
    others_before = np.cumsum(~members) - ~members
    of_stratum, of_value = np.flatnonzero(new_stratum), np.flatnonzero(new_value)
    below = others_before[of_value][np.cumsum(new_value) - 1] - others_before[of_stratum][np.cumsum(new_stratum) - 1]
    tied = np.add.reduceat(~members, of_value)[np.cumsum(new_value) - 1]
    wins = (below + tied / 2)[members].sum()
    counts = np.add.reduceat(members.astype(float), of_stratum) * np.add.reduceat((~members).astype(float), of_stratum)
    return np.array([wins, counts.sum()])


def neighbours(values: np.ndarray, labels: np.ndarray, size: int) -> np.ndarray:
    """Strata of about so many samples of one class whose values are next to each other.

    Args:
        values: [n], of one model.
        labels: int [n], classes.

    Returns:
        int [n], the stratum of each sample.
    """
    strata, order = np.empty(len(values), dtype=int), np.lexsort((values, labels))
    first = 0
    for rows in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        count = max(1, round(len(rows) / size))
        strata[rows] = first + np.arange(len(rows)) * count // max(1, len(rows))
        first += count
    return strata


def matched_wins(scores: np.ndarray, members: np.ndarray, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Pairs of a member and a non-member of one class whose values are next to each other, and who wins them.

    Samples are ordered by value within the class and taken two by two, whoever they are; what is left are the couples
    of one member and one other. So the membership has no part in who is compared, and the pairs are as close as they
    can be.

    Returns:
        [4]: wins and pairs where the member has the higher value, wins and pairs where the other has it.
    """
    order = np.lexsort((values, labels))
    starts = np.append(0, np.flatnonzero(np.diff(labels[order])) + 1)
    place = np.arange(len(order)) - starts[np.cumsum(np.append(0, np.diff(labels[order]) != 0))]
    first = np.flatnonzero(place[:-1] % 2 == 0)
    first = first[
        (labels[order[first]] == labels[order[first + 1]]) & (members[order[first]] != members[order[first + 1]])
    ]
    lower, upper = order[first], order[first + 1]
    found = []
    for inside, outside, which in ((upper, lower, members[upper]), (lower, upper, members[lower])):
        ahead = np.sign(scores[inside[which]] - scores[outside[which]])
        found += [(1 + ahead).sum() / 2, len(ahead)]
    return np.array(found)


def matched_auc(counts: np.ndarray) -> float:
    """The chance that the member wins a matched pair, of counts [4] of `matched_wins`, summed over models.

    The mean of both orders: with a score that tells nothing but the value, the member wins all pairs in which it has
    the higher one and loses all others, and the AUC is 1/2, however the two orders are mixed. (Members have higher
    values, so their nearest neighbours tend to lie below: the plain share would be above 1/2.)
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return float((counts[0] / counts[1] + counts[2] / counts[3]) / 2)
