"""RMIA by sorting: against the n x Z matrix, the raw ratio's ROC, thresholds for many targets, and the dialect."""

import itertools

import numpy as np
import pytest
from scipy import special

from memdyn.attacks.rmia import RMIA, _ordered_share
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.roc import auc, roc
from slow_attacks import slow_privacy_meter, slow_rmia
from worlds import gaussian_world, uneven_targets


@pytest.mark.parametrize(
    ("mode", "folds", "gamma", "a"),
    list(itertools.product(("online", "offline"), ("pairs", "halves"), (1.0, 2.0), (0.3, 0.9))),
)
@pytest.mark.parametrize("n_models", [8, 10])
def test_agrees_with_the_matrix(mode, folds, gamma, a, n_models):
    """The share, and within one share the way of R(x) / gamma above the last population sample."""
    world = gaussian_world(n_models, n_models, 60, 1.0, n_population=70)
    shares, ratios = slow_rmia(world, folds, mode, a, gamma)
    scores = RMIA(mode, a, gamma).score(world, folds)
    np.testing.assert_array_equal(np.floor(scores * 70 + 1e-9), np.round(shares * 70))
    ways = np.empty(shares.shape)
    for place in np.ndindex(ways.shape):
        beaten = ratios[place][ratios[place] >= gamma]
        ways[place] = 1 - gamma / min(beaten) if len(beaten) else max(ratios[place]) / gamma
    np.testing.assert_allclose(70 * scores, 70 * shares + ways, rtol=0, atol=1e-9)


@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_raw_ratio_is_that_of_the_definition(mode, folds):
    world = gaussian_world(3, 8, 60, 1.0, n_population=70)
    _, ratios = slow_rmia(world, folds, mode, 0.3, 1.0)
    raw = RMIA(mode, 0.3, 1.0).raw_ratio(world, folds)
    relative = np.log(ratios[..., 0] / ratios[:, :1, 0])  # R(z) of the model cancels
    np.testing.assert_allclose(raw - raw[:, :1], relative, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("gamma", [1.0, 2.0])
@pytest.mark.parametrize("n_population", [1, 20, 200])
def test_raw_ratio_has_the_same_roc_per_model(mode, folds, gamma, n_population):
    """However few population samples there are."""
    world = gaussian_world(3, 8, 300, 1.0, n_population=n_population)
    attack, fprs = RMIA(mode, 0.3, gamma), np.array([0.01, 0.1])
    for score, ratio, mask in zip(attack.score(world, folds), attack.raw_ratio(world, folds), world.mask, strict=True):
        assert len(np.unique(score)) == len(score)
        assert (np.diff(score[np.argsort(ratio)]) > 0).all()
        ours, theirs = roc(score[mask], score[~mask], fprs), roc(ratio[mask], ratio[~mask], fprs)
        assert ours.auc == theirs.auc
        np.testing.assert_array_equal(ours.tpr, theirs.tpr)


@pytest.mark.parametrize("n_levels", [1, 7, 300])
def test_shares_by_one_order_are_those_of_each_value(n_levels):
    """With ties among the values, and of values with levels; below all levels and above."""
    rng = np.random.default_rng(n_levels)
    levels, values = np.sort(np.round(rng.normal(size=n_levels), 1)), np.round(rng.normal(scale=2, size=200), 1)
    expected = np.empty(200)
    for place, value in enumerate(values):
        count = np.sum(levels <= value)
        way = 1 - np.exp(levels[count - 1] - value) if count else np.exp(value - levels[0])
        expected[place] = (count + way) / n_levels
    found = _ordered_share(values, levels)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert all(len(np.unique(found[values == value])) == 1 for value in np.unique(values))


def test_a_small_population_has_small_fprs():
    """20 population samples: their largest ratio is passed by 5 % of the non-members, who would all be tied."""
    world = gaussian_world(8, 16, 1000, 1.5, n_population=20)
    shares, _ = slow_rmia(world, "pairs", "online", 0.3, 1.0)
    fprs = np.array([0.01])
    tied = roc(*world.split(shares), fprs).tpr[0]
    assert roc(*world.split(RMIA("online", 0.3, 1.0).score(world, "pairs")), fprs).tpr[0] > tied + 0.02


def pooled_and_per_model(attack, world):
    scores = attack.score(world, "pairs")
    own = [auc(row[mask], row[~mask]) for row, mask in zip(scores, world.mask, strict=True)]
    return auc(*world.split(scores)), np.mean(own)


@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize("seed", range(3))
def test_one_threshold_serves_uneven_targets_at_gamma_1_only(mode, seed):
    world = uneven_targets(seed)
    pooled, per_model = pooled_and_per_model(RMIA(mode, 0.3, 1.0), world)
    assert pooled == pytest.approx(per_model, abs=0.005)
    pooled, per_model = pooled_and_per_model(RMIA(mode, 0.3, 2.0), world)
    assert pooled < per_model - 0.02


def test_signal_is_the_log_probability():
    margins = np.array([-800.0, -30, -1, 0, 1, 30])
    (log_p,) = RMIA("online", 0.3, 2.0).prepare(Values({"margin": margins[None]}))["log_p"]
    np.testing.assert_allclose(log_p[1:], -np.logaddexp(0, -margins[1:]), rtol=1e-9)
    assert log_p[0] == -800


def test_gamma_asks_for_more():
    world = gaussian_world(5, 8, 100, 1.0)
    low, high = (RMIA("online", 0.3, gamma).score(world, "pairs") for gamma in (1.0, 4.0))
    assert (low >= high).all()
    assert (low > high).any()


def test_members_are_seen():
    world = gaussian_world(6, 32, 500, 1.0, n_population=500)
    for mode, gamma in itertools.product(("online", "offline"), (1.0, 2.0)):
        assert auc(*world.split(RMIA(mode, 0.3, gamma).score(world, "pairs"))) > 0.6


def test_too_few_models_are_refused():
    with pytest.raises(ValueError, match="at least 4 models, got 2"):
        RMIA("online", 0.3, 2.0).score(gaussian_world(0, 2, 10, 0.0), "pairs")
    for folds in ("pairs", "halves"):
        RMIA("offline", 0.3, 2.0).score(gaussian_world(0, 4, 10, 0.0), folds)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("a", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("n_models", [8, 10])
def test_dialect_of_ml_privacy_meter(folds, a, n_models):
    world = gaussian_world(n_models, n_models, 50, 1.0, n_population=60)
    world.population["margin"][:, :5] = world.margins[:, :5]  # of these some ratios are equal
    attack = RMIA("offline", a, 1.0, "privacy_meter")
    np.testing.assert_allclose(attack.score(world, folds), slow_privacy_meter(world, folds, a), rtol=0, atol=1e-12)


def test_dialect_by_hand():
    """Two reference pairs with p = .5 or .9 for all, a target with p = .8; a = .3, so P = .65 p_out + .35."""
    p = np.array([[0.8], [0.2], [0.5], [0.9], [0.9], [0.5]])
    p_z = np.array([[0.8, 0.7], [0.2, 0.2], [0.5, 0.5], [0.9, 0.9], [0.9, 0.9], [0.5, 0.5]])
    mask = np.array([[True], [False], [False], [True], [False], [True]])
    world = Signals.of_margins(special.logit(p), mask, special.logit(p_z))
    # P(x): OUT are .5 and .9, so .65 * .7 + .35 = .805. P(z): the larger two are .9 and .9, so .935.
    assert 0.8 / 0.805 > 0.8 / 0.935 > 0.7 / 0.935
    score = RMIA("offline", 0.3, 1.0, "privacy_meter").score(world, "pairs")
    assert score[0, 0] == 1
    # ours: P(z) = (.5 + .9) / 2 = .7; of R(z) = 1.14 and 1, R(x) = .994 beats none
    assert RMIA("offline", 0.3, 1.0).score(world, "pairs")[0, 0] < 0.5
