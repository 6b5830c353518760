"""Tests of "a sample's IN and OUT margins have one law" from pair differences, and corrections for many samples."""

import numpy as np
from scipy.special import stdtr


def paired_t(differences: np.ndarray) -> np.ndarray:
    """Two-sided p-value [n] of the paired t test of differences [P, n]; 1 where all differences are 0."""
    n_pairs = len(differences)
    mean, deviation = np.mean(differences, axis=0), np.std(differences, axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where((mean == 0) & (deviation == 0), 0.0, mean / (deviation / np.sqrt(n_pairs)))
    return 2 * stdtr(n_pairs - 1, -np.abs(t))


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values [n] that control the false discovery rate (Benjamini & Hochberg 1995)."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    return _unsort(np.minimum(np.minimum.accumulate(scaled), 1), order)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values [n] that control the chance of any false rejection (Holm 1979)."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)
    scaled = p[order] * np.arange(len(p), 0, -1)
    return _unsort(np.minimum(np.maximum.accumulate(scaled), 1), order)


def _unsort(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    result = np.empty_like(values)
    result[order] = values
    return result
