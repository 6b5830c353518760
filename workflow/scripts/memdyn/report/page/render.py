"""The study's page: one HTML file that needs no network, no scripts and no other file."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from memdyn.report.draw.style import run_styles
from memdyn.report.page.checks import checks, worst
from memdyn.report.page.context import PageContext
from memdyn.report.page.glossary import Glossary
from memdyn.report.page.tables import Table, without_one_attack
from memdyn.report.record import FigureRecord, read_index
from memdyn.report.section import Section, Study, made
from memdyn.report.sections import sections
from memdyn.report.words import level_words, limits_words

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Picture:
    """A figure as data URIs: still, and moving where there is such a version (else empty)."""

    record: FigureRecord
    caption: str
    still: str
    moving: str

    @classmethod
    def of(cls, record: FigureRecord, captions: Mapping[str, str], folder: Path) -> "Picture":
        caption = f"{captions[record.kind].format(**record.values)} {record.note}"
        moving = _data_uri(folder / record.moving) if record.moving else ""
        return cls(record, " ".join(caption.split()), _data_uri(folder / f"{record.name}.png"), moving)


@dataclass(frozen=True)
class Content:
    """What a section has to show."""

    name: str
    title: str
    tables: list[Table]
    figures: list[Picture]
    sentences: list[str]


def render_page(tables: Mapping[str, pd.DataFrame], figures_dir: Path, context: PageContext) -> str:
    """The page as text.

    Args:
        tables: the study's tables by name, as for `memdyn.report.figures.draw_all`, and pools; runs is needed.
        figures_dir: the folder that `draw_all` filled.
    """
    study = Study.of(tables, run_styles(tables["runs"]), context.options)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found, records = checks(tables), read_index(figures_dir)
    contents = [_content(section, study, records, figures_dir) for section in sections()]
    return environment.get_template("report.html.j2").render(
        context=context,
        checks=found,
        worst=worst(found),
        sections=[each for each in contents if each.tables or each.figures or each.sentences],
        is_audit=study.is_audit,
        in_folds=study.in_folds,
        facts=_facts(study),
        glossary=Glossary.of(context.options),
    )


def _content(section: Section, study: Study, records: list[FigureRecord], folder: Path) -> Content:
    mine = [record for record in records if record.section == section.name]
    return Content(
        name=section.name,
        title=section.title,
        tables=[without_one_attack(table) for table in made(section.tables, study)],
        figures=[Picture.of(record, section.captions, folder) for record in mine],
        sentences=[sentence for several in made(section.sentences, study) for sentence in several],
    )


def _facts(study: Study) -> dict[str, str]:
    """Phrases of the methods notes that depend on the study."""
    metrics = study.tables.get("attack_metrics")
    if metrics is None:
        return {"level": "95 %", "method": "jackknife over groups of pairs"}
    return {"level": level_words(metrics), "method": limits_words(metrics)}


def _data_uri(path: Path) -> str:
    kind = path.suffix.removeprefix(".")
    return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode("ascii")
