"""Width as a factor: advantage against test error over training, a curve a width (Tan et al., AISTATS 2023, figure 1).

Their claims, each one number with a jackknife interval over groups of pairs of models, all widths left out together:

    rises_with_width     at each run's checkpoint of the best test accuracy, the advantage rises with the width
    rises_after_flat     it goes on rising after the test error is flat: how much in the second half of training, mean
                         over widths, where the test error falls no more
    error_falls          at equal advantage, the test error falls with the width
    advantage_falls      at equal test error, the advantage falls with the width

What changes with the width is a slope: the change of the mean per doubling of the width, by least squares. "At equal"
is where a curve first passes a value, linear between checkpoints, within each replicate anew; the values lie on
shares of the way that all curves have in common, and the claim is about the mean over them. Those of the accuracy lie
near its end, as the authors' do (test errors of .16 to .22): half-way the nets know little and leak nothing. All runs
are compared on the same samples, whose choice is in no interval. A study may have several series of such runs, as a
grid of widths and weight decays has; each is named after its narrowest run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memdyn.compare.series import Series, series_of
from memdyn.stats import jackknife

# of the common range of what is equal, from its start to its end
SHARES_OF_ADVANTAGE = (0.5, 0.6, 0.7, 0.8, 0.9)
SHARES_OF_ACCURACY = (0.9, 0.92, 0.94, 0.96, 0.98)
# by so much, at most, a test error falls that is called flat
FLAT = 0.005
# claim -> the sign that supports it
CLAIMS = {"rises_with_width": 1, "rises_after_flat": 1, "error_falls": -1, "advantage_falls": -1}
_KEYS = ("attack", "threshold")
_COLUMNS = {
    "width_curves": [
        "series",
        "run",
        "width",
        "epoch",
        "advantage",
        "advantage_low",
        "advantage_high",
        "error",
        "error_low",
        "error_high",
        "level",
    ],
    "width_levels": ["series", "matched_by", "at", "run", "width", "value", "low", "high", "level"],
    "width_claims": ["series", "claim", "verdict", "estimate", "low", "high", "level", "widths", "status"],
}


def width_of(model: Mapping[str, Any]) -> float:
    """The width of an architecture: its option `width`, or the units of a net of one hidden layer; NaN: it has none."""
    hidden = model.get("hidden")
    return float(model.get("width") or (hidden[0] if isinstance(hidden, list) and len(hidden) == 1 else np.nan))


def without_width(model: Mapping[str, Any]) -> dict[str, Any]:
    """The architecture but for what `width_of` reads."""
    which = "width" if "width" in model else "hidden"
    return {key: value for key, value in model.items() if key != which}


@dataclass(frozen=True)
class Widths:
    """The curves of some runs on one pool that differ in their width only, narrow to wide.

    Attributes:
        runs: [K] names.
        widths: [K], increasing.
        advantage, accuracy: of each run, [1 + G, T]: over checkpoints, the estimate and the values without each group
            of the design.
        epochs: [T].
        sizes: [G] pairs in each group; none is 0.
    """

    runs: tuple[str, ...]
    widths: np.ndarray
    advantage: np.ndarray
    accuracy: np.ndarray
    epochs: np.ndarray
    sizes: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """[K, 1 + G, T]: of the test part."""
        return 1 - self.accuracy

    def slope(self, values: np.ndarray) -> np.ndarray:
        """Change per doubling of the width [...] of values [K, ...]."""
        x = np.log2(self.widths) - np.log2(self.widths).mean()
        return np.tensordot(x / (x**2).sum(), values, axes=1)

    def at_best(self) -> np.ndarray:
        """[K, 1 + G]: the advantage at the checkpoint of the best accuracy."""
        best = self.accuracy.argmax(axis=2)[..., None]
        return np.take_along_axis(self.advantage, best, axis=2)[..., 0]

    def after_flat(self) -> np.ndarray:
        """[K, 1 + G]: how much the advantage rises in the second half of training.

        Between fixed checkpoints: from the first one whose accuracy is near the best, which noise moves, the interval
        would cover .89 to .97 instead of .99.
        """
        return self.advantage[..., -1] - self.advantage[..., self._half]

    def is_flat(self) -> bool:
        """Whether the test error falls by no more than `FLAT` there, mean over widths."""
        gain = self.accuracy[:, 0, -1] - self.accuracy[:, 0, self._half]
        return bool(self._half < len(self.epochs) - 1 and gain.mean() <= FLAT)

    @property
    def _half(self) -> int:
        """The first checkpoint in the second half of training."""
        return int(np.searchsorted(self.epochs, self.epochs[-1] / 2))

    def at_advantage(self) -> tuple[np.ndarray, np.ndarray]:
        """Advantages [L] that all curves pass, and the test error [K, 1 + G, L] of each there."""
        return self._matched(self.advantage, self.error, SHARES_OF_ADVANTAGE)

    def at_error(self) -> tuple[np.ndarray, np.ndarray]:
        """Test errors [L] that all curves pass, and the advantage [K, 1 + G, L] of each there."""
        levels, there = self._matched(self.accuracy, self.advantage, SHARES_OF_ACCURACY)
        return 1 - levels, there

    def _matched(self, clock: np.ndarray, values: np.ndarray, shares: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Values where each curve first passes levels of a clock that all have in common.

        Args:
            clock, values: [K, 1 + G, T].
            shares: [L].

        Returns:
            levels [L], none where the curves have none in common; values there [K, 1 + G, L].
        """
        clocks, series = ([self._series(curve) for curve in curves] for curves in (clock, values))
        ranges = np.array([one.range() for one in clocks])
        low, high = ranges[:, 0].max(), ranges[:, 1].min()
        levels = low + np.array(shares) * (high - low) if high > low else np.empty(0)
        there = [one.at(time.first_passage(levels)).values for one, time in zip(series, clocks, strict=True)]
        return levels, np.stack(there)

    def _series(self, values: np.ndarray) -> Series:
        return Series(self.epochs, self.epochs, values, np.zeros(len(self.epochs)))


def width_tables(
    curves: pd.DataFrame,
    clocks: pd.DataFrame,
    clock_replicates: pd.DataFrame,
    factors: pd.DataFrame,
    sizes: Mapping[str, np.ndarray],
    level: float,
) -> dict[str, pd.DataFrame]:
    """Where the runs of a study differ in their width only: what changes with it, and Tan et al.'s claims.

    Args:
        curves: run, attack, threshold, metric, epoch, group, value: `curve_replicates`; group -1 is the estimate.
        clocks, clock_replicates: run, metric, epoch, value; the latter also group.
        factors: run, width, width_series (equal for runs that differ in their width only).
        sizes: [G] pairs of each run in each group of the jackknife; 0 where models that failed took all of them.
        level: of each interval on its own; those of the claims of one attack hold jointly.

    Returns:
        width_curves: the mean advantage and the test error of each run at each checkpoint; width_levels: the test error
        at equal advantage, and the advantage at equal test error; width_claims: the claims. All have attack, threshold
        and series (name of its narrowest run), and are empty where fewer than two widths are compared.
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _COLUMNS}
    advantage = curves[curves["metric"] == "advantage"]
    estimates, replicates = advantage[advantage["group"] == -1], advantage[advantage["group"] >= 0]
    leaks = series_of(estimates.drop(columns="group"), replicates, _KEYS)
    accuracies = series_of(clocks, clock_replicates, [])
    for _, group in factors.dropna(subset="width").groupby("width_series", sort=False):
        chosen = group.sort_values("width", kind="stable").drop_duplicates("width")
        for key in dict.fromkeys(name[1:-1] for name in leaks):
            given = _widths(chosen, key, leaks, accuracies, sizes)
            if given is not None:
                names = dict(zip(_KEYS, key, strict=True)) | {"series": given.runs[0]}
                made = curve_rows(given, level), level_rows(given, level), claim_rows(given, level)
                for kept, those in zip(rows.values(), made, strict=True):
                    kept += [names | row for row in those]
    return {name: pd.DataFrame(kept, columns=[*_KEYS, *_COLUMNS[name]]) for name, kept in rows.items()}


def _widths(
    chosen: pd.DataFrame,
    key: tuple,
    leaks: Mapping[tuple, Series],
    accuracies: Mapping[tuple, Series],
    sizes: Mapping[str, np.ndarray],
) -> Widths | None:
    """The curves of those runs that have them, at the checkpoints that all have; None of fewer than two."""
    kept = [
        (run, width, leaks[(run, *key, "advantage")], accuracies[(run, "accuracy_test")])
        for run, width in zip(chosen["run"], chosen["width"], strict=True)
        if (run, *key, "advantage") in leaks and (run, "accuracy_test") in accuracies
    ]
    if len(kept) < 2:
        return None
    shared = sorted(set.intersection(*(set(one.epochs) for _, _, *both in kept for one in both)))
    if len(shared) < 2:
        return None
    own = [sizes[run] for run, *_ in kept]
    # few models have replicates of their accuracy and none of the plane's figures: then nothing has an interval
    all_have = all(len(one.values) > 1 for _, _, *both in kept for one in both)
    most = np.max(own, axis=0) if all_have else np.empty(0)
    there = np.append(True, most > 0)
    advantage, accuracy = (
        np.stack([_of_design(one, shared, mine)[: len(there)] for one, mine in zip(column, own, strict=True)])[:, there]
        for column in zip(*(both for _, _, *both in kept), strict=True)
    )
    runs, widths = tuple(run for run, *_ in kept), np.array([width for _, width, *_ in kept], dtype=float)
    return Widths(runs, widths, advantage, accuracy, np.array(shared), most[most > 0])


def _of_design(series: Series, epochs: Sequence[float], sizes: np.ndarray) -> np.ndarray:
    """[1 + G, T] at some epochs: without a group that the run has not, the estimate; [1, T] without replicates."""
    values = series.take([int(np.flatnonzero(series.epochs == epoch)[0]) for epoch in epochs]).values
    if len(values) == 1:
        return values
    return np.concatenate([values[:1], jackknife.of_all_groups(values[0], values[1:], sizes)])


def curve_rows(given: Widths, level: float) -> list[dict[str, Any]]:
    """A row a run and checkpoint: mean advantage and test error, with limits."""
    rows = []
    for k, (run, width) in enumerate(zip(given.runs, given.widths, strict=True)):
        columns: dict[str, np.ndarray] = {"epoch": given.epochs.astype(int)}
        for name, values in (("advantage", given.advantage[k]), ("error", given.error[k])):
            low, high = jackknife.interval(values[0], values[1:], given.sizes, level)
            columns |= {name: values[0], f"{name}_low": low, f"{name}_high": high}
        rows += pd.DataFrame(columns).assign(run=run, width=width, level=level).to_dict("records")
    return rows


def level_rows(given: Widths, level: float) -> list[dict[str, Any]]:
    """A row a run and value of what is matched."""
    rows = []
    for matched_by, (levels, values) in (("advantage", given.at_advantage()), ("test_error", given.at_error())):
        for run, width, curve in zip(given.runs, given.widths, values, strict=True):
            low, high = jackknife.interval(curve[0], curve[1:], given.sizes, level)
            columns = {"at": levels, "value": curve[0], "low": low, "high": high}
            rows += (
                pd.DataFrame(columns)
                .assign(matched_by=matched_by, run=run, width=width, level=level)
                .to_dict("records")
            )
    return rows


def claim_rows(given: Widths, level: float) -> list[dict[str, Any]]:
    """A row a claim of `CLAIMS`: claim, verdict, estimate, low, high, level, widths, status."""
    at_advantage, at_error = given.at_advantage()[1], given.at_error()[1]
    numbers = {
        "rises_with_width": given.slope(given.at_best()),
        "rises_after_flat": given.after_flat().mean(axis=0) if given.is_flat() else None,
        "error_falls": given.slope(at_advantage).mean(axis=1) if at_advantage.size else None,
        "advantage_falls": given.slope(at_error).mean(axis=1) if at_error.size else None,
    }
    joint = 1 - (1 - level) / len(CLAIMS)
    rows = []
    for claim, sign in CLAIMS.items():
        values = numbers[claim]
        if values is None or np.isnan(values).any():
            why = "the test error still falls" if claim == "rises_after_flat" else "the curves have no values in common"
            limits, verdict, status = (np.nan,) * 3, "not tested", why
        else:
            limits = (values[0], *jackknife.interval(values[0], values[1:], given.sizes, joint))
            verdict, status = (
                _verdict(sign, *limits[1:]),
                "tested" if len(values) > 2 else "no interval: too few models",
            )
        rows.append(
            {"claim": claim, "verdict": verdict}
            | dict(zip(("estimate", "low", "high"), map(float, limits), strict=True))
            | {"level": joint, "widths": len(given.runs), "status": status}
        )
    return rows


def _verdict(sign: int, low: float, high: float) -> str:
    if np.isnan(low) or low <= 0 <= high:
        return "undecided"
    return "supported" if (low > 0) == (sign > 0) else "contradicted"
