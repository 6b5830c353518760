"""Loss-rank correlation: a slow re-derivation, a known correlation, coverage; models of one index do not meet."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from memdyn.compare.regularization.losses import LastMargins
from memdyn.compare.regularization.ranks import rank_correlations
from memdyn.stats.jackknife import Pairs
from worlds import complementary_mask


def runs(seed, n_models=16, n_samples=400, shared=1.0, own=0.0, twins=0.0, failed=()):
    """Two runs: a sample's difficulty is `shared` and of the run alone (`own`), with noise; models of one index have
    `twins` in common. Pearson's correlation of other models is shared^2 / (shared^2 + own^2 + twins^2 + 1)."""
    rng, fixed = np.random.default_rng([1, seed]), np.random.default_rng(0)
    mask, difficulty = complementary_mask(rng, n_models, n_samples), fixed.normal(size=n_samples)
    luck, found = rng.normal(size=mask.shape), {}
    for run in ("a", "b"):
        margins = shared * difficulty + own * fixed.normal(size=n_samples) + twins * luck + rng.normal(size=mask.shape)
        pairs = Pairs.of(n_models, failed if run == "b" else ())
        found[run] = LastMargins(margins[pairs.models], mask[pairs.models], pairs)
    return found


def correlations(given, groups=16):
    table = rank_correlations(given, {"a": "pool", "b": "pool"}, groups, 0.95)
    return {(row["run"], row["other"]): row for row in table.to_dict("records")}


def slowly(first, second, n_pairs, partners=8):
    """Every two models that meet, one by one, of losses instead of margins."""
    values = []
    for k in range(n_pairs):
        for step in range(1, min(partners, n_pairs - 1) + 1):
            for side in (0, 1):
                i, j = 2 * k + side, 2 * ((k + step) % n_pairs) + side
                shared = first.mask[i] & second.mask[j]
                losses = (np.log1p(np.exp(-run.margins[m, shared])) for run, m in ((first, i), (second, j)))
                values.append(spearmanr(*losses).statistic)
    return np.mean(values)


@pytest.mark.parametrize("n_models", [8, 16, 24])
def test_it_is_what_its_definition_says(n_models):
    given = runs(0, n_models, 120)
    found = correlations(given)
    assert set(found) == {("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")}
    for pair in (("a", "b"), ("b", "b")):
        slow = slowly(*(given[run] for run in pair), n_models // 2)
        assert found[pair]["correlation"] == pytest.approx(slow, abs=1e-12)
    assert found["a", "b"]["correlation"] == found["b", "a"]["correlation"]


def test_a_known_correlation():
    """Of normal values Spearman is (6 / pi) asin(Pearson / 2)."""
    found = correlations(runs(1, n_samples=4000, shared=1.0, own=1.0))
    between, within = (6 / np.pi * np.arcsin(pearson / 2) for pearson in (1 / 3, 2 / 3))
    assert found["a", "b"]["correlation"] == pytest.approx(between, abs=0.02)
    assert found["a", "a"]["correlation"] == pytest.approx(within, abs=0.02)


def test_models_of_one_index_do_not_meet():
    """What twins share is not what mechanisms share."""
    row = correlations(runs(2, n_samples=2000, shared=0.0, twins=3.0))["a", "b"]
    assert abs(row["correlation"]) < 0.02 and row["low"] < 0 < row["high"]


def test_of_large_pools_the_first_samples_are_taken():
    given = runs(4, 8, 12_000)
    few = {run: LastMargins(one.margins[:, :10_000], one.mask[:, :10_000], one.pairs) for run, one in given.items()}
    assert correlations(given) == correlations(few)


def test_other_pools_and_lost_pairs():
    given = runs(3, failed=[2])
    assert len(rank_correlations(given, {"a": "one", "b": "two"}, 16, 0.95)) == 2, "with itself only"
    row = correlations(given)["a", "b"]
    assert row["low"] < row["correlation"] < row["high"]
    constant = {run: LastMargins(np.ones_like(one.margins), one.mask, one.pairs) for run, one in given.items()}
    assert np.isnan(correlations(constant)["a", "b"]["correlation"])


@pytest.mark.slow
def test_intervals_cover(capsys, n_models=16, replications=50):
    """95 % nominal; the truth is the mean over models of these samples. A little too wide, by a group's two sides."""
    truth = np.mean([correlations(runs(s, 64, 100, own=0.5))["a", "b"]["correlation"] for s in range(5000, 5004)])
    found = [correlations(runs(seed, n_models, 100, own=0.5))["a", "b"] for seed in range(replications)]
    covered = np.mean([row["low"] <= truth <= row["high"] for row in found])
    width = np.mean([row["high"] - row["low"] for row in found]) / np.std([row["correlation"] for row in found])
    with capsys.disabled():
        print(f"\n  {n_models} models: coverage {covered:.3f}, width over SD {width:.2f}")
    assert covered >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)
