"""What an attack sees of one checkpoint: named arrays over models and samples, in complementary pairs of models."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from memdyn.stats.jackknife import Pairs

FEW = 3  # samples of which is asked whether `prepare` takes each by itself


@dataclass(frozen=True, eq=False)
class Values(Mapping[str, np.ndarray]):
    """Signals by name, all of the same models and samples; nothing here tells who trained on what.

    Attributes:
        arrays: float64 [M, n, ...]: axes are model, sample, checkpoint (of a history) or other run, then what the
            signal has of its own (views, classes). Names as `memdyn.attacks.reads.Reads.name` has them.
        labels: int [n], classes of the samples; None where nobody gave them.
        checkpoints: the epochs along the third axis of every history, the last is the one that is attacked.
        features: float64 [n, d], what is known of the samples without any model (`memdyn.attacks.features`); None for
            attacks that do not read it.
    """

    arrays: Mapping[str, np.ndarray]
    labels: np.ndarray | None = None
    checkpoints: tuple[int, ...] = ()
    features: np.ndarray | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.arrays:
            raise KeyError(f"no signal {name!r}; an attack gets what its `reads` names: {', '.join(self.arrays)}")
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    @property
    def shape(self) -> tuple[int, int]:
        """(M, n)."""
        return next(iter(self.arrays.values())).shape[:2]

    def map(self, function: "Callable[[Values], Mapping[str, np.ndarray]]") -> "Values":
        """What a function makes of these values, for the same models and samples; no copy of what it hands back.

        Raises:
            ValueError: where it returns other models or samples, nothing at all, or NaN; and where what it makes of one
                model and a few samples depends on the others.
        """
        made = function(self)
        if made is self:
            return self
        arrays = {name: np.asarray(array) for name, array in made.items()}
        wrong = {name: array.shape for name, array in arrays.items() if array.shape[:2] != self.shape}
        if wrong or not arrays:
            raise ValueError(
                f"`prepare` must return arrays of [{self.shape[0]} models, {self.shape[1]} samples, ...], "
                + (f"got {', '.join(f'{name} {shape}' for name, shape in wrong.items())}" if wrong else "got none")
            )
        for name, array in arrays.items():
            if array is not self.arrays.get(name) and np.isnan(array).any():
                raise ValueError(f"`prepare` returned NaN in {name!r}, of finite signals")
        self._refuse_mixing(function, arrays)
        return replace(self, arrays=arrays)

    def _refuse_mixing(self, function: "Callable[[Values], Mapping]", made: Mapping[str, np.ndarray]) -> None:
        """Asks again about a corner, which must come out as it did among all."""
        if 0 in self.shape:
            return
        corner = slice(0, 1), slice(0, FEW)
        alone = function(self.part(*corner))
        for name, array in made.items():
            few = np.asarray(array[corner], np.float64)
            scale = np.abs(few[np.isfinite(few)]).max(initial=0)  # single precision may add up in another order
            if name not in alone or not np.allclose(alone[name], few, rtol=0, atol=1e-4 * scale):
                raise ValueError(
                    f"`prepare` must be a function per (model, sample), but {name!r} of one changes with the other "
                    "models or samples that it is given: what compares them is calibration, in `score_prepared`"
                )

    def doubles(self) -> "Values":
        """In float64, copied where they are not.

        Raises:
            ValueError: for values that are not finite, naming the signal.
        """
        for name, array in self.arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite: a model that diverged has to be left out with its pair")
        arrays = {name: np.ascontiguousarray(array, np.float64) for name, array in self.arrays.items()}
        return replace(self, arrays=arrays)

    def of_models(self, models: np.ndarray) -> "Values":
        """The values of some models, in the order given."""
        return replace(self, arrays={name: array[models] for name, array in self.arrays.items()})

    def part(self, models: slice, samples: slice) -> "Values":
        """Some models and samples; views, no copies."""
        arrays = {name: array[models, samples] for name, array in self.arrays.items()}
        labels, features = (None if each is None else each[samples] for each in (self.labels, self.features))
        return replace(self, arrays=arrays, labels=labels, features=features)


@dataclass(frozen=True)
class Signals:
    """One checkpoint's signals: models 2k and 2k + 1 are pair k, with complementary masks.

    Attributes:
        arrays: of the scored samples: `arrays["margin"]` is float64 [M, n]; see `Values`.
        population: the same signals [M, Z, ...] of samples that no model trained on.
        mask: bool [M, n], True where the model trained on the sample.
        half: int [P], 0 or 1: the half of each pair in two-fold cross-fitting. A pair keeps it when others leave,
            or the jackknife would see the noise of another split in each of its values.
        pairs: the pairs' numbers in the design, which their groups in the jackknife belong to.
    """

    arrays: Values
    population: Values
    mask: np.ndarray
    half: np.ndarray
    pairs: Pairs

    @classmethod
    def of(cls, arrays: Values, population: Values, mask: np.ndarray, pairs: Pairs | None = None) -> "Signals":
        """Checked signals from arrays of any float type, of all pairs of the design where none are given.

        Raises:
            ValueError: naming the signal, for shapes that do not fit or values that are not finite; for masks that are
                not complementary.
        """
        n_models, _ = mask.shape
        if n_models % 2 or mask.dtype != bool or not (mask[0::2] ^ mask[1::2]).all():
            raise ValueError("the masks of models 2k and 2k + 1 must be boolean and complementary, of an even number")
        if not arrays or list(arrays) != list(population):
            raise ValueError(
                f"samples ({', '.join(arrays)}) and population ({', '.join(population)}) must have the same signals"
            )
        for name, array in arrays.items():
            others = population[name]
            if array.shape[:2] != mask.shape or len(others) != n_models or array.shape[2:] != others.shape[2:]:
                raise ValueError(
                    f"{name} {array.shape}, mask {mask.shape} and {name} of the population {others.shape} "
                    f"must have the same even number of models, and {name} and mask the same samples"
                )
        pairs = Pairs.of(n_models) if pairs is None else pairs
        return cls(arrays.doubles(), population.doubles(), mask, pairs.half, pairs)

    @classmethod
    def of_margins(
        cls, margins: np.ndarray, mask: np.ndarray, population: np.ndarray, pairs: Pairs | None = None
    ) -> "Signals":
        """`of` the margin alone: [M, n] and [M, Z]."""
        return cls.of(Values({"margin": margins}), Values({"margin": population}), mask, pairs)

    @property
    def margins(self) -> np.ndarray:
        """float64 [M, n]."""
        return self.arrays["margin"]

    @property
    def n_pairs(self) -> int:
        """The number of pairs P = M / 2."""
        return len(self.mask) // 2

    def map(self, function: Callable[[Values], Mapping[str, np.ndarray]]) -> "Signals":
        """The same models and samples with what a function makes of the scored samples, and of the population."""
        arrays, population = self.arrays.map(function), self.population.map(function)
        if arrays is self.arrays and population is self.population:
            return self
        return replace(self, arrays=arrays, population=population)

    def take(self, pairs: np.ndarray) -> "Signals":
        """The signals of some pairs only (indices, in the order given)."""
        pairs = np.asarray(pairs)
        models = (2 * pairs[:, None] + np.arange(2)).ravel()
        taken = self.arrays.of_models(models), self.population.of_models(models), self.mask[models]
        return Signals(*taken, self.half[pairs], self.pairs.take(pairs))

    def swap(self, flips: np.ndarray) -> "Signals":
        """The signals with IN and OUT exchanged where flips [P, n] is True; only the mask is new."""
        return replace(self, mask=self.mask ^ np.repeat(flips, 2, axis=0))

    def split(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values [M, n, ...] as the pairs' IN and OUT values, [P, n, ...] each: a pair has one of each per sample."""
        return exchange(values[0::2], values[1::2], self.mask[0::2])

    def join(self, values_in: np.ndarray, values_out: np.ndarray) -> np.ndarray:
        """The inverse of `split`: values [M, n, ...] from the pairs' IN and OUT values."""
        values = np.empty((len(self.mask), *values_in.shape[1:]), values_in.dtype)
        values[0::2], values[1::2] = exchange(values_in, values_out, self.mask[0::2])
        return values


def exchange(first: np.ndarray, second: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(first where True and second elsewhere), and what is left of both: arrays [P, n, ...] of one dtype.

    Bit by bit, since `np.where` branches at every value, and guesses a random mask wrong half of the time.

    Args:
        where: bool [P, n].
    """
    bits = np.dtype(f"i{first.dtype.itemsize}")
    chosen, other = np.empty(first.shape, bits), np.empty(first.shape, bits)
    wider = (slice(None), *[None] * (first.ndim - 2))
    for k, mask in enumerate(where):  # a row at a time: temporaries stay in the cache
        a, b = first[k].view(bits), second[k].view(bits)
        difference = (a ^ b) & (-mask.astype(bits))[wider]
        np.bitwise_xor(b, difference, out=chosen[k])
        np.bitwise_xor(a, difference, out=other[k])
    return chosen.view(first.dtype), other.view(first.dtype)
