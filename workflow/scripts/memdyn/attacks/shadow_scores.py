"""The signals of a run as attacks want them: one checkpoint in memory at a time, wide signals a chunk at a time."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np

from memdyn.attacks.base import FOLDS, Attack, Prepared
from memdyn.attacks.features import principal_features
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values
from memdyn.data.pool import read_pool
from memdyn.stats.jackknife import Pairs, TooFewModels
from memdyn.store.masks import read_masks
from memdyn.store.scores import read_epochs, read_failed, read_n_models, read_sample_ids, read_shapes, read_signal
from memdyn.terms import MASKED_PARTS

Files = tuple[str | Path, ...]
CHUNK_BYTES = 1 << 26  # of the arrays in float64 that `prepare` gets at a time


def masked_parts(parts: Mapping[str, slice]) -> list[str]:
    """Those with a membership that have samples: scores of other tools may have no sham part."""
    return [part for part in MASKED_PARTS if parts[part].start < parts[part].stop]


@dataclass(frozen=True)
class ShadowScores:
    """Score files of all blocks of a run. Models that failed, and the other models of their pairs, are left out.

    Attributes:
        sources: signal, as `Reads.source` names it -> the block files of the probe that wrote it, models in order; of
            other runs KIND.NUMBER.signal -> the same, of the models of the same numbers.
        masks: bool [models, scored and sham samples].
        parts: rows of the pool's parts.
        pairs: that are left.
        labels: int [samples], classes.
        epochs: the checkpoints that are looked at, in order.
        asked: those that the study asks for; histories are of these.
        samples: [samples, ...], what the pool has of each, which attacks may learn from without a model.
    """

    sources: Mapping[str, Files]
    masks: np.ndarray
    parts: dict[str, slice]
    pairs: Pairs
    labels: np.ndarray
    epochs: list[int]
    asked: tuple[int, ...]
    samples: np.ndarray | None = None

    @classmethod
    def of_files(
        cls,
        files: Sequence[str | Path],
        pool: str | Path,
        masks: Sequence[str | Path],
        n_models: int,
        epochs: Sequence[int],
    ) -> "ShadowScores":
        """Of the block files of one probe; see `of_sources`."""
        return cls.of_sources({"outputs": files}, pool, masks, n_models, epochs)

    @classmethod
    def of_sources(
        cls,
        sources: Mapping[str, Sequence[str | Path]],
        pool: str | Path,
        masks: Sequence[str | Path],
        n_models: int,
        epochs: Sequence[int],
    ) -> "ShadowScores":
        """Of several probes. A model is left out that failed in this run or in another one that is read.

        Args:
            sources: the block files of each, by name; the first has the margin. Those called KIND.NUMBER are the
                outputs of other runs.
            epochs: the checkpoints to look at; the files may hold more.

        Raises:
            TooFewModels: where no pair is left.
            ValueError: where two probes have a signal of one name.
        """
        failed = sorted({model for files in sources.values() for model in read_failed(files)})
        pairs = Pairs.of(n_models, failed)
        if not len(pairs):
            raise TooFewModels(f"no pair of models is left: {len(failed)} of {n_models} models failed")
        held: dict[str, Files] = {}
        for probe, files in ((name, tuple(files)) for name, files in sources.items()):
            for signal in read_shapes(files[0]):
                name = f"{probe}.{signal}" if "." in probe else signal
                if name in held:
                    raise ValueError(f"two probes have a signal {name!r}: {held[name][0]} and {files[0]}")
                held[name] = files
        whole, masks = read_pool(pool), read_masks(masks, range(n_models))[pairs.models]
        labels = np.asarray(whole.labels)
        return cls(held, masks, whole.parts, pairs, labels, list(epochs), tuple(epochs), whole.images)

    def for_attack(self, attack: Attack) -> "ShadowScores":
        """The same at those checkpoints, and of those samples, only of which all that the attack reads was read off.

        A probe that is costly is of the first samples of the pool, so of a smaller scored part, and of no other.

        Raises:
            TooFewModels: where models that failed left too few to calibrate it.
            ValueError: where there is no such checkpoint.
        """
        for folds in FOLDS if len(self.pairs) < self.pairs.planned else ():
            attack.check_pairs(self.pairs.half, self.pairs.planned, folds)
        of_networks = [read for read in attack.reads if not read.of_samples]
        held = [set(self.epochs_of(name)) for read in of_networks for name in self.sources_of(read)]
        epochs = [epoch for epoch in self.epochs if all(epoch in some for some in held)]
        if not epochs:
            raise ValueError(f"{attack}: no checkpoint has all of {', '.join(read.source for read in attack.reads)}")
        count = min(self.samples_of(read.source) for read in attack.reads)
        parts = {part: slice(min(rows.start, count), min(rows.stop, count)) for part, rows in self.parts.items()}
        return replace(self, epochs=epochs, parts=parts)

    def has(self, name: str) -> bool:
        """Whether there is a signal of this name; those of other tools may be margins alone."""
        return name in self.sources

    def sources_of(self, read: Reads) -> list[str]:
        """The names of what an attack reads as one signal: of one probe, or of each of the other runs, in their order.

        Raises:
            KeyError: where there is none of other runs.
        """
        if not read.of:
            return [read.source]
        numbers = [
            re.fullmatch(rf"{re.escape(read.of)}\.(\d+)\.{re.escape(read.source)}", name) for name in self.sources
        ]
        found = sorted((int(each[1]), each[0]) for each in numbers if each)
        if not found:
            raise KeyError(f"no other run of the kind {read.of!r} is read here; there are: {', '.join(self.sources)}")
        return [name for _, name in found]

    def epochs_of(self, name: str) -> list[int]:
        """The checkpoints at which a signal was read off the networks."""
        return read_epochs(self._files(name)[0])

    def samples_of(self, name: str) -> int:
        """How many of the pool's first samples have a signal."""
        return len(read_sample_ids(self._files(name)[0]))

    def signal(self, epoch: int, name: str, samples: slice = slice(None)) -> np.ndarray:
        """[models, samples, ...] as stored: scored, sham, population and test samples, or some of these rows."""
        values = read_signal(self._files(name), epoch, name, samples)
        return values if len(self.pairs) == self.pairs.planned else values[self.pairs.models]

    @cached_property
    def features(self) -> np.ndarray:
        """float64 [samples, d]; see `memdyn.attacks.features`."""
        return principal_features(self.samples, self.parts["population"])

    def of_scored(self, values: np.ndarray) -> np.ndarray:
        """Of values [planned models, samples in the pool's order] those of the models that are left, scored part."""
        return values[self.pairs.models][:, self.parts["scored"]]

    def loader(self, part: str) -> Callable[[int], Signals]:
        """(epoch) -> the margins of `part` ("scored" or "sham") with its masks, and of the population part."""
        rows, population = self.parts[part], self.parts["population"]

        def load(epoch: int) -> Signals:
            margins = self.signal(epoch, "margin")
            given = (Values({"margin": margins[:, each]}, self.labels[each]) for each in (rows, population))
            return Signals.of(*given, self.masks[:, rows], self.pairs)

        return load

    def prepared(self, attack: Attack, part: str, epoch: int) -> Prepared:
        """The margins of `part` and of the population at a checkpoint, and what the attack has made of its signals."""
        margins = self.loader(part)(epoch)
        return Prepared(margins, self.signals_for(attack, margins, part, epoch))

    def signals_for(self, attack: Attack, margins: Signals, part: str, epoch: int) -> Signals:
        """What the attack makes of its signals: of the margins, where it reads nothing else; else chunk by chunk."""
        if attack.reads == (Reads("margin"),):
            return margins.map(attack.prepare)
        rows, population = self.parts[part], self.parts["population"]
        return replace(
            margins,
            arrays=self._in_chunks(attack, epoch, rows),
            population=self._in_chunks(attack, epoch, population),
        )

    def _in_chunks(self, attack: Attack, epoch: int, rows: slice) -> Values:
        """`Attack.prepare` of some rows, of a block and some samples at a time: [M, n, ...] is never held whole."""
        if rows.start == rows.stop:  # the shapes of what there is none of
            return self._in_chunks(attack, epoch, slice(0, 1)).part(slice(None), slice(0, 0))
        shape, whole, checkpoints = (2 * len(self.pairs), rows.stop - rows.start), {}, ()
        features = self.features[rows] if any(read.of_samples for read in attack.reads) else None
        of_networks = [read for read in attack.reads if not read.of_samples]
        for models, samples, values in self._chunks(of_networks, epoch, rows, features):
            made, checkpoints = values.map(attack.prepare), values.checkpoints
            if not whole:
                whole = {name: np.empty((*shape, *array.shape[2:]), array.dtype) for name, array in made.items()}
            kinds = [{name: (array.shape[2:], array.dtype) for name, array in each.items()} for each in (made, whole)]
            if kinds[0] != kinds[1]:
                raise ValueError(f"{attack}: `prepare` returned {kinds[0]} of some samples, {kinds[1]} of others")
            for name, array in made.items():
                whole[name][models, samples] = array
        return Values(whole, self.labels[rows], checkpoints, features)

    def _chunks(
        self, reads: Sequence[Reads], epoch: int, rows: slice, features: np.ndarray | None
    ) -> Iterator[tuple[slice, slice, Values]]:
        """(models, samples, their signals), places among the pairs' models and among the rows: each value once."""
        known = {read: self._checkpoints(read, epoch) for read in reads}
        checkpoints = max((found for read, found in known.items() if read.history), key=len, default=())
        if any(read.history and found != checkpoints for read, found in known.items()):
            raise ValueError(f"histories must have the same checkpoints, got {[*known.values()]}")
        numbers = sum(
            self._numbers(name) * len(found) for read, found in known.items() for name in self.sources_of(read)
        )
        first, place = 0, 0
        files = self._files(self.sources_of(reads[0])[0])
        for block, file in enumerate(files):
            n_models = read_n_models(file)
            own = self.pairs.models - first
            own = own[(own >= 0) & (own < n_models)]
            first += n_models
            if not len(own):
                continue
            width = max(1, CHUNK_BYTES // (8 * n_models * numbers))
            for left in range(rows.start, rows.stop, width):
                part = slice(left, min(left + width, rows.stop))
                arrays = {read.name: self._block(read, known[read], block, part) for read in reads}
                if len(own) < n_models:
                    arrays = {name: array[own] for name, array in arrays.items()}
                places = slice(place, place + len(own)), slice(left - rows.start, part.stop - rows.start)
                known_of = None if features is None else features[places[1]]
                yield *places, Values(arrays, self.labels[part], checkpoints, known_of).doubles()
            place += len(own)

    def _checkpoints(self, read: Reads, epoch: int) -> tuple[int, ...]:
        """The epochs of a signal that an attack sees at a checkpoint; no later ones."""
        if not read.history:
            return (epoch,)
        return tuple(each for each in self.epochs_of(read.source) if each <= epoch and each in self.asked)

    def _numbers(self, name: str) -> int:
        """Of a signal, a sample and model."""
        return prod(read_shapes(self._files(name)[0])[name.rpartition(".")[2]])

    def _block(self, read: Reads, epochs: Sequence[int], block: int, rows: slice) -> np.ndarray:
        """[models of a block, rows, checkpoints of a history or other runs, ...]."""
        files = [self._files(name)[block : block + 1] for name in self.sources_of(read)]
        found = [read_signal(file, epoch, read.source, rows) for file in files for epoch in epochs]
        return np.stack(found, axis=2) if read.history or read.of else found[0]

    def _files(self, name: str) -> Files:
        if name not in self.sources:
            raise KeyError(f"no probe of this run has the signal {name!r}; there are: {', '.join(self.sources)}")
        return self.sources[name]
