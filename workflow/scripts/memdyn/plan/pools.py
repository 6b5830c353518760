"""The pools of a study as stages, known by the content of their files and the code that reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from memdyn.config.errors import ConfigError
from memdyn.config.load import Study
from memdyn.config.pool import PoolConfig
from memdyn.data import REGISTRY as DATASETS
from memdyn.data.check import problem
from memdyn.identity.names import plain_options
from memdyn.identity.sources import Sources, look
from memdyn.plan.stage import POOL, Stage, code_of


@dataclass(frozen=True)
class Masks:
    """How memberships are drawn: by which script, and what tells of it in the pool's options."""

    script: str
    options: dict[str, str] = field(default_factory=dict)


HALVES = Masks("draw_membership.py")
COINS = Masks("draw_coins.py", {"membership": "coins"})


@dataclass(frozen=True)
class PoolPlan:
    """A pool and its files; `gone`: one that is not there any more, where the pool was built from it before."""

    config: PoolConfig
    stage: Stage
    files: Sequence[str]
    gone: str | None


def pool_key(pool: PoolConfig) -> str:
    return pool.model_dump_json()


def plan_pools(study: Study, is_job: bool, judge_installed: bool) -> dict[str, PoolPlan]:
    """The distinct pools of a study, by `pool_key`; see `memdyn.plan.study.build_plan`.

    Raises:
        ConfigError: for data that are missing or too few, where the pool is not built.
    """
    results = Path(study.config.results)
    pools = {pool_key(run.pool): run.pool for run in study.runs}
    # published data sets are known by their name, so that a study can be planned before they are downloaded
    files = {
        key: [] if pool.dataset.downloadable else pool.dataset.source_files(study.config.data_dir)
        for key, pool in pools.items()
    }
    sources = look([path for paths in files.values() for path in paths], results, is_job)
    draw = COINS if study.config.audit else HALVES
    planned = {key: _plan_pool(pool, files[key], sources, judge_installed, draw) for key, pool in pools.items()}
    if not is_job:
        _refuse_misfits(planned, results)
    return planned


def _plan_pool(
    pool: PoolConfig, files: Sequence[str], sources: Sources, judge_installed: bool, draw: Masks
) -> PoolPlan:
    dataset = pool.dataset
    roots, entries = code_of(dataset, DATASETS, ("files",), "pool.dataset", judge_installed)

    def stage_of(content: list[str]) -> Stage:
        more = {"content": content, "dataset": plain_options(dataset, hashed=True)} | draw.options
        # the masks belong to the pool, so the code that draws them is part of its name
        return Stage(POOL, dataset.name, pool, ("build_pool.py", draw.script, *roots), entries, more=more)

    content = sources.content(files)
    if content is not None:
        return PoolPlan(pool, stage_of(content), files, None)
    try:
        content = sources.built(files, dataset.name, lambda content: stage_of(content).options_hash)
    except ValueError as error:
        raise ConfigError([f"dataset {dataset.name}: {error}"]) from None
    if content is None:
        raise ConfigError([problem(dataset.model_dump(), files, pool.parts.total)])
    return PoolPlan(pool, stage_of(content), files, next(path for path in files if path not in sources.now))


def _refuse_misfits(planned: Mapping[str, PoolPlan], results: Path) -> None:
    """Looks at each data set once, with the most that a pool which is to be built asks of it."""
    unbuilt = [
        pool for pool in planned.values() if not (pool.gone or (results / pool.stage.folder / "pool.arrow").exists())
    ]
    by_need = sorted(unbuilt, key=lambda pool: pool.config.parts.total)
    largest = {pool.config.dataset.model_dump_json(): pool for pool in by_need}
    found = [
        problem(pool.config.dataset.model_dump(), pool.files, pool.config.parts.total) for pool in largest.values()
    ]
    if any(found):
        raise ConfigError([wrong for wrong in found if wrong])
