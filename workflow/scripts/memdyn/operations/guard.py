"""Before any job: would finished training be done again? What did a killed Snakemake leave? What do the links show?"""

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from memdyn.design.blocks import block_names, progress_folder
from memdyn.identity.differences import differences
from memdyn.identity.recipe import RECIPE, read_recipe, with_code
from memdyn.jobs.atomic import discard
from memdyn.jobs.retention import is_temporary
from memdyn.plan.study import RunPlan, Stage, StudyPlan

LINKS = {"tables": "tables", "figures": "figures", "report.html": "report"}


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


def refuse_needless_training(plan: StudyPlan) -> None:
    """Asks for permission before finished work is trained again because of code, or of deleted checkpoints, alone.

    Raises:
        RuntimeError: naming the folders and what can be done.
    """
    if plan.study.config.allow_retrain:
        return
    found = superseded(plan)
    retrained = [item for item in found if item.wanted.kind not in ("score", "measure")]
    if retrained:
        raise RuntimeError(
            "the code of these finished folders has changed, and their models would be trained again:\n"
            + _listed(retrained)
            + f"If the change alters results: allow it with `--config allow_retrain=true`.\n{_ADOPT}"
        )
    lost = list(_unscorable(plan))
    if lost:
        raise RuntimeError(
            "the checkpoints of these finished blocks were deleted after scoring, but new scores or measures of "
            "difficulty need them:\n"
            + _listed(lost)
            + "Their models would be trained again: allow it with `--config allow_retrain=true`; to keep checkpoints "
            + "in future, set keep_checkpoints: all."
            + (f"\nThe code of these has changed:\n{_listed(found)}{_ADOPT}" if found else "")
        )


def refuse_missing_data(plan: StudyPlan) -> None:
    """Raw data may be gone only where their pool is built, by the code as it is.

    Raises:
        RuntimeError: naming the file and what can be done.
    """
    for pool, file in plan.gone.items():
        if not Path(plan.results, pool, "pool.arrow").exists():
            raise RuntimeError(
                f"no such file or folder: {file}\nA pool was built from it, but its code has changed since: put the "
                "file back, or go back to that code."
            )


_ADOPT = (
    "If it provably does not (a refactoring): `memdyn adopt --reason '...'`, with this study's --configfile, keeps the "
    "folders under their new names."
)


def _listed(items: Iterable[Any]) -> str:
    return "".join(f"  - {item}\n" for item in items)


def superseded(plan: StudyPlan) -> list[Superseded]:
    """Finished folders of older code that this plan would make anew; a parent comes before what lies in it."""
    found: dict[Path, Superseded] = {}
    recipes_of = cache(_recipes)  # a grid has many runs in one folder
    for run in plan.runs:
        place = Path(plan.results)
        for wanted in (run.pool, run.train, run.scoring, run.measuring):
            if wanted is None:
                continue
            folder = place / wanted.folder
            if not _has_work(folder, wanted.kind):
                older = next(_older(recipes_of(place), wanted), None)
                if older:
                    found[older] = Superseded(older, wanted)
                    folder = older
            if wanted.kind in ("pool", "train"):  # what else there is lies side by side
                place = folder
    return list(found.values())


def _recipes(parent: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The folders in `parent` and their recipes, the newest first."""
    paths = sorted(parent.glob(f"*/{RECIPE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [(path.parent, read_recipe(path.parent) or {}) for path in paths]


def _older(recipes: Iterable[tuple[Path, dict[str, Any]]], wanted: Stage) -> Iterator[Path]:
    """Folders with the same options, other code and finished work."""
    for folder, recipe in recipes:
        same = (recipe.get("kind"), recipe.get("options_hash")) == (wanted.kind, wanted.options_hash)
        if same and folder.name != wanted.folder and _has_work(folder, wanted.kind):
            yield folder


def _has_work(folder: Path, kind: str) -> bool:
    """Whether training lies in the folder, or would have to be done again without it."""
    patterns = {
        "pool": "*/block-*/log.parquet",
        "train": "block-*/log.parquet",
        "score": "block-*/scores.parquet",
        "measure": "block-*/measures.parquet",
    }
    return next(folder.glob(patterns[kind]), None) is not None


def _unscorable(plan: StudyPlan) -> Iterator[Path]:
    for run in plan.runs:
        for block in block_names(plan.study.config.shadow_models):
            trained = Path(plan.results, run.train_path, block)
            kept = (trained / "checkpoints").exists() or _progress(plan, run, block).exists()
            if (trained / "log.parquet").exists() and not kept and not _is_read(plan, run, block):
                yield trained


def _is_read(plan: StudyPlan, run: RunPlan, block: str) -> bool:
    """Whether all that is made from a block's weights is there."""
    return all(Path(plan.results, file).exists() for file in run.results_of_weights(block))


def _progress(plan: StudyPlan, run: RunPlan, block: str) -> Path:
    return progress_folder(Path(plan.results, run.train_path), block)


def discard_scored(plan: StudyPlan) -> None:
    """Deletes weights that were to be deleted once scored, and are scored, and measured where that is wanted.

    Snakemake does so after the last job that reads them. Here go those that one left when it was killed in between: no
    job may delete them, for it may outlive its Snakemake, and the next one may have planned to score the block already.
    """
    for run in plan.runs:
        for block in block_names(plan.study.config.shadow_models):
            weights = Path(plan.results, run.train_path, block, "checkpoints")
            if is_temporary(weights) and _is_read(plan, run, block):
                discard(weights)


def link_current(plan: StudyPlan) -> None:
    """Points the study's links to the finished version that the config asks for."""
    point_links(Path(plan.folder), plan.version_names())


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
