"""The shipped profile by itself; no SLURM needed."""

import os
import re
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


@pytest.mark.slow
def test_a_dry_run_works_where_there_is_no_slurm(tmp_path: Path) -> None:
    described = dry_run("slurm", tmp_path)
    assert "rule train_block:" in described
    assert re.search(r"rule build_pool:\n(    .*\n)*?    resources: .*mem_mb=4000.*runtime=30", described)


@pytest.mark.slow
def test_what_the_profile_shows_in_comments_is_right(tmp_path: Path) -> None:
    """Every commented setting, switched on: without accounting, and with partitions, account and GPU type."""
    text = SLURM.read_text()
    chosen = re.sub(r"^slurm-(status|init|efficiency)\S*:.*\n|^max-status.*\n", "", text, flags=re.MULTILINE)
    chosen = re.sub(r"^( *)# (?=( *)[a-z][a-z_-]*: ?(\{|\"|\d|squeue|$))", r"\1", chosen, flags=re.MULTILINE)
    keys = yaml.safe_load(chosen)
    assert keys["slurm-status-command"] == "squeue"
    assert keys["default-resources"].keys() >= {"slurm_partition", "slurm_account"}
    profile = tmp_path / "profile.yaml"
    profile.write_text(chosen)
    described = dry_run(str(profile), tmp_path)
    assert re.search(
        r"rule train_block:\n(    .*\n)*?    resources: .*slurm_partition=gpu, .*gpu_model=a100", described
    )
    assert re.search(r"rule build_pool:\n(    .*\n)*?    resources: .*slurm_partition=cpu, slurm_acc", described)


def dry_run(profile: str, tmp_path: Path) -> str:
    """Job descriptions of the tiny study in an empty results folder, with nothing of SLURM on the PATH."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("which", "git", "sh"):
        (tools / name).symlink_to(
            next(Path(folder, name) for folder in ("/usr/bin", "/bin") if Path(folder, name).exists())
        )
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--profile", profile]
    command += ["--configfile", "config/studies/tiny.yaml", "--config", f"results={tmp_path / 'results'}"]
    environment = clean_environment() | {"PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent)])}
    done = subprocess.run(command, cwd=PROJECT, env=environment, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
