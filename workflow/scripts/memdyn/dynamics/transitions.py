"""Movement of samples between the zones of the vulnerability plane."""

import numpy as np

from memdyn.terms import ZONES

HV = ZONES.index("highly_vulnerable")


def transition_counts(codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How much weight goes from zone a to zone b, float [K, T - 1, Z, Z].

    Args:
        codes: zones [T, n] as indices of `ZONES`.
        weights: [K, n], rows that average over groups of samples; then entries are shares of the group.
    """
    size = len(ZONES)
    moves = codes[:-1].astype(np.intp) * size + codes[1:]
    counts = [[np.bincount(step, weights=row, minlength=size * size) for step in moves] for row in weights]
    return np.array(counts).reshape(len(weights), -1, size, size)


def probabilities(counts: np.ndarray) -> np.ndarray:
    """P[a, b] = share of zone a's samples [..., Z, Z] that are in b at the next checkpoint; NaN where a is empty."""
    totals = counts.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(totals > 0, counts / totals, np.nan)


def inflow(counts: np.ndarray, zone: int = HV) -> np.ndarray:
    """The chance [...] that a sample outside a zone is inside at the next checkpoint; NaN where none is outside."""
    outside = np.delete(counts, zone, axis=-2)
    total = outside.sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, outside[..., zone].sum(axis=-1) / total, np.nan)
