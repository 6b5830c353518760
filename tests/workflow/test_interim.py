"""A report of what is finished: its numbers are those of a study configured so, and the study itself goes on."""

import re
import shutil
from pathlib import Path

import pytest

import warm
from memdyn.operations.archives.compare import table_differences
from project import Project
from snakemakes import Snakemakes
from test_edit_matrix import files

INTERIM = Path("results/studies/matrix/interim")
TABLES = INTERIM / "studies/matrix-interim/tables"


def grow(project: Project) -> None:
    """Twice the models, and one run more: of the finished study half is there."""
    study = project.study()
    more = {"name": "wide", "model": {"name": "mlp", "hidden": [64]}}
    project.write_study(study | {"shadow_models": 16, "runs": [*study["runs"], more]})


def same_tables(project: Project, other: Project) -> bool:
    """Whether the interim tables are, byte for byte, those of the other's study, but for how long training took."""
    mine, theirs = project.folder / TABLES, other.results / "studies/matrix/tables"
    names = {path.name for path in theirs.glob("*.parquet")}
    differing = {name for name in names if (mine / name).read_bytes() != (theirs / name).read_bytes()}
    of_runs = list(table_differences("", mine / "runs.parquet", theirs / "runs.parquet", ("seconds_per_model",)))
    return len(names) > 40 and differing <= {"runs.parquet"} and not of_runs


def test_of_half_a_study(copy: Project, finished: Project):
    grow(copy)
    # what comes after scoring is not there for every run
    for folder in [*copy.results.glob("*/*/*/lira-*"), *copy.results.glob("*/mlp-*/*/analysis-*")]:
        shutil.rmtree(folder)
    before, planned = files(copy.results), copy.planned()
    done = copy.memdyn("interim", "--configfile", "study.yaml", "--cores", "2")
    assert done.returncode == 0, done.stdout
    told = [
        "matrix: 2 of 3 runs, with 8 of 16 models each",
        "missing:",
        "  mlp: models 8 to 15: training of mlp not begun",
        "  logistic: models 8 to 15: training of logistic not begun",
        "  wide: models 0 to 15: training of wide not begun",
    ]
    assert "\n".join(told) in done.stdout
    assert same_tables(copy, finished)
    page = (copy.folder / TABLES.parent / "report.html").read_text()
    assert "2 of its 3 runs, with 8 of 16 models each" in page and "training of wide not begun" in page
    assert "wide,False,0,16,2," in (copy.folder / INTERIM / "missing.csv").read_text()
    # the study is as it was, and so is what it would do
    after = {name: of for name, of in files(copy.results).items() if not name.startswith("studies/matrix/interim/")}
    assert after == before and copy.planned() == planned
    # once more: nothing is made
    again = copy.memdyn("interim", "--configfile", "study.yaml")
    assert again.returncode == 0 and "Nothing to be done" in again.stdout
    # nothing that is missing can be made
    signals = next((copy.folder / INTERIM).rglob("signals.parquet"))
    signals.unlink()
    for folder in [copy.folder / INTERIM / "studies", *(copy.folder / INTERIM).glob("*/*/*/lira-*")]:
        shutil.rmtree(folder)
    refused = copy.snakemake(config=str(INTERIM / "config.yaml"))
    assert refused.returncode != 0 and "MissingInputException in rule" in refused.stdout
    assert not signals.exists()


def test_the_first_models_of_all_runs_come_first(project: Project, tmp_path: Path):
    """Else what is finished at some time would rarely be the first models of a run."""
    copy = project.duplicate(tmp_path / "copy")
    grow(copy)
    jobs = re.findall(
        r"rule (\w+_block):.*?block=(block-[-\d]+).*?priority: ([.\d]+)",
        copy.run("--dry-run", "--printshellcmds"),
        re.DOTALL,
    )
    priorities = {(rule, block): {float(p) for r, b, p in jobs if (r, b) == (rule, block)} for rule, block, _ in jobs}
    assert priorities == {
        ("probe_block", "block-0000-0007"): {2.0},
        ("probe_block", "block-0008-0015"): {1.5},
        ("train_block", "block-0000-0007"): {1.0},
        ("train_block", "block-0008-0015"): {0.5},
    }


@pytest.mark.slow
def test_while_the_study_runs(clone: Project, finished: Project):
    clone.write_study(clone.study() | {"shadow_models": 16})
    first = "*/*/outputs-*/block-0000-0007/signals.parquet"
    with Snakemakes(clone, "--until", "probe_block", python=warm.python()) as study:
        study.start()
        study.wait(lambda: len(list(clone.results.glob(first))) == 2)
        assert study.process.poll() is None, "it is to run meanwhile"
        done = clone.memdyn("interim", "--configfile", "study.yaml", "--models", "8", "--cores", "1")
        study.finish()
    assert done.returncode == 0, done.stdout
    assert same_tables(clone, finished)
    assert not clone.planned().keys() & {"train_block", "probe_block"}
