"""States of jobs are read off their files; what failed is told with run, models and its last words."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from finished_studies import finish
from memdyn.config.load import load_study
from memdyn.identity.job import where
from memdyn.jobs import failure
from memdyn.jobs.failure import Failure
from memdyn.operations.status import BEGUN, DONE, FAILED, WAITING, all_jobs, failures, lines, table
from memdyn.plan.study import build_plan
from studies import study

LOST = "05:12:44 train_block mlp block-0008-0015: FAILED on c1 (SLURM job 12), ValueError: the loss became infinite"


@pytest.fixture
def plan(tmp_path):
    """Of three blocks a run, nothing done."""
    return build_plan(load_study(study({"results": str(tmp_path), "shadow_models": 24})))


def states(plan, stage):
    return [job.state for job in all_jobs(plan)[stage.path]]


def put(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_nothing_and_all(plan):
    assert next(lines(plan)) == "small: 0 of 33 jobs done, 33 waiting"
    finish(plan)
    assert {job.state for jobs in all_jobs(plan).values() for job in jobs} == {DONE}
    assert list(failures(plan, all_jobs(plan))) == []


def test_each_state(plan):
    train = plan.runs[0].train
    folder = Path(plan.results, train.path)
    put(folder / "block-0000-0007" / "train.log", "05:12:40 train_block mlp: model 0: trained in 1 s")
    put(folder / "block-0008-0015" / "train.log", f"Traceback\n{LOST}\n")
    assert states(plan, train) == [BEGUN, FAILED, WAITING]
    put(folder / "block-0008-0015" / "log.parquet")  # a later attempt came to its end
    assert states(plan, train) == [BEGUN, DONE, WAITING]


def test_what_failed_is_told_with_its_run_its_models_and_its_last_words(plan):
    put(Path(plan.results, plan.runs[0].train.path, "block-0008-0015", "train.log"), f"{LOST}\n")
    found = list(failures(plan, all_jobs(plan)))
    assert found == ["", f"failed: train {plan.runs[0].train.slug} of mlp, models 8 to 15", f"  {LOST}"]


def test_what_slurm_ended_or_refused_is_told_with_the_line_of_the_profile(plan):
    """Of jobs that could not say it themselves: one with a log of another attempt, one that never began."""
    folder = Path(plan.results, plan.runs[0].train.path)
    put(folder / "block-0000-0007" / "train.log", "05:12:40 train_block mlp: model 0: trained in 1 s")
    ended = Failure("a1", "train_block", "OUT_OF_MEMORY", "SLURM ended it: OUT_OF_MEMORY.", True, {"mem_mb": 24000})
    refused = Failure("a1", "train_block", "REFUSED", "Invalid partition name specified", False)
    for block, each in (("block-0000-0007", ended), ("block-0008-0015", refused)):
        failure.write(each, folder / block / "train.log")
    assert states(plan, plan.runs[0].train) == [FAILED, FAILED, WAITING]
    text = "\n".join(failures(plan, all_jobs(plan)))
    assert "SLURM ended it: OUT_OF_MEMORY. (log: " in text
    assert "  -> profiles/slurm/profile.yaml: set-resources: {train_block: {mem_mb: 48000}}" in text
    assert "\n  Invalid partition name specified\n" in text and "slurm_partition" in text
    failure.write(replace(ended, waits=True), folder / "block-0000-0007" / "train.log")
    assert states(plan, plan.runs[0].train) == [WAITING, FAILED, WAITING]
    failure.forget(folder / "block-0000-0007" / "train.log")  # the next attempt has begun
    assert states(plan, plan.runs[0].train) == [BEGUN, FAILED, WAITING]


def test_masks_have_a_log_each(plan):
    folder = Path(plan.results, plan.runs[0].pool.path, "membership")
    first, *_ = (job.block for job in all_jobs(plan)[plan.runs[0].pool.path] if job.block)
    put(folder / "models-99999-99999.log", LOST)  # of other masks
    put(folder / f"{first}.log", "05:12:40 draw_membership: drawn")
    found = {job.block: job.state for job in all_jobs(plan)[plan.runs[0].pool.path]}
    assert found[first] == BEGUN


def test_figures_whose_log_lies_aside(plan):
    finish(plan)
    figures = Path(plan.versions, plan.figures.folder)
    shutil.rmtree(figures)
    put(figures.parent / "logs" / f"{figures.name}.log", "05:00:00 draw_figures: FAILED on vm, OSError: no space left")
    assert [job.state for job in all_jobs(plan)[plan.figures.folder]] == [FAILED]
    assert "failed: figures of the study" in list(failures(plan, all_jobs(plan)))


def test_the_table_has_a_line_a_run(plan):
    finish(plan)
    (Path(plan.results, plan.runs[1].train.path) / "block-0000-0007" / "log.parquet").unlink()
    put(Path(plan.results, plan.runs[1].train.path, "block-0000-0007", "train.log"), f"{LOST}\n")
    text = list(table(plan, all_jobs(plan)))
    header = next(line for line in text if " train " in line)
    cells = {line.split()[0]: dict(zip(header.split(), line.split()[1:], strict=False)) for line in text}
    assert cells["mlp"]["train"] == "3/3" and cells["logistic"]["train"] == "2/3!"


def test_a_failure_says_where(monkeypatch):
    monkeypatch.setattr("platform.node", lambda: "c1")
    assert where() == "c1"
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    assert where() == "c1 (SLURM job 12)"
