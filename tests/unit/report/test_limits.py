"""What is said where an attack is surely above a limit: all of them, with the records at most risk."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import memdyn
from memdyn.jobs import failure
from memdyn.report.limits import RISKIEST, message
from memdyn.stats.limits import judged

SCRIPT = Path(memdyn.__file__).parents[1] / "judge_limits.py"
LIMITS = [["loss", "auc", 0.6], ["lira", "auc", 0.6], ["lira", "tpr_at_fpr_0.01", 0.05]]


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    """Two runs that leak alike, one that failed; sample 100 + i is found the better the higher i, by the loss worse."""
    metrics = [
        (run, attack, auc, auc - 0.02, 0.08, 0.04) for run in "ab" for attack, auc in (("loss", 0.7), ("lira", 0.9))
    ]
    columns = ["run", "attack", "auc", "auc_low", "tpr_at_fpr_0.01", "tpr_at_fpr_0.01_low"]
    order = np.arange(30.0)
    return {
        "attack_metrics": pd.DataFrame(metrics, columns=columns).assign(
            aggregation="pooled", epoch=4, auc_high=0.95, **{"tpr_at_fpr_0.01_high": 0.1}
        ),
        "runs": pd.DataFrame({"run": ["a", "b", "failed"], "pool": "p"}),
        "samples_index": pd.DataFrame(
            {"pool": "p", "sample_id": 100 + np.arange(30), "label": 3, "class_name": "Ann", "file": "a.png"}
        ),
        "agreement": pd.DataFrame({"run": ["a", "a", "b"], "epoch": [2, 2, 4]}),
        "vulnerability_matrix": pd.concat(
            pd.DataFrame({"run": run, "sample_id": 100 + np.arange(30), "loss": -order, "lira": order}) for run in "ab"
        ),
    }


def said(tables: dict[str, pd.DataFrame], limits: list[list]) -> list[str]:
    return message(judged(tables["attack_metrics"], limits, list(tables["runs"]["run"])), tables).splitlines()


def test_all_that_is_above_its_limit_with_the_riskiest_records_of_each_run(tables):
    lines = said(tables, LIMITS)
    above = [line.strip() for line in lines if "on a: " in line]
    assert above == [
        "loss on a: AUC (limit 0.6) is 0.700 [0.680, 0.950] at epoch 4",
        "lira on a: AUC (limit 0.6) is 0.900 [0.880, 0.950] at epoch 4",
    ], "its TPR is above the limit, but not surely"
    start = next(i for i, line in enumerate(lines) if line.startswith("records of a that lira finds best at epoch 2 ("))
    assert [line.strip() for line in lines[start + 1 :][:RISKIEST]] == [
        f"sample_id {100 + i}, label 3: {i:.2f}" for i in range(29, 29 - RISKIEST, -1)
    ]
    assert not any(word in line for line in lines for word in ("Ann", "a.png"))
    assert any(line.startswith("records of b that lira finds best (d'") for line in lines), "of the judged epoch"
    assert sum("on failed" in line for line in lines) == len(LIMITS), "and all that could not be judged"


def test_nothing_is_said_where_all_is_within(tables):
    tables["runs"] = tables["runs"].query("run != 'failed'")
    assert said(tables, [["lira", "auc", 0.95], ["lira", "tpr_at_fpr_0.01", 0.05]]) == []


def test_an_attack_that_names_nobody_has_no_records(tables):
    tables["vulnerability_matrix"] = tables["vulnerability_matrix"].drop(columns="lira")
    assert not any("sample_id" in line for line in said(tables, LIMITS[1:2]))


def exit_of_the_gate(tables, limits, folder) -> int:
    """Of `judge_limits.py` as Snakemake runs it, and what it wrote."""
    names = ("attack_metrics", "runs", "vulnerability_matrix", "agreement", "samples_index")
    for name in names:
        tables[name].to_parquet(folder / f"{name}.parquet")
    snakemake = SimpleNamespace(
        rule="judge_limits",
        input=SimpleNamespace(tables=[folder / f"{name}.parquet" for name in names]),
        output=SimpleNamespace(verdict=folder / "within_limits.txt"),
        log=[folder / "limits.log"],
        params=SimpleNamespace(limits=limits),
    )
    try:
        runpy.run_path(str(SCRIPT), {"snakemake": snakemake}, "__main__")
    except SystemExit as ended:
        return ended.code
    return 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tpr_at_fpr_0.01": np.nan, "tpr_at_fpr_0.01_low": np.nan}, "a larger FPR"),
        ({"tpr_at_fpr_0.01_low": np.nan}, "shadow_models"),
        (None, "lira on failed: TPR at 1 % FPR (limit 0.05): there are no figures"),
        ({}, ""),
    ],
    ids=["no value", "no interval", "a failed run", "all judged"],
)
def test_a_gate_that_cannot_judge_does_not_pass(tables, tmp_path, capsys, change, words):
    if change is not None:
        tables["runs"] = tables["runs"].query("run != 'failed'")
        tables["attack_metrics"] = tables["attack_metrics"].assign(**change)
    passed = exit_of_the_gate(tables, [["lira", "tpr_at_fpr_0.01", 0.05]], tmp_path) == 0
    assert passed == (not words) == (tmp_path / "within_limits.txt").exists()
    told = failure.read(tmp_path / "limits.log")
    assert told is None if passed else not told.again  # it would judge the same
    assert words in capsys.readouterr().err
