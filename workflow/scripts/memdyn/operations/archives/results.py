"""What of the results folder belongs to a study: read off its plan, so that other studies' work stays out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from memdyn.data.pool import METADATA_KEY, read_pool
from memdyn.design.blocks import block_names, mask_names
from memdyn.identity.differences import differences
from memdyn.identity.recipe import RECIPE, read_recipe, with_code
from memdyn.identity.records import SUFFIX
from memdyn.jobs import failure
from memdyn.operations.archives import ENVIRONMENT, RESULTS, STUDY
from memdyn.operations.archives.item import Item, Role, text_item
from memdyn.operations.archives.places import Places, is_own
from memdyn.operations.guard import LINKS
from memdyn.plan.reads import reads_of
from memdyn.plan.stage import POOL, PROBE, SCORED_RUN, SCORES, TRAIN, Stage
from memdyn.plan.study import StudyPlan
from memdyn.tables import STAGES

PAGE = "report.html"
_FRONT = {POOL.name, TRAIN.name, PROBE.name, SCORED_RUN.name, SCORES.name}  # kinds that a rebuild starts from
_OF_THE_JOB = ("made", "versions", "adopted")  # in a recipe
_TABLES_OF = {SCORED_RUN.name: TRAIN.name}  # kind -> whose tables it writes


@dataclass(frozen=True)
class Chosen:
    """What goes in besides the rest.

    Attributes:
        scores: what is read off the networks, from which all is rebuilt.
        weights: checkpoints that were kept.
        images: samples of the user's own data.
    """

    scores: bool = True
    weights: bool = False
    images: bool = False


def refuse_unfinished(plan: StudyPlan, folder: Path) -> None:
    """An archive's code must be the code that made what is in it, and its config the one that asks for it.

    Raises:
        FileNotFoundError: where something planned is not there.
        RuntimeError: where the study shows what code or config would now make anew.
    """
    stages = {"tables": plan.tables, "figures": plan.figures, "report": plan.report}
    for link, kind in LINKS.items():
        shown = (folder / link).resolve()
        version = shown.parent if kind == "report" else shown
        if version.name != stages[kind].folder:
            changed = _changed(version, stages[kind])
            raise RuntimeError(
                f"{folder}/{link} is not what this checkout's code and config make ({changed}): run snakemake again, "
                "which makes what has changed, or go back to the code and config that made it"
            )
    blocks = block_names(plan.study.config.shadow_models)
    for stage in plan.stages.values():
        products = [stage.product(b) for b in blocks if stage.is_of(b)] if stage.kind.per_block else [stage.product()]
        for product in products:
            if not Path(plan.results, product).exists():
                raise FileNotFoundError(f"{plan.results}/{product} is not there: run snakemake again before archiving")


def _changed(version: Path, stage: Stage) -> str:
    recipe = read_recipe(version) or read_recipe(version.parent / "logs" / version.name)
    found = differences(recipe or {}, with_code(stage.params()))
    return found.code or (found.options.names() if found.options else "") or "what it is made of has changed"


def refuse_pictures(plan: StudyPlan) -> None:
    """Where samples of own data are not to go in, no figure and no page may show them either.

    Raises:
        RuntimeError: naming the keys.
    """
    config = plan.study.config
    if config.archive.images or not config.report.show_images:
        return
    blank = {run.name: Path(plan.results, run.pool.product()) for run in plan.runs if is_blank(run.pool, Chosen())}
    pictured = [name for name, path in blank.items() if read_pool(str(path)).images.ndim > 2]
    if pictured:
        raise RuntimeError(
            f"the figures and the page show samples of your own data (run {pictured[0]}), which archive.images = false "
            "keeps out; allowed: `report: {show_images: false}` (only figures and page are made anew), or "
            "`archive: {images: true}`; then run snakemake again"
        )


def refuse_blank_features(plan: StudyPlan) -> None:
    """Where samples of own data are not to go in, no attack may learn from them: it could not be made anew.

    Raises:
        RuntimeError: naming the attacks and the key.
    """
    config = plan.study.config
    learning = [each.label() for each in config.attacks if any(read.of_samples for read in reads_of(each))]
    if learning and any(is_blank(run.pool, Chosen(images=config.archive.images)) for run in plan.runs):
        raise RuntimeError(
            f"{', '.join(learning)} learns from samples of your own data, which archive.images = false keeps out, and "
            "could not be rebuilt; allowed: `archive: {images: true}`, or other attacks"
        )


def result_items(plan: StudyPlan, places: Places, chosen: Chosen) -> Iterator[Item]:
    """Every file of the stages below the pools, recipes and records split into results and environment."""
    for stage in plan.stages.values():
        for name, path in _files_of(plan, stage, chosen):
            yield from _placed(f"{stage.path}/{name}", path, stage, places, chosen)


def _files_of(plan: StudyPlan, stage: Stage, chosen: Chosen) -> Iterator[tuple[str, Path]]:
    """(name below the stage's folder, file) of the models of this study."""
    folder, models = Path(plan.results, stage.path), plan.study.config.shadow_models
    yield from _files_in(folder)
    if stage.kind.name == POOL.name:
        for name in mask_names(range(models)):
            yield from ((f"membership/{file}", path) for file, path in _files_in(folder / "membership", name))
    if stage.kind.per_block:
        for block in filter(stage.is_of, block_names(models)):
            yield from ((f"{block}/{file}", path) for file, path in _files_in(folder / block))
            if chosen.weights:
                weights = sorted((folder / block / "checkpoints").rglob("*.safetensors"))
                yield from ((path.relative_to(folder).as_posix(), path) for path in weights)


def _files_in(folder: Path, stem: str = "") -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        is_hidden = path.name.startswith(".")
        if path.is_file() and not is_hidden and (not stem or path.name.partition(".")[0] == stem):
            yield path.name, path


def study_items(plan: StudyPlan, places: Places) -> Iterator[Item]:
    """The version of tables, figures and page that the study's links show."""
    versions = Path(plan.versions)
    folders = {"tables": versions / plan.tables.folder, "figures": versions / plan.figures.folder}
    for kind, folder in folders.items():
        for name, path in _files_in(folder):
            if path.name != RECIPE and not _is_of_the_job(path):
                yield Item(f"{STUDY}/{kind}/{name}", "study", path, _measured("study", path))
    report, logs = versions / plan.report.folder, versions / "logs" / plan.figures.folder
    yield Item(f"{STUDY}/{PAGE}", "study", report / PAGE, ("",))
    if (verdict := versions / plan.limits.folder / plan.limits.kind.product).is_file():
        yield Item(f"{STUDY}/{verdict.name}", "about", verdict)
    for kind, folder in (("tables", folders["tables"]), ("figures", logs), ("report", report)):
        recipe = read_recipe(folder) or {}
        yield from _split(recipe, f"{STUDY}/recipes/{kind}.yaml", "study", places)
        of_jobs = [path for _, path in _files_in(folder) if _is_of_the_job(path)]
        of_jobs += [logs.with_name(f"{logs.name}.log")] if kind == "figures" else []
        yield from (Item(f"{ENVIRONMENT}/{STUDY}/{kind}/{path.name}", "environment", path) for path in of_jobs)


def _placed(name: str, path: Path, stage: Stage, places: Places, chosen: Chosen) -> Iterator[Item]:
    role: Role = "given" if stage.kind.name in _FRONT else "derived"
    if "/checkpoints/" in name:
        yield Item(f"{RESULTS}/{name}", "weights", path)
    elif path.name == RECIPE:
        yield from _split(read_recipe(path.parent) or {}, f"{RESULTS}/{name}", role, places)
    elif _is_of_the_job(path):
        yield Item(f"{ENVIRONMENT}/{RESULTS}/{name}", "environment", path)
    elif path.name == POOL.product and is_blank(stage, chosen):
        yield Item(f"{RESULTS}/{name}", role, blank_pool(path))
    elif chosen.scores or stage.kind.name not in (PROBE.name, SCORES.name):
        yield Item(f"{RESULTS}/{name}", role, path, _measured(_TABLES_OF.get(stage.kind.name, stage.kind.name), path))


def _is_of_the_job(path: Path) -> bool:
    return path.suffix == ".log" or path.name.endswith((SUFFIX, failure.SUFFIX))


def _measured(stage: str, path: Path) -> tuple[str, ...]:
    """Columns of a table that hold measured times."""
    table = STAGES.get(stage, {}).get(path.name.partition(".")[0])
    is_table = path.suffix == ".parquet" or path.name.endswith((".csv", ".csv.gz"))
    return tuple(column.name for column in table.columns if column.measured) if table and is_table else ()


def _split(recipe: dict[str, Any], path: str, role: Role, places: Places) -> Iterator[Item]:
    """A recipe without what is of the job and of the machine, and that, by itself."""
    said = {key: value for key, value in recipe.items() if key not in _OF_THE_JOB}
    yield text_item(path, role, yaml.safe_dump(places.renamed(said), sort_keys=True))
    made = {key: recipe[key] for key in (*_OF_THE_JOB, "roots", "inputs") if key in recipe}
    yield text_item(f"{ENVIRONMENT}/{path}", "environment", yaml.safe_dump(made, sort_keys=True))


def is_blank(stage: Stage, chosen: Chosen) -> bool:
    """Whether a pool goes in without its samples: one of the user's own data, unless the config lets them in."""
    dataset = stage.sections.dataset if hasattr(stage.sections, "dataset") else None  # exported scores have no samples
    return stage.kind.name == POOL.name and dataset is not None and is_own(dataset) and not chosen.images


def blank_pool(path: Path) -> bytes:
    """A pool whose samples are all zero, and little on the disk: labels, ids, parts and all else stay."""
    reader = pa.ipc.open_file(pa.memory_map(str(path)))
    batch = reader.get_batch(0)
    place = batch.schema.get_field_index("image")
    values = batch.column(place).flatten()
    zeros = pa.array(np.zeros(len(values), values.type.to_pandas_dtype()))
    blank = pa.FixedSizeListArray.from_arrays(zeros, batch.column(place).type.list_size)
    columns = [blank if k == place else batch.column(k) for k in range(batch.num_columns)]
    sink = pa.BufferOutputStream()
    schema = batch.schema.with_metadata({METADATA_KEY: batch.schema.metadata[METADATA_KEY]})
    with pa.ipc.new_file(sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    return sink.getvalue().to_pybytes()
