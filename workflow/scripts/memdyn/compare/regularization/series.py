"""The runs' metrics over checkpoints with their replicates, and two of them side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from memdyn.compare.series import Comparison, Series, series_of, with_limits_of_few
from memdyn.compare.uncalibrated import ADVANTAGE

Key = tuple[str, str]  # attack ("" for accuracies and losses), metric

BEST, WORST_WEAK = "best strong", "max(avg, pow)"
"""The strong attack with the largest AUC (or TPR), and the weak one with the larger advantage, at each checkpoint."""


@dataclass(frozen=True)
class Against:
    """Runs against their baselines.

    Attributes:
        series: run -> (attack, metric) -> its series; a run without any failed.
        baseline_of: run -> its baseline, of all runs but the baselines.
        comparison: pools, groups and level.
        strong: attacks whose best one is the leak.
        mechanisms: run -> mechanism -> strength; of a baseline nothing.
        reasons: run -> why it failed.
    """

    series: Mapping[str, Mapping[Key, Series]]
    baseline_of: Mapping[str, str]
    comparison: Comparison
    strong: Sequence[str]
    mechanisms: Mapping[str, Mapping[str, str]]
    reasons: Mapping[str, str] = field(default_factory=dict)

    def pairs(self) -> list[tuple[str, str]]:
        """(run, baseline) where neither failed."""
        return [pair for pair in self.baseline_of.items() if all(map(self.is_there, pair))]

    def is_there(self, run: str) -> bool:
        """Whether the run has any numbers."""
        return bool(self.series.get(run))

    def failure(self, run: str) -> str | None:
        """Why the run, or its baseline, has no numbers; None where both have."""
        if not self.is_there(run):
            return self.reasons.get(run, "")
        baseline = self.baseline_of[run]
        return None if self.is_there(baseline) else f"the baseline: {self.reasons.get(baseline, '')}".strip(": ")

    def at_end(self, run: str, key: Key) -> Series | None:
        """A metric at the run's last checkpoint."""
        series = self.series.get(run, {}).get(key)
        return None if series is None else series.take([len(series.epochs) - 1])

    def difference(self, run: str, other: str, key: Key, level: float | None = None) -> dict[str, float]:
        """difference, low, high, se, df of run - other, each at its last checkpoint; NaN where one has no such metric.

        Args:
            level: of the interval, if not that of the study.
        """
        one, two = self.at_end(run, key), self.at_end(other, key)
        if one is None or two is None:
            return dict.fromkeys(("difference", "low", "high", "se", "df"), np.nan)
        comparison = self.comparison if level is None else replace(self.comparison, level=level)
        return {name: float(value[0]) for name, value in comparison.columns(run, other, one, two).items()}

    def limits(self, run: str, key: Key, level: float | None = None) -> tuple[float, float, float]:
        """Value, lower and upper limit of a rate or advantage at the run's last checkpoint; NaN where there is none.

        The limits are no more than the number can be. (Those of a TPR at a few false positives have the study's level
        at least, whatever is asked for.)
        """
        one = self.at_end(run, key)
        if one is None:
            return (np.nan,) * 3
        value = float(one.values[0, 0])
        if len(one.values) < 3:
            return value, np.nan, np.nan
        half = float(replace(self.comparison, level=level or self.comparison.level).half(run, one)[0])
        low, high = value - half, value + half
        if one.few is not None:
            low, high = np.fmin(low, one.few[0, 0]), np.fmax(high, one.few[1, 0])
        low, high = np.clip([low, high], -1 if key[1] == ADVANTAGE else 0, 1)
        return value, float(low), float(high)

    @cached_property
    def leaks(self) -> list[Key]:
        """The leaks that runs are chosen by: those of the best attack, the weak ones' advantage, then each attack's."""
        keys = dict.fromkeys(key for run in self.series.values() for key in run if key[0])
        return sorted(keys, key=lambda key: (key[0] != BEST, key[0] != WORST_WEAK))


def runs_series(tables: Mapping[str, pd.DataFrame], strong: Sequence[str]) -> dict[str, dict[Key, Series]]:
    """run -> (attack, metric) -> series, of attacks' pooled metrics and of what needs no shadow models.

    A run of which no attack has numbers failed, and has none.

    Args:
        tables: attack_metrics, replicates, uncalibrated, uncalibrated_replicates, each with the column run.
        strong: see `Against`.
    """
    metrics = tables["attack_metrics"].query("aggregation == 'pooled'")
    names = [name for name in metrics.columns if f"{name}_low" in metrics.columns]
    given = [
        (with_limits_of_few(metrics.melt(["run", "attack", "epoch"], names, "metric", "value"), metrics), "replicates"),
        (tables["uncalibrated"], "uncalibrated_replicates"),
    ]
    found: dict[str, dict[Key, Series]] = {}
    for estimates, name in given:
        replicates = tables[name]
        if "aggregation" in replicates:
            replicates = replicates.query("aggregation == 'pooled'")
        for (run, *key), series in series_of(estimates, replicates, ["attack"]).items():
            found.setdefault(run, {})[tuple(key)] = series
    found = {run: own for run, own in found.items() if run in set(metrics["run"])}
    for own in found.values():
        for metric in names:
            _add_largest(own, BEST, metric, strong)
        _add_largest(own, WORST_WEAK, ADVANTAGE, [attack for attack, metric in own if metric == ADVANTAGE])
    return found


def _add_largest(own: dict[Key, Series], name: str, metric: str, attacks: Sequence[str]) -> None:
    """The largest of several attacks, in the estimate and in each replicate, at the checkpoints that all have."""
    several = [own[attack, metric] for attack in attacks if (attack, metric) in own]
    shared = sorted(set.intersection(*(set(series.epochs) for series in several))) if several else []
    if not shared:
        return
    taken = [series.take([int(np.flatnonzero(series.epochs == epoch)[0]) for epoch in shared]) for series in several]
    rows = min(len(series.values) for series in taken)  # one without replicates leaves the largest without an interval
    values = np.max([series.values[: rows if rows > 1 else 1] for series in taken], axis=0)
    few = None
    if all(series.few is not None for series in taken):  # of the largest at each checkpoint
        largest = np.argmax([series.values[0] for series in taken], axis=0)
        few = np.stack([series.few for series in taken])[largest, :, np.arange(len(shared))].T
    own[name, metric] = replace(taken[0], values=values, se_samples=np.zeros(len(shared)), few=few)
