"""Lower bounds of epsilon beside the accountant's."""

from math import inf

import pandas as pd
import pytest

from memdyn.compare import audit
from memdyn.compare.audit import accountant_of, audit_table, audited_row
from memdyn.tables import STAGES


def run(noise=None, epochs=20, lot=256, audited=20):
    section = {"name": "dp_sgd", "noise": noise, "clip": 1.0, "lot": lot, "delta": 1e-6, "norm": None}
    recipe = {"epochs": epochs, "mechanisms": [{"name": "mixup"}, section] if noise is not None else []}
    return {"name": "r", "members": 2000, "audited": audited, "recipe": recipe}


def bounds(*epsilons):
    rows = {"method": "guesses", "target": [*map(str, range(len(epsilons)))], "epsilon_lower": epsilons}
    return pd.DataFrame(rows | {"correct": 5, "guesses": 9, "canaries": 99, "delta": 1e-5, "confidence": 0.95})


def test_epsilon_is_the_accountants_at_the_audits_delta_and_epoch(monkeypatch):
    """And not at those of the recipe; of 8 lots an epoch."""
    assert accountant_of(run(0.0), 1e-5, 20) == accountant_of(run(), 1e-5, 20) == inf
    asked = []
    monkeypatch.setattr(audit, "epsilon_of", lambda *of: asked.append(of) or (4.3, "prv"))
    assert accountant_of(run(1.0), 1e-5, 20) == 4.3 and accountant_of(run(2.0, epochs=9, lot=300), 1e-4, 3) == 4.3
    assert asked == [(1.0, 0.128, 160, 1e-5), (2.0, 0.15, 21, 1e-4)]


@pytest.fixture
def accountant(monkeypatch):
    """Opacus takes seconds to come up."""
    monkeypatch.setattr(audit, "epsilon_of", lambda noise, *of: (12.0 / noise, "prv"))


def test_a_bound_above_the_accountants_is_told(accountant):
    table = audit_table({"a": bounds(1.0, 20.0), "b": bounds(20.0)}, {"a": run(1.0), "b": run()})
    assert table["violated"].tolist() == [False, True, False] and table["run"].tolist() == ["a", "a", "b"]
    STAGES["study"]["audit"].checked(table)


def test_runs_without_bounds(accountant):
    """Of which too few models are left."""
    none = STAGES["audit"]["bounds"].empty()
    table = audit_table({"a": none, "b": bounds(1.0)}, {"a": run(1.0), "b": run(1.0)})
    assert table["run"].tolist() == ["b"]
    assert len(STAGES["study"]["audit"].checked(audit_table({"a": none}, {"a": run(1.0)}))) == 0


def test_a_run_that_trains_on_after_its_last_checkpoint_is_held_to_that_checkpoints_epsilon(monkeypatch):
    """One epoch of four was scored; a bound above its epsilon, yet below that of all four, contradicts it."""
    monkeypatch.setattr(audit, "epsilon_of", lambda noise, rate, steps, delta: (steps / 8, "prv"))
    table = audit_table({"a": bounds(2.0)}, {"a": run(1.0, epochs=4, audited=1)})
    assert table["epsilon"].tolist() == [1.0] and table["violated"].tolist() == [True]


@pytest.mark.parametrize(
    ("lost", "reason", "status", "left"),
    [((0, 2, 4, 6), "", "ok", 4), ((), "", "ok", 8), (range(8), "4 references are needed", "failed", 0)],
    ids=["one of each two", "none", "all"],
)
def test_a_model_that_failed_takes_no_other_with_it(lost, reason, status, left):
    """Four of eight, one of each two that are a pair elsewhere: bounds are of the other four."""
    loss = [float("nan") if model in lost else 0.5 for model in range(8)]
    log = pd.DataFrame({"model": range(8), "epoch": 1, "loss": loss, "learning_rate": 0.1, "seconds": 1.0})
    accuracy = pd.DataFrame([dict.fromkeys(["epoch", "accuracy_in", "accuracy_out", "accuracy_test"], 1.0)])
    described = run() | {"folder": "f", "dataset": "d", "architecture": "mlp", "device": "cpu", "pool": "p"}
    row = audited_row(described, log, accuracy, reason)
    assert (row["status"], row["n_models"], row["n_failed"], row["n_planned"]) == (status, left, len(lost), 8)
    assert reason in row["reason"]
