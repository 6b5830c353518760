"""A finished job leaves a record; one that failed, was killed or found its work done leaves none."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from memdyn.identity import records
from memdyn.identity.digest import code_digest
from memdyn.identity.recipe import RECIPE
from memdyn.identity.records import JobRecord, job_records, record_path

SCRIPTS = str(Path(records.__file__).resolve().parents[2])
# A script as Snakemake starts it; BODY is what it does.
SCRIPT = """
import os, signal, sys, time
from pathlib import Path
from types import SimpleNamespace
from memdyn.identity.job import start
from memdyn.jobs.atomic import atomic_path


class Params(SimpleNamespace):
    def get(self, name, default=None):
        return getattr(self, name, default)


def make(*paths):
    for path in paths:
        with atomic_path(path) as temporary:
            temporary.write_text("made")


block = sys.argv[1]
folder = Path("stage", block)
outputs = [folder / "weights", folder / "log.parquet"]
roots = ["train_block.py"]
snakemake = SimpleNamespace(
    params=Params(stage={"roots": roots, "entries": [], "files": [], "digest": DIGEST}),
    wildcards={"pool": "p", "block": block},
    log=[str(folder / "train.log")],
    output=list(map(str, outputs)),
    rule="train_block",
    threads=2,
)
tell = start(snakemake, "stage")
"""
DONE = "make(*outputs)\n"


@pytest.fixture
def job(tmp_path):
    """Runs a job to its end, in tmp_path."""

    def run(body: str, block: str = "block-0000-0007") -> int:
        return started(body, block).wait(60)

    def started(body: str, block: str) -> subprocess.Popen:
        program = SCRIPT.replace("DIGEST", repr(code_digest(["train_block.py"]))) + body
        environment = os.environ | {"PYTHONPATH": SCRIPTS, "SLURM_JOB_ID": "4711"}
        command = [sys.executable, "-c", program, block]
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)

    run.started = started
    return run


def test_a_job_that_ends_well(job, tmp_path):
    assert job(f"block = b'x' * 200 * 2**20\ntime.sleep(0.3)\n{DONE}") == 0
    (record,) = job_records(tmp_path / "stage")
    assert record.job == "block-0000-0007/train" and record.rule == "train_block" and record.threads == 2
    assert 0.3 <= record.seconds < 30 and record.cpu_seconds > 0 and 200 < record.peak_mb < 400
    assert record.started <= record.ended and record.host and record.slurm_job == "4711"
    assert record.digest == code_digest(["train_block.py"]) and record.versions["python"]
    assert record.peak_cuda_mb is None


FAILURES = {
    "an error": ("raise ValueError('no')\n", 1),
    "an error after the outputs": (f"{DONE}raise ValueError('no')\n", 1),
    "an interrupt": (f"{DONE}raise KeyboardInterrupt\n", None),
    "the end before the outputs": ("sys.exit(3)\n", 3),
    "a kill": ("os.kill(os.getpid(), signal.SIGKILL)\n", -signal.SIGKILL),
    "a kill after the outputs": (f"{DONE}os.kill(os.getpid(), signal.SIGKILL)\n", -signal.SIGKILL),
    "a time limit after the outputs": (f"{DONE}os.kill(os.getpid(), signal.SIGTERM)\n", None),
    "one output of two": ("make(outputs[0])\n", 0),
    "a process that it forked": (f"{DONE}child = os.fork()\nif child:\n    os.waitpid(child, 0)\n    os._exit(5)\n", 5),
}


@pytest.mark.parametrize(("body", "code"), FAILURES.values(), ids=FAILURES.keys())
def test_no_false_record(job, tmp_path, body, code):
    found = job(body)
    assert found == code if code is not None else found != 0
    assert job_records(tmp_path / "stage") == []


def test_work_that_another_job_has_done_keeps_its_record(job, tmp_path):
    """The second job waits for the first, finds the outputs and does nothing."""
    assert job(DONE) == 0
    (first,) = job_records(tmp_path / "stage")
    assert job("tell('nothing is left to do')\n") == 0
    assert job_records(tmp_path / "stage") == [first]


def test_a_job_that_waits_for_another_leaves_the_record_to_it(job, tmp_path):
    second = job.started("while not outputs[1].exists():\n    time.sleep(0.05)\n", "block-0000-0007")
    assert job(f"time.sleep(0.5)\n{DONE}") == 0
    assert second.wait(60) == 0
    (record,) = job_records(tmp_path / "stage")
    assert record.cpu_seconds < record.seconds and record.seconds >= 0.5


def test_an_earlier_job_s_record_goes_with_its_outputs(job, tmp_path):
    assert job(DONE) == 0
    (tmp_path / "stage" / "block-0000-0007" / "log.parquet").unlink()
    assert job("raise ValueError('no')\n") == 1
    assert job_records(tmp_path / "stage") == []


def test_jobs_of_a_folder_at_once(job, tmp_path):
    blocks = [f"block-{first:04d}-{first + 7:04d}" for first in range(0, 48, 8)]
    jobs = [job.started(DONE, block) for block in blocks]
    assert [each.wait(60) for each in jobs] == [0] * 6
    assert [record.job for record in job_records(tmp_path / "stage")] == [f"{block}/train" for block in blocks]


def test_stages_within_a_stage_have_records_of_their_own(job, tmp_path):
    assert job(DONE) == 0
    content = next(tmp_path.rglob("*.job.json")).read_text()
    inner = tmp_path / "stage" / "scores-1"
    (inner / "block-0000-0007").mkdir(parents=True)
    (inner / RECIPE).write_text("kind: score\n")
    (inner / "all.job.json").write_text(content)
    (inner / "block-0000-0007" / "score.job.json").write_text(content)
    assert [record.job for record in job_records(tmp_path / "stage")] == ["block-0000-0007/train"]
    assert [record.job for record in job_records(inner)] == ["all", "block-0000-0007/score"]


@pytest.mark.parametrize("content", ["", "[]", "1", '{"rule": "train_block"}'])
def test_a_file_that_is_no_record_is_named(tmp_path, content):
    (tmp_path / "train.job.json").write_text(content)
    with pytest.raises(ValueError, match="train.job.json is no record of a job"):
        job_records(tmp_path)


def test_keys_of_later_releases_are_passed_over(job, tmp_path):
    assert job(DONE) == 0
    path = next(tmp_path.rglob("*.job.json"))
    before = job_records(tmp_path / "stage")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"energy": 1.0}))
    assert job_records(tmp_path / "stage") == before and isinstance(before[0], JobRecord)


def test_where_a_record_lies():
    assert record_path("r/pool/run/block-0/train.log", "r/pool/run") == Path("r/pool/run/block-0/train.job.json")
    assert record_path("r/logs/figures-1a.log", "r/logs/figures-1a") == Path("r/logs/figures-1a/figures-1a.job.json")
    assert job_records("no/such/folder") == []
