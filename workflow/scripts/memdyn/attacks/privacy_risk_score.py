"""The privacy risk score (Song & Mittal, USENIX Security 2021, "Systematic Evaluation of Privacy Risks of Machine
Learning Models", section 5): how probable it is that a sample is a member, given its modified entropy and its class.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, Fold, folds_of
from memdyn.attacks.classes import classes_of
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values

SMALLEST = 1e-10  # the paper's code takes smaller entropies for this


@dataclass(frozen=True)
class PrivacyRiskScore(Attack):
    """h_in / (h_in + h_out) of the bin that a sample's modified entropy lies in, a probability at equal priors.

    h_in and h_out are the class's histograms over the reference models, IN and OUT. Bins are equally wide in the log of
    the entropy, from the smallest to the largest reference value, [from, to) but for the last; what lies outside counts
    to the bin at that edge. An empty bin has the probability of the nearest one that is not, the lower of two.

    Samples of one bin differ only by what leaving their pair out does to its share, which the more members of the pair
    lie in the bin makes the lower. So on noise the pooled AUC is below 1/2 where classes are small (.497 at 125 samples
    each, whatever the number of models); per model it is 1/2.

    Attributes:
        bins: of each histogram.
    """

    bins: int
    reads: ClassVar[tuple[Reads, ...]] = (Reads("modified_entropy"),)
    threshold: ClassVar[float] = 0.5

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """The scores themselves."""
        return scores

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The log of the modified entropy."""
        return {"value": np.log(np.maximum(values["modified_entropy"], SMALLEST))}

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Probabilities [M, n]; see `Attack.score`."""
        self.check(signals, folds)
        values = signals.split(signals.arrays["value"])
        scores = np.empty_like(values[0]), np.empty_like(values[1])
        ways = folds_of(signals.half, folds)
        for own in classes_of(signals):
            of_class = values[0][:, own], values[1][:, own]
            for fold in ways:
                for pairs, found in _posteriors(*of_class, fold, self.bins):
                    for score, posterior in zip(scores, found, strict=True):
                        score[np.ix_(pairs, own)] = posterior
        return signals.join(*scores)


def _posteriors(
    inside: np.ndarray, outside: np.ndarray, fold: Fold, bins: int
) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]]:
    """(scored pairs [k], posteriors [k, n_c] of their IN and of their OUT models) of one class's values [P, n_c].

    Pairs whose references have the same smallest and largest value share their bins: left out by itself, only a pair
    that holds one of the two has others.
    """
    n_pairs = len(inside)
    scored, all_pairs = np.arange(n_pairs)[fold.scored], np.arange(n_pairs)
    limits = _limits(inside, outside, fold)
    for low, high in np.unique(limits, axis=0):
        pairs = scored[(limits == (low, high)).all(axis=1)]
        edges = np.linspace(low, high, bins + 1)[1:-1]
        which = [np.searchsorted(edges, side, side="right") for side in (inside, outside)]
        counts = [
            np.bincount((all_pairs[:, None] * bins + side).ravel(), minlength=n_pairs * bins).reshape(n_pairs, bins)
            for side in which
        ]
        if fold.references is None:
            of_references = [count.sum(axis=0) - count[pairs] for count in counts]
        else:
            of_references = [np.tile(count[fold.references].sum(axis=0), (len(pairs), 1)) for count in counts]
        posterior = _ratio(*of_references)
        yield pairs, tuple(np.take_along_axis(posterior, side[pairs], axis=1) for side in which)


def _limits(inside: np.ndarray, outside: np.ndarray, fold: Fold) -> np.ndarray:
    """The smallest and the largest reference value of each scored pair, [k, 2]."""
    low = np.minimum(inside.min(axis=1), outside.min(axis=1))
    high = np.maximum(inside.max(axis=1), outside.max(axis=1))
    if fold.references is not None:
        low, high = low[fold.references].min(), high[fold.references].max()
        return np.tile((low, high), (len(fold.scored), 1))
    return np.column_stack([_smallest_other(low), -_smallest_other(-high)])


def _smallest_other(values: np.ndarray) -> np.ndarray:
    """For each of the values [P] the smallest of the others, P >= 2."""
    first, second = np.partition(values, 1)[:2]
    only_smallest = np.arange(len(values)) == values.argmin()
    return np.where(only_smallest, second, first)


def _ratio(count_in: np.ndarray, count_out: np.ndarray) -> np.ndarray:
    """The posterior of each bin from counts [k, bins] of as many IN as OUT values, so that no divisor is needed."""
    both = count_in + count_out
    place = np.arange(both.shape[1])
    farther = 2 * np.abs(place[:, None] - place) + (place > place[:, None])  # of two equally near the lower
    nearest = np.where(both[:, None, :] > 0, farther, 2 * len(place) + 1).argmin(axis=2)
    return np.take_along_axis(count_in, nearest, axis=1) / np.take_along_axis(both, nearest, axis=1)
