"""Keeps finished work whose code changed in a way that provably does not change results (a refactoring).

Folders get the names that the code now gives them, and their recipe.yaml records what was adopted, why and when.
Nothing checks that results stay the same: that is what the reason vouches for. Not while snakemake runs.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime

from memdyn.identity.recipe import RECIPE, commit, read_recipe, with_code, write_recipe
from memdyn.operations.asked import plan_of, study_arguments
from memdyn.operations.guard import Superseded, superseded
from memdyn.plan.study import StudyPlan


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, type=_reason, metavar="TEXT", help="why results stay the same")
    study_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be renamed, and rename nothing")


def _reason(text: str) -> str:
    if not text.strip():
        raise ArgumentTypeError("must say why results stay the same")
    return text


def run(given: Namespace) -> None:
    """Adopts all that can be.

    Raises:
        ConfigError: for a bad study.
        FileExistsError: where a new name is taken.
    """
    found = adoptable(plan_of(given))
    for item in found:
        told = f"{item.folder} as {item.new_folder.name} ({item.changed_code})"
        if not given.dry_run:
            adopt(item, given.reason)
        print(f"{'would adopt' if given.dry_run else 'adopted'} {told}", flush=True)
    if not found:
        print("nothing to adopt: no finished folder of this study has older code")


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
    recipe, wanted = read_recipe(item.folder) or {}, with_code(item.wanted.params())
    earlier = recipe.get("adopted", [])
    from_digest, changed = recipe["digest"], item.changed_code
    if recipe["folder"] == wanted["folder"]:
        *earlier, cut_short = earlier
        from_digest, changed = cut_short["from_digest"], cut_short["code"]
    entry = {
        "from": item.folder.name,
        "from_digest": from_digest,
        "to": wanted["folder"],
        "to_digest": wanted["digest"],
        "code": changed,
        "reason": reason,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
    }
    write_recipe(item.folder / RECIPE, {**recipe, **wanted, "adopted": [*earlier, entry]})
    item.folder.rename(item.new_folder)
