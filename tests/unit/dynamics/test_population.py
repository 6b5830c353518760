"""Curves of the population: against loops, recovered, covered by their bands, and in the null's where nothing leaks."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from dynamic_worlds import dynamic_world
from memdyn.compare.claims import HEADLINES
from memdyn.compare.series import Comparison, at_equal_epochs
from memdyn.dynamics.observations import plan_design
from memdyn.dynamics.population import FIGURES, Replicated, class_weights, half_figures, path_figures
from memdyn.dynamics.speed import signed_root
from memdyn.dynamics.splits import Splits
from memdyn.dynamics.stage import dynamics_tables
from memdyn.stats import jackknife
from memdyn.stats.jackknife import Pairs
from memdyn.terms import ZONES
from observed_worlds import LIRA, curves, observed, one_class, options, settings, states


def leaking(n, steps, seed=0):
    return np.linspace(0, 1.5, steps)[:, None] * np.random.default_rng(seed).gamma(2, 0.8, n)


def test_paths_against_loops():
    rng = np.random.default_rng(0)
    fpr, tpr = rng.random((2, 4, 30))
    epochs, labels = np.array([0, 1, 3, 7]), rng.integers(0, 2, 30)
    figures = path_figures(fpr, tpr, epochs, class_weights(labels, np.array([0, 1])))
    for k, members in enumerate([labels >= 0, labels == 0, labels == 1]):
        centres = [np.array([fpr[t, members].mean(), tpr[t, members].mean()]) for t in range(4)]
        length = 0.0
        for t in range(4):
            length += 100 * np.linalg.norm(centres[t] - centres[t - 1]) if t else 0
            assert figures["path_length"][k, t] == pytest.approx(length)
            assert figures["displacement"][k, t] == pytest.approx(100 * np.linalg.norm(centres[t] - centres[0]))
            assert figures["advantage"][k, t] == pytest.approx(centres[t][1] - centres[t][0])
        moved = np.hypot(fpr[2] - fpr[1], tpr[2] - tpr[1])[members].mean() / 2
        assert figures["speed"][k, 1] == pytest.approx(moved) and np.isnan(figures["speed"][k, 3])


def test_bands_are_the_jackknife_of_refitted_attacks():
    """The band again by hand, from worlds that lack a group's models."""
    world = dynamic_world(1, 32, leaking(80, 2), np.zeros((2, 80)))
    table = curves(world, groups=8).set_index(["figure", "epoch"])
    worlds = observed(world, groups=8).counts["scored", "lr1"]
    moved = np.array([np.hypot(*(np.mean(r[1]) - np.mean(r[0]) for r in worlds.rates(w))) for w in range(9)]) * 100
    low, high = jackknife.interval(moved[0], moved[1:], np.full(8, 2), 0.95)
    row = table.loc[("displacement", 1)]
    assert [row["value"], row["low"], row["high"]] == pytest.approx([moved[0], low, high], rel=1e-5)


def test_limits_lie_where_the_figures_can():
    """Near its border the jackknife reaches beyond a figure's range: a rate below 0, a negative distance."""
    table = curves(dynamic_world(3, 16, leaking(40, 3), np.zeros((3, 40))), groups=4).set_index("figure")
    ends = ["low", "high", "null_low", "null_high"]
    rates = ["fpr", "tpr", "inflow_hv", *(f"share_{zone}" for zone in ZONES)]
    for figure in (*rates, "displacement", "path_length", "speed", "speed_squared"):
        known = table.loc[figure, ends].stack().dropna()
        assert len(known) and (known >= 0).all(), figure
        assert figure not in rates or (known <= 1).all(), figure
    assert table.loc["advantage", ends].abs().max(axis=None) <= 1
    assert (table["difference_low"] < 0).any(), "a difference may be negative"


def test_displacement_and_centre_of_a_known_world(capsys):
    """With 128 models the path ends where mean (Phi(-d'/2), Phi(d'/2)) lies."""
    d_prime = leaking(400, 3, seed=5)
    table = curves(dynamic_world(2, 128, d_prime, np.zeros((3, 400)), n_sham=100)).set_index(["figure", "epoch"])
    truth = 100 * np.sqrt(2) * (ndtr(d_prime[2] / 2).mean() - 0.5)
    row = table.loc[("displacement", 2)]
    with capsys.disabled():
        print(f"\ndisplacement: truth {truth:.1f}, found {row['value']:.1f} [{row['low']:.1f}, {row['high']:.1f}] pp")
    assert row["value"] == pytest.approx(truth, abs=1.5) and row["low"] < truth < row["high"]
    assert table.loc[("displacement_corrected", 2), "value"] == pytest.approx(truth, abs=2)
    assert table.loc[("tpr", 2), "value"] == pytest.approx(ndtr(d_prime[2] / 2).mean(), abs=0.02)
    assert table.loc[("advantage_slope", 1), "value"] == pytest.approx(
        2 * np.diff(ndtr(d_prime[1:] / 2).mean(axis=1))[0], abs=0.03
    )


def test_tables(capsys):
    n, n_sham = 240, 80
    world = dynamic_world(3, 32, leaking(n, 3), np.zeros((3, n)), n_sham=n_sham, epochs=[0, 2, 5])
    labels = np.arange(n + n_sham + 20) % 2
    tables = dynamics_tables(world, LIRA, settings((0.1,)), labels, options(2, 1, spatial=True))
    assert set(tables) == {"summary", "curves", "transitions", "curve_replicates"}
    table = tables["curves"]
    overall = table.query("samples == 'all' and threshold == 'lr1' and figure == 'advantage'").set_index("epoch")
    again = tables["curve_replicates"].query("threshold == 'lr1' and metric == 'advantage'")
    wide = again.pivot(index="group", columns="epoch", values="value")
    np.testing.assert_allclose(wide.loc[-1], overall["value"])
    sizes = np.bincount(jackknife.groups(16, 16))
    low, _ = jackknife.interval(wide.loc[-1].to_numpy(), wide.loc[0:].to_numpy(), sizes, 0.95)
    np.testing.assert_allclose(low, overall["low"])
    assert set(table["figure"]) == set(FIGURES) and len(table) == 2 * 3 * 3 * len(FIGURES)
    assert set(table["samples"]) == {"all", "0", "1"} and set(table["threshold"]) == {"lr1", "fpr0.1"}
    shares = table[table["figure"].str.startswith("share_")].groupby(["threshold", "samples", "epoch"])["value"].sum()
    assert np.allclose(shares, 1)
    entropy = table[(table["figure"] == "entropy") & (table["samples"] == "1")]
    assert entropy[["value", "null", "low", "difference_high"]].notna().all(axis=None)
    roots = table["figure"].isin(["speed_rms_corrected", "displacement_corrected"])
    plain = table[~roots]
    assert np.allclose(plain["difference"], plain["value"] - plain["null"], equal_nan=True)
    squares = table[table["figure"] == "speed_squared_corrected"]
    shown = table[table["figure"] == "speed_rms_corrected"]
    for column in ("value", "low", "high", "null", "null_low", "null_high", "difference", "difference_low"):
        np.testing.assert_allclose(shown[column], signed_root(squares[column]))
    assert set(tables["curve_replicates"]["metric"]) == set(FIGURES) - set(table.loc[roots, "figure"])

    moves = tables["transitions"]
    assert len(moves) == 2 * 25 * (2 + 3)
    one = moves[(moves["threshold"] == "lr1") & (moves["epoch"] == 2)]
    assert one["epoch_to"].unique() == [5] and one["share"].sum() == pytest.approx(1)
    rows = one.groupby("zone_from")["probability"].sum(min_count=1).dropna()
    assert np.allclose(rows, 1) and set(one["zone_from"]) == set(ZONES)
    pooled = moves[moves["epoch"].isna() & (moves["samples"] == "all") & (moves["threshold"] == "lr1")]
    steps = moves[moves["epoch"].notna() & (moves["threshold"] == "lr1")].groupby(["zone_from", "zone_to"])["share"]
    np.testing.assert_allclose(
        pooled.set_index(["zone_from", "zone_to"])["share"].sort_index(), steps.mean().sort_index()
    )


def test_differences_between_runs_are_those_of_their_curves():
    """Also of means over splits, of which the jackknife has fewer than the curve."""
    tables = {}
    for run, size in (("a", 1.0), ("b", 0.4)):
        world = dynamic_world(5, 32, size * leaking(60, 2), np.zeros((2, 60)))
        given = world, LIRA, settings(), one_class(world), options(3, 1, spatial=False)
        tables[run] = {name: table.assign(run=run) for name, table in dynamics_tables(*given).items()}
    curve, replicates = (pd.concat(t[name] for t in tables.values()) for name in ("curves", "curve_replicates"))
    replicates = replicates[replicates["metric"].isin(HEADLINES)]
    values = replicates[replicates["group"] == -1].drop(columns="group")
    comparison = Comparison({"a": "pool", "b": "pool"}, dict.fromkeys("ab", np.ones(16, int)), 0.95)
    found = at_equal_epochs(values, replicates[replicates["group"] >= 0], ["threshold"], comparison)
    shown = curve[curve["samples"] == "all"].set_index(["run", "figure", "epoch"])["value"]
    for row in found.itertuples():
        assert row.difference == pytest.approx(shown["a", row.metric, row.at] - shown["b", row.metric, row.at])
        assert row.low <= row.difference <= row.high
    assert "speed_squared_corrected" in set(found["metric"])


def test_replicates_know_the_ends_of_steps_and_the_choice_of_samples():
    world = dynamic_world(6, 16, leaking(50, 3), np.zeros((3, 50)), epochs=[0, 1, 4])
    given = world, LIRA, settings(), one_class(world), options(2, 1, spatial=False)
    tables = dynamics_tables(*given)
    table = tables["curve_replicates"].query("group == -1").set_index("metric")
    for metric in ("speed", "inflow_hv", "speed_squared_corrected"):
        assert table.loc[metric, ["epoch", "epoch_to"]].to_numpy().tolist() == [[0, 1], [1, 4]]
    advantage = table.loc["advantage"]
    assert (advantage["epoch"] == advantage["epoch_to"]).all()
    advantages = states(observed(world)).groupby("epoch")["advantage"]
    np.testing.assert_allclose(advantage["se_samples"], advantages.std() / np.sqrt(50), rtol=1e-5)
    assert table.drop(index="advantage")["se_samples"].isna().all()
    every = tables["curve_replicates"]
    assert every.loc[every["group"] >= 0, "se_samples"].isna().all()


def test_few_models_give_figures_without_bands():
    table = curves(dynamic_world(4, 8, leaking(40, 2), np.zeros((2, 40)))).set_index("figure")
    assert table.loc["advantage", "value"].notna().all() and table["low"].isna().all()
    assert "speed_squared_corrected" not in table.index


def noise(seed, n=20, n_pairs=16):
    """Observations of 2 checkpoints whose states are means over pairs of noise: nothing moves."""
    splits = Splits.random(n_pairs, 1, 16, seed)
    design = plan_design(LIRA, Pairs.of(2 * n_pairs), 16, splits, 1, 1)
    states = np.random.default_rng([11, seed]).normal(size=(n_pairs, 2, 2, n))
    counted = [states[world.pairs].mean(axis=0) for world in design.worlds]
    counts = {("scored", "lr1"): SimpleNamespace(rates=lambda world: tuple(counted[world]))}
    return SimpleNamespace(counts=counts, design=design, epochs=np.array([0, 1]))


def test_intervals_of_the_roots_hold_zero_where_nothing_moves(capsys):
    """300 sets of models. The jackknife of the root itself has too short intervals there."""
    reps, held, naive = 300, [], []
    for seed in range(reps):
        world = noise(seed)
        figures = half_figures(world, "scored", "lr1", np.full((1, 20), 1 / 20))
        for name, step in (("speed_rms_corrected", 0), ("displacement_corrected", 1)):
            root = figures[name]
            rooted = Replicated(*map(signed_root, (root.value, root.centre, root.deleted)))
            for found, one in ((held, root), (naive, rooted)):
                low, high = one.interval(world.design.sizes, 0.95)
                found.append(low[0, step] <= 0 <= high[0, step])
    covered = np.reshape(held, (reps, 2)).mean(axis=0)
    with capsys.disabled():
        print(f"\nroots on noise: 0 held by {covered} of the intervals, {np.mean(naive):.3f} were the root jackknifed")
    assert covered.min() >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / reps) and np.mean(naive) < 0.93


def many_worlds(d_prime, reps, **how):
    tables = []
    for seed in range(reps):
        world = dynamic_world(seed, 32, d_prime, np.zeros(d_prime.shape), n_sham=d_prime.shape[1] // 2, persistence=0.5)
        tables.append(curves(world, **how).assign(seed=seed))
    return pd.concat(tables).dropna(subset="value")


def test_under_the_null_every_curve_lies_in_its_null_band(capsys):
    """Members that leak nothing, 20 runs of 3 checkpoints: the band of the difference to the null curve holds 0."""
    reps = 20
    table = many_worlds(np.zeros((3, 200)), reps, groups=8, splits=2, jackknife_splits=1, spatial=True)
    inside = (table["difference_low"] <= 0) & (table["difference_high"] >= 0)
    by_figure = inside.groupby(table["figure"]).mean()
    with capsys.disabled():
        print(f"\nnull: {inside.mean():.3f} of all checkpoints inside, {by_figure.min():.3f} for {by_figure.idxmin()}")
    # Three checkpoints of a figure hang together: as few as one independent look a run.
    assert by_figure.min() > 0.95 - 3 * np.sqrt(0.95 * 0.05 / reps) and inside.mean() > 0.95
    noisy = table[table["figure"] == "speed_squared"]["value"]
    fair = table[table["figure"] == "speed_squared_corrected"]["value"]
    assert noisy.min() > 0.05 and abs(fair.mean()) < 4 * fair.std() / np.sqrt(reps)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_coverage_of_the_bands(capsys):
    """64 sets of models for the same samples; the truth is the mean over the sets: the expectation at this M."""
    reps = 64
    table = many_worlds(leaking(120, 2), reps, groups=8, splits=1, jackknife_splits=1, spatial=True)
    checked = [
        "tpr", "advantage", "displacement", "displacement_corrected", "speed", "speed_squared_corrected",
        "speed_rms_corrected", "share_vulnerable", "share_highly_vulnerable", "inflow_hv", "path_length",
        "entropy_change", "clark_evans",
    ]  # fmt: skip
    lines, bounds = [], (0.93 - 2 * np.sqrt(0.93 * 0.07 / reps), 1.0)
    for figure in checked:
        one = table[(table["figure"] == figure)]
        one = one[one["epoch"] == one["epoch"].max()]  # what goes to the next checkpoint stands at the first
        truth, spread = one["value"].mean(), one["value"].std()
        covered = ((one["low"] <= truth) & (truth <= one["high"])).mean()
        width = (one["high"] - one["low"]).mean() / (2 * norm.ppf(0.975) * spread)
        lines.append(f"  {figure}: {covered:.3f} (width {width:.2f} of the true one)")
        assert bounds[0] <= covered <= bounds[1] and width < 3.5, lines[-1]
    with capsys.disabled():
        print("\ncoverage of jackknife bands, M = 32\n" + "\n".join(lines))
