"""What a figure is to the page: a file name, a section, and words that say what its numbers mean."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.figure import Figure

from memdyn.dynamics.plane import threshold_label

INDEX = "figures.json"


@dataclass(frozen=True)
class FigureRecord:
    """One figure of a study; its files are <name>.png and <name>.pdf.

    moving: the file of its moving version, if it has one.
    """

    name: str
    section: str
    title: str
    caption: str
    alt: str
    moving: str = ""


@dataclass(frozen=True)
class Drawing:
    """A record with its figure, not yet saved; `animate` writes the moving version to a path."""

    record: FigureRecord
    figure: Figure
    animate: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class ReportOptions:
    """What the figures show (values come from the config's `report`, `dynamics` and `analysis` sections).

    threshold: label of the plane's threshold, "lr1" or "fpr0.05" (`memdyn.dynamics.plane.threshold_label`).
    grid: cells a side of the spatial entropy.
    """

    threshold: str
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


def write_index(records: Iterable[FigureRecord], path: Path) -> None:
    path.write_text(json.dumps([asdict(record) for record in records], indent=1, ensure_ascii=False), encoding="utf-8")


def read_index(folder: Path) -> list[FigureRecord]:
    """The figures of a folder in the order in which they were drawn."""
    return [FigureRecord(**entry) for entry in json.loads((folder / INDEX).read_text(encoding="utf-8"))]
