"""ROC curves of every attack at each run's last checkpoint."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report import privacy
from memdyn.report.draw import bounds, style
from memdyn.report.draw.curves import draw_band, log_log_roc
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import label_outer, legend_above, panels, shape_for
from memdyn.report.rows import non_members, preferred_aggregation
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import interval_words

_ROC = """
    ROC curves of each run at its last checkpoint, {aggregation}; both axes logarithmic. Bands are {level} intervals
    ({method}), pointwise in FPR. Dotted: chance. The grey strip lies below one non-member in {non_members}: no rate
    can be counted there and none is drawn. {bound}"""


def draw_roc(study: Study) -> Iterator[Drawing]:
    """ROC curves at each run's last checkpoint, log-log, one panel an attack."""
    roc, metrics = study.tables["roc"], study.tables["attack_metrics"]
    aggregation = preferred_aggregation(roc)
    roc = roc[roc["aggregation"] == aggregation]
    attacks = list(roc["attack"].unique())
    rows, columns = shape_for(len(attacks), most=3)
    figure, grid = panels(rows, columns, 3.0 * rows + 0.4 if columns > 1 else 4.4, alone=4.6)
    floor = 1 / non_members(metrics, aggregation).max()  # of the sharpest run
    bottom = min(roc.loc[roc["tpr"] > 0, "tpr"].min(), floor) / 1.5
    private = privacy.curves(study.tables)
    for axes, attack in zip(grid.flat, attacks, strict=False):
        _draw_panel(axes, roc[roc["attack"] == attack], study.styles, floor)
        for run, curve in private.items():
            rates = np.geomspace(floor, 1, 100)
            axes.plot(rates, privacy.bound(curve, rates), color=study.styles[run].colour, **bounds.LINE)
        axes.set(title=attack, xlim=(floor / 3, 1), ylim=(bottom, 1.3))
    label_outer(grid, len(attacks), "false positive rate", "true positive rate")
    legend_above(figure, [*style.run_handles(study.styles), style.chance_handle()])
    alt = f"Log-log ROC curves of {len(study.styles)} runs for the attacks {', '.join(attacks)}."
    values = interval_words(metrics, aggregation) | {"non_members": f"{1 / floor:,.0f}"}
    values |= {"bound": bounds.told(private)}
    yield drawn(figure, "roc", "ROC curves at the last checkpoint", alt, **values)


def _draw_panel(axes: Axes, table: pd.DataFrame, styles: dict[str, style.RunStyle], floor: float) -> None:
    log_log_roc(axes, floor)
    for run, part in table.groupby("run", sort=False):
        last = part[part["epoch"] == part["epoch"].max()].sort_values("fpr")
        last = last[(last["fpr"] >= floor * 0.999) & (last["tpr"] > 0)]
        draw_band(axes, last["fpr"], last["low"].clip(lower=1e-9), last["high"], styles[run])
        axes.plot(last["fpr"], last["tpr"], markevery=max(1, len(last) // 6), **styles[run].line)


SECTION = Section(
    "roc",
    title="ROC curves",
    figures=(Part(draw_roc, needs=("roc", "attack_metrics")),),
    captions={"roc": _ROC},
)
