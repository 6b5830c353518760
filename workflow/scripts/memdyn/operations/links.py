"""The finished files of a study at a second place, without copies: what is done there never reaches the first."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from memdyn.design.blocks import block_names, mask_names
from memdyn.jobs.atomic import discard
from memdyn.plan.stage import POOL, Stage
from memdyn.plan.study import StudyPlan
from memdyn.tables import STAGES

_DATA = (".arrow", ".npz", ".parquet")  # what others are made of; recipes and records may be written anew


def link_finished(plan: StudyPlan, place: Path) -> None:
    """Links what is there of a plan's artifacts to the same paths below `place`.

    Files under their names are whole, and no job changes one in place, so that it makes no difference whether their
    study runs meanwhile. Logs, which jobs go on writing, stay out. A hard link stays good when the study deletes its
    own; where the file system has none, there is a symbolic one.

    Args:
        place: of links of earlier calls; where one is not to what is there now, all begins anew.
    """
    links = {place / file.relative_to(plan.results): file for file in _files(plan, place)}
    if any(_is_other(target, source) for target, source in links.items() if target.suffix in _DATA):
        discard(place)
        links = {place / file.relative_to(plan.results): file for file in _files(plan, place)}
    for target, source in links.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # deleted meanwhile; what is missing then is told by whoever reads it
            _link(source.resolve(strict=True), target)


def _is_other(target: Path, source: Path) -> bool:
    try:
        return not target.samefile(source)
    except FileNotFoundError:  # not linked yet, or deleted meanwhile
        return False


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without hard links
        target.symlink_to(source)


def _files(plan: StudyPlan, place: Path) -> Iterator[Path]:
    models = plan.study.config.shadow_models
    blocks = block_names(models)
    for path, stage in plan.stages.items():
        folder = Path(plan.results, path)
        if stage.kind.per_block:
            yield from _in(folder)
            for block in filter(stage.is_of, blocks):
                yield from _in(folder / block)
        elif stage.kind == POOL:
            yield from _in(folder)
            masks = (folder / "membership" / f"{name}.npz" for name in mask_names(range(models)))
            yield from filter(Path.exists, masks)
        elif _is_done(stage, folder) and not (place / path).exists():  # else it was made there
            yield from _in(folder)


def _is_done(stage: Stage, folder: Path) -> bool:
    return all((folder / f"{name}.parquet").exists() for name in STAGES[stage.kind.name])


def _in(folder: Path) -> list[Path]:
    """Files of a folder itself, but for logs and what is just being written."""
    if not folder.is_dir():
        return []
    files = (each for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))
    return [each for each in files if each.suffix != ".log"]
