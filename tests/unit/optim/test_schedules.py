"""Schedules against closed forms, and against torch's schedulers where they mean the same."""

import inspect
import math
from itertools import pairwise
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from torch.optim import lr_scheduler

import own_optim
from memdyn.config.optim import ScheduleConfig
from memdyn.optim.schedules import REGISTRY
from memdyn.optim.schedules.build import lr_factor
from memdyn.registry import resolve

EPOCHS, STEPS = 6, 10
TOTAL = EPOCHS * STEPS


def options(name: str, **changes) -> dict:
    return TypeAdapter(ScheduleConfig).validate_python({"name": name, **changes}).model_dump()


def factors(choice: dict, epochs: int = EPOCHS, steps: int = STEPS) -> list[float]:
    factor = lr_factor(choice, epochs, steps)
    return [factor(step) for step in range(epochs * steps)]


def torch_factors(make) -> list[float]:
    """The rates that a scheduler of torch, stepped once an optimizer step, gives to a rate of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, rates = make(optimizer), []
    for _ in range(TOTAL):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


SECTIONS = st.sampled_from(
    [
        {"name": "constant"},
        {"name": "step", "milestones": [3, 4], "gamma": 0.5},
        {"name": "cosine", "final": 0.1},
        {"name": "one_cycle", "peak": 0.3, "start": 0.2, "final": 0.01},
        {"name": "one_cycle", "peak": 0.0, "start": 0.2, "final": 0.01},
        {"name": "one_cycle", "peak": 1.0, "start": 0.2, "final": 0.01},
    ]
)


def test_config_names_are_the_schedules():
    classes = get_args(get_args(ScheduleConfig)[0])
    by_name = {get_args(cls.model_fields["name"].annotation)[0]: cls for cls in classes}
    assert by_name.keys() == REGISTRY.keys()
    assert all(field.description for cls in classes for field in cls.model_fields.values())
    for name, cls in by_name.items():
        parameters = list(inspect.signature(resolve(REGISTRY, name)).parameters.values())[1:]
        assert {each.name for each in parameters} == cls.model_fields.keys() - {"name", "warmup_epochs"}


def test_constant():
    assert factors(options("constant")) == [1.0] * TOTAL


def test_step_equals_torch():
    expected = torch_factors(lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [2 * STEPS, 5 * STEPS], gamma=0.1))
    assert factors(options("step", milestones=[2, 5])) == pytest.approx(expected, rel=1e-12)


def test_cosine_equals_torch_and_its_closed_form():
    ours = factors(options("cosine", final=0.1))
    expected = torch_factors(lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, TOTAL, eta_min=0.1))
    assert ours == pytest.approx(expected, rel=1e-9)
    assert ours[TOTAL // 2] == pytest.approx(0.55)
    assert ours[15] == pytest.approx(0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2)


@pytest.mark.parametrize("peak", [0.1, 0.3, 0.77])
def test_one_cycle_equals_torch(peak):
    expected = torch_factors(
        lambda optimizer: lr_scheduler.OneCycleLR(
            optimizer, 1.0, TOTAL + 1, pct_start=peak, div_factor=25, final_div_factor=1e4, cycle_momentum=False
        )
    )
    # torch's scheduler is stepped once more at the end, so it is given one step more than ours
    factor = lr_factor(options("one_cycle", peak=peak), 1, TOTAL + 1)
    assert [factor(step) for step in range(TOTAL)] == pytest.approx(expected, rel=1e-9)


def test_one_cycle_ends():
    ours = factors(options("one_cycle", start=0.25, final=0.125, peak=0.5))
    assert (ours[0], max(ours), ours[-1]) == (0.25, 1.0, 0.125)
    assert ours.index(1.0) == TOTAL // 2 - 1


@pytest.mark.parametrize("peak", [0.0, 1.0])
def test_one_cycle_in_one_direction(peak):
    ours = factors(options("one_cycle", peak=peak, start=0.5, final=0.25))
    assert (ours[0], ours[-1]) == ((1.0, 0.25) if peak == 0 else (0.5, 1.0))


def own(name: str, **changes) -> dict:
    return options("custom", target=f"{own_optim.__file__}:{name}", **changes)


def test_an_own_schedule_takes_the_steps_after_the_warm_up():
    choice = own("falling", options={"final": 0.5}, warmup_epochs=2)
    values = factors(choice)
    assert values[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert values[20:] == pytest.approx([1 - 0.5 * step / 39 for step in range(40)])


def test_an_own_schedule_that_gives_no_factor_is_refused():
    with pytest.raises(ValueError, match=r"the factor of step 0 is -1\.0; allowed: finite numbers, 0 or more"):
        factors(own("rising_below_zero"))
    with pytest.raises(ValueError, match="must return a function step -> factor, returned float"):
        factors(own("no_schedule"))


def test_one_step_of_training():
    for name in ("constant", "cosine", "one_cycle"):
        assert factors(options(name), 1, 1) == [1.0]


@given(section=SECTIONS, warmup=st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.5]), steps=st.integers(1, 40))
def test_warm_up_rises_evenly_into_the_schedule(section, warmup, steps):
    values = factors(options(warmup_epochs=warmup, **section), EPOCHS, steps)
    n_warm = round(warmup * steps)
    assert all(0 <= value <= 1 for value in values)
    if n_warm:
        assert values[:n_warm] == pytest.approx([values[n_warm] * (step + 1) / n_warm for step in range(n_warm)])
        # the schedule begins where the warm-up ends, without a jump
        assert values[n_warm - 1] == pytest.approx(values[n_warm])


@given(section=SECTIONS, warmup=st.sampled_from([0.0, 1.0, 2.0]))
def test_after_the_warm_up_the_schedule_is_that_of_the_remaining_epochs(section, warmup):
    if section["name"] == "step":
        shorter = section | {"milestones": [epoch - int(warmup) for epoch in section["milestones"]]}
    else:
        shorter = section
    values = factors(options(warmup_epochs=warmup, **section))
    assert values[int(warmup) * STEPS :] == factors(options(**shorter), EPOCHS - int(warmup))


def test_milestones_count_from_the_start_of_training():
    values = factors(options("step", milestones=[2, 4], gamma=0.5, warmup_epochs=1.5))
    falls = [step + 1 for step, (before, after) in enumerate(pairwise(values)) if after < before]
    assert falls == [2 * STEPS, 4 * STEPS]


def test_warm_up_must_leave_a_step():
    with pytest.raises(ValueError, match="warmup_epochs"):
        lr_factor(options("constant", warmup_epochs=6), EPOCHS, STEPS)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(KeyError, match="one_cycle"):
        lr_factor({"name": "linear", "warmup_epochs": 0.0}, EPOCHS, STEPS)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "linear"}, "cosine"),
        ({"name": "step"}, "milestones"),
        ({"name": "step", "milestones": []}, "milestones"),
        ({"name": "step", "milestones": [3, 3]}, "ascend"),
        ({"name": "step", "milestones": [0, 3]}, "milestones"),
        ({"name": "step", "milestones": [2], "warmup_epochs": 3}, "before the first"),
        ({"name": "step", "milestones": [2], "gamma": 1.5}, "gamma"),
        ({"name": "cosine", "final": 2.0}, "final"),
        ({"name": "cosine", "warmup_epochs": -1.0}, "warmup_epochs"),
        ({"name": "cosine", "warmup_epochs": "soon"}, "warmup_epochs"),
        ({"name": "one_cycle", "peak": 1.5}, "peak"),
    ],
)
def test_bad_sections_are_refused(section, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(ScheduleConfig).validate_python(section)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "step", "milestones": [2, 6]}, "milestones.*epochs: 6"),
        ({"name": "cosine", "warmup_epochs": 6.0}, "warmup_epochs.*epochs: 6"),
        ({"name": "step", "milestones": [7], "warmup_epochs": 6.5}, "warmup_epochs"),
    ],
)
def test_schedules_longer_than_the_training_are_refused(section, message):
    schedule = TypeAdapter(ScheduleConfig).validate_python(section)
    schedule.check_epochs(20)
    with pytest.raises(ValueError, match=message):
        schedule.check_epochs(6)
