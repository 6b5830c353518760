"""A section is a file and a line; an edit of one makes the jobs run again that it can change, and no other."""

import shutil
from pathlib import Path

import pytest

from fresh_code import forget_code
from memdyn.identity import digest
from memdyn.identity.digest import code_digest
from memdyn.report import sections as room
from memdyn.report.sections import DRAWN, SECTIONS, WRITTEN, entries, sections

FOLDER = Path(room.__file__).parent
REPORT = FOLDER.parent
JOBS = {"draw_figures": DRAWN, "write_report": WRITTEN}
# what of draw/ the page needs: looks and names of runs, their letters, numbers
SHARED_WITH_THE_PAGE = {"__init__", "formatting", "style", "text"}
# what is edited -> (file of the report, old, new, the jobs that run again by their own code)
EDITS = {
    "a caption": ("sections/roc.py", "Dotted: chance.", "Dots: chance.", {"write_report"}),
    "a title": ("sections/roc.py", 'title="ROC curves"', 'title="ROC"', {"write_report"}),
    "a table": ("sections/null.py", '"could have seen"', '"resolution"', {"write_report"}),
    "sentences": ("page/findings.py", "leaks most", "leaks the most", {"write_report"}),
    "a check": ("page/checks.py", "FEW_MODELS = 16", "FEW_MODELS = 32", {"write_report"}),
    "a meaning": ("page/glossary.py", "correlation of ranks", "correlation of places", {"write_report"}),
    "a drawing": ("draw/curves.py", "floor / 10", "floor / 9", {"draw_figures"}),
    "a title of a figure": ("sections/roc.py", "ROC curves at the last", "ROC at the last", {"draw_figures"}),
    "a grid": ("draw/layout.py", "_ROOM = 0.98", "_ROOM = 0.9", {"draw_figures"}),
    "the motion": ("draw/animation.py", "_DPI = 90", "_DPI = 80", {"draw_figures"}),
    "a colour": ("draw/style.py", "#0072B2", "#0072B3", set(JOBS)),
    "a label": ("words.py", '"EL2N"', '"el2n"', set(JOBS)),
    "which rows": ("rows.py", '"pooled" if', '"per_model" if', set(JOBS)),
    "a comment": ("sections/roc.py", "# of the sharpest run", "# of the run with most", set()),
    "the order of sections": ("sections/__init__.py", '"roc",\n    "plane"', '"plane",\n    "roc"', set(JOBS)),
}  # fmt: skip


def test_a_section_is_a_file_of_its_name():
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert sorted(SECTIONS) == sorted(files) and len(set(SECTIONS)) == len(SECTIONS)
    assert [section.name for section in sections()] == list(SECTIONS)
    assert all(section.title and (section.figures or section.tables) for section in sections())
    kinds = [kind for section in sections() for kind in section.captions]
    assert len(kinds) == len(set(kinds)), "a kind of figure has one caption"
    assert all(bool(section.figures) == bool(section.captions) for section in sections())


def reached(job):
    """Files of the report in the digest of a job."""
    code = {label for label, _ in digest._reach(f"{job}.py")}
    code |= {label for entry in entries(JOBS.get(job, ())) for label, _ in digest._reach_of_part(entry)}
    return {label.removeprefix("memdyn/report/").removesuffix(".py") for label in code if "/report/" in label}


def test_figures_need_nothing_of_the_page():
    assert not {file for file in reached("draw_figures") if file.startswith("page/")}


def test_the_page_needs_nothing_of_what_draws():
    drawing = {file.removeprefix("draw/") for file in reached("write_report") if file.startswith("draw/")}
    assert drawing == SHARED_WITH_THE_PAGE and "figures" not in reached("write_report")


def test_each_file_of_the_report_is_in_the_digest_of_a_job():
    """Sections are by their parts."""
    files = {path.relative_to(REPORT).with_suffix("").as_posix() for path in REPORT.rglob("*.py")}
    jobs = ("draw_figures", "write_report", "judge_limits")
    assert files - {f"sections/{name}" for name in SECTIONS} == set.union(*map(reached, jobs))


@pytest.fixture
def report(tmp_path, monkeypatch):
    """A copy of the package's code, that may be edited."""
    shutil.copytree(digest.SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest, "SCRIPTS", tmp_path / "scripts")
    monkeypatch.setattr(digest, "PACKAGE_ROOT", tmp_path / "scripts" / "memdyn")
    yield tmp_path / "scripts" / "memdyn" / "report"
    forget_code()


def now():
    forget_code()
    return {job: code_digest([f"{job}.py"], entries(fields)) for job, fields in JOBS.items()}


@pytest.mark.slow
def test_an_edit_runs_the_jobs_again_that_it_can_change(report):
    before = now()
    for what, (file, old, new, moved) in EDITS.items():
        path = report / file
        text = path.read_text()
        assert old in text, what
        path.write_text(text.replace(old, new))
        after = now()
        assert {job for job in JOBS if after[job] != before[job]} == moved, what
        path.write_text(text)
