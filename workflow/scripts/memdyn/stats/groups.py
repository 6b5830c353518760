"""Which pairs of models, or which models, are left out together."""

import numpy as np

FEWEST_GROUPS = 4


def groups(n_pairs: int, most: int) -> np.ndarray:
    """The group [P] of each pair.

    As many equal groups as possible, at most `most`; where that leaves fewer than four of more pairs (34 = 2 x 17),
    `most` groups whose sizes differ by one.
    """
    divisor = max(d for d in range(1, min(n_pairs, most) + 1) if n_pairs % d == 0)
    count = divisor if divisor >= min(FEWEST_GROUPS, n_pairs) else min(n_pairs, most)
    return np.arange(n_pairs) % count
