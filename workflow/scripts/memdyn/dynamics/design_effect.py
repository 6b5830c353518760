"""How much more a sample's counted rates scatter than independent trials would: the design effect (Kish 1965).

Decisions of a cross-fitted attack share their calibration: a threshold that is a little off calls a sample a member in
many models at once. The share does not fall with the number of models where membership hardly shows, so the design
effect grows with it, and has to be estimated.

Two random halves of the pairs, each calibrated and counted wholly inside, repeat the experiment with half as many
models, independently. Half of their squared difference is the variance of a rate at P/2 pairs, calibration and all:

    v (1 / (P/2)) + b = e_half v / (P/2)        v of one trial, b of the calibration, e_half the design effect

At P pairs the calibration is no worse, so with the same b the design effect is at most e = 1 + 2 (e_half - 1). The two
halves of the attack's own cross-fitting will not do: each calibrates the other, so they err together (at d' = 0 the
variance of the advantage is up to 2.5 times as large as their difference says).

One sample's difference says little, so samples with similar d' are pooled: the effect depends on d' above all. As d' is
known with noise, a sample takes the largest effect of its bin and of those beside it. Never below 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

QUANTITIES = ("tpr", "fpr", "advantage")
SPLITS = 4  # random splits into halves: a split more adds little, since all share the same models
MOST_BINS, SMALLEST_BIN = 10, 10  # of samples


@dataclass(frozen=True)
class Called:
    """Decisions of one half: pairs [n] whose IN model, whose OUT model, and both of whose models are called members."""

    d_in: np.ndarray
    d_out: np.ndarray
    d_both: np.ndarray
    pairs: int

    def rates(self) -> np.ndarray:
        """TPR, FPR and advantage, [3, n]."""
        tpr, fpr = self.d_in / float(self.pairs), self.d_out / float(self.pairs)
        return np.stack([tpr, fpr, tpr - fpr])

    def differing(self) -> np.ndarray:
        """Share [n] of the pairs whose models are called differently."""
        return (self.d_in.astype(float) + self.d_out - 2.0 * self.d_both) / self.pairs


def design_effects(halves: Sequence[tuple[Called, Called]], n_pairs: int, d_prime: np.ndarray) -> np.ndarray:
    """Design effects [3, n] of `QUANTITIES` at all pairs; NaN where there are no halves.

    Args:
        halves: of each random split, both counted as worlds of their own.
        n_pairs: of all models.
        d_prime: [n], by which samples are binned.
    """
    n_samples = len(d_prime)
    if not halves:
        return np.full((len(QUANTITIES), n_samples), np.nan)
    squares, trials = np.zeros((2, len(QUANTITIES), n_samples))
    for first, second in halves:
        squares += (first.rates() - second.rates()) ** 2
        trials += (1 / first.pairs + 1 / second.pairs) * _of_one_trial(first, second)
    n_bins = np.clip(n_samples // SMALLEST_BIN, 1, MOST_BINS)
    place = np.argsort(np.argsort(d_prime, kind="stable"), kind="stable") * n_bins // n_samples
    sums = [np.stack([np.bincount(place, row, n_bins) for row in values]) for values in (squares, trials)]
    effect = np.divide(*sums, out=np.ones_like(sums[0]), where=sums[1] > 0)
    larger = np.mean([n_pairs * (1 / first.pairs + 1 / second.pairs) / 2 for first, second in halves])
    effect = np.maximum(1, 1 + larger * (effect - 1))
    beside = np.pad(effect, ((0, 0), (1, 1)), mode="edge")
    return np.maximum(np.maximum(beside[:, :-2], effect), beside[:, 2:])[:, place]


def _of_one_trial(first: Called, second: Called) -> np.ndarray:
    """Variance [3, n] of one pair's decisions; products of independent halves make it unbiased."""
    a, b = first.rates(), second.rates()
    variance = (a * (1 - b) + b * (1 - a)) / 2
    variance[2] = (first.differing() + second.differing()) / 2 - a[2] * b[2]
    return variance
