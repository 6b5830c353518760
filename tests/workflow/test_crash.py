"""kill -9 at any moment: after a restart the checkpoints and scores are, bit for bit, those of an undisturbed run.

Killed are the script of a job alone (called as Snakemake calls it, which is cheap enough for many kills) and, under
a real Snakemake, the job, Snakemake itself (its job lives on as an orphan), and both.
"""

import hashlib
import os
import random
import re
import shutil
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import warm
from memdyn.config.probes import OutputsProbe
from memdyn.jobs.lease import hold
from memdyn.operations.wanted import WANTED
from memdyn.store.scores import read_epochs, read_sample_ids, read_signal
from project import PROJECT, Project
from snakemakes import ENVIRONMENT, Snakemakes

pytestmark = pytest.mark.slow

# one block of eight models that trains for some seconds, so that a kill can hit any part of it
STUDY = {
    "study": "crash",
    "pool": {
        "dataset": {"name": "digits"},
        "parts": {"scored": 500, "sham": 100, "population": 100, "test": 100, "spare": 0},
        "seed": 3,
    },
    "base": {
        "model": {"name": "cnn", "width": 4, "hidden": 0, "norm": "batch"},
        "optimizer": {"name": "adamw"},
        "augment": {"crop": 1},
        "epochs": 8,
        "batch_size": 32,
        "checkpoints": [0, 1, 2, 4, 8],
    },
    "shadow_models": 8,
    "attacks": [{"name": "loss"}],
    "dynamics": {"attacks": ["loss"]},
    "keep_checkpoints": "all",
}
KILL_AT = Path(__file__).with_name("kill_at.py")
# In this order, each after a restart that goes on from what the one before left. Those without a comment hit
# the writing of checkpoints, states and logs while models train.
TRAINING_POINTS = [
    "os.replace:1:before",  # recipe.yaml
    "safetensors.torch.save_file:1:before",
    "safetensors.torch.save_file:3:torn",
    "os.replace:6:before",
    "os.replace:5:after",
    "torch.save:2:before",
    "torch.save:3:torn",
    "os.fsync:1:before",
    "os.fsync:2:after",
    "os.link:4:before",  # all models are trained: what follows is in publishing them
    "os.link:20:after",
    "os.replace:1:before",
    "os.replace:1:after",  # checkpoints are published, the log is not
    "pyarrow.parquet.ParquetWriter.close:1:before",
    "os.replace:2:after",  # both are
]
SCORING_POINTS = [
    "os.unlink:9:before",  # half of the progress of training is removed
    "pyarrow.parquet.ParquetWriter.write_table:3:before",
    "pyarrow.parquet.ParquetWriter.close:1:before",
    "os.replace:1:before",
    "os.replace:1:after",  # the scores are published
]
SIGNALS = OutputsProbe.gives
WAITS = "another job is training this block"


@dataclass(frozen=True)
class Undisturbed:
    """A project that ran once; its jobs' scripts as Snakemake made them, what they made, and how long they took."""

    project: Project
    scripts: dict[str, Path]
    seconds: dict[str, float]
    content: dict[str, str]

    def start_over(self) -> None:
        """Leaves what there is before training: pool and masks."""
        for folder in run_folder(self.project).iterdir():
            if folder.is_dir():
                shutil.rmtree(folder)

    def start(self, rule: str, *kill_at: str) -> warm.Process:
        """The job, as Snakemake starts it: declared outputs of an attempt that was killed are deleted before."""
        outputs = {
            "train_block": ["block-*/checkpoints", "block-*/log.parquet"],
            "probe_block": ["*/block-*/signals.parquet"],
        }
        for pattern in outputs[rule]:
            for path in run_folder(self.project).glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return start(self.project, *([KILL_AT, *kill_at] if kill_at else []), self.scripts[rule])

    def run(self, rule: str, *kill_at: str) -> int:
        """The job to its end; its exit code."""
        return self.start(rule, *kill_at).wait(120)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    project = Project.copy(PROJECT, tmp_path_factory.mktemp("crash") / "checkout")
    project.write_study(STUDY)
    project.run("--until", "probe_block", "--skip-script-cleanup")
    found = {
        rule: next(project.folder.glob(f".snakemake/scripts/*.{rule}.py")) for rule in ("train_block", "probe_block")
    }
    made = Undisturbed(project, found, {}, content(project))
    assert len(made.content) == 8 * 5 + 5 * len(SIGNALS) + 1  # checkpoints, scores, sample ids
    made.start_over()
    for rule in made.scripts:
        started = time.monotonic()
        assert made.run(rule) == 0
        made.seconds[rule] = time.monotonic() - started
    assert content(project) == made.content, "called without a kill, the scripts must do what Snakemake did"
    for note in project.results.glob(f"studies/*/{WANTED}"):
        note.unlink()  # by which this checkout would keep all weights, also those of the studies on its copies
    return made


def killed_after(job: warm.Process, seconds: float) -> int:
    """The exit code of a job that is killed after some seconds, unless it ended before, be it just before."""
    try:
        return job.wait(seconds)
    except TimeoutError:
        job.kill()
        return job.wait()


def test_jobs_killed_at_random_moments(undisturbed: Undisturbed) -> None:
    moments = random.Random(1)
    kills = 0
    for rule, wanted in (("train_block", 6), ("probe_block", 2)):
        shares = [(number + moments.random()) / wanted for number in range(wanted)]  # spread evenly
        moments.shuffle(shares)
        if rule == "train_block":
            undisturbed.start_over()
        while shares:
            code = killed_after(undisturbed.start(rule), shares[-1] * undisturbed.seconds[rule])
            if code == -signal.SIGKILL:
                shares.pop()
                kills += 1
            else:  # earlier attempts had left too little to do: it is finished, and the next kills hit a new one
                assert code == 0
                finish(undisturbed)
                undisturbed.start_over()
                if rule == "probe_block":
                    assert undisturbed.run("train_block") == 0
        assert undisturbed.run(rule) == 0
    assert kills == 8
    finish(undisturbed)


def test_jobs_killed_inside_of_writes(undisturbed: Undisturbed) -> None:
    undisturbed.start_over()
    for rule, points in (("train_block", TRAINING_POINTS), ("probe_block", SCORING_POINTS)):
        for point in points:
            assert undisturbed.run(rule, point) == -signal.SIGKILL, f"{rule} never came to {point}"
        assert undisturbed.run(rule) == 0
    finish(undisturbed)


@pytest.fixture
def copy(undisturbed: Undisturbed, tmp_path: Path) -> Undisturbed:
    """The same in a checkout of its own, before training."""
    made = replace(undisturbed, project=undisturbed.project.duplicate(tmp_path / "checkout"))
    made.start_over()
    return made


@pytest.mark.parametrize("victim", ["job", "both"])  # Snakemake alone: the tests of orphans below
def test_snakemake_and_its_jobs_killed(copy: Undisturbed, victim: str) -> None:
    moments, project, kills = random.Random(victim), copy.project, 0
    with Snakemakes(project, "--until", "probe_block") as snakemakes:
        if victim != "job":
            snakemakes.start()
            time.sleep(moments.uniform(0.3, 3))  # while it plans
            kills += snakemakes.kill(victim)
        for _ in range(2):
            snakemakes.start()
            snakemakes.wait(lambda: snakemakes.works() or snakemakes.process.poll() is not None)
            time.sleep(moments.uniform(0, 0.4 * copy.seconds["train_block"]))  # each goes on from the one before
            kills += snakemakes.kill(victim)
        snakemakes.start()
        snakemakes.finish()

    assert kills >= 2  # an orphan that finishes the work leaves nothing to kill
    assert content(project) == copy.content
    assert leftovers(project) == []
    models = trained(snakemakes.said())
    assert len(set(models)) == len(models), "no model is trained twice"
    assert project.planned("--until", "probe_block") == {}


def test_a_job_that_outlives_its_snakemake_is_waited_for(copy: Undisturbed) -> None:
    with Snakemakes(copy.project, "--until", "probe_block") as snakemakes:
        snakemakes.start()
        snakemakes.wait(lambda: trained(snakemakes.said()))
        orphan = snakemakes.job()
        orphan.suspend()  # so that it is still there when the next one comes
        assert snakemakes.kill("snakemake")
        snakemakes.start()
        snakemakes.wait(lambda: WAITS in snakemakes.said())
        orphan.resume()
        snakemakes.finish()
    assert trained(snakemakes.said()) == list(range(8)), "each once, in order"
    assert "the other job has published the block" in snakemakes.said()
    assert content(copy.project) == copy.content


def test_weights_that_a_killed_snakemake_left_are_deleted(copy: Undisturbed) -> None:
    project = copy.project
    project.write_study(STUDY | {"keep_checkpoints": "none"})
    with Snakemakes(project, "--until", "probe_block") as snakemakes:
        snakemakes.start()
        snakemakes.wait(lambda: (job := snakemakes.job()) and job.cmdline()[-1].endswith("probe_block.py"))
        orphan = snakemakes.job()
        assert snakemakes.kill("snakemake")
        orphan.wait(60)
        snakemakes.start()
        snakemakes.finish()
        assert snakemakes.said().count("models 0 to 7: outputs") == 1
    scores = {name: value for name, value in copy.content.items() if not name.startswith("model")}
    assert content(project) == scores
    assert leftovers(project) == []


def test_a_job_that_outlives_its_snakemake_ends_while_the_next_one_starts(copy: Undisturbed) -> None:
    """After that one looked at what is there: it deletes the scores and makes them again, which needs the weights."""
    project = copy.project
    project.write_study(STUDY | {"keep_checkpoints": "none"})
    project.run("--until", "probe_block", "--skip-script-cleanup")  # the job's script, as it is for this study
    scripts = project.folder.glob(".snakemake/scripts/*.probe_block.py")
    orphan = max(scripts, key=lambda file: file.stat().st_mtime)
    copy.start_over()
    assert copy.run("train_block") == 0
    with (project.folder / "Snakefile").open("a") as snakefile:
        snakefile.write(f"\n\nonstart:\n    shell('{sys.executable} {orphan} > orphan.log 2>&1')\n")
    with Snakemakes(project, "--until", "probe_block") as snakemakes:
        snakemakes.start()
        snakemakes.finish()
    assert "models 0 to 7: outputs" in (project.folder / "orphan.log").read_text()
    assert trained(snakemakes.said()) == []
    scores = {name: value for name, value in copy.content.items() if not name.startswith("model")}
    assert content(project) == scores
    assert leftovers(project) == []


def test_a_job_that_comes_late_leaves_what_another_one_scored(copy: Undisturbed) -> None:
    """Weights may be gone by then."""
    assert copy.run("train_block") == copy.run("probe_block") == 0
    (scores,) = run_folder(copy.project).glob("*/block-*/signals.parquet")
    made = scores.read_bytes()
    with hold(scores.parents[1] / "progress" / scores.parent.name, "taking outputs of", print):
        late = copy.start("probe_block")
        while "another job is taking outputs of this block" not in scores.with_name("probe.log").read_text():
            assert late.poll() is None
            time.sleep(0.05)
        scores.write_bytes(made)
        shutil.rmtree(run_folder(copy.project) / scores.parent.name / "checkpoints")
    assert late.wait(60) == 0
    assert scores.read_bytes() == made
    assert leftovers(copy.project) == []


def finish(undisturbed: Undisturbed) -> None:
    """Scores where that is still to be done, then compares."""
    if not list(run_folder(undisturbed.project).glob("*/block-*/signals.parquet")):
        assert undisturbed.run("probe_block") == 0
    assert content(undisturbed.project) == undisturbed.content
    assert leftovers(undisturbed.project) == []


def start(project: Project, *command: object) -> warm.Process:
    """A script with its arguments in the project."""
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        return warm.Process(warm.server("python"), [*map(str, command)], project.folder, ENVIRONMENT, [nothing] * 3)
    finally:
        os.close(nothing)


def run_folder(project: Project) -> Path:
    (folder,) = project.results.glob("*/cnn*")
    return folder


def trained(said: str) -> list[int]:
    """The models in the order in which their training ended, from what all jobs said."""
    return [int(model) for model in re.findall(r"model (\d+): trained in", said)]


def content(project: Project) -> dict[str, str]:
    """Hash of each checkpoint's file, and of each array of scores."""
    files = run_folder(project).glob("block-*/checkpoints/model-*/*.safetensors")
    hashes = {f"{file.parent.name}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    (scores,) = run_folder(project).glob("*/block-*/signals.parquet")
    arrays = {
        f"{epoch} {signal}": read_signal([scores], epoch, signal) for epoch in read_epochs(scores) for signal in SIGNALS
    }
    arrays["sample ids"] = read_sample_ids(scores)
    hashes |= {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    return hashes


def leftovers(project: Project) -> list[Path]:
    """Temporary files and progress, which a finished run has no more."""
    folder = run_folder(project)
    return [*folder.rglob("*.tmp"), *folder.glob("progress/*")]
