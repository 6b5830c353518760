"""Norms of embeddings and of gradients as attacks, on worlds with a known answer."""

import numpy as np
import pytest
from scipy.stats import norm

from memdyn.attacks.base import build
from memdyn.attacks.embedding_norm import NORMS
from memdyn.attacks.lira import LiRA
from memdyn.attacks.signals import Signals, Values
from memdyn.probes.embedding import NORMS as OF_THE_PROBE
from memdyn.stats.roc import auc
from worlds import complementary_mask, gaussian_world


def of_norms(norms, mask):
    """Signals of norms [M, n, 4]; the population's are those of the first samples."""
    given = ({"margin": each[..., 0], "embedding_norms": each} for each in (norms, norms[:, :20]))
    return Signals.of(*map(Values, given), mask)


def test_columns_are_those_of_the_probe():
    assert tuple(map(float, NORMS)) == OF_THE_PROBE


@pytest.mark.parametrize("p", NORMS)
@pytest.mark.parametrize("mode", ["online", "offline"])
def test_it_is_lira_of_the_norm_that_is_asked_for(p, mode):
    """And of no other: the three others are noise."""
    world = gaussian_world(0, 16, 200, 1.0)
    norms = np.random.default_rng(0).normal(size=(*world.mask.shape, 4))
    norms[..., NORMS.index(p)] = world.margins
    attack = build({"name": "embedding_norm", "p": p, "mode": mode, "variance": "shrunken"})
    for folds in ("pairs", "halves"):
        expected = LiRA(mode, "shrunken").score(world, folds)
        np.testing.assert_array_equal(attack.score(of_norms(norms, world.mask), folds), expected)


@pytest.mark.parametrize("sign", [1, -1])
def test_larger_or_smaller_norms_of_members_are_found_alike(sign):
    """With many models the AUC is that of two normal laws d' apart: Phi(d' / sqrt 2)."""
    rng = np.random.default_rng(0)
    mask = complementary_mask(rng, 128, 500)
    norms = 50 + 5 * rng.normal(size=500) + rng.normal(size=mask.shape) + sign * 1.5 * mask
    scores = build({"name": "embedding_norm", "p": "2", "mode": "online", "variance": "per_sample"}).score(
        of_norms(np.repeat(norms[..., None], 4, axis=2), mask), "pairs"
    )
    assert auc(scores[mask], scores[~mask]) == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.01)


def test_members_are_those_with_the_smallest_gradients():
    """Also where a gradient vanishes in single precision."""
    mask = complementary_mask(np.random.default_rng(0), 8, 50)
    norms = np.where(mask, 0.0, np.random.default_rng(1).uniform(1e-30, 10, mask.shape))
    given = ({"margin": each, "gradient_norm": each} for each in (norms, norms[:, :5]))
    scores = build({"name": "gradient_norm"}).score(Signals.of(*map(Values, given), mask), "pairs")
    assert np.isfinite(scores).all() and auc(scores[mask], scores[~mask]) == 1
    order = np.argsort(norms[0], kind="stable")
    assert (np.diff(scores[0][order]) <= 0).all()
