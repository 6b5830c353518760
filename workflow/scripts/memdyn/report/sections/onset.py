"""When samples become vulnerable: cumulative share of onsets, and the final severity by onset."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import draw_zero
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, spread
from memdyn.report.page.tables import Table, run_cell, text_cells
from memdyn.report.rows import of_runs, runs_in, select_threshold
from memdyn.report.section import Part, Section, Study

_ONSET = """
    Onset: the first checkpoint from which on the sample's margins as member and as non-member differ significantly
    at all later ones; no attack is involved. Left: share of the samples with an onset by each epoch; without any
    until the end: {censored}. Right: median (and, of few runs, quartiles) of the advantage under {attack} at
    {threshold} at the last checkpoint, by onset, where at least {fewest} samples share it. More models find more
    onsets: compare runs at equal numbers of models."""

_MOST_TICKS = 14
_MOST_BARS = 4  # runs whose quartiles are drawn side by side
_FEWEST = 5  # samples of a quartile bar


def draw_onset(study: Study) -> Iterator[Drawing]:
    """Left: share of samples with an onset by each checkpoint. Right: severity of the samples with that onset."""
    for attack, threshold, summary in study.by_attack(study.tables["summary"]):
        curves = study.tables.get("curves")
        epochs = sorted((summary["onset"].dropna() if curves is None else curves["epoch"]).unique())
        figure, (cumulative, severity) = plt.subplots(1, 2, figsize=(style.WIDTH, 3.3), layout="constrained")
        styles = {run: study.styles[run] for run in runs_in(summary, study.styles)}
        for k, (run, run_style) in enumerate(styles.items()):
            part = summary[summary["run"] == run]
            _draw_cumulative(cumulative, part, epochs, run_style)
            shift = 0.6 * ((k + 0.5) / len(styles) - 0.5)
            _draw_severity(severity, part, epochs, run_style, shift, bars=len(styles) <= _MOST_BARS)
        cumulative.set(title="share with an onset by the epoch (the rest: none)", ylim=(0, None))
        cumulative.yaxis.set_major_formatter(style.PERCENT)
        style.epoch_axis(cumulative)
        places = spread(list(range(len(epochs))), _MOST_TICKS)
        severity.set_xticks([*places, len(epochs)], [*(f"{epochs[p]:g}" for p in places), "none"], fontsize=6.5)
        severity.set(title="severity (final advantage) by onset", xlabel="onset, epoch")
        draw_zero(severity)
        legend_above(figure, style.run_handles(styles))
        censored = summary.groupby("run")["censored"].mean()
        yield drawn(
            figure,
            "onset",
            "Onset",
            f"Cumulative share of samples with an onset over epochs, and severity by onset, for {len(styles)} runs.",
            attack=attack,
            threshold=threshold,
            censored=", ".join(f"{s.name} {formatting.percent(censored[run], 0)}" for run, s in styles.items()),
            fewest=_FEWEST,
        )


def _draw_cumulative(axes: Axes, part: pd.DataFrame, epochs: list[float], run_style: style.RunStyle) -> None:
    onset = np.sort(part["onset"].dropna().to_numpy(float))
    share = np.searchsorted(onset, epochs, side="right") / len(part)
    axes.plot(epochs, share, drawstyle="steps-post", **run_style.line)


def _draw_severity(
    axes: Axes, part: pd.DataFrame, epochs: list[float], run_style: style.RunStyle, shift: float, bars: bool
) -> None:
    """Median and quartiles where there are enough samples, at the place of the checkpoint."""
    place = part["onset"].map({epoch: k for k, epoch in enumerate(epochs)}).fillna(len(epochs))
    quartiles = part.groupby(place)["severity"].quantile([0.25, 0.5, 0.75]).unstack()
    quartiles = quartiles[part.groupby(place).size() >= _FEWEST]
    errors = np.stack([quartiles[0.5] - quartiles[0.25], quartiles[0.75] - quartiles[0.5]])
    marks = run_style.line | {"linestyle": "none", "elinewidth": 0.9}
    axes.errorbar(quartiles.index + shift, quartiles[0.5], yerr=errors if bars else None, **marks)


def tabulate_onset(study: Study) -> Table:
    """How many samples have an onset, and when."""
    rows = []
    for run, attack, part in of_runs(select_threshold(study.tables["summary"], study.options.threshold), study.styles):
        quartiles = [formatting.number(part["onset"].quantile(q), 1) for q in (0.25, 0.5, 0.75)]
        texts = [formatting.percent(1 - part["censored"].mean()), *quartiles]
        texts.append(formatting.percent(part["d_prime_above"].notna().mean()))
        texts.append(formatting.number(part["stabilised"].median(), 1))
        rows.append([run_cell(study.styles[run]), *text_cells(attack, *texts)])
    caption = (
        "Share of the samples with an onset, quartiles of its epoch among them, share that reached the d′ of the "
        "config, and the median epoch from which a sample stays near its final place in the plane."
    )
    columns = ["run", "attack", "with onset", "first quartile", "median", "third quartile", "d′ reached", "stable from"]
    return Table(caption, columns, rows, head=2)


SECTION = Section(
    "onset",
    title="Onset and severity",
    figures=(Part(draw_onset, needs=("summary",)),),
    captions={"onset": _ONSET},
    tables=(Part(tabulate_onset, needs=("summary",)),),
)
