"""Every attack of the registry on one run of 8 models, through to the report."""

import pandas as pd
import pytest

from memdyn.attacks import REGISTRY
from project import Project

pytestmark = pytest.mark.slow
NAMES = sorted({*REGISTRY} - {"custom"})
SMALL = {"shokri2017": {"records": 50, "epochs": 1}, "song2021": {"metric": "modified_entropy"}}


def test_they_come_through_to_the_report(copy: Project):
    study = copy.study()
    study["base"]["model"] = {"name": "cnn", "width": 4, "hidden": 8}  # it has embeddings
    study |= {"study": "all", "runs": [{"name": "cnn"}], "analysis": {"enabled": False}}
    study["attacks"] = [{"name": name, **SMALL.get(name, {})} for name in NAMES]
    study["dynamics"]["attacks"] = ["lira"]
    copy.write_study(study)
    said = copy.run()
    assert "Traceback" not in said

    tables = copy.results / "studies" / "all" / "tables"
    metrics = pd.read_parquet(tables / "attack_metrics.parquet")
    last = metrics[metrics["epoch"] == 2].set_index(["aggregation", "attack"])["auc"]
    assert len(last["per_model"]) == len(NAMES) and last.notna().all()
    assert last["per_model"]["lira"] > 0.5
    (verdict,) = pd.read_parquet(tables / "null.parquet").itertuples()
    assert verdict.p_value > 0.001, "the null of all attacks at once"
    page = (copy.results / "studies" / "all" / "report.html").read_text()
    assert all(attack in page for attack in last["per_model"].index)
