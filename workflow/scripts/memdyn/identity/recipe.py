"""`recipe.yaml` in every artifact folder: what it was made from, by which code, and by which versions."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

import yaml

from memdyn.identity.digest import PACKAGE, SCRIPTS, code_digest, file_hashes, module_hashes, own_code
from memdyn.jobs.atomic import atomic_path
from memdyn.own.source import is_installed

RECIPE = "recipe.yaml"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where it was compiled
_PACKAGES = ("numpy", "pandas", "pyarrow", "safetensors", "scipy", "snakemake", "torch", "torchvision")


class CodeChanged(RuntimeError):
    """The code is not the one that the job was planned with."""


def open_stage(stage: dict[str, Any], folder: str | Path, own: Iterable[str] = (), **inputs: Any) -> None:
    """First step of every job: refuses changed code, then records the recipe beside what will be made.

    Args:
        stage: `Stage.params()` of the plan.
        folder: the artifact folder; its name must be the one that the code and the options give.
        own: files of a user's own code that the job runs besides the stage's, whose packages are recorded as well.
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
    if path.exists():
        return
    found = versions([*stage["roots"], *own])
    recipe = {**with_code(stage), "inputs": inputs, "versions": found, "made": circumstances()}
    while not path.exists():
        # the jobs of a stage write one recipe: one that ended meanwhile takes what others have half written for what
        # a killed one left (`sweep_older`)
        with suppress(FileNotFoundError):
            write_recipe(path, recipe)


def with_code(stage: dict[str, Any]) -> dict[str, Any]:
    """What a recipe says of a stage: its params, with the hash of each module and of each file that it reads."""
    modules = module_hashes(stage["roots"], stage["entries"])
    return {**stage, "modules": modules, "contents": file_hashes(stage["files"])}


def write_recipe(path: Path, recipe: dict[str, Any]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.safe_dump(recipe, sort_keys=True), encoding="utf-8")


def read_recipe(folder: str | Path) -> dict[str, Any] | None:
    """The recipe of a folder; None where there is none."""
    path = Path(folder) / RECIPE
    return yaml.load(path.read_text(encoding="utf-8"), _LOADER) if path.is_file() else None


def versions(code: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python and of what the numbers depend on, also of the packages that a user's own code imports.

    Args:
        code: roots of code digests, of which the user's own files count.
    """
    found = {"python": platform.python_version()} | {package: _version(package) for package in _PACKAGES}
    own = [each for each in map(own_code, code) if each]
    imported = {name for each in own for name in each.outside} - sys.stdlib_module_names - {PACKAGE}
    packages = packages_distributions() if imported else {}
    for name in sorted(imported):
        found |= {package: _version(package) for package in packages.get(name, [name])}
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        # a module that lies on the path, of no package
        return "no version" if is_installed(package) else "not installed"


def circumstances() -> dict[str, str]:
    """When and where this is, and the commit of the code."""
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
