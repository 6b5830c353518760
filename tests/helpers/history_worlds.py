"""Worlds of margins over checkpoints, with a known answer."""

import numpy as np
from scipy import stats

from memdyn.attacks.signals import Signals, Values
from worlds import complementary_mask


def over_time(history: np.ndarray, mask: np.ndarray, population: np.ndarray) -> Signals:
    """Signals of margins [M, n, T] and [M, Z, T], the last checkpoint being the attacked one."""

    def values(margins: np.ndarray) -> Values:
        arrays = {"margin": margins[:, :, -1], "margin_history": margins}
        return Values(arrays, checkpoints=tuple(range(margins.shape[2])))

    return Signals.of(values(history), values(population), mask)


def with_history(world: Signals) -> Signals:
    """A world of margins with two earlier checkpoints, functions of the margin at (model, sample): none says more."""

    def past(values: Values) -> dict[str, np.ndarray]:
        margin = values["margin"]
        earlier = [np.round(np.sin(7 * margin), 3), margin + np.round(np.cos(5 * margin), 3)]
        return {"margin": margin, "margin_history": np.stack([*earlier, margin], axis=2)}

    return world.map(past)


def autoregressive(
    seed: int,
    n_models: int,
    n_samples: int,
    rho: float,
    effect: np.ndarray,
    *,
    spread: float = 0.5,
    noise: str = "normal",
    model_effect: float = 0.0,
    samples_seed: int | None = None,
) -> Signals:
    """Each sample's margins over T checkpoints are an AR(1) of correlation rho, members higher by effect [T].

    Effects are in the sample's own standard deviation, whose logarithm is N(0, spread).

    Args:
        noise: "normal"; "heavy": Student t with 5 degrees of freedom, a (model, sample) having one scale throughout; or
            "ties": margins rounded to 0.5.
        samples_seed: fixes the samples while seed draws the models.
        model_effect: moves all margins of a model together.
    """
    rng, samples = (
        np.random.default_rng([5, seed]),
        np.random.default_rng([6, seed if samples_seed is None else samples_seed]),
    )
    mask = complementary_mask(rng, n_models, n_samples)
    shape = (n_models, n_samples, len(effect))
    error = np.empty(shape)
    error[..., 0] = rng.normal(size=shape[:2])
    for t in range(1, len(effect)):
        error[..., t] = rho * error[..., t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=shape[:2])
    if noise == "heavy":
        error *= np.sqrt(5 / rng.chisquare(5, (*shape[:2], 1)))
    error += model_effect * rng.normal(size=(n_models, 1, 1))
    deviation = np.exp(spread * samples.normal(size=(n_samples, 1)))
    history = samples.normal(1, 2, (n_samples, 1)) + deviation * (error + np.asarray(effect) * mask[..., None])
    if noise == "ties":
        history = np.round(2 * history) / 2
    return over_time(history, mask, rng.normal(size=(n_models, 20, len(effect))))


def best_auc(rho: float, effect: np.ndarray) -> float:
    """Of the likelihood ratio of all checkpoints, with everything known: Phi(Mahalanobis distance / sqrt 2)."""
    covariance = rho ** np.abs(np.subtract.outer(np.arange(len(effect)), np.arange(len(effect))))
    return float(stats.norm.cdf(np.sqrt(effect @ np.linalg.solve(covariance, effect) / 2)))
