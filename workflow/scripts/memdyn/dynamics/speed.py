"""Encoding speed: how fast samples move in the vulnerability plane, in units of the plane per epoch.

    v_i(t) = ||x_i(t + D) - x_i(t)|| / D        x_i = (FPR_i, TPR_i), D epochs between two checkpoints

Counted states jitter, so v_i and its mean are positive even where nothing moves. The product of the displacements that
two halves A and B of the pairs see, each calibrated wholly inside, has the expectation of the true squared speed:

    mean_i <x_i^A(t + D) - x_i^A(t), x_i^B(t + D) - x_i^B(t)> / D^2

It is signed and never clipped; its root is an RMS speed, which is not the mean of the v_i. The halves have half as many
models, so what is free of noise is the speed that an attack calibrated with M / 2 models sees.
"""

from collections.abc import Callable

import numpy as np

from memdyn.dynamics.observations import Counts, Design
from memdyn.stats.jackknife import TooFewModels

Rates = tuple[np.ndarray, np.ndarray]


def speeds(fpr: np.ndarray, tpr: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """v_i(t) [T - 1, n] of states [T, n]."""
    gaps = np.diff(epochs)[:, None].astype(np.float32)
    return np.hypot(np.diff(fpr, axis=0), np.diff(tpr, axis=0)) / gaps


def slopes(values: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """Signed change per epoch [T - 1, n] of values [T, n], e.g. of the advantage or of d'."""
    return np.diff(values, axis=0) / np.diff(epochs)[:, None].astype(np.float32)


def squared_speed(first: Rates, second: Rates, epochs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Signed mean squared speed [K, T - 1] from the (FPR, TPR) [T, n] of two halves; the raw one where they are one.

    Args:
        weights: [K, n], rows that average over groups of samples.
    """
    product = sum(np.diff(a, axis=0) * np.diff(b, axis=0) for a, b in zip(first, second, strict=True))
    return weights @ product.T / np.diff(epochs) ** 2


def squared_displacement(first: Rates, second: Rates, weights: np.ndarray) -> np.ndarray:
    """Signed squared distance [K, T] of the centre of mass from where it started, from two halves."""
    centres = [[weights @ rate.T for rate in rates] for rates in (first, second)]
    return sum((a - a[:, :1]) * (b - b[:, :1]) for a, b in zip(*centres, strict=True))


def signed_root(squares: np.ndarray) -> np.ndarray:
    """sqrt(|x|) with the sign of x: below 0 where noise outweighs movement."""
    return np.sign(squares) * np.sqrt(np.abs(squares))


def from_halves(
    counts: Counts, design: Design, function: Callable[[Rates, Rates], np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A figure of halves A and B, averaged over splits.

    Args:
        function: ((FPR, TPR) of A, (FPR, TPR) of B) -> array [...].

    Returns:
        The figure [...] over all splits, over those that the jackknife has, and [G, ...] over these without each group
        (G = 0 where nothing can be left out).

    Raises:
        TooFewModels: where there are too few models for halves.
    """
    if not len(design.splits):
        raise TooFewModels("too few models: a half of the pairs cannot be calibrated by itself")

    def mean(pairs: np.ndarray) -> np.ndarray:
        return np.mean([function(counts.rates(a), counts.rates(b)) for a, b in pairs], axis=0)

    every = mean(design.splits)
    n_jackknifed, n_groups, _ = design.split_deleted.shape
    if not n_jackknifed:
        return every, every, np.empty((0, *every.shape))
    deleted = [mean(design.split_deleted[:, g]) for g in range(n_groups)]
    return every, mean(design.splits[:n_jackknifed]), np.array(deleted).reshape(n_groups, *every.shape)
