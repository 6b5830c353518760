"""All released regularizers in one study of 8 models: combined in few runs, through to the report."""

import pandas as pd
import pytest

from project import Project

pytestmark = pytest.mark.slow

# every mechanism that trains is in one of the runs, and a plain run is the teacher
RUNS = {
    "baseline": {},
    "many": {
        "mechanisms": {
            "distillation": {"temperature": 5},
            "mixup": {"alpha": "inf"},
            "cutout": {"size": 3},
            "gaussian_noise": {"sigma": 0.1},
            "spatial_dropout": {"p": 0.25},
        }
    },
    "smooth": {
        "mechanisms": {"rand_augment": {}, "label_smoothing": {"alpha": 0.1}, "early_stopping": {"patience": 1}}
    },
    "disturbed": {"mechanisms": {"disturb_label": {"alpha": 0.2}}},
    "stop1": {"epochs": 1, "checkpoints": [0, 1]},
}


@pytest.fixture(scope="module")
def studied(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = project.duplicate(tmp_path_factory.mktemp("mechanisms") / "checkout")
    study = made.study()
    study["pool"]["parts"]["spare"] = 40
    study["base"] |= {"model": {"name": "cnn", "width": 4, "hidden": 8}, "checkpoints": [0, 1, 2]}
    study["runs"] = [{"name": name, **changes} for name, changes in RUNS.items()]
    study |= {"attacks": [{"name": "loss"}], "analysis": {"enabled": False}}
    study["dynamics"] = {"thresholds": ["lr1", 0.1], "attacks": ["loss"]}
    made.write_study(study)
    said = made.run("--dry-run")
    assert "stop1: an earlier checkpoint of another run, for which nothing is trained or scored" in said
    made.run("--until", "probe_block")
    made.run()
    return made


def test_they_come_through_to_the_report(studied: Project):
    tables = studied.results / "studies" / "matrix" / "tables"
    runs = pd.read_parquet(tables / "runs.parquet").set_index("run")
    assert list(runs.index) == list(RUNS) and (runs["n_models"] == 8).all()
    assert runs["epochs"].to_dict() == {name: RUNS[name].get("epochs", 2) for name in RUNS}
    metrics = pd.read_parquet(tables / "attack_metrics.parquet")
    assert set(metrics["run"]) == set(RUNS)
    assert (studied.results / "studies" / "matrix" / "report.html").stat().st_size > 10_000
    assert studied.planned() == {}


def test_folders_are_named_after_them(studied: Project):
    trained = sorted(path.parent.parent.name for path in studied.results.glob("*/*/block-*/log.parquet"))
    assert len(trained) == len(RUNS) - 1, "an earlier end is not trained"
    words = ["distill5-mixup.inf-cutout3", "randaug2.9-ls.1-stop1", "disturb.2"]
    assert all(any(word in name for name in trained) for word in words)
    (log,) = studied.results.glob("*/*stop1*/block-*/log.parquet")
    assert {"early_stopping.loss", "early_stopping.weights_of"} < set(pd.read_parquet(log).columns)


def test_an_earlier_end_is_what_the_longer_run_was_then(studied: Project):
    metrics = pd.read_parquet(studied.results / "studies" / "matrix" / "tables" / "attack_metrics.parquet")
    columns = metrics.columns.drop("run")
    one, other = (
        metrics[(metrics["run"] == run) & (metrics["epoch"] == 1)][columns].reset_index(drop=True)
        for run in ("stop1", "baseline")
    )
    pd.testing.assert_frame_equal(one, other)
