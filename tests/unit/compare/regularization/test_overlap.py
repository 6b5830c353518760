"""Who is still vulnerable: sets of known overlap, chance, the ceiling of noise."""

import numpy as np
import pytest

from memdyn.compare.regularization.losses import LastMargins
from memdyn.compare.regularization.overlap import overlap_table
from memdyn.stats.jackknife import Pairs
from worlds import complementary_mask


def runs(seed, effects, n_models=16, noise=1.0, failed=()):
    """Runs whose samples have these effects [n] on members' margins, on the same masks."""
    rng = np.random.default_rng(seed)
    mask = complementary_mask(rng, n_models, len(next(iter(effects.values()))))
    pairs = Pairs.of(n_models, failed)
    made = {run: effect * mask + noise * rng.normal(size=mask.shape) for run, effect in effects.items()}
    return {run: LastMargins(margins[pairs.models], mask[pairs.models], pairs) for run, margins in made.items()}


def overlaps(given, share=0.1):
    (row,) = overlap_table(given, {"run": "base"}, share, 16, 0.95).to_dict("records")
    return row


TOP = np.repeat([6.0, 0.0], [100, 900])


@pytest.mark.parametrize(("moved", "truth"), [(0, 1.0), (40, 0.6), (100, 0.0)])
def test_sets_of_known_overlap(moved, truth):
    row = overlaps(runs(0, {"base": TOP, "run": np.roll(TOP, moved)}))
    assert row["overlap"] == pytest.approx(truth, abs=0.02) and row["ceiling"] > 0.97


def test_noise_has_the_overlap_of_chance():
    rows = [overlaps(runs(seed, {"base": np.zeros(1000), "run": np.zeros(1000)})) for seed in range(20)]
    assert np.mean([row["overlap"] for row in rows]) == pytest.approx(0.1, abs=0.01)
    assert np.mean([row["ceiling"] for row in rows]) == pytest.approx(0.1, abs=0.02)


def test_equal_runs_reach_the_ceiling():
    """However noisy: of one law, two runs' halves have in common what two halves of one run have."""
    effect = np.random.default_rng(9).gamma(0.5, 2, 1000)
    rows = [overlaps(runs(seed, {"base": effect, "run": effect})) for seed in range(10)]
    gap = np.mean([row["overlap"] - row["ceiling"] for row in rows])
    assert abs(gap) < 0.02 and 0.2 < rows[0]["ceiling"] < 0.9
    assert all(row["low"] < row["overlap"] < row["high"] for row in rows)


def test_too_few_pairs_have_no_interval_and_runs_that_are_gone_no_row():
    row = overlaps(runs(0, {"base": TOP, "run": TOP}, n_models=8))
    assert row["overlap"] > 0.8 and np.isnan(row["low"])
    assert not len(overlap_table({"base": runs(0, {"base": TOP})["base"]}, {"run": "base"}, 0.1, 16, 0.95))
    lost = runs(0, {"base": TOP, "run": TOP})
    lost["run"] = runs(0, {"base": TOP, "run": TOP}, failed=[5])["run"]
    row = overlaps(lost)
    assert row["low"] <= row["overlap"] <= row["high"]


@pytest.mark.slow
def test_intervals_cover(capsys, replications=60):
    """95 % nominal, of the expectation at this number of models."""
    effect = np.random.default_rng(9).gamma(0.5, 2, 400)
    other = effect * np.random.default_rng(8).permutation(np.repeat([1.0, 0.2], 200))
    found = [overlaps(runs(seed, {"base": effect, "run": other})) for seed in range(replications)]
    truth = np.mean([row["overlap"] for row in found])
    covered = np.mean([row["low"] <= truth <= row["high"] for row in found])
    width = np.mean([row["high"] - row["low"] for row in found]) / np.std([row["overlap"] for row in found])
    with capsys.disabled():
        print(f"\n  coverage {covered:.3f}, width over SD {width:.2f}")
    assert covered >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)
