"""The vulnerability plane: x_i(t) = (FPR_i, TPR_i), counted over shadow models, and its centre of mass.

Definitions are ours, after the vocabulary of arXiv 2507.23291 and the counted rates of the same authors' earlier
estimator: for decisions d[m, i, t] of an attack that was calibrated without model m (and its complement),

    TPR_i(t) = sum_m K d / sum_m K        FPR_i(t) = sum_m (1 - K) d / sum_m (1 - K)
"""

import numpy as np
import pandas as pd

from memdyn.dynamics.zones import ZoneBounds, zones
from memdyn.stats.intervals import clopper_pearson, paired_advantage
from memdyn.stats.multiple import benjamini_hochberg


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


def samples_table(
    rates: pd.DataFrame,
    statistics: pd.DataFrame,
    labels: np.ndarray,
    sample_ids: np.ndarray,
    bounds: ZoneBounds,
    level: float,
    design_effects: pd.DataFrame,
    run: str,
    attack: str,
) -> pd.DataFrame:
    """The study's `samples` rows of one run and attack: the state of every scored sample at every checkpoint.

    Args:
        rates: counts (part, threshold, folds, epoch, sample, n_in, n_out, d_in, d_out, d_both); other parts than
            "scored" are left out. d_both counts the pairs in which both models were called members.
        statistics: (epoch, sample, d_prime with limits, p_value) of the margin, from
            `memdyn.dynamics.dprime.sample_statistics`.
        labels, sample_ids: [pool] class and source row, indexed by `sample`.
        level: confidence level of the advantage's interval.
        design_effects: (threshold, epoch, sample, design_effect) of the advantage, for its interval.

    Raises:
        ValueError: when `statistics` or `design_effects` lacks a sample of `rates`.
    """
    counts = with_rates(rates[rates["part"] == "scored"].drop(columns="part"))
    tested = statistics.assign(
        rejected=statistics.groupby("epoch")["p_value"].transform(lambda p: benjamini_hochberg(p) <= bounds.test_level)
    )
    table = _joined(counts, tested, ["epoch", "sample"], "margin statistics")
    table = _joined(table, design_effects, ["threshold", "epoch", "sample"], "design effect")
    decisions = (table[name].to_numpy() for name in ("d_in", "d_out", "d_both", "n_in", "design_effect"))
    d_in, d_out, d_both, n_pairs, effect = decisions
    low, high = paired_advantage(d_in, d_out, d_both, n_pairs, level, effect)
    return pd.DataFrame(
        {
            "run": run,
            "attack": attack,
            "threshold": table["threshold"],
            "folds": table["folds"],
            "epoch": table["epoch"],
            "sample_id": sample_ids[table["sample"]],
            "label": labels[table["sample"]],
            "n_in": table["n_in"],
            "n_out": table["n_out"],
            "tpr": table["tpr"],
            "fpr": table["fpr"],
            "advantage": table["advantage"],
            "advantage_low": low,
            "advantage_high": high,
            "design_effect": effect,
            "d_prime": table["d_prime"],
            "d_prime_low": table["d_prime_low"],
            "d_prime_high": table["d_prime_high"],
            "zone": zones(
                table["fpr"].to_numpy(), table["tpr"].to_numpy(), table["rejected"].to_numpy(dtype=bool), bounds
            ),
        }
    )


def _joined(table: pd.DataFrame, other: pd.DataFrame, keys: list[str], what: str) -> pd.DataFrame:
    """The table with the columns of another, which has one row for each."""
    joined = table.merge(other, on=keys, how="left", validate="many_to_one", indicator="found")
    missing = joined.loc[joined["found"] != "both", keys]
    if len(missing):
        raise ValueError(f"no {what} for {', '.join(f'{key} {missing.iloc[0][key]}' for key in keys)}")
    return joined.drop(columns="found")
