"""Claim C1: runs side by side, for any metric that comes with its jackknife, at equal epochs.

Two optimizers at one epoch mostly differ in how far they fitted: `memdyn.compare.matched` compares them equally far
trained.

Tables of estimates have the columns run, <keys>, metric, epoch, value; those of replicates also group. Keys (attack,
aggregation, ...) tell series of one run apart; two runs are compared within equal keys. Metrics of the step from a
checkpoint to the next have its end in a column epoch_to: they are compared over equal steps only, and for a clock lie
in the middle of the step.

Runs on one pool share samples, masks and seeds, and are jackknifed together (paired): their intervals are for these
samples. On different pools they are independent, and variances add; so does that of the choice of samples, where
estimates have a column se_samples with its standard error. It holds a sample's own counting noise, which the jackknife
has too, so such intervals are a little too wide.

Estimates of TPRs at a few false positives have limits of their own (`with_limits_of_few`), which hold the luck of the
threshold. Differences of them, also between checkpoints, are no narrower than these allow
(`memdyn.compare.differences`); their standard errors are the jackknife's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from memdyn.compare.differences import limits_of_few, no_narrower
from memdyn.stats import jackknife

COMPARED = "compared"
FEW_LIMITS = ["few_low", "few_high"]


@dataclass(frozen=True)
class Series:
    """A metric over checkpoints.

    Attributes:
        epochs: float [T], increasing.
        ends: float [T], the epochs again, or for a metric of steps the next checkpoints.
        values: [1 + G, T], the estimate, then the values without each group of pairs (G = 0: no interval).
        se_samples: [T], standard error of the estimate from the choice of samples; 0 where it is not known.
        few: [2, T], limits of the estimate where its threshold keeps a few false positives, NaN elsewhere; None:
            nowhere.
    """

    epochs: np.ndarray
    ends: np.ndarray
    values: np.ndarray
    se_samples: np.ndarray
    few: np.ndarray | None = None

    def take(self, places: list[int]) -> "Series":
        """Some of the checkpoints."""
        few = None if self.few is None else self.few[:, places]
        return Series(self.epochs[places], self.ends[places], self.values[:, places], self.se_samples[places], few)

    def at(self, times: np.ndarray) -> "Series":
        """At epochs [1 + G, L], linear between checkpoints, or between the middles of steps of equal length.

        Values are NaN where any replicate is outside of them; ends are NaN where steps of two lengths are involved, be
        it in different replicates.
        """
        middles, lengths = (self.epochs + self.ends) / 2, self.ends - self.epochs
        inside = ((times >= middles[0]) & (times <= middles[-1])).all(axis=0)
        rows = [np.interp(t, middles, row) for t, row in zip(times, self.values, strict=True)]
        errors = np.interp(times[0], middles, self.se_samples)
        before = np.clip(np.searchsorted(middles, times, side="right") - 1, 0, None)
        after = np.clip(np.searchsorted(middles, times, side="left"), None, len(middles) - 1)
        one = lengths[before][:1]
        alike = ((lengths[before] == one) & (lengths[after] == one)).all(axis=0)
        length = np.where(alike, one[0], np.nan)
        few = None if self.few is None else np.stack([np.interp(times[0], middles, row) for row in self.few])
        return Series(times[0], times[0] + length, np.where(inside, rows, np.nan), errors, few)

    def over_equal_steps(self, other: "Series") -> "Series":
        """NaN where the steps of the two differ in length: how far something gets per epoch depends on that."""
        equal = np.isclose(self.ends - self.epochs, other.ends - other.epochs)
        return replace(self, values=np.where(equal, self.values, np.nan))

    def first_passage(self, levels: np.ndarray) -> np.ndarray:
        """Epochs [1 + G, L] at which each row first reaches levels [L] from below; NaN where it does not."""
        return np.stack([_first_passage(self.epochs, row, levels) for row in self.values])

    def range(self) -> tuple[float, float]:
        """The levels that every row passes: above all starts, up to the lowest maximum."""
        return float(self.values[:, 0].max()), float(self.values.max(axis=1).min())


@dataclass(frozen=True)
class Comparison:
    """How runs are compared.

    Attributes:
        pool_of: the pool of each run.
        sizes: [G] pairs of each run in each group of the jackknife; 0 where models that failed took all of them.
        level: of the intervals.
    """

    pool_of: Mapping[str, str]
    sizes: Mapping[str, np.ndarray]
    level: float

    def paired(self, first: str, second: str) -> bool:
        """Whether the runs share masks and seeds."""
        return self.pool_of[first] == self.pool_of[second]

    def columns(self, first: str, second: str, of_first: Series, of_second: Series) -> dict[str, np.ndarray]:
        """difference, low, high, se, df [L] of two runs at L places."""
        a, b = of_first.values, of_second.values
        difference = a[0] - b[0]
        if len(a) < 3 or len(b) < 3:
            nothing = np.full(difference.shape, np.nan)
            return {"difference": difference, "low": nothing, "high": nothing, "se": nothing, "df": nothing}
        sizes = self.sizes[first], self.sizes[second]
        if self.paired(first, second):
            deleted, most = jackknife.deleted_difference((a[0], b[0]), (a[1:], b[1:]), sizes)
            se = jackknife.standard_error(difference, deleted, most)
            df = np.full(difference.shape, float(len(most) - 1))
        else:
            own = [jackknife.standard_error(x[0], x[1:], size[size > 0]) for x, size in zip((a, b), sizes, strict=True)]
            parts = np.stack([*own, np.hypot(of_first.se_samples, of_second.se_samples)]) ** 2
            se, df = np.sqrt(parts.sum(axis=0)), welch_df(parts, np.array([[len(a) - 2.0], [len(b) - 2.0], [np.inf]]))
        half = stdtrit(df, (1 + self.level) / 2) * se
        low, high = difference - half, difference + half
        if of_first.few is not None and of_second.few is not None:
            low, high = no_narrower((low, high), (a[0], b[0]), (of_first.few, of_second.few))
        return {"difference": difference, "low": low, "high": high, "se": se, "df": df}

    def half(self, run: str, series: Series) -> np.ndarray:
        """[T], half of the interval of a run's series at each checkpoint; 0 without replicates."""
        if len(series.values) < 3:
            return np.zeros(len(series.epochs))
        sizes = self.sizes[run][self.sizes[run] > 0]
        se = jackknife.standard_error(series.values[0], series.values[1:], sizes)
        return stdtrit(len(sizes) - 1, (1 + self.level) / 2) * se


def at_equal_epochs(
    estimates: pd.DataFrame, replicates: pd.DataFrame, keys: Sequence[str], comparison: Comparison
) -> pd.DataFrame:
    """Differences between all pairs of runs, first minus second, at the checkpoints (or over the steps) that both have.

    Returns:
        run_a, run_b, <keys>, metric, matched_by ("epoch"), at, epoch_a, epoch_b, difference, low, high, se, df, paired,
        level, status (`COMPARED`).
    """
    tables = []
    for first, second, key, a, b in pairs_of_runs(estimates, replicates, keys):
        place = {key: k for k, key in enumerate(zip(b.epochs, b.ends, strict=True))}
        shared = [(k, place[key]) for k, key in enumerate(zip(a.epochs, a.ends, strict=True)) if key in place]
        if shared:
            a, b = (series.take(list(places)) for series, places in zip((a, b), zip(*shared, strict=True), strict=True))
            paired = comparison.paired(first, second)
            epochs = {"matched_by": "epoch", "at": a.epochs, "epoch_a": a.epochs, "epoch_b": b.epochs}
            row = epochs | comparison.columns(first, second, a, b)
            tables.append(as_table(first, second, keys, key, row, paired, comparison.level, COMPARED))
    return joined(tables)


def welch_df(variances: np.ndarray, dofs: np.ndarray) -> np.ndarray:
    """Degrees of freedom [...] of a sum of independent variances [K, ...] (Welch 1947, Satterthwaite 1946)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        df = variances.sum(axis=0) ** 2 / (variances**2 / dofs).sum(axis=0)
    return np.where(np.isnan(df), np.broadcast_to(dofs, variances.shape).min(axis=0), df)


def _first_passage(epochs: np.ndarray, values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    highest = np.maximum.accumulate(values)
    k = np.searchsorted(highest, levels, side="left")  # the first checkpoint at or above the level
    inside = (k > 0) & (k < len(values))
    k = np.clip(k, 1, len(values) - 1)
    share = (levels - values[k - 1]) / np.where(inside, values[k] - values[k - 1], 1)
    return np.where(inside, epochs[k - 1] + share * (epochs[k] - epochs[k - 1]), np.nan)


def series_of(estimates: pd.DataFrame, replicates: pd.DataFrame, keys: Sequence[str]) -> dict[tuple, Series]:
    """(run, *keys, metric) -> its series; checkpoints without an estimate are left out."""
    index = ["run", *keys, "metric"]
    deleted = dict(list(replicates.groupby(index, sort=False)))
    found = {}
    for name, table in estimates.dropna(subset="value").groupby(index, sort=False):
        table = table.sort_values("epoch")
        epochs = table["epoch"].to_numpy(dtype=float)
        ends = table["epoch_to"].to_numpy(dtype=float) if "epoch_to" in table else epochs
        errors = table["se_samples"].to_numpy(dtype=float) if "se_samples" in table else np.full(len(epochs), np.nan)
        if np.isnan(errors).all():  # not known of this metric; one that is missing here and there leaves no interval
            errors = np.zeros(len(epochs))
        values = [table["value"].to_numpy(dtype=float)]
        if name in deleted:
            wide = deleted[name].pivot(index="group", columns="epoch", values="value").sort_index()
            values += list(wide.reindex(columns=table["epoch"]).to_numpy(dtype=float))
        few = table[FEW_LIMITS].to_numpy(dtype=float).T if FEW_LIMITS[0] in table else None
        found[name] = Series(epochs, ends, np.stack(values), errors, few)
    return found


def with_limits_of_few(estimates: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Estimates of attacks, pooled, with the limits of TPRs at a few false positives in the columns `FEW_LIMITS`.

    Args:
        estimates: run, attack, epoch, metric, value.
        metrics: as in `memdyn.compare.differences.run_differences`.
    """
    few = limits_of_few(metrics).reset_index().drop(columns="aggregation")
    few = few.rename(columns=dict(zip(("low", "high"), FEW_LIMITS, strict=True)))
    return estimates.merge(few, "left", ["run", "attack", "epoch", "metric"])


def pairs_of_runs(
    estimates: pd.DataFrame, replicates: pd.DataFrame, keys: Sequence[str]
) -> Iterator[tuple[str, str, tuple, Series, Series]]:
    series = series_of(estimates, replicates, keys)
    for first, second in combinations(estimates["run"].unique(), 2):
        for run, *rest in series:
            if run == first and (second, *rest) in series:
                yield first, second, tuple(rest), series[(first, *rest)], series[(second, *rest)]


def as_table(
    first: str,
    second: str,
    keys: Sequence[str],
    key: tuple,
    row: dict,
    paired: bool,
    level: float,
    status: str | np.ndarray,
) -> pd.DataFrame:
    """The rows of two runs at L places."""
    names = {"run_a": first, "run_b": second} | dict(zip([*keys, "metric"], key, strict=True))
    return pd.DataFrame(names | row | {"paired": paired, "level": level, "status": status})


def joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
