"""The proxy attack: against lists of samples, and worlds where proxies are right, and where only some are."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from memdyn.attacks.lira import LiRA
from memdyn.attacks.proxy import PROXIES, Proxy
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.roc import auc
from slow_calibrated import slow_proxy
from worlds import complementary_mask, gaussian_world


def labelled(world, labels):
    return replace(world, arrays=replace(world.arrays, labels=labels))


@pytest.mark.parametrize("proxies", PROXIES)
@pytest.mark.parametrize("variance", ["per_sample", "global"])
@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("neighbours", [2, 5, 50])
def test_agrees_with_lists_of_proxies(proxies, variance, folds, neighbours):
    """Class 4 has one sample, which has all others as proxies; of 50 neighbours there are 29."""
    world = labelled(gaussian_world(11, 10, 30, 1.0), np.array([4, *np.arange(29) % 4]))
    found = Proxy(proxies, neighbours, variance).score(world, folds)
    np.testing.assert_allclose(found, slow_proxy(world, folds, proxies, neighbours, variance), rtol=1e-8, atol=1e-8)


def test_the_ratio_has_its_constants():
    """A t and a normal have other constants: where both laws are the same, the ratio is 0 on average."""
    rng = np.random.default_rng(2)
    mask = complementary_mask(rng, 256, 200)
    world = Signals.of_margins(rng.normal(size=mask.shape), mask, np.zeros((256, 1)))
    for variance in ("shrunken", "global"):
        assert np.abs(Proxy("all", 20, variance).score(world, "pairs").mean()) < 0.01


@pytest.mark.parametrize("proxies", PROXIES)
@pytest.mark.parametrize("d_prime", [0.5, 2.0])
def test_known_answer_where_all_samples_are_alike(proxies, d_prime):
    """Any proxy has the sample's own IN law: AUC = Phi(d' / sqrt 2), and the best advantage 2 Phi(d' / 2) - 1 at 0."""
    rng = np.random.default_rng(3)
    mask = complementary_mask(rng, 64, 1000)
    margins = rng.normal(size=mask.shape) + d_prime * mask
    world = Signals.of(*(Values({"margin": margins}, np.arange(1000) % 5) for _ in range(2)), mask)
    attack = Proxy(proxies, 100, "global")
    inside, outside = world.split(attack.score(world, "pairs"))
    assert auc(inside, outside) == pytest.approx(stats.norm.cdf(d_prime / np.sqrt(2)), abs=0.012)
    advantage = (inside >= attack.threshold).mean() - (outside >= attack.threshold).mean()
    assert advantage == pytest.approx(2 * stats.norm.cdf(d_prime / 2) - 1, abs=0.015)


def auc_of(world, proxies):
    return auc(*world.split(Proxy(proxies, 40, "global").score(world, "pairs")))


def test_nearest_samples_know_what_all_do_not():
    """Hard samples rise more: with the law of all, the easy ones' IN margins are sought where they never are."""
    rng = np.random.default_rng(5)
    mask = complementary_mask(rng, 64, 2000)
    hard = rng.uniform(0, 4, 2000)
    margins = 6 - 2 * hard + (0.3 + hard / 2) * mask + rng.normal(size=mask.shape)
    world = Signals.of_margins(margins, mask, margins[:, :1])
    found = {proxies: auc_of(world, proxies) for proxies in ("all", "nearest")}
    online = auc(*world.split(LiRA("online", "global").score(world, "pairs")))
    assert found["nearest"] > found["all"] + 0.05
    assert found["nearest"] == pytest.approx(online, abs=0.01)


def test_a_class_of_its_own_behaviour_needs_its_own_proxies():
    rng = np.random.default_rng(6)
    mask, labels = complementary_mask(rng, 64, 2000), np.arange(2000) % 2
    margins = np.where(labels, 0.5, 3.0) * mask + rng.normal(size=mask.shape)
    world = Signals.of(*(Values({"margin": margins}, labels) for _ in range(2)), mask)
    found = {proxies: auc_of(world, proxies) for proxies in ("all", "class")}
    assert found["class"] > found["all"] + 0.02


def test_among_tied_samples_the_order_of_the_file_chooses_no_proxies():
    """8 models and margins that are whole numbers: many samples have one mean OUT margin."""
    world = gaussian_world(3, 8, 200, 1.0)
    margins, order = np.round(world.margins), np.random.default_rng(0).permutation(200)
    attack = Proxy("nearest", 4, "per_sample")
    scores, turned = (
        attack.score(Signals.of_margins(margins[:, each], world.mask[:, each], margins[:, :1]), "pairs")
        for each in (np.arange(200), order)
    )
    np.testing.assert_allclose(turned, scores[:, order], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("proxies", PROXIES)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_equal_margins_are_no_evidence(proxies, folds):
    world = gaussian_world(1, 16, 30, 0.0)
    equal = Signals.of_margins(np.full(world.mask.shape, 2.5), world.mask, world.population["margin"])
    scores = Proxy(proxies, 20, "per_sample").score(labelled(equal, np.arange(30) % 3), folds)
    assert np.isfinite(scores).all() and np.ptp(scores) == 0


def test_the_samples_own_in_margins_are_not_used():
    """Offline: other IN margins of one sample move all other scores, and of its own none."""
    world = labelled(gaussian_world(9, 12, 25, 1.0), np.arange(25) % 3)
    inside, outside = world.split(world.margins)
    moved = inside.copy()
    moved[1:, 7] += 2.0
    changed = labelled(
        Signals.of_margins(world.join(moved, outside), world.mask, world.population["margin"]), np.arange(25) % 3
    )
    for proxies in ("all", "class", "nearest"):
        before, after = (Proxy(proxies, 24, "global").score(each, "pairs") for each in (world, changed))
        np.testing.assert_allclose(after[:2, 7], before[:2, 7], rtol=1e-9, atol=1e-9)
        assert (np.abs(after - before)[:2, [4, 10]] > 1e-6).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="unknown proxies 'same'; allowed: all, class, nearest"):
        Proxy("same", 20, "global")
    world = gaussian_world(0, 8, 10, 0.0)
    with pytest.raises(ValueError, match="classes of the samples are not known"):
        Proxy("class", 20, "global").score(world, "pairs")
    one = Signals.of_margins(world.margins[:, :1], world.mask[:, :1], world.margins)
    with pytest.raises(ValueError, match="at least two samples"):
        Proxy("all", 20, "global").score(one, "pairs")
