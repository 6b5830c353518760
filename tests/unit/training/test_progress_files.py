"""The files that a killed job leaves for the next."""

import pytest
import torch
from torch import nn
from torch.optim import Adam

from memdyn.training.resume import ModelProgress, clear


@pytest.fixture
def progress(tmp_path):
    return ModelProgress(tmp_path / "block", 3)


class Small:
    """The least that can be resumed: a network and an optimizer."""

    def __init__(self, network, optimizer):
        self.network, self.optimizer = network, optimizer

    def state(self):
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(), "mechanisms": {}}

    def restore(self, state):
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])


def trained(seed=0):
    """A network and an optimizer with state."""
    torch.manual_seed(seed)
    network = nn.Linear(3, 2)
    optimizer = Adam(network.parameters(), lr=0.1)
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return network, optimizer


LOG = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]


def test_a_new_model_has_no_progress(progress):
    assert progress.finished_log() is None
    assert progress.load_state(Small(*trained()), torch.device("cpu")) == ([], "")


def test_the_last_state_comes_back(progress):
    network, optimizer = trained()
    progress.save_state(Small(network, optimizer).state(), LOG[:1])
    optimizer.step()
    progress.save_state(Small(network, optimizer).state(), LOG)
    restored, fresh = trained(1)
    assert progress.load_state(Small(restored, fresh), torch.device("cpu")) == (LOG, "resumed after epoch 2")
    assert torch.equal(restored.weight, network.weight)
    for found, saved in zip(fresh.state.values(), optimizer.state.values(), strict=True):
        assert all(torch.equal(found[name], saved[name]) for name in saved)
    assert progress.finished_log() is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", b"\x80\x02}q\x00."])
def test_an_unreadable_state_is_told_and_touches_nothing(progress, content):
    network, optimizer = trained()
    progress.save_state(Small(network, optimizer).state(), LOG)
    progress._state.write_bytes(content)
    before = network.weight.clone()
    log, news = progress.load_state(Small(network, optimizer), torch.device("cpu"))
    assert log == [] and "unreadable" in news and "from the start" in news
    assert torch.equal(network.weight, before)


def test_a_finished_model_has_its_log_and_no_state(progress):
    progress.save_state(Small(*trained()).state(), LOG)
    progress.finish(LOG)
    assert progress.finished_log() == LOG
    assert [path.name for path in progress._log.parent.iterdir()] == ["log.json"]


def test_clearing_removes_all_models_and_leaves_the_lease(progress, tmp_path):
    network, optimizer = trained()
    for model in (3, 4):
        other = ModelProgress(progress.root, model)
        other.save_checkpoint(network, 0)
        other.save_state(Small(network, optimizer).state(), LOG)
    progress.finish(LOG)
    (progress.root / "lease").touch()
    clear(progress.root)
    assert [path.name for path in progress.root.iterdir()] == ["lease"]
    clear(tmp_path / "missing")


def test_a_half_cleared_model_has_neither_log_nor_state(progress, monkeypatch):
    """Killed in between, checkpoints may be left that nobody believes in."""
    progress.save_checkpoint(trained()[0], 0)
    progress.finish(LOG)
    monkeypatch.setattr("memdyn.training.resume.remove", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        clear(progress.root)
    assert progress.finished_log() is None
    assert [path.name for path in progress._log.parent.iterdir()] == ["epoch-0000.safetensors"]
