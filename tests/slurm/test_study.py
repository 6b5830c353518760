"""`snakemake --profile slurm`, as shipped, on a real SLURM: studies end, and jobs ask for what they need."""

import re

import pytest
import yaml

from checkout import Checkout
from disturbed import long_study

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

TINY = ("--configfile", "config/studies/tiny.yaml")
GPU_NODES = ("--set-resources", "train_block:slurm_partition=gpu", "probe_block:slurm_partition=gpu")
SQUEUE = ("--slurm-status-command", "squeue")
CUDA = ("--config", "device=cuda", *GPU_NODES)


def test_a_study_runs_to_its_report_and_a_rerun_submits_nothing(checkout: Checkout) -> None:
    study = one_run(checkout)
    run = checkout.start(*study)
    run.finish(seconds=400)
    assert (checkout.folder / "results/studies/one/report.html").stat().st_size > 10_000
    states = {job.rule: checkout.cluster.job(job.id)["JobState"] for job in run.jobs()}
    assert {"build_pool", "train_block", "probe_block"} <= states.keys()
    assert set(states.values()) == {"COMPLETED"}
    assert list(checkout.folder.glob("logs/slurm/efficiency_report_*.csv"))

    again = checkout.start(*study, fast=False)
    assert "Nothing to be done" in again.finish(seconds=60)
    assert not again.jobs()


def test_gpu_jobs_ask_for_one_gpu_and_the_others_for_none(checkout: Checkout) -> None:
    asked = gpus_of_rules(checkout.start(*TINY, *CUDA, "--dry-run", "--printshellcmds", fast=False).finish(seconds=60))
    assert {rule for rule, gpus in asked.items() if gpus == {1}} == {"train_block", "probe_block"}
    assert set.union(*asked.values()) <= {0, 1}

    # followed as on a cluster without accounting: one job that ends well, one that fails
    run = checkout.start(*one_run(checkout), *CUDA, *SQUEUE, "--retries", "0")
    job = run.wait("a training job", lambda: run.jobs("train_block"), seconds=240)[0]
    record = checkout.cluster.job(job.id)
    assert (record["Partition"], record["TresPerJob"]) == ("gpu", "gres:gpu:1")
    assert all("TresPerJob" not in checkout.cluster.job(other.id) for other in run.jobs("build_pool"))
    # the GPUs are pretended, so the job itself must say that it has none
    run.finish(seconds=90, code=1)
    assert "device: cuda, but torch sees no GPU here" in job.log.read_text()


@pytest.mark.usefixtures("pool")
def test_a_group_of_blocks_asks_for_one_gpu_and_for_the_time_of_all(checkout: Checkout) -> None:
    groups = ("--groups", "train_block=train", "--group-components", "train=2", "--cores", "1")
    run = checkout.start(*long_study(checkout, models=16), *CUDA, *groups, "--retries", "0")
    (group,) = run.wait("the group's job", lambda: run.jobs("train_train_block"), seconds=240)
    record = checkout.cluster.job(group.id)
    assert (record["TresPerJob"], record["MinMemoryNode"], record["TimeLimit"]) == ("gres:gpu:1", "8000M", "08:00:00")
    run.interrupt()


def one_run(checkout: Checkout) -> tuple[str, ...]:
    """Writes the tiny study with one run of its two: half of the jobs, each of which starts Python twice."""
    study = yaml.safe_load((checkout.folder / "config/studies/tiny.yaml").read_text())
    del study["runs"]
    path = checkout.folder / "config/studies/one.yaml"
    path.write_text(yaml.safe_dump(study | {"study": "one", "report": {"pdf": False}}))
    return "--configfile", str(path)


def gpus_of_rules(dry_run: str) -> dict[str, set[int]]:
    """Rule to the numbers of GPUs that its jobs ask for, from the job descriptions of a dry run."""
    found: dict[str, set[int]] = {}
    for rule, described in re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", dry_run, flags=re.MULTILINE):
        gpus = re.search(r"    resources: .*\bgpu=(\d+)", described)
        found.setdefault(rule, set()).add(int(gpus[1]) if gpus else 0)
    return found
