"""From the raw YAML to resolved runs: a run is one fully resolved recipe on one pool."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import ValidationError

from memdyn.config.datasets import PoolConfig
from memdyn.config.errors import ConfigError, problems
from memdyn.config.study import StudyConfig, TrainConfig


@dataclass(frozen=True)
class Run:
    """One named run of a study."""

    name: str
    pool: PoolConfig
    train: TrainConfig


@dataclass(frozen=True)
class Study:
    """A validated study and its resolved runs."""

    config: StudyConfig
    runs: list[Run]


def load_study(raw: Mapping[str, Any]) -> Study:
    """Validates a raw config and resolves its runs.

    Raises:
        ConfigError: naming each bad key, its value and what is allowed.
    """
    raw = deepcopy(dict(raw))
    try:
        config = StudyConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(problems(error, StudyConfig, raw)) from None
    runs, found = [], []
    for where, variation in _variations(raw):
        try:
            runs.append(_resolve(raw, variation, where))
        except ConfigError as error:
            found.extend(str(error).split("\n  - ")[1:])
    if found:
        raise ConfigError(list(dict.fromkeys(found)))
    _refuse_repeats(runs)
    return Study(config, runs)


def _variations(raw: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place in the config, changes with a name) of each run: named runs times the grid."""
    grid = raw.get("grid") or {}
    for index, run in enumerate(raw.get("runs") or [{"name": "base"}]):
        where = f"runs.{index}" if raw.get("runs") else "base"
        for values in product(*grid.values()):
            changes = deepcopy(run)
            for key, value in zip(grid, values, strict=True):
                _set(changes, key, value)
            if grid:
                point = ",".join(
                    f"{key.split('.')[-1]}={_word(value)}" for key, value in zip(grid, values, strict=True)
                )
                changes["name"] = f"{run['name']}:{point}" if raw.get("runs") else point
                yield "grid", changes
            else:
                yield where, changes


def _word(value: Any) -> str:
    return str(value.get("name", value)) if isinstance(value, dict) else str(value)


def _set(changes: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    here = changes
    for key in path:
        here = here.setdefault(key, {})
        if not isinstance(here, dict):
            raise ConfigError([f"grid.{dotted}: {key!r} is no section that has keys of its own"])
    here[last] = value


def _resolve(raw: dict[str, Any], variation: dict[str, Any], where: str) -> Run:
    changes = {key: value for key, value in variation.items() if key != "name" and value is not None}
    pool_changes = changes.pop("pool", {})
    train = _merge(raw.get("base") or {}, changes)
    pool = _merge(raw["pool"], pool_changes)
    name = variation["name"]
    return Run(
        name,
        _validate(PoolConfig, pool, f"{where} ({name}): pool" if pool_changes else "pool"),
        _validate(TrainConfig, train, f"{where} ({name})"),
    )


def _validate(model: type, raw: dict[str, Any], where: str) -> Any:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(problems(error, model, raw, where)) from None


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it; a section with another `name` replaces the base's section."""
    merged = deepcopy(base)
    for key, value in changes.items():
        old = merged.get(key)
        same_kind = (
            isinstance(old, dict) and isinstance(value, dict) and value.get("name", old.get("name")) == old.get("name")
        )
        merged[key] = _merge(old, value) if same_kind else deepcopy(value)
    return merged


def _refuse_repeats(runs: list[Run]) -> None:
    seen: dict[str, str] = {}
    for run in runs:
        recipe = run.pool.model_dump_json() + run.train.model_dump_json()
        if recipe in seen:
            raise ConfigError([f"runs: {run.name!r} and {seen[recipe]!r} are the same recipe; runs must differ"])
        seen[recipe] = run.name
