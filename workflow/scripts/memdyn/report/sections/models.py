"""An attack's figures against the number of shadow models: whether more of them would tell something else."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, legend_above
from memdyn.report.draw.style import RunStyle
from memdyn.report.page.record import Drawing, FigureRecord

_COLUMNS = 4  # attacks side by side
_ROWS = (("auc", 1.0), ("tpr_at_fpr_0.01", 1.0), ("tpr_at_fpr_0.001", 1.0), ("tpr_at_fpr_0.001", 0.01))
_TICKS = 6
_FEW = (
    "The last row is of the most vulnerable samples alone, chosen by one half of the models and attacked in the other."
)


def draw_convergence(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """A row a metric, a column an attack, a line a run; nothing where all runs have one number of models only."""
    table = tables["convergence"]
    if table["models"].nunique() < 2:
        return
    rows = [row for row in _ROWS if _part(table, *row)["value"].notna().any()]
    level, few = f"{100 * tables['attack_metrics']['level'].iloc[0]:g} %", _FEW if rows[-1][1] < 1 else ""
    words = caption("convergence", level=level, few=few)
    for page, attacks in enumerate(chunks(list(table["attack"].unique()), _COLUMNS)):
        figure, grid = plt.subplots(
            len(rows),
            len(attacks),
            figsize=(style.WIDTH if len(attacks) > 1 else 5.2, 1.55 * len(rows) + 0.4),
            sharex=True,
            sharey="row",
            squeeze=False,
            layout="constrained",
        )
        for column, attack in zip(grid.T, attacks, strict=True):
            for axes, row in zip(column, rows, strict=True):
                _draw_lines(axes, _part(table[table["attack"] == attack], *row), styles)
            column[0].set_title(attack)
            column[-1].set_xlabel("shadow models")
        for axes, row in zip(grid[:, 0], rows, strict=True):
            axes.set_ylabel(_label(*row))
        _ticks(grid[-1, 0], sorted(table["models"].unique()))
        legend_above(figure, style.run_handles(styles))
        alt = f"AUC and true positive rates against the number of models, {len(styles)} runs, {', '.join(attacks)}."
        suffix = "" if page == 0 else f"-{page + 1}"
        record = FigureRecord(f"convergence{suffix}", "models", "Are the models enough?", words, alt)
        yield Drawing(record, figure)


def _part(table: pd.DataFrame, metric: str, share: float) -> pd.DataFrame:
    return table[(table["metric"] == metric) & np.isclose(table["share"], share)]


def _label(metric: str, share: float) -> str:
    label = style.METRIC_LABELS[metric]
    return label if share == 1 else f"{label},\ntop {100 * share:g} %"


def _draw_lines(axes: Axes, table: pd.DataFrame, styles: dict[str, RunStyle]) -> None:
    """The runs' marks stand beside each other, so that their bars can be told apart."""
    shifts = np.geomspace(0.96, 1.04, len(styles)) if len(styles) > 1 else [1.0]
    for (run, run_style), shift in zip(styles.items(), shifts, strict=True):
        part = table[table["run"] == run].sort_values("models")
        bars = np.clip([part["value"] - part["low"], part["high"] - part["value"]], 0, None)
        axes.errorbar(part["models"] * shift, part["value"], yerr=bars, elinewidth=0.6, **run_style.line)


def _ticks(axes: Axes, models: list[int]) -> None:
    axes.set_xscale("log")
    shown = models[:: -(-len(models) // _TICKS)]
    axes.xaxis.set_major_locator(FixedLocator(sorted({*shown, models[-1]})))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
