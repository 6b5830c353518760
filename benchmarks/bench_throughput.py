"""How fast a core trains and scores: the arithmetic of the nets, as `memdyn.models.size` counts it, in a second.

It is what the cost that a dry run states is reckoned by while no model of a study is finished; the constants are in
`memdyn.operations.effort`. Claim: their prediction is at most 2 times off in either direction. One core; start it once
for each core at the same time to see what they cost each other. Wall time, the mean of some epochs. Writes nothing.

    python benchmarks/bench_throughput.py
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.config.models import ModelConfig
from memdyn.design.seeds import derive_seed
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of
from memdyn.models.size import size_of
from memdyn.operations.effort import FORWARDS, SPEEDS
from memdyn.optim.build import build_optimizer
from memdyn.probes.outputs import outputs
from memdyn.training.loop import Loop, LoopOptions

SECONDS, CLASSES = 2.0, 10
SGD = {"name": "sgd", "lr": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 5e-4}
GREY, COLOUR = (1, 28, 28), (3, 32, 32)


@dataclass(frozen=True)
class Net:
    """Options of a net beside its defaults, the shape of its images, samples a step."""

    options: dict[str, Any]
    shape: tuple[int, int, int]
    batch: int

    def __str__(self) -> str:
        return f"{' '.join(map(str, self.options.values()))} on {'x'.join(map(str, self.shape))}"

    def resolved(self) -> dict[str, Any]:
        return TypeAdapter(ModelConfig).validate_python(self.options).model_dump()

    def build(self, device: torch.device) -> nn.Module:
        torch.manual_seed(0)
        network = build_model(self.resolved(), self.shape, CLASSES)
        return network.to(device, memory_format=layout_of(network))

    @property
    def flops(self) -> float:
        """Of a sample that passes forward."""
        return size_of(self.resolved(), self.shape, CLASSES).flops


NETS = [
    Net({"name": "logistic"}, GREY, 64),
    Net({"name": "mlp"}, GREY, 64),
    Net({"name": "mlp", "hidden": [512, 256]}, GREY, 128),
    Net({"name": "cnn"}, GREY, 64),
    Net({"name": "cnn", "layers": 4}, GREY, 128),
    Net({"name": "cnn", "layers": 8, "norm": "batch"}, GREY, 128),
    Net({"name": "cnn", "layers": 4, "width": 64, "strided": False, "norm": "batch"}, COLOUR, 256),
    Net({"name": "wrn", "depth": 16, "norm": "group"}, COLOUR, 128),
    Net({"name": "resnet18", "width": 16}, COLOUR, 128),
    Net({"name": "vgg"}, COLOUR, 128),
]


@dataclass(frozen=True)
class Throughput:
    """Seconds an epoch of so many samples.

    Attributes:
        training: by the project's loop.
        bare: as many steps on one batch that lies ready.
        scoring: the outputs of all samples.
    """

    samples: int
    training: float
    bare: float
    scoring: float


def measure(
    net: Net, device: torch.device, seconds: float, precision: str = "float32", speed: float = 20e9
) -> Throughput:
    """Times a net.

    Args:
        seconds: to spend on each figure, at least.
        precision: of a recipe.
        speed: FLOP/s to expect, for an epoch of about a second.
    """
    n_samples = max(2, min(100, int(speed / (net.flops * net.batch)))) * net.batch
    inputs = make_inputs(net.shape, n_samples, device)
    options = LoopOptions(1000, net.batch, precision, 0, False, SGD, {"name": "constant", "warmup_epochs": 0})
    loop = Loop(net.build(device), inputs, torch.arange(n_samples, device=device), options, derive_seed)
    epochs = iter(range(1, 1000))
    network, members = net.build(device), torch.zeros(n_samples, dtype=torch.bool, device=device)
    return Throughput(
        n_samples,
        mean_seconds(lambda: loop.run_epoch(next(epochs)), device, seconds),
        mean_seconds(bare_epoch(net, device, precision, n_samples // net.batch), device, seconds),
        mean_seconds(lambda: outputs(network, inputs, members, 500), device, seconds),
    )


def make_inputs(shape: tuple[int, ...], n_samples: int, device: torch.device) -> Samples:
    rng = np.random.default_rng(0)
    images = torch.tensor(rng.integers(0, 256, (n_samples, *shape), dtype=np.uint8), device=device)
    labels = torch.tensor(rng.integers(0, CLASSES, n_samples), device=device)
    scale, offset = torch.full((1, 1, 1, 1), 1 / 64, device=device), torch.tensor(-1.6, device=device)
    return Samples(images, labels, scale, offset)


def bare_epoch(net: Net, device: torch.device, precision: str, steps: int) -> Callable[[], None]:
    """Steps of the same net and optimizer, with no data to handle."""
    network = net.build(device)
    optimizer = build_optimizer(SGD, network)
    batch = torch.randn(net.batch, *net.shape, device=device).contiguous(memory_format=layout_of(network))
    targets = torch.arange(net.batch, device=device) % CLASSES

    def closure() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = functional.cross_entropy(network(batch), targets)
        loss.backward()
        return loss

    def epoch() -> None:
        for _ in range(steps):
            optimizer.step(closure)

    return epoch


def mean_seconds(epoch: Callable[[], object], device: torch.device, seconds: float) -> float:
    """After one that warms up; the device has ended its work when the clock is read."""
    epoch()
    epochs, started = 0, _now(device)
    while _now(device) - started < seconds:
        epochs += 1
        epoch()
    return (_now(device) - started) / epochs


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    """Prints a line a net."""
    device = prepare_torch("cpu", 1)
    for net in NETS:
        found = measure(net, device, SECONDS)
        arithmetic = FORWARDS * net.flops * found.samples
        steps = found.samples / net.batch
        predicted = arithmetic / SPEEDS["cpu"].flops + steps * SPEEDS["cpu"].step
        print(
            f"throughput, {net}, batches of {net.batch}: "
            f"{arithmetic / found.training / 1e9:.0f} GFLOP/s, {found.training / steps * 1e3:.2g} ms a step "
            f"(predicted: {predicted / found.training:.2f} of that), {found.bare / found.training:.0%} of a bare loop; "
            f"scoring takes {found.scoring / found.training:.2f} of training",
            flush=True,
        )


if __name__ == "__main__":
    main()
