"""Curves of the population over checkpoints, each with its jackknife band and its null curve.

The band is the delete-a-group jackknife over pairs, the attack refitted without each group. The null curve is the
figure of the sham part, which no model trains on, through the same pipeline; the difference to it has a band of its
own, both being refitted without the same group. All is computed for all samples and for each class.

Under the null the centre of mass moves as well: at likelihood ratio 1 a small error of the variances' prior, common to
all samples, calls more or fewer of them members. That noise does not shrink with the number of samples, and distances
are positive; so displacement and path length mean something beside their null curve only.

A signed root has an infinite slope at 0, where the jackknife is not valid: on noise its 95 % intervals hold 0 in .86 to
.94 of worlds, those of the square in .98 to 1.00 (sim). So squares are jackknifed, and their limits are mapped; a
difference to the null is the signed root of the difference of squares.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd

from memdyn.dynamics import spatial
from memdyn.dynamics.observations import Observations
from memdyn.dynamics.speed import from_halves, signed_root, speeds, squared_displacement, squared_speed
from memdyn.dynamics.transitions import inflow, probabilities, transition_counts
from memdyn.dynamics.zones import ZoneBounds, counted_zones, tracked_zones
from memdyn.stats import jackknife
from memdyn.terms import ALL_CLASSES, ZONES

FIGURES = {
    "fpr": "centre of mass: mean FPR_i",
    "tpr": "centre of mass: mean TPR_i",
    "advantage": "mean A_i",
    "displacement": "distance of the centre of mass from the first checkpoint, percentage points",
    "path_length": "length of its path so far, percentage points",
    "speed": "mean v_i to the next checkpoint, per epoch; biased upwards by counting noise",
    "speed_squared": "mean v_i^2, per epoch^2; biased upwards by counting noise",
    "speed_squared_corrected": "signed mean squared speed from halves, per epoch^2; never clipped",
    "speed_rms_corrected": "its signed root: an RMS speed, not the mean of the v_i; per epoch",
    "displacement_corrected": "signed root of the squared displacement from halves, percentage points",
    "advantage_slope": "mean dA_i/dt to the next checkpoint, per epoch",
    **{f"share_{zone}": f"share of the samples whose state lies in zone {zone}, as it is" for zone in ZONES},
    "inflow_hv": "chance of a sample outside HV to enter it, per epoch to the next checkpoint (tracked zones)",
    "entropy": "spatial entropy of the smooth states (parametric)",
    "entropy_change": "entropy minus that of the first checkpoint",
    "clark_evans": "Clark-Evans ratio of the smooth states (parametric); below 1: clustered",
}

TO_NEXT = ("speed", "speed_squared", "speed_squared_corrected", "speed_rms_corrected", "advantage_slope", "inflow_hv")
"""Figures of the step from a checkpoint to the next: there is none at the last."""

OF_TWO = (*TO_NEXT, "displacement", "path_length", "displacement_corrected", "entropy_change")
"""Figures that need two checkpoints: of a run with one there are none of them."""


_LIMITS = ["low", "high", "null_low", "null_high"]
_RATES = ("fpr", "tpr", "inflow_hv", *(f"share_{zone}" for zone in ZONES))
_RANGES = dict.fromkeys(_RATES, (0, 1)) | {
    "advantage": (-1, 1),
    **dict.fromkeys(("displacement", "path_length", "speed", "speed_squared", "entropy", "clark_evans"), (0, np.inf)),
}
"""Where the values of a figure lie, and so its limits; the others, and all differences, may have either sign."""


@dataclass(frozen=True)
class Replicated:
    """A figure with what its jackknife needs.

    Attributes:
        value: [...], what is reported.
        centre: [...], the same or, for means over random splits, the mean over the splits that are jackknifed.
        deleted: [G, ...], `centre` without each group of pairs.
        scale: increasing; what is shown is `scale` of the value and of its limits, differences are taken before.
    """

    value: np.ndarray
    centre: np.ndarray
    deleted: np.ndarray
    scale: Callable[[np.ndarray], np.ndarray] | None = None

    def __sub__(self, other: "Replicated") -> "Replicated":
        parts = self.value - other.value, self.centre - other.centre, self.deleted - other.deleted
        return Replicated(*parts, self.scale)

    def shown(self, values: np.ndarray) -> np.ndarray:
        """Values on the scale on which they are shown."""
        return values if self.scale is None else self.scale(values)

    def interval(self, sizes: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Limits [...] around `value`, as shown; NaN where nothing could be left out."""
        low, high = jackknife.interval(self.centre, self.deleted, sizes[: len(self.deleted)], level)
        return self.shown(low + (self.value - self.centre)), self.shown(high + (self.value - self.centre))


def class_weights(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Rows [1 + C, n] that average over all samples and over each class; NaN for a class without samples."""
    members = np.concatenate([np.ones((1, len(labels)), bool), labels == classes[:, None]])
    with np.errstate(invalid="ignore"):
        return members / members.sum(axis=1, keepdims=True)


def path_figures(fpr: np.ndarray, tpr: np.ndarray, epochs: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Figures [K, T] of states [T, n] that need no zones; those to the next checkpoint end with NaN."""
    centre = np.stack([weights @ fpr.T, weights @ tpr.T])
    from_start = centre - centre[:, :, :1]
    steps = np.hypot(*np.diff(centre, axis=2))
    advantage = centre[1] - centre[0]
    return {
        "fpr": centre[0],
        "tpr": centre[1],
        "advantage": advantage,
        "displacement": 100 * np.hypot(*from_start),
        "path_length": 100 * np.cumsum(np.concatenate([np.zeros((len(weights), 1)), steps], axis=1), axis=1),
        "speed": _to_next(weights @ speeds(fpr, tpr, epochs).T),
        "speed_squared": _to_next(squared_speed((fpr, tpr), (fpr, tpr), epochs, weights)),
        "advantage_slope": _to_next(np.diff(advantage, axis=1) / np.diff(epochs)),
    }


def shares(codes: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Shares [K, T] of zones [T, n]."""
    # Rounded: where all samples agree, replicates must be equal, not nearly so.
    return {f"share_{zone}": np.round(weights @ (codes == code).T, 12) for code, zone in enumerate(ZONES)}


def movements(codes: np.ndarray, epochs: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inflow to HV [K, T] of tracked zones [T, n], and the transitions' weights [K, T - 1, Z, Z].

    Checkpoints may differ in their distance, within a run and between runs. So the inflow is a chance per epoch: that
    which, constant over the step of D epochs, gives the step's chance, 1 - (1 - p)^(1 / D).
    """
    moves = transition_counts(codes, weights)
    chance = np.round(inflow(moves), 12)  # 1 exactly, where all enter: a root magnifies what is missing
    per_epoch = 1 - (1 - chance) ** (1 / np.diff(epochs))
    return _to_next(per_epoch), moves


def half_figures(observations: Observations, part: str, threshold: str, weights: np.ndarray) -> dict[str, Replicated]:
    """The noise-corrected figures [K, T]; none where there are too few models for halves."""
    counts, design, epochs = observations.counts[part, threshold], observations.design, observations.epochs
    if not len(design.splits):
        return {}
    squares = from_halves(counts, design, lambda a, b: _to_next(squared_speed(a, b, epochs, weights)))
    distance = from_halves(counts, design, lambda a, b: squared_displacement(a, b, weights))
    return {
        "speed_squared_corrected": Replicated(*squares),
        "speed_rms_corrected": Replicated(*squares, signed_root),
        "displacement_corrected": Replicated(*(100**2 * square for square in distance), signed_root),
    }


def population_tables(
    observations: Observations, labels: np.ndarray, parts: dict[str, slice], bounds: ZoneBounds, level: float
) -> dict[str, pd.DataFrame]:
    """Curves and transitions of one run and attack.

    Args:
        observations: from `memdyn.dynamics.observations.observe`.
        labels: int [pool], classes.
        parts: rows of the pool's parts.
        bounds: of the zones.
        level: of the bands.

    Returns:
        curves: threshold, samples ("all" or a class), figure (see `FIGURES`), epoch, value, low, high (scored part);
            null, null_low, null_high (sham part; NaN without one); difference, difference_low, difference_high (scored
            - sham; of squares for the two signed roots, and then its signed root).
        transitions (no rows of a single checkpoint): threshold, samples, epoch, epoch_to (both NaN: pooled over
            training, the only one for a class), zone_from, zone_to (tracked), share (of these samples; pooled: per
            step), probability, low, high, null (the sham part's probability).
        curve_replicates: threshold, metric (a figure), epoch, epoch_to (the next checkpoint for `TO_NEXT`, else the
            same), group, value: of all samples, without each group of pairs; group -1 is the estimate that they belong
            to. Differences between runs are jackknifed from them, so the signed roots are not among them: their squares
            are compared. se_samples: standard error of the estimated mean advantage from the choice of samples, which
            runs on different pools do not share (NaN in other rows).
    """
    classes = np.unique(labels[parts["scored"]])
    weights = {part: class_weights(labels[parts[part]], classes) for part in observations.parts}
    of, sizes = [ALL_CLASSES, *map(str, classes)], observations.design.sizes
    left_out = observations.design.groups
    curves, transitions, replicates = [], [], []
    for threshold in observations.thresholds:
        figures, moves = _measure(observations, "scored", threshold, weights["scored"], bounds)
        null_figures, null_moves = {name: _nothing(figure) for name, figure in figures.items()}, _nothing(moves)
        if "sham" in observations.parts:
            null_figures, null_moves = _measure(observations, "sham", threshold, weights["sham"], bounds)
        for name, figure in figures.items():
            table = _curve(figure, null_figures[name], sizes, level, of, observations.epochs)
            table[_LIMITS] = table[_LIMITS].clip(*_RANGES.get(name, (-np.inf, np.inf)))
            curves.append(table.assign(threshold=threshold, figure=name))
            if figure.scale is None:
                epoch_to = observations.epochs[1:] if name in TO_NEXT else observations.epochs
                se = _se_samples(observations, threshold) if name == "advantage" else np.nan
                overall = _overall(figure, left_out, observations.epochs, epoch_to, se)
                replicates.append(overall.assign(threshold=threshold, metric=name))
        for table in _transitions(moves, null_moves, sizes, level, of, observations.epochs):
            transitions.append(table.assign(threshold=threshold))
    return {
        "curves": _ordered(curves, ["threshold", "samples", "figure"]),
        "transitions": _ordered(transitions, ["threshold", "samples"]),
        "curve_replicates": _ordered(replicates, ["threshold", "metric"]),
    }


def _measure(
    observations: Observations, part: str, threshold: str, weights: np.ndarray, bounds: ZoneBounds
) -> tuple[dict[str, Replicated], Replicated]:
    """All figures [K, T], and the weights of transitions [K, T - 1, Z, Z]."""
    counts, design = observations.counts[part, threshold], observations.design
    figures, moves = [], []
    for world in range(design.n_jackknife):
        path = path_figures(*counts.rates(world), observations.epochs, weights)
        states = observations.states(part, threshold, world, bounds.test_level)
        zoned = shares(counted_zones(states, bounds), weights)
        entering, move = movements(tracked_zones(states, bounds), observations.epochs, weights)
        spatial_ones = _spatial(observations.spatial[part, threshold][world])
        figures.append(path | zoned | {"inflow_hv": entering} | spatial_ones)
        moves.append(move)
    result = {name: _replicated([world[name] for world in figures]) for name in figures[0]}
    result |= half_figures(observations, part, threshold, weights)
    if len(observations.epochs) == 1:
        result = {name: figure for name, figure in result.items() if name not in OF_TWO}
    return result, _replicated(moves)


def _spatial(figures: np.ndarray) -> dict[str, np.ndarray]:
    """Named figures [K, T] from [T, K, F]."""
    named = dict(zip(spatial.FIGURES, figures.transpose(2, 1, 0), strict=True))
    return named | {"entropy_change": named["entropy"] - named["entropy"][:, :1]}


def _replicated(worlds: list[np.ndarray]) -> Replicated:
    return Replicated(worlds[0], worlds[0], np.array(worlds[1:]).reshape(len(worlds) - 1, *worlds[0].shape))


def _nothing(figure: Replicated) -> Replicated:
    """In the place of the null of a run that has no sham part."""
    arrays = {name: np.full(getattr(figure, name).shape, np.nan) for name in ("value", "centre", "deleted")}
    return replace(figure, **arrays)


def _to_next(values: np.ndarray) -> np.ndarray:
    """[K, T] from what is between checkpoints [K, T - 1]: it stands at the first of the two."""
    return np.concatenate([values, np.full((len(values), 1), np.nan)], axis=1)


def _curve(
    figure: Replicated, null: Replicated, sizes: np.ndarray, level: float, samples: list[str], epochs: np.ndarray
) -> pd.DataFrame:
    shape = figure.value.shape
    columns = {"samples": np.repeat(samples, shape[1]), "epoch": np.tile(epochs, shape[0])}
    for name, one in (("value", figure), ("null", null), ("difference", figure - null)):
        prefix = "" if name == "value" else f"{name}_"
        low, high = one.interval(sizes, level)
        columns |= {name: one.shown(one.value).ravel(), f"{prefix}low": low.ravel(), f"{prefix}high": high.ravel()}
    return pd.DataFrame(columns)


def _overall(
    figure: Replicated, left_out: np.ndarray, epochs: np.ndarray, epoch_to: np.ndarray, se_samples: np.ndarray | float
) -> pd.DataFrame:
    """The estimate (group -1) and the replicates of all samples, the first that there are, moved to the estimate.

    A figure between checkpoints has no value at the last one, so it ends with the last `epoch_to` [T or T - 1].
    """
    moved = figure.deleted[:, 0] + (figure.value - figure.centre)[0]
    values = np.concatenate([figure.value[None, 0], moved])[:, : len(epoch_to)]
    errors = np.full(values.shape, np.nan)
    errors[0] = se_samples
    groups = np.array([-1, *left_out])[: len(values)]
    columns = {
        "epoch": np.tile(epochs[: len(epoch_to)], len(values)),
        "epoch_to": np.tile(epoch_to, len(values)),
        "group": np.repeat(groups, len(epoch_to)),
        "value": values.ravel(),
        "se_samples": errors.ravel(),
    }
    return pd.DataFrame(columns)


def _se_samples(observations: Observations, threshold: str) -> np.ndarray:
    """Standard error [T] of the mean advantage of the scored part, were other samples drawn."""
    fpr, tpr = observations.counts["scored", threshold].rates(0)
    return (tpr - fpr).std(axis=1, ddof=1) / np.sqrt(fpr.shape[1])


def _transitions(
    moves: Replicated, null: Replicated, sizes: np.ndarray, level: float, samples: list[str], epochs: np.ndarray
) -> list[pd.DataFrame]:
    """One table a step for all samples, then one pooled over steps for all and each class."""
    tables = []
    for step, (epoch, epoch_to) in enumerate(pairwise(epochs.astype(float))):
        one, other = (_select(x, 0, step) for x in (moves, null))
        tables.append(_matrix(one, other, sizes, level).assign(samples=ALL_CLASSES, epoch=epoch, epoch_to=epoch_to))
    for k, of in enumerate(samples):
        one, other = (_select(x, k) for x in (moves, null))
        one, other = (Replicated(*map(_over_steps, (x.value, x.centre, x.deleted))) for x in (one, other))
        tables.append(_matrix(one, other, sizes, level).assign(samples=of, epoch=np.nan, epoch_to=np.nan))
    return tables if len(epochs) > 1 else [table.iloc[:0] for table in tables]


def _over_steps(moves: np.ndarray) -> np.ndarray:
    """Mean [..., Z, Z] over steps of [..., T - 1, Z, Z]; 0 where there are none."""
    return moves.sum(axis=-3) / max(moves.shape[-3], 1)


def _select(moves: Replicated, *index: int) -> Replicated:
    return Replicated(moves.value[index], moves.centre[index], moves.deleted[(slice(None), *index)])


def _matrix(moves: Replicated, null: Replicated, sizes: np.ndarray, level: float) -> pd.DataFrame:
    deleted = probabilities(moves.deleted)
    probability = Replicated(probabilities(moves.value), probabilities(moves.centre), deleted)
    low, high = probability.interval(sizes, level)
    return pd.DataFrame(
        {
            "zone_from": np.repeat(ZONES, len(ZONES)),
            "zone_to": np.tile(ZONES, len(ZONES)),
            "share": moves.value.ravel(),
            "probability": probability.value.ravel(),
            "low": np.clip(low, 0, 1).ravel(),
            "high": np.clip(high, 0, 1).ravel(),
            "null": probabilities(null.value).ravel(),
        }
    )


def _ordered(tables: list[pd.DataFrame], first: list[str]) -> pd.DataFrame:
    table = pd.concat(tables, ignore_index=True)
    return table[[*first, *(column for column in table.columns if column not in first)]]
