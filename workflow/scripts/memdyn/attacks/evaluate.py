"""The attack stage: one attack at all checkpoints of a run, as tidy tables.

Only one checkpoint is in memory at a time; its refits and draws may share several cores. Groups of the jackknife and
swaps of the null are the same at all checkpoints, and for all attacks that are given the same seed, so that differences
and joint tests are paired.

The null swaps IN and OUT at random. No score depends on its own model's membership, so a model's AUC then has mean
1/2, exactly and however small the study. Pooled, it has not: there the OUT score of one model meets the IN score of
another on the same sample, which the first one's membership helped to calibrate (.497 at 20 samples). So it is tested
per model.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memdyn.attacks.base import FOLDS, Attack, Prepared
from memdyn.attacks.most_vulnerable import MostVulnerable, limits_of, most_vulnerable_table
from memdyn.attacks.pooling import pooling_loss, target_spread
from memdyn.attacks.refits import Deletions, Refit, refit
from memdyn.attacks.signals import Signals
from memdyn.design.seeds import derive_seed
from memdyn.jobs.threads import in_threads
from memdyn.stats import jackknife
from memdyn.stats.rates import limits_of_roc
from memdyn.stats.roc import cuts_at_fprs, fpr_grid, rocs, rocs_without
from memdyn.stats.threshold_luck import tprs_by_chance
from memdyn.terms import AGGREGATIONS, AUC, FPRS, LIKELIHOOD_RATIO_1, threshold_label, tpr_at

Loader = Callable[[int], Prepared]
GRID_POINTS_PER_DECADE = 10
# The null takes as many draws as put this many standard errors between 1/2 and a mean AUC that is so far off with 16
# models and more, and twice as far with 8: a LiRA that leaves out only the scored model has .445 at 8, .488 at 16.
SEEN_BIAS, STANDARD_ERRORS = 0.01, 8


@dataclass(frozen=True)
class Settings:
    """How an attack is evaluated.

    Attributes:
        level: confidence level of the intervals.
        groups: the most groups of pairs of the jackknife.
        draws: how often the null swaps memberships at random, at least.
        seed: of the swaps; the same for all attacks of a run, or the simultaneous null test is not joint, and another
            for each run, or their tests are not independent.
        fprs: FPRs of the columns tpr_at_fpr_*.
        rate_fprs: pooled FPRs of the thresholds of the per-sample rates.
        points_per_decade: of the FPR grid of the ROC curves.
        threads: how many refits and draws are at work at once; no number depends on it.
    """

    level: float
    groups: int
    draws: int
    seed: int
    fprs: tuple[float, ...]
    rate_fprs: tuple[float, ...]
    points_per_decade: int
    threads: int = 1

    @classmethod
    def of_options(cls, options: Mapping[str, Any], seed: int, threads: int = 1) -> "Settings":
        """From a stage's options: its `statistics` and the plane's `thresholds`."""
        statistics = options["statistics"]
        return cls(
            level=statistics["level"],
            groups=statistics["jackknife_groups"],
            draws=statistics["null_draws"],
            seed=seed,
            fprs=FPRS,
            rate_fprs=tuple(threshold for threshold in options["thresholds"] if threshold != LIKELIHOOD_RATIO_1),
            points_per_decade=GRID_POINTS_PER_DECADE,
            threads=threads,
        )


def evaluate(
    attack: Attack, epochs: Iterable[int], load: Loader, load_sham: Loader, settings: Settings
) -> dict[str, pd.DataFrame]:
    """All tables of one attack at every checkpoint.

    Args:
        attack: from `memdyn.attacks.base.build`.
        epochs: checkpoints, in order.
        load: the pool's scored part at an epoch, prepared by the attack.
        load_sham: the sham part, with the sham mask; calibrated on itself. Without samples it has no rates.
        settings: see `Settings`.

    Returns:
        metrics: a row an epoch and aggregation; estimates with jackknife limits, null_<metric>, its mean over the draws
            of the null (TPR at an FPR is above the FPR on noise too, where one model has few non-members); pooled:
            <metric>_se_samples, the standard error from the choice of the samples alone, target_spread, pooling_loss
            and pooling_loss_at_least (see `memdyn.attacks.pooling`).
        roc: a row an epoch, aggregation and FPR; tpr with limits.
        replicates: the jackknife's values with a group deleted, to jackknife differences between runs later.
        null: a row an epoch, aggregation and draw; AUC and TPRs of swapped memberships.
        rates: a row an epoch, part, threshold and sample (its row in the pool: scored, then sham);
            n_in and n_out models, of which d_in and d_out are called members, and d_both pairs in which both are.
        most_vulnerable: a row an epoch, share and metric; see `memdyn.attacks.most_vulnerable.most_vulnerable_table`.

    Raises:
        TooFewModels: to calibrate (`Attack.min_pairs`).
    """
    tables: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for epoch in epochs:
        given = load(epoch)
        n_scored = given.mask.shape[1]
        checkpoint = evaluate_checkpoint(attack, given, settings)
        masked = [rates(attack, given.signals, settings.rate_fprs, "scored", 0)]
        if (sham := load_sham(epoch).signals).mask.size:
            masked.append(rates(attack, sham, settings.rate_fprs, "sham", n_scored))
        checkpoint["rates"] = pd.concat(masked)
        for name, table in checkpoint.items():
            table.insert(list(table.columns).index("folds") + 1 if name == "rates" else 0, "epoch", epoch)
            tables[name].append(table)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def evaluate_checkpoint(attack: Attack, given: Prepared, settings: Settings) -> dict[str, pd.DataFrame]:
    """The tables metrics, roc, replicates, null and most_vulnerable of one checkpoint, without the column epoch."""
    deletions = Deletions.of(attack, given.signals.pairs, given.signals.half, settings.groups)
    groups, sizes = deletions.groups, deletions.sizes
    fprs = _fprs(given.mask, deletions.fewest_pairs or given.n_pairs, settings)
    columns = metric_names(settings)

    def figures(of: Refit) -> tuple[dict[str, np.ndarray], np.ndarray]:
        few = MostVulnerable.of(of.given.margins).measure(*of.given.signals.split(of.scores), settings.fprs)
        return _measure(of.scores, of.given.signals, fprs), few

    signals, scores = given.signals, (whole := refit(attack, given, None)).scores
    without = in_threads(lambda pairs: figures(refit(attack, given, pairs)), deletions.kept, settings.threads)
    measured, few = zip(figures(whole), *without, strict=True)
    null = _null(attack, signals, scores, settings)
    by_samples = _se_samples(scores, signals, measured[0]["pooled"], settings)
    spread = target_spread(signals.split(scores)[1], signals.mask)
    estimate = measured[0]
    deleted = {name: np.stack([values[name] for values in measured])[1:] for name in AGGREGATIONS}
    of_few = MostVulnerable.of(whole.given.margins).luck(*signals.split(scores), settings.fprs, settings.level)
    limits = limits_of(few, sizes, settings.level, given.n_pairs, given.mask.shape[1], of_few)
    of_pool = pooling_loss(estimate, deleted, sizes, settings.level) | {"target_spread": spread} | by_samples
    of_null = null.groupby("aggregation")[columns].mean().add_prefix("null_")

    trials = len(scores) // 2 * scores.shape[1]  # pairs by samples: members, and as many others
    luck = tprs_by_chance(*signals.split(scores), fprs["pooled"], settings.level)

    metrics, curves, replicates = [], [], []
    for name in AGGREGATIONS:
        values, own = np.vstack([estimate[name], deleted[name]]), luck if name == "pooled" else None
        low, high = limits_of_roc(values, sizes, trials, settings.level, own)
        row = {"aggregation": name, "folds": FOLDS["pairs"]}
        for i, column in enumerate(columns):
            row |= {column: estimate[name][i], f"{column}_low": low[i], f"{column}_high": high[i]}
            replicates.append(
                pd.DataFrame(
                    {
                        "aggregation": name,
                        "metric": column,
                        "group": groups,
                        "value": deleted[name][:, i],
                    }
                )
            )
        metrics.append(
            row
            | {
                "level": settings.level,
                "groups": len(sizes),
                **of_null.loc[name],
                **(of_pool if name == "pooled" else dict.fromkeys(of_pool, np.nan)),
                "n_models": 2 * given.n_pairs,
                "n_samples": given.mask.shape[1],
            }
        )
        curve = slice(len(columns), None)
        curves.append(
            pd.DataFrame(
                {
                    "aggregation": name,
                    "fpr": fprs[name][len(settings.fprs) :],
                    "tpr": estimate[name][curve],
                    "low": low[curve],
                    "high": high[curve],
                }
            )
        )
    return {
        "metrics": pd.DataFrame(metrics),
        "roc": pd.concat(curves),
        "replicates": pd.concat(replicates),
        "null": null,
        "most_vulnerable": most_vulnerable_table(few[0], *limits, estimate["pooled"], columns, given.mask.shape[1]),
    }


def rates(attack: Attack, signals: Signals, fprs: Iterable[float], part: str, first_row: int) -> pd.DataFrame:
    """Decisions per sample and threshold, cross-fitted over halves of the pairs, without the column epoch.

    Args:
        attack: any attack.
        signals: as `Attack.prepare` made them.
        fprs: a threshold for each; within each half, the lowest that keeps the half's pooled FPR <= fpr.
        part: "scored" or "sham".
        first_row: the pool's row of the first sample.
    """
    scores_in, scores_out = attack.score_pairs(signals, "halves")
    decisions = {}
    if attack.threshold is not None:
        decisions[LIKELIHOOD_RATIO_1] = scores_in >= attack.threshold, scores_out >= attack.threshold
    for label, cut in pooled_cuts(scores_out, signals.half, fprs).items():
        decisions[label] = scores_in > cut, scores_out > cut
    return pd.concat(
        pd.DataFrame(
            {
                "part": part,
                "threshold": threshold,
                "folds": FOLDS["halves"],
                "sample": first_row + np.arange(signals.mask.shape[1]),
                "n_in": signals.n_pairs,
                "n_out": signals.n_pairs,
                "d_in": tally(called_in).astype(int),
                "d_out": tally(called_out).astype(int),
                "d_both": tally(called_in & called_out).astype(int),
            }
        )
        for threshold, (called_in, called_out) in decisions.items()
    )


def pooled_cuts(scores_out: np.ndarray, half: np.ndarray, fprs: Iterable[float]) -> dict[str, np.ndarray]:
    """The cut [P, 1] at each FPR, "member" iff the score is above it: within each half the lowest that keeps its FPR.

    Args:
        scores_out: [P, n], cross-fitted over halves.
        half: [P].
        fprs: pooled FPRs.
    """
    fprs = tuple(fprs)
    cuts = np.empty((len(fprs), len(half), 1))
    for side in np.unique(half) if fprs else ():
        cuts[:, half == side, 0] = cuts_at_fprs(scores_out[half == side], np.array(fprs))[:, None]
    return {threshold_label(fpr): cut for fpr, cut in zip(fprs, cuts, strict=True)}


def tally(called: np.ndarray) -> np.ndarray:
    """How many of the pairs are called members, of decisions bool [P, n]: [n] of the smallest type that holds P."""
    return called.view(np.uint8).sum(axis=0, dtype=np.min_scalar_type(len(called)))


def null_seed(seed: int, pool_key: str, run_key: str) -> int:
    """The seed of a run's swaps: the same for all attacks and checkpoints, whose test is a joint one.

    Each run has its own, or the tests of several runs would share their luck. (What trains is seeded by the pool alone,
    so that runs are paired by model; nothing pairs their nulls.)

    Args:
        seed, pool_key, run_key: of the pool, and hashes of the options of pool and training; all are in the path of
            the attack's folder, so that a folder stands for one seed.
    """
    return derive_seed(seed, pool_key, run_key, "null")


def swaps(mask: np.ndarray, seed: int, draw: int) -> np.ndarray:
    """Random exchanges of membership, bool [P, n]: after them the models of each pair have new random members.

    As many as in the design: what one model's TPR at a small FPR is on noise depends on its number of non-members.

    Args:
        mask: bool [M, n], the membership, of which the new one has nothing but the numbers of members.
        seed, draw: others give independent members.
    """
    n_pairs, n_samples = len(mask) // 2, mask.shape[1]
    order = np.random.default_rng([seed, draw]).random((n_pairs, n_samples))
    sizes = mask[0::2].sum(axis=1)
    ranked = np.partition(order, np.unique(sizes), axis=1)
    members = order < np.take_along_axis(ranked, sizes[:, None], axis=1)
    return members ^ mask[0::2]


def null_draws(n_models: int, n_samples: int, least: int) -> int:
    """How many draws of the null are taken: in small studies, where they cost little, more than asked for.

    The AUC of one model has variance (n + 1) / (3 n^2) on noise (Mann & Whitney 1947); that of the models' mean is as
    good as the M-th part of it, and some half more where they are calibrated on each other.
    """
    variance = (n_samples + 1) / (3 * n_samples**2 * n_models)
    bias = SEEN_BIAS * max(1, 16 / n_models)
    return max(least, int(np.ceil(variance * (STANDARD_ERRORS / bias) ** 2)))


def _null(attack: Attack, signals: Signals, scores: np.ndarray, settings: Settings) -> pd.DataFrame:
    """AUC and TPRs of each draw: memberships swapped at random, the attack calibrated anew."""
    fprs = dict.fromkeys(AGGREGATIONS, np.array(settings.fprs))

    def measured(draw: int) -> dict[str, np.ndarray]:
        swapped = signals.swap(swaps(signals.mask, settings.seed, draw))
        # Where the swap moves no calibration, the old scores belong to the new labels.
        new = scores if attack.exchangeable else attack.score_prepared(swapped, "pairs")
        return _measure(new, swapped, fprs)

    draws = in_threads(measured, range(null_draws(*signals.mask.shape, settings.draws)), settings.threads)
    rows = [[name, draw, *values] for draw, found in enumerate(draws) for name, values in found.items()]
    return pd.DataFrame(rows, columns=["aggregation", "draw", *metric_names(settings)])


def _measure(scores: np.ndarray, signals: Signals, fprs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """AUC, then TPR at each FPR, per aggregation: over all (model, sample), and the mean of the models' own."""
    pooled, models = rocs(scores, signals.mask, fprs["pooled"], fprs["per_model"])
    return {
        "pooled": np.array([pooled.auc, *pooled.tpr]),
        "per_model": np.mean([[model.auc, *model.tpr] for model in models], axis=0),
    }


def _se_samples(scores: np.ndarray, signals: Signals, pooled: np.ndarray, settings: Settings) -> dict[str, float]:
    """The standard error of each pooled metric from the choice of samples, jackknifed over groups of samples.

    Samples are in random order, and what they share of the calibration (a prior of variances) hardly moves: nothing is
    refitted.
    """
    group = jackknife.sample_groups(scores.shape[1])
    sizes = np.bincount(group)
    curves = rocs_without(*signals.split(scores), group, settings.fprs)
    columns, deleted = metric_names(settings), np.array([[curve.auc, *curve.tpr] for curve in curves])
    found = jackknife.standard_error(pooled[: len(columns)], deleted, sizes)
    return {f"{column}_se_samples": error for column, error in zip(columns, found, strict=True)}


def _fprs(mask: np.ndarray, fewest_pairs: int, settings: Settings) -> dict[str, np.ndarray]:
    """The FPRs of columns and grid; the grid starts where the jackknife's smallest part still has a false positive."""
    n_samples = mask.shape[1]
    fewest = {"pooled": fewest_pairs * n_samples, "per_model": n_samples - int(mask.sum(axis=1).max())}
    return {
        name: np.concatenate([settings.fprs, fpr_grid(n_out, settings.points_per_decade)])
        for name, n_out in fewest.items()
    }


def metric_names(settings: Settings) -> list[str]:
    """auc, and tpr_at_fpr_* of each FPR."""
    return [AUC, *map(tpr_at, settings.fprs)]
