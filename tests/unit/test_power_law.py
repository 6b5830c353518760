"""The fit of vulnerability against samples per class: exact laws, coverage, points without a logarithm, bad fits."""

import numpy as np
import pandas as pd
import pytest

from memdyn.compare.claims import power_law
from memdyn.compare.power_law import fit_line, power_law_tables
from memdyn.stats import jackknife

SIZES = (20, 40, 80, 160, 320)


def pools(rng: np.random.Generator, slope: float, noise: float, n_pairs: int = 32, bend: float = 0.0, by_samples=0.0):
    """TPR - 0.01 = 2 S^slope, one run a pool; its TPR has relative noise of each pair, and of all its samples."""
    group = jackknife.groups(n_pairs, 16)
    estimates, replicates = [], []
    for size in SIZES:
        x = np.log10(size)
        excess = 2 * size**slope * 10 ** (bend * (x - 2) ** 2)
        pairs = 0.01 + excess * (1 + noise * rng.normal(size=n_pairs) + by_samples * rng.normal())
        row = {"attack": "lira", "pool": f"pool{size}"}
        estimates.append(
            row | {"samples_per_class": size, "fpr": 0.01, "tpr": pairs.mean(), "se_samples": by_samples * excess}
        )
        replicates += [row | {"group": g, "tpr": pairs[group != g].mean()} for g in range(16)]
    sizes = {row["pool"]: np.bincount(group) for row in estimates}
    return pd.DataFrame(estimates), pd.DataFrame(replicates), ["attack"], sizes, 0.95


def test_weighted_line_is_that_of_numpy():
    rng = np.random.default_rng(0)
    x, y, variances = rng.normal(size=6), rng.normal(size=6), rng.uniform(0.5, 2, 6)
    line = fit_line(x, y, variances, np.full(6, 15.0))
    (slope, intercept), covariance = np.polyfit(x, y, 1, w=1 / np.sqrt(variances), cov="unscaled")
    assert (line.slope, line.intercept) == (pytest.approx(slope), pytest.approx(intercept))
    assert line.slope_se == pytest.approx(np.sqrt(covariance[0, 0]))
    assert 15 <= line.df <= 6 * 15
    assert line.chi2 == pytest.approx(((y - slope * x - intercept) ** 2 / variances).sum())
    with pytest.raises(ValueError, match="two different sizes"):
        fit_line(np.ones(3), np.ones(3), np.ones(3), np.ones(3))


@pytest.mark.parametrize("slope", [-0.5, -0.27])
def test_exact_law_is_found(slope):
    found = power_law_tables(*pools(np.random.default_rng(1), slope, 1e-6))
    fit = found["fits"].iloc[0]
    assert fit["slope"] == pytest.approx(slope, abs=1e-4) and fit["intercept"] == pytest.approx(np.log10(2), abs=1e-4)
    assert (fit["pools"], fit["dropped"], fit["attack"], fit["status"]) == (5, 0, "lira", "fitted")


@pytest.mark.slow
@pytest.mark.parametrize("by_samples", [0.0, 0.1])
def test_slope_covers(by_samples, capsys):
    replications, rng = 400, np.random.default_rng(2)
    tables = [power_law_tables(*pools(rng, -0.5, 0.5, by_samples=by_samples)) for _ in range(replications)]
    fits = pd.concat([table["fits"] for table in tables])
    covered = ((fits["low"] <= -0.5) & (fits["high"] >= -0.5)).mean()
    ratio = fits["se"].mean() / fits["slope"].std()
    misfits = (fits["p_fit"] < 0.05).mean()
    with capsys.disabled():
        print(f"\n  slope: coverage {covered:.3f}, SE over SD {ratio:.2f}, called misfits {misfits:.3f} at 5 %")
    assert covered >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)
    assert misfits < 0.12, "a law that holds is rarely called a misfit"


def test_bent_law_is_called_a_misfit():
    fit = power_law_tables(*pools(np.random.default_rng(3), -0.5, 0.2, bend=0.5))["fits"].iloc[0]
    assert fit["p_fit"] < 1e-3 and "bend away" in fit["status"]


def test_pools_without_leak_are_left_out_and_counted():
    estimates, replicates, *rest = pools(np.random.default_rng(4), -0.5, 0.1)
    replicates.loc[(replicates["pool"] == "pool320") & (replicates["group"] == 3), "tpr"] = 0.009
    found = power_law_tables(estimates, replicates, *rest)
    points = found["points"].set_index("pool")
    assert not points.loc["pool320", "used"] and "not above FPR" in points.loc["pool320", "status"]
    assert found["fits"].loc[0, ["pools", "dropped"]].tolist() == [4, 1]

    nothing = power_law_tables(estimates, replicates.iloc[:0], *rest)
    assert np.isnan(nothing["fits"].loc[0, "slope"]) and nothing["fits"].loc[0, "status"].startswith("no fit")
    assert nothing["points"]["status"].str.startswith("no jackknife").all()


def test_two_pools_give_a_slope_but_no_check():
    estimates, replicates, *rest = pools(np.random.default_rng(5), -0.5, 0.1)
    fit = power_law_tables(estimates[:2], replicates, *rest)["fits"].iloc[0]
    assert np.isfinite(fit["slope"]) and np.isnan(fit["p_fit"]) and "not tested" in fit["status"]


def study_of(changes):
    """Tables of four runs that differ in the sizes of their pools, and in what else is given."""
    runs, metrics, replicates, factors = [], [], [], []
    for k, size in enumerate((400, 800, 1600, 3200)):
        run = {"run": f"r{k}", "pool": f"p{size}"}
        runs.append(run)
        factors.append({"run": run["run"], "series": "one"} | (changes if k == 3 else {}))
        for metric in ("tpr_at_fpr_0.001", "tpr_at_fpr_0.01"):
            deleted = 0.2 * (size / 400) ** -0.5 * (1 + 0.01 * np.random.default_rng(k).normal(size=16))
            row = {"run": run["run"], "attack": "lira", "epoch": 5, "aggregation": "pooled", "metric": metric}
            replicates += [row | {"group": g, "value": value} for g, value in enumerate(deleted)]
        tprs = {f"tpr_at_fpr_{fpr}": deleted.mean() for fpr in (0.001, 0.01)}
        errors = {f"{name}_se_samples": 0.002 for name in tprs}
        metrics.append({"run": run["run"], "attack": "lira", "epoch": 5, "aggregation": "pooled"} | tprs | errors)
    tables = {"runs": runs, "attack_metrics": metrics, "replicates": replicates}
    pools = pd.DataFrame({"pool": [run["pool"] for run in runs], "scored": [400, 800, 1600, 3200], "n_classes": 10})
    sizes = {run["run"]: np.ones(16, int) for run in runs}
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}, pd.DataFrame(factors), pools, sizes, 0.95


def test_sizes_alone_make_a_law():
    found = power_law(*study_of({}))
    assert len(found["power_law_fits"]) == 2 and (found["power_law_fits"]["slope"] + 0.5).abs().max() < 0.05
    assert found["power_law_points"]["samples_per_class"].tolist()[:4] == [20, 40, 80, 160]
    assert power_law(*study_of({"series": "another net"}))["power_law_fits"].empty
