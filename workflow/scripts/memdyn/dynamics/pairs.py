"""Model-by-sample arrays seen as pairs: models 2k and 2k+1 have complementary masks."""

import numpy as np

from memdyn.attacks.signals import exchange


def pair_values(values: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values of each pair's IN and OUT model.

    Args:
        values: [M, n], M even.
        mask: [M, n] bool, True where the sample is a member; rows 2k and 2k+1 complementary.

    Returns:
        (inside, outside), each [M / 2, n].

    Raises:
        ValueError: when shapes differ or the masks are not complementary.
    """
    if values.shape != mask.shape or len(mask) % 2:
        raise ValueError(f"need values and mask of one shape [M, n] with M even, got {values.shape} and {mask.shape}")
    even, odd = mask[0::2], mask[1::2]
    if not np.array_equal(even, ~odd):
        raise ValueError("the masks of models 2k and 2k+1 are not complementary")
    return exchange(values[0::2], values[1::2], even)
