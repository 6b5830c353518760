"""A hidden teacher: killed in its training and in its student's, and gone on with to the same bits."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest

import own_mechanisms
from memdyn.store.scores import read_only
from project import Project

pytestmark = pytest.mark.slow

STUDENT = {"distil": {"target": f"{own_mechanisms.__file__}:Distillation", "teacher": {"epochs": 3}}}


def scores(project: Project) -> dict[str, bytes]:
    files = sorted(project.results.glob("*/*/outputs-*/block-*/signals.parquet"))
    return {str(file.relative_to(project.results)): read_only([file]).tobytes() for file in files}


def trainings(project: Project, what: str) -> list[Path]:
    return sorted(project.results.glob(f"*/*/block-*/{what}"))


def kill_once(project: Project, ready: object) -> None:
    """Starts Snakemake, and kills it with its jobs when `ready()`."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "1",
        "--configfile",
        "study.yaml",
        "--until",
        "probe_block",
    ]
    with (project.folder / "killed.log").open("w") as log:
        process = psutil.Popen(
            command, cwd=project.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    while not ready():
        assert process.poll() is None, (project.folder / "killed.log").read_text()
        time.sleep(0.01)
    with suppress(psutil.NoSuchProcess):
        jobs = process.children(recursive=True)
        os.killpg(process.pid, signal.SIGKILL)
        for job in jobs:
            with suppress(psutil.NoSuchProcess):
                job.kill()
    process.wait(60)
    project.run("--unlock")


@pytest.fixture
def project_of_one(clone: Project) -> Project:
    study = clone.study()
    study["runs"] = [{"name": "student", "mechanisms": STUDENT}]
    study["base"]["epochs"], study["base"]["checkpoints"] = 3, [0, 3]
    clone.write_study(study | {"attacks": [{"name": "loss"}], "dynamics": {"thresholds": ["lr1", 0.1], "attacks": ["loss"]}})
    return clone


def test_killed_in_the_teachers_and_in_the_students_training(project_of_one: Project, tmp_path: Path) -> None:
    killed = project_of_one
    whole = killed.duplicate(tmp_path / "whole")
    said = whole.run("--dry-run")
    assert "16 of 16 models are to be trained, 16 to be scored" in said, "the teacher's models count"
    whole.run("--until", "compare_runs")
    assert len(trainings(whole, "log.parquet")) == 2 and trainings(whole, "checkpoints") == []
    assert pd.read_parquet(next(whole.results.rglob("runs.parquet")))["run"].tolist() == ["student"]

    kill_once(killed, lambda: trainings(killed, "train.log") and list(killed.results.glob("*/*/progress*")))
    assert trainings(killed, "log.parquet") == []
    kill_once(killed, lambda: len(trainings(killed, "train.log")) == 2)
    (teacher,) = trainings(killed, "log.parquet")
    assert (teacher.parent / "checkpoints").exists(), "its student has not read them"
    killed.run("--until", "probe_block")
    assert scores(killed) == scores(whole) and len(scores(whole)) == 1
    assert trainings(killed, "checkpoints") == [] and not set(killed.planned()) & {"train_block", "probe_block"}
