"""A block: a range of shadow models trained by one job, each resumed where an earlier job stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from memdyn.compute.device import prepare_torch, seed_draws
from memdyn.compute.samples import Samples
from memdyn.data.pool import Pool
from memdyn.design.seeds import derive_seed
from memdyn.jobs.atomic import atomic_path, sweep
from memdyn.jobs.lease import hold
from memdyn.mechanisms.base import Given, Mechanism
from memdyn.mechanisms.build import build_mechanisms, own_purpose
from memdyn.mechanisms.reserved import reserved_part
from memdyn.models.build import build_model
from memdyn.models.check import SAMPLES, check_network, check_restored, name_of
from memdyn.models.layout import layout_of
from memdyn.store.checkpoints import link_tree
from memdyn.training.loop import EpochLog, Loop, LoopOptions
from memdyn.training.resume import ModelProgress
from memdyn.training.teacher import TeacherCheckpoints


class TrainingDiverged(RuntimeError):
    """The loss of a model became infinite or not a number."""


@dataclass(frozen=True)
class BlockTask:
    """What one training job does.

    Attributes:
        recipe: the resolved `train` section of the config.
        models: indices of the shadow models.
        masks: bool [models, scored samples], True = member.
        seed, pool_key: with the model's index and a purpose, the root of every random number. Never the run: runs of a
            study are paired by model.
        progress: folder outside of the declared outputs; what is in it survives kills.
        keep: which checkpoints stay after scoring (none, last, all).
        teachers: of the recipe's mechanisms, in their order.
        on_divergence: what a loss that is not finite does: `stop` the job, or `drop` the model and train the others.
    """

    recipe: dict[str, Any]
    models: range
    masks: np.ndarray
    seed: int
    pool_key: str
    progress: Path
    device: str
    threads: int
    keep: str
    on_divergence: str
    teachers: tuple[TeacherCheckpoints, ...] = ()


def train_block(task: BlockTask, pool: Pool, checkpoints: Path, log: Path, tell: Callable[[str], None]) -> None:
    """Trains the block's models and writes its two outputs, each whole or not at all.

    Args:
        checkpoints: folder of the weights: model-0003/epoch-0010.safetensors.
        log: Parquet table with a row a (model, epoch): loss, accuracy, learning_rate, seconds. It comes last. For
            models that diverged see `memdyn.store.logs`.
        tell: gets a line for people now and then.

    Raises:
        TrainingDiverged: naming the model, where the task says so; what the other models reached stays.
        LeaseLost: where another job took the block over.
    """
    device = prepare_torch(task.device, task.threads)
    with hold(task.progress, "training", tell) as still_ours:
        if log.is_file() and checkpoints.is_dir():  # Snakemake had deleted them before it started this job
            return tell("the other job has published the block: nothing is left to do")
        inputs = Samples.of_pool(pool, pool.parts["scored"], device)
        network = new_network(task, task.models.start, pool).to(device)
        tell(_disk_use(task, network))
        for warning in _check(task, network, inputs, pool):
            tell(warning)
        rows = []
        for model, mask in zip(task.models, task.masks, strict=True):
            for row in _train_model(task, model, mask, inputs, pool, tell, still_ours):
                rows.append({"model": model, **row})
        still_ours()
        sweep(log.parent)
        _publish(task, checkpoints, log, pd.DataFrame(rows))


def _train_model(
    task: BlockTask,
    model: int,
    mask: np.ndarray,
    inputs: Samples,
    pool: Pool,
    tell: Callable[[str], None],
    still_ours: Callable[[], None],
) -> list[dict[str, Any]]:
    progress = ModelProgress(task.progress, model)
    finished = progress.finished_log()
    if finished is not None:
        _ending(task, model, finished)  # refuses one that diverged, unless such models are dropped
        tell(f"model {model}: was finished before")
        return finished
    lost = [teacher.mechanism for teacher in task.teachers if teacher.failed(model)]
    log = _train_epochs(task, model, mask, inputs, pool, tell, still_ours) if not lost else [EpochLog.of_none().row()]
    if lost:
        tell(f"model {model}: a teacher of {lost[0]!r} diverged, so that it cannot be trained")
    ending = _ending(task, model, log)
    progress.finish(log)
    tell(ending)
    return log


def _train_epochs(
    task: BlockTask,
    model: int,
    mask: np.ndarray,
    inputs: Samples,
    pool: Pool,
    tell: Callable[[str], None],
    still_ours: Callable[[], None],
) -> list[dict[str, Any]]:
    """Trains a model from where it is to its last epoch, or to the one in which it diverges; returns its log."""
    progress, device = ModelProgress(task.progress, model), inputs.samples.device
    mechanisms = _mechanisms(task, model, inputs, pool)

    def seed_of(purpose: str, epoch: int) -> int:
        return _seed(task, model, own_purpose(purpose, mechanisms), epoch)

    bare = _untrained(task, pool, seed_of("init", 0)).to(device)
    options = LoopOptions.of_recipe(task.recipe)
    loop = Loop(bare, inputs, torch.from_numpy(np.flatnonzero(mask)), options, seed_of, mechanisms)
    log, news = progress.load_state(loop, device)
    if news:
        tell(f"model {model}: {news}")
    if not log and 0 in task.recipe["checkpoints"]:
        progress.save_checkpoint(bare, 0)
    for epoch in range(len(log) + 1, options.epochs + 1):
        log = [*log, _next_row(loop, log, epoch)]
        still_ours()
        if not isfinite(log[-1]["loss"]):
            break
        if epoch in task.recipe["checkpoints"]:
            progress.save_checkpoint(bare, epoch)
        progress.save_state(loop.state(), log)
    return log


def _next_row(loop: Loop, log: list[dict[str, Any]], epoch: int) -> dict[str, Any]:
    """Trains an epoch; where training is at its end, that of the weights which stand for it, without the seconds."""
    row = loop.run_epoch(epoch).row() if loop.stopped() is None else log[-1] | {"epoch": epoch, "seconds": 0.0}
    best = loop.stopped()
    if best is None or not isfinite(row["loss"]):
        return row
    return [*log, row][best - 1] | {"epoch": epoch, "seconds": row["seconds"]}


def _mechanisms(task: BlockTask, model: int, inputs: Samples, pool: Pool) -> dict[str, Mechanism]:
    """The recipe's mechanisms, made for one model."""
    sections = task.recipe["mechanisms"]
    asking = {section["name"] for section in sections if section.get("teacher")}

    def given(name: str) -> Given:
        teachers = [teacher for teacher in task.teachers if teacher.mechanism == name]
        if name in asking and not teachers:
            raise ValueError(f"mechanism {name!r} asks for a teacher, and this job was given none")
        networks = tuple(teacher.network(model, pool, inputs.samples.device) for teacher in teachers)
        return Given(len(pool.class_names), inputs, networks, part, draw=draw)

    @cache
    def part(name: str) -> Samples:
        return reserved_part(pool, name, inputs.samples.device)

    def draw(purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(_seed(task, model, purpose, 0))

    seed_draws(_seed(task, model, "mechanisms", 0))  # for what they draw when they are made
    return build_mechanisms(sections, given)


def _ending(task: BlockTask, model: int, log: list[dict[str, Any]]) -> str:
    """How a model's training ended, in a sentence.

    Raises:
        TrainingDiverged: where it diverged and the task is not to go on.
    """
    last = log[-1]
    if isfinite(last["loss"]):
        seconds = sum(row["seconds"] for row in log)
        return f"model {model}: trained in {seconds:.1f} s, accuracy on its members {last['accuracy']:.3f}"
    what = f"model {model}: the loss became {last['loss']} in epoch {last['epoch']}"
    if task.on_divergence == "stop":
        raise TrainingDiverged(
            f"{what}: a lower learning rate may help; to finish the study without such models and their pairs, set "
            "on_divergence: drop"
        )
    return f"{what}: it is left out, with its pair (on_divergence: drop)"


def _check(task: BlockTask, network: nn.Module, inputs: Samples, pool: Pool) -> list[str]:
    """Trial passes with members of the first model, before any is trained; see `memdyn.models.check`."""
    members = np.flatnonzero(task.masks[0])
    device, n_classes, name = inputs.samples.device, len(pool.class_names), name_of(task.recipe["model"])
    samples, labels = inputs.take(torch.from_numpy(members[:SAMPLES]).to(device))
    samples = inputs.normalise(samples, layout_of(network))
    warnings = check_network(
        network,
        samples,
        labels,
        n_classes,
        name,
        members=len(members),
        batch_size=task.recipe["batch_size"],
        precision=task.recipe["precision"],
    )
    trained, fresh = (new_network(task, task.models.start + seed, pool).to(device) for seed in (0, 1))
    check_restored(trained, fresh, samples, n_classes, name)
    return warnings


def _disk_use(task: BlockTask, network: nn.Module) -> str:
    """What the block's checkpoints will take, in a sentence."""
    one = sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())
    count = len(task.models) * len(task.recipe["checkpoints"])
    fate = {"none": "deleted once scored", "last": "all but the last epoch's deleted once scored", "all": "kept"}
    return f"{count} checkpoints of {one / 1e6:.1f} MB will take {count * one / 1e9:.2f} GB; {fate[task.keep]}"


def new_network(task: BlockTask, model: int, pool: Pool) -> nn.Module:
    """An untrained network, initialised from the model's own seed."""
    return _untrained(task, pool, _seed(task, model, "init", 0))


def _untrained(task: BlockTask, pool: Pool, seed: int) -> nn.Module:
    seed_draws(seed)
    network = build_model(task.recipe["model"], pool.images.shape[1:], len(pool.class_names))
    return network.to(memory_format=layout_of(network))


def _seed(task: BlockTask, model: int, purpose: str, epoch: int) -> int:
    return derive_seed(task.seed, task.pool_key, model, purpose, epoch)


def _publish(task: BlockTask, checkpoints: Path, log: Path, rows: pd.DataFrame) -> None:
    """Outputs as hard links: the progress stays until scoring has read the outputs, and costs no disk."""
    if task.keep == "last":
        last = f"*/epoch-{task.recipe['checkpoints'][-1]:04d}.safetensors"
        with atomic_path(checkpoints.with_name("last")) as folder:
            link_tree(task.progress, folder, last)
    with atomic_path(checkpoints) as folder:
        link_tree(task.progress, folder, "*/epoch-*.safetensors")
    with atomic_path(log) as temporary:
        rows.to_parquet(temporary, index=False)
