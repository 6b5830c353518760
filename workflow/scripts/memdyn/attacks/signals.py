"""What an attack sees of one checkpoint, in models and in complementary pairs of models."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from memdyn.stats.jackknife import Pairs


@dataclass(frozen=True)
class Signals:
    """One checkpoint's signals: models 2k and 2k + 1 are pair k, with complementary masks.

    Attributes:
        signal: float64 [M, n], of each model on each sample; the margin, until an attack maps it.
        mask: bool [M, n], True where the model trained on the sample.
        population: float64 [M, Z], of each model on samples that no model trained on.
        half: int [P], 0 or 1: the half of each pair in two-fold cross-fitting. A pair keeps it when others leave,
            or the jackknife would see the noise of another split in each of its values.
        pairs: the pairs' numbers in the design, which their groups in the jackknife belong to.
    """

    signal: np.ndarray
    mask: np.ndarray
    population: np.ndarray
    half: np.ndarray
    pairs: Pairs

    @classmethod
    def of(cls, margins: np.ndarray, mask: np.ndarray, population: np.ndarray, pairs: Pairs | None = None) -> "Signals":
        """Checked inputs from margins of any float type, of all pairs of the design where none are given.

        Raises:
            ValueError: for shapes that do not fit, masks that are not complementary, or margins that are not finite.
        """
        n_models, _ = mask.shape
        if n_models % 2 or margins.shape != mask.shape or len(population) != n_models:
            raise ValueError(
                f"margins {margins.shape}, mask {mask.shape} and population {population.shape} "
                "must have the same even number of models, and margins and mask the same samples"
            )
        if mask.dtype != bool or not (mask[0::2] ^ mask[1::2]).all():
            raise ValueError("the masks of models 2k and 2k + 1 must be boolean and complementary")
        if not (np.isfinite(margins).all() and np.isfinite(population).all()):
            raise ValueError("margins must be finite: a model that diverged has to be left out with its pair")
        pairs = Pairs.of(n_models) if pairs is None else pairs
        return cls(margins.astype(np.float64), mask, population.astype(np.float64), pairs.half, pairs)

    @property
    def n_pairs(self) -> int:
        """The number of pairs P = M / 2."""
        return len(self.mask) // 2

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> "Signals":
        """The same models and samples with an elementwise function of the signals."""
        return replace(self, signal=function(self.signal), population=function(self.population))

    def take(self, pairs: np.ndarray) -> "Signals":
        """The inputs of some pairs only (indices, in the order given)."""
        pairs = np.asarray(pairs)
        models = (2 * pairs[:, None] + np.arange(2)).ravel()
        left = self.pairs.take(pairs)
        return Signals(self.signal[models], self.mask[models], self.population[models], self.half[pairs], left)

    def swap(self, flips: np.ndarray) -> "Signals":
        """The inputs with IN and OUT exchanged where flips [P, n] is True."""
        return replace(self, mask=self.mask ^ np.repeat(flips, 2, axis=0))

    def split(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values [M, n] as the pairs' IN and OUT values, [P, n] each: a pair has one of each per sample."""
        return exchange(values[0::2], values[1::2], self.mask[0::2])

    def join(self, values_in: np.ndarray, values_out: np.ndarray) -> np.ndarray:
        """The inverse of `split`: values [M, n] from the pairs' IN and OUT values."""
        values = np.empty(self.mask.shape)
        values[0::2], values[1::2] = exchange(values_in, values_out, self.mask[0::2])
        return values


def exchange(first: np.ndarray, second: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(first where True and second elsewhere), and what is left of both: arrays [P, n] of one dtype.

    Bit by bit, since `np.where` branches at every value, and guesses a random mask wrong half of the time.
    """
    bits = np.dtype(f"i{first.dtype.itemsize}")
    chosen, other = np.empty(where.shape, bits), np.empty(where.shape, bits)
    for k, mask in enumerate(where):  # a row at a time: temporaries stay in the cache
        a, b = first[k].view(bits), second[k].view(bits)
        difference = (a ^ b) & -mask.astype(bits)
        np.bitwise_xor(b, difference, out=chosen[k])
        np.bitwise_xor(a, difference, out=other[k])
    return chosen.view(first.dtype), other.view(first.dtype)
