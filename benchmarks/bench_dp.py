"""DP-SGD against plain training: images a second, of the demo's CNN, an MLP and a small Wide ResNet.

Claim: with lots of 256 DP-SGD keeps half of the plain speed of the CNN and of the MLP, or more, and is faster than with
Opacus's own ghost clipping, which passes back twice.

One core; CPU seconds, medians over epochs taken in turn of the share of that epoch's plain speed; batches and lots of
256. Prints one line a net: plain, lots alone, clipped, with noise, and this by Opacus's clipping. Writes nothing.

    python benchmarks/bench_dp.py [NET ...]
"""

import sys
import time
from pathlib import Path
from statistics import median

import torch
from opacus.grad_sample import GradSampleHooksFastGradientClipping
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.design.seeds import derive_seed
from memdyn.mechanisms.base import Given
from memdyn.mechanisms.build import build_mechanisms
from memdyn.mechanisms.dp_sgd import DpSgd
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of
from memdyn.training.loop import Loop, LoopOptions

SAMPLES, LOT, EPOCHS, CLASSES, SHAPE = 2048, 256, 9, 10, (1, 28, 28)
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
    "noisy by Opacus": {"noise": 1.0, "clip": 1.0},
}


class OpacusClipping:
    """Ghost clipping as Opacus has it: norms by hooks in a pass back, then another one with weighted losses."""

    def __init__(self, network: nn.Module, norm: float) -> None:
        for module in network.modules():
            if getattr(module, "inplace", False):
                module.inplace = False  # which hooks of passes back do not bear
        self._hooks = GradSampleHooksFastGradientClipping(
            network, loss_reduction="sum", max_grad_norm=norm, strict=False
        )
        self._weights = list(network.parameters())

    def backward(self, logits: Tensor, gradients: Tensor) -> Tensor:
        logits.backward(gradients, retain_graph=True)
        share = self._hooks.get_clipping_coef()
        for weights in self._weights:
            weights.grad = None
        self._hooks.disable_hooks()
        logits.backward(share.unsqueeze(1) * gradients)
        self._hooks.enable_hooks()
        return (share < 1).sum()


class ByOpacus(DpSgd):
    def update(self, optimizer: torch.optim.Optimizer, network: nn.Module) -> torch.optim.Optimizer:
        clip, self.clip = self.clip, None
        stepper = super().update(optimizer, network)
        self.clip, self._clipping = clip, OpacusClipping(network, clip)
        return stepper


def loop_of(net: dict, dp: dict | None, by_opacus: bool = False) -> Loop:
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
    if by_opacus:
        mechanisms["dp_sgd"].__class__ = ByOpacus
    options = LoopOptions(EPOCHS, LOT, "float32", 0, False, SGD, {"name": "constant", "warmup_epochs": 0})
    return Loop(network, inputs, torch.arange(SAMPLES // 2), options, derive_seed, mechanisms)


def main() -> None:
    prepare_torch("cpu", 1)
    for name in sys.argv[1:] or NETS:
        loops = {kind: loop_of(NETS[name], dp, "Opacus" in kind) for kind, dp in KINDS.items()}
        seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for epoch in range(1, EPOCHS + 1):
            for kind, loop in loops.items():
                started = time.process_time()
                loop.run_epoch(epoch)
                seconds[kind].append(time.process_time() - started)
        told = []
        for kind, of_kind in seconds.items():
            shares = [plain / other for plain, other in zip(seconds["plain"], of_kind, strict=True)]
            told.append(f"{kind} {SAMPLES / 2 / min(of_kind):,.0f} images/s ({median(shares):.0%})")
        print(f"{name}: {', '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
