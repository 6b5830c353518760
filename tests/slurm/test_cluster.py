"""The private SLURM itself: what the other tests of this folder stand on."""

import subprocess
import time
from pathlib import Path

import pytest

import cluster as cluster_module
from cluster import Cluster

pytestmark = pytest.mark.slurm


def test_without_slurm_tests_are_skipped_and_say_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cluster_module, "_search_path", lambda: str(tmp_path))
    monkeypatch.delenv("REQUIRE_SLURM", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"missing: munged.*sbatch.*apt-get install"):
        cluster_module.require_slurm()


def test_where_slurm_is_required_its_absence_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cluster_module, "_search_path", lambda: str(tmp_path))
    monkeypatch.setenv("REQUIRE_SLURM", "1")
    with pytest.raises(pytest.fail.Exception, match=r"REQUIRE_SLURM=1.*sbatch"):
        cluster_module.require_slurm()


def test_each_gpu_job_sees_one_gpu_of_its_own(cluster: Cluster, tmp_path: Path) -> None:
    script = "echo $CUDA_VISIBLE_DEVICES; sleep 1"  # both run at once, or they could share one
    options = ("--partition=gpu", "--gpus=1", "--mem=100", f"--output={tmp_path}/%j", f"--wrap={script}")
    ids = [cluster.run("sbatch", "--parsable", *options).strip() for _ in range(2)]
    _wait_until_ended(cluster, ids)
    assert sorted((tmp_path / id).read_text().strip() for id in ids) == ["0", "1"]


def test_what_no_node_has_is_refused_at_once(cluster: Cluster) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        cluster.run("sbatch", "--partition=gpu", "--gpus=3", "--wrap=true")
    assert "configuration is not available" in refused.value.stderr


def test_nothing_is_left_of_a_cluster_with_running_jobs(cluster: Cluster) -> None:
    with Cluster() as second:  # beside the session's: several can run at once
        stubborn = "trap '' TERM; srun sleep 600 & sleep 600; wait"
        job = second.run("sbatch", "--parsable", "--output=/dev/null", f"--wrap={stubborn}").strip()
        end = time.monotonic() + 20
        while second.job(job)["JobState"] != "RUNNING" and time.monotonic() < end:
            time.sleep(0.1)
        assert second.processes()
    assert not second.processes()
    assert not second.root.exists()


def _wait_until_ended(cluster: Cluster, ids: list[str], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while any(cluster.job(id)["JobState"] in ("PENDING", "RUNNING", "COMPLETING") for id in ids):
        assert time.monotonic() < end, cluster.run("squeue", "--states=all")
        time.sleep(0.2)
