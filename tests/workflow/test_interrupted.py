"""Ctrl-C on a study that runs on this machine: as a terminal sends it, to Snakemake and its jobs at once."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from project import PROJECT, Project
from snakemakes import Snakemakes

pytestmark = pytest.mark.slow

STUDY = {
    "study": "interrupted",
    "pool": {
        "dataset": {"name": "digits"},
        "parts": {"scored": 400, "sham": 100, "population": 100, "test": 100, "spare": 0},
    },
    "base": {"model": {"name": "mlp", "hidden": [32]}, "epochs": 120, "batch_size": 8, "checkpoints": [0, 120]},
    "attacks": [{"name": "lira"}],
    "shadow_models": 8,
}
CRASHES = ("Traceback", "KeyboardInterrupt", "RuleException", "CalledProcessError", "WorkflowError", "failed")
LINE = "interrupted: 1 job on this machine is ended; what was finished stays; the same command goes on from there"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.copy(PROJECT, tmp_path / "checkout")
    made.write_study(STUDY)
    return made


def interrupt(snakemakes: Snakemakes) -> str:
    """What is said from then on, until Snakemake has ended. Its job stands still until that is heard."""
    job, before = snakemakes.job(), len(snakemakes.said())
    job.suspend()
    os.killpg(snakemakes.process.pid, signal.SIGINT)
    snakemakes.wait(lambda: LINE in snakemakes.said()[before:])
    job.resume()
    assert snakemakes.process.wait(60) == 1
    return snakemakes.said()[before:]


def test_one_line_no_traceback_and_it_goes_on(project: Project) -> None:
    with Snakemakes(project, "--until", "train_block") as snakemakes:
        snakemakes.start()
        snakemakes.wait(lambda: "model 0: trained in" in snakemakes.said())  # in the middle of its work
        job = snakemakes.job()
        said = interrupt(snakemakes)
        assert said.count(LINE) == 1
        for crash in CRASHES:
            assert crash not in said, said
        assert not psutil.pid_exists(job.pid) or job.status() == psutil.STATUS_ZOMBIE
        (log,) = project.results.glob("*/*/block-*/train.log")
        assert "interrupted on" in log.read_text().splitlines()[-1]
        assert not list(project.results.rglob(".*.tmp")) and not list(project.results.rglob("lease"))

        snakemakes.start()
        snakemakes.wait(lambda: snakemakes.job() is not None)  # most likely it still imports its libraries
        assert "Traceback" not in interrupt(snakemakes)

        snakemakes.start()  # and a terminal that is closed leaves no lock either
        snakemakes.wait(lambda: snakemakes.job() is not None)
        os.killpg(snakemakes.process.pid, signal.SIGHUP)
        assert snakemakes.process.wait(60) == 1
        assert not list(project.folder.glob(".snakemake/locks/*"))

        snakemakes.start()
        snakemakes.finish()
        lines = log.read_text()
        assert "model 0: was finished before" in lines
        assert lines.count("model 0: trained in") == 1 and "interrupted on" in lines  # of all attempts
