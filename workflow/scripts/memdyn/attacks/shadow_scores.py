"""The scores of a run as attacks want them: one checkpoint in memory at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memdyn.attacks.signals import Signals
from memdyn.data.pool import read_pool
from memdyn.stats.jackknife import Pairs
from memdyn.store.masks import read_masks
from memdyn.store.scores import read_failed, read_signal


@dataclass(frozen=True)
class ShadowScores:
    """Score files of all blocks of a run. Models that failed, and the other models of their pairs, are left out.

    Attributes:
        files: the blocks' score files, models in order.
        masks: bool [models, scored and sham samples].
        parts: rows of the pool's parts.
        pairs: that are left.
        epochs: the checkpoints that are looked at, in order.
    """

    files: tuple[str | Path, ...]
    masks: np.ndarray
    parts: dict[str, slice]
    pairs: Pairs
    epochs: tuple[int, ...]

    @classmethod
    def of_files(
        cls,
        files: Sequence[str | Path],
        pool: str | Path,
        masks: Sequence[str | Path],
        n_models: int,
        epochs: Sequence[int],
    ) -> "ShadowScores":
        """Raises ValueError where no pair is left.

        Args:
            epochs: the checkpoints to look at; the files may hold more.
        """
        failed = read_failed(files)
        pairs = Pairs.of(n_models, failed)
        if not len(pairs):
            raise ValueError(f"no pair of models is left: {', '.join(map(str, failed))} diverged")
        mask = read_masks(masks, range(n_models))[pairs.models]
        return cls(tuple(files), mask, read_pool(pool).parts, pairs, tuple(epochs))

    def signal(self, epoch: int, name: str) -> np.ndarray:
        """float32 [models, samples]: scored, sham, population and test samples."""
        values = read_signal(self.files, epoch, name)
        return values if len(self.pairs) == self.pairs.planned else values[self.pairs.models]

    def of_scored(self, values: np.ndarray) -> np.ndarray:
        """Of values [planned models, samples in the pool's order] those of the models that are left, scored part."""
        return values[self.pairs.models][:, self.parts["scored"]]

    def loader(self, part: str) -> Callable[[int], Signals]:
        """(epoch) -> the margins of `part` ("scored" or "sham") with its masks, and of the population part."""
        rows, population = self.parts[part], self.parts["population"]

        def load(epoch: int) -> Signals:
            margins = self.signal(epoch, "margin")
            return Signals.of(margins[:, rows], self.masks[:, rows], margins[:, population], self.pairs)

        return load
