"""The shipped profile by itself; no SLURM needed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from checkout import PROJECT
from cluster import clean_environment

SLURM = PROJECT / "profiles/slurm/profile.yaml"
DEFAULT = PROJECT / "profiles/default/profile.yaml"


def test_the_profile_is_found_by_its_bare_name() -> None:
    link = PROJECT / "slurm"
    assert link.is_symlink() and link.readlink() == Path("profiles/slurm")


def test_the_default_profile_takes_nothing_back() -> None:
    """Snakemake loads profiles/default beside every other profile, and lets it win key by key."""
    slurm, default = yaml.safe_load(SLURM.read_text()), yaml.safe_load(DEFAULT.read_text())
    assert {key: default[key] for key in slurm.keys() & default.keys() if default[key] != slurm[key]} == {}
    assert not default.keys() & {"jobs", "cores", "executor", "retries", "latency-wait", "default-resources"}


def test_a_study_removes_no_logs_of_another() -> None:
    """The executor's removal of old logs takes the empty folders of waiting jobs along, which then cannot start."""
    assert yaml.safe_load(SLURM.read_text())["slurm-delete-logfiles-older-than"] == 0


@pytest.mark.slow
def test_a_dry_run_works_where_there_is_no_slurm(tmp_path: Path) -> None:
    resources = dry_run("slurm", tmp_path)
    assert "gpu=0" in resources["train_block"]
    assert "runtime=" in resources["build_pool"]


@pytest.mark.slow
def test_what_the_profile_shows_in_comments_is_right(tmp_path: Path) -> None:
    """Every commented setting, switched on: without accounting, and with partitions, account and GPU type."""
    text = SLURM.read_text()
    chosen = text.replace("slurm-status-command: sacct\n", "")
    chosen = re.sub(r"^( *)# (?= *[a-z][a-z_-]*: ?(\{|\"|squeue|$))", r"\1", chosen, flags=re.MULTILINE)
    keys = yaml.safe_load(chosen)
    assert keys["slurm-status-command"] == "squeue"
    assert keys["default-resources"].keys() >= {"slurm_partition", "slurm_account"}
    profile = tmp_path / "profile.yaml"
    profile.write_text(chosen)
    resources = dry_run(str(profile), tmp_path)
    assert "slurm_partition=gpu" in resources["train_block"] and "gpu_model=a100" in resources["probe_block"]
    assert "slurm_partition=cpu, slurm_account=my_account" in resources["build_pool"]


def dry_run(profile: str, tmp_path: Path) -> dict[str, str]:
    """Rule to the resources of its last job, for the tiny study without results, and with no SLURM on the PATH."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("which", "git", "sh"):
        (tools / name).symlink_to(shutil.which(name))
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--printshellcmds", "--profile", profile]
    command += ["--configfile", "config/studies/tiny.yaml", "--config", f"results={tmp_path / 'results'}"]
    environment = clean_environment() | {"PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent)])}
    done = subprocess.run(command, cwd=PROJECT, env=environment, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    return dict(
        re.findall(r"^(?:local)?rule (\w+):\n(?:    .*\n)*?    resources: (.*)", done.stdout, flags=re.MULTILINE)
    )
