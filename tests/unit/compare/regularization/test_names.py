"""What a run differs in, and what a combination is made of."""

import pytest

from memdyn.compare.regularization.names import family_of, label_of, mechanisms_of, parts_of
from memdyn.compare.runs import factor_row
from memdyn.config.recipe import TrainConfig
from memdyn.identity.names import plain_options

OWN = {"target": "tests/helpers/own_mechanisms.py:LabelSmoothing", "options": {"alpha": 0.1}}


def recipe(**changes):
    return plain_options(TrainConfig.model_validate(changes))


BASE = {"optimizer": {"name": "sgd", "lr": 0.1}, "epochs": 20}
CASES = {
    "smoothing": ({"mechanisms": {"smoothing": OWN}}, "smoothing alpha=0.1"),
    "crop": ({"augment": {"crop": 2}}, "random_crop 2"),
    "flip": ({"augment": {"flip": True}}, "flip"),
    "decay": ({"optimizer": {"name": "sgd", "lr": 0.1, "weight_decay": 1e-2}}, "weight_decay 0.01 (coupled)"),
    "early": ({"epochs": 4}, "early_stopping epoch 4"),
    "longer": ({"epochs": 40}, "epochs 40"),
    "rate": ({"optimizer": {"name": "sgd", "lr": 0.3}}, "optimizer lr=0.3"),
    "batch": ({"batch_size": 8}, "batch_size 8"),
    "net": ({"model": {"name": "logistic"}}, "model logistic"),
    "checkpoints": ({"checkpoints": [0, 20]}, "baseline"),
    "several": (
        {"mechanisms": {"smoothing": OWN}, "augment": {"crop": 2, "flip": True}, "epochs": 4},
        "smoothing alpha=0.1 + random_crop 2 + flip + early_stopping epoch 4",
    ),
}


@pytest.mark.parametrize(("changes", "label"), CASES.values(), ids=CASES)
def test_a_run_is_named_by_its_mechanisms(changes, label):
    assert label_of(mechanisms_of(recipe(**BASE | changes), recipe(**BASE))) == label


def test_of_a_changed_section_only_the_change_is_said():
    """As where the schedule is that of a shorter training, or a mechanism replaces the normalisation."""
    steps = {"name": "step", "milestones": [20, 30], "gamma": 0.1}
    base = {"model": {"name": "cnn", "norm": "batch", "strided": False}, "schedule": steps, "epochs": 35}
    stop = base | {"epochs": 3, "schedule": steps | {"milestones": [2]}}
    assert label_of(mechanisms_of(recipe(**stop), recipe(**base))) == "early_stopping epoch 3 + schedule milestones=[2]"
    net = base | {"model": {"name": "cnn", "norm": "group", "strided": True}}
    assert label_of(mechanisms_of(recipe(**net), recipe(**base))) == "model norm=group strided=True"
    nesterov = {"optimizer": {"name": "sgd", "lr": 0.1, "nesterov": True}}
    assert label_of(mechanisms_of(recipe(**BASE | nesterov), recipe(**BASE))) == "optimizer nesterov=True"
    mine = {"optimizer": {"name": "custom", "target": "a.py:Own", "options": {"lr": 0.1}}}
    more = {"optimizer": mine["optimizer"] | {"options": {"lr": 0.1, "beta": 0.9}}}
    assert label_of(mechanisms_of(recipe(**BASE | more), recipe(**BASE | mine))) == "optimizer options=beta=0.9"
    assert label_of(mechanisms_of(recipe(**BASE | mine), recipe(**BASE | more))) == "optimizer options=beta=None"
    other = base | {"schedule": {"name": "cosine"}}
    assert label_of(mechanisms_of(recipe(**other), recipe(**base))) == "schedule cosine final=0 warmup_epochs=0"


def test_what_the_baseline_has_is_no_difference_and_what_it_is_without_is():
    both, crop = {"mechanisms": {"smoothing": OWN}, "augment": {"crop": 2}}, {"augment": {"crop": 2}}
    assert label_of(mechanisms_of(recipe(**both), recipe(**crop))) == "smoothing alpha=0.1"
    assert mechanisms_of(recipe(**crop), recipe(**both)) == {"no smoothing": ""}
    assert mechanisms_of(recipe(), recipe(**crop)) == {"random_crop": "0"}


def test_families_have_no_strengths():
    named = [mechanisms_of(recipe(augment={"crop": crop}), recipe()) for crop in (1, 2)]
    assert {family_of(each) for each in named} == {"random_crop"} and family_of({}) == "baseline"


def test_options_of_released_mechanisms_are_its_strength():
    private = {"clip": 1.0, "delta": 1e-05, "lot": 256, "name": "dp_sgd", "noise": 0.5, "norm": None}
    taught = {"name": "distillation", "teacher": True, "temperature": 5.0}
    named = mechanisms_of(recipe() | {"mechanisms": [private, taught]}, recipe())
    assert label_of(named) == "dp_sgd noise=0.5 clip=1 lot=256 + distillation temperature=5"
    stopped = recipe(epochs=4) | {"mechanisms": [{"name": "early_stopping", "patience": 3}]}
    assert label_of(mechanisms_of(stopped, recipe())) == "early_stopping patience=3 + epochs 4"


def test_what_changes_no_training_is_no_difference():
    """Delta is of tables alone; group normalisation is named where it stands, among the options of the model."""
    private = {"clip": 1.0, "delta": 1e-05, "lot": 256, "name": "dp_sgd", "noise": 0.5, "norm": None}
    changed = private | {"delta": 1e-6, "norm": "group"}
    one, other = (recipe() | {"mechanisms": [each]} for each in (private, changed))
    assert mechanisms_of(one, other) == {} and mechanisms_of(one, recipe()) == mechanisms_of(other, recipe())
    rows = [factor_row({"name": "x", "pool": "p", "population": {}, "recipe": each}) for each in (one, other)]
    assert rows[0] == rows[1]


def test_combinations_are_unions_of_two_others():
    named = {
        "base": {},
        "a": {"smoothing": "alpha=0.1"},
        "b": {"random_crop": "2"},
        "c": {"weight_decay": "0.01 (coupled)"},
        "ab": {"smoothing": "alpha=0.1", "random_crop": "2"},
        "abc": {"smoothing": "alpha=0.1", "random_crop": "2", "weight_decay": "0.01 (coupled)"},
        "other": {"smoothing": "alpha=0.5", "random_crop": "2"},  # of another strength than the part
        "ac": {"smoothing": "alpha=0.1", "weight_decay": "0.01 (coupled)"},
    }
    found = parts_of(named)
    assert found == {"ab": ["a", "b"], "ac": ["a", "c"], "abc": ["b", "c", "ab", "ac"]}
    assert parts_of({"base": {}, "a": {"x": "1"}, "ab": {"x": "1", "y": "2"}}) == {}, "the other part is no run"
