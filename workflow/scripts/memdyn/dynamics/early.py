"""Claim C3: how early are the samples known that end up at risk? Early risk from one half, final risk from the other.

The same models in both would make the overlap look better than it is. Both directions of every split are averaged.
What is to be found, V_T, is a set of samples at the last checkpoint T, by half B; what finds it is a predictor at
checkpoint t, by half A: its own set V_t and its score. Where scores tie at the border of V_t, the tied samples are in
it with equal shares (the expectation over random tie-breaking).

The ceiling is what d' of half A at T itself finds of V_T: noise of few models keeps it low. It bounds d', not a
predictor with less noise, such as a difficulty that happens to order the samples as the final risk does.
`recall_over_ceiling` is the plain ratio, which is near 1 in a study without any leak, where both are chance;
`recall_share` is (recall - chance) / (ceiling - chance). Both depend on the number of models, as an early d' is smaller
than the final one and so is measured worse: claims rest on `latent_share` (`memdyn.dynamics.latent`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memdyn.attacks.base import Attack
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.attacks.signals import Signals
from memdyn.dynamics.baselines import Baselines
from memdyn.dynamics.half_targets import counted_rates, effects_of
from memdyn.dynamics.latent import LatentShares, latent_limits
from memdyn.dynamics.pairs import pair_values
from memdyn.dynamics.splits import Splits, opposite
from memdyn.dynamics.top_share import SampleJackknife, count, highest
from memdyn.dynamics.zones import ZoneBounds
from memdyn.stats import jackknife
from memdyn.stats.ranks import correlation, ranks
from memdyn.stats.roc import auc
from memdyn.terms import threshold_label

KEYS = ["target", "predictor", "models", "epoch", "metric"]
WITHOUT_NOISE = ("disattenuated", "latent_share")
_RANGES = dict.fromkeys(("precision", "recall", "jaccard", "auroc"), (0.0, 1.0)) | dict.fromkeys(
    ("rank_correlation", "reliability"), (-1.0, 1.0)
)
"""Of metrics, and so of their limits; ratios to a noisy ceiling may lie outside of 0 and 1."""
_RISK = ("d_prime", "half")  # the predictor that the ceiling is of


@dataclass(frozen=True)
class EarlyOptions:
    """Attributes:
    top: the final set of the target "top" is this share of the samples, by d'.
    threshold: of the highly vulnerable (target "hv"): "lr1" or a pooled FPR.
    baselines: of `memdyn.dynamics.baselines.BASELINES`, those to compare with.
    bounds: of the highly vulnerable zone.
    hv_splits: splits used for "hv", each of which costs two calibrations a checkpoint and replicate; 0: no "hv".
    level: of the intervals.
    """

    top: float
    threshold: str | float
    baselines: tuple[str, ...]
    bounds: ZoneBounds
    hv_splits: int
    level: float


def early_tables(
    scores: ShadowScores, attack: Attack, splits: Splits, options: EarlyOptions
) -> dict[str, pd.DataFrame]:
    """How much of the final risk each predictor shows at each checkpoint.

    Args:
        scores: of one run.
        attack: calibrates the zones of "hv"; too few models for it: no "hv".
        splits: of the pairs.
        options: see `EarlyOptions`.

    Returns:
        early: a row a target ("top", "hv"), predictor, models, epoch and metric, with threshold (of "hv"; else ""),
            estimate, low, high, se, groups, level, chance (NaN where a metric has none), ceiling, and for the
            recall_share and latent_share of d' and "top" se_samples, the standard error from the choice of samples,
            which se (over models) does not hold, and low and high of latent_share alone do. The predictor "d_prime" is
            of all models of the half (models "half"; for "hv", V_t is the early zone); those of
            `memdyn.dynamics.baselines` are of "one" model a sample (of a random pair of the half, that which trained
            on it), or the "mean" over pairs, and their V_t has the size of V_T.
            Metrics: precision, recall, jaccard, auroc, recall_over_ceiling, recall_share; for d' and "top" also
            rank_correlation of d'_t with d'_T, reliability of d'_t (half against half), disattenuated, the first
            over the root of both reliabilities, and latent_share, whose limits are those of `latent_limits` (both NaN
            where the reliability at t or T is not above 0 with its lower limit).
        profiles: epoch and the columns of `LatentShare.profile`: what limits of latent_share at any level come from.
        replicates: target, predictor, models, epoch, metric, group, value: the same without a group of pairs.
    """
    load, last = scores.loader("scored"), scores.epochs[-1]

    def prepared(margins: Signals, epoch: int) -> Signals:
        return scores.signals_for(attack, margins, "scored", epoch)

    final = load(last)
    final_effects = _effects(final, splits)
    goals = {"top": _Goal(splits, [_top(effect, options.top) for effect in final_effects])}
    few = splits.for_attack(attack, options.hv_splits) if options.hv_splits else None
    if few is not None:
        goals["hv"] = _Goal(few, list(_zones(attack, prepared(final, last), few, options)))
    trend = _Trend([ranks(effect) for effect in final_effects])
    by_samples, errors, profiles = SampleJackknife(final_effects[0], options.top), {}, {}
    latent = LatentShares(final_effects, by_samples, splits.sizes)
    found: dict[tuple, np.ndarray] = {}
    for epoch, signals, baselines in _checkpoints(scores):
        effects = _effects(signals, splits)
        for name, goal in goals.items():
            zones = _zones(attack, prepared(signals, epoch), goal.splits, options) if name == "hv" else None
            found |= _keyed((name, *_RISK, epoch), goal.compare(effects, zones))
            for baseline in options.baselines:
                for models, read in (("one", goal.splits.one), ("mean", goal.splits.means)):
                    found |= _keyed((name, baseline, models, epoch), goal.compare(read(baselines[baseline]), None))
        found |= _keyed(("top", *_RISK, epoch), trend.compare(effects))
        recalls = by_samples.recalls(effects[0])
        errors["top", *_RISK, epoch, "recall_share"] = by_samples.error(recalls)
        hidden = latent.at(effects, found["top", *_RISK, epoch, "recall"], recalls[1:])
        found["top", *_RISK, epoch, "latent_share"] = hidden.shares
        errors["top", *_RISK, epoch, "latent_share"], profiles[epoch] = hidden.se_samples, hidden.profile
    tables = _tables(found, goals, errors, profiles, last, options.level)
    tables["early"].insert(
        1, "threshold", np.where(tables["early"]["target"] == "hv", threshold_label(options.threshold), "")
    )
    return tables


def findings(early: pd.DataFrame, share: float) -> pd.DataFrame:
    """What d' finds at the last checkpoint within a share of the training, a row a target, with the sentence.

    Args:
        early: of one run, from `early_tables`.
        share: of the epochs, e.g. 0.25.

    Returns:
        target, epoch, last_epoch, recall, recall_low, recall_high, ceiling, chance, recall_share, recall_share_low,
        recall_share_high, level, sentence. No rows where no checkpoint is that early. Where no sample is finally at
        risk: NaN, and the sentence says so.
    """
    last = early["epoch"].max()
    risk = early[(early["predictor"] == _RISK[0]) & (early["epoch"] <= share * last)]
    rows = []
    for target, table in risk.groupby("target", sort=False):
        epoch = table["epoch"].max()
        at = table[table["epoch"] == epoch].set_index("metric")
        recall, part = at.loc["recall"], at.loc["recall_share"]
        low, high = np.clip(recall[["low", "high"]].to_numpy(dtype=float), 0, 1)
        limits = f" [{low:.0%}, {high:.0%}]" if np.isfinite(low) else ""
        sentence = (
            f"after {epoch} of {last} epochs, {recall['estimate']:.0%}{limits} of the samples finally at risk are "
            f"found (ceiling {recall['ceiling']:.0%})"
        )
        rows.append(
            {
                "target": target,
                "epoch": epoch,
                "last_epoch": last,
                **{f"recall{end}": recall[key] for end, key in _LIMITS.items()},
                "ceiling": recall["ceiling"],
                "chance": recall["chance"],
                **{f"recall_share{end}": part[key] for end, key in _LIMITS.items()},
                "level": recall["level"],
                "sentence": sentence if np.isfinite(recall["estimate"]) else "no sample is finally at risk",
            }
        )
    return pd.DataFrame(rows, columns=_FINDINGS)


_LIMITS = {"": "estimate", "_low": "low", "_high": "high"}
_FINDINGS = [
    "target",
    "epoch",
    "last_epoch",
    *(f"recall{end}" for end in _LIMITS),
    "ceiling",
    "chance",
    *(f"recall_share{end}" for end in _LIMITS),
    "level",
    "sentence",
]


@dataclass(frozen=True)
class _Goal:
    """The final sets V_T of the halves, as weights [2S, n] a replicate."""

    splits: Splits
    sets: list[np.ndarray]

    def compare(self, scores: Iterator[np.ndarray], chosen: Iterator[np.ndarray] | None) -> dict[str, np.ndarray]:
        """metric -> [R] of scores [2S, n] a replicate; without `chosen`, V_t are their highest, as many as V_T."""
        rows = []
        chosen = iter(chosen) if chosen is not None else None
        for score, own in zip(scores, self.sets, strict=False):  # "hv" may have fewer replicates, and fewer halves
            score = score[: len(own)]
            early = next(chosen) if chosen else highest(score, own.sum(axis=1))
            rows.append(_overlap(score, early, opposite(own)))
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@dataclass(frozen=True)
class _Trend:
    """Rank correlations with the final d', of which these are the ranks [2S, n] a replicate."""

    final: list[np.ndarray]

    def compare(self, effects: list[np.ndarray]) -> dict[str, np.ndarray]:
        """metric -> [R]."""
        rows = []
        for effect, final in zip(effects, self.final, strict=True):
            now = ranks(effect)
            rows.append([_agreement(now, opposite(final)), _agreement(now[0::2], now[1::2])])
            rows[-1].append(_agreement(final[0::2], final[1::2]))
        observed, reliable, reliable_final = np.array(rows).T
        with np.errstate(invalid="ignore"):
            disattenuated = _ratio(observed, np.sqrt(reliable * reliable_final))
        return {"rank_correlation": observed, "reliability": reliable, "disattenuated": disattenuated}


def _checkpoints(scores: ShadowScores) -> Iterator[tuple[int, Signals, dict[str, np.ndarray]]]:
    """(epoch, margins, baselines) of each checkpoint."""
    load, rows = scores.loader("scored"), scores.parts["scored"]
    baselines = None
    for epoch in scores.epochs:
        signals = load(epoch)
        further = (scores.signal(epoch, name)[:, rows] if scores.has(name) else None for name in ("gap", "el2n"))
        arrays = [signals.margins, *further]
        margin, gap, el2n = (None if v is None else pair_values(v, signals.mask)[0] for v in arrays)
        baselines = baselines or Baselines(margin.shape, len(scores.epochs))
        yield epoch, signals, baselines.add(epoch, margin, None if gap is None else gap > 0, el2n)


def _effects(signals: Signals, splits: Splits) -> list[np.ndarray]:
    return [effect.astype(np.float32) for effect in effects_of(signals, splits)]


def _zones(attack: Attack, signals: Signals, splits: Splits, options: EarlyOptions) -> Iterator[np.ndarray]:
    """The highly vulnerable as weights [2S, n] a replicate."""
    bounds = options.bounds
    for fpr, tpr in counted_rates(attack, signals, splits, options.threshold):
        yield ((tpr >= bounds.hv_tpr) & (fpr <= bounds.hv_fpr)).astype(float)


def _top(effects: np.ndarray, share: float) -> np.ndarray:
    return highest(effects, np.full(len(effects), count(effects.shape[1], share)))


def _overlap(scores: np.ndarray, early: np.ndarray, final: np.ndarray) -> dict[str, float]:
    """Means over halves; those without any early (precision) or final sample are left out of them."""
    n = scores.shape[1]
    hits, found, sought = (early * final).sum(axis=1), early.sum(axis=1), final.sum(axis=1)
    positive = final >= 0.5  # V_T is a set but for ties at its border
    aucs = [
        auc(score[at], score[~at]) if 0 < np.count_nonzero(at) < n else np.nan
        for score, at in zip(scores, positive, strict=True)
    ]
    by_chance = found * sought / n
    with np.errstate(invalid="ignore"):
        return {
            "precision": _mean(hits / found),
            "recall": _mean(hits / sought),
            "jaccard": _mean(hits / (found + sought - hits)),
            "auroc": _mean(aucs),
            "chance_precision": _mean(sought / n),
            "chance_recall": _mean(found / n),
            "chance_jaccard": _mean(by_chance / (found + sought - by_chance)),
            "chance_auroc": 0.5,
        }


def _mean(values: np.ndarray) -> float:
    known = np.asarray(values)[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a / np.where(b == 0, np.nan, b)


def _agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over rows of the correlation of a row with the same row."""
    return float(np.mean([correlation(a[None], b[None])[0, 0] for a, b in zip(first, second, strict=True)]))


def _keyed(key: tuple, metrics: dict[str, np.ndarray]) -> dict[tuple, np.ndarray]:
    return {(*key, metric): values for metric, values in metrics.items()}


def _with_ratios(found: dict[tuple, np.ndarray], last: int) -> dict[tuple, np.ndarray]:
    """Adds recall_over_ceiling and recall_share, each within its replicate."""
    ratios = {}
    for key, recall in found.items():
        if key[-1] != "recall":
            continue
        best = (key[0], *_RISK, last)
        ceiling, floor = found[*best, "recall"], found[*best, "chance_recall"]
        chance = found[*key[:-1], "chance_recall"]
        ratios[*key[:-1], "recall_over_ceiling"] = _ratio(recall, ceiling)
        ratios[*key[:-1], "recall_share"] = _ratio(recall - chance, ceiling - floor)
    return found | ratios


def _tables(
    found: dict[tuple, np.ndarray],
    goals: dict[str, _Goal],
    errors: dict[tuple, float],
    profiles: dict[int, pd.DataFrame],
    last: int,
    level: float,
) -> dict[str, pd.DataFrame]:
    chance = {(*key[:-1], key[-1].removeprefix("chance_")): v[0] for key, v in found.items() if "chance_" in key[-1]}
    found = {key: v for key, v in _with_ratios(found, last).items() if "chance_" not in key[-1]}
    early, replicates = [], []
    for name, goal in goals.items():
        keys = [key for key in found if key[0] == name]
        values = np.stack([found[key] for key in keys], axis=1)  # [R, rows]
        sizes = goal.splits.sizes
        least, most = np.array([_RANGES.get(key[-1], (-np.inf, np.inf)) for key in keys]).T
        low, high = np.clip(jackknife.interval(values[0], values[1:], sizes, level), least, most)
        se = jackknife.standard_error(values[0], values[1:], sizes) if len(sizes) else np.full(len(keys), np.nan)
        names = pd.DataFrame(keys, columns=KEYS)
        table = names.assign(estimate=values[0], low=low, high=high, se=se, groups=len(sizes), level=level)
        table["se_samples"] = [errors.get(key, np.nan) for key in keys]
        table["chance"] = [chance.get(key, np.nan) for key in keys]
        table["ceiling"] = [found.get((name, *_RISK, last, key[-1]), [np.nan])[0] for key in keys]
        early.append(_without_vague(_with_latent_limits(table, profiles, level)))
        groups = np.tile(np.array(goal.splits.deleted, dtype=int), len(keys))
        long = names.loc[names.index.repeat(len(sizes))].reset_index(drop=True)
        replicates.append(long.assign(group=groups, value=values[1:].T.ravel()))
    return {
        "early": pd.concat(early, ignore_index=True),
        "profiles": pd.concat([table.assign(epoch=epoch) for epoch, table in profiles.items()], ignore_index=True),
        "replicates": pd.concat(replicates, ignore_index=True),
    }


def _with_latent_limits(table: pd.DataFrame, profiles: dict[int, pd.DataFrame], level: float) -> pd.DataFrame:
    rows = table["metric"] == "latent_share"
    limits = {epoch: latent_limits(profile, level) for epoch, profile in profiles.items()}
    for place, name in enumerate(("low", "high")):
        table.loc[rows, name] = [limits[epoch][place] for epoch in table.loc[rows, "epoch"]]
    return table


def _without_vague(table: pd.DataFrame) -> pd.DataFrame:
    """Nothing that noise was taken out of where the reliability may be 0."""
    reliability = table[table["metric"] == "reliability"]
    vague = reliability.loc[~(reliability["low"] > 0), "epoch"]
    rows = table["metric"].isin(WITHOUT_NOISE)
    if table["epoch"].max() not in set(vague):  # that at the last epoch divides all of them
        rows &= table["epoch"].isin(vague)
    table.loc[rows, ["estimate", "low", "high", "se"]] = np.nan
    return table
