"""Weights that are gone are trained again for who has still to read them, and for nobody else."""

from pathlib import Path

import pytest

from finished_studies import finish
from memdyn.config.load import load_study
from memdyn.plan.study import build_plan
from project import Project

pytestmark = pytest.mark.slow

BLOCK = "block-0000-0007"
STUDENT = {"name": "student", "mechanisms": {"distillation": {"temperature": 2}}}
OTHER = {"name": "other", "mechanisms": {"distillation": {"temperature": 3}}}
ALLOWED = ("--until", "probe_block", "--config", "allow_retrain=true")


@pytest.fixture
def made(clone: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A teacher, which is a run as well, and a student: all is there but their weights."""
    monkeypatch.chdir(clone.folder)
    clone.write_study(clone.study() | {"attacks": [{"name": "loss"}], "dynamics": {"attacks": ["loss"]}})
    write(clone, runs=[{"name": "base"}, STUDENT])
    finish(build_plan(load_study(clone.study())))
    assert clone.planned() == {}
    return clone


def write(project: Project, **changes: object) -> None:
    project.write_study(project.study() | changes)


def test_one_more_probe_of_both(made: Project):
    write(made, attacks=[{"name": "loss"}, {"name": "lira_views"}])
    assert "allow_retrain=true" in made.refused()
    assert made.planned(*ALLOWED) == {"train_block": 2, "probe_block": 2}


def test_one_more_student_leaves_the_other_one_and_its_teachers_probes(made: Project):
    write(made, runs=[{"name": "base"}, STUDENT, OTHER])
    assert "allow_retrain=true" in made.refused()
    assert made.planned(*ALLOWED) == {"train_block": 2, "probe_block": 1}, "the teacher and the new student"


def test_a_students_probe_needs_its_hidden_teacher(made: Project):
    """Whose weights nobody reads but its student, which is finished, and must be trained again."""
    write(made, runs=[STUDENT], attacks=[{"name": "loss"}, {"name": "lira_views"}])
    said = made.refused()
    assert said.count(BLOCK) == 2, "both are trained again"
    assert made.planned(*ALLOWED) == {"train_block": 2, "probe_block": 1}


def test_weights_of_a_teacher_wait_for_a_student_that_is_trained_again(made: Project):
    write(made, runs=[STUDENT], attacks=[{"name": "loss"}, {"name": "lira_views"}])
    plan = build_plan(load_study(made.study()))
    (teacher,) = plan.teachers
    weights = Path(plan.results, teacher.train.path, BLOCK, "checkpoints")
    weights.mkdir()
    (weights / "delete-once-scored").touch()
    assert made.planned(*ALLOWED) == {"train_block": 1, "probe_block": 1}
    made.snakemake("--until", "build_pool", "--config", "allow_retrain=true")
    assert weights.exists()


def scores(project: Project) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(project.results.rglob("signals.parquet"))}


def test_finished_scores_are_not_deleted_for_want_of_weights(copy: Project):
    """To Snakemake, if asked to, the inputs of finished probes have changed: they name no weights any more."""
    before = scores(copy)
    done = copy.snakemake("--rerun-triggers", "mtime", "input")
    assert done.returncode != 0 and "is finished, and Snakemake would delete it" in done.stdout, done.stdout
    assert len(before) == 2 and scores(copy) == before
