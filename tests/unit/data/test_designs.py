"""Which design a file's masks are of, and which models must not calibrate each other."""

import numpy as np
import pytest

from designs import coins, cross_validations, half_of_the_models
from memdyn.data.designs import find_design
from worlds import complementary_mask


def rng():
    return np.random.default_rng(5)


def test_complementary_pairs_are_pairs():
    mask = complementary_mask(rng(), 8, 40)
    found = find_design(mask[[0, 2, 1, 3, 4, 5, 6, 7]], 16)
    assert found.fold is None and found.order.tolist() == [0, 2, 1, 3, 4, 5, 6, 7]


def test_models_that_have_nothing_in_common_are_folds_of_equal_size():
    for n_models, size in ((16, 1), (32, 2), (48, 3)):
        found = find_design(half_of_the_models(rng(), n_models, 60), 16)
        assert found.order.tolist() == list(range(n_models)) and np.bincount(found.fold).tolist() == [size] * 16
    assert np.bincount(find_design(half_of_the_models(rng(), 24, 60), 8).fold).tolist() == [3] * 8
    assert np.bincount(find_design(half_of_the_models(rng(), 34, 60), 16).fold).max() == 3, "34 has no divisor"


def test_rounds_of_cross_validation_stay_together():
    mask = cross_validations(rng(), 16, 60)
    assert find_design(mask, 16).fold.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    strided = np.arange(16).reshape(4, 4).T.ravel()  # all first models of the rounds, then the second ones
    assert find_design(mask[strided], 16).fold.tolist() == [0, 1, 2, 3] * 4
    assert find_design(cross_validations(rng(), 32, 60), 4).fold.tolist() == np.repeat(np.tile(range(4), 2), 4).tolist()


def test_models_of_one_set_of_samples_stay_together():
    once = half_of_the_models(rng(), 16, 60)
    seeds = np.repeat(once, 3, axis=0)
    assert find_design(seeds, 16).fold.tolist() == np.repeat(np.arange(16), 3).tolist()
    mixed = np.concatenate([once, once[:4], ~once[4:6]])
    assert find_design(mixed, 16).fold.tolist() == [*range(16), *range(6)], "one's complement betrays it as well"


def test_the_user_says_who_stays_together():
    mask, together = half_of_the_models(rng(), 16, 60), np.array([7, 7, 3, 3, 9, 9, 5, 5] * 2)
    assert find_design(mask, 16, together).fold.tolist() == [0, 0, 1, 1, 2, 2, 3, 3] * 2
    pairs = complementary_mask(rng(), 16, 60)
    assert find_design(pairs, 16, np.arange(16) // 2).fold.tolist() == np.repeat(np.arange(8), 2).tolist()


@pytest.mark.parametrize(
    ("mask", "together", "words"),
    [
        (cross_validations(rng(), 4, 60).repeat(3, axis=0), None, ["in 4 folds", "there are 0", "repeat it"]),
        (coins(rng(), 8, 600), None, ["in 8 folds", "at least 2", "of 8 models)"]),
        (half_of_the_models(rng(), 16, 60), np.zeros(16, int), ["in 1 folds", "there are 0"]),
        (
            complementary_mask(rng(), 16, 60),
            np.arange(16) % 8,
            ["models 0 and 1 trained on complementary", "0 and 1 (counted"],
        ),
        (half_of_the_models(rng(), 8, 60)[[0, 0, 1, 2, 3, 4, 5, 6, 7]], np.arange(9), ["models 0 and 1", "the same"]),
        (
            np.concatenate([complementary_mask(rng(), 8, 60), coins(rng(), 2, 60)]),
            None,
            ["2 of 10 models have no complement", "the first is model 8", "`together`"],
        ),
    ],
)
def test_designs_that_cannot_be_studied_are_refused(mask, together, words):
    with pytest.raises(ValueError, match=r"mask|together") as caught:
        find_design(mask, 16, together)
    for word in words:
        assert word in str(caught.value)
