"""Claim C2: does a sample's difficulty go with its vulnerability? Difficulty and vulnerability from disjoint halves.

Both directions of every split are averaged; intervals are jackknifed over pairs with all calibration redone. They hold
for THESE samples: with many models they shrink onto a correlation that a finite pool has by chance (about
1 / sqrt(n)). The p-values are of the samples as draws too: the squares of the jackknife's standard error and of
(1 - r^2) / sqrt(n - 1) are added.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from memdyn.attacks.base import Attack
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.dynamics.attenuation import Replicates, attenuation_table
from memdyn.dynamics.difficulty import Difficulty
from memdyn.dynamics.half_targets import MORE_VULNERABLE, counted_rates, effects_of, onsets
from memdyn.dynamics.splits import Splits, opposite
from memdyn.stats import jackknife
from memdyn.stats.multiple import holm
from memdyn.stats.ranks import correlation, kendall, ranks, within_classes

METHODS = ("spearman", "kendall", "pearson", "partial_spearman")


@dataclass(frozen=True)
class CorrelationOptions:
    """Attributes:
    targets: of `memdyn.dynamics.half_targets.MORE_VULNERABLE`; each costs its own pass.
    threshold: of the severity TPR - FPR at the last checkpoint: "lr1" or a pooled FPR.
    level: of intervals.
    onset_error: of the onset's one-sided bounds, and its false discovery rate.
    bins: of the binned curves, by rank.
    kendall_samples: at most so many samples, evenly spaced over the pool, enter Kendall's tau (all pairs of them).
    """

    targets: tuple[str, ...]
    threshold: str | float
    level: float
    onset_error: float
    bins: int
    kendall_samples: int


def correlation_tables(
    scores: ShadowScores,
    attack: Attack,
    difficulty: Difficulty,
    labels: np.ndarray,
    splits: Splits,
    options: CorrelationOptions,
) -> dict[str, pd.DataFrame]:
    """Correlations of each difficulty with d' and severity at the last checkpoint, and with the onset.

    Args:
        scores: of one run.
        attack: calibrates the severity; too few models for it: no severity, or one without intervals (groups 0) where
            they are too few without a group only.
        difficulty: of the same run.
        labels: int [n], class of each scored sample.
        splits: of the pairs.
        options: see `CorrelationOptions`.

    Returns:
        correlations: difficulty, models, target, method, estimate, low, high, se, groups, level, n_samples,
            se_total (of models and samples) with limits low_total and high_total, p_value, p_holm (over all rows of
            the method), harder (1: a positive estimate says "harder samples are more vulnerable"; -1: a negative one
            does).
        reliabilities: quantity, models, estimate, low, high, se, groups, level: Spearman of one half against the other;
            a correlation of difficulty and target cannot be expected above the root of their product.
        disattenuated: difficulty, models, target, and the columns of `memdyn.dynamics.attenuation.attenuation_table`:
            Spearman without the noise of few models.
        curves: difficulty, models, target, bin, difficulty_mean, target_mean, low, high, groups, level, n_samples
            (mean number in the bin: ties stay together).
    """
    sources = dict(zip(difficulty.values, (splits.means(values) for values in difficulty.values.values()), strict=True))
    goals = _targets(scores, attack, splits, options)
    values, reliable, curves, by_samples = [], [], [], []
    for replicate in range(max(target.n_replicates for target in goals.values())):
        shape = len(sources), len(splits.halves), len(labels)
        hard = np.array([next(source) for source in sources.values()], dtype=float).reshape(shape).swapaxes(0, 1)
        known = np.array([replicate < target.n_replicates for target in goals.values()])
        found = [next(target.values) for target, one in zip(goals.values(), known, strict=True) if one]
        goal = np.stack(found, axis=1).astype(np.float64)
        one = _Replicate.of(hard, goal)
        places = _Places(hard.shape[1], known)
        if not replicate:
            by_samples = [
                (places.pairs(part.spearman()), places.each(part.reliabilities())) for part in one.by_samples()
            ]
        values.append(places.pairs(one.correlations(labels, options.kendall_samples)))
        reliable.append(places.each(one.reliabilities()))
        curves.append(places.pairs(one.curves(options.bins)))
    keys = [(*source, goal) for source in sources for goal in goals]
    frame = _Frame(splits.sizes[: len(values) - 1], options.level)
    counted = np.array([target.n_replicates > 1 for target in goals.values()])
    of_pairs = np.tile(counted, len(sources))
    of_each = np.concatenate([np.full(len(sources), len(values) > 1), counted])
    n_samples = len(labels)
    reliabilities = frame.of(reliable, of_each).assign(
        quantity=[name for name, _ in sources] + list(goals),
        models=[m for _, m in sources] + ["in-out"] * len(goals),
    )
    by_pairs = zip((found[:1] for found in values), reliable, strict=True)  # Spearman is the first of the methods
    sample_sizes = np.bincount(jackknife.sample_groups(n_samples))
    shape = len(sources), len(goals)
    truth = attenuation_table(
        _replicates(by_pairs, frame.sizes, shape),
        _replicates(by_samples, sample_sizes, shape),
        ~(reliabilities["low"] > 0).to_numpy(),
        options.level,
    )
    return {
        "correlations": _correlations(
            frame.of(values, of_pairs), keys, n_samples, options.kendall_samples, difficulty.harder
        ),
        "reliabilities": reliabilities,
        "disattenuated": pd.concat([pd.DataFrame(keys, columns=["difficulty", "models", "target"]), truth], axis=1),
        "curves": _curves(frame, curves, of_pairs, keys, options.bins),
    }


@dataclass(frozen=True)
class _Target:
    """Its values [2S, n] a replicate: one a deleted group, or that of all pairs alone (no interval)."""

    values: Iterator[np.ndarray]
    n_replicates: int


def _targets(scores: ShadowScores, attack: Attack, splits: Splits, options: CorrelationOptions) -> dict[str, _Target]:
    last = scores.loader("scored")(scores.epochs[-1])
    found = {}
    if "d_prime" in options.targets:
        found["d_prime"] = _Target(effects_of(last, splits), splits.n_replicates)
    if "onset" in options.targets:
        found["onset"] = _Target(onsets(scores, splits, 1 - options.onset_error), splits.n_replicates)
    calibrated = splits.for_attack(attack, len(splits.halves) // 2)
    if "severity" in options.targets and calibrated is not None:
        signals = scores.signals_for(attack, last, "scored", scores.epochs[-1])
        states = counted_rates(attack, signals, calibrated, options.threshold)
        found["severity"] = _Target((tpr - fpr for fpr, tpr in states), calibrated.n_replicates)
    return found


@dataclass(frozen=True)
class _Places:
    """Where the figures of a replicate's targets stand among those of all targets (bool [G]); the others are NaN."""

    n_hard: int
    known: np.ndarray

    def pairs(self, values: np.ndarray) -> np.ndarray:
        """[K, D * G, ...] from [K, D * known, ...]."""
        rest = values.shape[2:]
        every = np.full((len(values), self.n_hard, len(self.known), *rest), np.nan)
        every[:, :, self.known] = values.reshape(len(values), self.n_hard, self.known.sum(), *rest)
        return every.reshape(len(values), self.n_hard * len(self.known), *rest)

    def each(self, values: np.ndarray) -> np.ndarray:
        """[D + G] from [D + known]."""
        every = np.full(self.n_hard + len(self.known), np.nan)
        every[np.concatenate([np.ones(self.n_hard, bool), self.known])] = values
        return every


@dataclass(frozen=True)
class _Replicate:
    """Difficulties [H, D, n] and the OTHER half's targets [H, G, n], with their ranks."""

    hard: np.ndarray
    goal: np.ndarray
    hard_ranks: np.ndarray
    goal_ranks: np.ndarray

    @classmethod
    def of(cls, hard: np.ndarray, goal: np.ndarray) -> "_Replicate":
        goal = opposite(goal)
        return cls(hard, goal, *(np.stack([ranks(half) for half in values]) for values in (hard, goal)))

    def by_samples(self) -> Iterator["_Replicate"]:
        """With all samples, then without each group of them; the others keep their ranks."""
        yield self
        group = jackknife.sample_groups(self.hard.shape[-1])
        for kept in (group != g for g in range(group.max() + 1)):
            yield _Replicate(*(getattr(self, field.name)[..., kept] for field in fields(self)))

    def spearman(self) -> np.ndarray:
        """[1, D * G], means over halves."""
        return correlation(self.hard_ranks, self.goal_ranks).mean(axis=0).reshape(1, -1)

    def correlations(self, labels: np.ndarray, kendall_samples: int) -> np.ndarray:
        """[methods, D * G], means over halves."""
        halves = range(len(self.hard))
        partial = [
            correlation(within_classes(self.hard_ranks[h], labels), within_classes(self.goal_ranks[h], labels))
            for h in halves
        ]
        few = np.unique(np.linspace(0, len(labels) - 1, min(kendall_samples, len(labels))).round().astype(int))
        taus = [kendall(self.hard_ranks[h][:, few], self.goal_ranks[h][:, few]) for h in halves]
        others = (np.mean(part, axis=0).ravel() for part in (taus, correlation(self.hard, self.goal), partial))
        return np.stack([*self.spearman(), *others])

    def reliabilities(self) -> np.ndarray:
        """[D + G]: Spearman of half A with half B."""
        both = np.concatenate([self.hard_ranks, self.goal_ranks], axis=1)
        first, second = both[0::2], both[1::2]
        return np.mean([np.diagonal(correlation(a, b)) for a, b in zip(first, second, strict=True)], axis=0)

    def curves(self, bins: int) -> np.ndarray:
        """[3, D * G, bins]: mean difficulty, mean target and number of samples a bin."""
        n_halves, n_hard, n = self.hard.shape
        n_goals = self.goal.shape[1]
        found = np.zeros((n_halves, 3, n_hard, n_goals, bins))
        for h in range(n_halves):
            for d in range(n_hard):
                place = np.minimum(((self.hard_ranks[h, d] - 0.5) * bins / n).astype(int), bins - 1)
                count = np.bincount(place, minlength=bins)
                with np.errstate(invalid="ignore"):
                    found[h, 0, d] = np.bincount(place, self.hard[h, d], bins) / count
                    found[h, 1, d] = [np.bincount(place, goal, bins) / count for goal in self.goal[h]]
                found[h, 2, d] = count
        empty = found[:, 2] == 0
        filled = np.where(empty[:, None], 0, found).sum(axis=0)
        with np.errstate(invalid="ignore"):
            filled[:2] /= (~empty).sum(axis=0)
        filled[2] /= n_halves
        return filled.reshape(3, n_hard * n_goals, bins)


@dataclass(frozen=True)
class _Frame:
    """Estimates with jackknife intervals from a list of replicates."""

    sizes: np.ndarray
    level: float

    def of(self, replicates: list[np.ndarray], counted: np.ndarray) -> pd.DataFrame:
        """A row a value, the last axis fastest.

        Args:
            replicates: [..., rows] or [..., rows, bins] each.
            counted: bool, broadcast against them: whether there are replicates of a value but its estimate.
        """
        estimate, deleted = replicates[0], np.array(replicates[1:])
        low, high = jackknife.interval(estimate, deleted, self.sizes, self.level)
        se = (
            jackknife.standard_error(estimate, deleted, self.sizes) if len(deleted) else np.full(estimate.shape, np.nan)
        )
        columns = {"estimate": estimate, "low": low, "high": high, "se": se}
        table = pd.DataFrame({name: np.ravel(values) for name, values in columns.items()})
        groups = np.where(np.broadcast_to(counted, estimate.shape), len(deleted), 0)
        return table.assign(groups=groups.ravel(), level=self.level)


def _replicates(found: Iterable[tuple], sizes: np.ndarray, shape: tuple[int, int]) -> Replicates:
    observed, reliable = (np.array(part) for part in zip(*found, strict=True))
    return Replicates(observed.reshape(len(observed), *shape), reliable, sizes)


def _correlations(
    table: pd.DataFrame, keys: list[tuple], n_samples: int, kendall_samples: int, harder: Mapping[str, int]
) -> pd.DataFrame:
    names = pd.DataFrame(keys * len(METHODS), columns=["difficulty", "models", "target"])
    table = pd.concat([names, table], axis=1)
    table.insert(3, "method", np.repeat(METHODS, len(keys)))
    table["n_samples"] = np.where(table["method"] == "kendall", min(kendall_samples, n_samples), n_samples)
    table["se_total"] = np.hypot(table["se"], (1 - table["estimate"] ** 2) / np.sqrt(table["n_samples"] - 1))
    dof = np.maximum(table["groups"] - 1, 1)
    half = stdtrit(dof, (1 + table["level"]) / 2) * table["se_total"]
    table["low_total"], table["high_total"] = table["estimate"] - half, table["estimate"] + half
    table["p_value"] = 2 * stdtr(dof, -np.abs(table["estimate"] / table["se_total"]))
    table["p_holm"] = table.groupby("method")["p_value"].transform(_holm)
    signs = table["difficulty"].map(harder) * table["target"].map(MORE_VULNERABLE)
    return table.assign(harder=signs)


def _holm(p_values: pd.Series) -> np.ndarray:
    adjusted = np.full(len(p_values), np.nan)
    known = p_values.notna().to_numpy()
    adjusted[known] = holm(p_values[known].to_numpy())
    return adjusted


def _curves(
    frame: _Frame, replicates: list[np.ndarray], counted: np.ndarray, keys: list[tuple], bins: int
) -> pd.DataFrame:
    table = frame.of([one[1] for one in replicates], counted[:, None])
    table = table.rename(columns={"estimate": "target_mean"}).drop(columns="se")
    names = pd.DataFrame([key for key in keys for _ in range(bins)], columns=["difficulty", "models", "target"])
    names["bin"] = np.tile(np.arange(bins), len(keys))
    names["difficulty_mean"], names["n_samples"] = replicates[0][0].ravel(), replicates[0][2].ravel()
    return pd.concat([names, table], axis=1)
