"""What each mechanism adds to the time of a step: times that of the same training without it.

Claim: the factors that the classes of `memdyn.config.mechanisms` state (`cost`) are within a fifth of these; a dry run
reckons with them. The demo's CNN on images of 28 x 28 pixels, batches of 64, one core; processor time, so that other
jobs count little; the fastest of some epochs, in which all take turns. Teachers' own training is counted where they are
trained, not here. Writes nothing.

    python benchmarks/bench_mechanisms.py
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pydantic import TypeAdapter

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.config.mechanisms.sections import MechanismSection
from memdyn.config.models import ModelConfig
from memdyn.design.seeds import derive_seed
from memdyn.mechanisms.base import Given
from memdyn.mechanisms.build import build_mechanisms
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of
from memdyn.training.loop import Loop, LoopOptions

ROUNDS, N_SAMPLES, CLASSES = 15, 1920, 10
SGD = {"name": "sgd", "lr": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 5e-4}
OPTIONS = LoopOptions(1000, 64, "float32", 0, False, SGD, {"name": "constant", "warmup_epochs": 0.0})
SETTINGS: dict[str, dict] = {
    "distillation": {"temperature": 5.0},
    "label_smoothing": {"alpha": 0.1},
    "spatial_dropout": {"p": 0.5},
    "gaussian_noise": {"sigma": 0.1},
    "early_stopping": {"patience": 1000},
    "cutout": {"size": 8},
    "mixup": {"alpha": 1.0},
    "disturb_label": {"alpha": 0.1},
    "rand_augment": {"operations": 2, "magnitude": 9},
    "confidence_penalty": {"beta": 0.1},
    "ccl": {"alpha": 0.5},
    "relax_loss": {"alpha": 0.5},
    "hamp": {"gamma": 0.7, "alpha": 0.01},
    "label_dp": {"epsilon": 1.0},
    "mmd": {"gap": 0.0},  # its pass after every epoch: the most that it costs
    "adv_reg": {"weight": 1.0},
    "past": {"weight": 1e-3, "start": 1e-3},
    "dmp": {},
    "selena": {"sub_models": 4, "left_out": 2},
}


TEACHERS = {"selena": 4}


def draw(purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(len(purpose))


def make_samples(count: int) -> Samples:
    rng = np.random.default_rng(0)
    images = torch.tensor(rng.integers(0, 256, (count, 1, 28, 28), dtype=np.uint8))
    shape = (1, 1, 1, 1)
    return Samples(
        images, torch.tensor(rng.integers(0, CLASSES, count)), torch.full(shape, 1 / 90), torch.full(shape, -0.8)
    )


def make_net() -> torch.nn.Module:
    torch.manual_seed(0)
    options = TypeAdapter(ModelConfig).validate_python({"name": "cnn"}).model_dump()
    network = build_model(options, (1, 28, 28), CLASSES)
    return network.to(memory_format=layout_of(network))


def make_loop(inputs: Samples, name: str, options: dict) -> Loop:
    """The training with a mechanism; without one where it has no name."""
    teacher, spare = make_net().requires_grad_(False).eval(), make_samples(N_SAMPLES // 4)
    sections = [TypeAdapter(MechanismSection).validate_python({"name": name, **options})] if name else []
    mechanisms = build_mechanisms(
        [section.model_dump() for section in sections],
        lambda _: Given(CLASSES, inputs, (teacher,) * TEACHERS.get(name, 1), lambda _: spare, None, draw),
    )
    return Loop(make_net(), inputs, torch.arange(len(inputs)), OPTIONS, derive_seed, mechanisms)


def main() -> None:
    """Prints a line a mechanism."""
    prepare_torch("cpu", 1)
    inputs = make_samples(N_SAMPLES)
    augmented = replace(OPTIONS, crop=2, flip=True)
    loops = {"plain": make_loop(inputs, "", {}), "augment: crop and flip": make_loop(inputs, "", {})}
    loops["augment: crop and flip"].options = augmented
    loops |= {name: make_loop(inputs, name, options) for name, options in SETTINGS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for epoch in range(1, ROUNDS + 2):
        for name, loop in loops.items():
            started = time.process_time()
            loop.run_epoch(epoch)
            seconds[name].append(time.process_time() - started)
    for name, mine in seconds.items():
        print(f"{name:24} {min(mine[1:]) / min(seconds['plain'][1:]):5.2f}")


if __name__ == "__main__":
    main()
