"""Proves the CUDA path on the GPU at hand, in some minutes and without a network: `make gpu-check`.

1. The same training twice gives the same bits.
2. GPU and CPU train alike: margins after an epoch from the same seeds, in float32 and without TF32, differ by rounding.
3. How fast it is: seconds a step, images a second, and the share of a bare loop, for an MLP, a CNN, ResNet-18 and
   WRN-28-2, in float32 and bfloat16.

Prints a table for docs/gpu.md, and ends with an error where 1 or 2 fails. `--device cpu` runs the same on the CPU, to
try the check itself. No GPU has been at hand yet: see docs/gpu.md.

    python benchmarks/gpu_check.py [--device cuda] [--seconds 4]
"""

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from bench_throughput import COLOUR, GREY, SGD, Net, make_inputs, measure

from memdyn.compute.device import prepare_torch
from memdyn.design.seeds import derive_seed
from memdyn.probes.outputs import outputs
from memdyn.training.loop import Loop, LoopOptions

NETS = [
    Net({"name": "mlp"}, GREY, 64),
    Net({"name": "cnn"}, GREY, 64),
    Net({"name": "resnet18"}, COLOUR, 128),
    Net({"name": "wrn", "depth": 28, "width": 2}, COLOUR, 128),
]
PRECISIONS = ("float32", "bfloat16")
SPEED = {"cpu": 2e9, "cuda": 1e12}  # FLOP/s, for epochs of a second at most
TRAINED = Net({"name": "cnn"}, GREY, 64)
STEPS = 20
ALLOWED = 1e-2  # between margins on two devices: they are of the order of 1, and float32 rounds 1e7 times finer


def trained_margins(device: torch.device) -> torch.Tensor:
    """Margins after an epoch of the small CNN, on the CPU."""
    inputs = make_inputs(TRAINED.shape, STEPS * TRAINED.batch, device)
    options = LoopOptions(1, TRAINED.batch, "float32", 0, False, SGD, {"name": "constant", "warmup_epochs": 0})
    network = TRAINED.build(torch.device("cpu")).to(device)
    Loop(network, inputs, torch.arange(len(inputs), device=device), options, derive_seed).run_epoch(1)
    members = torch.zeros(len(inputs), dtype=torch.bool, device=device)
    return outputs(network, inputs, members, 500)["margin"].cpu()


def checks(device: torch.device) -> dict[str, bool]:
    """What must hold, and whether it does."""
    first, second = trained_margins(device), trained_margins(device)
    with torch.backends.cudnn.flags(deterministic=True, allow_tf32=False):
        exact, on_cpu = trained_margins(device), trained_margins(torch.device("cpu"))
    worst = float((exact - on_cpu).abs().max())
    return {
        "two trainings have the same bits": torch.equal(first, second),
        f"margins are those of the CPU (largest difference {worst:.1e}, allowed {ALLOWED:g})": worst <= ALLOWED,
    }


def main() -> int:
    """Prints checks and table; 1 where a check fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each figure (default: %(default)s)")
    given = parser.parse_args()
    try:
        device = prepare_torch(given.device, 1)
    except RuntimeError as error:
        print(f"gpu-check: {error}", file=sys.stderr)
        return 1
    where = torch.cuda.get_device_name() if given.device == "cuda" else "CPU, one core"
    print(f"{where}, torch {torch.__version__}\n")
    held = checks(device)
    for what, holds in held.items():
        print(f"{'holds' if holds else 'FAILS'}: {what}")
    columns = ("net, samples a step", "precision", "ms a step", "images/s", "share of a bare loop", "scoring, images/s")
    print(f"\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for net in NETS:
        for precision in PRECISIONS:
            found = measure(net, device, given.seconds, precision, SPEED[given.device])
            step = found.training / (found.samples / net.batch) * 1e3
            rates = f"{found.samples / found.training:,.0f} | {found.bare / found.training:.0%}"
            scored = f"{found.samples / found.scoring:,.0f}"
            print(f"| {net}, {net.batch} | {precision} | {step:.2f} | {rates} | {scored} |", flush=True)
    return 0 if all(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
