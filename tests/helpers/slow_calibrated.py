"""Attacks calibrated per sample, as papers and published tools define them: a model and a sample at a time."""

import numpy as np
from scipy import special, stats

from memdyn.attacks.signals import Signals
from slow_attacks import reference_models


def lists(given: Signals, values: np.ndarray, model: int, folds: str) -> tuple[list, list]:
    """Of values [M, n, ...], a list a sample of those of reference models that trained on it, and that did not."""
    models = reference_models(model, len(given.mask), folds)
    found = []
    for member in (True, False):
        found.append(
            [np.array([values[m, i] for m in models if given.mask[m, i] == member]) for i in range(len(values[0]))]
        )
    return tuple(found)


def slow_published(
    given: Signals, values: np.ndarray, folds: str, mode: str, variance: str, dialect: str
) -> np.ndarray:
    """LiRA of carlini2022, tfp or leakpro on values [M, n, views], higher = member, mean over views."""
    scores = np.empty(values.shape[:2])
    for model in range(len(values)):
        inside, outside = lists(given, values, model, folds)
        n_references = len(inside[0]) + len(outside[0])
        own = n_references >= 64 if variance == "switched" else variance == "per_sample"
        if dialect == "carlini2022":
            shortest = min(map(len, inside)), min(map(len, outside))
            inside, outside = [x[: shortest[0]] for x in inside], [x[: shortest[1]] for x in outside]
            of_out = inside if mode == "online" else outside  # as their code has it
            everything = {"in": np.std(np.array(inside)), "out": np.std(np.array(of_out))}
        elif dialect == "tfp":
            everything = {
                name: np.std(np.concatenate([x - np.median(x, axis=0) for x in side]))
                for name, side in (("in", inside), ("out", outside))
            }
        else:
            everything = {"in": np.std(np.concatenate(inside)), "out": np.std(np.concatenate(outside))}
        centre = np.mean if dialect == "leakpro" else np.median
        laws = {}
        for name, side in (("in", inside), ("out", outside)):
            deviations = [np.std(x, axis=0) if own else np.full(x.shape[1:], everything[name]) for x in side]
            laws[name] = stats.norm(np.array([centre(x, axis=0) for x in side]), np.array(deviations) + 1e-30)
        if mode == "online":
            score = laws["in"].logpdf(values[model]) - laws["out"].logpdf(values[model])
        elif dialect == "leakpro":
            score = laws["out"].logcdf(values[model])
        else:
            score = -laws["out"].logpdf(values[model])
        scores[model] = np.mean(score, axis=1)
    return scores


def slow_bavaria(given: Signals, folds: str, mode: str, law: str, kappa0: float, nu0: float) -> np.ndarray:
    """A normal-inverse-gamma prior in its textbook form (Murphy 2007, section 6): mu, kappa, alpha, beta."""
    scores = np.empty(given.mask.shape)
    for model in range(len(scores)):
        predictive = []
        for side in lists(given, given.margins, model, folds):
            mu0 = np.mean([x.mean() for x in side])
            alpha0, beta0 = nu0 / 2, nu0 / 2 * np.mean([x.var(ddof=1) for x in side])
            parameters = []
            for x in side:
                n = len(x)
                kappa, alpha = kappa0 + n, alpha0 + n / 2
                mu = (kappa0 * mu0 + n * x.mean()) / kappa
                beta = beta0 + ((x - x.mean()) ** 2).sum() / 2 + kappa0 * n * (x.mean() - mu0) ** 2 / (2 * kappa)
                parameters.append((mu, kappa, alpha, beta))
            mu, kappa, alpha, beta = np.array(parameters).T
            if law == "normal":
                predictive.append(stats.norm(mu, np.sqrt(stats.invgamma(alpha, scale=beta).mean())))
            else:
                predictive.append(stats.t(2 * alpha, mu, np.sqrt(beta * (kappa + 1) / (alpha * kappa))))
        inside, outside = predictive
        x = given.margins[model]
        scores[model] = inside.logpdf(x) - outside.logpdf(x) if mode == "online" else -outside.logsf(x)
    return scores


def slow_difficulty(given: Signals, folds: str, signal: str) -> np.ndarray:
    values = given.margins if signal == "margin" else -np.logaddexp(0, -given.margins)
    scores = np.empty(values.shape)
    for model in range(len(values)):
        _, outside = lists(given, values, model, folds)
        scores[model] = [values[model, i] - x.mean() for i, x in enumerate(outside)]
    return scores


def slow_ye(given: Signals, folds: str, reference: str, smoothing: str) -> np.ndarray:
    losses, of_population = np.logaddexp(0, -given.margins), np.logaddexp(0, -given.population["margin"])
    scores = np.empty(losses.shape)
    for model in range(len(losses)):
        _, outside = lists(given, losses, model, folds)
        for i, own in enumerate(losses[model]):
            others = outside[i] if reference == "models" else of_population[model]
            scores[model, i] = -(
                log_normal_level(own, others)
                if smoothing == "logit_normal"
                else np.log(first_level(own, others, smoothing))
            )
    return scores


def first_level(own: float, losses: np.ndarray, smoothing: str) -> float:
    """inf {alpha: own < quantile(alpha)}, of the quantile functions of Ye et al.'s code."""
    total = len(losses)
    if smoothing == "empirical":
        return (1 + sum(loss <= own for loss in losses)) / (total + 1)
    levels = np.linspace(0, 1, total + 2)
    knots = np.sort([0.0, *losses, 1000.0])  # what np.quantile passes through at these levels
    for k in range(total + 1):
        if own < knots[k + 1]:
            return float(levels[k] + (own - knots[k]) / (knots[k + 1] - knots[k]) / (total + 1))
    return 1.0


def log_normal_level(own: float, losses: np.ndarray) -> float:
    """log of the level where the quantile function is that of a normal logit; 1e-6 is the least deviation."""
    mean, deviation = stats.norm.fit(special.logit(np.exp(-losses)))
    return float(stats.norm.logsf(special.logit(np.exp(-own)), mean, max(deviation, 1e-6)))


def slow_proxy(given: Signals, folds: str, proxies: str, neighbours: int, variance: str) -> np.ndarray:
    """Proxies from lists of samples; OUT variance per sample or pooled."""
    n = given.mask.shape[1]
    scores = np.empty(given.mask.shape)
    for model in range(len(scores)):
        inside, outside = lists(given, given.margins, model, folds)
        pooled = np.sqrt(np.mean([x.var(ddof=1) for x in outside]))
        order = sorted(range(n), key=lambda i: outside[i].mean())
        for i in range(n):
            others = [j for j in range(n) if j != i]
            if proxies == "class":
                same = [j for j in others if given.arrays.labels[j] == given.arrays.labels[i]]
                others = same or others
            elif proxies == "nearest":
                width = min(neighbours, n - 1)
                first = min(max(order.index(i) - width // 2, 0), n - 1 - width)
                others = [j for j in order[first : first + width + 1] if j != i]
            theirs = np.concatenate([inside[j] for j in others])
            deviation = pooled if variance == "global" else outside[i].std(ddof=1)
            x = given.margins[model, i]
            scores[model, i] = stats.norm.logpdf(x, theirs.mean(), theirs.std()) - stats.norm.logpdf(
                x, outside[i].mean(), deviation
            )
    return scores
