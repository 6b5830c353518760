"""What the checkpoints so far add to the last one: attacks over time minus the same attacks on the last alone."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from memdyn.compare.differences import by_keys
from memdyn.stats.jackknife import interval

_KEYS = ["epoch", "aggregation", "metric"]
COLUMNS = ["run", "attack", *_KEYS, "reference", "value", "reference_value", "difference", "low", "high", "level"]


def history_gain(
    metrics: pd.DataFrame,
    replicates: pd.DataFrame,
    alone: Mapping[str, str],
    sizes: Mapping[str, np.ndarray],
    level: float,
) -> pd.DataFrame:
    """Differences within a run, at every checkpoint, jackknifed over the groups of pairs that both left out.

    Args:
        metrics: run, attack, epoch, aggregation and a column a metric.
        replicates: run, attack, epoch, aggregation, metric, group, value: the jackknife's deleted values.
        alone: attack over time -> the attack on the last checkpoint alone.
        sizes: [G] pairs of each run in each group of the jackknife; 0 where models that failed took all of them.
        level: confidence level.

    Returns:
        run, attack, epoch, aggregation, metric, reference, value, reference_value, difference, low, high, level; limits
        are NaN where either attack has no replicates (too few models).
    """
    if not alone:
        return pd.DataFrame(columns=COLUMNS)
    values, deleted = by_keys(metrics, replicates, ["run", "attack", "epoch", "aggregation"])
    parts = []
    for run in metrics["run"].unique():
        attacked = set(metrics.loc[metrics["run"] == run, "attack"])
        for attack, reference in alone.items():
            if {attack, reference} <= attacked:
                table = _gain(values.loc[run], deleted, (run, attack, reference), sizes[run], level)
                parts.append(table.assign(run=run, attack=attack, reference=reference, level=level))
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)


def _gain(
    values: pd.Series, deleted: pd.DataFrame, names: tuple[str, str, str], sizes: np.ndarray, level: float
) -> pd.DataFrame:
    run, *attacks = names
    shared = values.loc[attacks[0]].index.intersection(values.loc[attacks[1]].index).sort_values()
    value, reference = (values.loc[attack].loc[shared].to_numpy() for attack in attacks)
    groups = np.flatnonzero(sizes)
    without = []
    for attack in attacks:
        rows = pd.MultiIndex.from_tuples([(run, attack, *row) for row in shared], names=deleted.index.names)
        without.append(deleted.reindex(index=rows, columns=groups).to_numpy(dtype=float).T)
    low, high = interval(value - reference, without[0] - without[1], sizes[groups], level)
    return shared.to_frame(index=False).assign(
        value=value, reference_value=reference, difference=value - reference, low=low, high=high
    )
