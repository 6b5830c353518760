"""Lines of runs over epochs, with the bands of their intervals and the curves of the null."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import style


def bars(values: pd.Series, low: pd.Series, high: pd.Series) -> np.ndarray:
    """Lengths [2, n] of error bars."""
    return np.clip(np.stack([values - low, high - values]), 0, None)


def draw_band(axes: Axes, x: pd.Series, low: pd.Series, high: pd.Series, run_style: style.RunStyle) -> None:
    axes.fill_between(x, low, high, color=run_style.colour, alpha=style.BAND_ALPHA, linewidth=0)


def draw_zero(axes: Axes) -> None:
    axes.axhline(0, color=style.MUTED, linestyle=":", linewidth=1)


def draw_curves(axes: Axes, curves: pd.DataFrame, styles: dict[str, style.RunStyle], difference: bool = False) -> None:
    """One figure of all runs: value with band and, hollow, the null; or the difference of both with band and 0."""
    value = "difference" if difference else "value"
    low, high = ("difference_low", "difference_high") if difference else ("low", "high")
    for run, run_style in styles.items():
        part = curves[(curves["run"] == run) & curves[value].notna()].sort_values("epoch")
        banded = part[part[low].notna()]
        draw_band(axes, banded["epoch"], banded[low], banded[high], run_style)
        axes.plot(part["epoch"], part[value], **run_style.line)
        if not difference:
            axes.plot(part["epoch"], part["null"], **_null_line(run_style))
    if difference:
        draw_zero(axes)


def _null_line(run_style: style.RunStyle) -> dict:
    """How the null curve of a run is drawn."""
    hollow = {"linestyle": "--", "markerfacecolor": "white", "markeredgewidth": 0.7, "markersize": 3.2}
    return run_style.line | hollow | {"linewidth": 0.8, "alpha": 0.6}


def log_log_roc(axes: Axes, floor: float) -> None:
    """The empty frame of a ROC on logarithmic axes: chance, and a grey strip below the smallest FPR there is."""
    axes.set(xscale="log", yscale="log")
    style.plain_decades(axes.xaxis)
    style.plain_decades(axes.yaxis)
    axes.axvspan(floor / 10, floor, color="#e6e6e6", linewidth=0)
    diagonal = np.geomspace(floor, 1, 50)
    axes.plot(diagonal, diagonal, color=style.MUTED, linestyle=":", linewidth=1)
