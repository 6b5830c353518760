"""Before any job: would finished training be done again? What did a killed Snakemake leave? What do the links show?"""

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from memdyn.design.blocks import progress_folder
from memdyn.identity.differences import differences
from memdyn.identity.recipe import RECIPE, read_recipe, with_code
from memdyn.jobs.atomic import atomic_path
from memdyn.operations.progress import duration
from memdyn.operations.weights import Readers
from memdyn.plan.files import CHECKPOINTS
from memdyn.plan.stage import POOL, TRAIN, Stage
from memdyn.plan.study import StudyPlan

LINKS = {"tables": "tables", "figures": "figures", "report.html": "report"}
CONFIG = "config.yaml"  # beside the report, with every key


@dataclass(frozen=True)
class Superseded:
    """A finished folder whose options are wanted, made by code that has changed since."""

    folder: Path
    wanted: Stage

    @property
    def new_folder(self) -> Path:
        return self.folder.with_name(self.wanted.folder)

    @property
    def changed_code(self) -> str:
        """Which files of code differ: `changed: memdyn/training/loop.py`."""
        found = differences(read_recipe(self.folder) or {}, with_code(self.wanted.params()))
        return found.code or ("it is not recorded which code" if found.modules is None else "the same code, renamed")

    def __str__(self) -> str:
        return f"{self.folder} (would become {self.new_folder.name}): {self.changed_code}"


def refuse_needless_training(plan: StudyPlan, configfile: str = "config/config.yaml") -> None:
    """Asks for permission before finished work is trained again because of code, or of deleted checkpoints, alone.

    Args:
        configfile: of the study, for the advice.

    Raises:
        RuntimeError: naming the folders and what can be done.
    """
    if plan.study.config.allow_retrain:
        return
    found = superseded(plan)
    retrained = [item for item in found if not item.wanted.kind.reads_weights]
    if retrained:
        raise RuntimeError(
            "the code of these finished folders has changed, and their models would be trained again:\n"
            + _listed(retrained)
            + f"If the change alters results: allow it with `--config allow_retrain=true`.\n{_adopt(configfile)}"
        )
    lost = unread_weights(plan)
    if lost:
        raise RuntimeError(
            "the checkpoints of these finished blocks were deleted once they were read, but new probes or students "
            "need them:\n"
            + _listed(f"{block} (for {', '.join(probes)})" for block, probes in lost.items())
            + f"Their models would be trained again{_took(lost)}: allow it with `--config allow_retrain=true`; to keep "
            + "checkpoints in future, set keep_checkpoints: all."
            + (f"\nThe code of these has changed:\n{_listed(found)}{_adopt(configfile)}" if found else "")
        )


def _took(blocks: Iterable[Path]) -> str:
    """What the training of these blocks took, from their logs."""
    logs = [block / TRAIN.product for block in blocks]
    try:
        seconds = sum(pd.read_parquet(log, columns=["seconds"])["seconds"].sum() for log in logs)
    except (OSError, ValueError):  # of an older release, or damaged
        return ""
    return f", which took {duration(seconds)} of one job after the other"


def refuse_missing_data(plan: StudyPlan) -> None:
    """Raw data may be gone only where all is there that is made from them, by the code as it is.

    Raises:
        RuntimeError: naming the file and what can be done.
    """
    for pool, file in plan.gone.items():
        missing = [product for product in plan.read_off(pool) if not Path(plan.results, product).exists()]
        if f"{pool}/{POOL.product}" in missing:
            raise RuntimeError(
                f"no such file or folder: {file}\nA pool was built from it, but its code has changed since: put the "
                "file back, or go back to that code."
            )
        if missing:
            raise RuntimeError(f"no such file: {file}\nIt was imported, but {missing[0]} is gone: put the file back.")


def _adopt(configfile: str) -> str:
    command = f"memdyn adopt --configfile {configfile} --reason '...'"
    return f"If it provably does not (a refactoring): `{command}` keeps the folders under their new names."


def _listed(items: Iterable[Any]) -> str:
    return "".join(f"  - {item}\n" for item in items)


def superseded(plan: StudyPlan) -> list[Superseded]:
    """Finished folders of older code that this plan would make anew; a parent comes before what lies in it."""
    found: dict[Path, Superseded] = {}
    recipes_of = cache(_recipes)  # a grid has many runs in one folder
    place = {"": Path(plan.results)}  # of each stage, by its path: where it lies, or what stands for it
    for path, wanted in plan.stages.items():
        if not wanted.kind.costs_training:
            continue
        parent = place[wanted.parent.path if wanted.parent else ""]
        folder = parent / wanted.folder
        if not _has_work(folder, wanted):
            older = next(_older(recipes_of(parent), wanted), None)
            if older:
                found[older] = Superseded(older, wanted)
                folder = older
        place[path] = folder
    return list(found.values())


def _recipes(parent: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The folders in `parent` and their recipes, the newest first."""
    paths = sorted(parent.glob(f"*/{RECIPE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [(path.parent, read_recipe(path.parent) or {}) for path in paths]


def _older(recipes: Iterable[tuple[Path, dict[str, Any]]], wanted: Stage) -> Iterator[Path]:
    """Folders with the same options, other code and finished work."""
    for folder, recipe in recipes:
        same = (recipe.get("kind"), recipe.get("options_hash")) == (wanted.kind.name, wanted.options_hash)
        if same and folder.name != wanted.folder and _has_work(folder, wanted):
            yield folder


def _has_work(folder: Path, stage: Stage) -> bool:
    """Whether training lies in the folder, or would have to be done again without it."""
    product = f"block-*/{stage.kind.product}" if stage.kind.per_block else f"*/block-*/{TRAIN.product}"
    return next(folder.glob(product), None) is not None


def unread_weights(plan: StudyPlan) -> dict[Path, list[str]]:
    """Finished blocks without weights, with the names of those that have still to read them."""
    return dict(_unreadable(plan))


def _unreadable(plan: StudyPlan) -> Iterator[tuple[Path, list[str]]]:
    readers = Readers.of_plan(plan)
    for train, block in plan.trained_blocks():
        trained = Path(plan.results, train.path, block)
        kept = (trained / CHECKPOINTS).exists() or progress_folder(trained.parent, block).exists()
        if (trained / TRAIN.product).exists() and not kept:
            left = [plan.stages[folder].slug for folder in readers.unread(train.path, block)]
            if left:
                yield trained, left


def link_current(plan: StudyPlan) -> bool:
    """Points the study's links to the finished version that the config asks for, and keeps that config beside it.

    A key outside of every hash may have been edited since the report was written.

    Returns:
        whether there is all of it.
    """
    versions = plan.version_names()
    point_links(Path(plan.folder), versions)
    page = Path(plan.versions, plan.report.folder, plan.report.kind.product)
    if page.exists():
        keep_config(page.parent, plan.study.config.stated())
    return all(Path(plan.versions, folder).exists() for folder in versions.values())


def keep_config(report: Path, config: Mapping[str, Any]) -> None:
    """Writes the whole config of a study beside its report, where it is not there yet.

    Args:
        report: the folder of the report.
        config: `StudyConfig.stated()`.
    """
    text, path = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True), report / CONFIG
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def point_links(study: Path, versions: Mapping[str, str]) -> None:
    """Points results/studies/<study>/{tables,figures,report.html} to versions that are finished.

    Every version stays, so going back to an earlier config shows its report again without a job.

    Args:
        versions: kind (tables, figures, report) -> its folder in `versions`.
    """
    for link, kind in LINKS.items():
        target = Path("versions", versions[kind], *(["report.html"] if kind == "report" else []))
        if Path(study, target).exists():
            _point(Path(study, link), target)


def _point(link: Path, target: Path) -> None:
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    aside = link.with_name(f".{link.name}.{secrets.token_hex(4)}.tmp")
    aside.symlink_to(target)
    os.replace(aside, link)
