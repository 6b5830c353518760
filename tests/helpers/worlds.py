"""Synthetic margins with a known truth, for the tests of attacks and their statistics."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from memdyn.attacks.base import Attack, Prepared
from memdyn.attacks.signals import Signals, Values

CLASSES = 4
OTHERS = np.log([0.6, 0.3, 0.1])  # logits of the classes that are not the label, whose logit is the margin


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


def with_outputs(world: Signals) -> Signals:
    """The same with all signals of outputs and with logits, all following from the margins; sample i is of class i % 4.

    Attacks that read the margin alone see no difference.
    """
    return Signals.of(*(outputs_of(part["margin"]) for part in (world.arrays, world.population)), world.mask)


def outputs_of(margins: np.ndarray) -> Values:
    """Signals of margins [M, n]: a model that is sure of another class than the label is sure of the next one."""
    labels = np.arange(margins.shape[1]) % CLASSES
    logits = np.empty((*margins.shape, CLASSES))
    for place, logit in enumerate([None, *OTHERS]):
        np.put_along_axis(
            logits,
            np.broadcast_to(((labels + place) % CLASSES)[:, None], (*margins.shape, 1)),
            np.full((*margins.shape, 1), logit) if place else margins[..., None],
            axis=2,
        )
    p = np.exp(logits - np.logaddexp.reduce(logits, axis=2)[..., None])
    label = np.arange(CLASSES) == labels[:, None]
    of_label = np.where(label, p, 0).sum(axis=2)
    rest = np.where(label, 0, p * np.log1p(-np.where(label, 0, p))).sum(axis=2)
    arrays = {
        "margin": margins,
        "gap": margins - OTHERS[0],
        "entropy": -(p * np.log(p)).sum(axis=2),
        "modified_entropy": -(1 - of_label) * np.log(of_label) - rest,
        "logits": logits,
        "margin_views": np.stack([margins, margins + 0.3 * np.sin(7 * margins)], axis=2),
        "gap_views": np.stack([margins, margins + 0.3 * np.sin(7 * margins)], axis=2) - OTHERS[0],
        "embedding_norms": np.stack([np.exp(margins / 4) + place for place in range(4)], axis=2),
        "gradient_norm": np.exp(-margins / 8),
        "margin_students": np.stack([0.8 * margins + np.round(np.sin(5 * margins + k), 3) for k in range(3)], axis=2),
        "adversarial_distance": margins - OTHERS[0],
        "boundary_distance": np.maximum(margins - OTHERS[0], 0),
        "margin_history": np.stack(
            [np.round(np.sin(7 * margins), 3), margins + np.round(np.cos(5 * margins), 3), margins], axis=2
        ),
    }
    # of the sample alone: neither model nor membership is in it
    features = np.sin(np.arange(1, margins.shape[1] + 1)[:, None] * [1.0, 2.0, 3.0])
    return Values(arrays, labels, checkpoints=(0, 1, 2), features=features)


def of_samples(world: Signals, chosen: np.ndarray) -> Signals:
    """Some of the scored samples (indices), in the order given."""
    arrays = {name: array[:, chosen] for name, array in world.arrays.items()}
    labels, features = (None if each is None else each[chosen] for each in (world.arrays.labels, world.arrays.features))
    values = replace(world.arrays, arrays=arrays, labels=labels, features=features)
    return replace(world, arrays=values, mask=world.mask[:, chosen])


def uneven_targets(seed: int, n_models: int = 16, n_samples: int = 600) -> Signals:
    """Models that differ in overall confidence: each multiplies all of its margins by a factor of its own."""
    world = gaussian_world(seed, n_models, n_samples, 1.0, n_population=600)
    factor = np.exp(0.3 * np.random.default_rng([3, seed]).normal(size=(n_models, 1)))
    return Signals.of_margins(factor * world.margins, world.mask, factor * world.population["margin"])


def readable_by(attack: Attack, world: Signals) -> Signals:
    """The world with what an attack reads besides the margin, if anything."""
    plain = {read.name for read in attack.reads} == {"margin"} and getattr(attack, "proxies", None) != "class"
    return world if plain else with_outputs(world)
