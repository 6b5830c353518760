"""The studies in config/ are what they say, before anything is run."""

from pathlib import Path

import pytest
import yaml

from memdyn.config.load import load_study

CONFIG = Path(__file__).resolve().parents[3] / "config"
# name -> (runs, models of each)
STUDIES = {
    "config": (3, 32),
    "studies/tiny": (2, 8),
    "studies/attack_suite": (1, 32),
    "studies/dp_audit": (4, 32),
    "studies/dynamics_demo": (3, 32),
    "studies/dynamics_size": (5, 32),
    "studies/dynamics_fashion_mnist": (6, 64),
    "studies/dynamics_paper": (32, 128),
    "studies/regularization_demo": (11, 16),
    "studies/regularization_width": (4, 16),
    "studies/regularization_replication": (13, 8),
    "studies/regularization_fashion_mnist": (78, 16),
    "studies/regularization_paper": (156, 64),
}


def test_all_are_listed():
    shipped = {path.relative_to(CONFIG).with_suffix("").as_posix() for path in CONFIG.rglob("*.yaml")}
    assert shipped == set(STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_a_shipped_study_is_valid(name):
    study = load_study(yaml.safe_load((CONFIG / f"{name}.yaml").read_text()))
    assert (len(study.runs), study.config.shadow_models) == STUDIES[name]
    assert study.config.study == ("demo" if name == "config" else Path(name).name)
