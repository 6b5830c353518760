"""What holds for every attack: neither the order of samples nor that of pairs matters, and no input makes it NaN."""

import numpy as np
import pytest

from every_attack import ATTACKS, label
from memdyn.attacks.base import build
from memdyn.attacks.signals import Signals
from worlds import gaussian_world, of_samples, with_outputs

CLOSE = {"rtol": 1e-8, "atol": 1e-8}
TRAINED = ("shokri2017", "trajectory")  # they draw the records that they learn from


@pytest.fixture(scope="module")
def world():
    return with_outputs(gaussian_world(0, 12, 40, 1.0))


@pytest.mark.parametrize("options", [each for each in ATTACKS if each["name"] not in TRAINED], ids=label)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_the_order_of_samples_does_not_matter(options, folds, world):
    order = np.random.default_rng(1).permutation(40)
    attack = build(options)
    np.testing.assert_allclose(
        attack.score(of_samples(world, order), folds), attack.score(world, folds)[:, order], **CLOSE
    )


@pytest.mark.parametrize("options", [each for each in ATTACKS if each["name"] not in TRAINED], ids=label)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_the_order_of_pairs_does_not_matter(options, folds, world):
    """Each pair keeps its number, and so its half."""
    order = np.array([3, 0, 5, 1, 4, 2])
    models = (2 * order[:, None] + np.arange(2)).ravel()
    attack = build(options)
    np.testing.assert_allclose(attack.score(world.take(order), folds), attack.score(world, folds)[models], **CLOSE)


@pytest.mark.parametrize("options", ATTACKS, ids=label)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_equal_and_extreme_margins_have_finite_scores(options, folds, world):
    """All alike; of few values; and as large as a float32 network gives."""
    attack = build(options)
    for margins in (np.full(world.mask.shape, 2.5), np.round(world.margins), 80 * world.margins):
        population = margins[:, :20]
        given = with_outputs(
            Signals.of_margins(np.clip(margins, -600, 600), world.mask, np.clip(population, -600, 600))
        )
        assert np.isfinite(attack.score(given, folds)).all()
