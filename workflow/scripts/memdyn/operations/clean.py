"""Lists the results that no study refers to any more, with their sizes; deletes them only with --delete.

A study refers to what its last start asked for: an edit of its config, or of code, leaves earlier folders behind, which
are kept so that going back costs nothing. To give up a study, delete its folder in results/studies first.
What a study needs is never listed, whether it runs, has ended or was killed; each checkout on the results has a note of
what it asked for last.
"""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from memdyn.identity.recipe import RECIPE, read_recipe
from memdyn.jobs.atomic import discard
from memdyn.operations.cost import told_bytes
from memdyn.operations.guard import LINKS
from memdyn.operations.wanted import INTERIM, Wanted, notes, read_note, read_wanted, studies
from memdyn.plan.stage import REPORT

_LOCKS = Path(".snakemake", "locks")


@dataclass(frozen=True)
class Unused:
    """A folder that nobody refers to, and its bytes."""

    folder: Path
    size: int


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--results", default="results", metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--delete", action="store_true", help="delete what is listed")


def run(given: Namespace) -> None:
    """Lists, and deletes where it is told to.

    Raises:
        FileNotFoundError: where there are no results, or no folder of studies in them.
        RuntimeError: where a Snakemake runs in this checkout and something is to be deleted.
    """
    results = Path(given.results)
    if not results.is_dir():
        raise FileNotFoundError(f"{results}: no such folder of results")
    if not (results / "studies").is_dir():  # a pool, or the studies' disk is not mounted: all would count as unused
        raise FileNotFoundError(f"{results}: no folder of results, for it has no `studies` to say what is needed")
    if given.delete and any(_LOCKS.glob("*")):
        raise RuntimeError(
            "nothing was deleted: a Snakemake runs in this folder, and may need what is not noted yet. "
            "If none runs, one was killed: `snakemake --unlock` first"
        )
    noted = _state(results)
    found = unused(results)
    for each in found:
        if given.delete:
            if _state(results) != noted:
                raise RuntimeError("stopped, for a study was started meanwhile: run it again")
            discard(each.folder)
        print(f"{'deleted ' if given.delete else ''}{each.folder}: {told_bytes(each.size)}", flush=True)
    for line in _of_gone_checkouts(results):
        print(line)
    total = told_bytes(sum(each.size for each in found))
    if not found:
        print("nothing to delete: all results are of studies as they are now")
    else:
        print(f"{total} {'deleted' if given.delete else 'in all; `memdyn clean --delete` deletes them'}")


def _state(results: Path) -> set[tuple[Path, int]]:
    """Notes with their times."""
    with suppress(FileNotFoundError):  # one is just replaced
        return {(path, path.stat().st_mtime_ns) for study in studies(results) for path in notes(study)}
    return set()


def unused(results: Path) -> list[Unused]:
    """Folders that no study refers to; what lies in one is not listed besides it.

    Raises:
        ValueError: naming a study of which nobody can say what it needs.
    """
    used, found = set[str](), []
    for study in studies(results):
        used |= _used_by(study)
        found += _earlier_versions(study)
        if (study / INTERIM).is_dir() and _has_ended(study):
            found.append(study / INTERIM)
    return [Unused(folder, _size(folder)) for folder in (*_unused_below(results, {""}, used), *found)]


def _unused_below(folder: Path, above: set[str], used: set[str]) -> Iterator[Path]:
    """A folder with a recipe is an artifact; others are parts of what they lie in.

    Args:
        above: names of the folder below the results, each ending in a slash.
        used: below the results, likewise.
    """
    for recipe in sorted(folder.glob(f"*/{RECIPE}")):
        names = {f"{each}{name}/" for each in above for name in _names(recipe.parent)}
        if not any(each.startswith(tuple(names)) for each in (f"{path}/" for path in used)):
            yield recipe.parent
        elif not names & used:
            yield from _unused_below(recipe.parent, names, used)


def _names(folder: Path) -> set[str]:
    """Its name and those that it had before `memdyn adopt`: studies that have not been started since say these."""
    adopted = (read_recipe(folder) or {}).get("adopted", [])
    return {folder.name} | {each["from"] for each in adopted}


def _used_by(study: Path) -> set[str]:
    """Paths below the results; of a whole pool, with all that lies in it, the path ends in a slash.

    What it last asked for, and what its links still show, which is of an earlier config until the new work has ended.
    """
    found, tables = read_wanted(study), _shown_tables(study)
    if not found and not tables:
        raise ValueError(f"{study}: it is not noted what this study needs; run it again, or delete it to give it up")
    noted, versions = _noted(found)
    for version in tables:
        runs = yaml.safe_load((version / "folders.yaml").read_text(encoding="utf-8"))
        paths = set(_paths(runs))
        # of what is shown and was not asked for last, the hidden teachers are not in the map
        noted |= paths if version.name in versions else {f"{path.partition('/')[0]}/" for path in paths}
    return noted


def _shown_tables(study: Path) -> list[Path]:
    """The folders of tables that a study's links show: themselves, or in figures and page made of them."""
    versions = {_version(study, link) for link in LINKS} - {None}
    found = set()
    for version in versions:
        recipe = read_recipe(version) or read_recipe(version.parent / "logs" / version.name) or {}
        found.add(version.parent / recipe.get("options", {}).get("tables", version.name))
    return sorted(tables for tables in found if (tables / "folders.yaml").exists())


def _version(study: Path, link: str) -> Path | None:
    """The version that a link shows."""
    shown = (study / link).resolve()
    return (shown.parent if LINKS[link] == "report" else shown) if shown.exists() else None


def _noted(found: Iterable[Wanted]) -> tuple[set[str], set[str]]:
    """Folders of artifacts, and of versions, that any checkout asked for last."""
    folders, versions = set[str](), set[str]()
    for note in found:
        folders.update(note.folders)
        versions.update(note.versions)
    return folders, versions


def _paths(found: Any) -> Iterator[str]:
    """The folders in a study's map, however deep."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict | list):
        for each in found.values() if isinstance(found, dict) else found:
            yield from _paths(each)


def _earlier_versions(study: Path) -> Iterator[Path]:
    """Tables, figures and pages that are neither shown nor asked for; all are kept where it is not noted."""
    found = read_wanted(study)
    if found:
        links = [study / link for link in LINKS]
        # versions/report-0123456789/report.html, or the same from the root: each part, of which one is the version
        kept = {
            *_noted(found)[1],
            "logs",
            *(part for link in links if link.is_symlink() for part in link.readlink().parts),
            *(tables.name for tables in _shown_tables(study)),
        }
        yield from (path for path in sorted((study / "versions").glob("*")) if path.name not in kept)


def _of_gone_checkouts(results: Path) -> Iterator[str]:
    """Notes whose checkout is not on this machine: it may be on another one, so what they say is kept."""
    for study in studies(results):
        for path in notes(study):
            checkout = read_note(path).checkout
            if checkout and not Path(checkout).exists():
                yield f"kept for {checkout}, which is not on this machine: if it is gone for good, delete {path}"


def _has_ended(study: Path) -> bool:
    """Whether the page is there that each checkout asked for last, so that nobody needs one of a part of it."""
    found = read_wanted(study)
    pages = [any((study / "versions" / name / REPORT.product).exists() for name in note.versions) for note in found]
    return bool(pages) and all(pages)


def _size(folder: Path) -> int:
    """Bytes of all files; what is deleted meanwhile counts as nothing."""
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, file)).st_size
    return total
