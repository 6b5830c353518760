"""The attack stage of models of any design: one attack at all checkpoints of a run, in folds of models.

As `memdyn.attacks.evaluate`, with folds in the place of pairs: a score is calibrated without the model's fold, the
jackknife leaves out whole folds, and the null gives each sample the memberships of a random one, which keeps the
design. What needs a partner of each model (rates of single samples, smaller studies of pairs) is missing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from memdyn.attacks.base import Attack
from memdyn.attacks.evaluate import Settings, metric_names, null_draws
from memdyn.attacks.folds import Folded
from memdyn.attacks.most_vulnerable import limits_of, most_vulnerable_table
from memdyn.attacks.most_vulnerable_folds import MostVulnerableInFolds, count_in_halves
from memdyn.attacks.pooling import pooling_loss
from memdyn.design.references import LOST
from memdyn.stats import jackknife
from memdyn.stats.rates import limits_of_roc
from memdyn.stats.roc import fpr_grid, roc
from memdyn.stats.threshold_luck import tprs_by_chance
from memdyn.terms import AGGREGATIONS


def evaluate_folds(
    attack: Attack, checkpoints: Iterable[tuple[int, Folded]], settings: Settings
) -> dict[str, pd.DataFrame]:
    """The tables metrics, roc, replicates, null and most_vulnerable, as `memdyn.attacks.evaluate.evaluate` has them.

    Args:
        checkpoints: epoch and signals, in order.
        settings: `groups` and `rate_fprs` are not used: the groups of the jackknife are the folds.

    Raises:
        TooFewModels: to calibrate outside of the folds.
    """
    tables: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for epoch, given in checkpoints:
        for name, table in _evaluate_checkpoint(attack, given, settings).items():
            table.insert(0, "epoch", epoch)
            tables[name].append(table)
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


@dataclass(frozen=True)
class Measured:
    """What the jackknife of one checkpoint is made of: figures of all folds, and without each.

    Attributes:
        scores: [M, n], NaN where there is none.
        groups, sizes: int [G], the folds that are left out and their models; none where too few would be left.
        estimate: by aggregation, see `_measure`.
        deleted: by aggregation, [G, ...], the same without each; moved by what it changes that fewer models are left to
            calibrate, so that only the fold makes a difference.
        few: of the most vulnerable, of all folds and then without each, moved likewise.
    """

    scores: np.ndarray
    groups: np.ndarray
    sizes: np.ndarray
    estimate: dict[str, np.ndarray]
    deleted: dict[str, np.ndarray]
    few: list[np.ndarray]

    @classmethod
    def of(cls, attack: Attack, given: Folded, count: int, fprs: dict[str, np.ndarray], tprs: tuple) -> "Measured":
        """Args: count: references of each score; fprs: by aggregation; tprs: FPRs at which the few are measured."""
        fewer, (in_half, fewer_in_half) = given.n_references_without_one(attack), count_in_halves(given)
        groups, sizes = (given.folds, given.sizes) if fewer else (given.folds[:0], given.sizes[:0])

        def measured(
            references: int, deciding: int, number: int | None = None
        ) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
            scores, mask = given.score(attack, references, number), given.mask[given.fold != number]
            few = MostVulnerableInFolds.of(given, deciding, number).measure(scores, mask, tprs)
            return scores, _measure(scores, mask, fprs), few

        scores, estimate, few = measured(count, in_half)
        if not len(groups):
            return cls(scores, groups, sizes, estimate, {n: np.empty((0, len(v))) for n, v in estimate.items()}, [few])
        without = [measured(fewer, fewer_in_half, number)[1:] for number in groups.tolist()]
        # of fewer references, as the parts have: what that changes is no noise, nor of one fold more than of another
        _, of_fewer, few_of_fewer = measured(fewer, fewer_in_half)
        deleted = {
            name: np.array([each[name] for each, _ in without]) - of_fewer[name] + estimate[name]
            for name in AGGREGATIONS
        }
        return cls(scores, groups, sizes, estimate, deleted, [few, *(each - few_of_fewer + few for _, each in without)])


def _evaluate_checkpoint(attack: Attack, given: Folded, settings: Settings) -> dict[str, pd.DataFrame]:
    count, fprs, columns = given.n_references(attack), _fprs(given, settings), metric_names(settings)
    found = Measured.of(attack, given, count, fprs, settings.fprs)
    null = _null(attack, given, count, settings)
    of_null = null.groupby("aggregation")[columns].mean().add_prefix("null_")
    how, n_samples = (found.sizes, settings.level), given.mask.shape[1]
    of_pool = {
        **pooling_loss(found.estimate, found.deleted, *how),
        "target_spread": target_spread(found.scores, given.mask),
        **_se_samples(found.scores, given.mask, found.estimate["pooled"], settings),
    }
    trials = int(min(given.mask.sum(), (~given.mask).sum())) // n_samples  # of a sample, the fewer of both kinds
    most_vulnerable = MostVulnerableInFolds.of(given, count_in_halves(given)[0])
    of_few = most_vulnerable.luck(found.scores, given.mask, settings.fprs, settings.level)
    limits = limits_of(found.few, *how, trials, n_samples, of_few)
    few = most_vulnerable_table(found.few[0], *limits, found.estimate["pooled"], columns, n_samples)

    members, others = _known(found.scores, given.mask)
    luck = tprs_by_chance(found.scores[members], found.scores[others], fprs["pooled"], settings.level)

    metrics, curves, replicates = [], [], []
    for name in AGGREGATIONS:
        value, deleted = found.estimate[name], found.deleted[name]
        own = luck if name == "pooled" else None
        low, high = limits_of_roc(np.vstack([value, deleted]), found.sizes, members.sum(), settings.level, own)
        row = {"aggregation": name, "folds": f"{len(given.folds)} folds"}
        for i, column in enumerate(columns):
            row |= {column: value[i], f"{column}_low": low[i], f"{column}_high": high[i]}
            keys = {"aggregation": name, "metric": column, "group": found.groups}
            replicates.append(pd.DataFrame(keys | {"value": deleted[:, i]}))
        row |= {"level": settings.level, "groups": len(found.groups), **of_null.loc[name]}
        row |= of_pool if name == "pooled" else dict.fromkeys(of_pool, np.nan)
        metrics.append(row | {"n_models": len(given.fold), "n_samples": n_samples})
        curve = slice(len(columns), None)
        shown = {"aggregation": name, "fpr": fprs[name][len(settings.fprs) :], "tpr": value[curve]}
        curves.append(pd.DataFrame(shown | {"low": low[curve], "high": high[curve]}))
    return {
        "metrics": pd.DataFrame(metrics),
        "roc": pd.concat(curves),
        "replicates": pd.concat(replicates),
        "null": null,
        "most_vulnerable": few if np.isfinite(found.few[0]).any() else few[:0],  # no half can tell who they are
    }


def _null(attack: Attack, given: Folded, count: int, settings: Settings) -> pd.DataFrame:
    """AUC and TPRs of each draw: memberships exchanged between samples at random, the attack calibrated anew."""
    rows, fprs = [], dict.fromkeys(AGGREGATIONS, np.array(settings.fprs))
    for draw in range(null_draws(*given.mask.shape, settings.draws)):
        exchanged = given.exchanged(settings.seed, draw)
        found = _measure(exchanged.score(attack, count), exchanged.mask, fprs)
        rows += [[name, draw, *values] for name, values in found.items()]
    return pd.DataFrame(rows, columns=["aggregation", "draw", *metric_names(settings)])


def _measure(scores: np.ndarray, mask: np.ndarray, fprs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """AUC, then TPR at each FPR, per aggregation: over all (model, sample), and the mean of the models' own.

    Args:
        scores: [M, n], NaN where there is none.
    """
    members, others = _known(scores, mask)
    pooled = roc(scores[members], scores[others], fprs["pooled"])
    each = zip(scores, members, others, strict=True)
    models = [roc(row[ins], row[outs], fprs["per_model"]) for row, ins, outs in each]
    return {
        "pooled": np.array([pooled.auc, *pooled.tpr]),
        "per_model": np.mean([[model.auc, *model.tpr] for model in models], axis=0),
    }


def _known(scores: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """bool [M, n]: members, and non-members, that have a score."""
    there = ~np.isnan(scores)
    return mask & there, ~mask & there


def _se_samples(scores: np.ndarray, mask: np.ndarray, pooled: np.ndarray, settings: Settings) -> dict[str, float]:
    """The standard error of each pooled metric from the choice of samples; see `memdyn.attacks.evaluate`."""
    group, columns = jackknife.sample_groups(scores.shape[1]), metric_names(settings)
    sizes, deleted = np.bincount(group), []
    for number in range(len(sizes)):
        kept = scores[:, group != number]
        curve = roc(*(kept[known] for known in _known(kept, mask[:, group != number])), settings.fprs)
        deleted.append([curve.auc, *curve.tpr])
    found = jackknife.standard_error(pooled[: len(columns)], np.array(deleted), sizes)
    return {f"{column}_se_samples": error for column, error in zip(columns, found, strict=True)}


def target_spread(scores: np.ndarray, mask: np.ndarray) -> float:
    """How far target models differ in their mean OUT score: `memdyn.attacks.pooling.target_spread`, of any masks.

    Args:
        scores: [M, n], NaN where there is none.
        mask: bool [M, n].
    """
    _, out = _known(scores, mask)
    ranks = np.zeros(scores.shape)
    ranks[out] = rankdata(scores[out])
    own = np.where(out, ranks - ranks.sum(axis=0) / np.maximum(out.sum(axis=0), 1), 0)  # less each sample's mean
    counts = out.sum(axis=1)
    means = own.sum(axis=1) / counts
    free = out.sum() - np.count_nonzero(out.any(axis=0)) - len(scores) + 1
    chance = ((own**2).sum() - (counts * means**2).sum()) / max(free, 1) * (1 / counts).mean()
    between = max(means.var(ddof=1) - chance, 0.0)
    within = ranks[out].var() - between
    if within <= 0:
        return np.inf if between else 0.0
    return float(np.sqrt(between / within))


def _fprs(given: Folded, settings: Settings) -> dict[str, np.ndarray]:
    """The FPRs of columns and grid; the grid starts where the jackknife's smallest part still has a false positive.

    Its parts may have to do without a few more samples, of which `LOST` is the bound.
    """
    others = (~given.mask).sum(axis=1) * (1 - LOST)
    fewest = {
        "pooled": int(others.sum() - max(others[given.fold == number].sum() for number in given.folds)),
        "per_model": int(others.min()),
    }
    return {
        name: np.concatenate([settings.fprs, fpr_grid(n_out, settings.points_per_decade)])
        for name, n_out in fewest.items()
    }
