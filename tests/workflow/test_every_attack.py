"""Every attack of the registry on one run of 8 models, through to the report."""

import pandas as pd
import pytest

from memdyn.attacks import REGISTRY
from project import Project

pytestmark = pytest.mark.slow
NAMES = sorted({*REGISTRY} - {"custom"})
SMALL = {
    "shokri2017": {"records": 50, "epochs": 1},
    "song2021": {"metric": "modified_entropy"},
    "ye_distilled": {"students": 2},
}


def test_they_come_through_to_the_report(copy: Project):
    study = copy.study()
    study["base"]["checkpoints"] = [2]
    study["pool"]["parts"]["spare"] = 40  # which students learn from
    study["base"]["model"] = {"name": "cnn", "width": 4, "hidden": 8}  # it has embeddings
    study |= {"study": "all", "runs": [{"name": "cnn"}], "analysis": {"enabled": False}}
    study["attacks"] = [{"name": name, **SMALL.get(name, {})} for name in NAMES]
    study["dynamics"]["attacks"] = ["lira"]
    study["uncalibrated"] = {"known": 20, "draws": 2}
    searched = {"samples": 100}
    study["probes"] = {
        "views": {"rotation": 10},
        "adversarial_distance": searched,
        "boundary_distance": searched | {"query_budget": 200},
    }
    copy.write_study(study)
    said = copy.run()
    assert "Traceback" not in said

    tables = copy.results / "studies" / "all" / "tables"
    metrics = pd.read_parquet(tables / "attack_metrics.parquet")
    last = metrics.set_index(["aggregation", "attack"])["auc"]
    assert len(last["per_model"]) == len(NAMES) and last.notna().all()
    assert last["per_model"]["lira"] > 0.5
    samples = metrics.groupby("attack")["n_samples"].max()
    partial = ["adversarial_distance", "boundary_distance"]
    assert (samples[partial] == 100).all() and samples.drop(partial).nunique() == 1 < samples.nunique()
    matrix = pd.read_parquet(tables / "vulnerability_matrix.parquet")
    assert {*matrix.columns} == {"run", "sample_id", *samples.index} - {*partial}, "of all scored samples"
    nulls = metrics[metrics["aggregation"] == "per_model"]["null_auc"]
    assert nulls.sub(0.5).abs().max() < 0.02, "of 34 draws each, with standard errors of .002 to .004"
    plain = pd.read_parquet(tables / "uncalibrated.parquet").set_index(["attack", "metric"])
    draws = pd.read_parquet(tables / "null_draws.parquet").query("aggregation == 'per_model'")
    assert {*draws["attack"]} == {*last["per_model"].index, "avg", "pow"}
    assert draws.groupby("attack")["draw"].nunique().min() >= 34
    for attack in ("avg", "pow"):
        advantage = plain.loc[(attack, "advantage")]
        assert advantage["low"] < advantage["value"] < advantage["high"] and abs(advantage["null_value"]) < 0.02
    page = (copy.results / "studies" / "all" / "report.html").read_text()
    assert all(attack in page for attack in last["per_model"].index)
    assert "advantage of POW" in page
    assert "students.1 of cnn" not in page and not list(copy.results.rglob("*.safetensors"))
