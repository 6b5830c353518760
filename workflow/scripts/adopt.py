"""Keeps finished work whose code changed in a way that provably does not change results (a refactoring).

    python workflow/scripts/adopt.py --reason "split loop.py in two, tests hold the bits equal" [--dry-run]

Folders get the names that the code now gives them, and their recipe.yaml records what was adopted, why and when.
Nothing checks that results stay the same: that is what the reason vouches for. Not while snakemake runs.
"""

import argparse
import sys

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.yaml_file import read_yaml
from memdyn.operations.adopt import adopt, adoptable
from memdyn.plan.study import build_plan


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reason", required=True, help="why results stay the same")
    parser.add_argument("--configfile", default="config/config.yaml", help="the study (default: %(default)s)")
    parser.add_argument("--results", help="folder of the results, where it is not the config's")
    parser.add_argument("--dry-run", action="store_true", help="say what would be renamed, and rename nothing")
    return parser.parse_args()


def main(given: argparse.Namespace) -> None:
    config = read_yaml(given.configfile)
    if given.results:
        config["results"] = given.results
    found = adoptable(build_plan(load_study(config)))
    for item in found:
        if not given.dry_run:
            adopt(item, given.reason)
        print(f"{'would adopt' if given.dry_run else 'adopted'} {item.folder} as {item.new_folder.name}")
    if not found:
        print("nothing to adopt: no finished folder of this study has older code")


if __name__ == "__main__":
    try:
        main(arguments())
    except (ConfigError, OSError) as error:
        sys.exit(str(error))
