"""Epsilon against the accountant's own paper and others, and the table that tells it of runs."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from memdyn.compare import privacy
from memdyn.compare.privacy import DELTAS, dp_table, epsilon_of
from memdyn.stats.privacy import tpr_bound
from memdyn.tables import STAGES


@pytest.mark.parametrize(("noise", "epsilon"), [(0.5, 50.1), (1.0, 11.6), (2.0, 3.94)])
def test_the_accountants_own(noise, epsilon):
    assert epsilon_of(noise, 0.128, 160, 1e-5) == (pytest.approx(epsilon, rel=2e-3), "prv")


def test_published_values():
    """Koskela et al. 2020 (arXiv 1906.03049), their example: delta(1.0); Abadi et al. 2016, section 5: at most 1.26."""
    assert epsilon_of(4.0, 0.01, 10_000, 4.243484e-06)[0] == pytest.approx(1.0, abs=0.0105)
    assert 0.9 < epsilon_of(4.0, 0.01, 10_000, 1e-5)[0] < 1.26


@pytest.mark.parametrize(("noise", "steps", "delta"), [(5.0, 50, 1e-5), (1.0, 1, 1e-3), (2.0, 4, 0.1)])
def test_lots_of_everybody_are_the_gaussian_mechanism(noise, steps, delta):
    """Of which delta is known in closed form (Balle & Wang 2018)."""
    mu = np.sqrt(steps) / noise

    def excess(eps):
        return norm.cdf(-eps / mu + mu / 2) - np.exp(eps) * norm.cdf(-eps / mu - mu / 2) - delta

    assert epsilon_of(noise, 1.0, steps, delta)[0] == pytest.approx(max(0, brentq(excess, -5, 60)), abs=0.011)


@pytest.mark.parametrize(("noise", "rate", "delta"), [(1.0, 0.128, 1e-3), (0.7, 0.3, 1e-2), (2.0, 0.05, 1e-4)])
def test_one_step_against_the_integral(noise, rate, delta):
    """Of the two neighbours' densities, (1 - q) N(0, s) + q N(1, s) and N(0, s), whichever way tells more."""

    x = np.linspace(-15 * noise, 15 * noise + 1, 400_001)
    without = norm.pdf(x, 0, noise)
    within = (1 - rate) * without + rate * norm.pdf(x, 1, noise)

    def told(eps, more, less):
        return np.maximum(0, more - np.exp(eps) * less).sum() * (x[1] - x[0])

    def exact(more, less):
        return brentq(lambda eps: told(eps, more, less) - delta, 0, 20) if told(0, more, less) > delta else 0

    found = epsilon_of(noise, rate, 1, delta)[0]
    most = max(exact(within, without), exact(without, within))
    assert most <= found <= most + 0.02


def test_epsilon_grows_with_steps_and_falls_with_noise_and_delta():
    grown = [epsilon_of(1.0, 0.1, steps, 1e-5)[0] for steps in (0, 1, 10, 100)]
    assert grown[0] == 0 and np.all(np.diff(grown) > 0)
    assert epsilon_of(1.0, 0.1, 10, 1e-5)[0] > epsilon_of(3.0, 0.1, 10, 1e-5)[0] > epsilon_of(3.0, 0.1, 10, 1e-2)[0]


def test_without_use():
    assert epsilon_of(0.0, 0.1, 10, 1e-5) == (np.inf, "") and epsilon_of(0.0, 0.1, 0, 1e-5) == (0.0, "")
    for noise in (0.01, 0.001):  # whose grid would take gigabytes
        epsilon, accountant = epsilon_of(noise, 0.128, 160, 1e-5)
        assert accountant == "rdp" and 1000 < epsilon < np.inf


def test_the_bound_on_attacks_at_noise_1_and_2():
    for noise, bound in ((1.0, 0.54), (2.0, 0.0805)):
        deltas = (0.1, 0.01)  # of the recipe's curve, what counts at an FPR of 1 %
        assert 0.01 < tpr_bound([0.01], [epsilon_of(noise, 0.128, 160, d)[0] for d in deltas], deltas)[0] <= bound
        assert set(deltas) < set(DELTAS)


def run(name="dp", **options):
    section = {"name": "dp_sgd", "noise": 1.0, "clip": 1.0, "lot": 256, "delta": 1e-5, "norm": None, **options}
    return {"name": name, "members": 2000, "recipe": {"mechanisms": [{"name": "mixup"}, section]}}


def test_the_table():
    """The recipe's delta at each checkpoint, and the curve at the last."""
    plain = {"name": "plain", "members": 2000, "recipe": {"mechanisms": []}}
    older = {"name": "older", "members": 2000, "recipe": {}}
    bare, lots = run("bare", noise=0.0, norm="group"), run("lots", noise=0.0, clip=None, delta=0.001)
    accuracy = pd.DataFrame(
        [{"run": name, "epoch": epoch} for name in ("plain", "older", "dp", "bare", "lots") for epoch in (0, 1, 20)]
    )
    table = STAGES["study"]["dp"].checked(dp_table([plain, older, run(), bare, lots], accuracy))
    of_run = table[table["run"] == "dp"]
    stated = of_run[of_run["stated"]]
    assert stated["steps"].tolist() == [0, 8, 160] and (stated["delta"] == 1e-5).all()
    assert stated["epsilon"].iloc[0] == 0 and stated["epsilon"].iloc[2] == pytest.approx(11.6, abs=0.02)
    assert of_run.loc[of_run["epoch"] == 20, "delta"].tolist() == sorted(DELTAS) and (of_run["rate"] == 0.128).all()
    unbounded = table[table["run"].isin(["bare", "lots"])]
    assert unbounded["epsilon"].tolist() == [0, np.inf, np.inf] * 2 and unbounded["stated"].all()
    assert unbounded["clip"].isna().tolist() == [False] * 3 + [True] * 3
    assert unbounded["norm"].tolist() == ["group"] * 3 + [""] * 3 and set(table["run"]) == {"dp", "bare", "lots"}


def test_a_run_that_stops_early_has_the_planned_steps(monkeypatch):
    """When it stops depends on its members by way of the weights: what was planned bounds, and not what was done."""
    monkeypatch.setattr(privacy, "DELTAS", (1e-5,))
    stopping = run("stopping")
    stopping["recipe"]["mechanisms"].append({"name": "early_stopping", "patience": 1})
    accuracy = pd.DataFrame([{"run": name, "epoch": epoch} for name in ("dp", "stopping") for epoch in (1, 20)])
    table = dp_table([run(), stopping], accuracy)
    one, other = (table[table["run"] == name].drop(columns="run").reset_index(drop=True) for name in ("dp", "stopping"))
    pd.testing.assert_frame_equal(one, other)


def test_no_run_of_dp_sgd_is_an_empty_table():
    table = STAGES["study"]["dp"].checked(dp_table([], pd.DataFrame({"run": [], "epoch": []})))
    assert not len(table) and {"run", "noise", "clip", "lot", "steps", "epsilon", "delta"} < set(table.columns)
