"""A copy of the project, and Snakemake run in it.

project = Project.copy(PROJECT, folder)
project.run("--until", "train_block")
assert project.planned() == {"probe_block": 2}
"""

import compileall
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.datasets import load_digits

import warm
from memdyn.identity.digest import SCRIPTS, code_digest
from memdyn.operations.wanted import WANTED
from memdyn.report.sections import DRAWN, WRITTEN, entries

PROJECT = Path(__file__).resolve().parents[2]
# What a clone has, as far as the workflow uses it.
PARTS = ("Snakefile", "config", "envs", "workflow", "profiles", "slurm", "resources", "pyproject.toml")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Project:
    """A checkout in `folder` with a study in study.yaml."""

    folder: Path

    @classmethod
    def copy(cls, source: Path, folder: Path) -> "Project":
        """The project without results, as a clone has it; compiled and read, or each of them would do that again."""
        compileall.compile_dir(source / "workflow" / "scripts", quiet=1)
        code_digest([script.name for script in SCRIPTS.glob("*.py")], [*entries(DRAWN), *entries(WRITTEN)])
        folder.mkdir(parents=True)
        for part in PARTS:
            _copy(source / part, folder / part)
        return cls(folder)

    def duplicate(self, folder: Path) -> "Project":
        """All of it, results and file times included, but for notes by which this one would keep the copy's weights."""
        _copy(self.folder, folder)
        for note in folder.glob(f"results/studies/*/{WANTED}"):
            note.unlink()
        return Project(folder)

    @property
    def package(self) -> Path:
        return self.folder / "workflow" / "scripts" / "memdyn"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def study(self) -> dict[str, Any]:
        return yaml.safe_load((self.folder / "study.yaml").read_text())

    def write_study(self, study: dict[str, Any]) -> None:
        (self.folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))

    def edit(self, file: str, old: str, new: str) -> None:
        """Replaces a piece of the package's code that is there once."""
        path = self.package / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} has {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new))

    def append(self, file: str, code: str) -> None:
        """Adds code at the end of a file of the package."""
        path = self.package / file
        path.write_text(path.read_text() + code)

    def snakemake(self, *arguments: str, config: str = "study.yaml") -> subprocess.CompletedProcess[str]:
        """Runs Snakemake to its end; stdout and stderr together."""
        command = ["--cores", "2", "--configfile", config, *arguments]
        output = self.folder / ".snakemake/said"  # where git looks at nothing: a test archives its checkout
        output.parent.mkdir(exist_ok=True)
        code = warm.snakemake(self.folder, command, dict(ENVIRONMENT), output, timeout=400)
        return subprocess.CompletedProcess(command, code, output.read_text())

    def memdyn(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of this checkout's `memdyn`; stdout and stderr together."""
        return self.python("-m", "memdyn", *arguments, PYTHONPATH="workflow/scripts")

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [warm.python(), *arguments],
            cwd=self.folder,
            env=ENVIRONMENT | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
            check=False,
        )

    def run(self, *arguments: str) -> str:
        """Runs Snakemake; its output. Fails where it fails."""
        done = self.snakemake(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs that a dry run would start: rule -> number, without the rule `all`."""
        return job_counts(self.run("--dry-run", *arguments))

    def refused(self, *arguments: str, config: str = "study.yaml") -> str:
        """What Snakemake says when it refuses the study before any job."""
        done = self.snakemake("--dry-run", *arguments, config=config)
        assert done.returncode != 0, done.stdout
        return done.stdout


def job_counts(output: str) -> dict[str, int]:
    """The line that counts the jobs of a run, or of a dry run; empty where there was nothing to do."""
    counted = re.search(r"^(\d+) jobs?: (.+)$", output, re.MULTILINE)
    if not counted:
        assert "Nothing to be done" in output, output
        return {}
    found = {rule: int(count) for count, rule in re.findall(r"(\d+) (\w+)", counted[2])}
    assert sum(found.values()) == int(counted[1])
    return found


def _copy(source: Path, target: Path) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        # what another worker just writes beside compiled code may be gone before it is copied
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(".digests.*.tmp"))
    else:
        shutil.copy2(source, target)


def write_data(path: Path, brightness: float = 15.9) -> None:
    """400 of scikit-learn's digits."""
    images, labels = load_digits(return_X_y=True)
    np.savez(path, images=(images[:400] * brightness).astype(np.uint8).reshape(-1, 8, 8), labels=labels[:400])
