"""`recipe.yaml` in every artifact folder: what it was made from, and by which versions."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from memdyn.provenance.digest import SCRIPTS, code_digest
from memdyn.store.atomic import atomic_path

RECIPE = "recipe.yaml"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where it was compiled
_PACKAGES = ("numpy", "pandas", "pyarrow", "safetensors", "scipy", "snakemake", "torch", "torchvision")


class CodeChanged(RuntimeError):
    """The code is not the one that the job was planned with."""


def open_stage(stage: dict[str, Any], folder: str | Path, **inputs: Any) -> None:
    """First step of every job: refuses changed code, then records the recipe beside what will be made.

    Args:
        stage: `Stage.params()` of the plan.
        folder: the artifact folder; its name must be the one that the code and the options give.
        inputs: further facts worth keeping (content hashes).

    Raises:
        CodeChanged: where the code was edited after the job was planned, naming both digests.
    """
    now = code_digest(stage["roots"], stage["entries"], stage["files"])
    if now != stage["digest"]:
        raise CodeChanged(
            f"{folder}: the code changed while this job waited (planned with {stage['digest'][:10]}, now {now[:10]}). "
            "Nothing was computed; run snakemake again."
        )
    path = Path(folder) / RECIPE
    if not path.exists():
        write_recipe(path, {**stage, "inputs": inputs, "versions": versions(), "made": _circumstances()})


def write_recipe(path: Path, recipe: dict[str, Any]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(recipe, sort_keys=True), encoding="utf-8")


def read_recipe(folder: str | Path) -> dict[str, Any] | None:
    """The recipe of a folder; None where there is none."""
    path = Path(folder) / RECIPE
    return yaml.load(path.read_text(encoding="utf-8"), _LOADER) if path.is_file() else None


def versions() -> dict[str, str]:
    """Versions of Python and of what the numbers depend on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _circumstances() -> dict[str, str]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "commit": commit(),
        "slurm_job": os.environ.get("SLURM_JOB_ID", ""),
    }


def commit() -> str:
    """The checkout's commit, marked where tracked files differ from it; empty outside of git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=SCRIPTS, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
