"""What an attacker realises on a target that he did not choose by: the honest counterpart of ROC curves.

A ROC sets its threshold on the target itself, whose non-members nobody knows. Here thresholds, and the law of each
sample's score, come from other models (`memdyn.attacks.held_out`); rates are counted on the targets. There are two ways
to decide: `plain`, one threshold on the attack's scores for all samples; `calibrated`, one on each sample's own OUT
p-value (`memdyn.attacks.out_p_values`), which is also what lists of members are made of.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from memdyn.attacks.base import Attack
from memdyn.attacks.held_out import HeldOut, held_out
from memdyn.attacks.most_vulnerable import SHARES, count_of
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.stats import jackknife
from memdyn.stats.jackknife import TooFewModels
from memdyn.stats.multiple import benjamini_hochberg
from memdyn.stats.precision import at_prior, even_precision
from memdyn.stats.rates import limits, limits_of_roc
from memdyn.stats.roc import fpr_grid, roc
from memdyn.stats.threshold_luck import fprs_by_chance, tprs_by_chance
from memdyn.terms import AUC, FPRS, tpr_at

PLAIN, CALIBRATED, DIFFERENCE = "plain", "calibrated", "difference"
ALL, PLANTED = "all", "planted"
WAYS = (PLAIN, CALIBRATED)
POINTS_PER_DECADE = 10
ENOUGH = 20  # false positives
LISTS = ("listed", "with_list", "fdr", "recall")
METRICS = (AUC, *map(tpr_at, FPRS))
_COLUMNS = ("value", "low", "high")


@dataclass(frozen=True)
class Settings:
    """How it is evaluated.

    Attributes:
        fprs: nominal FPRs of the thresholds.
        priors: shares of members among those that an attacker asks about.
        fdr: false discovery rate of the lists of members.
        checkpoints: how many are looked at, the first and the last among them.
        groups: the most groups of the jackknife.
        level: of the intervals.
        limits: whether there are any; of an attack whose scoring is costly there are none.
    """

    fprs: tuple[float, ...]
    priors: tuple[float, ...]
    fdr: float
    checkpoints: int
    groups: int
    level: float
    limits: bool = True

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> "Settings":
        """From a stage's options."""
        own, statistics = options["realised"], options["statistics"]
        return cls(
            tuple(own["fprs"]),
            tuple(own["priors"]),
            own["fdr"],
            own["checkpoints"],
            statistics["jackknife_groups"],
            statistics["level"],
        )


@dataclass(frozen=True)
class Measured:
    """All figures of some pairs.

    Attributes:
        rates: [3, WAYS, samples looked at, nominal FPRs, 2], TPR and FPR; then with thresholds as high, and as low, as
            luck may have made them.
        curves: [3, WAYS, 1 + FPRs], the AUC of the pooled ROC, then the TPR at each FPR; then the same again.
        lists: [M, LISTS], of each target.
    """

    rates: np.ndarray
    curves: np.ndarray
    lists: np.ndarray

    @classmethod
    def of(cls, one: HeldOut, planted: np.ndarray, fprs: np.ndarray, settings: Settings) -> "Measured":
        """Of held-out pairs.

        Args:
            planted: bool [n], samples of a planted wrong label.
            fprs: of the ROC curves.
        """
        p = one.p_values()
        looked_at = _looked_at(one, planted)
        calibrated = _calibrated(one, p, np.asarray(settings.fprs), settings.level)
        return cls(
            np.array([[_rates(way[k], looked_at) for way in (_plain(one), calibrated)] for k in range(3)]),
            np.stack([_curve(*one.split(x), fprs, settings.level) for x in (one.scores, one.surprise)], axis=1),
            _lists(p, one.mask, settings.fdr),
        )


Decisions = list[tuple[np.ndarray, np.ndarray] | None]  # IN and OUT models' [P, n]; None: the FPR is below all counts


def _plain(one: HeldOut) -> list[Decisions]:
    """One threshold for all samples at each nominal FPR, from the other groups; and those of luck."""
    scores = one.split(one.scores)
    return [
        [None if np.isnan(cut).any() else tuple(values > cut[:, None] for values in scores) for cut in cuts]
        for cuts in one.cuts
    ]


def _calibrated(one: HeldOut, p: np.ndarray, fprs: np.ndarray, level: float) -> list[Decisions]:
    """The OUT p-value against the nominal FPR, where the p-values of all targets can be as small; and those of luck."""
    levels = one.split(p)
    fewest = min(np.count_nonzero(one.group != number) for number in np.unique(one.group)) * p.shape[1]
    # in whole counts, as p-values are: a rounding below one of them would leave it out
    chance = (1 + np.round(fewest * fprs_by_chance(fprs, fewest, level))) / (1 + fewest)
    known = fprs * (fewest + 1) >= 1 - 1e-9
    return [
        [tuple(values <= cut for values in levels) if seen else None for cut, seen in zip(cuts, known, strict=True)]
        for cuts in (fprs, *chance)
    ]


def _curve(scores_in: np.ndarray, scores_out: np.ndarray, fprs: np.ndarray, level: float) -> np.ndarray:
    """[3, 1 + FPRs]: AUC and TPR at each FPR, then at those of luck."""
    curve = roc(scores_in, scores_out, fprs)
    luck = tprs_by_chance(scores_in, scores_out, fprs, level)
    return np.column_stack([np.full(3, curve.auc), [curve.tpr, *luck]])


def names_of(planted: np.ndarray) -> list[str]:
    """Which samples are looked at: all, the most vulnerable by the other half of the pairs, planted ones."""
    return [ALL, *(f"top{share:g}" for share in SHARES), *([PLANTED] if planted.any() else [])]


def _looked_at(one: HeldOut, planted: np.ndarray) -> list[np.ndarray | None]:
    """bool [P, n] of each of these; None where a half of the pairs cannot tell who is vulnerable."""
    known = not np.isnan(one.vulnerable.risk).any()
    few = [one.vulnerable.attacked(share) if known else None for share in SHARES]
    shape = len(one.group), len(planted)
    return [np.ones(shape, dtype=bool), *few, *([np.broadcast_to(planted, shape)] if planted.any() else [])]


def _rates(decisions: Decisions, looked_at: Sequence[np.ndarray | None]) -> np.ndarray:
    """[samples looked at, nominal FPRs, 2]."""
    found = np.full((len(looked_at), len(decisions), 2), np.nan)
    for k, at in enumerate(looked_at):
        for a, called in enumerate(decisions):
            if at is not None and called is not None:
                found[k, a] = [each[at].mean() for each in called]
    return found


def _lists(p: np.ndarray, mask: np.ndarray, fdr: float) -> np.ndarray:
    """Of Benjamini and Hochberg's list for each target [M, LISTS]; an empty one has nothing false."""
    rows = []
    for levels, member in zip(p, mask, strict=True):
        listed = benjamini_hochberg(levels) <= fdr
        count, right = np.count_nonzero(listed), np.count_nonzero(listed & member)
        rows.append((count, count > 0, (count - right) / max(count, 1), right / max(np.count_nonzero(member), 1)))
    return np.array(rows, dtype=float)


def realised_tables(
    attack: Attack, scores: ShadowScores, planted: np.ndarray, settings: Settings
) -> dict[str, pd.DataFrame]:
    """What an attacker realises at some checkpoints of a run, with limits by the jackknife over pairs, refitted.

    Args:
        attack: any attack.
        planted: bool [n], scored samples with a planted wrong label.

    Returns:
        realised: a row an epoch, way (plain, calibrated), samples (all, top0.01, ..., planted), nominal FPR and metric:
            tpr, fpr, and precision_at_prior_<prior>; NaN where less than one OUT score of the attacker's models is
            allowed, and precision where nobody is called a member.
        calibrated_roc: a row an epoch, way and FPR.
        calibrated_metrics: a row an epoch, way (difference: calibrated minus plain) and metric.
        member_lists: a row an epoch and metric, means over targets (`LISTS`): how many are listed, whether any is, the
            share of non-members among them (0 of an empty list), the share of members that are listed.

    Raises:
        TooFewModels: to hold targets out.
    """
    tables: dict[str, list[pd.DataFrame]] = {}
    for epoch in some_of(scores.epochs, settings.checkpoints):
        given = scores.prepared(attack, "scored", epoch)
        worlds = held_out(attack, given, settings.groups, settings.fprs, settings.level, settings.limits)
        for name, table in _of_checkpoint(worlds, planted, settings).items():
            table.insert(0, "epoch", epoch)
            tables.setdefault(name, []).append(table.assign(level=settings.level))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def some_of(epochs: Sequence[int], count: int) -> list[int]:
    """So many of the checkpoints, evenly from the first to the last; of one the last."""
    if count == 1:
        return list(epochs[-1:])
    return [epochs[k] for k in np.unique(np.linspace(0, len(epochs) - 1, count).round().astype(int))]


def _of_checkpoint(worlds: Sequence[HeldOut], planted: np.ndarray, settings: Settings) -> dict[str, pd.DataFrame]:
    """The tables of held-out pairs, and of those without each group, without the columns epoch and level."""
    everyone, n = worlds[0], len(planted)
    sizes = np.unique(everyone.group, return_counts=True)[1][: len(worlds) - 1]
    grid = fpr_grid(min(len(one.group) for one in worlds) * n, POINTS_PER_DECADE)
    fprs = np.concatenate([FPRS, grid])
    measured = [Measured.of(one, planted, fprs, settings) for one in worlds]
    trials = [len(everyone.group) * count for count in (n, *(count_of(share, n) for share in SHARES), planted.sum())]
    curves = np.array([one.curves[0] for one in measured])
    found = curves[0], *limits_of_roc(curves, sizes, trials[0], settings.level, measured[0].curves[1:, :, 1:])
    return {
        "realised": _realised([one.rates for one in measured], trials, sizes, names_of(planted), settings),
        "calibrated_roc": _roc_table(found, grid),
        "calibrated_metrics": _metrics_table(curves, found, sizes, settings.level),
        "member_lists": _lists_table([one.lists for one in measured], sizes, n, settings),
    }


Limits = tuple[np.ndarray, np.ndarray, np.ndarray]  # value, low, high


def _realised(
    given: Sequence[np.ndarray], trials: Sequence[int], sizes: np.ndarray, names: Sequence[str], settings: Settings
) -> pd.DataFrame:
    """Rates and precision of `Measured.rates`, of all and without each group, and trials of each kind of samples."""
    rates = np.array([each[0] for each in given])
    luck = np.where([True, False], given[0][1:], rates[0])  # FPRs differ little, and their limits are wide as they are
    value, (low, high) = rates[0], limits(rates, sizes, _counts(rates[0], trials[: len(names)]), settings.level, luck)
    even = []
    for k, count in zip(range(len(names)), trials, strict=False):
        tpr, fpr = np.moveaxis(rates[:, :, k], -1, 0)
        even.append(even_precision(tpr, fpr, sizes, np.asarray(count), settings.level))
    even = np.moveaxis(np.array(even), 0, 2)  # [3, WAYS, samples, nominal FPRs]
    metrics = {"tpr": (value[..., 0], low[..., 0], high[..., 0]), "fpr": (value[..., 1], low[..., 1], high[..., 1])}
    metrics |= {f"precision_at_prior_{prior:g}": at_prior(even, prior) for prior in settings.priors}
    keys = [(way, name, fpr) for way in WAYS for name in names for fpr in settings.fprs]
    frames = []
    for metric, found in metrics.items():
        frame = pd.DataFrame(keys, columns=["way", "samples", "nominal_fpr"])
        frames.append(
            frame.assign(metric=metric, **{name: np.ravel(x) for name, x in zip(_COLUMNS, found, strict=True)})
        )
    return pd.concat(frames)


def _counts(rates: np.ndarray, trials: Sequence[int]) -> np.ndarray:
    """Trials behind each of the rates [WAYS, samples, nominal FPRs, 2]; NaN where they bound nothing.

    The FPR over all samples is no binomial share: thresholds are ranks among the same samples' scores, and pin it.
    Once it is of `ENOUGH` false positives, the jackknife sees how well.
    """
    counts = np.broadcast_to(np.array(trials, dtype=float)[:, None, None], rates.shape).copy()
    of_all = counts[:, 0, :, 1]
    of_all[rates[:, 0, :, 1] * of_all >= ENOUGH] = np.nan
    return counts


def _roc_table(found: Limits, grid: np.ndarray) -> pd.DataFrame:
    first = 1 + len(FPRS)
    frames = []
    for k, way in enumerate(WAYS):
        tpr, low, high = (values[k, first:] for values in found)
        frames.append(pd.DataFrame({"way": way, "fpr": grid, "tpr": tpr, "low": low, "high": high}))
    return pd.concat(frames)


def _metrics_table(curves: np.ndarray, found: Limits, sizes: np.ndarray, level: float) -> pd.DataFrame:
    """AUC and TPRs of both ways, and calibrated minus plain, which the jackknife takes as one."""
    count = len(METRICS)
    difference = curves[:, 1, :count] - curves[:, 0, :count]
    apart = difference[0], *jackknife.interval(difference[0], difference[1:], sizes, level)
    rows = {way: [values[k, :count] for values in found] for k, way in enumerate(WAYS)} | {DIFFERENCE: apart}
    return pd.concat(
        pd.DataFrame({"way": way, "metric": METRICS} | dict(zip(_COLUMNS, found, strict=True)))
        for way, found in rows.items()
    )


def _lists_table(lists: Sequence[np.ndarray], sizes: np.ndarray, n_samples: int, settings: Settings) -> pd.DataFrame:
    """Means over targets, nowhere with narrower limits than independent trials allow: often all targets are alike.

    Trials are samples of targets of how many are listed, and members of the recall. A target with a list of R samples
    counts as R trials of the false discovery rate, another as one.

    Args:
        lists: [M, LISTS] of all pairs, then without each group.
        n_samples: of each target.
    """
    scale = np.where(np.array(LISTS) == "listed", n_samples, 1)  # all as shares
    means = np.array([each.mean(axis=0) for each in lists]) / scale
    n_targets, counts = len(lists[0]), lists[0][:, LISTS.index("listed")]
    of_lists = n_targets / (1 / np.maximum(counts, 1)).mean()
    trials = np.array([n_targets * n_samples, n_targets, of_lists, n_targets * n_samples / 2])
    value, (low, high) = means[0], limits(means, sizes, trials, settings.level)
    found = {name: values * scale for name, values in zip(_COLUMNS, (value, low, high), strict=True)}
    return pd.DataFrame({"metric": LISTS} | found).assign(nominal_fdr=settings.fdr, n_models=n_targets)


def tables_of_attacks(
    attacks: Mapping[str, Attack],
    scores: ShadowScores,
    planted: np.ndarray,
    settings: Settings,
    tell: Callable[[str], None],
    costly: Collection[str] = (),
) -> dict[str, pd.DataFrame]:
    """`realised_tables` of several attacks, with a column attack; one that lacks models leaves the others theirs.

    Args:
        attacks: by label.
        tell: is told of each that it is done, or why it is left out.
        costly: labels of those that have the last checkpoint alone, without limits.

    Raises:
        TooFewModels: where none is left.
    """
    tables: dict[str, list[pd.DataFrame]] = {}
    lost = []
    for label, attack in attacks.items():
        try:
            own = replace(settings, checkpoints=1, limits=False) if label in costly else settings
            readable = scores.for_attack(attack)
            found = realised_tables(attack, readable, planted[readable.parts["scored"]], own)
        except TooFewModels as reason:
            lost.append(f"{label} has no numbers, because {reason}")
            tell(lost[-1])
            continue
        for name, table in found.items():
            tables.setdefault(name, []).append(table.assign(attack=label))
        tell(f"{label}: done")
    if not tables:
        raise TooFewModels("; ".join(lost))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
