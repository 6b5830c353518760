"""Raw data: a built pool does without them, and the jobs of a cluster do not look at them."""

import json

import pytest

from project import Project, write_data

pytestmark = pytest.mark.slow


def as_a_job(project: Project, rule: str, *arguments: str, **wildcards: str):
    """Runs a job as an executor for clusters starts it on another machine: a Snakemake that plans the study anew."""
    target = f"{rule}:{','.join(f'{name}={value}' for name, value in wildcards.items())}"
    options = ["--mode", "remote", "--force", "--nolock", "--ignore-incomplete", "--allowed-rules", rule]
    return project.snakemake(*options, "--target-jobs", target, *arguments)


def test_a_built_pool_does_without_its_raw_file(clone: Project):
    """Neither a start needs it nor a job of a cluster, which reads the command line as its start did."""
    config = ("--config", 'base={"epochs": 1, "checkpoints": [0, 1]}', 'runs=[{"name": "one"}]')
    clone.run("--until", "draw_membership", *config)
    (clone.folder / "data.npz").unlink()
    plan = clone.run("--dry-run", "--printshellcmds", "--until", "train_block", *config)
    place = next(line.split("log: results/")[1] for line in plan.splitlines() if "train.log" in line)
    pool, run, block = place.split("/")[:3]
    assert f"data: data.npz is gone; its pool, results/{pool}, is built and stands for it" in plan
    assert clone.planned("--until", "train_block", *config) == {"train_block": 1} and run.startswith("mlp-sgd-e1-")
    done = as_a_job(clone, "train_block", *config, pool=pool, run=run, block=block)
    assert done.returncode == 0, done.stdout
    assert (clone.results / pool / run / block / "log.parquet").exists()
    assert "no such file or folder: data.npz" in clone.refused("--config", 'pool={"seed": 1}')
    write_data(clone.folder / "data.npz", brightness=12)
    assert clone.planned("--until", "build_pool", *config) == {"build_pool": 1}


def test_a_raw_file_that_changes_while_its_job_waits(clone: Project):
    plan = clone.run("--dry-run", "--printshellcmds", "--until", "build_pool")
    pool = next(line.split("output: results/")[1].split("/")[0] for line in plan.splitlines() if "output:" in line)
    assert list(json.loads((clone.results / ".sources.json").read_text())) == ["data.npz"]
    write_data(clone.folder / "data.npz", brightness=12)
    done = as_a_job(clone, "build_pool", pool=pool)
    assert done.returncode != 0 and "data.npz changed while this job waited" in done.stdout
    assert not (clone.results / pool / "pool.arrow").exists()
