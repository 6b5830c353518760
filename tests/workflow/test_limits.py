"""A limit of the leak ends a study with an error, after everything else is there; judged again at each start."""

import re

import pandas as pd
import pytest

from project import Project

pytestmark = pytest.mark.slow


def page_of(project: Project) -> str:
    """The report without its tags, which stand around terms that are explained."""
    page = (project.results / "studies" / "matrix" / "report.html").read_text()
    return re.sub("<[^>]+>", "", page)


def test_a_leak_above_its_limit_fails_the_study_and_loses_nothing(copy: Project):
    before = set(copy.results.glob("*/*/*/*/*.parquet"))
    study = copy.study() | {"fail_above": {"loss": {"auc": 0.001}}}
    copy.write_study(study)
    assert copy.planned() == {"write_report": 1, "judge_limits": 1}
    done = copy.snakemake("--quiet", "all")
    assert done.returncode != 0 and "Traceback" not in done.stdout
    tables = {
        name: pd.read_parquet(copy.results / "studies" / "matrix" / "tables" / f"{name}.parquet")
        for name in ("attack_metrics", "vulnerability_matrix", "samples_index")
    }
    assert "ABOVE THE LIMIT: loss on mlp: AUC (limit 0.001)" in page_of(copy)
    last = tables["attack_metrics"].query(
        "run == 'mlp' and attack == 'loss' and aggregation == 'pooled' and epoch == 2"
    )
    numbers = f"{last['auc'].item():.3f} [{last['auc_low'].item():.3f}, {last['auc_high'].item():.3f}] at epoch 2"
    assert f"loss on mlp: AUC (limit 0.001) is {numbers}" in done.stdout
    assert "loss on logistic" in done.stdout and "lira on" not in done.stdout
    labels = tables["samples_index"].set_index("sample_id")["label"]
    worst = tables["vulnerability_matrix"].query("run == 'mlp'").nlargest(10, "loss")["sample_id"]
    places = [done.stdout.index(f"sample_id {sample}, label {labels[sample]}") for sample in worst]
    assert places == sorted(places) and done.stdout.count("sample_id") == 20
    assert copy.planned() == {"judge_limits": 1}, "it says so again"
    assert copy.snakemake("--quiet", "all").returncode != 0

    copy.write_study(study | {"fail_above": {"auc": 0.999}})
    said = copy.run("--quiet", "all")
    assert "fail_above" not in said and "sample_id" not in said
    assert "no leak surely above its limit" in page_of(copy)
    assert copy.planned() == {} and set(copy.results.glob("*/*/*/*/*.parquet")) == before


def test_a_metric_that_the_study_does_not_have_is_refused(clone: Project):
    clone.write_study(clone.study() | {"fail_above": {"tpr_at_fpr_0.05": 0.1}})
    said = clone.refused()
    assert "fail_above: 'tpr_at_fpr_0.05' is no metric of the study" in said and "tpr_at_fpr_0.01" in said
