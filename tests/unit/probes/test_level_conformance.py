"""The search against foolbox's DDN, on a net that is trained a little: the same norms, from a start of our own."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from memdyn.compute.samples import Samples
from memdyn.config.datasets import EmbeddedDataset
from memdyn.data.embedded import load
from memdyn.models.build import build_model
from memdyn.probes.level_search import nearest_crossing
from memdyn.probes.margins import Margins

foolbox = pytest.importorskip("foolbox", reason="foolbox is a dependency of development")

N, TRAINED, LEVEL = 60, 1000, 0.9
CNN = {"name": "cnn", "layers": 2, "width": 8, "strided": True, "hidden": 0, "norm": "none"}


class TwoLogits(nn.Module):
    """(height - margin, 0): class 0 is predicted below the level, and an untargeted attack looks for class 1."""

    def __init__(self, margins: Margins, labels: torch.Tensor, height: float):
        super().__init__()
        self.margins, self.labels, self.height = margins, labels, height

    def forward(self, inputs):
        below = self.height - self.margins.margin(inputs, self.labels).float()
        return torch.stack([below, torch.zeros_like(below)], dim=1)


@pytest.fixture(scope="module")
def trained() -> Margins:
    raw = load({}, EmbeddedDataset().source_files(""))
    stored, labels = torch.tensor(raw.images[:TRAINED]), torch.tensor(raw.labels[:TRAINED], dtype=torch.int64)
    one = torch.ones(1, 1, 1, 1)
    samples = Samples(stored, labels, one / (255 * 0.35), -0.29 / 0.35 * one)
    torch.manual_seed(0)
    net = build_model(CNN, (1, 28, 28), 10)
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9)
    for _ in range(6):
        for rows in torch.randperm(TRAINED).split(64):
            optimizer.zero_grad()
            F.cross_entropy(net(samples.normalise(stored[rows], torch.contiguous_format)), labels[rows]).backward()
            optimizer.step()
    few = Samples(stored[:N], labels[:N], samples.scale, samples.offset)
    return Margins.of(net, few)


@pytest.mark.slow
def test_the_norms_are_those_of_foolbox(trained, capsys):
    """Up to a level that most samples lie below; a ratio below 1 is a shorter way than foolbox's."""
    inputs, labels = trained.inputs(), trained.samples.labels
    margin = trained.margin(inputs, labels).detach()
    height = float(margin.quantile(LEVEL))
    below = margin < height
    inputs, labels = inputs[below], labels[below]
    found = -nearest_crossing(lambda x, rows: trained.margin(x, labels[rows]) - height, inputs, "l2", trained.box)
    ratios, shares = {}, {}
    for steps in (20, 100):
        attack = foolbox.attacks.DDNAttack(steps=steps, init_epsilon=1.0, gamma=0.05)
        model = foolbox.PyTorchModel(TwoLogits(trained, labels, height).eval(), bounds=trained.box, device="cpu")
        points, _, success = attack(model, inputs, torch.zeros(len(inputs), dtype=torch.int64), epsilons=None)
        theirs = (points - inputs).flatten(1).norm(dim=1)
        reached = torch.stack([found.isfinite(), success])
        assert reached[0].float().mean() > 0.9 and (reached[0] >= reached[1]).all()
        ratios[steps] = (found / theirs)[reached.all(0)].numpy()
        shares[steps] = reached.float().mean(1).tolist()
    with capsys.disabled():
        for steps, ratio in ratios.items():
            ends = np.quantile(ratio, [0.05, 0.95])
            print(f"\n  norm over that of foolbox's DDN, {steps} steps: median {np.median(ratio):.3f}, {ends.round(3)}")
            print("  reached by ours and by theirs: {:.2f}, {:.2f}".format(*shares[steps]))
    assert np.median(ratios[20]) < 1.03 and np.median(ratios[100]) < 1.03
    assert np.quantile(ratios[100], 0.95) < 1.15
