"""Tests of "a sample's IN and OUT margins have one law" from pair differences, and corrections for many samples."""

import numpy as np
from scipy.special import stdtr

MOST_EXACT_PAIRS = 24  # 2 x 4096 half sums a sample
ALTERNATIVES = ("greater", "two-sided")


def sign_flip(differences: np.ndarray, alternative: str, draws: int, seed: int) -> np.ndarray:
    """p-value [n] of the sign-flip test of mean difference 0, exact for up to 24 pairs.

    Under the hypothesis each pair's difference (IN - OUT) is as likely as its negative. All 2^P sums are counted
    without listing them: each is a sum over the first half of the pairs plus one over the second half.
    The smallest one-sided p is 2^-P.

    Args:
        differences: [P, n].
        alternative: "greater" (members higher) or "two-sided".
        draws: random flips beyond 24 pairs (the observed one is counted as well).
        seed: of these.

    Raises:
        ValueError: for an unknown alternative.
    """
    _check(alternative)
    differences = np.asarray(differences, dtype=float)
    n_pairs = len(differences)
    observed = differences.sum(axis=0)
    target = observed if alternative == "greater" else np.abs(observed)
    # Equal sums differ by rounding only: they count as equal.
    target = target - 1e-9 * np.abs(differences).sum(axis=0)
    if n_pairs <= MOST_EXACT_PAIRS:
        left, right = _half_sums(differences[: n_pairs // 2]), _half_sums(differences[n_pairs // 2 :])
        right.sort(axis=0)
        below = [
            np.searchsorted(column, t - part).sum() for column, part, t in zip(right.T, left.T, target, strict=True)
        ]
        upper = 1 - np.array(below) / 2.0**n_pairs
    else:
        rng = np.random.default_rng(seed)
        reached = np.ones(len(target))
        for _ in range(draws):
            reached += rng.choice([-1.0, 1.0], size=n_pairs) @ differences >= target
        upper = reached / (draws + 1)
    return upper if alternative == "greater" else np.where(observed == 0, 1.0, np.minimum(1, 2 * upper))


def paired_t(differences: np.ndarray, alternative: str) -> np.ndarray:
    """p-value [n] of the paired t test of differences [P, n]; 1 where all differences are 0.

    Raises:
        ValueError: for an unknown alternative.
    """
    _check(alternative)
    n_pairs = len(differences)
    mean, deviation = np.mean(differences, axis=0), np.std(differences, axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where((mean == 0) & (deviation == 0), -np.inf, mean / (deviation / np.sqrt(n_pairs)))
    upper = 1 - stdtr(n_pairs - 1, t) if alternative == "greater" else 2 * stdtr(n_pairs - 1, -np.abs(t))
    return np.where((mean == 0) & (deviation == 0), 1.0, upper)


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


def _half_sums(differences: np.ndarray) -> np.ndarray:
    """The sums [2^h, n] of differences [h, n] under all sign flips."""
    sums = np.zeros((1, differences.shape[1]))
    for row in differences:
        sums = np.concatenate([sums + row, sums - row])
    return sums


def _check(alternative: str) -> None:
    if alternative not in ALTERNATIVES:
        raise ValueError(f"unknown alternative {alternative!r}; allowed: {', '.join(ALTERNATIVES)}")


def _unsort(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    result = np.empty_like(values)
    result[order] = values
    return result
