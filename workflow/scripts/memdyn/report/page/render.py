"""The study's page: one HTML file that needs no network, no scripts and no other file."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from memdyn.report.draw.style import run_styles
from memdyn.report.page import dynamics as page_dynamics
from memdyn.report.page import tables as page_tables
from memdyn.report.page import vulnerable as page_vulnerable
from memdyn.report.page.checks import checks, worst
from memdyn.report.page.findings import findings
from memdyn.report.page.glossary import Glossary
from memdyn.report.page.record import FigureRecord, ReportOptions, read_index
from memdyn.report.page.tables import Table
from memdyn.report.sections import claims as page_claims
from memdyn.report.sections.factors import early_epochs
from memdyn.report.sections.leakage import limits_words

TEMPLATES = Path(__file__).parent / "templates"

# (section, title), in the order of the page; the first one comes before the claims
SECTIONS = (
    ("found", "What was found"),
    ("run", "What was run"),
    ("leakage", "Leakage over training"),
    ("roc", "ROC curves"),
    ("plane", "The vulnerability plane"),
    ("centre", "Centre of mass"),
    ("samples", "Trajectories of the most vulnerable samples"),
    ("zones", "Zones"),
    ("transitions", "Transitions between zones"),
    ("speed", "Speed, entropy, clustering"),
    ("classes", "Classes"),
    ("onset", "Onset and severity"),
    ("difficulty", "Difficulty"),
    ("early", "Early determination"),
    ("comparison", "Comparison of runs"),
    ("power_law", "Pool size"),
    ("models", "Number of models"),
    ("null", "Null control"),
    ("tails", "Tail check"),
)


@dataclass(frozen=True)
class PageContext:
    """What the page says beside the tables.

    Attributes:
        study: the study's name.
        title: headline.
        config_yaml: the resolved configuration as text.
        versions: what made the results (program -> version), as printed.
        folders: where the artifacts lie (what -> path relative to the checkout).
    """

    study: str
    title: str
    config_yaml: str
    versions: Mapping[str, str]
    folders: Mapping[str, str]
    options: ReportOptions


@dataclass(frozen=True)
class Section:
    """A part of the page with its tables and its figures."""

    name: str
    title: str
    tables: list[Table]
    figures: list["Picture"]


@dataclass(frozen=True)
class Picture:
    """A figure as data URIs: still, and moving where there is such a version (else empty)."""

    record: FigureRecord
    still: str
    moving: str


@dataclass(frozen=True)
class Claims:
    """Verdicts, the numbers that they rest on, and sentences on early determination."""

    verdicts: Table | None
    cells: Table | None
    findings: list[str]


def render_page(tables: Mapping[str, pd.DataFrame], figures_dir: Path, context: PageContext) -> str:
    """The page as text.

    Args:
        tables: the study's tables by name, as for `memdyn.report.figures.draw_all`, and pools; runs is needed.
        figures_dir: the folder that `draw_all` filled.
    """
    tables = {name: table for name, table in tables.items() if len(table)}
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found = checks(tables)
    return environment.get_template("report.html.j2").render(
        context=context,
        checks=found,
        worst=worst(found),
        findings=findings(tables, run_styles(tables["runs"])),
        claims=_claims(tables, context.options.threshold),
        sections=_sections(tables, figures_dir, context.options),
        facts=_facts(tables),
        glossary=Glossary.of(context.options),
    )


def _claims(tables: Mapping[str, pd.DataFrame], threshold: str) -> Claims:
    """Empty parts where the study was not analysed."""
    styles = run_styles(tables["runs"])
    verdicts = cells = None
    if "claims" in tables:
        known = tables.get("claim_cells", pd.DataFrame(columns=list(page_claims.CELLS)))
        differences = tables.get("factor_differences")
        beside = {} if differences is None else {"C1": page_claims.equally_far(differences, styles, threshold)}
        verdicts = page_claims.claims(tables["claims"], known, styles, beside)
        cells = page_claims.claim_cells(known, styles) if len(known) else None
    findings = page_claims.findings(tables["findings"], styles) if "findings" in tables else []
    return Claims(verdicts, cells, findings)


def _facts(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Phrases of the methods notes that depend on the study."""
    metrics = tables.get("attack_metrics")
    known = metrics is not None
    return {
        "level": f"{100 * metrics['level'].iloc[0]:g} %" if known else "95 %",
        "method": limits_words(metrics) if known else "jackknife over groups of pairs",
    }


def _sections(tables: Mapping[str, pd.DataFrame], figures_dir: Path, options: ReportOptions) -> list[Section]:
    """Sections with their content; empty ones are left out."""
    figures = [_picture(record, figures_dir) for record in read_index(figures_dir)]
    content = _section_tables(tables, options)
    sections = [
        Section(name, title, content.get(name, []), [f for f in figures if f.record.section == name])
        for name, title in SECTIONS
    ]
    return [section for section in sections if section.tables or section.figures]


def _section_tables(tables: Mapping[str, pd.DataFrame], options: ReportOptions) -> dict[str, list[Table]]:
    styles = run_styles(tables["runs"])
    threshold, reliabilities = options.threshold, tables.get("reliabilities")
    failed = set(tables["null"].loc[~tables["null"]["passed"].astype(bool), "run"]) if "null" in tables else set()
    makers: dict[str, list[tuple[tuple[str, ...], Callable[..., Table]]]] = {
        "found": [
            (("attack_metrics",), lambda table: page_tables.results(table, styles, failed)),
            (("most_vulnerable",), lambda table: page_vulnerable.most_vulnerable(table, styles, failed)),
        ],
        "run": [
            (("pools",), page_tables.pools),
            (("runs",), lambda table: page_tables.runs(table, styles)),
        ],
        "centre": [(("centre",), lambda table: page_tables.centres(table, tables.get("curves"), styles, threshold))],
        "zones": [(("zones",), lambda table: page_tables.zones(table, styles, threshold))],
        "onset": [(("summary",), lambda table: page_dynamics.onsets(table, styles, threshold))],
        "difficulty": [
            (("correlations",), lambda table: page_dynamics.correlations(table, reliabilities, styles)),
            (("planted",), lambda table: page_dynamics.planted(table, styles)),
        ],
        "early": [(("early", "findings"), lambda early, found: page_dynamics.early(early, found, styles))],
        "comparison": [
            (("differences",), lambda table: page_tables.differences(table, styles)),
            (("factor_differences",), lambda table: page_dynamics.equal_accuracy(table, styles)),
            (
                ("factor_differences",),
                lambda table: page_dynamics.factors(table, styles, threshold, early_epochs(tables)),
            ),
        ],
        "power_law": [(("power_law_fits",), page_dynamics.power_law)],
        "null": [(("null",), lambda table: page_tables.null_control(table, styles))],
        "tails": [(("tail_verdicts", "operating_points"), lambda *given: page_dynamics.tails(*given, styles))],
    }
    return {
        section: [
            page_tables.without_one_attack(make(*(tables[name] for name in names)))
            for names, make in entries
            if set(names) <= set(tables)
        ]
        for section, entries in makers.items()
    }


def _picture(record: FigureRecord, folder: Path) -> Picture:
    moving = _data_uri(folder / record.moving) if record.moving else ""
    return Picture(record, _data_uri(folder / f"{record.name}.png"), moving)


def _data_uri(path: Path) -> str:
    kind = path.suffix.removeprefix(".")
    return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode("ascii")
