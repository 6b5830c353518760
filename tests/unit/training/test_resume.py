"""What a killed training leaves: named parts, of which every one is needed, and none is misread."""

import numpy as np
import pandas as pd
import pytest
import torch

from memdyn.store.checkpoints import checkpoint_file, load_checkpoint
from memdyn.training.loop import Loop
from memdyn.training.parts import misfit, plain_state
from small_trainings import EPOCHS, Training, kill_after_epoch, mechanism, net_in, optimizer, schedule, small_pool

STATEFUL = [
    mechanism("Mixup", "mix"),
    mechanism("MovingTarget", "pull"),
    mechanism("Dropout"),
    mechanism("Poisson"),
    mechanism("SignSteps"),
]


@pytest.fixture
def pool():
    return small_pool()


def killed(folder, pool, epoch, monkeypatch, **how):
    """A block that was killed in each of its models after this epoch."""
    parts = Training(folder, pool, **how)
    for _ in parts.task.models:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            kill_after_epoch(patch, epoch)
            parts.run()
        torch.manual_seed(epoch)  # another process has other random states
        np.random.seed(epoch)
    return parts


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sgd", "sam", "custom"])
def test_a_stateful_mechanism_is_resumed_to_the_bit(pool, tmp_path, monkeypatch, name):
    how = {
        "model": net_in(tmp_path),
        "optimizer": optimizer(name),
        "schedule": schedule("one_cycle"),
        "augment": {"crop": 1, "flip": True},
        "mechanisms": STATEFUL,
    }
    whole = Training(tmp_path / "whole", pool, **how).run()
    for epoch in range(1, EPOCHS + 1):
        parts = killed(tmp_path / f"killed-{epoch}", pool, epoch, monkeypatch, **how).run()
        assert any(f"model 0: resumed after epoch {epoch}" in line for line in parts.said)
        assert parts.weights() == whole.weights()
        pd.testing.assert_frame_equal(parts.log().drop(columns="seconds"), whole.log().drop(columns="seconds"))
    assert {"pull.first", "pull.epochs"} < set(whole.log().columns)


def test_without_its_state_a_mechanism_goes_another_way(pool, tmp_path, monkeypatch):
    """So that the test above can fail."""
    how = {"mechanisms": [mechanism("MovingTarget", "pull", weight=5.0)]}
    whole = Training(tmp_path / "whole", pool, **how).run()
    restore = Loop.restore
    parts = killed(tmp_path / "killed", pool, 2, monkeypatch, **how)
    monkeypatch.setattr(Loop, "restore", lambda self, state: restore(self, state | {"mechanisms": {}}))
    assert parts.run().weights() != whole.weights()


def test_the_saved_state_has_named_parts(pool, tmp_path, monkeypatch):
    parts = killed(tmp_path, pool, 2, monkeypatch, mechanisms=[mechanism("MovingTarget", "pull"), mechanism("Dropout")])
    state = torch.load(tmp_path / "progress" / "model-0001" / "state.pt", weights_only=True)
    assert state.keys() == {"network", "optimizer", "mechanisms", "log"}
    assert state["mechanisms"].keys() == {"pull", "dropout"} and state["mechanisms"]["dropout"] == {}
    assert state["mechanisms"]["pull"]["epochs"] == 2 and len(state["mechanisms"]["pull"]["seen"]) == 3
    assert [row["epoch"] for row in state["log"]] == [1, 2] and "pull.first" in state["log"][0]
    saved = load_checkpoint(checkpoint_file(parts.task.progress, 1, 2))
    assert state["network"].keys() == {f"1.{name}" for name in saved}  # as it is trained, and as it is saved


# what is done to a saved state -> what is said of it
OTHER_SHAPES = {
    "of the release before": (
        lambda state: {key: state[key] for key in ("network", "optimizer", "log")},
        "it has the parts log, network, optimizer, not log, mechanisms, network, optimizer",
    ),
    "a triple": (lambda state: (state["network"], state["optimizer"], state["log"]), "it has the parts tuple, not log"),
    "with a part more": (lambda state: state | {"ema": {}}, "it has the parts ema, log, mechanisms"),
    "of another network": (
        lambda state: state | {"network": {"other": torch.zeros(2)}},
        "its weights are those of another network",
    ),
    "of another shape": (
        lambda state: state | {"network": {key: value[:1] for key, value in state["network"].items()}},
        "its weights are those of another network",
    ),
    "of another optimizer": (
        lambda state: state | {"optimizer": {"state": {}, "param_groups": [{"lr": 1.0, "params": [0]}]}},
        "its optimizer is another one",
    ),
    "of other mechanisms": (lambda state: state | {"mechanisms": {"push": {}}}, "its mechanisms are push"),
    "of none": (lambda state: state | {"mechanisms": {}}, "its mechanisms are none"),
}


@pytest.mark.parametrize(("change", "message"), OTHER_SHAPES.values(), ids=OTHER_SHAPES)
def test_a_state_of_another_shape_is_not_misread(pool, tmp_path, monkeypatch, change, message):
    """The model is trained from the start, and a line says so."""
    how = {"mechanisms": [mechanism("MovingTarget", "pull")], "models": range(1)}
    whole = Training(tmp_path / "whole", pool, **how).run()
    torn = killed(tmp_path / "torn", pool, 2, monkeypatch, **how)
    state = tmp_path / "torn" / "progress" / "model-0000" / "state.pt"
    torch.save(change(torch.load(state, weights_only=True)), state)
    torn.run()
    (line,) = [line for line in torn.said if "does not fit" in line]
    assert line.startswith(f"model 0: its saved state does not fit ({message}") and "from the start" in line
    assert torn.weights() == whole.weights()
    pd.testing.assert_frame_equal(torn.log().drop(columns="seconds"), whole.log().drop(columns="seconds"))


def test_two_orders_of_mechanisms_are_two_trainings():
    parts = {"network": {}, "optimizer": {}, "log": []}
    assert misfit(parts | {"mechanisms": {"a": {}, "b": {}}}, parts | {"mechanisms": {"b": {}, "a": {}}})
    assert not misfit(parts | {"mechanisms": {"a": {}, "b": {}}}, parts | {"mechanisms": {"a": {}, "b": {}}})


@pytest.mark.parametrize(
    "value", [torch.zeros(2), torch.nn.Parameter(torch.zeros(2)), 1, 0.5, "a", True, None, [1, {"b": (2,)}], {3: 1}]
)
def test_a_plain_state_passes_and_comes_back(value, tmp_path):
    torch.save(plain_state({"value": value}, "it"), tmp_path / "state.pt")
    assert str(torch.load(tmp_path / "state.pt", weights_only=True)) == str({"value": value})


ODD = {
    "an array": np.zeros(2),
    "a number of numpy": np.float64(1),
    "a set": {1, 2},
    "a function": lambda: 0,
    "a key that is no text": {(1, 2): 3},
    "an object": [object()],
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
def test_another_state_is_refused(value):
    with pytest.raises(ValueError, match=r"mechanism 'it': state\['value'\].*allowed: tensors"):
        plain_state({"value": value}, "it")
