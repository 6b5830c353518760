"""Which tables feed which figure, which artifacts feed which table, and what each artifact was made from."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from memdyn.operations.archives import CODE, RESULTS, STUDY
from memdyn.plan.stage import Stage
from memdyn.plan.study import StudyPlan
from memdyn.report.record import INDEX
from memdyn.report.section import Section
from memdyn.report.sections import sections
from memdyn.tables import STAGES

SECTIONS = "memdyn.report.sections"
_SCRIPTS = f"{CODE}/workflow/scripts"
_IF_THERE = re.compile(r'\.tables\.get\(\s*"(\w+)"')


def lineage(plan: StudyPlan) -> dict[str, Any]:
    """Paths in the archive: figures and page from tables, these from tables of runs, artifacts from each other."""
    versions = Path(plan.versions)
    tables = sorted(path.stem for path in (versions / plan.tables.folder).glob("*.parquet"))
    return {
        "figures": _figures(versions / plan.figures.folder, tables),
        "page": {section.name: _needed(section, tables, pictures=False) for section in sections()},
        "tables": {_table(name): _sources(plan, name) for name in tables},
        "artifacts": {f"{RESULTS}/{path}": _made_from(stage) for path, stage in sorted(plan.stages.items())},
    }


def _figures(folder: Path, tables: list[str]) -> dict[str, Any]:
    by_name = {section.name: section for section in sections()}
    return {
        f"{STUDY}/figures/{record['name']}": {
            "section": f"{_SCRIPTS}/memdyn/report/sections/{record['section']}.py",
            "title": record["title"],
            "tables": _needed(by_name[record["section"]], tables, pictures=True),
        }
        for record in json.loads((folder / INDEX).read_text(encoding="utf-8"))
    }


def _needed(section: Section, tables: list[str], pictures: bool) -> list[str]:
    """Tables that a section's figures, or what it says on the page, are made of, where they are there.

    All are drawn in the styles of `runs`; what a section does without where there is none stands in its text alone.
    """
    parts = section.figures if pictures else (*section.tables, *section.sentences)
    if not parts:
        return []
    text = Path(import_module(f"{SECTIONS}.{section.name}").__file__).read_text(encoding="utf-8")
    names = {"runs", *(name for part in parts for name in part.needs), *_IF_THERE.findall(text)}
    return [_table(name) for name in sorted(names & set(tables))]


def _table(name: str) -> str:
    return f"{STUDY}/tables/{name}.parquet"


def _sources(plan: StudyPlan, table: str) -> dict[str, Any]:
    """What a table of the study is: those of runs one below the other, or computed of them."""
    script = "compare_audits.py" if plan.study.config.audit else "compare_runs.py"
    for stage, declared in STAGES.items():
        for name, one in declared.items():
            if stage != "study" and one.study == table:
                taken = [path for path, each in sorted(plan.stages.items()) if each.kind.name == stage]
                return {
                    "of": "runs, one below the other",
                    "from": [f"{RESULTS}/{path}/{name}.parquet" for path in taken],
                }
    return {"of": "computed", "by": f"{_SCRIPTS}/{script}"}


def _made_from(stage: Stage) -> dict[str, Any]:
    parent = [f"{RESULTS}/{stage.parent.path}"] if stage.parent else []
    needs = [f"{RESULTS}/{need.path}" for need in stage.needs.values()]
    return {"kind": stage.kind.name, "by": f"{_SCRIPTS}/{stage.roots[0]}", "from": [*parent, *needs]}
