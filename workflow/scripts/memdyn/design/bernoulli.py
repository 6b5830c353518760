"""Who trains on what in an audit: a fair coin for each sample of each model.

The accountant of DP-SGD compares members with and without one sample. So do these masks: all coins but one tell nothing
of that one, as with halves of a fixed size they would. And models are independent of each other.
"""

import numpy as np
from numpy.typing import NDArray

from memdyn.design.seeds import derive_seed


def bernoulli_membership(n: int, models: range, seed: int, pool: str, part: str) -> NDArray[np.bool_]:
    """The mask [model, sample]: True where the model trains on the sample, each with the chance 1/2 by itself.

    Args:
        n: samples in the part.
        models: which models; the mask of one does not depend on the others.
        seed, pool, part: with the model's number, all that its coins depend on.
    """
    # raw bits are the only streams that numpy promises to keep
    words = (
        np.random.PCG64(derive_seed(seed, pool, model, f"coins {part}")).random_raw(-(-n // 64)) for model in models
    )
    bits = [np.unpackbits(each.astype("<u8").view(np.uint8), count=n, bitorder="little") for each in words]
    return np.array(bits, dtype=bool).reshape(len(models), n)
