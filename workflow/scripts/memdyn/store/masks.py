"""Membership masks on disk: one bit a (model, sample), over the scored and the sham part of the pool."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from memdyn.jobs.atomic import atomic_path


def write_masks(path: Path, masks: np.ndarray) -> None:
    """Args: masks: bool [models, samples]."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, bits=np.packbits(masks, axis=1), samples=masks.shape[1])


def read_masks(paths: Sequence[str | Path], models: range) -> np.ndarray:
    """bool [models, samples] of `models`, from the files that hold them, in order; their first is that of `paths[0]`.

    Raises:
        ValueError: where the files hold fewer models.
    """
    first = int(Path(paths[0]).stem.split("-")[1])
    rows = np.concatenate([_read(path) for path in paths])
    if models.start < first or models.stop - first > len(rows):
        raise ValueError(f"{list(map(str, paths))} hold models {first} to {first + len(rows) - 1}, not {models}")
    return rows[models.start - first : models.stop - first]


def _read(path: str | Path) -> np.ndarray:
    with np.load(path) as file:
        return np.unpackbits(file["bits"], axis=1, count=int(file["samples"])).astype(bool)
