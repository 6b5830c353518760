"""Files of scores as another tool would export them."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from designs import Masks
from worlds import complementary_mask

OF_MODELS = ("mask", "together")
ORDER = np.array([0, 2, 4, 6, 1, 3, 5, 7])  # pairs that lie apart, and are found in their order


def arrays(
    seed: int = 0,
    n_models: int = 8,
    n_samples: int = 120,
    n_checkpoints: int = 2,
    masks: Masks = complementary_mask,
    **more: int,
) -> dict[str, np.ndarray]:
    """Margins N(mean of the sample + d' of members, 1), d' = 0.5, 1.5, ...; models in pairs, if not told.

    Args:
        more: samples of the parts sham and population.
    """
    rng = np.random.default_rng([11, seed])
    mask = masks(rng, n_models, n_samples)
    mean, effect = rng.normal(1, 2, n_samples), 0.5 + np.arange(n_checkpoints)[:, None, None]
    margin = mean + rng.normal(size=(n_checkpoints, *mask.shape)) + effect * mask
    aside = {part: rng.normal(1, 2, (n_checkpoints, n_models, size)) for part, size in more.items()}
    return {"margin": margin, "mask": mask, "labels": rng.integers(0, 3, n_samples), **aside}


def of_models(given: Mapping[str, np.ndarray], order: np.ndarray) -> dict[str, np.ndarray]:
    """The same with the models in another order."""
    axes = {"mask": 0, "together": 0, "labels": None, "epochs": None, "sample_ids": None}
    found = {}
    for name, array in given.items():
        axis = axes.get(name.rpartition("_")[2] if name.endswith("_labels") else name, 1)
        found[name] = array if axis is None else np.take(array, order, axis)
    return found


def write(path: Path, given: Mapping[str, Any]) -> str:
    np.savez(path, **given)
    return str(path)


def rows(given: Mapping[str, np.ndarray], epochs: Sequence[int] = (1, 2)) -> pd.DataFrame:
    """The arrays as a row a (checkpoint, model), of models 10, 11, ..., as pandas would hold them."""
    numbers = range(len(given["mask"]))
    table = [{"epoch": epoch, "model": 10 + model} for epoch in epochs for model in numbers]
    for row, (e, m) in zip(table, product(range(len(epochs)), numbers), strict=True):
        for name, array in given.items():
            if name != "epochs":
                of_samples = name.rpartition("_")[2] in ("labels", "ids")
                value = array if of_samples else array[m] if name in OF_MODELS else array[e, m]
                row[name] = list(value) if np.ndim(value) else value
    return pd.DataFrame(table)
