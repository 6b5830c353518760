"""The stage as the workflow runs it: it fills every table that its rule promises, for any attack of the config."""

import numpy as np
import pytest

from dynamic_worlds import dynamic_world
from memdyn.attacks.base import build
from memdyn.config.dynamics import AnalysisConfig, DynamicsConfig
from memdyn.config.load import load_study
from memdyn.dynamics.analysis import Analysis
from memdyn.dynamics.population import OF_TWO
from memdyn.store.tables import with_ids
from memdyn.tables import STAGES
from observed_worlds import LIRA, settings


def every_table(world):
    rows = max(part.stop for part in world.parts.values())
    options = AnalysisConfig(splits=2, jackknife_splits=1, kendall_samples=100).model_dump() | {"early_share": 0.25}
    dynamics = DynamicsConfig(thresholds=["lr1", 0.1]).model_dump()
    labels, flipped = np.arange(rows) % 2, np.zeros(rows, bool)
    analysis = Analysis(world, labels, flipped, settings((0.1,)), options, dynamics, {})
    return analysis.of_attack(LIRA) | analysis.of_run()


@pytest.mark.parametrize(("attack", "threshold"), [("lira", "lr1"), ("rmia", "fpr0.01"), ("loss", "fpr0.01")])
def test_all_declared_tables(attack, threshold):
    world = dynamic_world(0, 32, np.zeros((3, 60)), np.zeros((3, 60)), epochs=[0, 1, 3], n_sham=40)
    rows = max(part.stop for part in world.parts.values())
    given = {"study": "s", "pool": {}, "attacks": [{"name": attack}], "dynamics": {"attacks": [attack]}}
    study = load_study(given).config
    small = {"splits": 2, "jackknife_splits": 1, "kendall_samples": 100, "early_share": 0.5}
    options, dynamics = study.analysis.model_dump() | small, study.dynamics.model_dump()
    labels, flipped = np.arange(rows) % 2, np.arange(rows) < 5
    analysis = Analysis(world, labels, flipped, settings((0.01, 0.05)), options, dynamics, {})
    of_attack = analysis.of_attack(build(study.attacks[0].model_dump()))
    tables = {name: table.assign(attack=attack) for name, table in of_attack.items()} | analysis.of_run()
    assert set(tables) == set(STAGES["analysis"])
    for name, table in tables.items():
        STAGES["analysis"][name].checked(with_ids(table, np.arange(rows)[::-1]))
    assert all(len(table) for table in tables.values())
    zones = tables["early"].query("target == 'hv'")
    assert set(zones["threshold"]) == {threshold} and set(tables["early"].query("target == 'top'")["threshold"]) == {""}
    assert (tables["tail_verdicts"]["probability"] == 0.001).all(), "the smallest FPR"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("epochs", [[2], [0], [0, 2], [2, 4]], ids=str)
def test_few_checkpoints_leave_out_what_needs_more(epochs):
    """The tables are there, with the columns of any run."""
    steps = len(epochs)
    world = dynamic_world(
        1, 16, np.linspace(0, 2, steps)[:, None] * np.ones((1, 60)), np.zeros((steps, 60)), epochs=epochs
    )
    usual = dynamic_world(1, 16, np.zeros((3, 60)), np.zeros((3, 60)), epochs=[0, 1, 8])
    found, expected = (every_table(one) for one in (world, usual))
    assert found.keys() == expected.keys()
    for name, table in expected.items():
        missing = set(table.columns) - set(found[name].columns)
        assert not missing or (name == "difficulty" and epochs == [0]), (name, missing)
    empty = {name for name, table in found.items() if not len(table) and len(expected[name])}
    movement = {"transitions", "early", "early_profiles", "early_replicates"} if steps == 1 else set()
    untrained = {"difficulty", "correlations", "disattenuated", "difficulty_curves"} if epochs == [0] else set()
    assert empty == movement | untrained | ({"findings"} if 0 not in epochs or steps == 1 else set())
    shown = set(expected["curves"]["figure"]) - set(found["curves"]["figure"])
    assert shown == (set(OF_TWO) if steps == 1 else set())
