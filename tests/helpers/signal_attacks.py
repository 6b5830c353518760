"""Attacks that read more than the margin, each with the same by loops; worlds of their signals; score files of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from memdyn.attacks.base import Attack, folds_of
from memdyn.attacks.reads import Reads
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.jackknife import Pairs
from memdyn.store.scores import write_scores
from slow_attacks import reference_models
from worlds import complementary_mask

EPOCHS = [0, 2, 5]
CLASSES, VIEWS = 4, 2


@dataclass(frozen=True)
class Calibrated(Attack):
    """A number per (model, sample) less the mean over the OUT models that may calibrate it (Watson et al. 2022)."""

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        self.check(signals, folds)
        value = signals.arrays["value"]
        outside = signals.split(value)[1]
        scores = np.empty_like(value)
        for fold in folds_of(signals.half, folds):
            mean = fold.moments(outside)[0]
            for model in (0, 1):
                scores[model::2][fold.scored] = value[model::2][fold.scored] - mean
        return scores

    def one(self, values: Mapping[str, np.ndarray], label: int) -> float:
        """What `prepare` makes of one sample under one model, name -> [...], written as slowly as it is meant."""
        raise NotImplementedError


@dataclass(frozen=True)
class OnLogits(Calibrated):
    """The label's logit over that of the best other class."""

    reads = (Reads("logits"),)

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        logits = values["logits"]
        true = np.broadcast_to(values.labels[:, None], logits.shape[:2] + (1,))
        others = logits.copy()
        np.put_along_axis(others, true, -np.inf, axis=2)
        return {"value": np.take_along_axis(logits, true, axis=2)[..., 0] - others.max(axis=2)}

    def one(self, values: Mapping[str, np.ndarray], label: int) -> float:
        logits = list(values["logits"])
        true = logits.pop(label)
        return true - max(logits)


@dataclass(frozen=True)
class OnViews(Calibrated):
    """The lowest margin of two views, and the margin itself."""

    weight: float = 0.5
    reads = (Reads("margin"), Reads("margin", views=True))

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        return {"value": values["margin"] + self.weight * values["margin_views"].min(axis=2)}

    def one(self, values: Mapping[str, np.ndarray], label: int) -> float:
        return values["margin"] + self.weight * min(values["margin_views"])


@dataclass(frozen=True)
class OnHistory(Calibrated):
    """The mean margin over the checkpoints so far, later ones counting more."""

    reads = (Reads("margin", history=True),)

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        weights = np.array(values.checkpoints) + 1.0
        return {"value": (values["margin_history"] * weights).sum(axis=2) / weights.sum()}

    def one(self, values: Mapping[str, np.ndarray], label: int) -> float:
        past = values["margin_history"]
        weights = [epoch + 1.0 for epoch in EPOCHS[: len(past)]]
        return sum(w * margin for w, margin in zip(weights, past, strict=True)) / sum(weights)


@dataclass(frozen=True)
class Mixing(Calibrated):
    """What no attack may do: a sample's value depends on which others are prepared with it."""

    axis: int = 1

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        return {"value": values["margin"] - values["margin"].mean(axis=self.axis, keepdims=True)}


ATTACKS = [OnLogits(), OnViews(), OnHistory()]


def slow_scores(attack: Calibrated, given: Signals, folds: str) -> np.ndarray:
    """A model, a sample and a calibrating model at a time."""
    n_models, n_samples = given.mask.shape
    value = np.array(
        [
            [
                attack.one({name: array[m, i] for name, array in given.arrays.items()}, given.arrays.labels[i])
                for i in range(n_samples)
            ]
            for m in range(n_models)
        ]
    )
    scores = np.empty_like(value)
    for m in range(n_models):
        for i in range(n_samples):
            outside = [value[r, i] for r in reference_models(m, n_models, folds) if not given.mask[r, i]]
            scores[m, i] = value[m, i] - np.mean(outside)
    return scores


def signals_at(seed: int, n_models: int, n_samples: int, effect: float, epoch: int) -> dict[str, np.ndarray]:
    """Stored signals at a checkpoint, float32 [M, n, ...]; in half of the samples each model is higher by `effect`.

    Logits are those of class 0 as label; margin and views do not follow from them.
    """
    rng = np.random.default_rng([21, seed, epoch])
    hard = np.random.default_rng([22, seed]).normal(0, 2, n_samples)
    member = complementary_mask(np.random.default_rng([23, seed]), n_models, n_samples)
    raised = hard + effect * member

    def noisy(*shape: int) -> np.ndarray:
        noise = rng.normal(size=(n_models, n_samples, *shape))
        return (raised.reshape(*raised.shape, *[1] * len(shape)) + noise).astype(np.float32)

    logits = rng.normal(size=(n_models, n_samples, CLASSES)).astype(np.float32)
    logits[..., 0] += raised
    return {"margin": noisy(), "margin_views": noisy(VIEWS), "logits": logits}


@dataclass(frozen=True)
class Files:
    """A run in score files of three probes, and the same held whole."""

    scores: ShadowScores
    stored: dict[int, dict[str, np.ndarray]]

    def whole(self, attack: Attack, part: str, epoch: int) -> Signals:
        """What the attack reads of a part, not yet prepared, in one piece."""
        rows, population = self.scores.parts[part], self.scores.parts["population"]
        past = [each for each in self.stored if each <= epoch]
        arrays = {}
        for read in {*attack.reads, Reads("margin")}:
            arrays[read.name] = (
                np.stack([self.stored[each][read.source] for each in past], axis=2)
                if read.history
                else self.stored[epoch][read.source]
            )
        arrays = {name: array[self.scores.pairs.models].astype(np.float64) for name, array in arrays.items()}
        given = [
            Values({name: array[:, each] for name, array in arrays.items()}, self.scores.labels[each], tuple(past))
            for each in (rows, population)
        ]
        return Signals.of(*given, self.scores.masks[:, rows], self.scores.pairs)


def write_files(
    folder: Path,
    *,
    seed: int = 0,
    n_models: int = 16,
    n_samples: int = 40,
    n_population: int = 12,
    effect: float = 1.0,
    failed: Sequence[int] = (),
    logits: type = np.float32,
    epochs: Sequence[int] = EPOCHS,
) -> Files:
    """Scored samples, then 10 sham and the population samples, in blocks of 8 models; each signal a file of its own."""
    total = n_samples + 10 + n_population
    stored = {epoch: signals_at(seed, n_models, total, effect, epoch) for epoch in epochs}
    for found in stored.values():
        found["logits"] = found["logits"].astype(logits)
    sources: dict[str, list[Path]] = {"margin": [], "margin_views": [], "logits": []}
    for first in range(0, n_models, 8):
        models = range(first, min(first + 8, n_models))
        lost = [model for model in models if model in failed]
        for name, files in sources.items():
            files.append(folder / f"{name}-{first}.parquet")
            blocks = [(epoch, {name: stored[epoch][name][models.start : models.stop].copy()}) for epoch in epochs]
            for _, found in blocks:
                found[name][[model - first for model in lost]] = np.nan
            write_scores(files[-1], iter(blocks), models, np.arange(total), lost)
    pairs = Pairs.of(n_models, failed)
    masks = complementary_mask(np.random.default_rng([23, seed]), n_models, total)[pairs.models, : n_samples + 10]
    parts = {
        "scored": slice(0, n_samples),
        "sham": slice(n_samples, n_samples + 10),
        "population": slice(n_samples + 10, total),
        "test": slice(total, total),
    }
    held = {name: tuple(files) for name, files in sources.items()}
    world = ShadowScores(held, masks, parts, pairs, np.zeros(total, int), list(epochs), tuple(epochs))
    return Files(world, stored)


def of_the_first(files: Files, folder: Path, name: str, count: int) -> ShadowScores:
    """The run, with one signal of the pool's first samples alone, as a costly probe has it."""
    sources = [folder / f"{name}-of-{count}-{first}.parquet" for first in range(0, 16, 8)]
    for first, path in zip(range(0, 16, 8), sources, strict=True):
        blocks = [(epoch, {name: found[name][first : first + 8, :count]}) for epoch, found in files.stored.items()]
        write_scores(path, iter(blocks), range(first, first + 8), np.arange(count))
    return replace(files.scores, sources=files.scores.sources | {name: tuple(sources)})


def without(files: Files, name: str) -> ShadowScores:
    """The run, with one signal of its probes missing."""
    held = {key: value for key, value in files.scores.sources.items() if key != name}
    return replace(files.scores, sources=held)
