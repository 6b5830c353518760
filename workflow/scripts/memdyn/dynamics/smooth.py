"""The parametric operating points for FPRs that cannot be counted.

With M = 64 models a sample has 32 OUT decisions: an FPR of 0.1 % cannot be counted. If the margins of a sample are
normal, its ROC is the binormal one of `memdyn.dynamics.binormal`; AUC_i and TPR_i(alpha) are posterior means under the
priors of `memdyn.dynamics.dprime`. What they rest on is checked by `memdyn.dynamics.tails`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from memdyn.attacks.shadow_scores import ShadowScores, masked_parts
from memdyn.attacks.signals import Signals
from memdyn.dynamics.binormal import tpr_quantiles
from memdyn.dynamics.dprime import EffectSizes, effect_sizes, smooth_auc, smooth_rates
from memdyn.dynamics.tails import TailOptions, tail_tables
from memdyn.stats import jackknife
from memdyn.terms import AUC, tpr_at


@dataclass(frozen=True)
class SmoothOptions:
    """Attributes:
    alphas: FPRs of the operating points.
    level: of the limits.
    groups: the most groups of pairs of the jackknife.
    tails: of the check.
    """

    alphas: tuple[float, ...]
    level: float
    groups: int
    tails: TailOptions


def operating_points(effects: EffectSizes, alphas: tuple[float, ...], level: float) -> dict[str, np.ndarray]:
    """Posterior means and credible limits of d', AUC_i and TPR_i(alpha), [n] each, parametric."""
    probabilities = (1 - level) / 2, (1 + level) / 2
    low, high = effects.limits(level)
    columns = {"d_prime": effects.mean, "d_prime_sd": effects.sd, "d_prime_low": low, "d_prime_high": high}
    columns |= {"auc": smooth_auc(effects), "auc_low": ndtr(low / np.sqrt(2)), "auc_high": ndtr(high / np.sqrt(2))}
    posterior = effects.posterior.widened(effects.shared_error)
    for alpha in alphas:
        name = tpr_at(alpha)
        low, high = tpr_quantiles(posterior, effects.ratio, alpha, probabilities)
        columns |= {name: smooth_rates(effects, alpha), f"{name}_low": low, f"{name}_high": high}
    return columns


def mean_points(signals: Signals, options: SmoothOptions) -> pd.DataFrame:
    """Means over samples of the parametric AUC_i and TPR_i(alpha), with the jackknife over pairs, all fitted anew.

    Returns:
        quantity ("auc", "tpr_at_fpr_<alpha>"), value, low, high.
    """
    inside, outside = signals.split(signals.margins)
    group = signals.pairs.groups(options.groups)
    groups, sizes = np.unique(group, return_counts=True)
    value = _means(inside, outside, options)
    deleted = np.array([_means(inside[group != g], outside[group != g], options) for g in groups])
    low, high = jackknife.interval(value, deleted, sizes, options.level)
    names = [AUC, *map(tpr_at, options.alphas)]
    return pd.DataFrame({"quantity": names, "value": value, "low": np.clip(low, 0, 1), "high": np.clip(high, 0, 1)})


def _means(inside: np.ndarray, outside: np.ndarray, options: SmoothOptions) -> np.ndarray:
    effects = effect_sizes(inside, outside)
    return np.array([smooth_auc(effects).mean(), *(smooth_rates(effects, alpha).mean() for alpha in options.alphas)])


def smooth_tables(scores: ShadowScores, options: SmoothOptions) -> dict[str, pd.DataFrame]:
    """Parametric operating points and their check, of the margins (no attack is involved).

    Returns:
        smooth: part, epoch, sample (row in the pool), d_prime, d_prime_sd, d_prime_low, d_prime_high, auc, auc_low,
            auc_high, and tpr_at_fpr_* with _low and _high for each alpha; posterior means and credible limits.
        operating_points: part, epoch (the last) and the columns of `mean_points`.
        tails: part, epoch and the columns of `memdyn.dynamics.tails.tail_tables`.
        tail_verdicts: part, epoch, probability, and the verdict of the same: ratio, ratio_low, ratio_high (frequency of
            the OUT tail over its probability), tpr_predicted, tpr_ratio, tpr_ratio_low, tpr_ratio_high (share of
            members above it over the predicted one), out_verdict, in_verdict, verdict (the worse of the two).
    """
    smooth, points, tails, verdicts = [], [], [], []
    for epoch in scores.epochs:
        for part in masked_parts(scores.parts):
            signals, key = scores.loader(part)(epoch), {"part": part, "epoch": epoch}
            effects = effect_sizes(*signals.split(signals.margins))
            rows = np.arange(scores.parts[part].start, scores.parts[part].stop)
            columns = operating_points(effects, options.alphas, options.level)
            values = {name: value.astype(np.float32) for name, value in columns.items()}
            smooth.append(pd.DataFrame({"part": part, "epoch": epoch, "sample": rows, **values}))
            table, decision = tail_tables(signals, effects, options.tails)
            tails.append(table.assign(**key)[[*key, *table.columns]])
            verdicts.append(key | {"probability": options.tails.checked} | decision)
            if epoch == scores.epochs[-1]:
                points.append(mean_points(signals, options).assign(**key))
    return {
        "smooth": pd.concat(smooth, ignore_index=True),
        "operating_points": pd.concat(points, ignore_index=True),
        "tails": pd.concat(tails, ignore_index=True),
        "tail_verdicts": pd.DataFrame(verdicts),
    }
