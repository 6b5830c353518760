"""Draws all figures of a study from its tables: PNG for the page, PDF for a paper, and an index with captions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf

from memdyn.report.draw.drawing import Drawing
from memdyn.report.draw.pools import PoolImages, drawn_pools
from memdyn.report.draw.style import RunStyle, in_figures, report_style, run_styles
from memdyn.report.draw.text import numbered, words_in
from memdyn.report.record import INDEX, FigureRecord, ReportOptions, write_index
from memdyn.report.rows import failures
from memdyn.report.section import Study, made
from memdyn.report.sections import sections

# Without them the same figure would differ in bytes from one drawing to the next
_NO_DATES = {"png": {"Software": None}, "pdf": {"CreationDate": None}}


def drawings(
    tables: Mapping[str, pd.DataFrame], images: Mapping[str, PoolImages], options: ReportOptions
) -> Iterator[Drawing]:
    """The figures in the order of the page; one whose table is missing or empty is left out."""
    pools = drawn_pools(images, options.show_images)
    study = Study.of(tables, drawn_runs(tables), options, pools)
    for section in sections():
        for several in made(section.figures, study):
            for drawing in several:
                yield replace(drawing, record=replace(drawing.record, section=section.name))


def drawn_runs(tables: Mapping[str, pd.DataFrame]) -> dict[str, RunStyle]:
    """Styles of the runs that have numbers; the others are in no legend, and take no colour from them."""
    failed = failures(tables)
    styles = in_figures(run_styles(tables["runs"]))
    return {run: style for run, style in styles.items() if run not in failed}


def draw_all(
    tables: Mapping[str, pd.DataFrame], images: Mapping[str, PoolImages], out: Path, options: ReportOptions
) -> list[FigureRecord]:
    """Draws and saves every figure as out/<name>.png and, if asked for, .pdf, and their index out/figures.json.

    Args:
        tables: the study's tables by name, of which runs is needed.
        images: a pool by run; a run without one is drawn without pictures.
        out: an existing folder.
    """
    pools = drawn_pools(images, options.show_images).values()
    by_number = {number: own for pool in pools for number, own in pool.by_number.items()}
    words = [*map(str, tables["runs"]["run"]), *(word for pool in pools for word in pool.words)]
    records = []
    with report_style(words):
        for drawing in drawings(tables, images, options):
            records.append(_save(drawing, out, options, by_number))
    write_index(records, out / INDEX)
    return records


def _save(drawing: Drawing, out: Path, options: ReportOptions, by_number: Mapping[str, str]) -> FigureRecord:
    """PNG and PDF with one layout, which is computed once; `savefig` would draw each twice.

    Returns:
        The record, with what was written in the figure.
    """
    figure, stem = drawing.figure, out / drawing.record.name
    figure.set_dpi(options.png_dpi)
    FigureCanvasAgg(figure).print_png(f"{stem}.png", metadata=_NO_DATES["png"])
    figure.set_layout_engine("none")  # of the moving version too
    if options.pdf:
        FigureCanvasPdf(figure).print_pdf(f"{stem}.pdf", metadata=_NO_DATES["pdf"])
    written = words_in(figure)
    if drawing.animate:
        drawing.animate(out / drawing.record.moving)
    plt.close(figure)
    return replace(drawing.record, written=written, note=numbered(written, by_number))
