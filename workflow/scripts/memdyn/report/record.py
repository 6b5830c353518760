"""What the figures' job leaves for the page, and the options of both."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from memdyn.terms import threshold_label

INDEX = "figures.json"


@dataclass(frozen=True)
class FigureRecord:
    """One figure of a study; its files are <name>.png and, if asked for, <name>.pdf.

    Attributes:
        kind: names the caption.
        values: what fills the caption.
        moving: the file of its moving version, if it has one.
        written: everything that is written in it.
        note: what else is said below it.
    """

    name: str
    section: str
    kind: str
    title: str
    alt: str
    values: dict[str, str] = field(default_factory=dict)
    moving: str = ""
    written: list[str] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class ReportOptions:
    """What the figures show (values come from the config's `report`, `dynamics` and `analysis` sections).

    show_images: whether anything of the data itself is shown: pictures of samples, names of classes.
    threshold: label of the plane's threshold, "lr1" or "fpr0.05" (`memdyn.terms.threshold_label`).
    pdf: whether there is a PDF beside each PNG.
    grid: cells a side of the spatial entropy.
    """

    threshold: str
    show_images: bool
    top_samples: int
    plane_epochs: int
    png_dpi: int
    pdf: bool
    hv_tpr: float
    hv_fpr: float
    vulnerable_advantage: float
    grid: int

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> "ReportOptions":
        """From the config's sections `report`, `dynamics` and `analysis`."""
        given = options["dynamics"] | options["report"] | {"grid": options["analysis"]["grid"]}
        shown = {each.name: given[each.name] for each in fields(cls)}
        return cls(**shown | {"threshold": threshold_label(given["threshold"])})


def write_index(records: Iterable[FigureRecord], path: Path) -> None:
    path.write_text(json.dumps([asdict(record) for record in records], indent=1, ensure_ascii=False), encoding="utf-8")


def read_index(folder: Path) -> list[FigureRecord]:
    """The figures of a folder in the order in which they were drawn."""
    return [FigureRecord(**entry) for entry in json.loads((folder / INDEX).read_text(encoding="utf-8"))]
