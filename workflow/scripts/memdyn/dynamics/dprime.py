"""Per-sample effect size d' of membership on the margin, with three empirical-Bayes shrinkages.

    d'_i = (mu_in - mu_out) / sigma_i        sigma_i^2 = (s_in^2 + s_out^2) / 2

sigma is the root mean square of the IN and the OUT standard deviation (d_a of signal detection): AUC_i is then
Phi(d'_i / sqrt 2) whatever their ratio. Shrunken are

1. the residual variance of each sample towards the others (Smyth 2004, "limma": scaled inverse chi-square prior, its
   two parameters by maximum marginal likelihood);
2. d' itself over samples, with a prior of any shape (`memdyn.stats.deconvolution`): few samples are far more
   vulnerable than the others, and a normal prior would pull them halfway back;
3. the ratio s_in / s_out, towards a trend over d' (`memdyn.dynamics.binormal`), for the TPR at small FPRs.

With few models the raw d' of a harmless sample is far from 0 by chance, and every nonlinear function of it (TPR at a
small FPR) is biased upwards; the posterior mean is not. The two models of a pair have no training sample in common, so
their margins are correlated, mostly negatively, and d' is noisier than of independent models: one correlation a
checkpoint enters its error.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from memdyn.dynamics.binormal import Ratio, expected_tpr, fit_ratio
from memdyn.stats.deconvolution import Posterior, deconvolve
from memdyn.stats.jackknife import TooFewModels
from memdyn.stats.shrinkage import MIN_VARIANCE, Prior, fit_prior

INDEPENDENT = 10.0  # squares that stand for uncorrelated pairs, where there are few samples to tell
OWN_NOISE = 0.01  # least share of the error of d' that is a sample's own


@dataclass(frozen=True)
class EffectSizes:
    """Effect sizes of n samples at one checkpoint, in units of the sample's standard deviation.

    Attributes:
        raw, mean, sd: [n], unshrunken d', and mean and standard deviation of its posterior.
        variance_prior: of the samples' variances, on the scale of OUT margins.
        prior_mean, prior_sd: moments of d' over samples, without its noise.
        posterior: of d', without the error that all samples share; `mean` and the rates are its means.
        shared_error: standard deviation of the error that all samples share, since a model moves all its margins.
        ratio: of the IN to the OUT standard deviation.
    """

    raw: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    variance_prior: Prior
    prior_mean: float
    prior_sd: float
    posterior: Posterior
    shared_error: float
    ratio: Ratio

    def limits(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Credible limits [n] of d': of all samples, and of those chosen by their estimate, `level` lie inside.

        Of samples that are chosen by the truth (the most vulnerable that there are) fewer do: theirs were among the
        estimates that had to be shrunken.
        """
        posterior = self.posterior.widened(self.shared_error)
        return posterior.quantile((1 - level) / 2), posterior.quantile((1 + level) / 2)


def effect_sizes(margins_in: np.ndarray, margins_out: np.ndarray) -> EffectSizes:
    """Raw and shrunken d' of each sample from the margins of P pairs of models.

    Args:
        margins_in, margins_out: [P, n] margins of the pair's IN and of its OUT model, P >= 2.

    The raw value divides by the posterior mean of sigma_i from both models' residuals, so it is unbiased under the
    prior. The posterior's sigma_i puts the IN residuals on the scale of the OUT ones first: margins of members are the
    more alike the larger d' is, so that without the ratio the most vulnerable would be taken for noisy.

    Raises:
        TooFewModels: for fewer than two pairs (no variance).
    """
    pairs = margins_in.shape[0]
    if pairs < 2:
        raise TooFewModels(f"d' needs at least 4 models, got {2 * pairs}")
    moments = _Moments.of(margins_in, margins_out)
    raw = moments.difference / _deviation(moments.squares_in + moments.squares_out, moments.df).sigma
    ratios, noise = moments.log_ratios(), 2 / pairs
    ratio = fit_ratio(*ratios, raw, _trust(float(raw.var()) - noise, noise))

    r = np.exp(ratio.at(raw))
    scale = _deviation(moments.squares_out + moments.squares_in / r**2, moments.df)
    sigma = scale.sigma * np.sqrt((1 + r * r) / 2)
    variance, shared = moments.error(sigma)
    noise_squared = max(variance - shared, OWN_NOISE * variance)
    centre, tau2 = _normal_prior(moments.difference / sigma, scale, noise_squared)
    t = moments.difference / sigma * scale.factor
    posterior = deconvolve(t, scale.df, float(np.sqrt(noise_squared)), centre, tau2)

    mean = posterior.expect(posterior.values)
    # A normal error that reaches as far as Student's at 95 %: it is estimated from the pairs.
    shared_error = float(np.sqrt(shared) * special.stdtrit(pairs - 1, 0.975) / special.ndtri(0.975))
    sd = np.hypot(posterior.deviation(), shared_error)
    ratio = fit_ratio(*ratios, mean, _trust(float(mean.var()), noise))
    return EffectSizes(raw, mean, sd, scale.prior, centre, float(np.sqrt(tau2)), posterior, shared_error, ratio)


@dataclass(frozen=True)
class _Moments:
    """Residuals [P, n] of each side, their squares' sums (no smaller than rounding) and products' [n], and the means'
    difference [n]."""

    inside: np.ndarray
    outside: np.ndarray
    squares_in: np.ndarray
    squares_out: np.ndarray
    products: np.ndarray
    difference: np.ndarray

    @classmethod
    def of(cls, margins_in: np.ndarray, margins_out: np.ndarray) -> "_Moments":
        inside, outside = margins_in.astype(np.float64), margins_out.astype(np.float64)
        mean_in, mean_out = inside.mean(axis=0), outside.mean(axis=0)
        inside -= mean_in
        outside -= mean_out
        couples = (inside, inside), (outside, outside), (inside, outside)
        squares_in, squares_out, products = (np.einsum("pn,pn->n", *couple) for couple in couples)
        floor = (len(inside) - 1) * MIN_VARIANCE
        squares = np.maximum(squares_in, floor), np.maximum(squares_out, floor)
        return cls(inside, outside, *squares, products, mean_in - mean_out)

    @property
    def df(self) -> int:
        """Degrees of freedom of both sums of squares."""
        return 2 * len(self.inside) - 2

    def log_ratios(self) -> tuple[np.ndarray, np.ndarray]:
        """log(s_in / s_out) of all pairs [n], and of their halves [2, n] (below four pairs: with nothing in common)."""
        observed = np.log(self.squares_in / self.squares_out) / 2
        count = len(self.inside) // 2
        if count < 2:
            return observed, np.stack([observed, np.zeros_like(observed)])
        sides = zip((self.inside, self.outside), (self.squares_in, self.squares_out), strict=True)
        parts_in, parts_out = (_half_squares(values, squares) for values, squares in sides)
        return observed, np.log(parts_in / parts_out) / 2

    def error(self, sigma: np.ndarray) -> tuple[float, float]:
        """The sampling variance of d', and its part that is the same for all samples.

        The first is 2 / P, times 1 - the correlation of the two models of a pair, one for all samples; the second is
        what the samples' mean varies by over pairs.
        """
        pairs = len(self.inside)
        independent = (self.squares_in + self.squares_out) @ sigma**-2
        correlated = independent - 2 * self.products @ sigma**-2
        correlation = 1 - (INDEPENDENT + correlated) / (INDEPENDENT + independent)
        by_pair = (self.inside - self.outside) @ (1 / sigma) / len(sigma)
        return float(2 * (1 - correlation) / pairs), float(by_pair.var(ddof=1)) / pairs


def _trust(variance: float, noise: float) -> float:
    """In [0, 1), whether samples differ in d': 1/2 where their variance is an eighth of the noise."""
    return max(0.0, variance) ** 2 / (max(0.0, variance) ** 2 + (noise / 8) ** 2)


def _half_squares(residuals: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Centred sums of squares [2, n] of the first half of the rows and of the others, from those of all."""
    n_pairs, count = len(residuals), len(residuals) // 2
    first = residuals[:count]
    mean = first.mean(axis=0)
    own = np.einsum("pn,pn->n", first, first) - count * mean**2
    rest = squares - own - count * n_pairs / (n_pairs - count) * mean**2  # the halves' means add up to 0
    floor = (count - 1) * MIN_VARIANCE
    return np.maximum([own, rest], floor)


@dataclass(frozen=True)
class _Deviation:
    """Posterior means [n] of the samples' standard deviations; their ratio to the posterior scales, and the degrees of
    freedom of these; the prior."""

    sigma: np.ndarray
    factor: float
    df: float
    prior: Prior


def _deviation(squares: np.ndarray, df: int) -> _Deviation:
    prior = fit_prior(squares[None], df)
    nu0, s0_squared = float(prior.nu[0]), float(prior.variance[0])
    return _Deviation(*posterior_deviation(squares, df + nu0, nu0, s0_squared), df + nu0, prior)


def _normal_prior(estimates: np.ndarray, scale: _Deviation, noise_squared: float) -> tuple[float, float]:
    """Mean and variance of d' over samples, by moments: of an estimate, noise_squared c + (c - 1) d'^2 is sampling
    variance, with c = E[sigma^2] / E[sigma]^2."""
    inflation = scale.df / (scale.df - 2) / scale.factor**2  # df > 2, since P >= 2 and nu0 > 0
    centre = float(estimates.mean())
    return centre, max(0.0, (float(estimates.var()) - (inflation - 1) * centre**2) / inflation - noise_squared)


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
    """Parametric TPR_i at FPR alpha: the posterior mean of the binormal ROC, [n]."""
    return expected_tpr(effects.posterior, effects.ratio, alpha)


def smooth_auc(effects: EffectSizes) -> np.ndarray:
    """Parametric AUC_i: the posterior mean of Phi(d'_i / sqrt 2), [n]."""
    return effects.posterior.expect(special.ndtr(effects.posterior.values / np.sqrt(2)))
