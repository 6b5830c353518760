"""Shares of the zones: one number everywhere, and the parametric one where many models are far away."""

import numpy as np
import pytest
from scipy.stats import norm

from dynamic_worlds import dynamic_world
from memdyn.dynamics.population import population_tables
from memdyn.dynamics.stage import observe_states
from memdyn.dynamics.zone_shares import expected_share, smooth_shares, zone_table
from memdyn.terms import ZONES
from observed_worlds import BOUNDS, LIRA, observed, one_class, settings, states


def shares(world, fprs=()):
    how = settings(fprs)
    return zone_table(observe_states(world, LIRA, how), smooth_shares(world, BOUNDS, how), BOUNDS, 0.95)


@pytest.fixture(scope="module")
def growing():
    """Three checkpoints, 90 samples whose d' grows from 0 to between 0 and 6."""
    d_prime = np.linspace(0, 1, 3)[:, None] * np.linspace(0, 6, 90)
    return dynamic_world(0, 32, d_prime, np.zeros((3, 90)), n_sham=40)


def test_table_curves_and_states_have_one_number(growing):
    table = shares(growing)
    observations = observed(growing)
    population = population_tables(observations, one_class(growing), growing.parts, BOUNDS, 0.95)["curves"]
    every = states(observations)
    assert len(table) == 3 * len(ZONES) and np.allclose(table.groupby("epoch")["share"].sum(), 1)
    for row in table.itertuples():
        curve = population.query("samples == 'all' and epoch == @row.epoch and figure == 'share_' + @row.zone").iloc[0]
        assert row.share == pytest.approx(curve["value"]) and row.null == pytest.approx(curve["null"])
        assert row.low == pytest.approx(max(curve["low"], 0)) and row.high == pytest.approx(min(curve["high"], 1))
        counted = every.loc[every["epoch"] == row.epoch, "zone_counted"]
        assert row.share == pytest.approx((counted == row.zone).mean())
    assert table.loc[table["epoch"] == 2].set_index("zone")["share"]["highly_vulnerable"] > 0.3


def test_only_the_highly_vulnerable_have_a_parametric_share(growing):
    table = shares(growing, (0.1,)).set_index(["threshold", "zone", "epoch"])
    assert table.drop("highly_vulnerable", level="zone")[["smooth", "smooth_low", "smooth_high"]].isna().all(axis=None)
    worst = table.xs("highly_vulnerable", level="zone")
    assert (worst.loc["lr1", "smooth"] == worst.loc["fpr0.1", "smooth"]).all(), "no threshold is involved"
    truth = (np.linspace(0, 6, 90) >= norm.ppf(0.9) - norm.ppf(0.1)).mean()
    assert worst.loc[("lr1", 2), "smooth"] == pytest.approx(truth, abs=0.05)
    assert 0 < worst.loc[("lr1", 2), "smooth_high"] - worst.loc[("lr1", 2), "smooth_low"] < 0.2
    assert worst.loc[("lr1", 0), "smooth"] < 0.01


def test_too_few_models_have_shares_without_intervals():
    few = shares(dynamic_world(1, 8, np.full((1, 40), 3.0), np.zeros((1, 40))))
    assert few[["low", "high"]].isna().all(axis=None) and few["share"].notna().all()


@pytest.mark.parametrize(
    ("centre", "spread", "law"),
    [(1.0, 1.5, "normal"), (2.5, 0.7, "normal"), (2.0, 1.0, "ties")],
)
def test_parametric_shares_do_not_depend_on_the_number_of_models(centre, spread, law, capsys):
    """A normal law of d', so that the share beyond the bound is known; the counted share moves by far more."""
    n, bound = 1500, BOUNDS.hv_d_prime
    d_prime = norm.ppf((np.arange(n) + 0.5) / n, centre, spread)
    truth, parametric, counted = norm.sf(bound, centre, spread), [], []
    for n_models in (8, 16, 32, 64, 128):
        world = dynamic_world(n_models, n_models, d_prime[None], np.zeros((1, n)), law=law)
        inputs = world.loader("scored")(0)
        inside, outside = inputs.split(inputs.margins)
        parametric.append(expected_share(inside, outside, bound))
        scores_in, scores_out = LIRA.score_pairs(inputs, "halves")
        tpr, fpr = (scores_in > 0).mean(axis=0), (scores_out > 0).mean(axis=0)
        counted.append(((tpr >= BOUNDS.hv_tpr) & (fpr <= BOUNDS.hv_fpr)).mean())
    with capsys.disabled():
        print(f"\n{law}: share {truth:.3f}; M 8 to 128: {np.round(parametric, 3)}, counted {np.round(counted, 3)}")
    assert np.abs(np.array(parametric) - truth).max() < 0.04
    assert np.ptp(counted) > 1.5 * np.ptp(parametric)


@pytest.mark.slow
def test_coverage_of_the_parametric_share(capsys):
    n, reps, held = 300, 100, []
    d_prime = norm.ppf((np.arange(n) + 0.5) / n, 1, 1.5)[None]
    truth = norm.sf(BOUNDS.hv_d_prime, 1, 1.5)
    for seed in range(reps):
        table = smooth_shares(dynamic_world(seed, 32, d_prime, np.zeros((1, n))), BOUNDS, settings()).iloc[0]
        held.append(table["smooth_low"] <= truth <= table["smooth_high"])
    with capsys.disabled():
        print(f"\nparametric share of the highly vulnerable: covered {np.mean(held):.3f}")
    assert np.mean(held) >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / reps)
