"""Draws all figures of a study from its tables: PNG for the page, PDF for a paper, and an index with captions."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from memdyn.report.comparison import draw_comparison
from memdyn.report.curves import draw_accuracy, draw_leakage, draw_null, draw_roc
from memdyn.report.planes import draw_centre, draw_plane, draw_zones
from memdyn.report.record import INDEX, Drawing, FigureRecord, PoolImages, ReportOptions, write_index
from memdyn.report.samples import draw_samples
from memdyn.report.style import report_style, run_styles

# Without them the same figure would differ in bytes from one drawing to the next
_NO_DATES = {"png": {"Software": None}, "pdf": {"CreationDate": None}}


def drawings(
    tables: Mapping[str, pd.DataFrame], images: Mapping[str, PoolImages], options: ReportOptions
) -> Iterator[Drawing]:
    """The figures in the order of the page; one whose table is missing or empty is left out."""
    tables = {name: table for name, table in tables.items() if len(table)}
    styles = run_styles(tables["runs"])
    plan = [
        (("accuracy",), lambda: draw_accuracy(tables, styles)),
        (("attack_metrics",), lambda: draw_leakage(tables, styles)),
        (("roc", "attack_metrics"), lambda: draw_roc(tables, styles)),
        (("samples",), lambda: draw_plane(tables, styles, options)),
        (("centre",), lambda: draw_centre(tables, styles, options)),
        (("zones",), lambda: draw_zones(tables, styles, options)),
        (("samples",), lambda: draw_samples(tables, images, styles, options)),
        (("differences",), lambda: draw_comparison(tables, styles)),
        (("null_draws", "null"), lambda: draw_null(tables, styles)),
    ]
    for needed, draw in plan:
        if all(name in tables for name in needed):
            yield from draw()


def draw_all(
    tables: Mapping[str, pd.DataFrame], images: Mapping[str, PoolImages], out: Path, options: ReportOptions
) -> list[FigureRecord]:
    """Draws and saves every figure as out/<name>.png and .pdf, and their index out/figures.json.

    Args:
        tables: the study's tables by name: runs (needed), attack_metrics, roc, null, null_draws, samples, accuracy,
            centre, zones, differences. null_draws holds run, attack and the columns of an attack's null.parquet.
        images: a pool by run folder; a run without one is drawn without pictures.
        out: an existing folder.
    """
    records = []
    with report_style():
        for drawing in drawings(tables, images, options):
            _save(drawing, out, options.png_dpi)
            records.append(drawing.record)
    write_index(records, out / INDEX)
    return records


def _save(drawing: Drawing, out: Path, dpi: int) -> None:
    """PNG and PDF with one layout, which is computed once."""
    for extension, metadata in _NO_DATES.items():
        drawing.figure.savefig(out / f"{drawing.record.name}.{extension}", dpi=dpi, metadata=metadata)
        drawing.figure.set_layout_engine("none")
    plt.close(drawing.figure)
