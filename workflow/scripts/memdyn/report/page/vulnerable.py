"""The table of the most vulnerable samples by themselves, beside that of all samples."""

import numpy as np
import pandas as pd

from memdyn.report.draw import formatting, style
from memdyn.report.draw.style import RunStyle
from memdyn.report.page.tables import Cell, Table, run_cell

_METRICS = ("tpr_at_fpr_0.001", "tpr_at_fpr_0.01", "auc")  # the first that is known is shown


def most_vulnerable(table: pd.DataFrame, styles: dict[str, RunStyle], failed: set[str]) -> Table:
    """TPR of the top shares at the pooled threshold, and their own FPR; a row a run and attack, last checkpoint.

    Runs that failed their null control are marked.
    """
    table = table[table["epoch"] == table.groupby("run")["epoch"].transform("max")]
    metric = next(
        name for name in _METRICS if name == "auc" or table.loc[table["metric"] == name, "value"].notna().any()
    )
    table = table[table["metric"] == metric]
    shares = sorted(table["share"].unique(), reverse=True)
    rows = []
    for (run, attack), part in table.groupby(["run", "attack"], sort=False):
        by_share = part.set_index("share")
        cells = [Cell(formatting.number(part["all_samples"].iloc[0]))]
        cells += [Cell(_interval(by_share.loc[share], "value", ("low", "high"))) for share in shares]
        if metric != "auc":
            cells += [Cell(_percent(by_share.loc[share])) for share in shares]
        rows.append([run_cell(styles[run], run in failed), Cell(str(attack)), *cells])
    tops = [f"top {100 * share:g} %" for share in shares]
    columns = ["run", "attack", "all samples", *tops, *(f"FPR of the {top}" for top in tops if metric != "auc")]
    return Table(_caption(table, metric), columns, rows, head=2)


def _caption(table: pd.DataFrame, metric: str) -> str:
    counts = sorted(table.loc[table["share"] == table["share"].min(), "n_samples"].unique())
    few = f"{counts[0]:g}" if len(counts) == 1 else f"{counts[0]:g} to {counts[-1]:g}"
    words = (
        f"{style.METRIC_LABELS[metric]} of the most vulnerable samples by themselves: the top shares by d′ in one half "
        "of the models, attacked in the other half, both ways, so that luck is not taken for vulnerability. "
    )
    if metric != "auc":
        words += (
            "All samples share one threshold, which keeps the FPR over all of them; false alarms are not spread "
            "evenly, so the FPR of the few is beside it. "
        )
    return words + (
        f"The smallest share is {few} sample{'s' if few != '1' else ''}. Each model is trained on a random half, so "
        "the risk of a sample is an average over data sets that hold it."
    )


def _interval(row: pd.Series, name: str, limits: tuple[str, str]) -> str:
    return formatting.interval(row[name], *(row[limit] for limit in limits))


def _percent(row: pd.Series) -> str:
    """The FPR with its limits, in percent."""
    values = [100 * row[name] for name in ("fpr", "fpr_low", "fpr_high")]
    return formatting.interval(*values, 1) + (" %" if np.isfinite(values[0]) else "")
