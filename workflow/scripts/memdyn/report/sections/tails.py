"""The tail check: whether the OUT margins' tail allows the parametric operating points (QQ plot)."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy.special import ndtri

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, legend_above
from memdyn.report.draw.style import RunStyle, runs_in
from memdyn.report.page.record import Drawing, FigureRecord

_MARKS = {
    "scored": {"color": style.COLOURS[0], "marker": "o"},
    "sham": {"color": style.COLOURS[4], "marker": "s", "markerfacecolor": "white"},
}


def last_verdicts(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Verdicts at each run's last checkpoint."""
    table = tables["tail_verdicts"]
    return table[table["epoch"] == table.groupby("run")["epoch"].transform("max")]


def draw_tails(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """Normal scores of observed against expected tail probabilities at the last checkpoint, a panel a run."""
    tails, verdicts = tables["tails"], last_verdicts(tables)
    runs = runs_in(tails, styles)
    for page, chunk in enumerate(chunks(runs, 3)):
        figure, grid = plt.subplots(
            1,
            len(chunk),
            figsize=(style.WIDTH if len(chunk) > 1 else 4.2, 3.4),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axes, run in zip(grid[0], chunk, strict=True):
            part = tails[tails["run"] == run]
            _draw_qq(axes, part[part["epoch"] == part["epoch"].max()])
            scored = verdicts[(verdicts["run"] == run) & (verdicts["part"] == "scored")]
            word = f"\n{scored['verdict'].iloc[0]}" if len(scored) else ""
            axes.set_title(f"{style.wrap_label(styles[run].name, 60 // len(chunk))}{word}")
            axes.set_xlabel("expected normal score")
        grid[0, 0].set_ylabel("observed normal score")
        handles = [Line2D([], [], linestyle="none", label=part, **_MARKS[part]) for part in _MARKS]
        legend_above(figure, [*handles, Line2D([], [], color=style.MUTED, linestyle=":", label="the law holds")])
        probability = verdicts["probability"].iloc[0] if len(verdicts) else np.nan
        words = caption("tails", probability=f"{100 * probability:g} %")
        alt = f"Quantile plots of predictive tail probabilities for {len(chunk)} runs."
        suffix = "" if page == 0 else f"-{page + 1}"
        yield Drawing(FigureRecord(f"tails{suffix}", "tails", "Tail check", words, alt), figure)


def _draw_qq(axes: Axes, table: pd.DataFrame) -> None:
    axes.axline((0, 0), slope=1, color=style.MUTED, linestyle=":", linewidth=1)
    for shift, (part, mark) in zip((-0.03, 0.03), _MARKS.items(), strict=True):
        rows = table[(table["part"] == part) & np.isfinite(table["z_observed"])]
        sign = np.where(rows["tail"] == "upper", -1.0, 1.0)
        ends = np.stack([sign * ndtri(rows[limit].clip(1e-6, 1 - 1e-6)) for limit in ("low", "high")])
        bars = np.stack([rows["z_observed"] - np.nanmin(ends, axis=0), np.nanmax(ends, axis=0) - rows["z_observed"]])
        style_ = {"linestyle": "none", "elinewidth": 0.8, "markersize": 4} | mark
        axes.errorbar(rows["z_expected"] + shift, rows["z_observed"], yerr=np.clip(bars, 0, None), **style_)
    reach = max(3.5, np.abs(table["z_expected"]).max() + 0.2) if len(table) else 3.5
    axes.set(xlim=(-reach, reach), ylim=(-reach - 0.7, reach + 0.7))
