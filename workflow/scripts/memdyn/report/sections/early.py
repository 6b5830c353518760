"""Early determination: how much of the final risk each early checkpoint shows, with chance, ceiling and baselines."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, legend_above
from memdyn.report.draw.style import RunStyle, runs_in
from memdyn.report.page.record import Drawing, FigureRecord
from memdyn.report.sections.plane import threshold_words

# predictor -> (label, colour, marker, line); d' is of half of the models, the others of one model
_PREDICTORS = {
    "d_prime": ("d′", "#000000", "o", "-"),
    "loss": ("loss", "#D55E00", "s", (0, (5, 1.5))),
    "margin": ("margin", "#0072B2", "^", (0, (3, 1, 1, 1))),
    "el2n": ("EL2N", "#009E73", "D", (0, (1, 1))),
    "forgetting": ("forgetting", "#CC79A7", "v", (0, (5, 1.5))),
    "lt_iqr": ("LT-IQR", "#E69F00", "P", (0, (3, 1, 1, 1))),
}
# metric of d' -> (label, colour, marker, line)
_TREND = {
    "rank_correlation": ("rank correlation", "#000000", "o", "-"),
    "disattenuated": ("without noise", "#56B4E9", "X", (0, (5, 1.5))),
    "reliability": ("reliability", "#7a7a7a", "*", (0, (1, 1))),
    "latent_share": ("truly at risk, known", "#D55E00", "D", "-"),
}
_BANDS = ("rank_correlation", "latent_share")
# figure -> panels (target, metrics, label)
_FIGURES = {
    "early": (
        ("top", ("recall",), "recall of the top share"),
        ("top", ("auroc",), "AUROC for the top share"),
        ("hv", ("recall",), "recall of the HV zone"),
    ),
    "early_more": (
        ("top", ("jaccard",), "Jaccard, top share"),
        ("hv", ("precision",), "precision, HV zone"),
        ("top", tuple(_TREND), "d′ with the final d′"),
    ),
}
_TITLES = {"early": "Early determination", "early_more": "Early determination, more measures"}
_SHARES = ("recall", "jaccard", "precision")


def draw_early(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """Measures of early determination over checkpoints, a row a measure, a column a run."""
    findings = tables.get("findings")
    for attack, early in tables["early"].groupby("attack", sort=False):
        known = set(zip(early["target"], early["metric"], strict=True))
        labels = early.loc[early["target"] == "hv", "threshold"]
        zone_threshold = threshold_words(labels.iloc[0]) if len(labels) else "its threshold"
        marked = findings[findings["attack"] == attack] if findings is not None else None
        for kind, every in _FIGURES.items():
            panels = [panel for panel in every if (panel[0], panel[1][0]) in known]
            words = caption(kind, attack=attack, threshold=zone_threshold)
            for page, chunk in enumerate(chunks(runs_in(early, styles), 3)):
                figure = _page(early, marked, panels, chunk, styles)
                alt = f"{', '.join(label for _, _, label in panels)} over epochs, {len(chunk)} runs."
                name = f"{kind.replace('_', '-')}-{attack}{f'-{page + 1}' if page else ''}"
                yield Drawing(FigureRecord(name, "early", f"{_TITLES[kind]}, {attack}", words, alt), figure)


def _page(
    early: pd.DataFrame, findings: pd.DataFrame | None, panels: list, runs: list[str], styles: dict[str, RunStyle]
) -> plt.Figure:
    figure, grid = plt.subplots(
        len(panels),
        len(runs),
        figsize=(style.WIDTH if len(runs) > 1 else 4.6, 2.0 * len(panels) + 0.7),
        sharex="col",
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for column, run in zip(grid.T, runs, strict=True):
        part = early[early["run"] == run]
        for axes, (target, metrics, _) in zip(column, panels, strict=True):
            shown = part[(part["target"] == target) & part["metric"].isin(metrics)]
            (_draw_trend if metrics == tuple(_TREND) else _draw_panel)(axes, shown)
            if findings is not None:
                for epoch in findings.loc[findings["run"] == run, "epoch"].unique():
                    axes.axvline(epoch, color=style.RULE, linewidth=3, zorder=0)
        column[0].set_title(style.wrap_label(styles[run].name, 60 // len(runs)))
        style.epoch_axis(column[-1])
    for axes, (_, metrics, label) in zip(grid[:, 0], panels, strict=True):
        axes.set_ylabel(label)
        if metrics[0] in _SHARES:
            axes.set_ylim(0, min(axes.get_ylim()[1], 1.05))
    legend_above(figure, _handles(early))
    if any(metrics == tuple(_TREND) for _, metrics, _ in panels):
        grid[-1, 0].legend(handles=[_line(*look) for look in _TREND.values()], fontsize=6.8, loc="best")
    return figure


def _draw_trend(axes: Axes, table: pd.DataFrame) -> None:
    """Rank correlation of d' with the final d', as observed and without noise, and the reliability of d'."""
    for metric, (_, colour, marker, line) in _TREND.items():
        part = table[table["metric"] == metric].sort_values("epoch")
        axes.plot(part["epoch"], part["estimate"], color=colour, marker=marker, linestyle=line, markersize=3.5)
        if metric in _BANDS:
            _band(axes, part, colour)
    axes.axhline(0, color=style.MUTED, linestyle=":", linewidth=1.2)


def _draw_panel(axes: Axes, table: pd.DataFrame) -> None:
    for name, (_, colour, marker, line) in reversed(_PREDICTORS.items()):
        models = "half" if name == "d_prime" else "one"
        part = table[(table["predictor"] == name) & (table["models"] == models)].sort_values("epoch")
        weight = {"linewidth": 1.8} if name == "d_prime" else {"linewidth": 1.0, "markersize": 3}
        weight |= _hollow(name)
        axes.plot(part["epoch"], part["estimate"], color=colour, marker=marker, linestyle=line, **weight)
        if name == "d_prime":
            _band(axes, part, colour)
    if len(table):
        risk = table[table["predictor"] == "d_prime"]
        axes.axhline(risk["ceiling"].iloc[0], color=style.MUTED, linestyle="--", linewidth=1.2)
        for _, part in table.groupby(table["predictor"] == "d_prime"):
            chance = part.groupby("epoch")["chance"].first()
            axes.plot(chance.index, chance, color=style.MUTED, linestyle=":", linewidth=1.2)


def _band(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    """An interval, as far as a share or a correlation can be."""
    known = part[part["low"].notna()]
    least = -1 if (known["metric"] == "rank_correlation").any() else 0
    low, high = (known[end].clip(least, 1) for end in ("low", "high"))
    axes.fill_between(known["epoch"], low, high, color=colour, alpha=0.15, linewidth=0)


def _hollow(name: str) -> dict:
    """The margin often orders samples as the loss does: its marks are seen around those of the loss."""
    return {"markersize": 7, "markerfacecolor": "none"} if name == "margin" else {}


def _line(label: str, colour: str, marker: str, line: str | tuple) -> Line2D:
    return Line2D([], [], color=colour, marker=marker, linestyle=line, markersize=3.5, label=label)


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
