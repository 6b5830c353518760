"""The vulnerability plane: x_i(t) = (FPR_i, TPR_i), counted over shadow models, and its centre of mass.

Definitions are ours, after the vocabulary of arXiv 2507.23291 and the counted rates of the same authors' earlier
estimator: for decisions d[m, i, t] of an attack that was calibrated without model m (and its complement),

    TPR_i(t) = sum_m K d / sum_m K        FPR_i(t) = sum_m (1 - K) d / sum_m (1 - K)
"""

import numpy as np
import pandas as pd

from memdyn.stats.intervals import clopper_pearson


def with_rates(rates: pd.DataFrame) -> pd.DataFrame:
    """Adds fpr, tpr and advantage to a table of counts (n_in, n_out, d_in, d_out)."""
    table = rates.assign(tpr=rates["d_in"] / rates["n_in"], fpr=rates["d_out"] / rates["n_out"])
    return table.assign(advantage=table["tpr"] - table["fpr"])


def rate_interval(
    called: np.ndarray, models: int, level: float, design_effect: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Clopper-Pearson limits [...] of per-sample rates from counts of models; approximate.

    Args:
        called: [...], how many of `models` are called members.
        design_effect: [...], see `memdyn.dynamics.design_effect`; NaN: no limits.
    """
    # There are few different design effects, and at most models + 1 different counts.
    effects, which = np.unique(design_effect, return_inverse=True)
    low, high = clopper_pearson(np.arange(models + 1), models, level, effects[:, None])
    which = which.reshape(called.shape)
    return low[which, called], high[which, called]
