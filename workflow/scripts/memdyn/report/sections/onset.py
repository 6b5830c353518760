"""When samples become vulnerable: cumulative share of onsets, and the final severity by onset."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import legend_above, spread
from memdyn.report.draw.style import RunStyle, runs_in
from memdyn.report.page.record import Drawing, FigureRecord, ReportOptions
from memdyn.report.sections.plane import select_threshold, threshold_words

_MOST_TICKS = 14
_MOST_BARS = 4  # runs whose quartiles are drawn side by side
_FEWEST = 5  # samples of a quartile bar


def draw_onset(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """Left: share of samples with an onset by each checkpoint. Right: severity of the samples with that onset."""
    for attack, summary in select_threshold(tables["summary"], options.threshold).groupby("attack", sort=False):
        epochs = (
            sorted(tables["curves"]["epoch"].unique())
            if "curves" in tables
            else sorted(summary["onset"].dropna().unique())
        )
        figure, (cumulative, severity) = plt.subplots(1, 2, figsize=(style.WIDTH, 3.3), layout="constrained")
        shown = runs_in(summary, styles)
        for k, run in enumerate(shown):
            part = summary[summary["run"] == run]
            _draw_cumulative(cumulative, part, epochs, styles[run])
            shift = 0.6 * ((k + 0.5) / len(shown) - 0.5)
            _draw_severity(severity, part, epochs, styles[run], shift, bars=len(shown) <= _MOST_BARS)
        cumulative.set(title="share with an onset by the epoch (the rest: none)", ylim=(0, None))
        cumulative.yaxis.set_major_formatter(style.PERCENT)
        style.epoch_axis(cumulative)
        places = spread(list(range(len(epochs))), _MOST_TICKS)
        severity.set_xticks([*places, len(epochs)], [*(f"{epochs[p]:g}" for p in places), "none"], fontsize=6.5)
        severity.set(title="severity (final advantage) by onset", xlabel="onset, epoch")
        severity.axhline(0, color=style.MUTED, linestyle=":", linewidth=1)
        legend_above(figure, style.run_handles({run: styles[run] for run in shown}))
        censored = ", ".join(f"{styles[r].name} {_censored(summary, r):.0%}".replace("%", " %") for r in shown)
        threshold = threshold_words(summary["threshold"].iloc[0])
        words = caption("onset", attack=attack, threshold=threshold, censored=censored, fewest=_FEWEST)
        alt = f"Cumulative share of samples with an onset over epochs, and severity by onset, for {len(shown)} runs."
        yield Drawing(FigureRecord(f"onset-{attack}", "onset", f"Onset, {attack}", words, alt), figure)


def _censored(summary: pd.DataFrame, run: str) -> float:
    return float(summary.loc[summary["run"] == run, "censored"].mean())


def _draw_cumulative(axes: Axes, part: pd.DataFrame, epochs: list[float], run_style: RunStyle) -> None:
    onset = np.sort(part["onset"].dropna().to_numpy(float))
    share = np.searchsorted(onset, epochs, side="right") / len(part)
    axes.plot(epochs, share, drawstyle="steps-post", **run_style.line)


def _draw_severity(
    axes: Axes, part: pd.DataFrame, epochs: list[float], run_style: RunStyle, shift: float, bars: bool
) -> None:
    """Median and quartiles where there are enough samples, at the place of the checkpoint."""
    place = part["onset"].map({epoch: k for k, epoch in enumerate(epochs)}).fillna(len(epochs))
    quartiles = part.groupby(place)["severity"].quantile([0.25, 0.5, 0.75]).unstack()
    quartiles = quartiles[part.groupby(place).size() >= _FEWEST]
    errors = np.stack([quartiles[0.5] - quartiles[0.25], quartiles[0.75] - quartiles[0.5]])
    marks = run_style.line | {"linestyle": "none", "elinewidth": 0.9}
    axes.errorbar(quartiles.index + shift, quartiles[0.5], yerr=errors if bars else None, **marks)
