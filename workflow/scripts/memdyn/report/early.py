"""Early determination: how much of the final risk each early checkpoint shows, with chance, ceiling and baselines."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from memdyn.report import style
from memdyn.report.captions import caption
from memdyn.report.layout import chunks, legend_above
from memdyn.report.record import Drawing, FigureRecord
from memdyn.report.style import RunStyle, runs_in

# predictor -> (label, colour, marker, line); d' is of half of the models, the others of one model
_PREDICTORS = {
    "d_prime": ("d′", "#000000", "o", "-"),
    "loss": ("loss", "#D55E00", "s", (0, (5, 1.5))),
    "margin": ("margin", "#0072B2", "^", (0, (3, 1, 1, 1))),
    "el2n": ("EL2N", "#009E73", "D", (0, (1, 1))),
    "forgetting": ("forgetting", "#CC79A7", "v", (0, (5, 1.5))),
    "lt_iqr": ("LT-IQR", "#E69F00", "P", (0, (3, 1, 1, 1))),
}
_PANELS = (
    ("top", "recall", "recall of the top share"),
    ("top", "auroc", "AUROC for the top share"),
    ("hv", "recall", "recall of the HV zone"),
)


def draw_early(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """Recall and AUROC over checkpoints, a column a run."""
    findings = tables.get("findings")
    for attack, early in tables["early"].groupby("attack", sort=False):
        known = set(zip(early["target"], early["metric"], strict=True))
        panels = [panel for panel in _PANELS if panel[:2] in known]
        runs = runs_in(early, styles)
        for page, chunk in enumerate(chunks(runs, 3)):
            figure, grid = plt.subplots(
                len(panels),
                len(chunk),
                figsize=(style.WIDTH if len(chunk) > 1 else 4.6, 2.0 * len(panels) + 0.7),
                sharex="col",
                sharey="row",
                squeeze=False,
                layout="constrained",
            )
            for column, run in zip(grid.T, chunk, strict=True):
                part = early[early["run"] == run]
                for axes, (target, metric, _) in zip(column, panels, strict=True):
                    _draw_panel(axes, part[(part["target"] == target) & (part["metric"] == metric)])
                    if findings is not None:
                        marked = findings[(findings["run"] == run) & (findings["attack"] == attack)]
                        for epoch in marked["epoch"].unique():
                            axes.axvline(epoch, color=style.RULE, linewidth=3, zorder=0)
                column[0].set_title(style.wrap_label(styles[run].name, 60 // len(chunk)))
                style.epoch_axis(column[-1])
            for axes, (_, metric, label) in zip(grid[:, 0], panels, strict=True):
                axes.set_ylabel(label)
                axes.set_ylim((0, None) if metric == "recall" else (None, None))
            legend_above(figure, _handles(early))
            words = caption("early", attack=attack)
            alt = f"Recall and AUROC of early predictors for the samples finally at risk, {len(chunk)} runs."
            suffix = "" if page == 0 else f"-{page + 1}"
            record = FigureRecord(f"early-{attack}{suffix}", "early", f"Early determination, {attack}", words, alt)
            yield Drawing(record, figure)


def _draw_panel(axes: Axes, table: pd.DataFrame) -> None:
    for name, (_, colour, marker, line) in reversed(_PREDICTORS.items()):
        models = "half" if name == "d_prime" else "one"
        part = table[(table["predictor"] == name) & (table["models"] == models)].sort_values("epoch")
        weight = {"linewidth": 1.8} if name == "d_prime" else {"linewidth": 1.0, "markersize": 3}
        weight |= _hollow(name)
        axes.plot(part["epoch"], part["estimate"], color=colour, marker=marker, linestyle=line, **weight)
        if name == "d_prime":
            band = part[part["low"].notna()]
            axes.fill_between(band["epoch"], band["low"], band["high"], color=colour, alpha=0.15, linewidth=0)
    if len(table):
        risk = table[table["predictor"] == "d_prime"]
        axes.axhline(risk["ceiling"].iloc[0], color=style.MUTED, linestyle="--", linewidth=1.2)
        for _, part in table.groupby(table["predictor"] == "d_prime"):
            chance = part.groupby("epoch")["chance"].first()
            axes.plot(chance.index, chance, color=style.MUTED, linestyle=":", linewidth=1.2)


def _hollow(name: str) -> dict:
    """The margin often orders samples as the loss does: its marks are seen around those of the loss."""
    return {"markersize": 7, "markerfacecolor": "none"} if name == "margin" else {}


def _handles(early: pd.DataFrame) -> list[Line2D]:
    drawn = set(early["predictor"])
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle=line, label=label, **_hollow(name))
        for name, (label, colour, marker, line) in _PREDICTORS.items()
        if name in drawn
    ]
    handles.append(Line2D([], [], color=style.MUTED, linestyle="--", label="ceiling"))
    handles.append(Line2D([], [], color=style.MUTED, linestyle=":", label="chance"))
    return handles
