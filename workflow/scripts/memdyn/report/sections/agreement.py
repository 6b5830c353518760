"""Do attacks find the same samples, and would other models name others?"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import bars
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import label_outer, legend_above, pages, panels, shape_for
from memdyn.report.page.tables import Table, run_cell, text_cells
from memdyn.report.rows import by_run, runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import level_words

_AGREEMENT = """
    What the {top} most vulnerable samples of two attacks have in common {epochs} (the last checkpoint that most attacks
    share; one that lacks it is left out), each attack on one half of the models: 1 is the ceiling of agreement, 0 is
    chance. Blank: it is not sure that both find more of the same samples again on other models than by chance, so that
    nobody can agree with them, or nothing can be said. Samples are ordered by d′ of decisions."""
_STABILITY = """
    Are the models enough to say who is at risk? What the {top} most vulnerable samples of one attack have in common on
    two sets of that many models each, {epochs} (the last checkpoint that most attacks share), with {level} intervals
    (jackknife over models); dotted: chance, which noise alone exceeds a little in sets of 4 models. Where a line still
    rises, further models would name other samples."""

_PANELS = 6
_WRITTEN = 6  # attacks, up to which cells have their number


def draw_agreement(study: Study) -> Iterator[Drawing]:
    """A heat map a run, attacks by attacks; nothing where all would be blank."""
    table = _widest(study.tables["agreement"])
    if table["relative"].isna().all():
        return
    attacks = list(table["attack"].unique())
    for page, runs in pages(runs_in(table, study.styles), _PANELS):
        rows, columns = shape_for(len(runs), most=2)
        side = 1.3 + 0.28 * len(attacks)
        figure, grid = panels(rows, columns, side * rows + 0.3, alone=side + 2.2)
        for axes, run in zip(grid.flat, runs, strict=False):
            mesh = _draw_map(axes, table[table["run"] == run], attacks)
            axes.set_title(style.wrap_label(study.styles[run].name, 30))
        label_outer(grid, len(runs), "", "")
        figure.colorbar(mesh, ax=grid, fraction=0.04, pad=0.02, extend="both").set_label("0: chance, 1: ceiling")
        alt = f"Heat maps of what {len(attacks)} attacks have in common, {', '.join(runs)}."
        values = {"top": _top(table), "epochs": _epochs(table)}
        yield drawn(figure, "agreement", "Do attacks find the same samples?", alt, page=page, **values)


def _draw_map(axes: Axes, table: pd.DataFrame, attacks: list[str]) -> AxesImage:
    values = table.pivot(index="attack", columns="other", values="relative").reindex(index=attacks, columns=attacks)
    grid = values.to_numpy(float)
    mesh = axes.imshow(grid, cmap=style.DENSITY, vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(attacks)), attacks, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(attacks)), attacks)
    axes.grid(visible=False)
    for row, column in zip(*np.nonzero(np.isfinite(grid)), strict=True) if len(attacks) <= _WRITTEN else ():
        colour = "white" if grid[row, column] > 0.5 else style.INK
        number = formatting.number(grid[row, column], 2)
        axes.text(column, row, number, ha="center", va="center", color=colour, fontsize=7)
    return mesh


def draw_stability(study: Study) -> Iterator[Drawing]:
    """A panel an attack, a line a run; nothing where there is one number of models only."""
    table = _widest(study.tables["stability"])
    if table["n_models"].nunique() < 2:
        return
    for page, attacks in pages(table["attack"].unique(), _PANELS):
        rows, columns = shape_for(len(attacks), most=3)
        figure, grid = panels(rows, columns, 2.0 * rows + 0.6, alone=4.6)
        for axes, attack in zip(grid.flat, attacks, strict=False):
            _draw_lines(axes, table[table["attack"] == attack], study.styles)
            axes.set(title=attack, ylim=(0, 1.02))
        _ticks(grid[0, 0], sorted(table["n_models"].unique()))
        label_outer(grid, len(attacks), "models in each set", "in common")
        legend_above(figure, style.run_handles(study.styles))
        alt = f"Share of the most vulnerable in common against the number of models, for {', '.join(attacks)}."
        values = {"top": _top(table), "level": level_words(table), "epochs": _epochs(table)}
        yield drawn(figure, "stability", "Would other models name other samples?", alt, page=page, **values)


def _draw_lines(axes: Axes, table: pd.DataFrame, styles: dict[str, style.RunStyle]) -> None:
    """The runs' marks stand beside each other, so that their bars can be told apart."""
    axes.axhline(table["top"].iloc[0], color=style.MUTED, linestyle=":", linewidth=1)
    shifts = np.geomspace(0.96, 1.04, len(styles)) if len(styles) > 1 else [1.0]
    for (run, run_style), shift in zip(styles.items(), shifts, strict=True):
        part = table[table["run"] == run].sort_values("n_models")
        errors = bars(part["overlap"], part["low"], part["high"])
        axes.errorbar(part["n_models"] * shift, part["overlap"], yerr=errors, elinewidth=0.6, **run_style.line)


def _ticks(axes: Axes, models: list[int]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(models))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())


def tabulate_agreement(study: Study) -> Table:
    """A row a run and two attacks."""
    table, rows = _widest(study.tables["agreement"]), []
    place = {attack: number for number, attack in enumerate(table["attack"].unique())}
    once = table[table["attack"].map(place) < table["other"].map(place)]
    for row in by_run(once, study.styles):
        cells = [
            formatting.percent_interval(row["overlap"], row["low"], row["high"]),
            formatting.percent_interval(row["ceiling"], row["ceiling_low"], row["ceiling_high"]),
            formatting.interval(row["relative"], row["relative_low"], row["relative_high"], 2),
            formatting.interval(row["correlation"], row["correlation_low"], row["correlation_high"], 2),
            formatting.number(row["correlation_ceiling"], 2),
        ]
        rows.append([run_cell(study.styles[row["run"]]), *text_cells(row["attack"], row["other"], *cells)])
    caption = (
        f"What the {_top(table)} most vulnerable samples of two attacks have in common {_epochs(table)}, one on each "
        f"half of the models, with {level_words(table)} intervals; the ceiling of agreement, at chance where nobody "
        "can agree; where the overlap lies between chance (0) and ceiling (1); and the Spearman correlation over all "
        "samples, with its ceiling."
    )
    columns = ["run", "attack", "other", "in common", "ceiling", "relative", "Spearman", "its ceiling"]
    return Table(caption, columns, rows, head=3, folded="Agreement of attacks in numbers")


def say_stability(study: Study) -> list[str]:
    """A sentence a run: how far the attack whose choice is the steadiest names the same samples on other models.

    The largest of several that are known with noise lies above what it is expected to be, so it is told of how many.
    """
    table, sentences = _widest(study.tables["stability"]).dropna(subset=["overlap"]), []
    largest = table[table["n_models"] == table.groupby("run")["n_models"].transform("max")]
    for run in runs_in(largest, study.styles):
        rows = largest[largest["run"] == run]
        row = rows.loc[rows["overlap"].idxmax()]
        found = formatting.percent_interval(row["overlap"], row["low"], row["high"], 0)
        chosen = _chosen(rows["attack"].nunique())
        sentences.append(
            f"{study.styles[run].name}: two sets of {row['n_models']} models have {found} of the {_top(table)} most "
            f"vulnerable samples in common by {row['attack']}{chosen}, "
            f"where chance is {formatting.percent(row['top'], 0)}."
        )
    return sentences


def _widest(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the largest top share, about which most is known."""
    return table[table["top"] == table["top"].max()]


def _chosen(attacks: int) -> str:
    return f" (the largest share of {attacks} attacks, chosen afterwards)" if attacks > 1 else ""


def _epochs(table: pd.DataFrame) -> str:
    """`at epoch 20`, or of runs that differ `at epochs 10, 20`."""
    epochs = sorted(table["epoch"].unique())
    return f"at epoch{'s' * (len(epochs) > 1)} {', '.join(f'{epoch:.0f}' for epoch in epochs)}"


def _top(table: pd.DataFrame) -> str:
    return formatting.percent(table["top"].iloc[0], 0)


SECTION = Section(
    "agreement",
    title="Whom attacks find",
    figures=(Part(draw_agreement, needs=("agreement",)), Part(draw_stability, needs=("stability",))),
    captions={"agreement": _AGREEMENT, "stability": _STABILITY},
    tables=(Part(tabulate_agreement, needs=("agreement",)),),
    sentences=(Part(say_stability, needs=("stability",)),),
)
