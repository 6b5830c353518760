"""Attacks on models of any design: in folds, each scored with models of the others.

An attack is written for pairs of models, one IN and one OUT (`memdyn.attacks.base`). Of any other design pairs are
made, anew for each fold: of each sample the k-th IN and the k-th OUT model outside of the fold
(`memdyn.design.references`) are its k-th pair, and each model of the fold is a pair of itself and itself. The made-up
pairs are one half, those of the fold the other one, which the attack scores with the first, as in two-fold
cross-fitting. So nothing that an attack is given tells whether the scored model trained on the sample, and any attack
serves as it is.

On noise the AUC of a model is 1/2: who calibrates is drawn among as many IN and OUT models, whatever the model's own
membership, as long as models that depend on each other lie in one fold.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from memdyn.attacks.base import Attack
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.attacks.signals import Signals, Values
from memdyn.design.references import (
    n_references,
    n_references_without_one,
    order_of_models,
    references,
    there_are,
)
from memdyn.stats.jackknife import Pairs, TooFewModels


@dataclass(frozen=True)
class Models:
    """The models that take part; one that failed takes no other with it. It stands in the place of `Pairs`.

    Attributes:
        models: int [M], their numbers in the design, increasing.
        planned: models in the design.
    """

    models: np.ndarray
    planned: int

    @classmethod
    def of(cls, n_models: int, failed: Iterable[int] = ()) -> "Models":
        return cls(np.setdiff1d(np.arange(n_models), list(failed)), n_models)

    def __len__(self) -> int:
        return len(self.models)


@dataclass(frozen=True)
class Folded:
    """One checkpoint's signals as an attack has prepared them, of models in folds.

    Attributes:
        arrays: of the scored samples, [M, n, ...].
        population: the same signals [M, Z, ...] of samples that no model trained on.
        mask: bool [M, n], True where the model trained on the sample.
        margins: [M, n], of the scored samples as they were given: who is most vulnerable is no attack's own.
        fold: int [M], of each model.
        order: int [n, M], see `memdyn.design.references.order_of_models`.
    """

    arrays: Values
    population: Values
    margins: np.ndarray
    mask: np.ndarray
    fold: np.ndarray
    order: np.ndarray

    @cached_property
    def folds(self) -> np.ndarray:
        """int [K], numbers of the folds that have models."""
        return np.unique(self.fold)

    @cached_property
    def sizes(self) -> np.ndarray:
        """int [K], models of each."""
        return np.unique(self.fold, return_counts=True)[1]

    @cached_property
    def of_order(self) -> tuple[np.ndarray, np.ndarray]:
        """bool and int [n, M]: whether each model, in the order of the sample, trained on it, and the model's fold."""
        return np.take_along_axis(self.mask.T, self.order, axis=1), self.fold.astype(np.int16)[self.order]

    @cached_property
    def in_order(self) -> dict[str, np.ndarray]:
        """The arrays as [n, M, ...], models in the order of the sample."""
        return {
            name: np.take_along_axis(array.swapaxes(0, 1), _wider(self.order, array.ndim), axis=1)
            for name, array in self.arrays.items()
        }

    def exchanged(self, seed: int, draw: int) -> "Folded":
        """A random sample's memberships for each sample, so that the design stays and the leak goes; the null of it.

        Args:
            seed, draw: others give independent exchanges.
        """
        of_sample = np.random.default_rng([seed, draw]).permutation(self.mask.shape[1])
        return replace(self, mask=self.mask[:, of_sample])

    def n_references(self, attack: Attack) -> int:
        """How many IN and OUT models calibrate each score.

        Raises:
            TooFewModels: to calibrate the attack.
        """
        found, wanted = n_references(self.mask, self.fold), max(1, attack.min_references)
        if found < wanted:
            raise TooFewModels(
                f"{attack} needs {wanted} IN and {wanted} OUT models of a sample outside of the scored model's fold; "
                f"of {len(self.fold)} models in {len(self.folds)} folds there are {found}"
            )
        return found

    def n_references_without_one(self, attack: Attack) -> int:
        """The same without any one of the folds; 0 where that is too few to calibrate."""
        found = n_references_without_one(self.mask, self.fold)
        return found if found >= max(1, attack.min_references) else 0

    def score(self, attack: Attack, count: int, without: int | None = None) -> np.ndarray:
        """Scores float64 [M, n], each calibrated by `count` IN and OUT models of other folds; NaN where are fewer.

        Args:
            without: a fold that is left out: of its models there are no scores.

        Raises:
            ValueError: for an attack that gives no scores, or NaN.
        """
        left = self.fold != without
        scores = np.full(self.mask.shape, np.nan)
        for number in self.folds[self.folds != without]:
            scored, others = self.fold == number, left & (self.fold != number)
            seen = there_are(self.mask, others) >= count
            made = self.references(seen, (without, number), count)
            signals = self._signals(attack, np.flatnonzero(scored), np.flatnonzero(others), seen, made)
            scores[np.ix_(scored, seen)] = _checked(attack, attack.score_prepared(signals, "halves"), signals)[
                0 : 2 * np.count_nonzero(scored) : 2
            ]
        return scores[left]

    def references(
        self, seen: np.ndarray, without: Collection[int | None], count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The first `count` IN and OUT models of the samples seen that are of no fold in `without`, in their order.

        Returns:
            bool [seen, M] each; see `memdyn.design.references.references`.
        """
        member, fold = (each[seen] for each in self.of_order)
        allowed = np.ones(fold.shape, bool)
        for number in without:
            allowed &= fold != number
        return references(member, allowed, count)

    def _signals(
        self, attack: Attack, scored: np.ndarray, others: np.ndarray, seen: np.ndarray, made: tuple[np.ndarray, ...]
    ) -> Signals:
        """Pairs of the scored models with themselves, then the made-up pairs of the references.

        Args:
            scored, others: models of the fold, and those that may calibrate them.
            seen: bool [n], the samples.
            made: of `references`.
        """
        # the other half has to be scored by this one, though nobody wants to know
        padding = max(0, attack.min_references - len(scored))
        own, count = np.concatenate([scored, scored[:1].repeat(padding)]), int(made[0][0].sum()) if seen.any() else 0
        columns = slice(None) if seen.all() else seen  # no copies where nothing is left out
        arrays = {
            name: _joined(array[np.repeat(own, 2)][:, columns], self.in_order[name][columns], made, count)
            for name, array in self.arrays.items()
        }
        rows = np.concatenate([np.repeat(own, 2), others[: 2 * count]])
        known = self.arrays.labels, self.arrays.features
        labels, features = (None if each is None else each[seen] for each in known)
        half = np.repeat([0, 1], [len(own), count])
        return Signals(
            replace(self.arrays, arrays=arrays, labels=labels, features=features),
            replace(self.population, arrays={name: array[rows] for name, array in self.population.items()}),
            np.repeat(np.tile([True, False], len(half))[:, None], np.count_nonzero(seen), axis=1),
            half,
            Pairs.of(2 * len(half)),
        )


def _wider(index: np.ndarray, ndim: int) -> np.ndarray:
    return index[(..., *[None] * (ndim - 2))]


def _joined(own: np.ndarray, ordered: np.ndarray, made: tuple[np.ndarray, ...], count: int) -> np.ndarray:
    """Values [2P, n, ...] of pairs: own models [2S, n, ...], then IN and OUT ones by turns, chosen of [n, M, ...]."""
    values = np.empty((len(own) + 2 * count, *own.shape[1:]), own.dtype)
    values[: len(own)] = own
    for side, chosen in enumerate(made):
        of_side = ordered[chosen].reshape(len(ordered), count, *ordered.shape[2:])
        values[len(own) + side :: 2] = of_side.swapaxes(0, 1)
    return values


def _checked(attack: Attack, scores: np.ndarray, signals: Signals) -> np.ndarray:
    """The scores of an attack, as they are."""
    if np.shape(scores) != signals.mask.shape or np.isnan(scores).any():
        raise ValueError(
            f"{attack}: scores must be [models, samples] {signals.mask.shape} without NaN, got {np.shape(scores)}"
        )
    return np.asarray(scores)


@dataclass(frozen=True)
class FoldedScores(ShadowScores):
    """Score files of a run whose masks are of any design. Models that failed are left out, and no others."""

    @classmethod
    def left(cls, n_models: int, failed: Iterable[int]) -> Models:
        """All but those that failed."""
        return Models.of(n_models, failed)

    def for_attack(self, attack: Attack) -> "FoldedScores":
        """At those checkpoints only at which all that it reads was exported: at all of them."""
        return self

    def folded(self, attack: Attack, fold: np.ndarray, seed: int) -> Iterator[tuple[int, Folded]]:
        """(epoch, what the attack has made of its signals).

        Args:
            fold: int [planned models], of each.
            seed: of the order in which models calibrate, the same for all attacks, checkpoints and runs of a pool.
        """
        scored, population, left = self.parts["scored"], self.parts["population"], self.pairs.models
        mask, order = self.masks[:, scored], order_of_models(self.pairs.planned, scored.stop - scored.start, seed)
        if len(left) < self.pairs.planned:
            order = np.searchsorted(left, order[np.isin(order, left)]).reshape(-1, len(left))
        for epoch in self.epochs:
            values = (self._in_chunks(attack, epoch, rows) for rows in (scored, population))
            margins = self.signal(epoch, "margin", scored).astype(np.float64)
            yield epoch, Folded(*values, margins, mask, fold[left], order)
