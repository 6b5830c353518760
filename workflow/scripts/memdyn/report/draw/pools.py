"""What figures show of a pool's data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

import numpy as np

from memdyn.report.draw.text import drawable, one_line


class PoolImages(Protocol):
    """The part of a pool that the figures need: images uint8 [n, C, H, W] (or numbers [n, F]) by source row.

    flipped: bool [n], True where a wrong label was planted.
    files: n paths of the samples' files; empty where they have none.
    """

    images: np.ndarray
    sample_ids: np.ndarray
    flipped: np.ndarray
    class_names: list[str]
    files: Sequence[str]


@dataclass(frozen=True)
class DrawnPool:
    """What figures show of a pool.

    Attributes:
        pictures: uint8 [n, C, H, W]; None for a table, and where nothing of the data may be shown.
        class_names: in letters that figures can draw, by number otherwise.
        by_number: what is drawn instead of a name -> the user's words.
        files: n paths of the samples' files; empty where they have none, and where nothing of the data may be shown.
    """

    pictures: np.ndarray | None
    sample_ids: np.ndarray
    flipped: np.ndarray
    class_names: list[str]
    by_number: Mapping[str, str]
    files: Sequence[str] = ()

    @classmethod
    def of(cls, pool: PoolImages, show_images: bool) -> "DrawnPool":
        """Without `show_images` neither pictures nor names of classes, which may be those of people."""
        numbers = [f"class {k}" for k in range(len(pool.class_names))]
        drawn = list(map(drawable, pool.class_names, numbers)) if show_images else numbers
        own = dict(zip(numbers, map(one_line, pool.class_names), strict=True)) if show_images else {}
        by_number = {number: own[number] for number in set(drawn) & set(own) if number != own[number]}
        pictures = pool.images if show_images and pool.images.ndim == 4 else None
        files = pool.files if show_images else ()
        return cls(pictures, pool.sample_ids, pool.flipped, drawn, by_number, files)

    @property
    def words(self) -> list[str]:
        """What may be written of it, for the choice of fonts: names of classes, and the letters of names of files."""
        return [*self.class_names, "".join(sorted(set().union(*map(set, self.files))))]

    def called(self, sample_id: int, place: int) -> str:
        """A sample in figures: the name of its file, or where there is none to draw the number of its source row."""
        number = f"#{sample_id}"
        return drawable(PurePosixPath(self.files[place]).name, number) if self.files else number


def drawn_pools(images: Mapping[str, PoolImages], show_images: bool) -> dict[str, DrawnPool]:
    """What is drawn of each run's pool; runs on one pool share it."""
    pools = {id(pool): DrawnPool.of(pool, show_images) for pool in images.values()}
    return {run: pools[id(pool)] for run, pool in images.items()}
