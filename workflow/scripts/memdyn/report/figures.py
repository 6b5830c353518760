"""Draws all figures of a study from its tables: PNG for the page, PDF for a paper, and an index with captions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf

from memdyn.report.draw.animation import draw_animation
from memdyn.report.draw.style import in_figures, report_style, run_styles
from memdyn.report.draw.text import numbered, words_in
from memdyn.report.page.record import INDEX, Drawing, FigureRecord, PoolImages, ReportOptions, drawn_pools, write_index
from memdyn.report.sections.classes import draw_classes
from memdyn.report.sections.comparison import draw_comparison
from memdyn.report.sections.difficulty import draw_difficulty_curves, draw_difficulty_densities
from memdyn.report.sections.early import draw_early
from memdyn.report.sections.factors import draw_factors
from memdyn.report.sections.found import draw_utility
from memdyn.report.sections.leakage import draw_accuracy, draw_leakage, draw_null, draw_roc
from memdyn.report.sections.models import draw_convergence
from memdyn.report.sections.onset import draw_onset
from memdyn.report.sections.plane import draw_centre, draw_plane, draw_zones
from memdyn.report.sections.power_law import draw_power_law
from memdyn.report.sections.samples import draw_samples
from memdyn.report.sections.speed import draw_inflow, draw_river, draw_speed
from memdyn.report.sections.tails import draw_tails
from memdyn.report.sections.transitions import draw_transitions

# Without them the same figure would differ in bytes from one drawing to the next
_NO_DATES = {"png": {"Software": None}, "pdf": {"CreationDate": None}}


def drawings(
    tables: Mapping[str, pd.DataFrame], images: Mapping[str, PoolImages], options: ReportOptions
) -> Iterator[Drawing]:
    """The figures in the order of the page; one whose table is missing or empty is left out."""
    tables = {name: table for name, table in tables.items() if len(table)}
    styles = in_figures(run_styles(tables["runs"]))
    pools = drawn_pools(images, options.show_images)
    plan = [
        (("accuracy", "attack_metrics"), lambda: draw_utility(tables, styles)),
        (("accuracy",), lambda: draw_accuracy(tables, styles)),
        (("attack_metrics",), lambda: draw_leakage(tables, styles)),
        (("roc", "attack_metrics"), lambda: draw_roc(tables, styles)),
        (("samples",), lambda: draw_plane(tables, styles, options)),
        (("samples",), lambda: draw_animation(tables, styles, options)),
        (("centre",), lambda: draw_centre(tables, styles, options)),
        (("samples",), lambda: draw_samples(tables, pools, styles, options)),
        # tracked zones with their bands, where they were computed
        (("curves",), lambda: draw_river(tables, styles, options))
        if "curves" in tables
        else (("zones",), lambda: draw_zones(tables, styles, options)),
        (("transitions",), lambda: draw_transitions(tables, styles, options)),
        (("curves",), lambda: draw_inflow(tables, styles, options)),
        (("curves",), lambda: draw_speed(tables, styles, options)),
        (("curves",), lambda: draw_classes(tables, pools, styles, options)),
        (("summary",), lambda: draw_onset(tables, styles, options)),
        (("difficulty_curves",), lambda: draw_difficulty_curves(tables, styles)),
        (("summary", "difficulty"), lambda: draw_difficulty_densities(tables, styles, options)),
        (("early",), lambda: draw_early(tables, styles)),
        (("differences",), lambda: draw_comparison(tables, styles)),
        (("factor_differences",), lambda: draw_factors(tables, styles, options)),
        (("power_law_points", "power_law_fits"), lambda: draw_power_law(tables)),
        (("convergence", "attack_metrics"), lambda: draw_convergence(tables, styles)),
        (("null_draws", "null"), lambda: draw_null(tables, styles)),
        (("tails", "tail_verdicts"), lambda: draw_tails(tables, styles)),
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
    pools = drawn_pools(images, options.show_images).values()
    by_number = {number: own for pool in pools for number, own in pool.by_number.items()}
    words = [*map(str, tables["runs"]["name"]), *(name for pool in pools for name in pool.class_names)]
    records = []
    with report_style(words):
        for drawing in drawings(tables, images, options):
            records.append(_save(drawing, out, options.png_dpi, by_number))
    write_index(records, out / INDEX)
    return records


def _save(drawing: Drawing, out: Path, dpi: int, by_number: Mapping[str, str]) -> FigureRecord:
    """PNG and PDF with one layout, which is computed once; `savefig` would draw each twice.

    Returns:
        The record, with what was written in the figure.
    """
    figure, stem = drawing.figure, out / drawing.record.name
    figure.set_dpi(dpi)
    FigureCanvasAgg(figure).print_png(f"{stem}.png", metadata=_NO_DATES["png"])
    figure.set_layout_engine("none")
    FigureCanvasPdf(figure).print_pdf(f"{stem}.pdf", metadata=_NO_DATES["pdf"])
    written = words_in(figure)
    if drawing.animate:
        drawing.animate(out / drawing.record.moving)
    plt.close(figure)
    words = f"{drawing.record.caption} {numbered(written, by_number)}".strip()
    return replace(drawing.record, caption=words, written=written)
