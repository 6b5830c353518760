"""`memdyn attacks`: a finished study's attacks in Markdown, as its tables and jobs have them."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from memdyn.operations.attacks import lines

METRICS = ("auc", "tpr_at_fpr_0.001", "tpr_at_fpr_0.01")


@pytest.fixture
def study(tmp_path):
    """Two runs, of which the second has failed its null; two attacks at two checkpoints."""
    folder = tmp_path / "studies" / "small"
    (folder / "tables").mkdir(parents=True)
    rows, folders = [], {}
    for place, run in enumerate(("a", "b")):
        folders[run] = {"attacks": {}}
        for attack in ("loss", "lira"):
            folders[run]["attacks"][attack] = f"pool/{run}/{attack}"
            job = tmp_path / "pool" / run / attack / "attack.job.json"
            job.parent.mkdir(parents=True)
            job.write_text(json.dumps({"seconds": 12.34, "peak_mb": 256.7}))
            for epoch, aggregation in ((0, "pooled"), (4, "pooled"), (4, "per_model")):
                row = {"run": run, "attack": attack, "epoch": epoch, "aggregation": aggregation, "n_models": 8}
                shift = 0.1 * (epoch == 4) + 0.05 * (aggregation == "per_model") + 0.01 * place
                for metric in METRICS:
                    row |= {metric: 0.5 + shift, f"{metric}_low": 0.4 + shift, f"{metric}_high": 0.6 + shift}
                rows.append(row)
    rows[1] |= {"tpr_at_fpr_0.001": np.nan, "tpr_at_fpr_0.01_low": np.nan, "tpr_at_fpr_0.01_high": np.nan}
    pd.DataFrame(rows).to_parquet(folder / "tables" / "attack_metrics.parquet")
    null = pd.DataFrame({"run": ["a", "b"], "p_value": [0.25, 1e-5], "passed": [True, False]})
    null.to_parquet(folder / "tables" / "null.parquet")
    (folder / "tables" / "folders.yaml").write_text(yaml.safe_dump(folders))
    return folder


def test_the_last_checkpoint_of_each_run_with_limits_and_cost(study):
    said = list(lines(study, "pooled"))
    assert said[:5] == [
        "**a**, 8 models, pooled",
        "",
        "| attack | epoch | AUC | TPR at 0.1 % FPR | TPR at 1 % FPR | seconds | peak MB |",
        "|---|---|---|---|---|---|---|",
        "| loss | 4 | 0.6000 [0.5000, 0.7000] | - | 0.6000 | 12.3 | 257 |",
    ]
    assert said[5].startswith("| lira | 4 | 0.6000 [0.5000, 0.7000] | 0.6000 [0.5000, 0.7000] |")
    assert said[7] == "Null control over all of them and all checkpoints at once: passed (p = 0.25)"
    assert said[-2].endswith("FAILED (p = 1e-05)")


def test_the_models_own(study):
    assert "| lira | 4 | 0.6500 [0.5500, 0.7500] |" in "\n".join(lines(study, "per_model"))


def test_attacks_without_shadow_models_are_told_where_the_study_has_them(study):
    metrics = [("", "accuracy_test"), ("", "loss_tnr_at_tpr_0.99"), ("avg", "advantage"), ("pow", "advantage")]
    rows = [
        {"run": run, "epoch": epoch, "attack": attack, "metric": metric, "value": 0.1 * k + epoch / 100}
        for run in "ab"
        for epoch in (0, 4)
        for k, (attack, metric) in enumerate(metrics)
    ]
    table = pd.DataFrame(rows)
    table = table.assign(low=table["value"] - 0.02, high=table["value"] + 0.02, null_value=0.001)
    table.loc[(table["run"] == "b") & (table["attack"] == "avg"), ["low", "high"]] = np.nan
    table.to_parquet(study / "tables" / "uncalibrated.parquet")
    folders = yaml.safe_load((study / "tables" / "folders.yaml").read_text())
    for run, own in folders.items():
        own["uncalibrated"] = f"pool/{run}/uncalibrated-1"
        job = study.parents[1] / own["uncalibrated"] / "uncalibrated.job.json"
        job.parent.mkdir()
        job.write_text(json.dumps({"seconds": 2.06, "peak_mb": 200}))
    (study / "tables" / "folders.yaml").write_text(yaml.safe_dump(folders))
    said = list(lines(study, "pooled"))
    assert said[9:12] == [
        "| Tail-TNR | 4 | TNR at 99 % TPR | 0.1400 [0.1200, 0.1600] | 0.0010 | 2.1 | 200 |",
        "| AVG | 4 | advantage | 0.2400 [0.2200, 0.2600] | 0.0010 | 2.1 | 200 |",
        "| POW | 4 | advantage | 0.3400 [0.3200, 0.3600] | 0.0010 | 2.1 | 200 |",
    ]
    assert said[13].startswith("Null control over all")
    assert "| AVG | 4 | advantage | 0.2400 | 0.0010 | 2.1 | 200 |" in said


def test_where_no_study_has_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="no study has run there; allowed: results/studies/NAME"):
        list(lines(tmp_path, "pooled"))


def test_an_attack_that_ends_earlier_and_a_run_without_numbers(study):
    path = study / "tables" / "attack_metrics.parquet"
    metrics = pd.read_parquet(path)
    ended = (metrics["attack"] == "lira") & (metrics["epoch"] == 4)
    metrics[(metrics["run"] == "a") & ~ended].to_parquet(path)
    said = list(lines(study, "pooled"))
    rows = [line.split(" | ")[:2] for line in said if line.startswith(("| loss", "| lira"))]
    assert sorted(rows) == [["| lira", "0"], ["| loss", "4"]]
    assert "**b**: no attack has numbers, see the table `runs`" in said


def test_an_audit_has_no_attacks(tmp_path):
    (tmp_path / "tables").mkdir()
    for name in ("folders.yaml", "audit.parquet"):
        (tmp_path / "tables" / name).touch()
    with pytest.raises(FileNotFoundError, match="an audit has no attacks"):
        list(lines(tmp_path, "pooled"))
