"""A teacher that the study does not name: killed in its training and in its student's, gone on with to the same bits.

The schedule, which teacher and student share, stops a job in the middle of an epoch of its third model. The teacher's
job is killed there, and with the student's its Snakemake.
"""

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from memdyn.config.load import load_study
from memdyn.data.pool import read_pool
from memdyn.plan.study import StudyPlan, build_plan
from memdyn.store.masks import read_masks
from memdyn.training.block import BlockTask, train_block
from memdyn.training.teacher import TeacherCheckpoints
from project import Project, job_counts
from snakemakes import Snakemakes

pytestmark = pytest.mark.slow

STOPPING = """
import os
import signal
import time
from pathlib import Path


def stopping(n_steps):
    def factor(step):
        has_teacher = any(Path("results").glob("*/*/block-*/log.parquet"))
        file = Path("stop in student" if has_teacher else "stop in teacher")
        if step == n_steps - 1 and file.exists():
            file.write_text(file.read_text() + ".")
            if file.read_text() == "...":
                file.rename("reached")
                time.sleep(600) if has_teacher else os.kill(os.getpid(), signal.SIGKILL)
        return 1.0

    return factor
"""
BLOCK = "block-0000-0007"


@pytest.fixture
def project(clone: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A study of one distilled run."""
    study = clone.study()
    study["runs"] = [{"name": "student", "mechanisms": {"distillation": {"temperature": 2}}}]
    study["base"] |= {"schedule": {"name": "custom", "target": "stopping.py:stopping"}}
    clone.write_study(study | {"attacks": [{"name": "loss"}], "dynamics": {"attacks": ["loss"]}})
    (clone.folder / "stopping.py").write_text(STOPPING)
    monkeypatch.chdir(clone.folder)
    return clone


def test_killed_in_the_teachers_and_in_the_students_training(project: Project, tmp_path: Path) -> None:
    plan = build_plan(load_study(project.study()))
    teacher, student = (project.results / run.train.path / BLOCK for run in plan.trained)
    wanted, reached = str((student / "checkpoints").relative_to(project.folder)), Path("reached")

    Path("stop in teacher").touch()
    assert project.snakemake("--", wanted).returncode != 0
    reached.unlink()
    assert not (teacher / "log.parquet").exists()

    with Snakemakes(project, "--", wanted) as snakemakes:
        Path("stop in student").touch()
        snakemakes.start()
        snakemakes.wait(reached.exists)
        assert snakemakes.job() and snakemakes.kill("both")
        assert "model 2: resumed after epoch 1" in (teacher / "train.log").read_text()
        assert (teacher / "log.parquet").exists() and not (student / "log.parquet").exists()
        assert (teacher / "checkpoints").exists(), "its student has still to read them"

    said = project.run("--nolock", "--", wanted)  # a lock is all that the killed one leaves to be cleared away
    assert job_counts(said) == {"train_block": 1} and "model 2: resumed after epoch 1" in said
    assert not (teacher / "checkpoints").exists(), "its student has read them"
    for made, alone in zip((teacher, student), trained_alone(plan, project.results, tmp_path), strict=True):
        assert losses(made) == losses(alone)
    assert weights(student) == weights(alone) and len(weights(alone)) == 8 * 2


def trained_alone(plan: StudyPlan, results: Path, folder: Path) -> list[Path]:
    """The blocks of the plan's trainings, as this process trains them, on the same pool and masks."""
    made: dict[str, Path] = {}
    for run in plan.trained:
        train, place = run.train, folder / run.train.folder
        pool = read_pool(results / run.pool.path / "pool.arrow")
        masks = read_masks(sorted((results / run.pool.path / "membership").glob("*.npz")), range(8))
        needs = [(need.options, made[need.path] / "checkpoints") for need in train.needs.values()]
        task = BlockTask(
            recipe=train.options,
            models=range(8),
            masks=masks[:, pool.parts["scored"]],
            seed=run.pool.options["seed"],
            pool_key=run.pool.options_hash,
            progress=place / "progress",
            device="cpu",
            threads=1,
            keep="none",
            on_divergence="stop",
            teachers=tuple(TeacherCheckpoints("distillation", of, at, of["epochs"]) for of, at in needs),
        )
        made[train.path] = place / BLOCK
        train_block(task, pool, made[train.path] / "checkpoints", made[train.path] / "log.parquet", print)
    return list(made.values())


def losses(block: Path) -> dict[str, list]:
    """All that the log of a training says, but for the time that it took."""
    return pd.read_parquet(block / "log.parquet").drop(columns="seconds").to_dict("list")


def weights(block: Path) -> dict[str, str]:
    """The hash of each file of weights."""
    files = (block / "checkpoints").glob("model-*/*.safetensors")
    return {f"{file.parent.name}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
