"""DP-SGD against plain training: images a second, of the demo's CNN, an MLP and a small Wide ResNet.

Claim: with lots of 256, clipping leaves a quarter of the plain speed to the CNN and a third to the MLP, or more.

One core; CPU seconds, the best of some epochs taken in turn; batches and lots of 256. Prints one line a net: plain,
lots alone, clipped, and with noise, each with its share of the plain speed. Writes nothing.

    python benchmarks/bench_dp.py
"""

import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.design.seeds import derive_seed
from memdyn.mechanisms.base import Given
from memdyn.mechanisms.build import build_mechanisms
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of
from memdyn.training.loop import Loop, LoopOptions

SAMPLES, LOT, EPOCHS, CLASSES, SHAPE = 2048, 256, 5, 10, (1, 28, 28)
NETS = {
    "cnn": {"name": "cnn", "layers": 2, "width": 16, "strided": True, "hidden": 128, "norm": "none"},
    "mlp": {"name": "mlp", "hidden": [256], "activation": "relu"},
    "wrn-10-1": {"name": "wrn", "depth": 10, "width": 1, "norm": "group"},
}
SGD = {"name": "sgd", "lr": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 5e-4}
KINDS = {
    "plain": None,
    "lots": {"noise": 0.0, "clip": None},
    "clipped": {"noise": 0.0, "clip": 1.0},
    "noisy": {"noise": 1.0, "clip": 1.0},
}


def loop_of(net: dict, dp: dict | None) -> Loop:
    inputs = Samples(
        torch.randint(256, (SAMPLES, *SHAPE), dtype=torch.uint8),
        torch.arange(SAMPLES) % CLASSES,
        torch.full((1, 1, 1, 1), 1 / 64),
        torch.full((1, 1, 1, 1), -2.0),
    )
    torch.manual_seed(0)
    network = build_model(net, SHAPE, CLASSES)
    network.to(memory_format=layout_of(network))
    sections = [{"name": "dp_sgd", "lot": LOT, **dp}] if dp else []
    mechanisms = build_mechanisms(sections, lambda _: Given(CLASSES, inputs, (), lambda _: inputs))
    options = LoopOptions(EPOCHS, LOT, "float32", 0, False, SGD, {"name": "constant", "warmup_epochs": 0})
    return Loop(network, inputs, torch.arange(SAMPLES), options, derive_seed, mechanisms)


def main() -> None:
    prepare_torch("cpu", 1)
    for name, net in NETS.items():
        loops, best = {kind: loop_of(net, dp) for kind, dp in KINDS.items()}, dict.fromkeys(KINDS, float("inf"))
        for epoch in range(1, EPOCHS + 1):
            for kind, loop in loops.items():
                started = time.process_time()
                loop.run_epoch(epoch)
                best[kind] = min(best[kind], time.process_time() - started)
        speeds = {kind: SAMPLES / seconds for kind, seconds in best.items()}
        told = [f"{kind} {speed:,.0f} images/s ({speed / speeds['plain']:.0%})" for kind, speed in speeds.items()]
        print(f"{name}: {', '.join(told)}")


if __name__ == "__main__":
    main()
