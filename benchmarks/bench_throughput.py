"""How fast a core trains and scores: the arithmetic of the nets, as `memdyn.models.size` counts it, in a second.

It is what the cost that a dry run states is reckoned by while no model of a study is finished; the constants are in
`memdyn.operations.effort`. Claim: their prediction is at most 2 times off in either direction. One core; start it once
for each core at the same time to see what they cost each other. Wall time, the mean of some epochs. Writes nothing.

    python benchmarks/bench_throughput.py
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.probes.scoring import score_network

from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.config.models import ModelConfig
from memdyn.design.seeds import derive_seed
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of
from memdyn.models.size import size_of
from memdyn.operations.effort import FORWARDS, SPEEDS
from memdyn.optim.build import build_optimizer
from memdyn.training.loop import Loop, LoopOptions

SECONDS, CLASSES = 2.0, 10
SGD = {"name": "sgd", "lr": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 5e-4}
GREY, COLOUR = (1, 28, 28), (3, 32, 32)
# options of the net beside the defaults, shape of the images, samples a step
NETS: list[tuple[dict[str, Any], tuple[int, int, int], int]] = [
    ({"name": "logistic"}, GREY, 64),
    ({"name": "mlp"}, GREY, 64),
    ({"name": "mlp", "hidden": [512, 256]}, GREY, 128),
    ({"name": "cnn"}, GREY, 64),
    ({"name": "cnn", "layers": 4}, GREY, 128),
    ({"name": "cnn", "layers": 8, "norm": "batch"}, GREY, 128),
    ({"name": "cnn", "layers": 4, "width": 64, "strided": False, "norm": "batch"}, COLOUR, 256),
    ({"name": "wrn", "depth": 16, "norm": "group"}, COLOUR, 128),
    ({"name": "resnet18", "width": 16}, COLOUR, 128),
    ({"name": "vgg"}, COLOUR, 128),
]


def make_inputs(shape: tuple[int, ...], n_samples: int) -> Samples:
    rng = np.random.default_rng(0)
    images = torch.tensor(rng.integers(0, 256, (n_samples, *shape), dtype=np.uint8))
    labels = torch.tensor(rng.integers(0, CLASSES, n_samples))
    return Samples(images, labels, torch.full((1, 1, 1, 1), 1 / 64), torch.tensor(-1.6))


def main() -> None:
    """Prints a line a net."""
    prepare_torch("cpu", 1)
    for changes, shape, batch in NETS:
        options = TypeAdapter(ModelConfig).validate_python(changes).model_dump()
        flops = size_of(options, shape, CLASSES).flops
        n_samples = max(2, min(100, int(20e9 / (flops * batch)))) * batch
        inputs = make_inputs(shape, n_samples)
        torch.manual_seed(0)
        network = build_model(options, shape, CLASSES)
        network = network.to(memory_format=layout_of(network))
        recipe = LoopOptions(1000, batch, "float32", 0, False, {"name": "constant", "warmup_epochs": 0})
        loop = Loop(network, build_optimizer(SGD, network), inputs, torch.arange(n_samples), recipe, derive_seed)
        epochs, started = 0, time.perf_counter()
        while time.perf_counter() - started < SECONDS:
            epochs += 1
            loop.run_epoch(epochs)
        seconds = (time.perf_counter() - started) / epochs
        started = time.perf_counter()
        score_network(network, inputs, 500)
        scoring = time.perf_counter() - started
        arithmetic = FORWARDS * flops * n_samples
        predicted = arithmetic / SPEEDS["cpu"].flops + n_samples / batch * SPEEDS["cpu"].step
        print(
            f"throughput, {' '.join(map(str, changes.values()))} on {'x'.join(map(str, shape))}, batches of {batch}: "
            f"{arithmetic / seconds / 1e9:.0f} GFLOP/s, {seconds / n_samples * batch * 1e3:.2g} ms a step "
            f"(predicted: {predicted / seconds:.2f} of that); scoring takes {scoring / seconds:.2f} of training",
            flush=True,
        )


if __name__ == "__main__":
    main()
