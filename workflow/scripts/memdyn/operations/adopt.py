"""Finished folders under the names that changed code gives them, for changes that provably keep results."""

from datetime import UTC, datetime

from memdyn.identity.recipe import RECIPE, commit, read_recipe, write_recipe
from memdyn.operations.guard import Superseded, superseded
from memdyn.plan.study import StudyPlan


def adoptable(plan: StudyPlan) -> list[Superseded]:
    """What can be adopted; what lies in a folder comes before the folder, so that no rename moves a later one.

    Raises:
        FileExistsError: where a new name is taken.
    """
    found = superseded(plan)[::-1]
    taken = [str(item.new_folder) for item in found if item.new_folder.exists()]
    if taken:
        raise FileExistsError(f"nothing was renamed; these folders exist, move them away first: {', '.join(taken)}")
    return found


def adopt(item: Superseded, reason: str) -> None:
    """Renames a folder; its recipe gets the new digest and an entry under `adopted`.

    The recipe is written first: a kill in between leaves a folder that is found and adopted again.
    """
    recipe, wanted = read_recipe(item.folder) or {}, item.wanted.params()
    earlier = recipe.get("adopted", [])
    from_digest = recipe["digest"]
    if recipe["folder"] == wanted["folder"]:
        *earlier, cut_short = earlier
        from_digest = cut_short["from_digest"]
    entry = {
        "from": item.folder.name,
        "from_digest": from_digest,
        "to": wanted["folder"],
        "to_digest": wanted["digest"],
        "reason": reason,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
    }
    write_recipe(item.folder / RECIPE, {**recipe, **wanted, "adopted": [*earlier, entry]})
    item.folder.rename(item.new_folder)
