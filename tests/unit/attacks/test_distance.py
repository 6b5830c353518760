"""Attacks by distances: themselves, LiRA of them, and worlds with a known answer."""

import numpy as np
import pytest
from scipy.stats import norm

from memdyn.attacks.base import build
from memdyn.attacks.lira import LiRA
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.jackknife import TooFewModels
from memdyn.stats.roc import auc
from worlds import complementary_mask, gaussian_world

NAMES = ("adversarial_distance", "boundary_distance")


def of_distances(name, distances, mask):
    """Signals of distances [M, n]; nobody asked about the population."""
    values = {"margin": np.zeros(mask.shape), name: distances}
    return Signals.of(Values(values), Values({key: each[:, :0] for key, each in values.items()}), mask)


def scores(name, distances, mask, folds="pairs", **options):
    return build({"name": name, **options}).score(of_distances(name, distances, mask), folds)


@pytest.mark.parametrize("name", NAMES)
def test_plain_it_is_the_distance(name):
    rng = np.random.default_rng(0)
    mask, distances = complementary_mask(rng, 4, 30), rng.exponential(size=(4, 30))
    for folds in ("pairs", "halves"):
        np.testing.assert_array_equal(scores(name, distances, mask, folds), distances)
    attack = build({"name": name})
    assert attack.threshold is None and attack.exchangeable and attack.can_score(np.array([0]), "pairs")


@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize("variance", ["per_sample", "global", "shrunken"])
@pytest.mark.parametrize("name", NAMES)
def test_calibrated_it_is_lira_of_the_distance(name, mode, variance):
    world = gaussian_world(0, 16, 100, 1.0)
    distances, options = np.exp(world.margins / 4), {"mode": mode, "variance": variance}
    given = Signals.of_margins(distances, world.mask, distances[:, :5])
    for folds in ("pairs", "halves"):
        expected = LiRA(mode, variance).score(given, folds)
        np.testing.assert_array_equal(scores(name, distances, world.mask, folds, **options), expected)
    assert not build({"name": name, **options}).exchangeable
    with pytest.raises(TooFewModels, match="at least 6 models, got 4"):
        scores(name, distances[:4], world.mask[:4], **options)


@pytest.mark.parametrize("name", NAMES)
def test_a_threshold_and_a_likelihood_ratio_where_samples_differ(name):
    """Samples whose distances differ by 2, models by 1, members d' = 1 farther: both AUCs are known."""
    rng = np.random.default_rng(1)
    mask = complementary_mask(rng, 128, 1000)
    distances = 20 + 2 * rng.normal(size=1000) + rng.normal(size=mask.shape) + mask
    of_plain = scores(name, distances, mask)
    assert auc(of_plain[mask], of_plain[~mask]) == pytest.approx(norm.cdf(1 / np.sqrt(2 * 5)), abs=0.01)
    of_ratio = scores(name, distances, mask, mode="online", variance="global")
    assert auc(of_ratio[mask], of_ratio[~mask]) == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.01)


def test_misclassified_samples_tie_as_published_or_are_told_apart():
    """Signed distances N(m, 1) with members 1 above: clipped at 0 the AUC is that of the clipped laws."""
    rng = np.random.default_rng(2)
    mask = complementary_mask(rng, 64, 2000)
    distances = rng.normal(size=mask.shape) + mask
    signed = scores("adversarial_distance", distances, mask, misclassified="signed")
    zero = scores("adversarial_distance", distances, mask)
    np.testing.assert_array_equal(signed, distances)
    np.testing.assert_array_equal(zero, np.maximum(distances, 0))
    assert auc(signed[mask], signed[~mask]) == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.005)
    # P(IN > OUT) + P(both are misclassified) / 2, of all pairs but those that are ordered below 0
    x = np.linspace(-10, 12, 200_001)
    above = np.trapezoid(np.where(x > 0, norm.pdf(x - 1) * norm.cdf(x), 0), x)
    assert auc(zero[mask], zero[~mask]) == pytest.approx(above + norm.cdf(-1) * norm.cdf(0) / 2, abs=0.005)


def test_another_word_for_misclassified_samples_is_refused():
    mask = complementary_mask(np.random.default_rng(0), 4, 5)
    with pytest.raises(ValueError, match="unknown misclassified 'none'; allowed: zero, signed"):
        scores("adversarial_distance", np.zeros(mask.shape), mask, misclassified="none")
