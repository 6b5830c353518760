"""The centre of mass: means of the rates, intervals of refits, and their coverage."""

from types import SimpleNamespace

import numpy as np
import pytest

from memdyn.attacks.base import Prepared, build
from memdyn.attacks.evaluate import Settings, rates
from memdyn.dynamics.centre import centre_table
from memdyn.dynamics.stage import observe_states
from memdyn.stats import jackknife
from worlds import gaussian_world

SETTINGS = Settings(
    level=0.95, groups=16, draws=2, seed=0, fprs=(0.01,), rate_fprs=(0.05,), points_per_decade=4
)  # fmt: skip
LIRA = build({"name": "lira", "mode": "online", "variance": "shrunken"})


def table(world, sham):
    """Of two parts of a run at epoch 3."""
    parts = {"scored": world, "sham": sham}
    rows = {part: slice(0, one.mask.shape[1]) for part, one in parts.items()}

    def prepared(attack, part, epoch):
        return Prepared.of(attack, parts[part])

    scores = SimpleNamespace(epochs=[3], pairs=world.pairs, parts=rows, prepared=prepared)
    return centre_table(observe_states(scores, LIRA, SETTINGS), 0.95)


def test_estimates_and_intervals_are_those_of_refits_done_one_by_one():
    world, sham = (gaussian_world(seed, 24, 60, 1.0) for seed in (0, 1))
    found = table(world, sham).query("part == 'scored'").set_index("threshold")

    def means(inputs):
        counts = rates(LIRA, inputs, SETTINGS.rate_fprs, "scored", 0)
        counts = counts[counts["threshold"] == "lr1"]
        fpr, tpr = (counts["d_out"] / counts["n_out"]).mean(), (counts["d_in"] / counts["n_in"]).mean()
        return np.array([fpr, tpr, tpr - fpr])

    group = jackknife.groups(12, 16)
    deleted = np.array([means(world.take(np.flatnonzero(group != g))) for g in range(group.max() + 1)])
    low, high = jackknife.interval(means(world), deleted, np.bincount(group), 0.95)
    names = ["fpr", "tpr", "advantage"]
    np.testing.assert_allclose(found.loc["lr1", names].to_numpy(float), means(world))
    np.testing.assert_allclose(
        found.loc["lr1", [f"{n}_low" for n in names]].to_numpy(float), np.clip(low, [0, 0, -1], 1)
    )
    np.testing.assert_allclose(
        found.loc["lr1", [f"{n}_high" for n in names]].to_numpy(float), np.clip(high, [0, 0, -1], 1)
    )


def test_both_parts_and_all_thresholds_are_there_and_too_few_models_have_no_interval():
    world = gaussian_world(0, 8, 40, 1.0)
    found = table(world, world)
    assert set(zip(found["part"], found["threshold"], strict=True)) == {
        (part, threshold) for part in ("scored", "sham") for threshold in ("lr1", "fpr0.05")
    }
    assert (found["epoch"] == 3).all()
    assert found[["tpr_low", "tpr_high"]].isna().all(axis=None)


@pytest.mark.slow
def test_intervals_cover_the_expected_centre():
    runs = 70
    found = [
        table(*[gaussian_world(2 * run + part, 24, 40, 0.5, samples_seed=part) for part in (0, 1)])
        for run in range(runs)
    ]
    rows = [t.query("part == 'scored' and threshold == 'lr1'").iloc[0] for t in found]
    for name in ("fpr", "tpr", "advantage"):
        truth = np.mean([row[name] for row in rows])
        covered = np.mean([row[f"{name}_low"] <= truth <= row[f"{name}_high"] for row in rows])
        width = np.mean([row[f"{name}_high"] - row[f"{name}_low"] for row in rows])
        print(
            f"{name}: covered {covered:.3f}, width over 4 true SD {width / (4 * np.std([r[name] for r in rows])):.2f}"
        )
        assert covered >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / runs)
