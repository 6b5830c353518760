"""Exported scores become what training and scoring would have left: a pool without images, masks, logs and signals.

A model with NaN among its margins failed at that checkpoint, as one whose loss became NaN in training.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memdyn.data.exported import ASIDE, IDS, LABELS, LOGITS, MARGIN, MASK, Exported, array_of, stored
from memdyn.data.pool import Pool, write_pool
from memdyn.design.blocks import models_of
from memdyn.design.membership import membership
from memdyn.store.masks import write_masks
from memdyn.store.scores import write_scores
from memdyn.store.tables import write_table
from memdyn.terms import PARTS

LARGEST = 1e38  # squares of larger numbers have no room, which variances are made of
UNKNOWN = "unknown"  # the class of samples whose labels are not given


@dataclass(frozen=True)
class Import:
    """A file and what is to be made of it.

    Attributes:
        path: the file, as `exported` describes it.
        seed, pool_key: of the pool; the mask of the sham part is drawn from them.
    """

    path: str
    exported: Exported
    seed: int
    pool_key: str

    @cached_property
    def rows(self) -> dict[str, slice]:
        """The pool's rows of each part that has samples."""
        ends = np.cumsum([self.exported.parts[part] for part in PARTS])
        sizes = self.exported.parts
        return {p: slice(end - sizes[p], end) for p, end in zip(PARTS, ends.tolist(), strict=True) if sizes[p]}

    @cached_property
    def sample_ids(self) -> NDArray[np.int64]:
        """int64 [pool]: of the scored samples as they are given, then on from the largest."""
        n_scored, total = self.exported.parts["scored"], sum(self.exported.parts.values())
        given = self._read_if_there(IDS)
        own = np.arange(n_scored) if given is None else given.astype(np.int64)
        return np.concatenate([own, own.max() + 1 + np.arange(total - n_scored)])

    @cached_property
    def members(self) -> NDArray[np.bool_]:
        """bool [models, scored samples], in the order of the pairs."""
        return self._read(MASK)[self.exported.order]

    @cached_property
    def signals(self) -> dict[str, dict[str, NDArray]]:
        """Signal -> part -> floats [checkpoints, models of the file, samples, ...]."""
        given = self.exported.signals.items()
        return {name: {part: self._read(array_of(name, part)) for part in parts} for name, parts in given}

    @cached_property
    def failed(self) -> dict[int, int]:
        """Model, in the order of the pairs -> the number of the first checkpoint at which it has NaN.

        Raises:
            ValueError: for infinite and huge values, for NaN in another signal of a model whose margins are numbers,
                and where no model is left.
        """
        isnan = np.any([np.isnan(values).any(axis=2) for values in self.signals[MARGIN].values()], axis=0)
        gone = np.logical_or.accumulate(isnan, axis=0)  # [checkpoints, models]
        if gone[0].all():
            raise ValueError(
                f"{self.path}: every model has NaN among its margins at the first checkpoint, as if all had failed; "
                "allowed: NaN of models that failed; leave out samples that have no score"
            )
        for name, parts in self.signals.items():
            for part, values in parts.items():
                self._refuse_odd(array_of(name, part), values, gone)
        ours = gone[:, self.exported.order]
        return {model: int(np.argmax(ours[:, model])) for model in np.flatnonzero(ours[-1]).tolist()}

    def _refuse_odd(self, array: str, values: NDArray, gone: NDArray[np.bool_]) -> None:
        for checkpoint, (here, out) in enumerate(zip(values, gone, strict=True)):
            odd = ~(np.abs(here) <= min(LARGEST, float(np.finfo(here.dtype).max)))
            odd[out] = False
            if odd.any():
                model, sample = np.argwhere(odd)[0][:2]
                raise ValueError(
                    f"{self.path}: {array} at checkpoint {checkpoint} (counted from 0) has {np.count_nonzero(odd)} "
                    f"values that are no finite numbers up to {LARGEST:g}, the first is {here[odd][0]}, of model "
                    f"{model}, sample {sample}; allowed: finite numbers, and NaN where a model has NaN among its "
                    "margins: it failed"
                )

    def pool(self) -> Pool:
        """The samples, of which nothing is known but labels."""
        labels = {part: self._read_if_there(array_of(LABELS, part)) for part in self.rows}
        known = self._classes([values for values in labels.values() if values is not None])
        names = [*map(str, known.tolist()), *[UNKNOWN] * any(values is None for values in labels.values())]
        total = len(self.sample_ids)
        coded = np.full(total, len(known), np.int64)
        for part, values in labels.items():
            if values is not None:
                coded[self.rows[part]] = np.searchsorted(known, values)
        starts = np.cumsum([0, *(self.exported.parts[part] for part in PARTS)]).tolist()
        return Pool(
            images=np.zeros((total, 1), np.float32),  # a pool has some; nothing reads them
            labels=coded,
            sample_ids=self.sample_ids,
            flipped=np.zeros(total, bool),
            parts={part: slice(*starts[k : k + 2]) for k, part in enumerate(PARTS)},
            class_names=names,
            mean=np.zeros(1, np.float32),
            std=np.ones(1, np.float32),
            n_duplicates=0,
            n_contradictory=0,
            n_source=total,
        )

    def _classes(self, labels: list[NDArray]) -> NDArray:
        """Labels in order; of as many as there are logits, since a label is the place of its logit.

        As Python's numbers: of signed and unsigned ones of 64 bits numpy makes floats.
        """
        if LOGITS in self.signals:
            return np.arange(self.signals[LOGITS]["scored"].shape[-1])
        return np.array(sorted(set().union(*(values.tolist() for values in labels))), dtype=object)

    def masks(self, models: range) -> NDArray[np.bool_]:
        """bool [models, scored and sham samples]."""
        sham = membership(self.exported.parts["sham"], models, self.seed, self.pool_key, "sham")
        return np.concatenate([self.members[models.start : models.stop], sham], axis=1)

    def log(self, models: range) -> pd.DataFrame:
        """A row a (model, checkpoint), up to that at which a model failed; nothing is known of rates and seconds."""
        rows = []
        for model in models:
            last = self.failed.get(model, len(self.exported.checkpoints) - 1)
            for number, epoch in enumerate(self.exported.checkpoints[: last + 1]):
                row = {"epoch": epoch, "model": model} | self._fit(number, model)
                rows.append(row | {"learning_rate": np.nan, "seconds": np.nan})
        return pd.DataFrame(rows)

    def _fit(self, number: int, model: int) -> dict[str, float]:
        """Cross-entropy of a model's members, and its accuracy on them where the gap is given."""
        if number == self.failed.get(model):
            return {"loss": np.nan, "accuracy": np.nan}
        member = self.members[model]
        of = {name: parts["scored"][number, self.exported.order[model]] for name, parts in self.signals.items()}
        loss = np.logaddexp(0, -of[MARGIN][member].astype(np.float64)).mean()
        return {"loss": loss, "accuracy": np.mean(of["gap"][member] > 0) if "gap" in of else np.nan}

    def epochs(self, models: range) -> Iterator[tuple[int, dict[str, NDArray]]]:
        """(epoch, signal -> floats [models, scored, sham and population samples, ...]); NaN where nothing is known."""
        rows = self.exported.order[models.start : models.stop]
        for number, epoch in enumerate(self.exported.checkpoints):
            gone = [model - models.start for model in models if self.failed.get(model, number + 1) <= number]
            yield epoch, {name: self._joined(parts, number, rows, gone) for name, parts in self.signals.items()}

    def _joined(
        self, parts: Mapping[str, NDArray], number: int, rows: Sequence[int], gone: Sequence[int]
    ) -> NDArray[np.floating]:
        like = np.result_type(*parts.values())
        shape = len(rows), len(self.sample_ids), *next(iter(parts.values())).shape[3:]
        values = np.full(shape, np.nan, like)
        for part, given in parts.items():
            values[:, self.rows[part]] = given[number, rows]
        values[gone] = np.nan
        return values

    def _read(self, array: str) -> NDArray:
        values = stored(self.path).read(self.path, array)
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def _read_if_there(self, array: str) -> NDArray | None:
        return self._read(array) if array in self._names else None

    @cached_property
    def _names(self) -> list[str]:
        return [*stored(self.path).array_headers(self.path)]


def import_scores(
    made: Import, pool: Path, masks: Sequence[Path], logs: Sequence[Path], signals: Sequence[Path]
) -> None:
    """Writes all of it, each file whole or not at all; logs and signals in the order of their blocks.

    Raises:
        ValueError: for values that are neither numbers nor those of a model that failed, naming array and place.
    """
    n_models, failed = len(made.exported.order), made.failed
    write_pool(made.pool(), str(pool))
    for path in masks:
        named = models_of(path.stem)
        write_masks(path, made.masks(range(named.start, min(named.stop, n_models))))
    for log, scores in zip(logs, signals, strict=True):
        models = models_of(log.parent.name)
        write_table(made.log(models), log, "train")
        write_scores(scores, made.epochs(models), models, made.sample_ids, failed.keys() & set(models))


def words(made: Import) -> str:
    """What was imported, in a line."""
    sizes = ", ".join(f"{made.exported.parts[part]} {part}" for part in ("scored", *ASIDE) if made.exported.parts[part])
    checkpoints = len(made.exported.checkpoints)
    return f"{len(made.exported.order)} models at {checkpoints} checkpoint{'s' * (checkpoints > 1)}, samples: {sizes}"
