"""An archive's tables and figures made anew, with its own code and nothing else of this machine but the packages."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memdyn.identity.records import SUFFIX
from memdyn.operations.archives import CODE, CONFIG, RESULTS

_LAST = 30  # lines of Snakemake that are shown where it fails


class CannotRebuild(RuntimeError):
    """An archive cannot be made anew here."""


def rebuild(archive: Path, manifest: Mapping[str, Any], checkout: Path, cores: int) -> None:
    """Runs the archived study in `checkout`, from the archived scores.

    Args:
        manifest: of the archive.
        checkout: a folder to be made: the archive's code, what it starts from, and then what is made of it.

    Raises:
        CannotRebuild: for an archive without scores, where Snakemake fails, and where anything was trained.
    """
    if not manifest["scores"]:
        raise CannotRebuild("it was archived with --no-scores, and all else is made of them")
    entries = manifest["files"] | manifest["measured"]
    given = [path for path, entry in entries.items() if entry["role"] == "given"]
    shutil.copytree(archive / CODE, checkout)
    for path in given:
        target = checkout / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(archive / path, target)
    shutil.copyfile(archive / CONFIG, checkout / CONFIG)
    done = _snakemake(checkout, manifest["page"], cores)
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-_LAST:])
        raise CannotRebuild(f"snakemake failed on it:\n{last}")
    fronts = {Path(path).parent for path in given}
    trained = [str(path) for front in fronts for path in (checkout / front).glob(f"*{SUFFIX}")]
    if trained:
        raise CannotRebuild(f"more than tables and figures was made anew, as {sorted(trained)[0]} tells")


def _snakemake(checkout: Path, target: str, cores: int) -> subprocess.CompletedProcess[str]:
    """Without what would lead it to other code, or another profile."""
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SNAKEMAKE_PROFILE")}
    command = ["snakemake", "--cores", str(cores), "--configfile", CONFIG, "--nolock", "--keep-going", target]
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=checkout,
        env=clean | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def counterpart(path: str, study: str) -> str | None:
    """Where the rebuilt checkout has what the archive has at `path`; None of what is nowhere made."""
    if path.startswith(f"{RESULTS}/"):
        return path
    kind, _, rest = path.removeprefix("study/").partition("/")
    return f"{RESULTS}/studies/{study}/{kind}/{rest}" if kind in ("tables", "figures") else None
