"""A net is tried out before the first of a block is trained, which leaves no trace in the training."""

import pytest

from memdyn.training import block
from small_trainings import Training, net_in, small_pool


@pytest.fixture
def pool():
    return small_pool()


@pytest.fixture
def net(tmp_path):
    return net_in(tmp_path)


def own(folder, text):
    (folder / "own.py").write_text(f"from torch import nn\n\ndef net(input_shape, n_classes):\n{text}")
    return {"name": "custom", "target": f"{folder / 'own.py'}:net", "options": {}}


def test_trial_passes_leave_no_trace_in_what_is_trained(pool, net, tmp_path, monkeypatch):
    tried = Training(tmp_path / "tried", pool, model=net).run().weights()
    monkeypatch.setattr(block, "_check", lambda *_: [])
    assert tried == Training(tmp_path / "untried", pool, model=net).run().weights()


def test_what_a_net_draws_by_numpy_and_python_is_decided_too(pool, tmp_path):
    text = """
    import random
    import numpy as np
    import torch

    class Noisy(nn.Linear):
        def forward(self, images):
            noise = np.random.randn() + random.random() if self.training else 0
            return super().forward(images.flatten(1) + noise)

    net = Noisy(64, n_classes)
    nn.init.constant_(net.bias, np.random.randn() + random.random())
    return net
"""
    first, second = (Training(tmp_path / name, pool, model=own(tmp_path, text)).run() for name in "ab")
    assert first.weights() == second.weights()


@pytest.mark.parametrize(
    ("layers", "message", "options"),
    [
        ("nn.Linear(64, n_classes), nn.Softmax(1)", "returns probabilities", {}),
        ("nn.BatchNorm1d(64), nn.Linear(64, n_classes)", "batch_size = 19: of 20 members", {"batch_size": 19}),
        ("nn.BatchNorm1d(64), nn.Linear(64, n_classes)", "each batch has 1 sample", {"batch_size": 1}),
    ],
)
def test_a_net_that_is_unfit_is_refused_before_any_is_trained(pool, tmp_path, layers, message, options):
    model = own(tmp_path, f"    return nn.Sequential(nn.Flatten(), {layers})\n")
    training = Training(tmp_path, pool, model=model, **options)
    with pytest.raises(ValueError, match=rf"model\.target = .*own\.py:net.*{message}"):
        training.run()
    assert not list((tmp_path / "progress").rglob("*.safetensors")) and not (tmp_path / "checkpoints").exists()


def test_a_net_whose_checkpoints_would_be_another_is_refused_before_any_is_trained(pool, tmp_path):
    text = """
    hidden, last = nn.Linear(64, 8), nn.Linear(8, n_classes)
    last.forward = lambda images: nn.functional.linear(hidden(images.flatten(1)), last.weight, last.bias)
    return last
"""
    training = Training(tmp_path, pool, model=own(tmp_path, text))
    with pytest.raises(ValueError, match=r"own\.py:net: built anew and given its weights"):
        training.run()
    assert not list((tmp_path / "progress").rglob("*.safetensors"))


def test_what_is_odd_of_a_net_is_told_and_it_is_trained(pool, tmp_path):
    text = """
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, n_classes))
    net.idle = nn.LayerNorm(2)
    net.forward = lambda images: net[1](net[0](images))
    return net
"""
    training = Training(tmp_path, pool, model=own(tmp_path, text)).run()
    assert [line for line in training.said if "2 of 4 parameters get no gradient" in line and "idle.weight" in line]
