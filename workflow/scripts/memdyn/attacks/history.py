"""What attacks over time share: which of the checkpoints so far they look at."""

import numpy as np

from memdyn.attacks.signals import Values

NAME = "margin_history"


def latest_first(values: Values, most: int) -> np.ndarray:
    """Margins [M, n, T] of at most so many checkpoints of the history, the attacked one first, then back in time.

    Of more, these are spread evenly over the history's places, from the attacked checkpoint to the first one.
    """
    history = values[NAME]
    count = history.shape[2]
    places = np.round(np.linspace(count - 1, 0, min(most, count))).astype(int)
    return history[:, :, places]
