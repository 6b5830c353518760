"""Masks as other tools draw them, and worlds of known answers for them."""

from collections.abc import Callable

import numpy as np

from memdyn.attacks.folds import Folded
from memdyn.attacks.signals import Signals, Values
from memdyn.design.references import order_of_models

Masks = Callable[[np.random.Generator, int, int], np.ndarray]
ROUND = 4  # models of a cross-validation


def half_of_the_models(rng: np.random.Generator, n_models: int, n_samples: int) -> np.ndarray:
    """Each sample in exactly half of the models (Carlini et al. 2022)."""
    return rng.random((n_models, n_samples)).argsort(axis=0) < n_models // 2


def half_of_the_samples(rng: np.random.Generator, n_models: int, n_samples: int) -> np.ndarray:
    """A random half of the samples for each model."""
    return rng.random((n_models, n_samples)).argsort(axis=1) < n_samples // 2


def coins(rng: np.random.Generator, n_models: int, n_samples: int) -> np.ndarray:
    """A fair coin for each model and sample."""
    return rng.random((n_models, n_samples)) < 0.5


def cross_validations(rng: np.random.Generator, n_models: int, n_samples: int) -> np.ndarray:
    """Round after round of new folds, each model trained on all but one of them."""
    rounds = [rng.permutation(np.arange(n_samples) % ROUND) for _ in range(n_models // ROUND)]
    return np.array([fold != number for fold in rounds for number in range(ROUND)])


DESIGNS = (half_of_the_models, half_of_the_samples, coins, cross_validations)


def folds_of_design(design: Masks, n_models: int, most: int = 16) -> np.ndarray:
    """Of each model: rounds of cross-validation stay together."""
    return (np.arange(n_models) // (ROUND if design is cross_validations else 1)) % most


def folded_world(
    seed: int, design: Masks, n_models: int, n_samples: int, d_prime: float, model_effect: float = 0.0
) -> Folded:
    """Margins N(mean of the sample, 1), of members d' higher; model_effect moves all margins of a model together."""
    rng, samples = np.random.default_rng([31, seed]), np.random.default_rng(32)
    mask = design(rng, n_models, n_samples)
    shared = model_effect * rng.normal(size=(n_models, 1))
    margins = samples.normal(1, 2, n_samples) + rng.normal(size=mask.shape) + shared + d_prime * mask
    population = samples.normal(1, 2, 50) + rng.normal(size=(n_models, 50)) + shared
    return folded(Values({"margin": margins}), Values({"margin": population}), mask, folds_of_design(design, n_models))


def folded(arrays: Values, population: Values, mask: np.ndarray, fold: np.ndarray, seed: int = 0) -> Folded:
    margins = arrays["margin"] if "margin" in arrays else np.full(mask.shape, np.nan)
    return Folded(arrays, population, margins, mask, fold, order_of_models(*mask.shape, seed))


def of_pairs(world: Signals) -> Folded:
    """A world of complementary pairs, each pair a fold."""
    return folded(world.arrays, world.population, world.mask, np.arange(len(world.mask)) // 2)
