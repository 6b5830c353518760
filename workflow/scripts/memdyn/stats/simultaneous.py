"""The null check of a run: ONE test over all its checkpoints and attacks (max-t), and a bound on the mean null AUC."""

from dataclasses import dataclass

import numpy as np

CHUNK = 1 << 20  # values at a time


@dataclass(frozen=True)
class NullTest:
    """Outcome of `null_test`.

    Attributes:
        statistic: the largest |mean null AUC - 0.5| / standard error over cells.
        p_value: of the statistic.
        mean_null_auc: the cells' mean null AUC that is furthest from 0.5.
        n_draws: draws of the null.
        passed: p_value > alpha, and |mean_null_auc - 0.5| < tolerance.
    """

    statistic: float
    p_value: float
    mean_null_auc: float
    n_draws: int
    passed: bool


def null_test(aucs: np.ndarray, alpha: float, tolerance: float, flips: int, seed: int) -> NullTest:
    """Tests that the null AUC has mean 0.5 in every cell.

    Args:
        aucs: AUC under swapped memberships [draw, cell]; cells are (checkpoint, attack), a draw has the same swaps
            in all cells.
        alpha: level of the test, e.g. 0.01.
        tolerance: bound on the distance of each cell's mean from 0.5, e.g. 0.01.
        flips: random sign flips of the null law; a draw flips in all cells at once, so cells may depend.
        seed: of the flips.

    A cell that is exactly 0.5 in all draws passes (say, an untrained network whose pairs are equal); one that never
    varies elsewhere fails.

    Raises:
        ValueError: for fewer than two draws or no cell.
    """
    n_draws, n_cells = aucs.shape
    if n_draws < 2 or not n_cells:
        raise ValueError(f"the null test needs at least two draws and one cell, got {aucs.shape}")
    deviation = aucs - 0.5
    means = deviation.mean(axis=0)
    furthest = float(means[np.abs(means).argmax()])
    constant = np.ptp(aucs, axis=0) == 0
    if (constant & (deviation[0] != 0)).any():
        return NullTest(np.inf, 1 / (flips + 1), 0.5 + furthest, n_draws, False)
    varying = deviation[:, ~constant]
    if not varying.shape[1]:
        return NullTest(0.0, 1.0, 0.5, n_draws, True)

    observed = float(_max_t(varying, np.ones((1, n_draws)))[0])
    rng = np.random.default_rng(seed)
    reached = 0
    for size in _parts(flips, max(1, CHUNK // n_cells)):
        signs = rng.choice([-1.0, 1.0], size=(size, n_draws))
        reached += int((_max_t(varying, signs) >= observed * (1 - 1e-9)).sum())
    p_value = (1 + reached) / (1 + flips)
    passed = bool(p_value > alpha and abs(furthest) < tolerance)
    return NullTest(observed, p_value, 0.5 + furthest, n_draws, passed)


def _max_t(deviation: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """The largest |t| over cells [flip] of deviations [draw, cell] under signs [flip, draw]."""
    n_draws = len(deviation)
    means = signs @ deviation / n_draws
    variances = ((deviation**2).mean(axis=0) - means**2) / (n_draws - 1)  # a flip leaves the squares as they are
    floor = 1e-12 * (deviation**2).mean(axis=0)  # all of one sign and size: as far out as can be
    return np.abs(means / np.sqrt(np.maximum(variances, floor))).max(axis=1)


def _parts(total: int, most: int) -> list[int]:
    return [min(most, total - done) for done in range(0, total, most)]
