"""A figure that is drawn and not yet saved, with what the page is told of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from memdyn.report.record import FigureRecord


@dataclass(frozen=True)
class Drawing:
    """A record with its figure; `animate` writes the moving version to a path."""

    record: FigureRecord
    figure: Figure
    animate: Callable[[Path], None] | None = None


def drawn(
    figure: Figure,
    kind: str,
    title: str,
    alt: str,
    *,
    attack: str = "",
    of: str = "",
    page: int = 0,
    animate: Callable[[Path], None] | None = None,
    **values: object,
) -> Drawing:
    """A figure of one kind, whose name tells it from the others of the study.

    Args:
        attack: the only one that it shows; named in its title.
        of: what else tells it from others of its kind, as a run.
        page: of several figures that share what one could not hold, from 0.
        values: what its caption names.
    """
    parts = [kind.replace("_", "-"), attack, of, str(page + 1) if page else ""]
    name = "-".join(part for part in parts if part)
    told = values | ({"attack": attack} if attack else {})
    record = FigureRecord(
        name=name,
        section="",  # of whoever asked for it
        kind=kind,
        title=f"{title}, {attack}" if attack else title,
        alt=alt,
        values={key: str(value) for key, value in told.items()},
        moving=f"{name}.gif" if animate else "",
    )
    return Drawing(record, figure, animate)
