"""AUC within strata and on matched pairs, against counting one comparison after the other; what it must not see."""

import numpy as np
import pytest

from memdyn.stats.roc import auc
from memdyn.stats.stratified import matched_auc, matched_wins, neighbours, wins_within


def slow_wins(scores, members, strata):
    wins = comparisons = 0
    for i in np.flatnonzero(members):
        for j in np.flatnonzero(~members):
            if strata[i] == strata[j]:
                comparisons += 1
                wins += (scores[i] > scores[j]) + (scores[i] == scores[j]) / 2
    return [wins, comparisons]


@pytest.mark.parametrize("seed", range(40))
def test_wins_are_counted(seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 40)
    scores, members = rng.integers(0, 6, n).astype(float), rng.random(n) < rng.random()
    strata = rng.integers(0, 4, n)
    assert wins_within(scores, members, strata).tolist() == slow_wins(scores, members, strata)
    if members.any() and not members.all():
        wins, comparisons = wins_within(scores, members, np.zeros(n, dtype=int))
        assert wins / comparisons == pytest.approx(auc(scores[members], scores[~members]))


def test_neighbours_are_of_one_class_and_next_to_each_other():
    rng = np.random.default_rng(0)
    values, labels = rng.normal(size=203), rng.choice(5, 203, p=[0.5, 0.3, 0.15, 0.04, 0.01])
    strata = neighbours(values, labels, 10)
    for stratum in np.unique(strata):
        mine = strata == stratum
        (label,) = set(labels[mine])
        inside = (values >= values[mine].min()) & (values <= values[mine].max()) & (labels == label)
        assert np.array_equal(inside, mine) and mine.sum() < 20
    sizes = np.bincount(strata)[np.unique(strata[np.isin(labels, [0, 1])])]
    assert sizes.min() >= 9 and sizes.max() <= 11


def slow_matched(scores, members, values, labels):
    found = np.zeros(4)
    for label in set(labels):
        mine = [i for i in range(len(labels)) if labels[i] == label]
        mine.sort(key=lambda i: values[i])
        for low, high in zip(mine[0::2], mine[1::2], strict=False):
            if members[low] != members[high]:
                inside, outside = (high, low) if members[high] else (low, high)
                place = 0 if members[high] else 2
                found[place] += (scores[inside] > scores[outside]) + (scores[inside] == scores[outside]) / 2
                found[place + 1] += 1
    return found


@pytest.mark.parametrize("seed", range(20))
def test_matched_pairs_are_counted(seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(2, 60)
    scores, members = rng.integers(0, 6, n).astype(float), rng.random(n) < 0.5
    values, labels = rng.normal(size=n), rng.integers(0, 3, n)
    np.testing.assert_array_equal(
        matched_wins(scores, members, values, labels), slow_matched(scores, members, values, labels)
    )


def test_a_score_that_is_the_value_tells_nothing_of_matched_pairs():
    """Though in most pairs the member has the higher value."""
    rng = np.random.default_rng(1)
    values, labels = np.sort(rng.normal(size=4000)), np.zeros(4000, dtype=int)
    members = rng.random(4000) < 0.5 + 0.4 * np.tanh(values)
    counts = matched_wins(np.exp(values), members, values, labels)
    assert matched_auc(counts) == 0.5 and matched_auc(matched_wins(-values, members, values, labels)) == 0.5
    wins, comparisons = wins_within(values, members, neighbours(values, labels, 400))
    assert wins / comparisons > 0.52, "wide strata leave some of it"


def test_no_pairs_have_no_auc():
    assert np.isnan(matched_auc(np.array([1.0, 2.0, 0.0, 0.0])))
