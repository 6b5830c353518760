"""What a figure is to the page: a file name, a section, and words that say what its numbers mean."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml
from matplotlib.figure import Figure

from memdyn.report.draw.text import drawable, one_line
from memdyn.terms import threshold_label

INDEX = "figures.json"


@dataclass(frozen=True)
class FigureRecord:
    """One figure of a study; its files are <name>.png and <name>.pdf.

    moving: the file of its moving version, if it has one.
    written: everything that is written in it.
    """

    name: str
    section: str
    title: str
    caption: str
    alt: str
    moving: str = ""
    written: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Drawing:
    """A record with its figure, not yet saved; `animate` writes the moving version to a path."""

    record: FigureRecord
    figure: Figure
    animate: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class ReportOptions:
    """What the figures show (values come from the config's `report`, `dynamics` and `analysis` sections).

    show_images: whether anything of the data itself is shown: pictures of samples, names of classes.
    threshold: label of the plane's threshold, "lr1" or "fpr0.05" (`memdyn.terms.threshold_label`).
    grid: cells a side of the spatial entropy.
    """

    threshold: str
    show_images: bool
    top_samples: int
    plane_epochs: int
    png_dpi: int
    hv_tpr: float
    hv_fpr: float
    vulnerable_advantage: float
    grid: int

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> "ReportOptions":
        """From the config's sections `report`, `dynamics` and `analysis`."""
        report, dynamics = options["report"], options["dynamics"]
        return cls(
            threshold=threshold_label(report["threshold"]),
            show_images=report["show_images"],
            top_samples=report["top_samples"],
            plane_epochs=report["plane_epochs"],
            png_dpi=report["png_dpi"],
            hv_tpr=dynamics["hv_tpr"],
            hv_fpr=dynamics["hv_fpr"],
            vulnerable_advantage=dynamics["vulnerable_advantage"],
            grid=options["analysis"]["grid"],
        )


class PoolImages(Protocol):
    """The part of a pool that the figures need: images uint8 [n, C, H, W] (or numbers [n, F]) by source row.

    flipped: bool [n], True where a wrong label was planted.
    """

    images: np.ndarray
    sample_ids: np.ndarray
    flipped: np.ndarray
    class_names: list[str]


@dataclass(frozen=True)
class DrawnPool:
    """What figures show of a pool.

    Attributes:
        pictures: uint8 [n, C, H, W]; None for a table, and where nothing of the data may be shown.
        class_names: in letters that figures can draw, by number otherwise.
        by_number: what is drawn instead of a name -> the user's words.
    """

    pictures: np.ndarray | None
    sample_ids: np.ndarray
    flipped: np.ndarray
    class_names: list[str]
    by_number: Mapping[str, str]

    @classmethod
    def of(cls, pool: PoolImages, show_images: bool) -> "DrawnPool":
        """Without `show_images` neither pictures nor names of classes, which may be those of people."""
        numbers = [f"class {k}" for k in range(len(pool.class_names))]
        drawn = list(map(drawable, pool.class_names, numbers)) if show_images else numbers
        own = dict(zip(numbers, map(one_line, pool.class_names), strict=True)) if show_images else {}
        by_number = {number: own[number] for number in set(drawn) & set(own) if number != own[number]}
        pictures = pool.images if show_images and pool.images.ndim == 4 else None
        return cls(pictures, pool.sample_ids, pool.flipped, drawn, by_number)


def drawn_pools(images: Mapping[str, PoolImages], show_images: bool) -> dict[str, DrawnPool]:
    """What is drawn of each run's pool; runs on one pool share it."""
    pools = {id(pool): DrawnPool.of(pool, show_images) for pool in images.values()}
    return {run: pools[id(pool)] for run, pool in images.items()}


_OF_THE_DATA = ("path", "files", "options")  # of a data set's config: where the data lie, and what may name them


def config_text(config: Mapping[str, Any]) -> str:
    """The config as the page prints it; without `report.show_images` nothing in it tells where the data lie."""
    shown = config if config["report"]["show_images"] else _without_data(config)
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)


def _without_data(value: Any, place: str = "") -> Any:
    if "dataset" in place and place.rpartition(".")[2] in _OF_THE_DATA:
        return "(not shown)" if value else value
    if isinstance(value, Mapping):
        return {key: _without_data(inner, f"{place}.{key}") for key, inner in value.items()}
    return [_without_data(inner, place) for inner in value] if isinstance(value, list) else value


def write_index(records: Iterable[FigureRecord], path: Path) -> None:
    path.write_text(json.dumps([asdict(record) for record in records], indent=1, ensure_ascii=False), encoding="utf-8")


def read_index(folder: Path) -> list[FigureRecord]:
    """The figures of a folder in the order in which they were drawn."""
    return [FigureRecord(**entry) for entry in json.loads((folder / INDEX).read_text(encoding="utf-8"))]
