"""Fixtures: a copy of the project, and one with a finished study of two runs, made once."""

from pathlib import Path

import pytest

from project import PROJECT, Project, write_data

# As small as a study can be that passes every stage, on a data file.
STUDY = {
    "study": "matrix",
    "pool": {
        "dataset": {"name": "arrays", "path": "data.npz", "images": "images"},
        "parts": {"scored": 200, "sham": 40, "population": 60, "test": 60, "spare": 0},
    },
    "base": {
        "model": {"name": "mlp", "hidden": [16]},
        "optimizer": {"name": "sgd", "lr": 0.05, "weight_decay": 0.001},
        "epochs": 2,
        "checkpoints": [0, 2],
    },
    "runs": [{"name": "mlp"}, {"name": "logistic", "model": {"name": "logistic"}}],
    "shadow_models": 8,
    "attacks": [{"name": "loss"}, {"name": "lira"}],
    "statistics": {"null_draws": 12},
    "dynamics": {"thresholds": ["lr1", 0.1]},
    "report": {"png_dpi": 50, "plane_epochs": 2, "top_samples": 2},
}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project as it is now, with a study that did not run. Do not change it."""
    made = Project.copy(PROJECT, tmp_path_factory.mktemp("project") / "checkout")
    write_data(made.folder / "data.npz")
    made.write_study(STUDY)
    return made


@pytest.fixture(scope="session")
def finished(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with its finished study. Do not change it."""
    made = project.duplicate(tmp_path_factory.mktemp("finished") / "checkout")
    made.run()
    return made


@pytest.fixture
def copy(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished study to edit."""
    return finished.duplicate(tmp_path / "copy")


@pytest.fixture
def clone(project: Project, tmp_path: Path) -> Project:
    """A fresh clone, without results."""
    return project.duplicate(tmp_path / "clone")
