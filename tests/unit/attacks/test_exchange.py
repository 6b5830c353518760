"""Values of pairs of models, taken apart into those of the IN and the OUT model and put together again."""

import numpy as np
import pytest

from memdyn.attacks.base import build
from memdyn.attacks.evaluate import tally
from memdyn.attacks.signals import exchange
from worlds import gaussian_world


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8, bool])
def test_exchange_is_two_selections(dtype):
    rng = np.random.default_rng(0)
    values = (100 * rng.normal(size=(14, 33))).astype(np.int8).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        values[0, :3] = np.nan, -np.inf, -0.0
    first, second, where = values[0::2], values[1::2], rng.random((7, 33)) < 0.5
    chosen, other = exchange(first, second, where)
    assert chosen.dtype == other.dtype == dtype
    np.testing.assert_array_equal(chosen, np.where(where, first, second))
    np.testing.assert_array_equal(other, np.where(where, second, first))


def test_join_is_the_inverse_of_split():
    world = gaussian_world(0, 8, 50, 1.0)
    inside, outside = world.split(world.margins)
    np.testing.assert_array_equal(world.join(inside, outside), world.margins)
    np.testing.assert_array_equal(inside[:, 0], world.margins[world.mask[:, 0], 0])


@pytest.mark.parametrize("options", [{"name": "loss"}, {"name": "lira", "mode": "online", "variance": "shrunken"}])
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_scores_of_pairs_are_those_of_models(options, folds):
    attack, world = build(options), gaussian_world(0, 16, 50, 1.0)
    for found, expected in zip(
        attack.score_pairs(world, folds), world.split(attack.score_prepared(world, folds)), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_pairs", [1, 255, 256, 300])
def test_tally_counts_however_many_pairs(n_pairs):
    called = np.ones((n_pairs, 3), bool)
    called[0, 1] = False
    assert tally(called).tolist() == [n_pairs, n_pairs - 1, n_pairs]
