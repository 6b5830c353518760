"""What all attacks share: the interface, and the folds that keep a scored model out of its own calibration."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from memdyn.attacks import REGISTRY
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values
from memdyn.registry import resolve
from memdyn.stats.jackknife import TooFewModels

FOLDS = {"pairs": "pairs", "halves": "2"}
"""Ways to cross-fit, and their names in tables: leave one pair out; each half of the pairs scored by the other."""


class Attack(ABC):
    """One membership inference attack with its options; subclasses are frozen dataclasses.

    Attributes:
        reads: the signals that it is given, written out in the class: they are asked for before any job.
        threshold: the score from which on (>=) the likelihood ratio is at least 1; None where there is none.
        exchangeable: exchanging IN and OUT of a pair exchanges their scores and leaves all others as they are.
        min_references: how many pairs the calibration of one model needs at least.
    """

    reads: ClassVar[tuple[Reads, ...]] = (Reads("margin"),)
    threshold: float | None = None
    exchangeable: bool = False
    min_references: ClassVar[int] = 1

    def score(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores float64 [M, n], higher = member; never calibrated with the scored model's pair.

        Args:
            signals: one checkpoint's, with what the attack reads.
            folds: "pairs" (leave one pair out) or "halves" (two-fold by pairs).

        Raises:
            TooFewModels: where there are too few pairs to calibrate.
        """
        return self.score_prepared(signals.map(self.prepare), folds)

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """What the attack makes of its signals once a checkpoint, before any calibration: as they are, if not told.

        It is called for some models and some samples at a time, scored ones and population alike, so that wide signals
        are never held whole. So it must be a function per (model, sample): what it makes of one may depend on the
        signals and the label of that sample under that model alone, and on no other model or sample (a mean, a rank, a
        shape). What does depend on them is calibration, and belongs in `score_prepared`. Who trained on what is not
        given: the null exchanges memberships after it.

        Args:
            values: the signals of `reads`, [models, samples, ...].

        Returns:
            name -> float64 [models, samples, ...] without NaN, of any names; `Values` may be handed back as they are.
        """
        return values

    @abstractmethod
    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """`score` of what `prepare` has made of the signals: called for all models, and for every refit.

        Args:
            signals: all models of a refit, all samples.
            folds: see `score`; `folds_of(signals.half, folds)` are the pairs that may calibrate each pair.
        """

    def score_pairs(self, signals: Signals, folds: str) -> tuple[np.ndarray, np.ndarray]:
        """`score_prepared` as the scores of each pair's IN and of its OUT model, [P, n] each."""
        return signals.split(self.score_prepared(signals, folds))

    def min_pairs(self, folds: str) -> int:
        """The smallest number of pairs that can be scored with these folds."""
        return max(1, 1 + self.min_references if folds == "pairs" else 2 * self.min_references)

    def can_score(self, half: np.ndarray, folds: str) -> bool:
        """Whether each of the pairs in these halves [P] has enough others to be calibrated with."""
        return all(fold.count >= self.min_references for fold in folds_of(half, folds))

    def check(self, signals: Signals, folds: str) -> None:
        """Raises TooFewModels where there are too few pairs to calibrate."""
        self.check_pairs(signals.half, signals.pairs.planned, folds)

    def check_pairs(self, half: np.ndarray, planned: int, folds: str) -> None:
        """The same of pairs that lie in these halves [P], of so many in the design."""
        if not self.can_score(half, folds):
            failed = planned - len(half)
            raise TooFewModels(
                f"{self} with folds {folds!r} needs at least {2 * self.min_pairs(folds)} models, got {2 * len(half)}"
                + (f" (models that diverged took {failed} pairs away, perhaps of one half)" if failed else "")
            )


@dataclass(frozen=True)
class Prepared:
    """One checkpoint as the figures of one attack need it.

    Attributes:
        margins: the raw margin, which figures of no attack's own are of (who is most vulnerable, d').
        signals: what `Attack.prepare` has made of the attack's signals.
    """

    margins: Signals
    signals: Signals

    @classmethod
    def of(cls, attack: Attack, signals: Signals) -> "Prepared":
        """Of signals that are held whole, the margin among them."""
        return cls(signals, signals.map(attack.prepare))

    @property
    def mask(self) -> np.ndarray:
        """bool [M, n]."""
        return self.margins.mask

    @property
    def n_pairs(self) -> int:
        return self.margins.n_pairs

    def take(self, pairs: np.ndarray) -> "Prepared":
        """Some pairs only (indices); what attack and figures share is copied once."""
        margins = self.margins.take(pairs)
        return Prepared(margins, margins if self.signals is self.margins else self.signals.take(pairs))


def build(options: Mapping[str, Any]) -> Attack:
    """The attack of a config section: its registered class with the other options as arguments."""
    rest = {key: value for key, value in options.items() if key != "name"}
    return resolve(REGISTRY, options["name"])(**rest)


@dataclass(frozen=True)
class Fold:
    """Pairs that are scored together, and the pairs that they are scored with.

    Attributes:
        scored: the scored pairs, as an index.
        references: the pairs of the calibration; None: all but the scored one, each pair a fold of its own.
        count: how many pairs calibrate each scored pair.
    """

    scored: slice | np.ndarray
    references: np.ndarray | None
    count: int

    def means(self, values: np.ndarray) -> np.ndarray:
        """Means of positive values [P, n] over the references: [F, n], F = 1 or one row a scored pair.

        Leave-one-out sums are prefix + suffix sums: nothing is subtracted, so nothing cancels.
        """
        if self.references is not None:
            return values[self.references].mean(axis=0, keepdims=True)
        sums = np.zeros_like(values)
        np.cumsum(values[:-1], axis=0, out=sums[1:])
        sums[:-1] += np.cumsum(values[:0:-1], axis=0)[::-1]
        return sums / self.count

    def moments(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and centred sums of squares of values [P, n] over the references: [F, n] each.

        Leave-one-out moments are merged from those of the pairs before and after (Chan, Golub & LeVeque 1979): nothing
        cancels, and the pair's own value enters nowhere, not even in the rounding. (Downdated from those of all pairs,
        scores that should be tied would differ in the last bits by the pair's own membership, which a ROC sees.)
        """
        if self.references is not None:
            kept = values[self.references]
            mean = kept.mean(axis=0, keepdims=True)
            deviation = kept - mean
            return mean, np.einsum("pn,pn->n", deviation, deviation)[None]
        return _moments_without_each(values)

    def medians(self, values: np.ndarray) -> np.ndarray:
        """Medians of values [P, n] over the references: [F, n], from one sort; the pair's own value enters nowhere."""
        if self.references is not None:
            return np.median(values[self.references], axis=0, keepdims=True)
        order = np.argsort(values, axis=0, kind="stable")
        place = np.empty_like(order)
        np.put_along_axis(place, order, np.arange(len(values))[:, None], axis=0)
        ranked, middle = np.take_along_axis(values, order, axis=0), ((self.count - 1) // 2, self.count // 2)
        low, high = (np.where(place <= rank, ranked[rank + 1], ranked[rank]) for rank in middle)
        return (low + high) / 2


def _moments_without_each(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and centred sums of squares of all other rows of values [P, n]: [P, n] each.

    In place, a row at a time: passes over memory are what takes the time.
    """
    last = len(values) - 1
    means, squares = np.empty_like(values), np.empty_like(values)
    means[0] = squares[0] = 0
    step, other, mean, sum_of_squares = np.zeros((4, *values.shape[1:]))
    for k in range(last):  # of the rows before (Welford 1962)
        np.subtract(values[k], means[k], out=step)
        np.divide(step, k + 1, out=means[k + 1])
        means[k + 1] += means[k]
        np.subtract(values[k], means[k + 1], out=other)
        other *= step
        np.add(squares[k], other, out=squares[k + 1])
    for k in range(last, -1, -1):  # merged with those of the rows after
        after = last - k
        np.subtract(mean, means[k], out=step)
        np.multiply(step, after / last, out=other)
        means[k] += other
        squares[k] += sum_of_squares
        step *= step
        step *= k * after / last
        squares[k] += step
        np.subtract(values[k], mean, out=step)
        np.divide(step, after + 1, out=other)
        mean += other
        np.subtract(values[k], mean, out=other)
        other *= step
        sum_of_squares += other
    return means, squares


def folds_of(half: np.ndarray, folds: str) -> list[Fold]:
    """The folds of a way to cross-fit pairs that lie in these halves [P]; empty folds are left out.

    Raises:
        ValueError: for an unknown way.
    """
    if folds not in FOLDS:
        raise ValueError(f"unknown folds {folds!r}; allowed: {', '.join(FOLDS)}")
    if folds == "pairs":
        return [Fold(slice(None), None, len(half) - 1)]
    first, second = (np.flatnonzero(half == side) for side in (0, 1))
    pairs = ((first, second), (second, first))
    return [Fold(scored, references, len(references)) for scored, references in pairs if len(scored)]
