"""Early determination: how much of the final risk each early checkpoint shows, with chance, ceiling and baselines."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from memdyn.report.draw import style
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, pages, panels
from memdyn.report.page.tables import Table, interval, run_cell, text_cells
from memdyn.report.rows import of_runs, runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import threshold_words

_EARLY = """
    How well a predictor at an epoch finds the samples finally at risk: the top share by d′ of the margin, or the
    highly vulnerable zone (HV) of {attack} at {threshold}. The final set comes from one half of the models, the
    prediction from the other. Black: d′ with its jackknife band; dashed: what d′ of the last checkpoint itself
    finds, the ceiling that noise leaves; dotted: chance (for HV, d′ names its early zone, which grows; baselines
    always name as many as are to be found). Coloured: baselines that need no shadow models, each from one model a
    sample: of a random pair of the half, the one that trained on it. Grey line: early checkpoint of claim C3."""
_MORE = """
    More on the same: Jaccard index of what is named and what is to be found, and precision for the highly
    vulnerable zone of {attack} at {threshold} (recall and precision of the top share are equal, since as many are
    named as are to be found). Below, rank correlation of d′ over all samples with d′ at the last checkpoint, from
    disjoint halves: as observed (with its band); reliability of d′ at the epoch, half against half; and the
    observed over the root of both reliabilities, what models without noise would show. Red, with its band: the
    share of the samples truly at risk at the end that truly were so at the epoch, above chance. Both are left out
    where the reliability may be 0."""

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
# as the table has it
_NAMES = {name: label for name, (label, *_) in _PREDICTORS.items()} | {"forgetting": "forgetting events"}
_MODELS = {"half": "half of the models", "one": "one model a sample", "mean": "mean over half"}
_COLUMNS = {
    "recall": "recall",
    "recall_share": "of the ceiling",
    "latent_share": "without noise",
    "auroc": "AUROC",
    "jaccard": "Jaccard",
}


def draw_early(study: Study) -> Iterator[Drawing]:
    """Measures of early determination over checkpoints, a row a measure, a column a run."""
    findings = study.tables.get("findings")
    for attack, early in study.tables["early"].groupby("attack", sort=False):
        known = set(zip(early["target"], early["metric"], strict=True))
        labels = early.loc[early["target"] == "hv", "threshold"]
        threshold = threshold_words(labels.iloc[0], attack) if len(labels) else "its threshold"
        marked = findings[findings["attack"] == attack] if findings is not None else None
        for kind, every in _FIGURES.items():
            rows = [row for row in every if (row[0], row[1][0]) in known]
            for page, runs in pages(runs_in(early, study.styles), 3):
                figure = _page(early, marked, rows, runs, study.styles)
                alt = f"{', '.join(label for _, _, label in rows)} over epochs, {len(runs)} runs."
                yield drawn(figure, kind, _TITLES[kind], alt, attack=attack, page=page, threshold=threshold)


def _page(
    early: pd.DataFrame, findings: pd.DataFrame | None, rows: list, runs: list[str], styles: dict[str, style.RunStyle]
) -> Figure:
    figure, grid = panels(len(rows), len(runs), 2.0 * len(rows) + 0.7, alone=4.6, sharex="col", sharey="row")
    for column, run in zip(grid.T, runs, strict=True):
        part = early[early["run"] == run]
        for axes, (target, metrics, _) in zip(column, rows, strict=True):
            shown = part[(part["target"] == target) & part["metric"].isin(metrics)]
            (_draw_trend if metrics == tuple(_TREND) else _draw_panel)(axes, shown)
            if findings is not None:
                for epoch in findings.loc[findings["run"] == run, "epoch"].unique():
                    axes.axvline(epoch, color=style.RULE, linewidth=3, zorder=0)
        column[0].set_title(style.wrap_label(styles[run].name, 60 // len(runs)))
        style.epoch_axis(column[-1])
    for axes, (_, metrics, label) in zip(grid[:, 0], rows, strict=True):
        axes.set_ylabel(label)
        if metrics[0] in _SHARES:
            axes.set_ylim(0, min(axes.get_ylim()[1], 1.05))
    legend_above(figure, _handles(early))
    if any(metrics == tuple(_TREND) for _, metrics, _ in rows):
        trends = [
            style.handle(label, color=colour, marker=marker, linestyle=line, markersize=3.5)
            for label, colour, marker, line in _TREND.values()
        ]
        grid[-1, 0].legend(handles=trends, fontsize=6.8, loc="best")
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


def _handles(early: pd.DataFrame) -> list[Line2D]:
    drawn_ = set(early["predictor"])
    handles = [
        style.handle(label, color=colour, marker=marker, linestyle=line, **_hollow(name))
        for name, (label, colour, marker, line) in _PREDICTORS.items()
        if name in drawn_
    ]
    return [*handles, style.handle("ceiling", color=style.MUTED, linestyle="--"), style.chance_handle()]


def tabulate_early(study: Study) -> Table:
    """What each predictor finds of the final top share at the early checkpoint of the findings."""
    table, findings, rows = study.tables["early"], study.tables["findings"], []
    for run, attack, part in of_runs(table[table["target"] == "top"], study.styles):
        found = findings[(findings["run"] == run) & (findings["attack"] == attack) & (findings["target"] == "top")]
        if not len(found):
            continue
        epoch = found["epoch"].iloc[0]
        for (name, models), group in part[part["epoch"] == epoch].groupby(["predictor", "models"], sort=False):
            metrics = {row["metric"]: row for _, row in _in_range(group).iterrows()}
            names = (attack, f"{epoch:g}", _NAMES.get(name, name), _MODELS.get(models, models))
            numbers = (interval(metrics.get(metric)) for metric in _COLUMNS)
            rows.append([run_cell(study.styles[run]), *text_cells(*names, *numbers)])
    caption = (
        "What is known early of the samples finally at risk (the top share by d′ of the other half of the models): "
        "recall; recall above chance as a share of what d′ of the last checkpoint finds; the same without noise, the "
        "share of those truly at risk at the end that truly were so then, which does not depend on the number of "
        "models (with the choice of samples); AUROC; Jaccard. The baselines need no shadow models: they are read off "
        "models that trained on the sample, one of a random pair of the half, or the mean over the half's pairs."
    )
    columns = ["run", "attack", "epoch", "predictor", "from", *_COLUMNS.values()]
    return Table(caption, columns, rows, head=5)


def _in_range(table: pd.DataFrame) -> pd.DataFrame:
    """Estimates of latent shares within 0 and 1, as their limits are: replicates alone need what lies beyond."""
    share = table["metric"] == "latent_share"
    return table.assign(estimate=table["estimate"].mask(share, table["estimate"].clip(0, 1)))


SECTION = Section(
    "early",
    title="Early determination",
    figures=(Part(draw_early, needs=("early",)),),
    captions={"early": _EARLY, "early_more": _MORE},
    tables=(Part(tabulate_early, needs=("early", "findings")),),
)
