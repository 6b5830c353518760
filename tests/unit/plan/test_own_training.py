"""A user's own optimizer, schedule and mechanism in the plan: what is checked of them, and what they rename."""

from pathlib import Path

import pytest

import own_mechanisms
import own_optim
from fresh_code import forget_code
from memdyn.config.errors import ConfigError
from studies import plan

OPTIMIZER = {"name": "custom", "target": f"{own_optim.__file__}:HeavyBall", "options": {"lr": 0.1}}
SCHEDULE = {"name": "custom", "target": f"{own_optim.__file__}:falling"}


def mechanism(name, **options):
    return {"target": f"{own_mechanisms.__file__}:{name}", "options": options}


def trains(changes):
    return {run.name: run.train for run in plan(changes).runs}


def test_the_code_of_a_run_is_that_of_its_parts():
    found = trains(
        {
            "runs.0.optimizer": OPTIMIZER,
            "runs.0.schedule": SCHEDULE,
            "runs.0.mechanisms": {"smooth": mechanism("LabelSmoothing", alpha=0.1)},
        }
    )
    own = found["mlp"]
    assert own.entries == (
        "memdyn.models.mlp:mlp",
        "memdyn.optim.custom:custom",
        "memdyn.optim.schedules.custom:custom",
        "memdyn.mechanisms.custom:custom",
    )
    optim, mechanisms = (str(Path(each.__file__).resolve()) for each in (own_optim, own_mechanisms))
    assert [str(Path(root).resolve()) for root in own.roots[1:]] == [optim, optim, mechanisms]
    assert own.folder.startswith("mlp-heavyball-e4-smooth.0.1-")
    assert found["logistic"].roots == ("train_block.py",)
    assert found["logistic"].folder == trains({})["logistic"].folder


@pytest.mark.parametrize("section", ["optimizer", "schedule", "mechanisms"])
def test_an_edit_of_own_code_renames_its_run_and_no_other(tmp_path, section):
    file = tmp_path / "mine.py"
    own = {"name": "custom", "target": f"{file}:Mine"}
    changes = {f"runs.0.{section}": {"m": {"target": f"{file}:Mine"}} if section == "mechanisms" else own}

    def folders(text):
        file.write_text(text)
        forget_code()
        return {name: train.folder for name, train in trains(changes).items()}

    first = folders("def Mine(*_):\n    return 1\n")
    same = folders("def Mine(*_):\n    '''Told.'''\n    return 1  # why\n")
    other = folders("def Mine(*_):\n    return 2\n")
    assert first == same and first["logistic"] == other["logistic"] and first["mlp"] != other["mlp"]


WRONG = {
    "no file": (
        {"runs.0.optimizer": OPTIMIZER | {"target": "no.py:X"}},
        ["optimizer.target = no.py:X", "No such file"],
    ),
    "no such name": (
        {"runs.0.schedule": SCHEDULE | {"target": f"{own_optim.__file__}:fallin"}},
        ["schedule.target", "no 'fallin'", "'falling'?"],
    ),
    "an unknown option": (
        {"runs.0.optimizer": OPTIMIZER | {"options": {"lrr": 1}}},
        ["optimizer.options.lrr = 1: no option of HeavyBall", "'lr'?"],
    ),
    "an unknown option of a schedule": (
        {"runs.0.schedule": SCHEDULE | {"options": {"finall": 1}}},
        ["schedule.options.finall = 1: no option of falling", "'final'?"],
    ),
    "a missing option of a mechanism": (
        {"runs.0.mechanisms": {"smooth": mechanism("LabelSmoothing")}},
        ["mechanisms.smooth.options: LabelSmoothing", "must be given alpha"],
    ),
    "an unknown option of a mechanism": (
        {"runs.0.mechanisms": {"smooth": mechanism("LabelSmoothing", alpha=0.1, beta=1)}},
        ["mechanisms.smooth.options.beta = 1", "allowed: alpha"],
    ),
    "an unknown option of a plain loss": (
        {"runs.0.mechanisms": {"loss": mechanism("compute_loss", pow=1)}},
        ["mechanisms.loss.options.pow = 1", "'power'?"],
    ),
}


@pytest.mark.parametrize(("changes", "words"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_told_before_any_job(changes, words):
    with pytest.raises(ConfigError) as caught:
        plan(changes)
    message, place = str(caught.value), 0
    for word in words:
        assert word in message[place:], message
        place = message.index(word, place)


def test_a_plain_loss_and_a_factory_fit():
    assert plan({"runs.0.mechanisms": {"loss": mechanism("compute_loss", power=2.0)}})
    assert plan({"runs.0.mechanisms": {"smooth": mechanism("smoothing", alpha=0.5)}})


def test_orders_of_mechanisms_are_different_folders():
    one, other = mechanism("Mixup"), mechanism("Damp")
    first = trains({"runs.0.mechanisms": {"a": one, "b": other}})["mlp"]
    second = trains({"runs.0.mechanisms": {"b": other, "a": one}})["mlp"]
    assert first.folder != second.folder and first.digest == second.digest
    assert [each["name"] for each in second.params()["options"]["mechanisms"]] == ["b", "a"]
