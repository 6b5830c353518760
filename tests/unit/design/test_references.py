"""Whom a model is calibrated by: as many IN as OUT models of other folds, the same number for every sample."""

import numpy as np
import pytest

from designs import DESIGNS, coins, cross_validations, folds_of_design, half_of_the_models
from memdyn.design.references import (
    LOST,
    n_references,
    n_references_without_one,
    order_of_models,
    references,
    there_are,
)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("seed", range(3))
def test_references_are_the_first_of_each_kind_in_the_order_of_the_sample(design, seed):
    rng = np.random.default_rng(seed)
    mask, allowed = design(rng, 16, 60), np.arange(16) % 5 != seed
    order, count = order_of_models(16, 60, seed), 2
    samples = np.flatnonzero(there_are(mask, allowed) >= count)
    of_sample = order[samples]
    found = references(np.take_along_axis(mask.T[samples], of_sample, axis=1), allowed[of_sample], count)
    for kind, made in zip((True, False), found, strict=True):
        for chosen, models, sample in zip(made, of_sample, samples, strict=True):
            wanted = [model for model in order[sample] if allowed[model] and mask[model, sample] == kind]
            assert models[chosen].tolist() == wanted[:count]


def slow_count(mask, fold):
    """As many as all of a model's members, and all of its others, but 2 % reach."""
    counts = []
    for model, own in enumerate(mask):
        rest = [other for other in range(len(mask)) if fold[other] != fold[model]]
        left = [min(sum(mask[rest, i]), sum(~mask[rest, i])) for i in range(mask.shape[1])]
        for kind in (own, ~own):
            mine = sorted(count for count, is_mine in zip(left, kind, strict=True) if is_mine)
            if mine:
                counts.append(mine[int(LOST * len(mine))])
    return min(counts)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("n_samples", [30, 120, 160])
def test_as_many_as_all_but_a_few_samples_have(design, n_samples):
    mask, fold = design(np.random.default_rng(n_samples), 16, n_samples), folds_of_design(design, 16, 8)
    assert n_references(mask, fold) == slow_count(mask, fold)
    kept = [fold != number for number in np.unique(fold)]
    assert n_references_without_one(mask, fold) == min(slow_count(mask[left], fold[left]) for left in kept)


def test_fixed_counts_leave_fixed_numbers():
    rng = np.random.default_rng(0)
    assert n_references(half_of_the_models(rng, 16, 50), np.arange(16)) == 7, "as leaving out a pair of 8"
    assert n_references(half_of_the_models(rng, 16, 50), np.arange(16) % 8) == 6
    rounds = cross_validations(rng, 16, 50), np.arange(16) // 4
    assert n_references(*rounds) == 3 and n_references_without_one(*rounds) == 2
    assert n_references(cross_validations(rng, 16, 50)[:4], np.arange(4)) == 0, "of one round no other model is OUT"


def test_one_fold_has_nobody_to_calibrate():
    mask = coins(np.random.default_rng(0), 8, 30)
    assert n_references(mask, np.zeros(8, int)) == n_references_without_one(mask, np.zeros(8, int)) == 0
    assert n_references_without_one(mask, np.arange(8) % 2) == 0


def test_the_order_of_a_sample_is_random_and_its_own():
    order = order_of_models(8, 4000, 0)
    assert (np.sort(order, axis=1) == np.arange(8)).all()
    first = np.bincount(order[:, 0], minlength=8)
    assert ((first - 500) ** 2 / 500).sum() < 30 and not np.array_equal(order, order_of_models(8, 4000, 1))
