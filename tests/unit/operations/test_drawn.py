"""How many figures a study will have: of the shipped studies as many as they had when they ran."""

from pathlib import Path

import pytest
import yaml

from memdyn.config.load import load_study
from memdyn.operations.drawn import figures
from memdyn.plan.study import build_plan

CONFIG = Path(__file__).resolve().parents[3] / "config"


@pytest.mark.parametrize(
    ("config", "number"),
    [
        ("config.yaml", 18),
        ("studies/tiny.yaml", 14),
        ("studies/attack_suite.yaml", 37),
        ("studies/regularization_demo.yaml", 39),
    ],
)
def test_of_shipped_studies(config, number):
    assert figures(build_plan(load_study(yaml.safe_load((CONFIG / config).read_text())))) == number


def test_more_runs_and_attacks_have_more(tmp_path):
    raw = yaml.safe_load((CONFIG / "studies/tiny.yaml").read_text())
    one = figures(build_plan(load_study(raw)))
    runs = [{"name": f"r{k}", "optimizer": {"name": "sgd", "lr": 0.1 + k}} for k in range(9)]
    # 7 more figures of samples, two more of null and of planes, one more of what moves and of agreement
    assert figures(build_plan(load_study(raw | {"runs": runs}))) == one + 7 + 2 * 2 + 2
