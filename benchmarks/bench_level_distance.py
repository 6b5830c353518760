"""The search for a level of confidence: seconds per 1,000 samples of one core, and how near the shortest way it comes.

Claim: at the .99 quantile of members' margins the search of 20 steps finds norms within 3 % (median) of those of five
times as many steps, for the demo's CNN after some epochs of training. CPU time. Writes nothing.

    python benchmarks/bench_level_distance.py
"""

import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.compute.samples import Samples
from memdyn.config.datasets import EmbeddedDataset
from memdyn.data.embedded import load
from memdyn.models.build import build_model
from memdyn.probes import level_search
from memdyn.probes.input_gradient import input_curvature, margin_gradient
from memdyn.probes.level_search import NORMS, nearest_crossing
from memdyn.probes.margins import Margins

MEMBERS, SAMPLES, EPOCHS, LEVEL, DRAWS, MORE = 2_000, 200, 10, 0.99, 10, 5
CNN = {"name": "cnn", "layers": 2, "width": 16, "strided": True, "hidden": 0, "norm": "none"}


def trained() -> tuple[torch.nn.Module, Samples]:
    """The demo's CNN, and images of which the first were trained on."""
    raw = load({}, EmbeddedDataset().source_files(""))
    images, labels = torch.tensor(raw.images[: 2 * MEMBERS]), torch.tensor(raw.labels[: 2 * MEMBERS]).long()
    one = torch.ones(1, 1, 1, 1)
    samples = Samples(images, labels, one / (255 * 0.35), -0.29 / 0.35 * one)
    torch.manual_seed(0)
    network = build_model(CNN, (1, 28, 28), 10)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9)
    for _ in range(EPOCHS):
        for rows in torch.randperm(MEMBERS).split(64):
            optimizer.zero_grad()
            inputs = samples.normalise(images[rows], torch.contiguous_format)
            F.cross_entropy(network(inputs), labels[rows]).backward()
            optimizer.step()
    return network, samples


def timed(function):
    """The result, and CPU seconds."""
    start = time.process_time()
    return function(), time.process_time() - start


def main() -> None:
    """Prints a line a norm, and one for what needs no search."""
    torch.set_num_threads(1)
    network, samples = trained()
    margins = Margins.of(network, samples)
    members = slice(0, MEMBERS)
    with torch.no_grad():
        height = margins.margin(margins.inputs(members), samples.labels[members]).quantile(LEVEL)
    rows = torch.arange(MEMBERS - SAMPLES // 2, MEMBERS + SAMPLES // 2)  # members and others alike
    few = Samples(*samples.take(rows), samples.scale, samples.offset)
    inputs = Margins.of(network, few).inputs()

    def above(points: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        return margins.margin(points, few.labels[places]) - height

    for norm in NORMS:
        found, seconds = timed(lambda norm=norm: nearest_crossing(above, inputs, norm, margins.box))
        steps, level_search.STEPS = level_search.STEPS, MORE * level_search.STEPS
        best, _ = timed(lambda norm=norm: nearest_crossing(above, inputs, norm, margins.box))
        level_search.STEPS = steps
        ratio = float((found / best)[found.isfinite() & best.isfinite()].median())
        print(
            f"{norm}: {1e3 * seconds / SAMPLES:.1f} s per 1,000 samples and level, {found.isfinite().sum()} of "
            f"{SAMPLES} reached; norm over that of {MORE * steps} steps: median {ratio:.3f} (target 1.03)"
        )
    nobody = torch.zeros(SAMPLES, dtype=torch.bool)
    _, slope = timed(lambda: margin_gradient(network, few, nobody, SAMPLES))
    _, curvature = timed(lambda: input_curvature(network, few, nobody, SAMPLES, draws=DRAWS))
    print(
        f"to first order: {1e3 * slope / SAMPLES:.2f} s per 1,000 samples; "
        f"curvature of {DRAWS} draws: {1e3 * curvature / SAMPLES:.1f}"
    )


if __name__ == "__main__":
    main()
