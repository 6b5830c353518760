"""From the raw YAML to resolved runs: a run is one fully resolved recipe on one pool."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import isfinite
from typing import Any

from pydantic import BaseModel, ValidationError

from memdyn.config.base import merge
from memdyn.config.errors import ConfigError, problems, shown, wrong_places
from memdyn.config.given import read_given
from memdyn.config.naming import points
from memdyn.config.pool import PoolConfig
from memdyn.config.recipe import TrainConfig
from memdyn.config.scores import SLUG, ScoresConfig
from memdyn.config.study import StudyConfig

# models that take rows of a table
FOR_TABLES = ("logistic", "mlp", "custom")


@dataclass(frozen=True)
class Run:
    """One named run of a study."""

    name: str
    pool: PoolConfig
    train: TrainConfig


@dataclass(frozen=True)
class ScoredRun:
    """One named run of a study of scores."""

    name: str
    scores: ScoresConfig


@dataclass(frozen=True)
class Study:
    """A validated study and its resolved runs, which are trained here, or of which scores are given."""

    config: StudyConfig
    runs: list[Run]
    scored: tuple[ScoredRun, ...] = ()


def load_study(raw: Mapping[str, Any], arguments: Sequence[str] = ()) -> Study:
    """Validates a raw config and resolves its runs.

    Args:
        arguments: of `snakemake --config`, whose values are in `raw` already, as text.

    Raises:
        ConfigError: naming each bad key, its value and what is allowed.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError([f"a config is keys with values (`study: NAME` and so on), got {shown(raw)}"])
    circle = _circle(raw, ())
    if circle:
        raise ConfigError([f"{circle}: holds itself, by an anchor of YAML in a circle"])
    raw = deepcopy(dict(raw))
    read_given(raw, arguments, _wrong)
    odd = list(_odd_values(raw, ""))
    if odd:
        raise ConfigError(odd)
    try:
        config = StudyConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(problems(error, StudyConfig, raw)) from None
    if config.scores:
        return Study(config, [], tuple(_scored_runs(raw)))
    runs, places, found = [], [], []
    for where, variation in _variations(raw):
        try:
            runs.append(_resolve(raw, variation, where))
            places.append(where)
        except ConfigError as error:
            found.extend(error.problems)
    if config.interim and not found:
        found.extend(config.interim.misfits([run.name for run in runs]))
        places, runs = _shown(config.interim.shown, places, runs)
    for where, run in zip(places, runs, strict=True):
        checkpoints, scored = run.train.checkpoint_epochs(), run.pool.parts.scored
        found.extend(config.difficulty.misfits(run.name, checkpoints, scored // 2))
        for attack in config.attacks:
            if odd := attack.misfit(run.train, run.pool.parts):
                found.append(f"{where}: attack {attack.label()}: {odd}")
        if not run.pool.parts.population:
            found.extend(f"{where}.{odd}" for odd in _without_population(config))
        if config.audit and config.audit.delta * (scored // 2) >= 1:
            found.append(
                f"audit.delta = {config.audit.delta:g}: one of {scored // 2} members could be published whole; "
                f"allowed: less than 1 / members = {2 / scored:.3g}"
            )
        if config.uncalibrated:
            found.extend(config.uncalibrated.misfits(run.name, scored))
        if config.level_distance:
            found.extend(config.level_distance.misfits(run.name, checkpoints, scored, config.shadow_models))
    if config.regularization and not found:
        found.extend(config.regularization.misfits(runs))
    if found:
        raise ConfigError(list(dict.fromkeys(found)))
    _refuse_repeats(runs)
    return Study(config, runs)


def _wrong(raw: Any) -> set[tuple]:
    try:
        StudyConfig.model_validate(raw)
    except ValidationError as error:
        return wrong_places(error, raw)
    return set()


def _circle(value: Any, above: tuple[int, ...]) -> str | None:
    """The key of a section or list that lies in itself.

    Args:
        above: those that `value` lies in, by their ids.
    """
    if id(value) in above:
        return ""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found = _circle(inner, (*above, id(value)))
        if found is not None:
            return f"{key}.{found}".removesuffix(".")
    return None


def _odd_values(value: Any, key: str) -> Iterator[str]:
    """What YAML can say and a recipe cannot hold: dates, infinities, keys that are no text."""
    if isinstance(value, dict):
        for name, inner in value.items():
            place = f"{key}.{name}" if key else str(name)
            if not isinstance(name, str):
                yield f"{place}: the key {shown(name)} must be text; put it into quotes"
            yield from _odd_values(inner, place)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _odd_values(inner, f"{key}.{index}")
    elif isinstance(value, float) and not isfinite(value):
        yield f"{key} = {value}: must be a finite number"
    elif not isinstance(value, str | int | float | None):
        yield f"{key} = {shown(value)}: must be text, a number, true or false; put dates and the like into quotes"


def _variations(raw: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(place in the config, changes with a name) of each run: named runs times the grid."""
    grid = raw.get("grid") or {}
    for index, run in enumerate(raw.get("runs") or [{"name": "base"}]):
        where = f"runs.{index} ({run['name']})" if raw.get("runs") else "base"
        if not grid:
            yield where, run
            continue
        for point, values in points(grid):
            changes = deepcopy(run)
            for key, value in values.items():
                _set(changes, key, value)
            changes["name"] = f"{run['name']}:{point}" if raw.get("runs") else point
            yield f"grid ({run['name']})" if raw.get("runs") else "grid", changes


def _shown(names: Sequence[str], places: list[str], runs: list[Run]) -> tuple[list[str], list[Run]]:
    """Those of these names."""
    kept = [(where, run) for where, run in zip(places, runs, strict=True) if run.name in names]
    return [where for where, _ in kept], [run for _, run in kept]


def _scored_runs(raw: dict[str, Any]) -> Iterator[ScoredRun]:
    """Of a study of scores; of one file the run is called by what it is."""
    found: dict[str, str] = {}
    for where, variation in _variations(raw):
        odd = [key for key, value in variation.items() if key not in ("name", "scores") and value is not None]
        if odd:
            raise ConfigError([f"{where}.{odd[0]}: nothing is trained where there are `scores`; allowed: scores"])
        own, is_alone = variation.get("scores") or {}, where == "base"
        name, place = (SLUG, "scores") if is_alone else (variation["name"], f"{where}.scores")
        scores = _validate(ScoresConfig, merge(raw["scores"], own), place)
        if name in found.values():
            raise ConfigError([f"runs: two runs have the name {name!r}; names must differ"])
        if scores.path in found:
            raise ConfigError([f"runs: {name!r} and {found[scores.path]!r} are of one file, {scores.path}"])
        found[scores.path] = name
        yield ScoredRun(name, scores)


def _set(changes: dict[str, Any], dotted: str, value: Any) -> None:
    *path, last = dotted.split(".")
    here = changes
    for key in path:
        if here.get(key) is None:
            here[key] = {}
        here = here[key]
        if not isinstance(here, dict):
            raise ConfigError([f"grid.{dotted}: {key!r} is no section that has keys of its own"])
    here[last] = value


def _resolve(raw: dict[str, Any], variation: dict[str, Any], where: str) -> Run:
    changes = {key: value for key, value in variation.items() if key != "name" and value is not None}
    pool_changes = changes.pop("pool", {})
    train = merge({**_default_names(TrainConfig), **(raw.get("base") or {})}, changes)
    pool = merge({**_default_names(PoolConfig), **raw["pool"]}, pool_changes)
    run = Run(
        variation["name"],
        _validate(PoolConfig, pool, f"{where}.pool" if pool_changes else "pool"),
        _validate(TrainConfig, train, where),
    )
    misfits = list(_misfits(run, raw))
    if misfits:
        raise ConfigError([f"{where}.{misfit}" for misfit in misfits])
    return run


def _of_mechanisms(run: Run, raw: dict[str, Any]) -> Iterator[str]:
    """What of a run's mechanisms, and of the runs that they learn from, does not fit its pool."""
    for mechanism in run.train.mechanisms:
        key, part = f"mechanisms.{mechanism.name}", mechanism.part()
        if part and not getattr(run.pool.parts, part):
            yield f"{key}: reads the pool's part {part!r}, and pool.parts.{part} = 0; allowed: at least 1"
        if odd := mechanism.misfit(run.train, run.pool.parts.scored // 2):
            yield f"{key}: {odd}"
        try:
            teachers = mechanism.teachers(run.train)
        except ConfigError as error:
            yield from error.problems
            continue
        for teacher in teachers:
            yield from (f"{key}.teacher.{found}" for found in _misfits(Run(run.name, run.pool, teacher), raw))


def _default_names(model: type[BaseModel]) -> dict[str, Any]:
    """Sections that a base may leave out, by the name of their default: variations change some of their keys."""
    defaults = {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
    return {name: {"name": value.name} for name, value in defaults.items() if hasattr(value, "name")}


def _validate(model: type, raw: dict[str, Any], where: str) -> Any:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(problems(error, model, raw, where)) from None


def _misfits(run: Run, raw: dict[str, Any]) -> Iterator[str]:
    """What is right by itself, but not on this run's pool."""
    parts, dataset = run.pool.parts, run.pool.dataset
    if dataset.is_table:
        yield from needing_images(run.train)
    members = parts.scored // 2
    if run.train.batch_size > members:
        yield (
            f"batch_size = {run.train.batch_size}: a model has {members} members (half of pool.parts.scored); "
            f"allowed: at most {members}"
        )
    yield from _of_mechanisms(run, raw)


def _without_population(config: StudyConfig) -> Iterator[str]:
    """Attacks that cannot be made on a pool without such a part."""
    for attack in config.attacks:
        if attack.reads_population:
            yield f"pool.parts.population = 0: {attack.label()} compares with population samples; allowed: at least 1"


def needing_images(train: TrainConfig) -> Iterator[str]:
    """What of a recipe makes no sense of rows of a table."""
    model, augment, why = train.model, train.augment, "needs images, the data set is a table"
    if model.name not in FOR_TABLES:
        yield f"model.name = {model.name}: {why}; allowed: {', '.join(FOR_TABLES)}"
    if augment.crop or augment.flip:
        yield f"augment: crop {augment.crop}, flip {augment.flip}: {why}; leave it out"
    for mechanism in train.mechanisms:
        if mechanism.images_only:
            yield f"mechanisms.{mechanism.name}: {why}; allowed: null, which takes it away"


def _refuse_repeats(runs: list[Run]) -> None:
    recipes: dict[str, str] = {}
    for run in runs:
        if run.name in recipes.values():
            raise ConfigError([f"runs: two runs have the name {run.name!r}; names must differ"])
        recipe = run.pool.model_dump_json() + run.train.model_dump_json()
        if recipe in recipes:
            raise ConfigError([f"runs: {run.name!r} and {recipes[recipe]!r} are the same recipe; runs must differ"])
        recipes[recipe] = run.name
