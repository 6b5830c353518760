"""Raw data: a built pool does without them, and the jobs of a cluster do not look at them."""

import json

import pytest
from conftest import write_data
from project import Project

pytestmark = pytest.mark.slow


def as_a_job(project: Project, rule: str, **wildcards: str):
    """Runs a job as an executor for clusters starts it on another machine: a Snakemake that plans the study anew."""
    target = f"{rule}:{','.join(f'{name}={value}' for name, value in wildcards.items())}"
    options = ["--mode", "remote", "--force", "--nolock", "--ignore-incomplete", "--allowed-rules", rule]
    return project.snakemake(*options, "--target-jobs", target)


def test_a_finished_study_without_its_raw_file(copy: Project):
    (copy.folder / "data.npz").rename(copy.folder / "kept.npz")
    output = copy.run("--dry-run")
    (pool,) = (path.parent.name for path in copy.results.glob("*/pool.arrow"))
    assert f"data: data.npz is gone; its pool, results/{pool}, is built and stands for it" in output
    assert copy.planned() == {}
    assert copy.planned("--config", 'report={"title": "Another"}') == {"draw_figures": 1, "write_report": 1}
    copy.run("--config", "shadow_models=16", "--until", "train_block")
    assert len(list(copy.results.glob(f"{pool}/mlp-*/block-*/log.parquet"))) == 2
    assert "no such file or folder: data.npz" in copy.refused("--config", 'pool={"seed": 1}')
    (copy.folder / "kept.npz").rename(copy.folder / "data.npz")
    assert copy.planned() == {}
    write_data(copy.folder / "data.npz", brightness=12)
    assert copy.planned()["build_pool"] == 1


def test_a_job_of_a_cluster_needs_no_raw_file(clone: Project):
    clone.run("--until", "draw_membership")
    plan = clone.run("--dry-run", "--until", "train_block")
    place = next(line.split("log: results/")[1] for line in plan.splitlines() if "train.log" in line)
    pool, run, block = place.split("/")[:3]
    (clone.folder / "data.npz").unlink()
    done = as_a_job(clone, "train_block", pool=pool, run=run, block=block)
    assert done.returncode == 0, done.stdout
    assert (clone.results / pool / run / block / "log.parquet").exists()


def test_a_raw_file_that_changes_while_its_job_waits(clone: Project):
    plan = clone.run("--dry-run", "--until", "build_pool")
    pool = next(line.split("output: results/")[1].split("/")[0] for line in plan.splitlines() if "output:" in line)
    assert list(json.loads((clone.results / ".sources.json").read_text())) == ["data.npz"]
    write_data(clone.folder / "data.npz", brightness=12)
    done = as_a_job(clone, "build_pool", pool=pool)
    assert done.returncode != 0 and "data.npz changed while this job waited" in done.stdout
    assert not (clone.results / pool / "pool.arrow").exists()
