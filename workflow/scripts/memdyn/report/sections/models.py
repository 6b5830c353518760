"""An attack's figures against the number of shadow models: whether more of them would tell something else."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from memdyn.report.draw import style
from memdyn.report.draw.curves import bars
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, pages, panels
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import METRIC_LABELS, METRICS, level_words

_CONVERGENCE = """
    The last checkpoint, had only the first so many models been trained: attacks are calibrated on them alone. More
    models make an attack stronger and its figures less noisy; where a line is flat within its bars ({level}
    jackknife over pairs), further models would say little else. Neighbouring points share models. {few}"""
_FEW = (
    "The last row is of the most vulnerable samples alone, chosen by one half of the models and attacked in the other."
)

_COLUMNS = 4  # attacks side by side
_ROWS = (*((metric, 1.0) for metric in METRICS), (METRICS[-1], 0.01))  # of the share of the samples
_TICKS = 6


def draw_convergence(study: Study) -> Iterator[Drawing]:
    """A row a metric, a column an attack, a line a run; nothing where all runs have one number of models only."""
    table, styles = study.tables["convergence"], study.styles
    if table["n_models"].nunique() < 2:
        return
    rows = [row for row in _ROWS if _part(table, *row)["value"].notna().any()]
    for page, attacks in pages(table["attack"].unique(), _COLUMNS):
        figure, grid = panels(len(rows), len(attacks), 1.55 * len(rows) + 0.4, alone=5.2, sharey="row")
        for column, attack in zip(grid.T, attacks, strict=True):
            for axes, row in zip(column, rows, strict=True):
                _draw_lines(axes, _part(table[table["attack"] == attack], *row), styles)
            column[0].set_title(attack)
            column[-1].set_xlabel("shadow models")
        for axes, row in zip(grid[:, 0], rows, strict=True):
            axes.set_ylabel(_label(*row))
        _ticks(grid[-1, 0], sorted(table["n_models"].unique()))
        legend_above(figure, style.run_handles(styles))
        yield drawn(
            figure,
            "convergence",
            "Are the models enough?",
            f"AUC and true positive rates against the number of models, {len(styles)} runs, {', '.join(attacks)}.",
            page=page,
            level=level_words(study.tables["attack_metrics"]),
            few=_FEW if rows[-1][1] < 1 else "",
        )


def _part(table: pd.DataFrame, metric: str, share: float) -> pd.DataFrame:
    return table[(table["metric"] == metric) & np.isclose(table["share"], share)]


def _label(metric: str, share: float) -> str:
    label = METRIC_LABELS[metric]
    return label if share == 1 else f"{label},\ntop {100 * share:g} %"


def _draw_lines(axes: Axes, table: pd.DataFrame, styles: dict[str, style.RunStyle]) -> None:
    """The runs' marks stand beside each other, so that their bars can be told apart."""
    shifts = np.geomspace(0.96, 1.04, len(styles)) if len(styles) > 1 else [1.0]
    for (run, run_style), shift in zip(styles.items(), shifts, strict=True):
        part = table[table["run"] == run].sort_values("n_models")
        errors = bars(part["value"], part["low"], part["high"])
        axes.errorbar(part["n_models"] * shift, part["value"], yerr=errors, elinewidth=0.6, **run_style.line)


def _ticks(axes: Axes, models: list[int]) -> None:
    axes.set_xscale("log")
    shown = models[:: -(-len(models) // _TICKS)]
    axes.xaxis.set_major_locator(FixedLocator(sorted({*shown, models[-1]})))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())


SECTION = Section(
    "models",
    title="Number of models",
    figures=(Part(draw_convergence, needs=("convergence", "attack_metrics")),),
    captions={"convergence": _CONVERGENCE},
)
