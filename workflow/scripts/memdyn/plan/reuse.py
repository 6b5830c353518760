"""Training that is there already, of the same recipe with more checkpoints: a study of fewer trains and scores nothing.

What is trained does not depend on the list of saved checkpoints, nor do seeds. Yet weights are there at the saved ones
only, and go once they are read. So the list is part of a run's folder, and a study that asks for fewer reads what was
made for more.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from memdyn.identity.recipe import RECIPE, read_recipe
from memdyn.plan.stage import Stage

TrainOf = Callable[[Sequence[int]], Stage]


def same_training(train_of: TrainOf, exact: Stage, results: Path, known: Collection[str] = ()) -> list[Stage]:
    """Training that is there of the same options and code, but for its saved checkpoints.

    Args:
        train_of: the stage for a list of checkpoints.
        exact: that of the study's own list, which is not among them.
        known: folders that need no look, since they are of other options.
    """
    return list(_alike(train_of, exact, results, known))


def _alike(train_of: TrainOf, exact: Stage, results: Path, known: Collection[str]) -> Iterator[Stage]:
    slug = exact.folder.rpartition("-")[0]
    for path in sorted((results / exact.parent.path).glob(f"{slug}-*/{RECIPE}")):
        name = path.parent.name
        if name == exact.folder or name in known or name.rpartition("-")[0] != slug:
            continue
        recipe = read_recipe(path.parent) or {}
        if recipe.get("kind") == exact.kind.name:
            stage = train_of(recipe["options"]["checkpoints"])
            if stage.folder == name:
                yield stage


def saved(stage: Stage) -> set[int]:
    """The checkpoints of a training."""
    return set(stage.options["checkpoints"])


def choose(exact: Stage, others: Sequence[Stage], results: Path) -> Stage:
    """The training that a study reads: the exact one where it is begun, else the smallest that holds all of it."""
    holding = [stage for stage in others if saved(exact) <= saved(stage)]
    if not holding or (results / exact.path).exists():
        return exact
    return min(holding, key=lambda stage: (len(saved(stage)), stage.path))
