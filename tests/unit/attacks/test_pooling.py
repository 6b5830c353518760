"""Whether scores of several target models fit under one threshold: worlds whose targets differ by a known amount."""

import numpy as np
import pytest

from memdyn.attacks.base import build
from memdyn.attacks.pooling import pooling_loss, target_spread
from memdyn.stats.jackknife import interval
from worlds import complementary_mask, uneven_targets


def out_scores(rng, n_models, n_samples, spread, by_sample):
    """(scores [P, n] of the OUT models, mask): a share `by_sample` of the variance belongs to the samples."""
    mask = complementary_mask(rng, n_models, n_samples)
    noise = np.sqrt(1 - by_sample) * rng.normal(size=mask.shape) + np.sqrt(by_sample) * rng.normal(size=n_samples)
    scores = noise + spread * rng.normal(size=(n_models, 1))
    return np.where(mask[0::2], scores[1::2], scores[0::2]), mask


@pytest.mark.parametrize(("n_models", "n_samples"), [(16, 40), (32, 400), (128, 400)])
@pytest.mark.parametrize("by_sample", [0.0, 0.8])
@pytest.mark.parametrize("spread", [0.0, 0.1, 0.5])
def test_spread_is_recovered(n_models, n_samples, by_sample, spread):
    """Squared, on average: the variance between targets is estimated without bias, but for what is below zero."""
    worlds = [out_scores(np.random.default_rng(w), n_models, n_samples, spread, by_sample) for w in range(60)]
    found = np.mean([target_spread(*world) ** 2 for world in worlds])
    largest = 1 / (n_samples / 2)  # what chance makes of the means, which is taken out
    assert found == pytest.approx(spread**2, rel=0.12, abs=0.25 * largest)


def test_only_ranks_matter():
    scores, mask = out_scores(np.random.default_rng(0), 16, 200, 0.3, 0.5)
    assert target_spread(np.exp(3 * scores), mask) == target_spread(scores, mask)
    assert target_spread(np.zeros_like(scores), mask) == 0
    assert np.isnan(target_spread(scores[:1], mask[:2]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_pairs", [2, 3, 16])
def test_targets_of_one_score_each_lie_infinitely_far_apart(n_pairs):
    mask = np.zeros((2 * n_pairs, 40), dtype=bool)
    mask[0::2, ::2], mask[1::2, 1::2] = True, True
    target = 2 * np.arange(n_pairs)[:, None] + mask[0::2]  # the OUT model of each pair and sample
    assert target_spread(target.astype(float), mask) == np.inf


def test_spread_by_hand():
    """Without noise: two pairs, the second's models score one place above the first's on every sample."""
    mask = np.array([[True, False], [False, True], [False, True], [True, False]])
    scores = np.array([[0.0, 2.0], [1.0, 3.0]])  # ranks 1, 3 and 2, 4; the samples' means 1.5 and 3.5
    # four targets of one sample each, at -.5, -.5, .5 and .5: variance 1/3 between, none by chance, 1.25 in all
    assert target_spread(scores, mask) == pytest.approx(np.sqrt((1 / 3) / (1.25 - 1 / 3)))


def test_it_tells_the_scores_that_do_not_fit():
    world = uneven_targets(0)
    for gamma, least, most in ((1.0, 0.0, 0.12), (2.0, 0.3, 1.0)):
        scores = build({"name": "rmia", "mode": "online", "a": 0.3, "gamma": gamma}).score(world, "pairs")
        assert least <= target_spread(world.split(scores)[1], world.mask) <= most


def test_loss_of_pooling():
    rng = np.random.default_rng(0)
    estimate = {"pooled": np.array([0.6, 0.1]), "per_model": np.array([0.65, 0.2])}
    deleted = {"pooled": 0.6 + 0.01 * rng.normal(size=(8, 2)), "per_model": 0.65 + 0.01 * rng.normal(size=(8, 2))}
    found = pooling_loss(estimate, deleted, np.full(8, 2), 0.95)
    low, _ = interval(0.05, deleted["per_model"][:, 0] - deleted["pooled"][:, 0], np.full(8, 2), 0.95)
    assert found == {"pooling_loss": pytest.approx(0.05), "pooling_loss_at_least": pytest.approx(float(low))}
    nothing = {name: np.empty((0, 2)) for name in deleted}
    assert np.isnan(pooling_loss(estimate, nothing, np.empty(0), 0.95)["pooling_loss_at_least"])
