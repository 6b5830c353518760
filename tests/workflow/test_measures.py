"""GraNd and prediction depth end to end: in all tables once they are on, off without a trace, and safe from kills."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from memdyn.store.scores import read_only
from project import Project

pytestmark = pytest.mark.slow

MEASURES = ("grand", "prediction_depth")
ON = {"difficulty": {"measures": list(MEASURES), "neighbours": 5}}
STUDY_JOBS = ("analyse_dynamics", "compare_runs", "draw_figures", "write_report")


def measures(project: Project) -> dict[str, np.ndarray]:
    """By the path of their files."""
    files = [file for slug in ("grand", "prediction-depth") for file in project.results.glob(f"*/*/{slug}-*/block-*/*")]
    signals = sorted(file for file in files if file.name == "signals.parquet")
    return {str(file.relative_to(project.results)): read_only([file]) for file in signals}


def weights(project: Project) -> list[str]:
    return [str(path) for path in project.results.glob("*/*/block-*/checkpoints")]


@pytest.fixture(scope="module")
def studied(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A small CNN and logistic regression, without measures at first and with both of them then."""
    made = project.duplicate(tmp_path_factory.mktemp("measures") / "checkout")
    study = made.study()
    study["base"]["model"] = {"name": "cnn", "width": 4, "hidden": 8}
    study["runs"][0]["name"] = "cnn"
    off = study | {"keep_checkpoints": "all"}
    made.write_study(off)
    made.run("--until", "probe_block")
    others = made.planned()
    outputs = {path: path.stat().st_mtime_ns for path in made.results.glob("*/*/outputs-*/block-*/signals.parquet")}
    made.write_study(off | ON)
    assert made.planned() == {"probe_block": 4} | others, "weights are there: nothing is made again"
    made.run()
    assert {path: path.stat().st_mtime_ns for path in outputs} == outputs and len(outputs) == 2
    made.write_study(off)
    assert made.planned() == {rule: others[rule] for rule in STUDY_JOBS}
    made.write_study(study | ON)
    return made


def test_both_measures_are_in_every_table(studied: Project):
    tables = studied.results / "studies" / "matrix" / "tables"
    assert studied.planned() == {}
    table = pd.read_parquet(tables / "difficulty.parquet")
    for name in MEASURES:
        for models in ("in", "out"):
            assert table[f"{name}_{models}"].notna().all() and table[f"{name}_{models}"].nunique() > 1
    assert table["grand_in"].min() > 0
    depth = table.groupby("run", sort=False)["prediction_depth_out"].max()
    assert depth.iloc[0] > 1 >= depth.iloc[1], "logistic regression has no block: its input settles it, or the end"
    for file in ("correlations", "difficulty_curves", "reliabilities"):
        found = pd.read_parquet(tables / f"{file}.parquet").rename(columns={"quantity": "difficulty"})
        assert found["run"].nunique() == 2
        for _, part in found.groupby(["run", "attack"]):
            for name in MEASURES:
                assert set(part.loc[part["difficulty"] == name, "models"]) == {"in", "out"}, file
    page = (studied.results / "studies" / "matrix" / "report.html").read_text()
    assert "GraNd" in page and "prediction depth" in page


def test_weights_wait_for_all_probes_and_survive_a_kill(studied: Project, clone: Project):
    clone.write_study(studied.study())
    options = ["--cores", "1", "--configfile", "study.yaml", "--until", "probe_block"]
    command = [sys.executable, "-m", "snakemake", *options]
    with (clone.folder / "killed.log").open("w") as log:
        process = psutil.Popen(
            command, cwd=clone.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    while not probing(process):
        assert process.poll() is None, (clone.folder / "killed.log").read_text()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    assert weights(clone)
    clone.run("--unlock")
    clone.run("--until", "probe_block")
    assert weights(clone) == []
    found, expected = measures(clone), measures(studied)
    assert len(found) == 4 and found.keys() == expected.keys()
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name])
    assert not set(clone.planned()) & {"train_block", "probe_block"}


def probing(process: psutil.Popen) -> bool:
    """Whether a job of that rule runs."""
    with suppress(psutil.NoSuchProcess):
        return any(
            child.cmdline()[-1:] and child.cmdline()[-1].endswith("probe_block.py")
            for child in process.children(recursive=True)
        )
    return False


def test_weights_that_are_gone_are_asked_for(studied: Project, tmp_path: Path):
    copy = studied.duplicate(tmp_path / "copy")
    for folder in weights(copy):
        shutil.rmtree(folder)
    assert copy.planned() == {}
    copy.write_study(copy.study() | {"difficulty": ON["difficulty"] | {"neighbours": 6}})
    said = copy.refused()
    assert "new probes or students need them" in said and "prediction-depth" in said and "keep_checkpoints: all" in said
    planned = copy.planned("--config", "allow_retrain=true")
    assert planned["train_block"] == planned["probe_block"] == 2, "none that is there is taken again"
    before, there = measures(copy), signals(copy)
    copy.run("--until", "probe_block", "--config", "allow_retrain=true")
    after = measures(copy)
    assert {path: at for path, at in signals(copy).items() if path in there} == there
    assert len(before) == 4 and len(after) == 6 and before.keys() < after.keys() and weights(copy) == []


def test_probes_are_the_same_bits_of_weights_that_are_trained_again(studied: Project, tmp_path: Path):
    copy = studied.duplicate(tmp_path / "copy")
    before, there = measures(copy), signals(copy)
    for folder in weights(copy):
        shutil.rmtree(folder)
    for path in before:
        if "grand" in path:
            (copy.results / path).unlink()
    copy.run("--until", "probe_block", "--config", "allow_retrain=true")
    kept = {path: at for path, at in there.items() if "grand" not in str(path)}
    assert {path: at for path, at in signals(copy).items() if path in kept} == kept and len(kept) == 4
    for path, values in measures(copy).items():
        np.testing.assert_array_equal(values, before[path])


def signals(project: Project) -> dict[str, int]:
    """When each file of signals was written, by its path below the results."""
    files = project.results.glob("*/*/*/block-*/signals.parquet")
    return {str(file.relative_to(project.results)): file.stat().st_mtime_ns for file in files}
