"""What is done to images only is refused on tables before any job; and views that leave nothing of an image."""

from pathlib import Path

import numpy as np
import pytest

import own_mechanisms
from memdyn.config.errors import ConfigError
from memdyn.config.mechanisms.custom import CustomMechanism
from memdyn.data.pool import build_pool, write_pool
from memdyn.data.raw import raw_data
from memdyn.plan.study import build_plan
from studies import plan

ATTACKS = """
from memdyn.attacks.base import Attack, Reads

class OnViews(Attack):
    reads = (Reads("margin"), Reads("margin", views=True))

class OnLogits(Attack):
    reads = (Reads("logits"),)
"""
WHY = "needs images, the data set is a table"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("attacks.py").write_text(ATTACKS)
    Path("data.py").write_text("def load(files):\n    pass\n")
    values, labels = np.random.default_rng(0).normal(size=(1000, 5)), np.arange(1000) % 10
    np.savez("table.npz", x=values, labels=labels)


TABLE = {"pool.dataset": {"name": "arrays", "path": "table.npz", "features": "x"}}
CUSTOM = {"pool.dataset": {"name": "custom", "target": "data.py:load"}}


def attacks(*names):
    return {
        "dynamics.attacks": ["loss"],
        "attacks": [{"name": "loss"}, *({"name": "custom", "target": f"attacks.py:{name}"} for name in names)],
    }


def told(changes):
    with pytest.raises(ConfigError) as raised:
        plan(changes)
    return raised.value.problems


def build(changes, samples):
    """Leaves the pool of a user's data set, of these samples."""
    (pool,) = {run.pool.folder: run.pool for run in plan(changes).runs}.values()
    raw = raw_data(samples, np.arange(len(samples)) % 10, source="made up")
    folder = Path("results", pool.folder)
    folder.mkdir(parents=True)
    parts = pool.options["parts"]
    write_pool(build_pool(raw, parts, seed=0, label_noise=0.0), str(folder / "pool.arrow"))


def test_views_of_a_table():
    lines = told(TABLE | attacks("OnLogits", "OnViews"))
    assert len(lines) == 2 and plan(TABLE | attacks("OnLogits"))
    assert lines[0].startswith("run 'mlp': attacks: ") and "OnViews" in lines[0] and "OnLogits" not in lines[0]
    assert lines[0].endswith("need images, and the data set is a table; allowed: attacks that read no views")


def test_views_of_a_users_own_table_once_it_is_known(monkeypatch):
    changes = CUSTOM | attacks("OnViews")
    assert plan(changes), "nobody knows yet"
    build(changes, np.random.default_rng(0).normal(size=(1000, 5)))
    assert len(told(changes)) == 2 and plan(CUSTOM | attacks("OnLogits"))
    assert told(CUSTOM | {"runs.1.augment": {"crop": 1}}) == [
        f"run 'logistic': augment: crop 1, flip False: {WHY}; leave it out"
    ]
    assert told(CUSTOM | {"runs.1.model": {"name": "cnn"}})[0].startswith(f"run 'logistic': model.name = cnn: {WHY}")
    monkeypatch.setattr(CustomMechanism, "images_only", True)
    cut = {"cut": {"target": f"{own_mechanisms.__file__}:Noise"}}
    assert told(CUSTOM | {"runs.0.mechanisms": cut})[0].startswith(f"run 'mlp': mechanisms.cut: {WHY}")


def test_a_job_takes_the_plans_word():
    from memdyn.config.load import load_study
    from studies import study

    assert build_plan(load_study(study(TABLE | attacks("OnViews"))), is_job=True)


@pytest.mark.parametrize("dataset", [{}, CUSTOM], ids=["digits", "a user's own"])
def test_views_that_leave_nothing(dataset):
    changes = dataset | attacks("OnViews")
    if dataset:
        assert plan(changes | {"probes.views": {"shift": 8}}), "nobody knows yet"
        build(changes, np.random.default_rng(0).integers(0, 256, (1000, 1, 8, 8), dtype=np.uint8))
    assert plan(changes | {"probes.views": {"shift": 7}})
    (line, _) = told(changes | {"probes.views": {"shift": 8}})
    assert line == ("run 'mlp': probes.views.shift = 8: leaves nothing of images of 8 x 8 pixels; allowed: at most 7")
    assert plan(dataset | {"probes.views": {"shift": 8}}), "nobody reads them"
