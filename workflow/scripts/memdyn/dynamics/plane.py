"""The vulnerability plane: x_i(t) = (FPR_i, TPR_i), counted over shadow models, and its centre of mass.

Definitions are ours, after the vocabulary of arXiv 2507.23291 and the counted rates of the same authors' earlier
estimator: for decisions d[m, i, t] of an attack that was calibrated without model m (and its complement),

    TPR_i(t) = sum_m K d / sum_m K        FPR_i(t) = sum_m (1 - K) d / sum_m (1 - K)
"""

import numpy as np
import pandas as pd

from memdyn.dynamics.zones import ZoneBounds, zones
from memdyn.stats.intervals import paired_advantage, wilson
from memdyn.stats.multiple import benjamini_hochberg


def threshold_label(threshold: str | float) -> str:
    """How tables name a threshold: "lr1", or "fpr0.05" for one at a pooled FPR of 5 %."""
    return threshold if isinstance(threshold, str) else f"fpr{threshold:g}"


def with_rates(rates: pd.DataFrame) -> pd.DataFrame:
    """Adds fpr, tpr and advantage to a table of counts (n_in, n_out, d_in, d_out)."""
    table = rates.assign(tpr=rates["d_in"] / rates["n_in"], fpr=rates["d_out"] / rates["n_out"])
    return table.assign(advantage=table["tpr"] - table["fpr"])


def rate_interval(called: np.ndarray, models: int, level: float, design_effect: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's limits [...] of per-sample rates from counts of models; approximate.

    Args:
        called: [...], how many of `models` are called members.
        design_effect: variance of a rate over that of independent trials (Kish 1965), >= 1: there are as many models'
            worth of trials as models / design_effect. Cross-fitted decisions share their calibration; simulated, the
            effect is up to 1.8 for rates and 2.0 for the advantage where 0 <= d' <= 1, and 1 beyond, at any number of
            models: plain limits (1) cover .84 there, those of 2 at least .93.
    """
    # There are at most models + 1 different counts.
    every = np.arange(models + 1)
    low, high = wilson(every / design_effect, models / design_effect, level)
    return low[called], high[called]


def samples_table(
    rates: pd.DataFrame,
    statistics: pd.DataFrame,
    labels: np.ndarray,
    sample_ids: np.ndarray,
    bounds: ZoneBounds,
    level: float,
    design_effect: float,
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
        design_effect: of the advantage, see `rate_interval`: its paired interval is that of counts / design_effect.

    Raises:
        ValueError: when `statistics` lacks a (epoch, sample) of `rates`.
    """
    counts = with_rates(rates[rates["part"] == "scored"].drop(columns="part"))
    tested = statistics.assign(
        rejected=statistics.groupby("epoch")["p_value"].transform(lambda p: benjamini_hochberg(p) <= bounds.test_level)
    )
    table = counts.merge(tested, on=["epoch", "sample"], how="left", validate="many_to_one")
    if table["p_value"].isna().any():
        missing = table.loc[table["p_value"].isna(), ["epoch", "sample"]].iloc[0]
        raise ValueError(f"no margin statistics for epoch {missing['epoch']}, sample {missing['sample']}")
    decisions = (table[name] / design_effect for name in ("d_in", "d_out", "d_both", "n_in"))
    low, high = paired_advantage(*decisions, level)
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
            "d_prime": table["d_prime"],
            "d_prime_low": table["d_prime_low"],
            "d_prime_high": table["d_prime_high"],
            "zone": zones(
                table["fpr"].to_numpy(), table["tpr"].to_numpy(), table["rejected"].to_numpy(dtype=bool), bounds
            ),
        }
    )
