"""Says for each artifact that a run would make what made it new: keys of the config (old -> new), or files of code.

An artifact's folder is named by its options and its code, so that it is new where one of them is. It is compared, by
the recipes that lie in folders, with that one beside it which differs least. What only lies in a new folder, or is made
of a new one, is counted with it. No job is started, and nothing is written.
"""

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from memdyn.identity.differences import Differences, differences
from memdyn.identity.recipe import RECIPE, read_recipe, with_code
from memdyn.operations.asked import plan_of, study_arguments
from memdyn.operations.guard import unread_weights
from memdyn.operations.places import places, products
from memdyn.plan.stage import Stage
from memdyn.plan.study import StudyPlan

_SHOWN = 6  # lines, and folders, of a reason


@dataclass(frozen=True)
class Reason:
    """Why stages have jobs to run.

    Attributes:
        because: a line each.
        stages: folders, each with its jobs and with that folder which it was compared with.
        follow: kinds of what is made anew because these are, with the numbers of jobs.
    """

    because: tuple[str, ...]
    stages: dict[Path, tuple[int, str]] = field(default_factory=dict)
    follow: Counter[str] = field(default_factory=Counter)

    @property
    def jobs(self) -> int:
        """Of the stages, and of what follows."""
        return sum(jobs for jobs, _ in self.stages.values()) + self.follow.total()

    def lines(self) -> Iterator[str]:
        yield from _cut([f"because {line}" for line in self.because])
        told = [
            f"    {folder}{f' (compared with {older})' if older else ''}" for folder, (_, older) in self.stages.items()
        ]
        yield from _cut(told, "    ")
        follow = ", ".join(f"{number} of {kind}" for kind, number in self.follow.items())
        yield f"  {_jobs(self.jobs)}" + (f", with what is made of it: {follow}" if follow else "")


def arguments(parser: ArgumentParser) -> None:
    study_arguments(parser)


def run(given: Namespace) -> None:
    """Prints the reasons, in the order of the work.

    Raises:
        ConfigError: for a bad study.
    """
    found = reasons(plan_of(given))
    for reason in found:
        print("\n".join(reason.lines()))
    total = sum(reason.jobs for reason in found)
    print(f"{_jobs(total)} in all" if total else "nothing is to be done: all that the study asks for is there")


def reasons(plan: StudyPlan) -> list[Reason]:
    """Of every stage that has jobs to run; those that have one reason are together."""
    found: dict[tuple[str, ...], Reason] = {}
    cause: dict[str, Reason] = {}  # by the path of what is to be made
    trained_again = unread_weights(plan)
    recipes = cache(_recipes)
    for path, (stage, place) in places(plan).items():
        missing = [block for block, product in products(plan, stage, place).items() if not product.exists()]
        again = {block: readers for block, readers in trained_again.items() if block.parent == place}
        if not missing and not again:
            continue
        jobs = len(missing) + len(again)
        earlier = next((cause[each] for each in _made_of(plan, stage) if each in cause), None)
        if earlier:
            cause[path] = earlier
            earlier.follow[stage.kind.name] += jobs
            continue
        because, older = [f"its weights are gone, to be read for {', '.join(names)}" for names in again.values()], ""
        if missing:
            more, older = _because(stage, place, missing, recipes(place.parent))
            because += more
        told = tuple(dict.fromkeys(because))
        cause[path] = found.setdefault(told, Reason(told))
        cause[path].stages[place] = jobs, older
    return list(found.values())


def _made_of(plan: StudyPlan, stage: Stage) -> Iterator[str]:
    """Paths of the stages that a stage is made of; the tables of a study are made of all."""
    if stage == plan.tables:
        yield from list(plan.stages)[::-1]
    yield from (each.folder for each in (plan.tables, plan.figures) if each.folder in str(stage.options.values()))
    yield from (need.path for need in stage.needs.values())
    if stage.parent:
        yield stage.parent.path


def _because(
    stage: Stage, place: Path, missing: list[str], beside: list[tuple[Path, dict[str, Any]]]
) -> tuple[list[str], str]:
    """Lines, and the folder that was compared; of one that is begun there is nothing to compare."""
    if (place / RECIPE).exists():
        return [f"not there yet: {_span(missing)}" if stage.kind.per_block else "begun and not finished"], ""
    wanted = with_code(stage.params())
    alike = [(folder, recipe) for folder, recipe in beside if recipe and _is_alike(recipe, wanted)]
    if not alike:
        return [f"there is no {stage.kind.name} like it yet"], ""
    compared = [(folder.name, differences(recipe, wanted)) for folder, recipe in alike]
    nearest, found = min(compared, key=lambda each: _size(each[1]))
    return list(_told(found)), nearest


def _is_alike(recipe: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Of one kind; two attacks, or two probes, are alike where they have one name."""
    return recipe.get("kind") == wanted["kind"] and _named(recipe) == _named(wanted)


def _named(recipe: dict[str, Any]) -> Any:
    section = recipe["options"].get(recipe["kind"])
    return section.get("name") if isinstance(section, dict) else None


def _size(found: Differences) -> int:
    """How many keys and files differ."""
    parts = (found.options, found.modules, found.entries, found.files)
    return sum(len(part.changed) + len(part.added) + len(part.gone) for part in parts if part)


def _told(found: Differences) -> Iterator[str]:
    if found.options:
        yield from found.options.values()
    if found.code:
        yield f"of code: {found.code}"
    if not found.options and not found.code:
        yield "the same options; it is not recorded which code differs"


def _span(blocks: list[str]) -> str:
    return blocks[0] if len(blocks) == 1 else f"{len(blocks)} blocks, {blocks[0]} to {blocks[-1]}"


def _cut(lines: list[str], indent: str = "") -> Iterator[str]:
    """The first ones, and how many more there are."""
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"{indent}and {len(lines) - _SHOWN} more"


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"


def _recipes(parent: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The folders in `parent` with their recipes, the newest first; those of figures lie aside."""
    paths = [path for pattern in (f"*/{RECIPE}", f"logs/*/{RECIPE}") for path in parent.glob(pattern)]
    paths.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    return [(path.parent, read_recipe(path.parent) or {}) for path in paths]
