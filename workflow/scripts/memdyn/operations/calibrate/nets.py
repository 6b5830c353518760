"""How long this machine trains and asks one model of a run: some steps and some samples, timed and scaled up."""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memdyn.compute.device import seed_draws
from memdyn.compute.samples import Samples
from memdyn.data.pool import Pool
from memdyn.design.seeds import derive_seed
from memdyn.jobs.usage import Meter
from memdyn.mechanisms.base import Given, Mechanism
from memdyn.mechanisms.build import build_mechanisms
from memdyn.mechanisms.reserved import reserved_part
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of
from memdyn.plan.run import RunPlan
from memdyn.plan.stage import Stage
from memdyn.probes.answers import Answers
from memdyn.probes.block import build_probe
from memdyn.training.loop import Loop, LoopOptions
from memdyn.training.resume import ModelProgress

_FEW = 4  # steps of the first epoch, which warms up and tells how many to time
_SAMPLES = 64  # asked first of a probe, likewise
_EPOCHS = 2  # timed: what some mechanisms do depends on whether an epoch is odd


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of all cores on a CPU, which other work on the machine does not lengthen; by the clock on a GPU."""
    meter = Meter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return meter.read()["seconds" if device.type == "cuda" else "cpu_seconds"]


def seconds_to_train(run: RunPlan, pool: Pool, device: torch.device, budget: float) -> float:
    """Of one model: its epochs, its checkpoints, and its progress on disk.

    Args:
        pool: of the study's parts, or of another with samples of that shape and as many.
        budget: seconds to spend, about.
    """
    recipe, members = run.train.options, run.pool.options["parts"]["scored"] // 2
    inputs = Samples.of_pool(pool, pool.parts["scored"], device)
    middle = max(1, recipe["epochs"] // 2)

    def loop_of(steps: int) -> tuple[Loop, int]:
        mechanisms = _mechanisms(run, pool, inputs)
        some = min(members, len(inputs), steps * _step_size(run))
        network = _network(recipe, pool, device)
        options, seed_of = LoopOptions.of_recipe(recipe), partial(derive_seed, 0)
        return Loop(network, inputs, torch.arange(some), options, seed_of, mechanisms), some

    few, some = loop_of(_FEW)
    few.run_epoch(middle)
    a_step = timed(lambda: few.run_epoch(middle + 1), device) / few.steps
    wanted = max(_FEW, int(budget / _EPOCHS / max(a_step, 1e-6)))
    loop, some = loop_of(wanted)
    loop.run_epoch(middle)
    seconds = sum(timed(partial(loop.run_epoch, middle + k), device) for k in range(_EPOCHS)) / _EPOCHS
    with tempfile.TemporaryDirectory() as folder:
        progress, log = ModelProgress(Path(folder), 0), [loop.run_epoch(middle).row()] * recipe["epochs"]
        saving = timed(lambda: progress.save_state(loop.state(), log), device)
        checkpoint = timed(lambda: progress.save_checkpoint(loop.bare, 1), device)
    # of an epoch the steps grow with the members; what comes after the last of them mostly does not, and is small
    epochs = recipe["epochs"] * (seconds * members / some + saving)
    return epochs + checkpoint * len(recipe["checkpoints"])


def _step_size(run: RunPlan) -> int:
    size = run.run.train.batch_size
    for each in run.run.train.mechanisms:
        size = each.step_size(size)
    return size


def _network(recipe: Mapping[str, Any], pool: Pool, device: torch.device) -> torch.nn.Module:
    network = build_model(recipe["model"], pool.images.shape[1:], len(pool.class_names))
    return network.to(device, memory_format=layout_of(network))


def _mechanisms(run: RunPlan, pool: Pool, inputs: Samples) -> dict[str, Mechanism]:
    """Of one model, its teachers untrained."""
    recipe, device = run.train.options, inputs.samples.device
    asked = [mechanism for mechanism, _ in recipe.get("teachers", ())]
    teachers = list(zip(asked, (need.options for need in run.train.needs.values()), strict=True))

    def given(name: str) -> Given:
        networks = tuple(
            _network(options, pool, device).requires_grad_(False).eval() for mine, options in teachers if mine == name
        )
        part = partial(reserved_part, pool, device=device)
        draw = partial(_generator, name)
        return Given(len(pool.class_names), inputs, networks, part, draw=draw)

    seed_draws(0)
    return build_mechanisms(recipe["mechanisms"], given)


def _generator(name: str, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(0, name, purpose))


def asked(run: RunPlan, probe: Stage, pool: Pool, device: torch.device, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What a probe reads off an untrained network of the run of these rows of the pool: signal -> [rows, ...]."""
    return {name: values.cpu().numpy() for name, values in _ask(run, probe, pool, device, rows, 500)().items()}


def seconds_to_ask(run: RunPlan, probe: Stage, pool: Pool, device: torch.device, batch: int, budget: float) -> float:
    """Of one model at all checkpoints of a probe.

    Args:
        batch: samples that pass at once.
        pool, budget: see `seconds_to_train`.
    """
    rows, wanted = rows_of(probe, pool), samples_of(run, probe)
    few = rows[:_SAMPLES]
    _ask(run, probe, pool, device, few, batch)()
    a_sample = timed(_ask(run, probe, pool, device, few, batch), device) / len(few)
    some = rows[: max(len(few), int(budget / max(a_sample, 1e-7)))]
    seconds = timed(_ask(run, probe, pool, device, some, batch), device)
    return seconds * wanted / len(some) * len(epochs_of(run, probe))


def epochs_of(run: RunPlan, probe: Stage) -> list[int]:
    """The checkpoints at which a probe is taken."""
    return probe.options.get("epochs", run.train.options["checkpoints"])


def samples_of(run: RunPlan, probe: Stage) -> int:
    """How many a probe is taken of, in the study's pool."""
    sizes = run.pool.options["parts"]
    return min(sum(sizes[part] for part in probe.options["parts"]), probe.options["probe"].get("samples") or 10**12)


def rows_of(probe: Stage, pool: Pool) -> np.ndarray:
    """The rows of a pool that a probe is taken of."""
    rows = np.concatenate([np.arange(len(pool.labels))[pool.parts[part]] for part in probe.options["parts"]])
    return rows[: probe.options["probe"].get("samples")]


def _ask(
    run: RunPlan, probe: Stage, pool: Pool, device: torch.device, rows: np.ndarray, batch: int
) -> Callable[[], dict[str, torch.Tensor]]:
    options = probe.options
    samples = Samples.of_pool(pool, rows, device)
    members = torch.arange(len(rows), device=device) % 2 == 0
    network = _network(run.train.options, pool, device).eval()
    if "answers" in options:
        network = Answers(**options["answers"], pool=pool, device=device).of(network, 0, run.epochs[-1])
    taken = build_probe(options["probe"], options["signal"])
    return lambda: taken(network, samples, members, batch)
