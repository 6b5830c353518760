"""Can the shipped nets be trained on the samples and batches of a study? Asked before any job, torch-free.

Nets of the user's and of torchvision are asked by trial passes when their training starts: `memdyn.models.check`.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from memdyn.config.errors import ConfigError
from memdyn.config.load import Run, Study
from memdyn.config.recipe import TrainConfig
from memdyn.data.check import sample_shape
from memdyn.data.pool import read_pool
from memdyn.models.batches import has_single, misfit
from memdyn.models.size import size_of
from memdyn.plan.pools import PoolPlan, pool_key


def refuse_untrainable(study: Study, pools: Mapping[str, PoolPlan]) -> None:
    """Refuses nets whose normalisation has a single value to take a mean of, also those that a run learns from.

    Raises:
        ConfigError: naming run, keys and numbers.
    """
    results, is_audit, found = Path(study.config.results), bool(study.config.audit), []
    for run in study.runs:
        for called, train in _trainings(f"run {run.name!r}", run.train):
            problem = _problem(replace(run, train=train), pools[pool_key(run.pool)], results, is_audit)
            found += [f"{called}: {problem}"] * bool(problem)
    if found:
        raise ConfigError(list(dict.fromkeys(found)))


def _trainings(called: str, train: TrainConfig) -> Iterator[tuple[str, TrainConfig]]:
    """A recipe and those that it learns from, with what to call them."""
    yield called, train
    for mechanism in train.mechanisms:
        for teacher in mechanism.teachers(train):
            yield from _trainings(f"{called}, teacher of mechanisms.{mechanism.name}", teacher)


def _problem(run: Run, pool: PoolPlan, results: Path, is_audit: bool) -> str | None:
    """What is wrong; in an audit the members of a model are coins, and as many as these say."""
    model, members, batch_size = run.train.model, run.pool.parts.scored // 2, run.train.batch_size
    takes_some = any(each.share_of_members() != 1 for each in run.train.mechanisms)
    any_number = is_audit or (takes_some and batch_size < members)
    norm = getattr(model, "norm", "none")
    if norm == "none" or (norm == "batch" and not (any_number or has_single(members, batch_size))):
        return None  # whatever the samples are
    shape = shape_of(pool, results)
    size = size_of(model.model_dump(), shape, n_classes=2) if shape else None
    if size is None or size.values != 1:
        return None
    pixels = f"the 1 x 1 pixels that {model.name} makes of images of {shape[1]} x {shape[2]}"
    if norm == "batch" and any_number:
        who, more = ("in an audit a model has", "") if is_audit else ("it takes", f", batch_size = {members}")
        return (
            f"model.norm = batch: {who} any number of members, so that the last batch may be of 1 "
            f"sample, but batch normalisation at {pixels} needs 2; allowed: another norm, larger images{more}"
        )
    if norm == "batch":
        return misfit(members, batch_size, f"but batch normalisation (model.norm) at {pixels} needs 2")
    return (
        f"model.norm = group: at {pixels}, groups of one channel become 0, whatever the sample; "
        "allowed: larger images, another width or norm"
    )


def shape_of(pool: PoolPlan, results: Path) -> tuple[int, ...] | None:
    """[C, H, W] of images; None where only code of the user's knows, and where what is wrong will be told elsewhere.

    Of a table (F,), where its pool is built.
    """
    shape = pool.config.dataset.sample_shape
    built = results / pool.stage.folder / "pool.arrow"
    with suppress(OSError, ValueError):
        if shape is None and built.exists():
            shape = read_pool(str(built)).images.shape[1:]
        elif shape is None:
            shape = sample_shape(pool.config.dataset.model_dump(), pool.files)
    return shape
