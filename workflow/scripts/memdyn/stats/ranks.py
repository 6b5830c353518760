"""Rank correlations of many rows at once, and AUROC with the variance that the samples bring."""

import numpy as np


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks float64 [R, n] of each row of values [R, n], from 1; ties share their mean rank."""
    n_rows, n = values.shape
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    place = np.arange(n)
    found = np.empty((n_rows, n))
    for row, column, target in zip(ordered, order, found, strict=True):
        starts = np.flatnonzero(np.concatenate([[True], row[1:] != row[:-1]]))
        if len(starts) == n:
            target[column] = place + 1
        else:
            sizes = np.diff(np.append(starts, n))
            target[column] = np.repeat(starts + (sizes + 1) / 2, sizes)
    return found


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlations [..., D, T] of rows a [..., D, n] with rows b [..., T, n]; NaN for a constant row."""
    a, b = _unit(a), _unit(b)
    return a @ np.swapaxes(b, -1, -2)


def kendall(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Kendall's tau-b [D, T] of rows of ranks a [D, m] with rows of ranks b [T, m], from the signs of all differences.

    Different ranks differ by a half at least, so a clip of twice the difference is its sign.
    """
    signs = []
    for rows in (a, b):
        single = 2 * rows.astype(np.float32)
        signs.append(np.clip(single[:, :, None] - single[:, None, :], -1, 1).reshape(len(rows), single.shape[1] ** 2))
    untied = [np.einsum("rp,rp->r", rows, rows).astype(float) for rows in signs]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (signs[0] @ signs[1].T) / np.sqrt(np.outer(*untied))


def within_classes(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Values [R, n] minus their class's mean: the residuals of a regression on the class.

    Args:
        values: [R, n].
        labels: int [n], 0 to K - 1.
    """
    indicator = np.zeros((len(labels), int(labels.max()) + 1))
    indicator[np.arange(len(labels)), labels] = 1
    means = values @ indicator / np.maximum(indicator.sum(axis=0), 1)
    return values - means[:, labels]


def delong(positive: np.ndarray, negative: np.ndarray) -> tuple[float, float]:
    """AUROC and its standard error over samples (DeLong, DeLong & Clarke-Pearson 1988); ties as halves.

    Args:
        positive: scores [a] of positives.
        negative: scores [b] of negatives.
    """
    wins = _placement(positive, negative)
    losses = 1 - _placement(negative, positive)
    variance = sum(part.var(ddof=1) / len(part) if len(part) > 1 else np.nan for part in (wins, losses))
    return float(wins.mean()), float(np.sqrt(variance))


def _placement(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    others = np.sort(others)
    sides = (np.searchsorted(others, scores, side=side) for side in ("left", "right"))
    return sum(sides) / (2 * len(others))


def _unit(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=-1, keepdims=True)
    norm = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    scale = np.abs(rows).max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(norm > 1e-12 * scale * np.sqrt(rows.shape[-1]), centred / norm, np.nan)
