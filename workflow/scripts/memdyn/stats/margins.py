"""What follows from the margin m = log p_y / (1 - p_y), without ever saturating; of any float type."""

import numpy as np


def loss(margin: np.ndarray) -> np.ndarray:
    """The cross-entropy -log p_y = softplus(-margin)."""
    return np.maximum(-margin, 0) + np.log1p(np.exp(-np.abs(margin)))


def probability(margin: np.ndarray) -> np.ndarray:
    """p_y = sigmoid(margin)."""
    return np.exp(-loss(margin))
