"""Planted truths, from margins through real attacks to the words R1 to R4."""

import pytest

from margin_studies import EPOCH, against, margins
from memdyn.compare.regularization.verdicts import Bounds, verdict_tables

pytestmark = pytest.mark.slow

BOUNDS = Bounds(difference=0.01, weak_difference=0.02, chance=0.02)
# run -> (factor of the effect of membership, how much further apart the samples lie)
RUNS = {
    "base": (1.0, 0.0),
    "lower": (0.4, 0.0),
    "higher": (1.6, 0.0),
}


def words(seed, changes, mechanisms=None, n_models=16):
    study = against(*margins(seed, changes, n_models), mechanisms)
    table = verdict_tables(study, None, BOUNDS, dict.fromkeys(changes, EPOCH))["regularization_verdicts"]
    return {(row["claim"], row["run"], row["by"]): row["verdict"] for row in table.to_dict("records")}


@pytest.mark.parametrize("seed", [0, 1])
def test_planted_truths_are_found(seed):
    found = words(seed, RUNS)
    assert (found["R1", "lower", ""], found["R2", "lower", ""]) == ("supported", "contradicted")
    assert (found["R1", "higher", ""], found["R2", "higher", ""]) == ("contradicted", "supported")
    assert found["R4", "lower", "attack"] == "contradicted"


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_hidden_from_one_threshold_is_a_false_sense(seed):
    """Samples that lie further apart: one threshold for all finds less, an attack calibrated for each does not mind."""
    found = words(seed, {"base": (1.0, 0.0), "hidden": (1.0, 6.0)}, n_models=32)
    assert found["R4", "hidden", "attack"] == "supported" and found["R1", "hidden", ""] == "contradicted"


def test_a_combination_that_adds_and_one_that_does_not():
    mechanisms = {"a": {"x": ""}, "b": {"y": ""}, "ab": {"x": "", "y": ""}}
    parts = {"base": (1.0, 0.0), "a": (0.8, 0.0), "b": (0.7, 0.0)}
    assert words(0, parts | {"ab": (0.3, 0.0)}, mechanisms)["R3", "ab", ""] == "supported"
    assert words(0, parts | {"ab": (1.1, 0.0)}, mechanisms)["R3", "ab", ""] == "contradicted"


@pytest.mark.parametrize("seed", range(2))
def test_runs_of_one_law_support_nothing(seed):
    same = dict.fromkeys(("base", "a", "b", "c"), (1.0, 0.0))
    assert "supported" not in words(seed, same).values()
