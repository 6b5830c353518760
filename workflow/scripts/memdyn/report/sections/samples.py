"""The most vulnerable samples of each run, as pictures with their trajectories."""

from collections.abc import Iterator
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from memdyn.report.draw import formatting, style
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.pools import DrawnPool
from memdyn.report.draw.text import one_line
from memdyn.report.rows import select_threshold
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import threshold_words

_SAMPLES = """
    The {count} samples with the largest effect size d′ (difference between the mean margin as member and as
    non-member, in root mean square standard deviations) of {run} at its last checkpoint, and their counted rates
    under {attack} at {threshold} during training: TPR over the models that had the sample, FPR over those that had
    not; the filled gap is the advantage A, given at the last checkpoint with its interval over pairs of models
    ({effect}). {analysed} A number after # is a row of the source. The largest of many are shown: on new models
    most rates would come out lower (d′ is shrunken for it). {planted}"""

COLUMNS = 3
_ANALYSED = "d′ has its interval too; dotted: the onset, from which on the sample differs significantly."
TPR_COLOUR, FPR_COLOUR = "#b03a2e", "#2e5f8a"


def most_vulnerable(samples: pd.DataFrame, count: int) -> pd.DataFrame:
    """The rows of the last checkpoint with the largest d' (counted advantages tie: a lattice has few values)."""
    last = samples[samples["epoch"] == samples["epoch"].max()]
    return last.sort_values(["d_prime", "sample_id"], ascending=[False, True]).head(count)


def with_onset(top: pd.DataFrame, summary: pd.DataFrame | None) -> pd.DataFrame:
    """Adds onset (epoch, NaN: none until the end), analysed, d_prime_low and d_prime_high, from the run's analysis."""
    if summary is None:
        return top.assign(analysed=False)
    summary = summary.assign(analysed=True)
    keys = ["run", "attack", "threshold", "sample_id"]
    wanted = [*keys, "onset", "analysed", "d_prime_low", "d_prime_high"]
    own = [name for name in wanted if name in keys or name not in top]  # limits of the samples' own table come first
    return top.merge(summary[own], "left", keys).fillna({"analysed": False})


def draw_samples(study: Study) -> Iterator[Drawing]:
    """One figure per attack and run: pictures, TPR and FPR over checkpoints of the samples with the largest d'."""
    shown = select_threshold(study.tables["samples"], study.options.threshold)
    for (attack, run), part in shown.groupby(["attack", "run"], sort=False):
        run_style, pool = study.styles[run], study.pools.get(run)
        top = most_vulnerable(part, study.options.top_samples)
        trajectories = part[part["sample_id"].isin(top["sample_id"])].sort_values("epoch")
        top = with_onset(top, study.tables.get("summary"))
        which = _which(top["sample_id"], pool)
        yield drawn(
            _sheet(top, trajectories, pool),
            "samples",
            f"Most vulnerable samples of {run_style.name}",
            f"Pictures and trajectories of the most vulnerable samples of {run_style.name}: {which}.",
            attack=attack,
            of=run_style.file,
            threshold=threshold_words(part["threshold"].iloc[0], attack),
            count=len(top),
            run=run_style.name,
            effect=_effect_words(top["design_effect_advantage"]),
            analysed=_ANALYSED if top["analysed"].any() else "",
            planted=_planted_words(top, pool),
        )


def _sheet(top: pd.DataFrame, trajectories: pd.DataFrame, pool: DrawnPool | None) -> plt.Figure:
    """A cell a sample: picture (where there is one), curve, and two lines of text above them."""
    columns = min(COLUMNS, len(top))
    rows = -(-len(top) // columns)
    height = 1.4 * rows + 0.75
    figure = plt.figure(figsize=(style.WIDTH * columns / COLUMNS if columns > 1 else 3.4, height))
    pictured = pool is not None and pool.pictures is not None
    grid = figure.add_gridspec(
        rows,
        3 * columns,
        width_ratios=[0.72 if pictured else 0.02, 1, 0.1] * columns,
        left=0.02 if pictured else 0.04,
        right=1.0,
        top=1 - 0.78 / height,
        bottom=0.36 / height,
        hspace=0.78,
        wspace=0.36 if pictured else 0.1,
    )
    planted = planted_ids(pool)
    places = {i: place for place, i in enumerate(pool.sample_ids)} if pool is not None else {}
    by_sample = dict(tuple(trajectories.groupby("sample_id")))
    for k, row in enumerate(top.itertuples()):
        line, column = divmod(k, columns)
        axes = titled = figure.add_subplot(grid[line, 3 * column + 1])
        _draw_trajectory(axes, by_sample[row.sample_id])
        if row.analysed and np.isfinite(row.onset):
            axes.axvline(row.onset, color=style.INK, linestyle=":", linewidth=1)
        axes.tick_params(labelbottom=k + columns >= len(top))
        if pictured:
            titled = figure.add_subplot(grid[line, 3 * column])
            _draw_picture(titled, pool.pictures[places[row.sample_id]])
        name = pool.class_names[row.label] if pool is not None else f"class {row.label}"
        wrong = row.sample_id in planted
        called = pool.called(row.sample_id, places[row.sample_id]) if pool is not None else f"#{row.sample_id}"
        title = _cell_title(f"✗ {name}" if wrong else name, called, row)
        colour = style.FAILED if wrong else style.INK
        titled.set_title(title, loc="left", fontsize=7, pad=3, color=colour)
    handles = [
        style.handle("TPR: models trained on it", color=TPR_COLOUR),
        style.handle("FPR: the other models", color=FPR_COLOUR, linestyle="--"),
        Patch(facecolor=TPR_COLOUR, alpha=0.15, label="advantage"),
        style.handle("onset", color=style.INK, linestyle=":", linewidth=1),
    ]
    shown = handles if top["analysed"].any() else handles[:-1]
    figure.legend(handles=shown, loc="upper center", ncols=len(shown) if columns > 1 else 1)
    return figure


def _which(sample_ids: pd.Series, pool: DrawnPool | None) -> str:
    """The samples in words: files where they have some, else rows of the source."""
    if pool is None or not pool.files:
        return f"source rows {', '.join(map(str, sample_ids))}"
    places = {i: place for place, i in enumerate(pool.sample_ids)}
    return f"files {', '.join(one_line(pool.files[places[i]]) for i in sample_ids)}"


def planted_ids(pool: DrawnPool | None) -> set[int]:
    """Source rows of the samples whose label was replaced by a wrong one."""
    return set() if pool is None else set(pool.sample_ids[pool.flipped].tolist())


def _planted_words(top: pd.DataFrame, pool: DrawnPool | None) -> str:
    """How many of the shown samples carry a planted label; nothing where none was planted."""
    planted = planted_ids(pool)
    if not planted:
        return ""
    shown = top["sample_id"].isin(planted).sum()
    return f"Red, with a cross: the label is wrong and was planted ({shown} of {len(top)})."


def _effect_words(effects: pd.Series) -> str:
    """How much the intervals allow for decisions that hang together."""
    if effects.isna().all():
        return "too few models for one"
    low, high = (f"{value:.1f}" for value in (effects.min(), effects.max()))
    return f"design effect {low if low == high else f'{low} to {high}'}, since decisions share their calibration"


def _cell_title(class_name: str, called: str, row: NamedTuple) -> str:
    """Class, and what the sample is called; d' with its limits and the onset, if known; advantage with limits."""
    low, high = getattr(row, "d_prime_low", None), getattr(row, "d_prime_high", None)
    onset = ""
    if row.analysed:
        onset = f", onset {row.onset:g}" if np.isfinite(row.onset) else ", no onset"
    return (
        f"{style.clip_label(class_name, 22)}, {style.clip_label(called, 20)}\n"
        f"d′ {formatting.interval(row.d_prime, low, high, 1)}{onset}\n"
        f"A {formatting.interval(row.advantage, row.advantage_low, row.advantage_high, 2)}"
    )


def _draw_picture(axes: Axes, image: np.ndarray) -> None:
    """One image [C, H, W] uint8, grey or colour."""
    picture = np.moveaxis(image, 0, -1)
    axes.imshow(picture[..., 0] if picture.shape[-1] == 1 else picture[..., :3], cmap="gray", interpolation="nearest")
    axes.set_anchor("NW")  # its title starts at its left edge
    axes.set_axis_off()


def _draw_trajectory(axes: Axes, part: pd.DataFrame) -> None:
    axes.fill_between(part["epoch"], part["fpr"], part["tpr"], color=TPR_COLOUR, alpha=0.15, linewidth=0)
    axes.plot(part["epoch"], part["tpr"], color=TPR_COLOUR, marker=".")
    axes.plot(part["epoch"], part["fpr"], color=FPR_COLOUR, marker=".", linestyle="--")
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    style.epoch_axis(axes, label=False)


SECTION = Section(
    "samples",
    title="Trajectories of the most vulnerable samples",
    figures=(Part(draw_samples, needs=("samples",)),),
    captions={"samples": _SAMPLES},
)
