"""The parametric operating points for FPRs that cannot be counted, and the check of the tail they rest on.

With M = 64 models a sample has 32 OUT decisions: an FPR of 0.1 % cannot be counted. If the margins of a sample are
normal with one standard deviation, its ROC is TPR_i(alpha) = Phi(Phi^-1(alpha) + d'_i) and AUC_i = Phi(d'_i / sqrt 2);
both are reported as posterior means under `memdyn.dynamics.dprime`'s prior. That rests on the OUT margins' upper tail,
which is checked: each OUT margin is predicted from the other pairs (Student law with shrunken variance), and the
probabilities that the prediction gave to what came (PIT) have to be uniform.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from memdyn.attacks.base import folds_of
from memdyn.attacks.inputs import Inputs
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.dynamics.dprime import EffectSizes, effect_sizes, smooth_auc, smooth_rates
from memdyn.stats import jackknife
from memdyn.stats.shrinkage import MIN_VARIANCE, fit_prior
from memdyn.stats.student import log_survival

PARTS = ("scored", "sham")
FEWEST_PAIRS = 4  # three others, with a variance
FEWEST_HITS = 10  # expected in the checked tail; with none at all the jackknife has no width


@dataclass(frozen=True)
class SmoothOptions:
    """Attributes:
    alphas: FPRs of the operating points.
    probabilities: tail probabilities of the QQ table, in (0, 1/2].
    checked: the tail probability whose frequency decides the verdict.
    tolerance: by what factor the frequency may differ from it, above 1.
    level: of the intervals.
    groups: the most groups of pairs of the jackknife.
    """

    alphas: tuple[float, ...]
    probabilities: tuple[float, ...]
    checked: float
    tolerance: float
    level: float
    groups: int


def operating_points(effects: EffectSizes, alphas: tuple[float, ...], level: float) -> dict[str, np.ndarray]:
    """Posterior means and limits of AUC_i and TPR_i(alpha), [n] each, parametric.

    Limits are quantiles of the posterior, a normal law of d'_i; ROC and AUC grow with d'_i.
    """
    reach = ndtri((1 + level) / 2) * effects.sd
    low, high = effects.mean - reach, effects.mean + reach
    columns = {"auc": smooth_auc(effects), "auc_low": ndtr(low / np.sqrt(2)), "auc_high": ndtr(high / np.sqrt(2))}
    for alpha in alphas:
        name, z = f"tpr_at_fpr_{alpha:g}", ndtri(alpha)
        columns |= {name: smooth_rates(effects, alpha), f"{name}_low": ndtr(z + low), f"{name}_high": ndtr(z + high)}
    return columns


def mean_points(inputs: Inputs, options: SmoothOptions) -> pd.DataFrame:
    """Means over samples of the parametric AUC_i and TPR_i(alpha), with the jackknife over pairs, all fitted anew.

    Returns:
        quantity ("auc", "tpr_at_fpr_<alpha>"), value, low, high.
    """
    inside, outside = inputs.split(inputs.signal)
    group = inputs.pairs.groups(options.groups)
    groups, sizes = np.unique(group, return_counts=True)
    value = _means(inside, outside, options)
    deleted = np.array([_means(inside[group != g], outside[group != g], options) for g in groups])
    low, high = jackknife.interval(value, deleted, sizes, options.level)
    names = ["auc", *(f"tpr_at_fpr_{alpha:g}" for alpha in options.alphas)]
    return pd.DataFrame({"quantity": names, "value": value, "low": np.clip(low, 0, 1), "high": np.clip(high, 0, 1)})


def _means(inside: np.ndarray, outside: np.ndarray, options: SmoothOptions) -> np.ndarray:
    effects = effect_sizes(inside, outside)
    return np.array([smooth_auc(effects).mean(), *(smooth_rates(effects, alpha).mean() for alpha in options.alphas)])


def log_tails(margins_in: np.ndarray, margins_out: np.ndarray) -> np.ndarray:
    """log P(a margin of the sample > the OUT margin) under its leave-pair-out predictive law, [P, n].

    The law is Student's t around the mean of the other pairs' OUT margins; its variance is that of d': residuals of IN
    and OUT pooled, shrunken towards the samples' common prior, which is fitted without the pair as well.

    Raises:
        ValueError: for fewer than four pairs.
    """
    n_pairs = len(margins_out)
    if n_pairs < FEWEST_PAIRS:
        raise ValueError(f"the tail check needs at least {2 * FEWEST_PAIRS} models, got {2 * n_pairs}")
    (fold,) = folds_of(np.arange(n_pairs) % 2, "pairs")
    mean, squares_out = fold.moments(margins_out)
    squares = squares_out + fold.moments(margins_in)[1]
    dof = 2 * fold.count - 2
    np.maximum(squares, dof * MIN_VARIANCE, out=squares)
    start = fit_prior(squares[:1], dof)
    prior = fit_prior(squares, dof, start)
    nu = prior.nu[:, None]
    scale = np.sqrt((1 + 1 / fold.count) * (nu * prior.variance[:, None] + squares) / (nu + dof))
    return log_survival((margins_out - mean) / scale, nu + dof)


def tail_frequencies(logs: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each pair's upper tail probability is at most p, and the lower one: [P, A] each.

    Args:
        logs: log upper tail probabilities [P, n].
        probabilities: [A], at most 1/2.
    """
    upper = (logs[None] <= np.log(probabilities)[:, None, None]).mean(axis=2)
    lower = (logs[None] >= np.log1p(-probabilities)[:, None, None]).mean(axis=2)
    return upper.T, lower.T


def tail_table(inputs: Inputs, options: SmoothOptions) -> pd.DataFrame:
    """Observed frequencies of tail probabilities at one checkpoint: uniform where the parametric law holds.

    Returns:
        tail ("upper", "lower"), probability, expected (number of margins), frequency, low, high (jackknife over groups
        of pairs; predictions leave pairs out already, so none is refitted), z_expected, z_observed (normal scores, for
        a QQ plot).
    """
    probabilities = np.array(sorted({*options.probabilities, options.checked}))
    logs = log_tails(*inputs.split(inputs.signal))
    by_pair = tail_frequencies(logs, probabilities)
    group = inputs.pairs.groups(options.groups)
    groups, sizes = np.unique(group, return_counts=True)
    tables = []
    for tail, frequencies in zip(("upper", "lower"), by_pair, strict=True):
        value = frequencies.mean(axis=0)
        deleted = np.array([frequencies[group != g].mean(axis=0) for g in groups])
        low, high = jackknife.interval(value, deleted, sizes, options.level)
        sign = -1 if tail == "upper" else 1
        tables.append(
            pd.DataFrame(
                {
                    "tail": tail,
                    "probability": probabilities,
                    "expected": probabilities * logs.size,
                    "frequency": value,
                    "low": np.clip(low, 0, 1),
                    "high": np.clip(high, 0, 1),
                    "z_expected": sign * ndtri(probabilities),
                    "z_observed": sign * ndtri(value),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def verdict(table: pd.DataFrame, checked: float, tolerance: float) -> dict[str, object]:
    """Whether the upper tail allows the parametric TPR at FPR `checked`.

    Args:
        table: of `tail_table`.

    Returns:
        ratio, ratio_low, ratio_high: frequency / probability with its limits; verdict: "holds" where the limits lie
        within [1 / tolerance, tolerance], "fails" where they lie outside, else "undecided", and always where fewer than
        `FEWEST_HITS` margins are expected so far out.
    """
    row = table[(table["tail"] == "upper") & np.isclose(table["probability"], checked)].iloc[0]
    ratio, low, high = (row[name] / checked for name in ("frequency", "low", "high"))
    if row["expected"] < FEWEST_HITS:
        word = "undecided"
    elif low >= 1 / tolerance and high <= tolerance:
        word = "holds"
    else:
        word = "fails" if low > tolerance or high < 1 / tolerance else "undecided"
    return {"ratio": ratio, "ratio_low": low, "ratio_high": high, "verdict": word}


def smooth_tables(scores: ShadowScores, options: SmoothOptions) -> dict[str, pd.DataFrame]:
    """Parametric operating points and their tail check, of the margins (no attack is involved).

    Returns:
        smooth: part, epoch, sample (row in the pool), d_prime, d_prime_sd, auc, auc_low, auc_high, and tpr_at_fpr_*
            with _low and _high for each alpha; posterior means and limits.
        operating_points: part, epoch (the last) and the columns of `mean_points`.
        tails: part, epoch and the columns of `tail_table`.
        tail_verdicts: part, epoch, probability, ratio, ratio_low, ratio_high, verdict.
    """
    smooth, points, tails, verdicts = [], [], [], []
    for epoch in scores.epochs:
        for part in PARTS:
            inputs, key = scores.loader(part)(epoch), {"part": part, "epoch": epoch}
            effects = effect_sizes(*inputs.split(inputs.signal))
            columns = {"d_prime": effects.mean, "d_prime_sd": effects.sd}
            columns |= operating_points(effects, options.alphas, options.level)
            rows = np.arange(scores.parts[part].start, scores.parts[part].stop)
            values = {name: value.astype(np.float32) for name, value in columns.items()}
            smooth.append(pd.DataFrame({"part": part, "epoch": epoch, "sample": rows, **values}))
            table = tail_table(inputs, options)
            tails.append(table.assign(**key)[[*key, *table.columns]])
            decision = verdict(table, options.checked, options.tolerance)
            verdicts.append(key | {"probability": options.checked} | decision)
            if epoch == scores.epochs[-1]:
                points.append(mean_points(inputs, options).assign(**key))
    return {
        "smooth": pd.concat(smooth, ignore_index=True),
        "operating_points": pd.concat(points, ignore_index=True),
        "tails": pd.concat(tails, ignore_index=True),
        "tail_verdicts": pd.DataFrame(verdicts),
    }
