"""The null check of a run: ONE test over all its checkpoints and attacks (max-t), and what it could have seen."""

from dataclasses import dataclass

import numpy as np
from scipy.special import nctdtrinc

CHUNK = 1 << 20  # values at a time
POWER = 0.95
ROUNDING = 1e-13  # of a mean of AUCs; a thousand models of 60,000 samples make no smaller step


@dataclass(frozen=True)
class NullTest:
    """Outcome of `null_test`.

    Attributes:
        statistic: the largest |mean null AUC - 0.5| / standard error over cells.
        p_value: of the statistic.
        mean_null_auc: the cells' mean null AUC that is furthest from 0.5.
        resolution: a distance of a mean null AUC from 0.5 that the test sees with a chance of about 95 % or more, in
            whichever cell it is; smaller ones may be there unseen.
        n_draws: draws of the null.
        passed: p_value > alpha. Evidence decides alone: a bound on the mean itself would fail small honest studies.
    """

    statistic: float
    p_value: float
    mean_null_auc: float
    resolution: float
    n_draws: int
    passed: bool


def null_test(aucs: np.ndarray, alpha: float, flips: int, seed: int) -> NullTest:
    """Tests that the null AUC has mean 0.5 in every cell.

    The law of the statistic is that under random signs of the draws. It is exact if a draw's deviations from 0.5 are
    as likely as their opposites, as those of AUCs over many models and samples nearly are. With D draws no p-value is
    below 2^(1 - D).

    Args:
        aucs: AUC under swapped memberships [draw, cell]; cells are (checkpoint, attack), a draw has the same swaps
            in all cells.
        alpha: level of the test, e.g. 0.01.
        flips: random sign flips of the null law; a draw flips in all cells at once, so cells may depend.
        seed: of the flips.

    A cell that is exactly 0.5 in all draws passes (say, an untrained network whose pairs are equal); one that never
    varies elsewhere fails.

    Raises:
        ValueError: for fewer than two draws or no cell, or draws too few for a p-value of alpha.
    """
    n_draws, n_cells = aucs.shape
    if n_draws < 2 or not n_cells:
        raise ValueError(f"the null test needs at least two draws and one cell, got {aucs.shape}")
    if 2.0 ** (1 - n_draws) > alpha:
        raise ValueError(f"{n_draws} draws of the null cannot fail a test of level {alpha}; allowed: more draws")
    deviation = np.where(np.abs(aucs - 0.5) < ROUNDING, 0, aucs - 0.5)
    means = deviation.mean(axis=0)
    furthest = 0.5 + float(means[np.abs(means).argmax()])
    constant = np.ptp(deviation, axis=0) < ROUNDING
    if deviation[0, constant].any():
        return NullTest(np.inf, 1 / (flips + 1), furthest, 0.0, n_draws, False)
    varying = deviation[:, ~constant]
    if not varying.shape[1]:
        return NullTest(0.0, 1.0, 0.5, 0.0, n_draws, True)

    observed = float(_max_t(varying, np.ones((1, n_draws)))[0])
    law = _law(varying, flips, np.random.default_rng(seed))
    p_value = (1 + int((law >= observed * (1 - 1e-9)).sum())) / (1 + flips)
    errors = varying.std(axis=0, ddof=1) / np.sqrt(n_draws)
    critical = np.quantile(law, 1 - alpha)
    resolution = float(nctdtrinc(n_draws - 1, 1 - POWER, critical) * errors.max())
    return NullTest(observed, p_value, furthest, resolution, n_draws, p_value > alpha)


def _law(deviation: np.ndarray, flips: int, rng: np.random.Generator) -> np.ndarray:
    """The statistic [flips] under random signs."""
    n_draws, n_cells = deviation.shape
    parts = []
    for size in _parts(flips, max(1, CHUNK // max(n_draws, n_cells))):
        signs = rng.integers(0, 2, size=(size, n_draws), dtype=np.int8) * 2.0 - 1
        parts.append(_max_t(deviation, signs))
    return np.concatenate(parts)


def _max_t(deviation: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """The largest |t| over cells [flip] of deviations [draw, cell] under signs [flip, draw]."""
    n_draws = len(deviation)
    means = signs @ deviation / n_draws
    variances = ((deviation**2).mean(axis=0) - means**2) / (n_draws - 1)  # a flip leaves the squares as they are
    floor = 1e-12 * (deviation**2).mean(axis=0)  # all of one sign and size: as far out as can be
    return np.abs(means / np.sqrt(np.maximum(variances, floor))).max(axis=1)


def _parts(total: int, most: int) -> list[int]:
    return [min(most, total - done) for done in range(0, total, most)]
