"""Weights come back from their files bit by bit."""

import os

import pytest
import torch
from torch import nn

from memdyn.store.checkpoints import checkpoint_file, link_tree, load_checkpoint, save_checkpoint


@pytest.fixture
def network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(32, 2))
    return net.to(memory_format=torch.channels_last)


def test_parameters_and_buffers_come_back(network, tmp_path):
    path = checkpoint_file(tmp_path, 3, 10)
    save_checkpoint(network, path)
    assert path == tmp_path / "model-0003" / "epoch-0010.safetensors"
    found = load_checkpoint(path)
    assert found.keys() == network.state_dict().keys()
    assert all(torch.equal(found[name], value) for name, value in network.state_dict().items())


class Tied(nn.Module):
    """Two names for a weight, and a view of it."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.register_buffer("row", self.first.weight.detach()[1])


def test_weights_that_share_their_memory(tmp_path):
    network, other = Tied(), Tied()
    save_checkpoint(network, tmp_path / "file")
    other.load_state_dict(load_checkpoint(tmp_path / "file"))
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in other.state_dict().items())
    assert other.second.weight is other.first.weight


def test_the_file_depends_on_the_weights_alone(network, tmp_path):
    save_checkpoint(network, tmp_path / "first")
    save_checkpoint(network.to(memory_format=torch.contiguous_format), tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_missing_checkpoint_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"epoch-0001"):
        load_checkpoint(checkpoint_file(tmp_path, 0, 1))


def write_tree(folder):
    for name in ("model-0000/epoch-0001.safetensors", "model-0001/epoch-0001.safetensors", "model-0001/state.pt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.mark.parametrize("links", [True, False])
def test_a_tree_is_linked_and_copied_where_it_cannot_be(tmp_path, monkeypatch, links):
    def refuse(*_):
        raise OSError("this file system has no hard links")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    write_tree(tmp_path / "source")
    link_tree(tmp_path / "source", tmp_path / "target", "*/epoch-*.safetensors")
    found = sorted(path for path in (tmp_path / "target").rglob("*") if path.is_file())
    names = [path.relative_to(tmp_path / "target").as_posix() for path in found]
    assert names == ["model-0000/epoch-0001.safetensors", "model-0001/epoch-0001.safetensors"]
    assert [path.read_text() for path in found] == names
    assert all(path.samefile(tmp_path / "source" / name) == links for path, name in zip(found, names, strict=True))
