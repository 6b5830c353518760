"""The check of what the parametric operating points rest on: tails of OUT margins, and members above them.

TPR_i(alpha) of a binormal ROC rests on the tail of the sample's OUT margins, where its FPR is alpha, and on the part of
its IN margins that lies above. Both are checked on models that had no say in the prediction:

- each OUT margin is predicted from the other pairs (Student law around their mean, with the standard deviation that
  the posterior of sigma_i and s_in / s_out leave), and the probabilities that the prediction gave to what came (PIT)
  have to be uniform: an upper tail probability of alpha has to occur in a share alpha;
- the IN margins above the predicted 1 - alpha quantile are counted, and their share has to be what the law of d' and of
  s_in / s_out says: it is the mean TPR at alpha, but for the noise of the quantile, which enters both.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtrit

from memdyn.attacks.base import folds_of
from memdyn.attacks.signals import Signals
from memdyn.dynamics.dprime import EffectSizes
from memdyn.stats import jackknife
from memdyn.stats.jackknife import TooFewModels
from memdyn.stats.shrinkage import MAX_NU, MIN_VARIANCE, fit_prior
from memdyn.stats.student import log_survival
from memdyn.terms import FEWEST_HITS

FEWEST_PAIRS = 4  # three others, with a variance
TINY = np.finfo(float).tiny
_NORMAL = np.linspace(-6, 6, 49)  # nodes of smooth one-dimensional laws


@dataclass(frozen=True)
class TailOptions:
    """Attributes:
    probabilities: tail probabilities of the QQ table, in (0, 1/2].
    checked: the FPR whose operating point is checked.
    tolerance: by what factor the frequency of the OUT tail may differ from `checked`, above 1.
    tpr_tolerance: by what factor the share of members above it may differ from the prediction, above 1; a difference of
        `checked` is always allowed.
    level: of the intervals.
    groups: the most groups of pairs of the jackknife.
    """

    probabilities: tuple[float, ...]
    checked: float
    tolerance: float
    tpr_tolerance: float
    level: float
    groups: int


@dataclass(frozen=True)
class Predictive:
    """Laws of each pair's OUT margins, from all other pairs: mean + scale * Student(dof).

    Attributes:
        mean, scale: [P, n].
        dof: [P, 1].
        references: the number of the other pairs.
        misled: how much of what a sample's log(s_in / s_out) differs from the trend comes back in its log variance.
    """

    mean: np.ndarray
    scale: np.ndarray
    dof: np.ndarray
    references: int
    misled: float

    @classmethod
    def of(cls, margins_in: np.ndarray, margins_out: np.ndarray, effects: EffectSizes) -> "Predictive":
        """From margins [P, n] of the pairs' IN and OUT models.

        The IN residuals count for the OUT variance once they are on its scale, as in `effect_sizes`; the ratio, and the
        samples' common prior, are without the pair as well (but for the trend of the ratio over d').

        Raises:
            TooFewModels: for fewer than four pairs.
        """
        n_pairs = len(margins_out)
        if n_pairs < FEWEST_PAIRS:
            raise TooFewModels(f"the tail check needs at least {2 * FEWEST_PAIRS} models, got {2 * n_pairs}")
        (fold,) = folds_of(np.arange(n_pairs) % 2, "pairs")
        mean, squares_out = fold.moments(margins_out)
        squares_in = fold.moments(margins_in)[1]
        floor = (fold.count - 1) * MIN_VARIANCE
        np.maximum(squares_out, floor, out=squares_out)
        np.maximum(squares_in, floor, out=squares_in)

        spread, noise = effects.ratio.spread**2, effects.ratio.noise * n_pairs / fold.count
        own = spread / max(spread + noise, TINY)
        log_ratio = (1 - own) * effects.ratio.trend(effects.mean) + own / 2 * np.log(squares_in / squares_out)
        squares = squares_out + squares_in * np.exp(-2 * log_ratio)
        # Half of the residuals are IN, so an error of log r moves the log variance as much; that of dof is 2 / dof.
        all_dof = 2 * fold.count - 2
        dof = 2 / (2 / all_dof + own * noise)
        squares *= dof / all_dof
        start = fit_prior(squares[:1], dof)
        prior = fit_prior(squares, dof, start)
        nu = prior.nu[:, None]
        scale = np.sqrt((1 + 1 / fold.count) * (nu * prior.variance[:, None] + squares) / (nu + dof))
        misled = (1 - own) * dof / (nu.mean() + dof)
        return cls(mean, scale, nu + dof, fold.count, float(misled))

    def log_tails(self, margins_out: np.ndarray) -> np.ndarray:
        """log P(a margin of the sample > its OUT margin), [P, n]."""
        return log_survival((margins_out - self.mean) / self.scale, self.dof)

    def counted_tpr(self, margins_in: np.ndarray, alpha: float) -> np.ndarray:
        """[P], each pair's share of IN margins above the predicted 1 - alpha quantile of the OUT margin."""
        return (margins_in > self.mean - self.scale * stdtrit(self.dof, alpha)).mean(axis=1)

    def predicted_tpr(self, effects: EffectSizes, alpha: float) -> float:
        """The share that is expected, from the laws of d' and of s_in / s_out over samples.

        In units of s_out, an IN margin lies sqrt((1 + r^2) / 2) d' + r Z above the OUT mean, that of P - 1 pairs has an
        error of 1 / sqrt(P - 1), and the predicted standard deviation one of sqrt(chi2_dof / dof).
        """
        d_prime, share = effects.posterior.values, effects.posterior.average()
        beside = effects.ratio.spread * _NORMAL
        r = np.exp(effects.ratio.trend(d_prime)[:, None] + beside)
        signal = np.sqrt((1 + r * r) / 2) * d_prime[:, None]
        noise = np.sqrt(r * r + 1 / self.references)
        known = self.misled * effects.ratio.spread  # the part of the scale's error that the ratio brings
        dof = float(self.dof.mean())
        rest = 2 / max(2 / dof - known**2, 2 / MAX_NU)
        log_scale = _NORMAL / np.sqrt(2 * rest)
        chi = np.exp(rest * (log_scale - np.expm1(2 * log_scale) / 2))
        quantile = -stdtrit(dof, alpha) * np.sqrt(1 + 1 / self.references) * np.exp(self.misled * beside / 2)
        cuts = np.exp(log_scale)
        normal = np.exp(-(_NORMAL**2) / 2)
        above = sum(w * ndtr((signal - c * quantile) / noise) for w, c in zip(chi / chi.sum(), cuts, strict=True))
        return float(share @ above @ (normal / normal.sum()))


def tail_frequencies(logs: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each pair's upper tail probability is at most p, and the lower one: [P, A] each.

    Args:
        logs: log upper tail probabilities [P, n].
        probabilities: [A], at most 1/2.
    """
    upper = (logs[None] <= np.log(probabilities)[:, None, None]).mean(axis=2)
    lower = (logs[None] >= np.log1p(-probabilities)[:, None, None]).mean(axis=2)
    return upper.T, lower.T


def tail_tables(
    signals: Signals, effects: EffectSizes, options: TailOptions
) -> tuple[pd.DataFrame, dict[str, float | str]]:
    """The check at one checkpoint.

    Args:
        effects: of these signals.

    Returns:
        Observed frequencies of tail probabilities of OUT margins, uniform where the parametric law holds: tail
        ("upper", "lower"), probability, expected (number of margins), frequency, low, high (jackknife over groups of
        pairs; predictions leave pairs out already, so none is refitted), z_expected, z_observed (normal scores, for a
        QQ plot); and the verdict: see `verdict`.
    """
    margins_in, margins_out = signals.split(signals.margins)
    predictive = Predictive.of(margins_in, margins_out, effects)
    probabilities = np.array(sorted({*options.probabilities, options.checked}))
    by_pair = tail_frequencies(predictive.log_tails(margins_out), probabilities)
    group = signals.pairs.groups(options.groups)
    tables = []
    for tail, frequencies in zip(("upper", "lower"), by_pair, strict=True):
        value, low, high = _mean(frequencies, group, options.level)
        sign = -1 if tail == "upper" else 1
        tables.append(
            pd.DataFrame(
                {
                    "tail": tail,
                    "probability": probabilities,
                    "expected": probabilities * margins_out.size,
                    "frequency": value,
                    "low": np.clip(low, 0, 1),
                    "high": np.clip(high, 0, 1),
                    "z_expected": sign * ndtri(probabilities),
                    "z_observed": sign * ndtri(value),
                }
            )
        )
    table = pd.concat(tables, ignore_index=True)
    row = table[(table["tail"] == "upper") & np.isclose(table["probability"], options.checked)].iloc[0]
    predicted = predictive.predicted_tpr(effects, options.checked)
    counted = _mean(predictive.counted_tpr(margins_in, options.checked)[:, None], group, options.level)
    members = tuple(np.clip(float(value[0]), 0, 1) / predicted for value in counted)
    out = tuple(row[name] / options.checked for name in ("frequency", "low", "high"))
    # FPRs within [alpha / tolerance, tolerance alpha] are alike, so TPRs that differ by no more than alpha are, too.
    allowance = max(options.tpr_tolerance, 1 + options.checked / predicted)
    least = min(1 / options.tpr_tolerance, 1 - options.checked / predicted)
    out_word = verdict(out, 1 / options.tolerance, options.tolerance, row["expected"])
    in_word = verdict(members, least, allowance, max(predicted, options.checked) * margins_in.size)
    return table, {
        **dict(zip(("ratio", "ratio_low", "ratio_high"), out, strict=True)),
        "tpr_predicted": predicted,
        **dict(zip(("tpr_ratio", "tpr_ratio_low", "tpr_ratio_high"), members, strict=True)),
        "out_verdict": out_word,
        "in_verdict": in_word,
        "verdict": next(word for word in ("fails", "undecided", "holds") if word in (out_word, in_word)),
    }


def verdict(observed: tuple[float, float, float], least: float, most: float, expected: float) -> str:
    """Whether an observed frequency agrees with the expected one.

    Args:
        observed: observed / expected frequency, and its limits.
        least, most: that it may be.
        expected: number of margins that are expected there.

    Returns:
        "holds" where the limits lie within [least, most], "fails" where they lie outside, else "undecided", and always
        where fewer than `FEWEST_HITS` margins are expected.
    """
    _, low, high = observed
    if expected < FEWEST_HITS:
        return "undecided"
    if low >= least and high <= most:
        return "holds"
    return "fails" if low > most or high < least else "undecided"


def _mean(by_pair: np.ndarray, group: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means [A] over pairs of values [P, A], and their limits."""
    groups, sizes = np.unique(group, return_counts=True)
    value = by_pair.mean(axis=0)
    deleted = np.array([by_pair[group != g].mean(axis=0) for g in groups])
    return value, *jackknife.interval(value, deleted, sizes, level)
