"""Makes one folder, and a .zip of it, to deposit: a finished study with its code, scores, tables, figures and report.

Of the same study it is the same, byte for byte; of another machine's equal results it differs in environment/ and in
the files that the manifest calls measured. Its size is stated before anything is written. See docs/archive.md.
"""

import shutil
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml

from memdyn.config.load import load_study
from memdyn.config.yaml_file import read_yaml
from memdyn.identity.digest import module_hashes
from memdyn.identity.recipe import read_recipe
from memdyn.jobs.atomic import atomic_path
from memdyn.operations.archives import CONFIG, CRATE, ENVIRONMENT, LINEAGE, MANIFEST, README, SUMS, VERSIONS
from memdyn.operations.archives.citation import Citation
from memdyn.operations.archives.code import Commit, code_items, hidden_places
from memdyn.operations.archives.crate import crate
from memdyn.operations.archives.item import Item, Role, plain_json, sha256, text_item
from memdyn.operations.archives.lineage import lineage
from memdyn.operations.archives.manifest import manifest, sums
from memdyn.operations.archives.pack import files_size, write_zip
from memdyn.operations.archives.places import Places
from memdyn.operations.archives.readme import readme
from memdyn.operations.archives.results import (
    PAGE,
    Chosen,
    is_blank,
    refuse_blank_features,
    refuse_pictures,
    refuse_unfinished,
    result_items,
    study_items,
)
from memdyn.operations.cost import told_bytes
from memdyn.operations.guard import CONFIG as KEPT
from memdyn.own.source import CHECKOUT
from memdyn.plan.study import StudyPlan, build_plan

_WORDS: dict[Role, str] = {
    "code": "code and config",
    "given": "pools, masks, logs of training, scores",
    "derived": "tables of runs",
    "study": "tables, figures and page of the study",
    "weights": "checkpoints",
    "about": "what is said of it",
    "environment": "environment",
}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("study", type=Path, metavar="STUDY", help="a finished one: results/studies/NAME")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="to be made, and FOLDER.zip beside it"
    )
    parser.add_argument(
        "--scores",
        action=BooleanOptionalAction,
        default=True,
        help="what is read off the networks, from which `memdyn verify --rebuild` makes all else anew (default: yes)",
    )
    parser.add_argument("--checkpoints", action="store_true", help="also weights that keep_checkpoints has kept")
    parser.add_argument("--dry-run", action="store_true", help="say what would go in and its size, and write nothing")


def run(given: Namespace) -> None:
    """Writes the archive.

    Raises:
        FileExistsError: where there is something of that name.
        FileNotFoundError: for a study that is not there or not finished.
        RuntimeError: for one that this checkout's code and config would make anew, or that shows what is kept out.
        OSError: where the disk has no room.
    """
    packed = given.output.with_name(f"{given.output.name}.zip")
    for path in (given.output, packed):
        if path.exists() or path.is_symlink():
            raise FileExistsError(f"{path} is there already, and archives are never overwritten: give another --output")
    made = Archive.of(given.study, given.scores, given.checkpoints)
    print("\n".join(made.stated(given.output.name)), flush=True)
    if given.dry_run:
        return
    made.refuse_full_disk(given.output)
    made.write(given.output, packed)
    print(f"{given.output}, and {packed} with SHA-256 {sha256(packed)}")
    print(f"its results are those of every archive whose {MANIFEST} has SHA-256 {sha256(given.output / MANIFEST)}")


class Archive:
    """What goes into an archive; nothing is written yet."""

    def __init__(self, plan: StudyPlan, items: list[Item], about: dict[str, Any]) -> None:
        self.plan, self.items, self.about = plan, items, about

    @classmethod
    def of(cls, folder: Path, scores: bool = True, weights: bool = False) -> "Archive":
        """See `run`.

        Args:
            folder: of the study.
        """
        plan = planned(folder)
        config = plan.study.config
        refuse_unfinished(plan, folder)
        refuse_pictures(plan)
        refuse_blank_features(plan)
        chosen, checkout = Chosen(scores, weights, config.archive.images), CHECKOUT
        places = Places.of(plan, checkout)
        commit = Commit.of(checkout, hidden_places(places, chosen.images))
        citation = Citation.of(plan.study, checkout, commit.day)
        found = [*result_items(plan, places, chosen), *study_items(plan, places)]
        if weights and not any(item.role == "weights" for item in found):
            raise RuntimeError(f"--checkpoints: none are left, since keep_checkpoints = {config.keep_checkpoints}")
        items = [*code_items(commit, places, modules_of(plan), chosen.images), *found, *_environment(plan)]
        items += [_config_item(plan, places), Item(LINEAGE, "about", plain_json(fed := lineage(plan)))]
        blank = sorted({stage.path for stage in plan.stages.values() if is_blank(stage, chosen)})
        items.append(text_item(README, "about", readme(citation, commit, items, blank, scores)))
        titles = {path: figure["title"] for path, figure in fed["figures"].items()}
        items.append(Item(CRATE, "about", crate(items, citation, commit, titles)))
        about = {
            "study": config.study,
            "page": f"results/studies/{config.study}/versions/{plan.report.folder}/{PAGE}",
            "code": {"commit": commit.name, "changed": bool(commit.changes)},
            "blank": blank,
            "scores": scores,
        }
        return cls(plan, sorted(items, key=lambda item: item.path), about)

    def stated(self, name: str) -> Iterator[str]:
        """What goes in, and how large it is."""
        for role, words in _WORDS.items():
            own = [item.size for item in self.items if item.role == role]
            if own:
                yield f"{told_bytes(sum(own)):>8}  {len(own):>6} files  {words}"
        yield f"{told_bytes(self.needed(name)):>8}  in all, the folder and its zip together"

    def needed(self, name: str) -> int:
        """Bytes on the disk, without the manifest and the sums."""
        return files_size([item.size for item in self.items], [f"{name}/{item.path}" for item in self.items])

    def refuse_full_disk(self, output: Path) -> None:
        """Before anything is written.

        Raises:
            OSError: with what is needed and what is free.
        """
        there = next(path for path in output.absolute().parents if path.exists())
        free, needed = shutil.disk_usage(there).free, self.needed(output.name)
        if needed > free:
            raise OSError(f"{there} has {told_bytes(free)} free, and the archive needs {told_bytes(needed)}")

    def write(self, output: Path, packed: Path) -> None:
        """The folder and its zip, both whole or not at all: they get their names last, the zip first."""
        with atomic_path(output) as folder, atomic_path(packed) as zipped:
            folder.mkdir()
            hashes = {item.path: item.write(folder) for item in self.items}
            (folder / MANIFEST).write_bytes(manifest(self.about, self.items, hashes))
            hashes[MANIFEST] = sha256(folder / MANIFEST)
            (folder / SUMS).write_bytes(sums(hashes))
            write_zip(folder, output.name, zipped)


def planned(folder: Path) -> StudyPlan:
    """The plan of a study that ran, from the config beside its report.

    Raises:
        FileNotFoundError: where none has run there.
        RuntimeError: elsewhere than in the checkout, and for a study of other results than its config says.
    """
    if Path.cwd() != CHECKOUT:
        raise RuntimeError(f"archives are made in the checkout, whose code goes in: cd {CHECKOUT}")
    kept = (folder / PAGE).resolve().with_name(KEPT)
    if not (folder / PAGE).exists():
        raise FileNotFoundError(f"{folder}: no study has ended there; allowed: results/studies/NAME")
    if not kept.exists():
        raise FileNotFoundError(f"{kept}: this report is of an older release; run snakemake again, which adds it")
    plan = build_plan(load_study(read_yaml(str(kept))))
    if Path(plan.folder).resolve() != folder.resolve():
        raise RuntimeError(f"{kept} is of the study {plan.folder}, not of {folder}")
    return plan


def modules_of(plan: StudyPlan) -> set[str]:
    """Files of the package that make the study, from the scripts' folder."""
    stages = [*plan.stages.values(), plan.tables, plan.figures, plan.report]
    code = {(stage.roots, stage.entries) for stage in stages}
    named = {name for roots, entries in code for name in module_hashes(roots, entries) if not name.startswith("own:")}
    # of a section its parts are named, `memdyn.report.sections.roc:SECTION.figures`
    files = {f"{name.partition(':')[0].replace('.', '/')}.py" if ":" in name else name for name in named}
    return files | {file for stage in stages for file in stage.files}


def _config_item(plan: StudyPlan, places: Places) -> Item:
    config = places.renamed(plan.study.config.stated()) | {"results": "results", "data_dir": "data"}
    return text_item(CONFIG, "code", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))


def _environment(plan: StudyPlan) -> Iterator[Item]:
    """The config with this machine's paths, and the versions of packages."""
    config = yaml.safe_dump(plan.study.config.stated(), sort_keys=False, allow_unicode=True)
    yield text_item(f"{ENVIRONMENT}/{CONFIG}", "environment", config)
    found: dict[str, set[str]] = {}
    for stage in plan.stages.values():
        for package, version in (read_recipe(Path(plan.results, stage.path)) or {}).get("versions", {}).items():
            found.setdefault(package, set()).add(version)
    of_jobs = {package: sorted(versions) for package, versions in found.items()}
    yield Item(VERSIONS, "environment", plain_json({"jobs": of_jobs, "archiving": installed()}))


def installed() -> dict[str, str]:
    """Every package of this Python."""
    return dict(sorted((each.metadata["Name"].lower(), each.version) for each in distributions()))
