"""kill -9 at random moments of a whole study: what it ends with is, bit for bit, what an undisturbed one has.

The study has a mechanism with state, a student with its hidden teacher, and views. A few kills in a run of all tests,
at moments of its own each time. With MEMDYN_KILLS=50 as many, of processes that import for themselves, in a larger
study: logits, GraNd, analyses, DP-SGD, an early end, a run that fails. MEMDYN_KILLS_SEED repeats what a failure names.
"""

import os
import random
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml

from kills import Killed, Running, made
from memdyn.tables import STAGES
from project import PROJECT, Project

pytestmark = pytest.mark.slow

FEW = 3
KILLS = int(os.environ.get("MEMDYN_KILLS", FEW))
SEED = int(os.environ.get("MEMDYN_KILLS_SEED", secrets.randbelow(10**6)))
MANY = KILLS > FEW

RUNS = [
    {"name": "student", "mechanisms": {"distillation": {"temperature": 2}}},
    {"name": "adversarial", "mechanisms": {"adv_reg": {"weight": 1.0, "lr": 0.01}}},
]
MORE_RUNS = [
    {"name": "private", "mechanisms": {"dp_sgd": {"noise": 0.5, "clip": 1.0, "lot": 32}}},
    {"name": "stopped", "epochs": 4, "checkpoints": [0, 2, 4], "mechanisms": {"early_stopping": {"patience": 1}}},
    {"name": "wild", "optimizer": {"name": "sgd", "lr": 1e30}},
]
STUDY = {
    "study": "killed",
    "pool": {
        "dataset": {"name": "digits"},
        "parts": {"scored": 200, "sham": 40, "population": 60, "test": 60, "spare": 100},
    },
    "base": {
        "model": {"name": "cnn", "width": 4, "hidden": 8},
        "optimizer": {"name": "sgd", "lr": 0.05},
        "augment": {"crop": 1},
        "epochs": 4,
        "batch_size": 32,
        "checkpoints": [0, 2, 4],
    },
    "runs": RUNS,
    "shadow_models": 8,
    "attacks": [{"name": "lira_views"}],
    "statistics": {"null_draws": 12},
    "realised": None,
    "dynamics": {"thresholds": ["lr1"], "attacks": ["lira_views"]},
    "analysis": {"enabled": False},
    "on_divergence": "drop",
    "report": {"png_dpi": 50, "pdf": False, "plane_epochs": 1, "top_samples": 2, "show_images": False},
}
MORE = {
    "runs": RUNS + MORE_RUNS,
    "attacks": [{"name": "lira_views"}, {"name": "shokri2017", "records": 50}],
    "analysis": {"splits": 2, "jackknife_splits": 1},
    "difficulty": {"measures": ["grand"]},
    "keep_checkpoints": "all",
}
MEASURED = {
    name: measured
    for tables in STAGES.values()
    for name, table in tables.items()
    if (measured := [column.name for column in table.columns if column.measured])
}


@dataclass(frozen=True)
class Undisturbed:
    """A finished study, and when each of its files was written, seconds since its start."""

    project: Project
    files: dict[str, float]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.copy(PROJECT, tmp_path_factory.mktemp("killed") / "checkout")
    project.write_study(STUDY | (MORE if MANY else {}))
    return project


@pytest.fixture(scope="module")
def undisturbed(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    project = fresh.duplicate(tmp_path_factory.mktemp("undisturbed") / "checkout")
    study, started = Running(project, not MANY), time.time()
    study.start()
    assert study.process.wait(1800) == 0, study.log()
    return Undisturbed(project, {file: at - started for file, at in made(project).items()})


def test_killed_at_random_moments(fresh: Project, undisturbed: Undisturbed, tmp_path: Path) -> None:
    project = fresh.duplicate(tmp_path / "checkout")
    study = Killed(project, not MANY, files=undisturbed.files, draw=random.Random(SEED))
    study.run(KILLS)
    for (victim, running), times in sorted(study.hits.items()):
        print(f"killed {times} times: {victim}, while {running}")

    again = f"MEMDYN_KILLS={KILLS} MEMDYN_KILLS_SEED={SEED}"
    assert study.hits.total() == KILLS
    assert list(different(undisturbed.project, project)) == [], again
    trained = Counter(re.findall(r"train_block (\S+ \S+): (model \d+): trained in", study.log()))
    assert trained and set(trained.values()) == {1}, f"{again}: no model is trained twice"
    assert study.done == {path: path.stat().st_mtime for path in study.done}, f"{again}: no finished job is done twice"
    assert [*project.results.rglob("*.tmp"), *project.results.glob("*/*/progress/*")] == [], again
    assert project.planned() == {}, again


def different(one: Project, other: Project) -> Iterator[str]:
    """Files that are not the same in two studies' results, but for times and hosts in them."""
    files, others = made(one), made(other)
    yield from files.keys() ^ others.keys()
    for file in sorted(files.keys() & others.keys()):
        if without_times(one.results / file) != without_times(other.results / file):
            yield file


def without_times(file: Path) -> bytes:
    """What is in a file; of one that says when, where or how fast it was made, the rest, in some form of its own."""
    if file.name == "recipe.yaml":
        return yaml.safe_dump(yaml.safe_load(file.read_text()) | {"made": None}).encode()
    if file.name == "report.html":
        return re.sub(rb"[\d.]+ (ms|s|min|h)\b", b"", file.read_bytes())
    measured = MEASURED.get(file.stem)
    if measured and file.suffix in (".parquet", ".csv"):
        table = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)
        return table.drop(columns=measured).to_csv().encode()
    return file.read_bytes()
