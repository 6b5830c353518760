"""Whether an attack is surely above a limit of its leak."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

ABOVE, WITHIN, NOT_JUDGED = "above", "within", "not judged"
COLUMNS = ["run", "attack", "metric", "epoch", "value", "low", "high", "limit", "verdict"]
NO_FIGURES, NO_VALUE, NO_INTERVAL = "no figures", "no value", "no interval"  # why a limit is not judged


def judged(metrics: pd.DataFrame, limits: Iterable[Sequence], runs: Sequence[str]) -> pd.DataFrame:
    """A row a run and limit: is the lower end of the interval above it, at the attack's last checkpoint?

    Args:
        metrics: the study's `attack_metrics`; pooled figures are judged.
        limits: (attack, metric, limit) each.
        runs: all of the study.

    Returns:
        run, attack, metric, epoch, value, low, high, limit and verdict. One without a value or an interval is not
        judged (`why_not`), and then it is not known to be within its limit.
    """
    pooled, rows = metrics[metrics["aggregation"] == "pooled"], []
    for run in runs:
        for attack, metric, limit in limits:
            mine = pooled[(pooled["run"] == run) & (pooled["attack"] == attack)]
            last = mine.loc[mine["epoch"].idxmax()] if len(mine) else {}
            epoch, *found = (last.get(name, np.nan) for name in ("epoch", metric, f"{metric}_low", f"{metric}_high"))
            rows.append((run, attack, metric, epoch, *found, limit, _verdict(*found[:2], limit)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _verdict(value: float, low: float, limit: float) -> str:
    if np.isnan(value) or np.isnan(low):
        return NOT_JUDGED
    return ABOVE if low > limit else WITHIN


def why_not(row: Mapping) -> str:
    """Why a row of `judged` has no verdict: `NO_FIGURES` of that run and attack, `NO_VALUE`, or `NO_INTERVAL`."""
    if np.isnan(row["epoch"]):
        return NO_FIGURES
    return NO_VALUE if np.isnan(row["value"]) else NO_INTERVAL
