"""docs/replications.md: its studies are there, its runs are theirs, and its lines read what a study's tables have."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from memdyn.config.load import load_study
from memdyn.tables import STAGES
from synthetic_regularization import RUNS, mechanism_tables

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "replications.md").read_text()
STUDIES = sorted(set(re.findall(r"config/studies/(\w+)\.yaml", PAGE)))


def study(name):
    return load_study(yaml.safe_load((ROOT / "config" / "studies" / f"{name}.yaml").read_text()))


def cells(heading):
    """Rows of the first table below a heading, as lists of text."""
    below = PAGE.partition(f"{heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE).group()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_its_studies_are_there():
    assert {"regularization_replication", "regularization_width", "regularization_fashion_mnist"} <= set(STUDIES)
    for name in STUDIES:
        assert study(name).config.study == name


@pytest.mark.parametrize("heading", ["### Accuracy", "### AVG", "### POW"])
def test_every_run_of_the_protocol_has_its_row(heading):
    runs = {run.name for run in study("regularization_replication").runs}
    assert {row[0].strip("`") for row in cells(heading)} == runs


@pytest.mark.parametrize("heading", ["### Accuracy", "### AVG", "### POW"])
def test_directions_are_what_the_intervals_say(heading):
    """Same or opposite only where our interval excludes 0."""
    for _, published, _, change, said in cells(heading)[1:]:
        low, high = (float(x) for x in re.search(r"\[(.*), (.*)\]", change.replace("−", "-")).groups())
        theirs = re.search(r"\(([+−].*)\)", published)
        sign = np.sign(low) if low * high > 0 else 0
        if theirs is None:
            assert said == "–"
        elif sign == 0:
            assert said == "undecided"
        else:
            assert said == ("same" if (sign > 0) == theirs.group(1).startswith("+") else "opposite")


def test_its_own_study_is_valid():
    (printed,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(load_study(yaml.safe_load(printed)).runs) == 8


def test_its_lines_do_what_they_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tables").mkdir()
    told = mechanism_tables()["mechanisms"]
    told.to_parquet("tables/mechanisms.parquet")
    STAGES["study"]["width_claims"].empty().to_parquet("tables/width_claims.parquet")
    found = {"pd": pd}
    for code in re.findall(r"<!-- example: \w+ -->\n```python\n(.*?)```", PAGE, re.DOTALL):
        exec(code, found)
    row = told.query("run == 'crop-2' and comparison == 'released' and attack == 'avg'").iloc[0]
    assert found["ours"].loc["crop-2", ("difference", "avg", "advantage")] == pytest.approx(100 * row["difference"])
    assert set(found["ours"].index) == set(RUNS) - {"baseline", "diverged"}
    assert {"claim", "estimate", "low", "high", "verdict"} <= set(found["claims"].columns)
