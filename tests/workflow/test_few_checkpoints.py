"""Few checkpoints in a whole study: what needs two, or trained models, is left out, and the report says so."""

import pandas as pd
import pytest

from memdyn.dynamics.population import OF_TWO, TO_NEXT
from project import PROJECT, Project

pytestmark = pytest.mark.slow

CHECKPOINTS = {"one": [2], "untrained": [0], "late": [1, 2]}
STUDY = {
    "study": "few",
    "pool": {
        "dataset": {"name": "digits"},
        "parts": {"scored": 120, "sham": 40, "population": 60, "test": 60, "spare": 0},
    },
    "base": {"model": {"name": "logistic"}, "epochs": 2, "batch_size": 30},
    "runs": [
        {"name": name, "checkpoints": epochs, "optimizer": {"name": "sgd", "lr": 0.02 * (1 + k)}}
        for k, (name, epochs) in enumerate(CHECKPOINTS.items())
    ],
    "shadow_models": 8,
    "attacks": [{"name": "lira"}],
    "dynamics": {"thresholds": ["lr1", 0.1]},
    "statistics": {"null_draws": 12},
    "analysis": {"splits": 2, "jackknife_splits": 1},
    "report": {"png_dpi": 50, "pdf": False, "plane_epochs": 2, "top_samples": 2},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    made = Project.copy(PROJECT, tmp_path_factory.mktemp("few") / "checkout")
    made.write_study(STUDY)
    made.run()
    return made


@pytest.fixture(scope="module")
def tables(project: Project):
    """(name) -> a table of the study."""
    folder = project.results / "studies" / "few" / "tables"
    return lambda name: pd.read_parquet(folder / f"{name}.parquet")


def test_movement_needs_two_checkpoints(tables):
    curves = tables("curves")
    assert set(curves["run"]) == set(CHECKPOINTS), "states, zones and order need one"
    assert set(curves.loc[curves["figure"].isin([*OF_TWO, *TO_NEXT]), "run"]) == {"late"}
    assert set(tables("transitions")["run"]) == set(tables("early")["run"]) == {"late"}
    assert not len(tables("findings")), "epoch 1 of 2 is not early"


def test_difficulty_needs_a_trained_checkpoint(tables):
    trained = set(CHECKPOINTS) - {"untrained"}
    for name in ("difficulty", "correlations", "difficulty_curves"):
        assert set(tables(name)["run"]) == trained, name


def test_the_report_says_what_is_left_out(project: Project, tables):
    page = (project.results / "studies" / "few" / "report.html").read_text()
    assert (
        "one, untrained: one checkpoint: what needs two (transitions, speed, early determination) is left out." in page
    )
    assert "untrained: no checkpoint of trained models: difficulty is left out." in page
    assert tables("runs").set_index("run")["n_checkpoints"].to_dict() == {n: len(e) for n, e in CHECKPOINTS.items()}


def test_a_study_of_one_checkpoint_only(project: Project):
    """The whole study has nothing that moves, so its empty tables meet the report."""
    project.write_study(STUDY | {"study": "alone", "runs": STUDY["runs"][:2]})
    project.run()
    folder = project.results / "studies" / "alone"
    page = (folder / "report.html").read_text()
    assert "Transitions between zones" not in page and "Early determination" not in page
    assert not len(pd.read_parquet(folder / "tables" / "transitions.parquet"))
    assert not [*(folder / "figures").glob("speed-*"), *(folder / "figures").glob("inflow-*")]
