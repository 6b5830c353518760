"""Are attacks' probabilities right? Reliability diagrams at the last checkpoint, Brier score and calibration error."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import label_outer, legend_above, panels, shape_for
from memdyn.report.page.tables import Table, run_cell, text_cells
from memdyn.report.rows import at_last, by_run
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import level_words

_RELIABILITY = """
    Reliability of the attacks that give probabilities of membership, at each run's last checkpoint: of the samples
    that are given about the same probability (in tenths), the share that are members, over all models. Dotted: where
    probabilities are right; below it the attack is too sure of members. Bars are {level} intervals (jackknife over
    pairs of models, fitted anew). Only tenths with at least {least} of the samples are drawn."""
LEAST = 0.005


def draw_reliability(study: Study) -> Iterator[Drawing]:
    """Share of members over the probability, a panel an attack."""
    table = at_last(study.tables["reliability"], ["run", "attack"])
    table = table[table["share"] >= LEAST]
    attacks = list(table["attack"].unique())
    rows, columns = shape_for(len(attacks), most=3)
    figure, grid = panels(rows, columns, 3.0 * rows + 0.4 if columns > 1 else 4.4, alone=4.6)
    for axes, attack in zip(grid.flat, attacks, strict=False):
        _draw_panel(axes, table[table["attack"] == attack], study.styles)
        axes.set(title=attack, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    label_outer(grid, len(attacks), "probability", "share of members")
    legend_above(figure, style.run_handles(study.styles))
    alt = f"Share of members over the probability of membership, for the attacks {', '.join(attacks)}."
    values = {"level": level_words(table), "least": f"{100 * LEAST:g} %"}
    yield drawn(figure, "reliability", "Are attacks' probabilities right?", alt, **values)


def _draw_panel(axes: Axes, table: pd.DataFrame, styles: dict[str, style.RunStyle]) -> None:
    axes.plot([0, 1], [0, 1], color=style.MUTED, linestyle=":", linewidth=1)
    for run, part in table.groupby("run", sort=False):
        part = part.sort_values("probability")
        axes.vlines(part["probability"], part["low"], part["high"], color=styles[run].colour, alpha=0.6, linewidth=1)
        axes.plot(part["probability"], part["member_rate"], **styles[run].line)


def tabulate_calibration(study: Study) -> Table:
    """Brier score and calibration error of each attack, at each run's last checkpoint."""
    last = at_last(study.tables["calibration"], ["run", "attack"]).set_index(["attack", "metric"])
    rows = []
    for attack in last.index.get_level_values("attack").unique():
        metrics = {name: last.loc[[(attack, name)]].set_index("run") for name in ("brier", "calibration_error")}
        for row in by_run(metrics["brier"].reset_index()[["run"]], study.styles):
            texts = [
                formatting.interval(*values.loc[row["run"], ["value", "low", "high"]], 3) for values in metrics.values()
            ]
            rows.append([run_cell(study.styles[row["run"]]), *text_cells(attack, *texts)])
    caption = (
        f"How right the attacks' probabilities of membership are at the last checkpoint, with {level_words(last)} "
        "intervals. Brier score: mean square of probability minus truth, 0.25 is guessing. Calibration error: mean "
        "distance of the share of members from the probability, over tenths; of few samples it is above 0 by chance."
    )
    return Table(caption, ["run", "attack", "Brier score", "calibration error"], rows)


SECTION = Section(
    "reliability",
    title="Probabilities",
    figures=(Part(draw_reliability, needs=("reliability",)),),
    captions={"reliability": _RELIABILITY},
    tables=(Part(tabulate_calibration, needs=("calibration",)),),
)
