"""LiRA in closed form: against loops over models, and against what is known."""

import itertools

import numpy as np
import pytest
from scipy import stats

from memdyn.attacks.lira import LiRA
from memdyn.attacks.signals import Signals
from memdyn.stats.roc import auc
from slow_attacks import slow_lira
from worlds import gaussian_world

MODES, VARIANCES, FOLDS = ("online", "offline"), ("per_sample", "global", "shrunken"), ("pairs", "halves")


@pytest.mark.parametrize(("mode", "variance", "folds"), list(itertools.product(MODES, VARIANCES, FOLDS)))
@pytest.mark.parametrize("n_models", [12, 14])
def test_agrees_with_a_loop_over_models(mode, variance, folds, n_models):
    world = gaussian_world(n_models, n_models, 50, 1.0, spread=0.8)
    fast = LiRA(mode, variance).score(world, folds)
    assert fast.dtype == np.float64
    np.testing.assert_allclose(fast, slow_lira(world, folds, mode, variance), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("variance", VARIANCES)
@pytest.mark.parametrize(("n_models", "d_prime"), [(256, 0.5), (256, 2.0)])
def test_known_answer(variance, n_models, d_prime):
    """With many models, LiRA is the likelihood ratio of two normals: AUC = Phi(d' / sqrt 2)."""
    world = gaussian_world(5, n_models, 400, d_prime)
    scores = LiRA("online", variance).score(world, "pairs")
    expected = stats.norm.cdf(d_prime / np.sqrt(2))
    # Global variance is wrong for samples that are not alike: less than the optimum, never more.
    slack = 0.03 if variance == "global" else 0.012
    assert expected - slack < auc(*world.split(scores)) < expected + 0.003


def test_shrinkage_takes_the_better_of_both():
    """Few models: a sample's own variance is noise. Many: the common one is wrong."""

    def aucs(n_models):
        world = gaussian_world(0, n_models, 4000, 1.0, spread=0.8)
        return {v: auc(*world.split(LiRA("online", v).score(world, "pairs"))) for v in VARIANCES}

    few, many = aucs(12), aucs(64)
    assert few["shrunken"] > few["per_sample"] + 0.01
    assert many["shrunken"] > many["global"] + 0.01
    assert many["shrunken"] > many["per_sample"] - 0.002


def test_threshold_is_the_likelihood_ratio_one():
    assert LiRA("online", "shrunken").threshold == 0
    assert LiRA("offline", "shrunken").threshold is None


@pytest.mark.parametrize("variance", VARIANCES)
def test_offline_does_not_saturate(variance):
    """Members 9 to 48 standard deviations out: 1 - Phi is 0 for all of them, a tie at the top of the ROC."""
    world = gaussian_world(1, 64, 40, 0.0, spread=0.1)
    values_in, values_out = world.split(world.margins)
    values_in[0] = values_out.mean(axis=0) + values_out.std(axis=0) * (9 + np.arange(40))
    far = Signals.of_margins(world.join(values_in, values_out), world.mask, world.population["margin"])
    scores_in, scores_out = far.split(LiRA("offline", variance).score(far, "pairs"))
    assert np.isfinite(scores_in).all()
    assert len(np.unique(scores_in[0])) == 40
    assert scores_in[0].min() > max(scores_in[1:].max(), scores_out.max())


@pytest.mark.parametrize(("mode", "variance", "folds"), list(itertools.product(MODES, VARIANCES, FOLDS)))
def test_constant_margins_are_no_evidence(mode, variance, folds):
    world = gaussian_world(1, 16, 30, 0.0)
    constant = Signals.of_margins(np.full(world.margins.shape, 2.5), world.mask, world.population["margin"])
    scores = LiRA(mode, variance).score(constant, folds)
    assert np.isfinite(scores).all()
    assert np.ptp(scores) < 1e-6


def test_too_few_models_are_refused():
    for n_models, folds in ((4, "pairs"), (6, "halves")):
        with pytest.raises(ValueError, match=f"at least {n_models + 2} models, got {n_models}"):
            LiRA("online", "global").score(gaussian_world(0, n_models, 10, 0.0), folds)
        LiRA("online", "shrunken").score(gaussian_world(0, n_models + 2, 10, 0.0), folds)


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match="variance 'fixed'"):
        LiRA("online", "fixed").score(gaussian_world(0, 8, 10, 0.0), "pairs")
    with pytest.raises(ValueError, match="folds 'models'"):
        LiRA("online", "global").score(gaussian_world(0, 8, 10, 0.0), "models")
