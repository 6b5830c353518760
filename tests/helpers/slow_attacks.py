"""The attacks as their definitions read: Python loops over models, scipy's densities. The fast ones must agree."""

import numpy as np
from scipy import optimize, special, stats

from memdyn.attacks.signals import Signals


def reference_models(model: int, n_models: int, folds: str) -> list[int]:
    """The models that may calibrate the scored one."""
    pair = model // 2
    if folds == "pairs":
        return [m for m in range(n_models) if m // 2 != pair]
    return [m for m in range(n_models) if (m // 2) % 2 != pair % 2]


def reference_values(inputs: Signals, model: int, folds: str, member: bool) -> list[np.ndarray]:
    """Per sample the margins of the reference models that did (or did not) train on it."""
    models = reference_models(model, len(inputs.mask), folds)
    return [
        np.array([inputs.margins[m, i] for m in models if inputs.mask[m, i] == member])
        for i in range(inputs.mask.shape[1])
    ]


def prior_likelihood(nu: float, variance: float, variances: np.ndarray, dof: int) -> float:
    """Log marginal likelihood of sample variances: s^2 / s0^2 ~ F(d, nu0)."""
    return float((stats.f.logpdf(variances / variance, dof, nu) - np.log(variance)).sum())


def slow_prior(variances: np.ndarray, dof: int) -> tuple[float, float]:
    """(nu0, s0^2): a general optimiser on the likelihood, then the root of its gradient for the last digits."""
    rough = optimize.minimize(
        lambda p: -prior_likelihood(np.exp(p[0]), np.exp(p[1]), variances, dof),
        [np.log(4.0), np.log(np.median(variances))],
        method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-10, "maxiter": 4000},
    ).x

    def gradient(p):
        nu, variance = np.exp(p)
        ratio = dof * variances / (nu * variance)
        by_nu = (
            special.psi((dof + nu) / 2) / 2
            - special.psi(nu / 2) / 2
            - dof / (2 * nu)
            - np.log1p(ratio) / 2
            + (dof + nu) / (2 * nu) * ratio / (1 + ratio)
        )
        by_log_variance = -dof / 2 + (dof + nu) / 2 * ratio / (1 + ratio)
        return [nu * by_nu.mean(), by_log_variance.mean()]

    root = optimize.root(gradient, rough, tol=1e-15)
    assert np.abs(root.x - rough).max() < 1e-2
    return float(np.exp(root.x[0])), float(np.exp(root.x[1]))


def densities(values: list[np.ndarray], variance: str):
    """Frozen scipy laws, one for all samples, fitted to each sample's reference values."""
    n = len(values[0])
    mean = np.array([v.mean() for v in values])
    variances = np.array([v.var(ddof=1) for v in values])
    if variance == "per_sample":
        return stats.norm(mean, np.sqrt(variances))
    if variance == "global":
        return stats.norm(mean, np.sqrt(variances.mean()))
    nu, prior = slow_prior(variances, n - 1)
    dof = nu + n - 1
    scale2 = (1 + 1 / n) * (nu * prior + (n - 1) * variances) / dof
    return stats.t(dof, mean, np.sqrt(scale2))


def slow_lira(inputs: Signals, folds: str, mode: str, variance: str) -> np.ndarray:
    scores = []
    for model in range(len(inputs.mask)):
        x = inputs.margins[model]
        outside = densities(reference_values(inputs, model, folds, False), variance)
        if mode == "offline":
            scores.append(-outside.logsf(x))
        else:
            inside = densities(reference_values(inputs, model, folds, True), variance)
            scores.append(inside.logpdf(x) - outside.logpdf(x))
    return np.array(scores)


def slow_rmia(inputs: Signals, folds: str, mode: str, a: float, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    """Shares of population samples through the whole n x Z matrix, and R(x) / R(z) [M, n, Z]."""
    p, p_z = special.expit(inputs.margins), special.expit(inputs.population["margin"])
    ratios = np.empty((*p.shape, p_z.shape[1]))
    for model in range(len(p)):
        models = reference_models(model, len(p), folds)
        r_z = p_z[model] / p_z[models].mean(axis=0)
        for i in range(p.shape[1]):
            if mode == "online":
                reference = p[models, i].mean()
            else:
                outside = [p[m, i] for m in models if not inputs.mask[m, i]]
                reference = ((1 + a) * np.mean(outside) + (1 - a)) / 2
            ratios[model, i] = p[model, i] / reference / r_z
    return (ratios >= gamma).mean(axis=2), ratios


def slow_privacy_meter(inputs: Signals, folds: str, a: float) -> np.ndarray:
    """Offline RMIA of ML Privacy Meter, a sample and a model at a time.

    K pairs of reference models. P is the line above the mean of the K largest OUT probabilities: of x there are K, of
    z, OUT everywhere, 2 K. The score is the share of z with R(x) / R(z) > 1.
    """
    p, p_z = special.expit(inputs.margins), special.expit(inputs.population["margin"])
    scores = np.empty(p.shape)
    for model in range(len(p)):
        models = reference_models(model, len(p), folds)
        count = len(models) // 2

        def ratio(own, outside, count=count):
            return own / ((1 + a) / 2 * np.mean(sorted(outside, reverse=True)[:count]) + (1 - a) / 2)

        r_z = [ratio(p_z[model, z], [p_z[m, z] for m in models]) for z in range(p_z.shape[1])]
        for i in range(p.shape[1]):
            r_x = ratio(p[model, i], [p[m, i] for m in models if not inputs.mask[m, i]])
            scores[model, i] = np.mean([r_x / r > 1 for r in r_z])
    return scores


def slow_tan2023(inputs: Signals, folds: str) -> np.ndarray:
    """Every threshold midway between two of the reference losses of a sample is tried; the first best is taken."""
    losses = np.logaddexp(0, -inputs.margins)
    scores = np.empty(losses.shape)
    for model in range(len(losses)):
        inside, outside = (
            [np.logaddexp(0, -v) for v in reference_values(inputs, model, folds, m)] for m in (True, False)
        )
        for i, (of_in, of_out) in enumerate(zip(inside, outside, strict=True)):
            values = np.unique(np.concatenate([of_in, of_out]))
            cuts = [values[0], *((values[:-1] + values[1:]) / 2), np.inf]
            advantages = [(of_in < cut).mean() - (of_out < cut).mean() for cut in cuts]
            cut = cuts[int(np.argmax(np.round(advantages, 9)))]
            scores[model, i] = min(cut, values[-1]) - losses[model, i]
    return scores
