"""Can the shipped nets be trained on the samples and batches of a study? Asked before any job, torch-free.

Nets of the user's and of torchvision are asked by trial passes when their training starts: `memdyn.models.check`.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from memdyn.config.errors import ConfigError
from memdyn.config.load import Run, Study
from memdyn.data.check import sample_shape
from memdyn.data.pool import read_pool
from memdyn.models.batches import has_single, misfit
from memdyn.models.size import size_of
from memdyn.plan.pools import PoolPlan, pool_key


def refuse_untrainable(study: Study, pools: Mapping[str, PoolPlan]) -> None:
    """Refuses nets whose normalisation has a single value to take a mean of.

    Raises:
        ConfigError: naming run, keys and numbers.
    """
    results, any_number = Path(study.config.results), bool(study.config.audit)
    found = [_problem(run, pools[pool_key(run.pool)], results, any_number) for run in study.runs]
    if any(found):
        raise ConfigError([f"run {run.name!r}: {what}" for run, what in zip(study.runs, found, strict=True) if what])


def _problem(run: Run, pool: PoolPlan, results: Path, any_number: bool) -> str | None:
    """What is wrong; `any_number`: the members of a model are coins, and as many as these say."""
    model, members, batch_size = run.train.model, run.pool.parts.scored // 2, run.train.batch_size
    norm = getattr(model, "norm", "none")
    if norm == "none" or (norm == "batch" and not (any_number or has_single(members, batch_size))):
        return None  # whatever the samples are
    shape = shape_of(pool, results)
    size = size_of(model.model_dump(), shape, n_classes=2) if shape else None
    if size is None or size.values != 1:
        return None
    pixels = f"the 1 x 1 pixels that {model.name} makes of images of {shape[1]} x {shape[2]}"
    if norm == "batch" and any_number:
        return (
            "model.norm = batch: in an audit a model has any number of members, so that the last batch may be of 1 "
            f"sample, but batch normalisation at {pixels} needs 2; allowed: another norm, larger images"
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
