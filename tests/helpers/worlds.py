"""Synthetic margins with a known truth, for the tests of attacks and their statistics."""

from collections.abc import Callable

import numpy as np

from memdyn.attacks.base import Attack, Prepared
from memdyn.attacks.signals import Signals


def complementary_mask(rng: np.random.Generator, n_models: int, n_samples: int) -> np.ndarray:
    """Random masks [M, n]; model 2k + 1 has the complement of model 2k."""
    mask = np.empty((n_models, n_samples), dtype=bool)
    mask[0::2] = rng.random((n_models // 2, n_samples)) < 0.5
    mask[1::2] = ~mask[0::2]
    return mask


def prepared_by(attack: Attack, load: Callable[[int], Signals]) -> Callable[[int], Prepared]:
    """What the evaluation of an attack is given, of signals that are held whole."""
    return lambda epoch: Prepared.of(attack, load(epoch))


def gaussian_world(
    seed: int,
    n_models: int,
    n_samples: int,
    d_prime: float,
    *,
    n_population: int = 50,
    spread: float = 0.5,
    model_effect: float = 0.0,
    samples_seed: int | None = None,
) -> Signals:
    """Normal margins: sample means N(1, 2), log standard deviations N(0, spread), members d' deviations higher.

    model_effect moves all margins of a model together; samples_seed fixes the samples while seed draws the models.
    """
    rng = np.random.default_rng([1, seed])
    samples = np.random.default_rng([2, seed if samples_seed is None else samples_seed])
    mean, deviation = samples.normal(1, 2, n_samples), np.exp(spread * samples.normal(size=n_samples))
    mask = complementary_mask(rng, n_models, n_samples)
    shared = model_effect * rng.normal(size=(n_models, 1))
    margins = mean + deviation * (rng.normal(size=mask.shape) + shared + d_prime * mask)
    return Signals.of_margins(
        margins, mask, samples.normal(1, 2, n_population) + rng.normal(size=(n_models, n_population))
    )


def uneven_targets(seed: int, n_models: int = 16, n_samples: int = 600) -> Signals:
    """Models that differ in overall confidence: each multiplies all of its margins by a factor of its own."""
    world = gaussian_world(seed, n_models, n_samples, 1.0, n_population=600)
    factor = np.exp(0.3 * np.random.default_rng([3, seed]).normal(size=(n_models, 1)))
    return Signals.of_margins(factor * world.margins, world.mask, factor * world.population["margin"])
