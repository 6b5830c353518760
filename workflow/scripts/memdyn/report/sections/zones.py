"""Zones of the vulnerability plane over training, and the share of each at the end."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from memdyn.report.draw import formatting, style
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import label_outer, legend_above, pages, panels, shape_for
from memdyn.report.page.tables import Table, run_cell, text_cells
from memdyn.report.rows import of_population, of_runs, runs_in, select_threshold
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import ZONE_LABELS

_RIVER = """
    Zones of the plane of {attack} at {threshold} over training: above as a river of shares, below the zones but
    chance with their jackknife bands over pairs, on an axis of their own. Zones are of the samples' states as they
    are at each checkpoint. Dotted: the share of sham members in the highly vulnerable zone."""
_ZONES = """
    Share of the scored samples in each zone of the plane of {attack} at {threshold}. Chance: the sample's margins
    as member and as non-member do not differ significantly (paired t-test, Benjamini-Hochberg over samples), so
    with more models this share shrinks for the same leakage; inverted: they differ the wrong way."""

_WORST = "highly_vulnerable"
_BANDED = [zone for zone in ZONE_LABELS if zone != "chance"]
_HATCHES = {"inverted": "////"}


def draw_river(study: Study) -> Iterator[Drawing]:
    """Zone shares: stacked as a river, and below it each zone but chance with its band."""
    for attack, threshold, curves in study.by_attack(of_population(study.tables["curves"])):
        shares = curves[curves["figure"].str.startswith("share_")]
        shares = shares.assign(zone=shares["figure"].str.removeprefix("share_"))
        for page, runs in pages(runs_in(shares, study.styles), 3):
            figure, grid = panels(2, len(runs), 4.4, alone=4.6, sharex="col", sharey="row")
            for (river, lines), run in zip(grid.T, runs, strict=True):
                part = shares[shares["run"] == run]
                _draw_stack(river, part, "value")
                river.yaxis.set_major_formatter(style.PERCENT)
                river.grid(visible=False)
                _draw_bands(lines, part)
                river.set_title(style.wrap_label(study.styles[run].name, 60 // len(runs)))
                style.epoch_axis(lines)
            grid[0, 0].set_ylabel("share of samples")
            grid[1, 0].set_ylabel("share, with band")
            null = style.handle("HV of the null", color=style.MUTED, linestyle=":")
            legend_above(figure, [*_handles(), null])
            alt = f"Stacked and single shares of the vulnerability zones over epochs for {len(runs)} runs."
            yield drawn(figure, "river", "River of zones", alt, attack=attack, page=page, threshold=threshold)


def draw_zones(study: Study) -> Iterator[Drawing]:
    """Stacked shares of the zones over checkpoints, a panel a run; nothing where the river shows them."""
    for attack, threshold, zones in study.by_attack(study.tables["zones"]) if "curves" not in study.tables else ():
        runs = runs_in(zones, study.styles)
        rows, columns = shape_for(len(runs), most=3)
        figure, grid = panels(rows, columns, 2.2 * rows + 0.6, alone=4.6)
        for axes, run in zip(grid.flat, runs, strict=False):
            _draw_stack(axes, zones[zones["run"] == run], "share")
            axes.set_axisbelow(False)
            axes.grid(axis="x", visible=False)
            axes.set_title(style.wrap_label(study.styles[run].name, 30))
            style.epoch_axis(axes)
        axes.set_xlim(*_all_epochs(grid.flat[: len(runs)]))  # all share it, and runs may end at different epochs
        label_outer(grid, len(runs), "epoch", "share of samples")
        legend_above(figure, _handles())
        alt = f"Stacked shares of vulnerability zones over epochs for {len(runs)} runs."
        yield drawn(figure, "zones", "Zones over training", alt, attack=attack, threshold=threshold)


def _all_epochs(panels_drawn: Iterable[Axes]) -> tuple[float, float]:
    """From the first to the last epoch of any panel."""
    spans = np.array([axes.dataLim.intervalx for axes in panels_drawn])
    return spans[:, 0].min(), spans[:, 1].max()


def _handles() -> list:
    return [
        Patch(facecolor=style.ZONE_COLOURS[zone], edgecolor="white", hatch=_HATCHES.get(zone, ""), label=label)
        for zone, label in ZONE_LABELS.items()
    ]


def _draw_stack(axes: Axes, table: pd.DataFrame, column: str) -> None:
    shares = table.pivot(index="epoch", columns="zone", values=column).reindex(columns=list(ZONE_LABELS)).fillna(0.0)
    if len(shares) == 1:  # one checkpoint is drawn as a bar
        shares = pd.concat([shares.set_axis(shares.index + shift) for shift in (-0.5, 0.5)])
    colours = [style.ZONE_COLOURS[zone] for zone in ZONE_LABELS]
    layers = axes.stackplot(shares.index, shares.to_numpy().T, colors=colours, edgecolor="white", linewidth=0.4)
    for layer, zone in zip(layers, ZONE_LABELS, strict=True):
        layer.set_hatch(_HATCHES.get(zone, ""))
    axes.set(ylim=(0, 1), xlim=(shares.index.min(), shares.index.max()))


def _draw_bands(axes: Axes, shares: pd.DataFrame) -> None:
    for k, zone in enumerate(_BANDED):
        part = shares[shares["zone"] == zone].sort_values("epoch")
        colour = style.ZONE_COLOURS[zone]
        low, high = part["low"].to_numpy(float), part["high"].to_numpy(float)
        axes.fill_between(part["epoch"], np.clip(low, 0, 1), np.clip(high, 0, 1), color=colour, alpha=0.3, linewidth=0)
        axes.plot(part["epoch"], part["value"], color=colour, marker=style.MARKERS[k], linestyle=style.LINES[k])
        if zone == _WORST:
            axes.plot(part["epoch"], part["null"], color=style.MUTED, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(style.PERCENT)


def tabulate_zones(study: Study) -> Table:
    """Zone shares at the last checkpoint; of the highly vulnerable also the sham members' and the parametric one."""
    rows, others = [], [zone for zone in ZONE_LABELS if zone != _WORST]
    for run, attack, part in of_runs(select_threshold(study.tables["zones"], study.options.threshold), study.styles):
        last = part[part["epoch"] == part["epoch"].max()].set_index("zone")
        worst = last.loc[_WORST]
        counted, parametric = (
            formatting.percent_interval(*(float(worst[name]) for name in names))
            for names in (("share", "low", "high"), ("smooth", "smooth_low", "smooth_high"))
        )
        texts = [attack, counted, formatting.percent(worst["null"]), parametric]
        texts += [formatting.percent(float(last.loc[zone, "share"])) for zone in others]
        rows.append([run_cell(study.styles[run]), *text_cells(*texts)])
    columns = ["run", "attack", ZONE_LABELS[_WORST], "the same (sham)", "the same, parametric"]
    caption = (
        "Share of the scored samples in each zone at the last checkpoint, of states as they are, with intervals over "
        "pairs of models. The share of the highly vulnerable depends on the number of models, since noise carries "
        "samples across the bounds and 90 % of few models is all of them: compare it at equal numbers. Sham members "
        "show what noise alone gives; the parametric share is what many models would show at each sample's best "
        "threshold, the expected share with a d′ that allows the zone."
    )
    return Table(caption, [*columns, *(ZONE_LABELS[zone] for zone in others)], rows, head=2)


SECTION = Section(
    "zones",
    title="Zones",
    figures=(Part(draw_river, needs=("curves",)), Part(draw_zones, needs=("zones",))),
    captions={"river": _RIVER, "zones": _ZONES},
    tables=(Part(tabulate_zones, needs=("zones",)),),
)
