"""Dialects of LiRA and RMIA against the published definitions, written as loops, on one world; and where they part."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from memdyn.attacks.dialects import PUBLISHED, published
from memdyn.attacks.lira import LiRA
from memdyn.attacks.lira_views import LiraViews
from memdyn.attacks.rmia import RMIA
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.roc import auc
from slow_attacks import slow_privacy_meter
from slow_calibrated import slow_bavaria, slow_published
from worlds import complementary_mask, gaussian_world

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
VIEWS = 3


def world_of(n_models, n_samples=24):
    """Skewed margins with heavy tails; views that hang together; models that differ in confidence."""
    rng = np.random.default_rng([31, n_models])
    mask = complementary_mask(rng, n_models, n_samples)
    deviation, confidence = np.exp(rng.normal(0, 0.6, n_samples)), rng.normal(0, 0.3, (n_models, 1))
    noise = rng.standard_t(4, mask.shape) + 0.7 * rng.exponential(size=mask.shape)
    margins = rng.normal(1, 3, n_samples) + deviation * (noise + confidence + 1.2 * mask)
    views = margins[..., None] + 0.5 * rng.normal(size=(*mask.shape, VIEWS))
    return Signals.of(*(Values({"margin": margins, "margin_views": views}) for _ in range(2)), mask)


@pytest.fixture(scope="module")
def world():
    return world_of(12)


CASES = [
    (dialect, variance, mode, folds)
    for dialect, mode, folds in itertools.product(PUBLISHED, ("online", "offline"), ("pairs", "halves"))
    for variance in ("per_sample", "global", *(["switched"] if dialect == "leakpro" else []))
]


@pytest.mark.parametrize(("dialect", "variance", "mode", "folds"), CASES)
def test_agrees_with_the_published_definition(dialect, variance, mode, folds, world):
    found = LiRA(mode, variance, dialect).score(world, folds)
    np.testing.assert_allclose(
        found, slow_published(world, world.margins[..., None], folds, mode, variance, dialect), **CLOSE
    )


@pytest.mark.parametrize(("dialect", "variance", "mode", "folds"), [case for case in CASES if case[0] != "leakpro"])
def test_views_agree_with_the_published_definition(dialect, variance, mode, folds, world):
    found = LiraViews(mode, variance, dialect).score(world, folds)
    views = world.arrays["margin_views"]
    np.testing.assert_allclose(found, slow_published(world, views, folds, mode, variance, dialect), **CLOSE)


@pytest.mark.parametrize("law", ["student", "normal"])
@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("weights", [(0.01, 4.0), (2.0, 0.5)])
def test_agrees_with_the_textbook_prior(law, mode, folds, weights, world):
    found = LiRA(mode, "shrunken", "bavaria", law, *weights).score(world, folds)
    np.testing.assert_allclose(found, slow_bavaria(world, folds, mode, law, *weights), **CLOSE)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_agrees_with_ml_privacy_meter(folds, world):
    found = RMIA("offline", 0.3, 1.0, "privacy_meter").score(world, folds)
    np.testing.assert_allclose(found, slow_privacy_meter(world, folds, 0.3), rtol=0, atol=1e-12)
    assert len(np.unique(found)) > 10


@pytest.mark.parametrize(("n_models", "same"), [(64, "global"), (66, "per_sample")])
def test_leakpro_switches_at_64_reference_models(n_models, same):
    """A scored model leaves a pair out, so 66 models are 64 references."""
    given = world_of(n_models, 6)
    switched, fixed = (LiRA("online", variance, "leakpro").score(given, "pairs") for variance in ("switched", same))
    np.testing.assert_array_equal(switched, fixed)
    other = {"global": "per_sample", "per_sample": "global"}[same]
    assert (switched != LiRA("online", other, "leakpro").score(given, "pairs")).any()


def test_medians_of_an_even_and_an_odd_number():
    """Of 4 and of 5 references, with ties."""
    for n_models in (10, 12):
        given = gaussian_world(n_models, n_models, 30, 1.0)
        rounded = Signals.of_margins(np.round(given.margins), given.mask, given.population["margin"])
        found = LiRA("offline", "global", "tfp").score(rounded, "pairs")
        slow = slow_published(rounded, rounded.margins[..., None], "pairs", "offline", "global", "tfp")
        np.testing.assert_allclose(found, slow, **CLOSE)


def test_leakpro_offline_is_tied_at_the_top_and_ours_is_not():
    """log Phi(z) is 0 from z = 38.5 on."""
    given = gaussian_world(1, 32, 40, 0.0, spread=0.1)
    inside, outside = given.split(given.margins)
    inside[0] = outside.mean(axis=0) + outside.std(axis=0) * (50 + np.arange(40))
    far = Signals.of_margins(given.join(inside, outside), given.mask, given.population["margin"])
    tied, ours = (
        far.split(LiRA("offline", "per_sample", dialect).score(far, "pairs"))[0][0] for dialect in ("leakpro", "memdyn")
    )
    assert (tied == 0).all() and len(np.unique(ours)) == 40


def test_the_fixed_variance_of_the_papers_code_holds_what_samples_differ_by():
    """So it is too wide, and its likelihood ratio is nearly that of a difference of means: tfp's is not."""
    given = gaussian_world(0, 32, 400, 1.0, spread=0.0)
    online = {
        dialect: LiRA("online", "global", dialect).score(given, "pairs") for dialect in ("carlini2022", "tfp", "memdyn")
    }
    assert np.abs(online["carlini2022"]).mean() < 0.3 * np.abs(online["tfp"]).mean()
    assert auc(*given.split(online["tfp"])) == pytest.approx(auc(*given.split(online["memdyn"])), abs=0.01)


@pytest.mark.parametrize("dialect", ["bavaria", "memdyn"])
def test_a_prior_helps_few_models(dialect):
    """8 models: a sample's own variance of 3 margins is noise."""
    given = gaussian_world(2, 8, 4000, 1.0)
    own, shrunken = (
        LiRA("online", variance, name).score(given, "pairs")
        for variance, name in (("per_sample", "memdyn"), ("shrunken", dialect))
    )
    assert auc(*given.split(shrunken)) > auc(*given.split(own)) + 0.02


@pytest.mark.parametrize("variance", ["per_sample", "global", "shrunken"])
@pytest.mark.parametrize("mode", ["online", "offline"])
def test_views_are_the_mean_of_single_views(variance, mode, world):
    single = []
    for view in range(VIEWS):
        arrays = replace(world.arrays, arrays={"margin": np.ascontiguousarray(world.arrays["margin_views"][..., view])})
        single.append(LiRA(mode, variance).score(replace(world, arrays=arrays, population=arrays), "pairs"))
    found = LiraViews(mode, variance).score(world, "pairs")
    np.testing.assert_allclose(found, np.mean(single, axis=0), rtol=1e-12, atol=1e-12)


def test_views_of_one_law_add_up_to_what_is_known():
    """V views with noise of their own: the mean ratio is that of their mean, so AUC = Phi(d' sqrt(V / 2))."""
    rng, d_prime, n_views = np.random.default_rng(4), 0.5, 4
    mask = complementary_mask(rng, 256, 300)
    views = rng.normal(size=300)[:, None] + rng.normal(size=(*mask.shape, n_views)) + d_prime * mask[..., None]
    values = Values({"margin_views": views})
    given = Signals.of(values, values, mask)
    found = auc(*given.split(LiraViews("online", "global").score(given, "pairs")))
    assert found == pytest.approx(stats.norm.cdf(d_prime * np.sqrt(n_views / 2)), abs=0.005)


def test_unknown_ones_are_refused(world):
    for dialect, variance in (("lira", "global"), ("tfp", "shrunken")):
        with pytest.raises(ValueError, match=f"dialect '{dialect}' has no variance '{variance}'"):
            published(dialect, variance, None, world.split(world.margins)[1], None)
