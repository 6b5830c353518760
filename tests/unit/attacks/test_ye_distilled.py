"""Attack D: against the quantile functions as they are written; worlds where students know what is to be known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from memdyn.attacks.signals import Signals, Values
from memdyn.attacks.ye import SMOOTHINGS
from memdyn.attacks.ye_distilled import YeDistilled
from memdyn.stats.roc import auc
from slow_calibrated import first_level, log_normal_level
from worlds import complementary_mask


def taught_world(seed, n_models=8, n_samples=200, students=9, d_prime=0.0, digits=9):
    """Each model has a law of its own for each sample, which its students draw from too; members are d' higher."""
    rng = np.random.default_rng(seed)
    mask = complementary_mask(rng, n_models, n_samples)

    def values(n, member):
        mean, deviation = rng.normal(1, 2, (n_models, n)), np.exp(0.5 * rng.normal(size=(n_models, n)))
        own = mean + deviation * (rng.normal(size=mean.shape) + d_prime * member)
        taught = mean[..., None] + deviation[..., None] * rng.normal(size=(*mean.shape, students))
        return Values({"margin": np.round(own, digits), "margin_students": np.round(taught, digits)})

    return Signals.of(values(n_samples, mask), values(5, False), mask)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("digits", [9, 0])
def test_agrees_with_the_quantile_function(smoothing, digits):
    """A model and a sample at a time; rounded margins have ties. Only the first students are asked."""
    given = taught_world(3, 4, 30, 7, 1.0, digits)
    found = YeDistilled(smoothing, 5).score(given, "pairs")
    for (model, sample), score in np.ndenumerate(found):
        own, *theirs = np.logaddexp(
            0, -np.append(given.margins[model, sample], given.arrays["margin_students"][model, sample, :5])
        )
        if smoothing == "logit_normal":
            expected = -log_normal_level(own, np.array(theirs))
        else:
            expected = -np.log(first_level(own, np.array(theirs), smoothing))
        assert score == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize(("n_models", "d_prime"), [(8, 0.0), (8, 1.0), (32, 2.0)])
def test_known_answer(smoothing, n_models, d_prime):
    """Of many students the level is the p-value of a standard normal, whatever the models differ in."""
    given = taught_world(5, n_models, 3000 // n_models, 150, d_prime)
    found = auc(*given.split(YeDistilled(smoothing, 150).score(given, "pairs")))
    assert found == pytest.approx(stats.norm.cdf(d_prime / np.sqrt(2)), abs=0.015)


def test_levels_of_non_members_are_p_values():
    """As often as the level says, where the law is known from few students: 1 of 10 steps of an empirical quantile."""
    given = taught_world(6, 8, 4000, 9)
    scores = YeDistilled("empirical", 9).score(given, "halves")
    np.testing.assert_allclose((np.exp(-scores) <= 0.1 + 1e-9).mean(axis=1), 0.1, atol=0.02)


def test_other_models_and_memberships_have_no_part():
    given, attack = taught_world(1, 12, 40, 4, 1.0), YeDistilled("linear", 4)
    scores = attack.score(given, "pairs")
    np.testing.assert_array_equal(attack.score(given.take([4]), "halves"), scores[8:10])
    flips = np.random.default_rng(0).random((6, 40)) < 0.5
    np.testing.assert_array_equal(attack.score(given.swap(flips), "pairs"), scores)


def test_what_cannot_be_is_refused():
    given = taught_world(0, students=3)
    with pytest.raises(ValueError, match="unknown smoothing 'cubic'; allowed: empirical, linear, logit_normal"):
        YeDistilled("cubic", 3)
    with pytest.raises(ValueError, match="there are 3 students"):
        YeDistilled("linear", 4).score(given, "pairs")
    with pytest.raises(KeyError, match="no signal 'margin_students'"):
        arrays = Values({"margin": given.margins})
        YeDistilled("linear", 3).score(replace(given, arrays=arrays), "pairs")
