"""Fixtures: a copy of the project, and one with a finished study of two runs, made once."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

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
    "realised": None,  # has a study of its own tables in test_tables.py
    "dynamics": {"thresholds": ["lr1", 0.1]},
    "report": {"png_dpi": 50, "pdf": False, "plane_epochs": 2, "top_samples": 2},
}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all workers of this session, where each thing is made once."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project as it is now, with a study that did not run. Do not change it."""
    made = Project.copy(PROJECT, tmp_path_factory.mktemp("project") / "checkout")
    write_data(made.folder / "data.npz")
    made.write_study(STUDY)
    return made


@pytest.fixture(scope="session")
def finished(project: Project, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with its finished study, of whichever worker comes first. Do not change it."""
    folder = shared / "finished"
    with FileLock(shared / "finished.lock"):
        if not folder.exists():
            made = project.duplicate(tmp_path_factory.mktemp("finished") / "checkout")
            made.run()
            made.folder.rename(folder)
    return Project(folder)


@pytest.fixture
def copy(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished study to edit."""
    return finished.duplicate(tmp_path / "copy")


@pytest.fixture
def clone(project: Project, tmp_path: Path) -> Project:
    """A fresh clone, without results."""
    return project.duplicate(tmp_path / "clone")
