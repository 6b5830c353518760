"""Attacks P and R: against the quantile functions as they are written, their ends and ties, and what is known."""

import itertools

import numpy as np
import pytest
from scipy import stats

from memdyn.attacks.lira import LiRA
from memdyn.attacks.signals import Signals
from memdyn.attacks.ye import CHUNK, FAR, REFERENCES, SMOOTHINGS, Ye, log_loss
from memdyn.stats.roc import auc
from slow_calibrated import first_level, slow_ye
from worlds import gaussian_world

EACH = list(itertools.product(REFERENCES, SMOOTHINGS))


def rounded(world, digits):
    return Signals.of_margins(np.round(world.margins, digits), world.mask, np.round(world.population["margin"], digits))


@pytest.mark.parametrize(("reference", "smoothing"), EACH)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize(("n_models", "digits"), [(8, 9), (14, 9), (14, 0), (16, 1)])
def test_agrees_with_the_quantile_function(reference, smoothing, folds, n_models, digits):
    """Rounded margins have ties, with the own one and among the others."""
    world = rounded(gaussian_world(n_models, n_models, 25, 1.0, n_population=15), digits)
    found = Ye(reference, smoothing).score(world, folds)
    np.testing.assert_allclose(found, slow_ye(world, folds, reference, smoothing), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("smoothing", ["empirical", "linear"])
@pytest.mark.parametrize("alpha", [0.1, 0.25, 0.5, 0.9])
def test_the_level_is_where_the_decision_turns(smoothing, alpha):
    """Member at alpha iff loss < the alpha quantile, asked of numpy's quantile function itself."""
    rng = np.random.default_rng(0)
    losses = np.round(rng.exponential(size=9), 1)
    padded = [0.0, *losses, 1000.0]
    method = "linear" if smoothing == "linear" else "higher"
    cut = np.quantile(padded, alpha, method=method)
    for own in [*rng.exponential(size=200), *losses]:
        level = first_level(own, losses, smoothing)
        if abs(level - alpha) > 1e-9 and own != cut:
            steps = np.ceil(alpha * 10 - 1e-9) / 10 if smoothing == "empirical" else alpha
            assert (own < cut) == (level <= steps)


def test_chunks_do_not_show(monkeypatch):
    world = gaussian_world(3, 16, 50, 1.0)
    whole = Ye("models", "linear").score(world, "pairs")
    monkeypatch.setattr("memdyn.attacks.ye.CHUNK", 1)
    assert CHUNK > 1
    np.testing.assert_array_equal(Ye("models", "linear").score(world, "pairs"), whole)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("d_prime", [0.5, 2.0])
def test_known_answer_of_models(smoothing, d_prime):
    """With many models the level is the p-value of a standard normal: AUC = Phi(d' / sqrt 2); steps cost a little."""
    world = gaussian_world(5, 256, 400, d_prime)
    expected = stats.norm.cdf(d_prime / np.sqrt(2))
    found = auc(*world.split(Ye("models", smoothing).score(world, "pairs")))
    assert expected - 0.01 < found < expected + 0.004


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_levels_of_non_members_are_p_values(smoothing):
    """The same law on the population: 5 % of the losses are below the 5 % quantile, whichever model is attacked."""
    rng = np.random.default_rng(6)
    mask = gaussian_world(0, 16, 2000, 0.0).mask
    scale = np.exp(rng.normal(0, 0.5, (16, 1)))
    margins, population = (scale * (1 + rng.normal(size=(16, size))) for size in (2000, 1000))
    scores = Ye("population", smoothing).score(Signals.of_margins(margins, mask, population), "pairs")
    np.testing.assert_allclose((np.exp(-scores) <= 0.05).mean(axis=1), 0.05, atol=0.03)


@pytest.mark.parametrize("smoothing", ["linear", "logit_normal"])
def test_of_the_population_a_model_is_ordered_as_by_its_loss(smoothing):
    world = gaussian_world(7, 8, 500, 1.0)
    scores = Ye("population", smoothing).score(world, "pairs")
    for row, margins in zip(scores, world.margins, strict=True):
        assert (np.diff(row[np.argsort(margins)]) > 0).all()


def test_logit_normal_of_models_orders_as_offline_lira():
    """n or n - 1 in the variance is one factor for all samples."""
    world = gaussian_world(8, 16, 300, 1.0)
    ours, lira = Ye("models", "logit_normal").score(world, "pairs"), LiRA("offline", "per_sample").score(world, "pairs")
    np.testing.assert_array_equal(np.argsort(ours, axis=None), np.argsort(lira, axis=None))


@pytest.mark.parametrize(("reference", "smoothing"), [each for each in EACH if each[1] != "empirical"])
def test_confident_members_are_not_tied(reference, smoothing):
    """Losses of exp(-50) to exp(-986), which is 0 in float64, lie below all others; none has the level of another."""
    world = gaussian_world(1, 16, 40, 0.0, spread=0.1)
    margins = world.margins.copy()
    margins[world.mask[:, 0], 0] += 1
    margins[0] = 50 + 24 * np.arange(40)
    scores = Ye(reference, smoothing).score(
        Signals.of_margins(margins, world.mask, world.population["margin"]), "pairs"
    )
    assert np.isfinite(scores).all()
    if reference == "population":
        assert (np.diff(scores[0]) > 0).all() and scores[0].min() > scores[1:].max()
    else:
        assert len(np.unique(scores[0])) == 40


def test_empirical_levels_are_few_and_their_ends_are_told():
    world = gaussian_world(2, 8, 400, 1.0)
    levels = np.exp(-Ye("models", "empirical").score(world, "pairs"))
    np.testing.assert_allclose(np.unique(np.round(levels, 9)), np.arange(1, 5) / 4)


@pytest.mark.parametrize(("reference", "smoothing"), EACH)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_constant_margins_are_no_evidence(reference, smoothing, folds):
    world = gaussian_world(1, 16, 30, 0.0)
    equal = Signals.of_margins(np.full((16, 30), 2.5), world.mask, np.full((16, 5), 2.5))
    scores = Ye(reference, smoothing).score(equal, folds)
    assert np.isfinite(scores).all() and np.ptp(scores) == 0


@pytest.mark.parametrize("smoothing", ["empirical", "linear"])
def test_huge_losses_are_at_the_other_end(smoothing):
    """1500 nats: beyond the quantile function's end, and not an error."""
    world = gaussian_world(1, 8, 6, 0.0)
    margins = world.margins.copy()
    margins[:, 0], margins[3, 0], margins[5, 1] = -1200.0, -1500.0, -999.0
    scores = Ye("models", smoothing).score(Signals.of_margins(margins, world.mask, margins), "pairs")
    assert np.isfinite(scores).all() and scores[3, 0] == 0
    assert scores[5, 1] == pytest.approx(-np.log(0.75 + 0.25 * 0.999) * (smoothing == "linear"), abs=2e-3)


def test_log_loss_never_is_that_of_zero():
    margins = np.array([-800.0, -1.0, 0.0, 1.0, FAR - 1e-9, FAR + 1e-9, 100.0, 700.0, 1e4])
    expected = [np.log(800.0), *np.log(np.log1p(np.exp(-margins[1:4]))), -FAR, -FAR, -100.0, -700.0, -1e4]
    np.testing.assert_allclose(log_loss(margins), expected, rtol=1e-12, atol=1e-8)


def test_what_cannot_be_is_refused():
    for options in (("distilled", "linear"), ("models", "cubic")):
        with pytest.raises(ValueError, match="unknown option .*; allowed: "):
            Ye(*options)
    world = gaussian_world(0, 4, 10, 0.0)
    Ye("models", "linear").score(world, "pairs")
    with pytest.raises(ValueError, match="at least 6 models, got 4"):
        Ye("models", "logit_normal").score(world, "pairs")
    with pytest.raises(ValueError, match="no population part"):
        Ye("population", "linear").score(Signals.of_margins(world.margins, world.mask, world.margins[:, :0]), "pairs")
