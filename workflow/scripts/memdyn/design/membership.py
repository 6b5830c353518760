"""Who trains on what: complementary pairs of models.

Model 2k trains on a random half of the part, model 2k + 1 on the other half. So each sample is in exactly half of any
even number of models, leaving out a pair keeps the IN and OUT counts equal, and more models change no earlier mask.
"""

import numpy as np
from numpy.typing import NDArray

from memdyn.design.seeds import derive_seed


def membership(n: int, models: range, seed: int, pool: str, part: str) -> NDArray[np.bool_]:
    """The mask [model, sample]: True where the model trains on the sample.

    Args:
        n: samples in the part, even.
        models: which models, numbered from 0; any range, the mask of a model does not depend on the others.
        seed, pool, part: with the pair's number, all that a pair's draw depends on.

    Returns:
        bool [len(models), n], exactly n/2 True in each row.

    Raises:
        ValueError: for an odd n, which has no two halves, or a negative model.
    """
    if n < 0 or n % 2:
        raise ValueError(f"{part}: {n} samples cannot be halved; the number must be even")
    if models and min(models) < 0:
        raise ValueError(f"models are numbered from 0; got {models}")
    mask = np.zeros((len(models), n), dtype=bool)
    for row, model in zip(mask, models, strict=True):
        row[_first_half(n, seed, pool, part, model // 2)] = True
        if model % 2:
            np.logical_not(row, out=row)
    return mask


def _first_half(n: int, seed: int, pool: str, part: str, pair: int) -> NDArray[np.int64]:
    """Members of the pair's even model; from raw bits, the only streams that numpy promises to keep."""
    bits = np.random.PCG64(derive_seed(seed, pool, pair, f"mask {part}"))
    return np.argsort(bits.random_raw(n), kind="stable")[: n // 2]
