"""One set of versions: the lock file, the conda environment and the declared requirements agree."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PYTHON = {"python_full_version": "3.11.0", "python_version": "3.11", "sys_platform": "linux"}


def locked() -> dict[str, str]:
    """Package -> version of the lock file, for Python 3.11 on Linux."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith(("#", " "))]
    return {r.name: str(next(iter(r.specifier)).version) for r in found if not r.marker or r.marker.evaluate(PYTHON)}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_requirement_is_locked_within_its_bounds():
    everything = [*project()["dependencies"], *project()["optional-dependencies"]["dev"]]
    pins = locked()
    for requirement in map(Requirement, everything):
        assert pins[requirement.name] in requirement.specifier, requirement


def test_conda_pins_are_those_of_the_lock():
    environment = yaml.safe_load((ROOT / "envs" / "memdyn.yaml").read_text())
    pip = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    pinned = dict(entry.split("==") for entry in pip)
    wanted = {Requirement(entry).name for entry in project()["dependencies"]}
    assert set(pinned) == {name for name in wanted if not name.startswith("snakemake")}
    assert pinned == {name: locked()[name] for name in pinned}


def test_rules_name_the_conda_environment():
    for rules in (ROOT / "workflow" / "rules").glob("*.smk"):
        text = rules.read_text()
        scripts = len(re.findall(r"^\s*script:", text, re.M))
        assert text.count("envs/memdyn.yaml") == scripts, rules.name
