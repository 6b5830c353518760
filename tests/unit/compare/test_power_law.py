"""The fit of vulnerability against samples per class: exact laws, coverage, points without a logarithm, bad fits."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

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
        replicates += [row | {"group": g, "tpr": pairs[group != g].mean()} for g in np.unique(group)]
    sizes = {row["pool"]: np.bincount(group) for row in estimates}
    return pd.DataFrame(estimates), pd.DataFrame(replicates), ["attack"], sizes, 0.95


@pytest.fixture
def few_draws(monkeypatch):
    """Of the bootstrap, for many fits."""
    monkeypatch.setattr("memdyn.compare.power_law._DRAWS", 4_999)


def test_weighted_line_is_that_of_numpy():
    rng = np.random.default_rng(0)
    x, y, variances = rng.normal(size=6), rng.normal(size=6), rng.uniform(0.5, 2, 6)
    line = fit_line(x, y, variances, np.full(6, 15.0))
    (slope, intercept), covariance = np.polyfit(x, y, 1, w=1 / np.sqrt(variances), cov="unscaled")
    assert (line.slope, line.intercept) == (pytest.approx(slope), pytest.approx(intercept))
    assert line.slope_se == pytest.approx(np.sqrt(covariance[0, 0]))
    assert line.chi2 == pytest.approx(((y - slope * x - intercept) ** 2 / variances).sum())
    with pytest.raises(ValueError, match="two different sizes"):
        fit_line(np.ones(3), np.ones(3), np.ones(3), np.ones(3))


def test_known_variances_give_the_normal_interval_and_the_chi_square_test():
    """What the bootstrap must come to with many degrees of freedom."""
    x, y, variances = np.arange(5.0), np.array([0.3, -1.2, 0.8, 1.9, -0.4]), np.array([1.0, 2, 0.5, 1, 3])
    line = fit_line(x, y, variances, np.full(5, 1e7))
    low, high = line.limits(0.95)
    assert (high - low) / 2 == pytest.approx(stats.norm.ppf(0.975) * line.slope_se, rel=0.02)
    assert line.p_fit == pytest.approx(stats.chi2.sf(line.chi2, 3), abs=0.01)
    assert fit_line(x, y, variances, np.full(5, 3.0)).limits(0.95)[1] > high


def test_two_points_of_few_degrees_of_freedom_are_those_of_behrens_and_fisher():
    """A slope through two points is a difference of means: Welch's interval, with whole tables of it in the books."""
    variances, dofs = np.array([1.0, 4.0]), np.array([3.0, 7.0])
    line = fit_line(np.array([0.0, 1.0]), np.array([0.0, 1.0]), variances, dofs)
    welch = variances.sum() ** 2 / (variances**2 / dofs).sum()
    assert line.limits(0.95)[1] - 1 == pytest.approx(stats.t.ppf(0.975, welch) * np.sqrt(5), rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "df", "steepest", "nested"),
    [(3, 3, 5, False), (4, 7, 1, False), (6, 3, 5, False), (6, 15, 5, False), (6, 3, 1, True)],
)
def test_the_variances_are_not_taken_as_known(count, df, steepest, nested, few_draws, capsys):
    """Coverage and rate of misfits for any number of sizes and groups, also if the largest pool holds the others."""
    replications, rng = 300, np.random.default_rng([count, df, steepest])
    x, deviation = np.log10(20 * 2.0 ** np.arange(count)), np.geomspace(steepest, 1, count)
    covered, misfits = np.empty(replications, bool), np.empty(replications, bool)
    for k in range(replications):
        noise = rng.normal(size=count)
        if nested:
            noise = (noise + rng.normal()) / np.sqrt(2)
        variances = deviation**2 * rng.chisquare(df, count) / df
        line = fit_line(x, 1 - 0.5 * x + 0.1 * deviation * noise, 0.01 * variances, np.full(count, float(df)))
        low, high = line.limits(0.95)
        covered[k], misfits[k] = low <= -0.5 <= high, line.p_fit < 0.05
    with capsys.disabled():
        print(f"\n  slope: coverage {covered.mean():.3f}, called misfits {misfits.mean():.3f} at 5 %")
    assert covered.mean() >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)
    assert misfits.mean() <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / replications)


@pytest.mark.parametrize("slope", [-0.5, -0.27])
def test_exact_law_is_found(slope):
    found = power_law_tables(*pools(np.random.default_rng(1), slope, 1e-6))
    fit = found["fits"].iloc[0]
    assert fit["slope"] == pytest.approx(slope, abs=1e-4) and fit["intercept"] == pytest.approx(np.log10(2), abs=1e-4)
    assert (fit["pools"], fit["dropped"], fit["attack"], fit["status"]) == (5, 0, "lira", "fitted")


@pytest.mark.slow
@pytest.mark.parametrize(("n_pairs", "by_samples"), [(4, 0.0), (8, 0.1), (32, 0.0), (32, 0.1)])
def test_slope_covers(n_pairs, by_samples, few_draws, capsys):
    """From the jackknife of 4, 8 and 16 groups on."""
    replications, rng, noise = 300, np.random.default_rng(2), 0.5 * np.sqrt(n_pairs / 32)
    tables = [power_law_tables(*pools(rng, -0.5, noise, n_pairs, by_samples=by_samples)) for _ in range(replications)]
    fits = pd.concat([table["fits"] for table in tables])
    covered = ((fits["low"] <= -0.5) & (fits["high"] >= -0.5)).mean()
    ratio = (fits["high"] - fits["low"]).mean() / (2 * 1.96 * fits["slope"].std())
    misfits = (fits["p_fit"] < 0.05).mean()
    with capsys.disabled():
        print(f"\n  slope: coverage {covered:.3f}, width over true {ratio:.2f}, called misfits {misfits:.3f} at 5 %")
    assert covered >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)
    assert misfits <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / replications), "a law that holds is rarely called a misfit"


@pytest.mark.parametrize(("n_pairs", "largest"), [(4, 0.05), (32, 1e-3)])
def test_bent_law_is_called_a_misfit(n_pairs, largest):
    noise = 0.2 * np.sqrt(n_pairs / 32)
    fit = power_law_tables(*pools(np.random.default_rng(3), -0.5, noise, n_pairs, bend=0.5))["fits"].iloc[0]
    assert fit["p_fit"] < largest and "bend away" in fit["status"]


def test_a_point_without_any_noise_has_no_error_and_is_left_out():
    estimates, replicates, *rest = pools(np.random.default_rng(4), -0.5, 0.1)
    mine = replicates["pool"] == "pool20"
    replicates.loc[mine, "tpr"] = estimates.loc[estimates["pool"] == "pool20", "tpr"].item()
    found = power_law_tables(estimates, replicates, *rest)
    assert "does not vary" in found["points"].set_index("pool").loc["pool20", "status"]
    assert np.isfinite(found["fits"].loc[0, ["slope", "low", "high", "p_fit"]].astype(float)).all()


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
