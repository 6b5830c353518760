"""Empirical Bayes for variances: a scaled inverse chi-square prior fitted to many sums of squares.

Smyth 2004, "Linear models and empirical Bayes methods", section 3, with the prior by maximum marginal likelihood
instead of by moments: SS | v ~ v chi2(d), nu0 s0^2 / v ~ chi2(nu0), so SS / (d s0^2) ~ F(d, nu0).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import psi, zeta

MIN_VARIANCE = 1e-12  # of a margin: float32 rounding, no standard deviation below it is real
MIN_NU, MAX_NU = 1e-2, 1e4  # beyond it a t is a normal, and the likelihood is flat in floating point
CHUNK = 1 << 16  # values at a time: temporaries stay in the cache
MANY = 1 << 20  # sums of more values cost more than steps
MAX_STEPS, SETTLED = 100, 1e-7
TRUSTED, EXACT = 0.5, 1e-3  # how far, in log tau, Taylor's series of the sums is used, and how far it is the sums


@dataclass(frozen=True)
class Prior:
    """nu0 [F] and s0^2 [F]: the prior weighs as much as nu0 degrees of freedom at variance s0^2."""

    nu: np.ndarray
    variance: np.ndarray


def fit_prior(squares: np.ndarray, dof: int, start: Prior | None = None) -> Prior:
    """The maximum of the marginal likelihood over samples, for each fold by itself.

    Args:
        squares: [F, n], centred sums of squares (>= dof * MIN_VARIANCE).
        dof: their degrees of freedom d >= 1.
        start: a prior nearby (one fold or F); by default from the moments of log SS.

    Newton's method in the data's weight d / (d + nu0), which is bounded, and log s0^2. All that it asks of the data are
    sums that depend on tau = nu0 s0^2 alone. Where these cost more than steps, steps go on with their Taylor series,
    and they are taken again where that leads.
    """
    start = start or _moments(squares, dof)
    low, high = dof / (dof + MAX_NU), dof / (dof + MIN_NU)
    weight = np.broadcast_to(np.clip(dof / (dof + start.nu), low, high), len(squares)).copy()
    log_variance = np.broadcast_to(np.log(start.variance), len(squares)).copy()
    many = squares.size > MANY
    for _ in range(MAX_STEPS):
        tau = (dof / weight - dof) * np.exp(log_variance)
        sums = _sums(squares, tau, 4 if many else 2)
        near = sums[:3]
        for _ in range(MAX_STEPS):
            step, log_step = _newton(near, dof, weight, log_variance, low, high)
            weight, log_variance = _between(weight + step, low, high), log_variance + log_step
            moved = np.log((dof / weight - dof) / tau) + log_variance
            settled = max(np.abs(step / weight).max(), np.abs(log_step).max()) < SETTLED
            if settled or not many or np.abs(moved).max() > TRUSTED:
                break  # Newton squares the error: what is left is rounding
            near = _shifted(sums, moved)
        if settled and np.abs(moved).max() < EXACT:
            break
    return Prior(dof / weight - dof, np.exp(log_variance))


def _moments(squares: np.ndarray, dof: int) -> Prior:
    """Smyth's estimates, good enough to start from: mean and variance of log SS over samples."""
    logs = np.log(squares / dof)
    excess = logs.var(axis=1) - zeta(2, dof / 2)
    nu = np.where(excess > 0, 1 + 2 / np.maximum(excess, 2 / MAX_NU), MAX_NU)  # trigamma(x) ~ 1 / (x - 1/2)
    shift = psi(dof / 2) - np.log(dof / 2) - psi(nu / 2) + np.log(nu / 2)
    return Prior(nu, np.exp(logs.mean(axis=1) - shift))


def _newton(
    sums: tuple[np.ndarray, ...], dof: int, weight: np.ndarray, log_variance: np.ndarray, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """One safeguarded Newton step [F] in (weight, log variance) for the likelihood per sample."""
    nu = dof / weight - dof
    mean_log, mean_u, mean_u2 = sums
    both = (dof + nu) / 2
    # Derivatives in nu and theta = log(nu s0^2), with u = tau / (SS + tau), which is Beta(nu / 2, d / 2) ...
    by_nu = (psi(both) - psi(nu / 2) - mean_log) / 2
    by_theta = nu / 2 - both * mean_u
    theta_theta = -both * (mean_u - mean_u2)
    nu_theta = (1 - mean_u) / 2
    nu_nu = (zeta(2, both) - zeta(2, nu / 2)) / 4
    # ... then in nu and log s0^2, and then in the weight w: nu = d / w - d.
    slope_nu = by_nu + by_theta / nu
    curve_nu = nu_nu + 2 * nu_theta / nu + (theta_theta - by_theta) / nu**2
    dnu, ddnu = -dof / weight**2, 2 * dof / weight**3
    slope, cross = slope_nu * dnu, (nu_theta + theta_theta / nu) * dnu
    curve = curve_nu * dnu**2 + slope_nu * ddnu

    determinant = curve * theta_theta - cross**2
    concave = (curve < 0) & (determinant > 0)
    determinant = np.where(concave, determinant, 1)
    step = np.where(concave, (cross * by_theta - theta_theta * slope) / determinant, slope / (np.abs(curve) + 1e-9))
    log_step = np.where(concave, (cross * slope - curve * by_theta) / determinant, -by_theta / theta_theta)
    stuck = ((weight <= low) & (step < 0)) | ((weight >= high) & (step > 0))  # at the border: only s0^2 moves
    step = np.where(stuck, 0, _between(step, -0.75 * weight, 0.75 * (1 - weight)))
    return step, _between(np.where(stuck, -by_theta / theta_theta, log_step), -1, 1)


def _between(values: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    """`np.clip`, a third of whose time is spent before it starts: of small studies many are fitted."""
    return np.minimum(np.maximum(values, low), high)


def _sums(squares: np.ndarray, tau: np.ndarray, powers: int) -> np.ndarray:
    """Means over samples of log(1 + SS / tau), and of u = 1 / (1 + SS / tau) to the first powers: [1 + powers, F].

    Args:
        powers: 2, or 4.
    """
    totals = np.zeros((1 + powers, len(squares)))
    width = max(1, CHUNK // len(squares))
    inverse = 1 / tau[:, None]
    for left in range(0, squares.shape[1], width):
        x = squares[:, left : left + width] * inverse
        x += 1
        u = 1 / x
        totals[0] += np.log(x, out=x).sum(axis=1)
        totals[1] += u.sum(axis=1)
        totals[2] += np.einsum("fn,fn->f", u, u)
        if powers == 4:
            u2 = np.multiply(u, u, out=x)
            totals[3] += np.einsum("fn,fn->f", u, u2)
            totals[4] += np.einsum("fn,fn->f", u2, u2)
    return totals / squares.shape[1]


def _shifted(sums: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first three of the sums where log tau is larger by so much [F]: u' = u - u^2 gives all derivatives."""
    log, u, u2, u3, u4 = sums
    first, second, third = u - u2, u - 3 * u2 + 2 * u3, u - 7 * u2 + 12 * u3 - 6 * u4  # derivatives of the mean of u
    mean_u = u + by * (first + by * (second / 2 + by * third / 6))
    slope = first + by * (second + by * third / 2)
    mean_log = log + by * (u - 1 + by * (first / 2 + by * (second / 6 + by * third / 24)))
    return mean_log, mean_u, mean_u - slope
