"""Per-sample measures: against loops, recovered in known worlds, and their intervals' coverage."""

import numpy as np
import pytest
from scipy.stats import norm

from dynamic_worlds import dynamic_world
from memdyn.dynamics.onset import NEVER
from memdyn.dynamics.plane import rate_interval
from memdyn.dynamics.trajectories import crossfit_sup, stabilisation, summary_table
from memdyn.stats.intervals import clopper_pearson
from observed_worlds import BOUNDS, SAMPLE, observed, states


def test_stabilisation_against_a_loop():
    rng = np.random.default_rng(0)
    fpr, tpr = rng.random((2, 6, 100)) * np.linspace(1, 0, 6)[:, None]
    for i in range(100):
        near = [np.hypot(fpr[t, i] - fpr[-1, i], tpr[t, i] - tpr[-1, i]) < 0.3 for t in range(6)]
        expected = next(t for t in range(6) if all(near[t:]))
        assert stabilisation(fpr, tpr, 0.3)[i] == expected != NEVER


def test_rates_have_as_many_trials_as_each_design_effect_leaves():
    called, effects = np.array([[0, 3], [8, 5]]), np.array([[1.0, 2.0], [1.5, np.nan]])
    expected = clopper_pearson(called, 8, 0.95, effects)
    np.testing.assert_allclose(rate_interval(called, 8, 0.95, effects), expected)


def test_limits_allow_for_the_design_effects_and_there_are_none_of_too_few_models():
    world = dynamic_world(5, 16, np.full((2, 40), 1.0), np.zeros((2, 40)))
    observations = observed(world, fprs=(0.1,))
    one = states(observations).query("threshold == 'fpr0.1'")
    effects = observations.design_effect["scored", "fpr0.1"]
    np.testing.assert_array_equal(one["design_effect_fpr"], effects[1].ravel())
    low, _ = rate_interval(observations.counts["scored", "fpr0.1"].d_in[0], 8, 0.95, effects[0])
    np.testing.assert_array_equal(one["tpr_low"], low.ravel())
    few = states(observed(dynamic_world(5, 8, np.ones((2, 40)), np.zeros((2, 40)))))
    assert few[["tpr_low", "fpr_high", "advantage_low", "design_effect_advantage"]].isna().all(axis=None)
    assert (few["zone_tracked"] == few["zone_counted"]).all()


def test_sup_of_noise_is_no_severity(capsys):
    """15 checkpoints without any advantage: the plain sup is large, that of halves is 0 on average."""
    world = dynamic_world(1, 32, np.zeros((15, 400)), np.zeros((15, 400)))
    summary = summary_table(observed(world), 0, BOUNDS, SAMPLE)
    plain, fair = summary["severity_sup"].mean(), summary["severity_sup_crossfit"].mean()
    with capsys.disabled():
        print(f"\nsup of the advantage without any: {plain:.3f}, from halves {fair:+.3f}")
    assert plain > 0.25 and abs(fair) < 0.03
    assert summary["severity"].mean() == pytest.approx(0, abs=0.05)


def test_crossfit_sup_of_a_clear_peak_is_its_height():
    rng = np.random.default_rng(2)
    truth = np.array([0.0, 0.8, 0.2])[:, None]
    first, second = truth + 0.05 * rng.normal(size=(2, 3, 2000))
    assert crossfit_sup(first, second).mean() == pytest.approx(0.8, abs=0.005)


@pytest.fixture(scope="module")
def known():
    """Three groups of 150 samples, epochs 0, 2, 4, 8, 12: no effect, d' 3 from epoch 4 on, d' 12 from epoch 8 on."""
    epochs = [0, 2, 4, 8, 12]
    time, group = np.array(epochs)[:, None], np.repeat([0, 1, 2], 150)
    d_prime = np.where(group == 1, 3.0 * (time >= 4), np.where(group == 2, 12.0 * (time >= 8), 0.0))
    world = dynamic_world(3, 64, d_prime, np.zeros(d_prime.shape), epochs=epochs)
    observations = observed(world, fprs=(0.1,))
    tables = {"states": states(observations), "summary": summary_table(observations, 7, BOUNDS, SAMPLE)}
    return tables, group


def test_known_lives_are_recovered(known):
    summary, group = known[0]["summary"], known[1]
    one = summary[summary["threshold"] == "lr1"]
    none, late, strong = (one[group == g] for g in range(3))
    assert none["censored"].mean() > 0.97 and not late["censored"].any()
    assert (late["onset"] == 4).mean() > 0.9 and (strong["onset"] == 8).mean() > 0.9
    assert (late.loc[late["onset"] == 4, "onset_after"] == 2).all()
    assert (late["d_prime_above"] <= 4).mean() > 0.98 and (strong["d_prime_above_latest"] == 8).mean() > 0.95
    expected = 2 * norm.cdf(1.5) - 1
    assert late["severity"].mean() == pytest.approx(expected, abs=0.05)
    assert strong["severity"].mean() == pytest.approx(1, abs=0.01)
    zones = strong["zone_counted"], none["zone_counted"]
    assert (zones[0] == "highly_vulnerable").all() and (zones[1] == "chance").mean() > 0.95
    assert (strong["stabilised"] == 8).mean() > 0.95
    assert one["sample"].tolist() == list(range(7, 457))


def test_states_follow_the_known_steps(known):
    every, group = known[0]["states"], known[1]
    assert len(every) == 2 * 5 * 450 and every["threshold"].unique().tolist() == ["lr1", "fpr0.1"]
    one = every[every["threshold"] == "lr1"]
    strong = one[np.tile(group == 2, 5)].groupby("epoch")
    slope, jump = strong["advantage_slope"].mean(), strong["d_prime_slope"].mean()
    assert slope[4] == pytest.approx(1 / 4, abs=0.02) and np.isnan(slope[12])
    assert jump[4] == pytest.approx(12 / 4, rel=0.1)
    assert strong["speed"].mean()[4] == pytest.approx(np.hypot(0.5, 0.5) / 4, abs=0.03)
    assert (one["tpr_low"] <= one["tpr"]).all() and (one["advantage"] <= one["advantage_high"] + 0.2).all()
    assert one.filter(regex="_(low|high)$").notna().all(axis=None)
    chance = one[np.tile(group == 0, 5)].groupby("epoch")["advantage"].mean()
    assert np.abs(chance).max() < 0.03


def test_the_summary_tells_the_last_of_the_states(known):
    """Both rules of zones, the advantage and its limits are those of the table of states."""
    states, summary = known[0]["states"], known[0]["summary"].assign(sample_id=lambda table: table["sample"] - 7)
    last = states[states["epoch"] == 12].merge(
        summary, on=["threshold", "sample_id"], suffixes=("", "_last"), validate="one_to_one"
    )
    assert len(last) == 2 * 450 and (last["zone_counted"] == "highly_vulnerable").any()
    for zone in ("zone_counted", "zone_tracked"):
        assert (last[zone].astype(str) == last[f"{zone}_last"].astype(str)).all()
    for name, of_last in (("advantage", "severity"), ("d_prime", "d_prime_last")):
        np.testing.assert_allclose(last[name], last[of_last], atol=1e-6)
    for end in ("low", "high"):
        np.testing.assert_allclose(last[f"advantage_{end}"], last[f"severity_{end}"], atol=1e-6)


def test_memory_is_counted_in_bytes():
    """Counts take a byte up to 255 pairs."""
    world = dynamic_world(4, 16, np.zeros((2, 10)), np.zeros((2, 10)))
    assert observed(world).counts["scored", "lr1"].d_in.dtype == np.uint8
