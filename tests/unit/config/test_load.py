"""Runs are resolved from the base, named variations and the grid."""

import pytest
import yaml

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.study import StudyConfig
from studies import study


def runs(changes):
    return {run.name: run for run in load_study(study(changes)).runs}


def test_a_run_is_the_base_with_its_changes():
    found = runs({"base.batch_size": 32, "runs.1.epochs": 5, "runs.1.optimizer": {"lr": 0.2}})
    base, changed = found["mlp"].train, found["logistic"].train
    assert (base.epochs, base.batch_size, base.optimizer.lr) == (4, 32, 0.05)
    assert (changed.epochs, changed.batch_size, changed.optimizer.lr) == (5, 32, 0.2)
    assert changed.checkpoints == base.checkpoints


def test_a_section_of_the_same_name_is_changed_and_of_another_name_replaced():
    found = runs(
        {
            "base.optimizer": {"name": "sgd", "lr": 0.3, "momentum": 0.5},
            "runs.0.optimizer": {"name": "sgd", "lr": 0.1},
            "runs.1.optimizer": {"name": "adam"},
        }
    )
    assert found["mlp"].train.optimizer.model_dump(include={"lr", "momentum"}) == {"lr": 0.1, "momentum": 0.5}
    assert found["logistic"].train.optimizer.name == "adam"
    assert found["logistic"].train.optimizer.lr == 0.001  # adam's own default, not the base's


def test_a_run_changes_sections_that_the_base_leaves_to_the_defaults():
    found = runs({"runs.1.schedule": {"warmup_epochs": 1}, "runs.1.augment": {"crop": 1}})
    assert found["logistic"].train.schedule.name == "constant"
    assert found["logistic"].train.schedule.warmup_epochs == 1
    assert found["logistic"].train.augment.model_dump() == {"crop": 1, "flip": False}
    assert found["mlp"].train.augment.crop == 0


def test_no_runs_is_the_base():
    (run,) = load_study(study({"runs": []})).runs
    assert run.name == "base" and run.train == load_study(study()).config.base


def test_data_as_a_factor():
    found = runs({"runs.1.pool": {"parts": {"scored": 200}, "seed": 3}})
    assert (found["mlp"].pool.parts.scored, found["mlp"].pool.seed) == (400, 0)
    assert (found["logistic"].pool.parts.scored, found["logistic"].pool.parts.test) == (200, 200)
    assert found["logistic"].pool.seed == 3
    replaced = runs({"runs.1.pool": {"dataset": {"name": "fashion_mnist_10k"}}})["logistic"].pool
    assert replaced.dataset.name == "fashion_mnist_10k" and replaced.parts.scored == 400


def test_the_grid_is_every_combination():
    found = runs({"runs": [], "grid": {"optimizer.lr": [0.1, 0.2], "batch_size": [16, 32]}})
    values = {name: (run.train.optimizer.lr, run.train.batch_size) for name, run in found.items()}
    assert values == {
        "lr=0.1,batch_size=16": (0.1, 16),
        "lr=0.1,batch_size=32": (0.1, 32),
        "lr=0.2,batch_size=16": (0.2, 16),
        "lr=0.2,batch_size=32": (0.2, 32),
    }


def test_the_grid_times_the_runs():
    found = runs({"grid": {"optimizer.lr": [0.1, 0.2]}})
    assert list(found) == ["mlp:lr=0.1", "mlp:lr=0.2", "logistic:lr=0.1", "logistic:lr=0.2"]
    assert found["logistic:lr=0.2"].train.model.name == "logistic"
    assert found["logistic:lr=0.2"].train.optimizer.lr == 0.2


def test_a_grid_of_sections():
    values = [{"name": "adam"}, {"name": "sgd", "lr": 0.1}, {"name": "sgd", "lr": 0.2}]
    found = runs({"runs": [], "grid": {"optimizer": values}})
    assert list(found) == ["adam", "sgd-lr=0.1", "sgd-lr=0.2"]
    assert [run.train.optimizer.name for run in found.values()] == ["adam", "sgd", "sgd"]


def test_a_grid_of_labelled_levels_keeps_their_order():
    levels = {"wide: $x_{$": {"name": "mlp", "hidden": [64]}, "a <b>": {"name": "mlp", "hidden": [8]}}
    found = runs({"runs": [], "grid": {"model": levels, "optimizer.lr": {"fast": "1e-1", "slow": 0.01}}})
    assert list(found) == ["wide: $x_{$,fast", "wide: $x_{$,slow", "a <b>,fast", "a <b>,slow"]
    assert [run.train.model.hidden for run in found.values()] == [[64], [64], [8], [8]]
    assert [run.train.optimizer.lr for run in found.values()] == [0.1, 0.01, 0.1, 0.01]


def test_a_grid_over_data():
    found = runs({"runs": [], "grid": {"pool.seed": [0, 1], "pool.parts.scored": [200, 400]}})
    assert [(run.pool.seed, run.pool.parts.scored) for run in found.values()] == [
        (0, 200),
        (0, 400),
        (1, 200),
        (1, 400),
    ]


def test_the_raw_config_is_left_alone():
    raw = study({"grid": {"optimizer.lr": [0.1, 0.2]}})
    load_study(raw)
    assert raw == study({"grid": {"optimizer.lr": [0.1, 0.2]}})


def test_numbers_as_people_write_them():
    found = runs({"base.optimizer": {"name": "sgd", "lr": "1e-2", "momentum": 0, "weight_decay": "5E-4"}})
    optimizer = found["mlp"].train.optimizer
    assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (0.01, 0.0, 0.0005)


def test_defaults_are_the_classes_alone():
    """A default that is given again leads to the same study."""
    whole = StudyConfig.model_validate(study()).model_dump(mode="json")
    whole["runs"] = study()["runs"]
    assert load_study(whole).runs == load_study(study()).runs


def test_permission_from_the_command_line():
    assert load_study(study({"allow_retrain": "true"})).config.allow_retrain is True
    with pytest.raises(ConfigError, match="allow_retrain"):
        load_study(study({"allow_retrain": "please"}))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("base: &x {model: *x}", "base.model"),
        ("grid: &x {optimizer.lr: [1, {a: *x}]}", "grid.optimizer.lr.1.a"),
        ("attacks: &x [*x]", "attacks.0"),
    ],
)
def test_an_anchor_in_a_circle_is_told(text, key):
    with pytest.raises(ConfigError) as caught:
        load_study(study() | yaml.safe_load(text))
    assert caught.value.problems == [f"{key}: holds itself, by an anchor of YAML in a circle"]


def test_a_section_at_two_places_is_no_circle():
    levels = yaml.safe_load("- &x {name: sgd, lr: 0.1}\n- {name: sam, lr: 0.1}\n- *x\n")
    found = load_study(study({"runs": [], "grid": {"optimizer": levels[:2]}, "base.optimizer": levels[2]}))
    assert len(found.runs) == 2


def test_a_study_s_name_is_that_of_a_folder():
    load_study(study() | {"study": "x" * 100})
    with pytest.raises(ConfigError, match="must be a text of 100 or fewer characters"):
        load_study(study() | {"study": "x" * 101})
