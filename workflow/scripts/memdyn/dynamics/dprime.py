"""Per-sample effect size d' of membership on the margin, with two empirical-Bayes shrinkages.

    d'_i = (mu_in - mu_out) / sigma_i

First the residual variance of each sample is shrunken towards the others (Smyth 2004, "limma": scaled inverse
chi-square prior, its two parameters by maximum marginal likelihood), then d' itself is shrunken over samples
(normal-normal empirical Bayes, Efron & Morris 1973). With few models the raw d' of a harmless sample is far from
0 by chance, and every nonlinear function of it (TPR at a small FPR) is biased upwards; the posterior mean is not.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from memdyn.dynamics.pairs import pair_values
from memdyn.stats.multiple import paired_t
from memdyn.stats.shrinkage import MIN_VARIANCE, Prior, fit_prior


@dataclass(frozen=True)
class EffectSizes:
    """Effect sizes of n samples at one checkpoint; all arrays [n], in units of the sample's standard deviation."""

    raw: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    variance_prior: Prior
    prior_mean: float
    prior_sd: float


def effect_sizes(margins_in: np.ndarray, margins_out: np.ndarray) -> EffectSizes:
    """Raw and shrunken d' of each sample from the margins of P pairs of models.

    Args:
        margins_in, margins_out: [P, n] margins of the pair's IN and of its OUT model, P >= 2.

    With s~^2 the posterior scale and df = 2P - 2 + nu0, the raw value divides by the posterior mean of sigma_i, so it
    is unbiased under the prior; its sampling variance is c 2/P + (c - 1) d'^2 with c = E[sigma^2] / E[sigma]^2. The
    second shrinkage is the linear one (equal sampling variance, closed form); the posterior sd uses each sample's own.

    Raises:
        ValueError: for fewer than two pairs (no variance).
    """
    pairs = margins_in.shape[0]
    if pairs < 2:
        raise ValueError(f"d' needs at least 2 pairs of models, got {pairs}")
    inside, outside = margins_in.astype(np.float64), margins_out.astype(np.float64)
    difference = inside.mean(0) - outside.mean(0)
    df = 2 * pairs - 2
    squares = ((inside - inside.mean(0)) ** 2).sum(0) + ((outside - outside.mean(0)) ** 2).sum(0)
    squares = np.maximum(squares, df * MIN_VARIANCE)
    prior = fit_prior(squares[None], df)
    nu0, s0_squared = float(prior.nu[0]), float(prior.variance[0])

    total_df = df + nu0
    sigma, root_factor = posterior_deviation(squares, total_df, nu0, s0_squared)
    raw = difference / sigma

    inflation = total_df / (total_df - 2) / root_factor**2  # total_df > 2, since P >= 2 and nu0 > 0
    base = inflation * 2 / pairs
    centre = float(raw.mean())
    tau2 = max(0.0, (float(raw.var()) - base - (inflation - 1) * centre**2) / inflation)
    weight = tau2 / (tau2 + base + (inflation - 1) * (centre**2 + tau2))
    mean = centre + weight * (raw - centre)
    own_variance = base + (inflation - 1) * mean**2
    sd = np.sqrt(tau2 * own_variance / (tau2 + own_variance))
    return EffectSizes(raw, mean, sd, prior, centre, float(np.sqrt(tau2)))


def posterior_deviation(
    squares: np.ndarray, total_df: np.ndarray, nu0: np.ndarray, s0_squared: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means of sigma_i from centred sums of squares, and their ratio to the posterior scales.

    Args:
        squares: [n], or [F, n] with the others [F, 1].
        total_df: degrees of freedom of the squares and of the prior together.
        nu0, s0_squared: the prior.
    """
    root_factor = np.sqrt(total_df / 2) * np.exp(special.gammaln((total_df - 1) / 2) - special.gammaln(total_df / 2))
    return np.sqrt((squares + nu0 * s0_squared) / total_df) * root_factor, root_factor


def smooth_rates(effects: EffectSizes, alpha: float) -> np.ndarray:
    """Parametric TPR_i at FPR alpha: the posterior mean of Phi(Phi^-1(alpha) + d'_i), [n]."""
    return stats.norm.cdf((stats.norm.ppf(alpha) + effects.mean) / np.sqrt(1 + effects.sd**2))


def smooth_auc(effects: EffectSizes) -> np.ndarray:
    """Parametric AUC_i: the posterior mean of Phi(d'_i / sqrt 2), [n]."""
    return stats.norm.cdf(effects.mean / np.sqrt(2 + effects.sd**2))


def sample_statistics(margins: np.ndarray, mask: np.ndarray, epoch: int) -> pd.DataFrame:
    """One checkpoint's margins [M, n] and mask [M, n] as a table: epoch, sample, d_prime, p_value.

    The p-value is that of the two-sided paired t-test on the margin's pair differences.
    """
    inside, outside = pair_values(margins, mask)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "sample": np.arange(margins.shape[1]),
            "d_prime": effect_sizes(inside, outside).mean,
            "p_value": paired_t(inside.astype(np.float64) - outside),
        }
    )
