"""Figures against the number of models: each point is what a smaller study would have said."""

import numpy as np
import pytest

from memdyn.attacks.base import Prepared, build
from memdyn.attacks.convergence import convergence_table, model_counts
from memdyn.attacks.evaluate import Settings, evaluate_checkpoint
from worlds import gaussian_world

LIRA = build({"name": "lira", "mode": "online", "variance": "shrunken"})
SETTINGS = Settings(level=0.9, groups=16, draws=2, seed=0, fprs=(0.001, 0.01), rate_fprs=(), points_per_decade=2)


@pytest.mark.parametrize(
    "models, counts",
    [
        (4, [4]),
        (8, [8]),
        (10, [8, 10]),
        (16, [8, 12, 16]),
        (40, [8, 12, 16, 24, 32, 40]),
        (64, [8, 12, 16, 24, 32, 48, 64]),
    ],
)
def test_model_counts(models, counts):
    assert model_counts(models) == counts


def test_every_point_is_a_smaller_study():
    world = gaussian_world(4, 32, 150, np.random.default_rng(0).exponential(1, 150))
    table = convergence_table(LIRA, Prepared.of(LIRA, world), SETTINGS)
    assert list(table) == ["n_models", "share", "metric", "value", "low", "high"]
    assert table["n_models"].unique().tolist() == [8, 12, 16, 24, 32]
    for models in (8, 12, 32):
        alone = evaluate_checkpoint(LIRA, Prepared.of(LIRA, world.take(np.arange(models // 2))), SETTINGS)
        everyone = alone["metrics"].set_index("aggregation").loc["pooled"]
        for metric in ("auc", "tpr_at_fpr_0.001", "tpr_at_fpr_0.01"):
            row = table.query("n_models == @models and share == 1 and metric == @metric").iloc[0]
            expected = [everyone[f"{metric}{end}"] for end in ("", "_low", "_high")]
            np.testing.assert_allclose(row[["value", "low", "high"]].to_numpy(dtype=float), expected, atol=1e-12)
        few = alone["most_vulnerable"][["value", "low", "high"]].to_numpy()
        found = table.query("n_models == @models and share < 1")[["value", "low", "high"]].to_numpy()
        np.testing.assert_allclose(found, few, atol=1e-12)


def test_numbers_of_models_that_cannot_calibrate_are_left_out():
    world = gaussian_world(4, 16, 50, 1.0)
    inputs = world.take(np.array([0, 1, 2]))
    with pytest.raises(ValueError):
        convergence_table(LIRA, Prepared.of(LIRA, inputs.take(np.array([0, 1]))), SETTINGS)
    assert convergence_table(LIRA, Prepared.of(LIRA, inputs), SETTINGS)["n_models"].unique().tolist() == [6]
