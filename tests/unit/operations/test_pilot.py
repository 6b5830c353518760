"""Design effects, and how rates rise with models: against slow derivations and worlds whose answer is known."""

import numpy as np
import pytest

from memdyn.operations.pilot import Pilot, independent, rise, slope_at
from memdyn.stats.jackknife import standard_error
from memdyn.stats.roc import roc

SIZES = np.array([3, 2, 2, 3])


def pilot_of(rates, deviations, models=16, rise=0.0, sizes=None, **options) -> Pilot:
    """Of rates that are means over groups: each group's is so far from the whole's."""
    rates, deviations = np.asarray(rates, float), np.asarray(deviations, float)
    deviations = deviations - deviations.mean(axis=0)
    deleted = rates - deviations / (len(deviations) - 1)
    return Pilot(models, rates, deleted, np.ones(len(deviations), int) if sizes is None else sizes, rise, **options)


def test_an_error_is_that_of_the_slow_sum():
    """A checkpoint at a time: the jackknife's variance over the independent one's, and back at the last."""
    rng = np.random.default_rng(1)
    rates, slopes, fpr = np.array([0.1, 0.2, 0.15]), np.array([4.0, 6.0, 5.0]), 0.01
    deleted = rates + 0.01 * rng.normal(size=(4, 3))
    pilot = Pilot(20, rates, deleted, SIZES, 0.4, fpr, slopes)
    effects = []
    for c in range(3):
        error = float(standard_error(rates[c], deleted[:, c], SIZES))
        effects.append(20 * error**2 / (rates[c] * (1 - rates[c]) + slopes[c] ** 2 * fpr * (1 - fpr)))
    assert pilot.effect == pytest.approx(np.mean(effects))
    for models in (20, 80):
        odds = rates[2] / (1 - rates[2]) * np.exp(0.4 * (1 - 20 / models))
        rate = odds / (1 + odds)
        slope = slopes[2] * rate * (1 - rate) / (rates[2] * (1 - rates[2]))
        variance = np.mean(effects) * (rate * (1 - rate) + slope**2 * fpr * (1 - fpr)) / models
        assert pilot.error(models) == pytest.approx(np.sqrt(variance))
    assert pilot.error(np.array([20, 80])).tolist() == [pilot.error(20), pilot.error(80)]


def test_with_fewer_models_rates_fall_no_further_than_without_a_group():
    pilot = pilot_of([0.1], [[0.01], [0.0], [-0.01], [0.0]], rise=0.6, fpr=0.01)
    assert pilot.error(8) / pilot.error(12) == pytest.approx(np.sqrt(12 / 8))
    assert pilot.error(16) / pilot.error(12) > np.sqrt(12 / 16), "while the rate rises"


def test_checkpoints_that_tell_nothing_are_left_out():
    noise = np.random.default_rng(2).normal(size=(4, 5)) * [0.01, 0.0, 0.01, 0.01, 0.01]
    whole = pilot_of([0.6, 0.6, 0.7, 1.0, np.nan], noise)
    few = pilot_of([0.6, 0.7], noise[:, [0, 2]])
    assert whole.tells and whole.error(32) == pytest.approx(few.error(32)) and whole.freedom == few.freedom
    assert not pilot_of([0.5, 1.0], np.zeros((4, 2))).tells


@pytest.mark.parametrize("shared, checkpoints", [(0.0, 1.0), (0.5, 10 / (1 + 9 * 0.5**2)), (1.0, 1.0)])
def test_freedom_is_that_of_the_spread_of_effects(shared, checkpoints):
    """Groups' deviations have so much in common between checkpoints: variances of chi squares, dof 2 / relative."""
    rng, rates = np.random.default_rng(3), np.full(10 if shared else 1, 0.5)
    pilots = [
        pilot_of(rates, np.sqrt(shared) * rng.normal(size=(16, 1)) + np.sqrt(1 - shared) * noise)
        for noise in rng.normal(size=(1500, 16, len(rates)))
    ]
    effects = np.array([each.effect for each in pilots])
    seen = 2 * effects.mean() ** 2 / effects.var()
    assert seen == pytest.approx(15 * checkpoints, rel=0.15)
    told = np.mean([each.freedom for each in pilots])
    assert 0.7 * seen < told < 1.1 * seen, "rather too few"


def test_a_rate_that_rises_with_the_models_is_known_from_deleted_groups():
    """logit(rate) = a - b / models at all checkpoints, but for the noise of each."""
    rng, groups, models = np.random.default_rng(5), 8, 16
    level, bias = np.array([-4.0, -3.0, -2.5]), 10.0

    def rate(count):
        return 1 / (1 + np.exp(-(level - bias / count)))

    deleted = rate(models * (1 - 1 / groups)) * (1 + 0.01 * rng.normal(size=(groups, 3)))
    found = rise(rate(models), deleted, np.full(groups, 2))
    assert found == pytest.approx(bias / models, rel=0.15)
    nothing = rise(rate(models), np.tile(rate(models), (groups, 1)), np.full(groups, 2))
    assert nothing == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("separation", [0.0, 1.0, 2.0])
def test_independent_scores_have_a_design_effect_of_one(separation):
    """Normal scores, drawn again and again: the spread of AUC and of the TPR at 1 % is the independent one."""
    rng, n, fpr = np.random.default_rng(6), 2000, 0.01
    seen = np.array(
        [
            [(r := roc(*scores, [fpr])).auc, r.tpr[0]]
            for scores in rng.normal([[0.0]], 1, (600, 2, n)) + [[separation], [0]]
        ]
    )
    fprs = np.geomspace(1e-4, 1, 41)
    curve = roc(rng.normal(separation, 1, 400_000), rng.normal(size=400_000), fprs).tpr
    slope = slope_at(fpr, fprs, curve)
    auc, tpr = seen.mean(axis=0)
    assert seen[:, 0].std() == pytest.approx(np.sqrt(independent(auc, 0.0, None) / n), rel=0.2)
    assert seen[:, 1].std() == pytest.approx(np.sqrt(independent(tpr, slope, fpr) / n), rel=0.2)


def test_a_slope_is_that_of_the_curve():
    fprs = np.geomspace(1e-4, 1, 41)
    assert slope_at(0.01, fprs, fprs) == pytest.approx(1, rel=0.02)
    assert slope_at(0.01, fprs, np.sqrt(fprs)) == pytest.approx(5, rel=0.15)
    assert slope_at(0.01, fprs[20:], fprs[20:]) == pytest.approx(1, rel=0.02), "where half of it is not on the grid"
