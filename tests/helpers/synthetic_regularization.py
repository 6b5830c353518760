"""A made-up study of mechanisms against a baseline, its tables made by the package from known curves."""

from functools import cache

import numpy as np
import pandas as pd

from memdyn.compare.regularization.losses import LastMargins
from memdyn.compare.regularization.tables import regularization_tables
from memdyn.stats.jackknife import Pairs
from memdyn.terms import AUC
from regularized_worlds import EPOCHS, PLAIN, changed, world
from worlds import complementary_mask

RUNS = {
    "baseline": PLAIN,
    "smoothing": changed(accuracy=0.01, lira=0.06, rmia=0.05, avg=0.005, pow=0.08),
    "distillation-5": changed(accuracy=0.004, lira=0.0, rmia=0.02, avg=-0.1, pow=-0.03),
    "crop-2": changed(accuracy=0.02, loss_in=[2.3, 1.2, 0.9, 0.6], lira=[0.5, 0.52, 0.56, 0.6], rmia=-0.1, avg=-0.08),
    "distillation-5-crop-2": changed(accuracy=0.015, lira=-0.13, rmia=-0.13, avg=-0.12, pow=-0.15),
    "stop-4": {key: curve[:3] for key, curve in PLAIN.items()},
    "hidden": changed(accuracy=-0.02, lira=[0.5] * 4, rmia=[0.5] * 4, avg=-0.2, pow=-0.22),
    "diverged": None,
}
MECHANISMS = {
    "smoothing": {"label_smoothing": "alpha=0.1"},
    "distillation-5": {"distillation": "temperature=5"},
    "crop-2": {"random_crop": "2"},
    "distillation-5-crop-2": {"distillation": "temperature=5", "random_crop": "2"},
    "stop-4": {"early_stopping": "epoch 4"},
    "hidden": {"class_means": ""},
    "diverged": {"dp_sgd": "noise=50"},
}
GONE = "16 of 16 models failed"
OPTIONS = {"difference": 0.01, "weak_difference": 0.02, "chance": 0.02, "rad": [0.01, 0.05], "top": 0.1}


@cache
def mechanism_tables(seed: int = 0) -> dict[str, pd.DataFrame]:
    """What the report's sections on mechanisms read, `runs` among it. They are shared: make new ones of them."""
    noisy = {"noise": 0.01, "own_noise": 0.006}
    against = world(
        RUNS, MECHANISMS, n_pairs=16, seed=seed, epochs={"stop-4": EPOCHS[:3]}, reasons={"diverged": GONE}, **noisy
    )
    distances = pd.DataFrame(
        {"run": "hidden", "epoch": 8, "level": ["q0.9"], "control": "matched", "auc": 0.58, "low": 0.56, "high": 0.6}
    )
    options = OPTIONS | {"last": {run: 4 if run == "stop-4" else 8 for run in RUNS}}
    tables = regularization_tables(against, _margins(seed), distances, 16, options)
    return tables | {"runs": pd.DataFrame({"run": list(RUNS), "accuracy_test": 0.7})}


def _margins(seed: int) -> dict[str, LastMargins]:
    """Of runs that have a difficulty in common; the crops have more of one of their own."""
    rng = np.random.default_rng(seed)
    mask, difficulty, cropped = complementary_mask(rng, 16, 300), rng.normal(size=300), rng.normal(size=300)
    risk, found = rng.gamma(0.5, 2, 300), {}
    for run, curves in RUNS.items():
        if curves:
            shared = difficulty + 2 * cropped * ("crop" in run)
            leak = 10 * (curves["lira", AUC][-1] - 0.5) * risk * mask
            found[run] = LastMargins(shared + leak + rng.normal(size=mask.shape), mask, Pairs.of(16))
    return found
