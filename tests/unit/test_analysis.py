"""The stage as the workflow runs it: it fills every table that its rule promises, for any attack of the config."""

import re
from pathlib import Path

import numpy as np
import pytest
from dynamic_worlds import dynamic_world
from observed_worlds import settings

from memdyn.attacks.base import build
from memdyn.config.load import load_study
from memdyn.dynamics.analysis import Analysis

RULES = Path(__file__).resolve().parents[2] / "workflow" / "rules" / "attacks.smk"


@pytest.mark.parametrize(("attack", "threshold"), [("lira", "lr1"), ("rmia", "fpr0.01"), ("loss", "fpr0.01")])
def test_all_tables_of_the_rule(attack, threshold):
    world = dynamic_world(0, 32, np.zeros((3, 60)), np.zeros((3, 60)), epochs=[0, 1, 3], n_sham=40)
    rows = max(part.stop for part in world.parts.values())
    given = {"study": "s", "pool": {}, "attacks": [{"name": attack}], "dynamics": {"attacks": [attack]}}
    study = load_study(given).config
    small = {"splits": 2, "jackknife_splits": 1, "kendall_samples": 100, "early_share": 0.5}
    options, dynamics = study.analysis.model_dump() | small, study.dynamics.model_dump()
    labels, flipped = np.arange(rows) % 2, np.arange(rows) < 5
    analysis = Analysis(world, labels, flipped, settings((0.01, 0.05)), options, dynamics, {})
    tables = analysis.of_attack(build(study.attacks[0].model_dump())) | analysis.of_run()
    listed = re.search(r"ANALYSIS_TABLES = \[(.*?)\]", RULES.read_text(), re.DOTALL)[1]
    assert set(tables) == set(re.findall(r'"(\w+)"', listed))
    assert all(len(table) for table in tables.values())
    zones = tables["early"].query("target == 'hv'")
    assert set(zones["threshold"]) == {threshold} and set(tables["early"].query("target == 'top'")["threshold"]) == {""}
    assert (tables["tail_verdicts"]["probability"] == 0.001).all(), "the smallest FPR"
