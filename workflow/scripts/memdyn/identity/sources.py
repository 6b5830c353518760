"""What is in the files that pools are read from: looked at once a start, and not at all by jobs.

A start of Snakemake hashes the files and notes the hashes in the results; its jobs, each of which plans the study anew
on its own machine, take them from there. Where a file is gone, the recipe of the pool that was built from it knows.
"""

import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memdyn.identity.fingerprint import fingerprints
from memdyn.identity.names import readable
from memdyn.identity.recipe import read_recipe
from memdyn.jobs.atomic import atomic_path

FINGERPRINTS = ".fingerprints.json"
_NOTE = ".sources.json"


@dataclass(frozen=True)
class Sources:
    """Hashes of source files and folders by path, as this start sees them; `last`: as the one before saw them."""

    results: Path
    now: dict[str, str]
    last: dict[str, str]

    def content(self, files: Sequence[str]) -> list[str] | None:
        """The hashes of a pool's files; None where one of them is gone."""
        return [self.now[path] for path in files] if all(path in self.now for path in files) else None

    def built(self, files: Sequence[str], name: str, options_hash: Callable[[list[str]], str]) -> list[str] | None:
        """The hashes of a pool's files, some of which are gone, from the recipe of the pool that was built from them.

        What is there of the files must still be the same, and what is gone must be what was last seen of it.

        Args:
            name: of the data set, as the pool's folder has it.
            options_hash: of a pool's options, with these hashes among them.

        Returns:
            None where no such pool was built.

        Raises:
            ValueError: where there are several, from several contents of the files.
        """
        known = self.last | self.now
        found: dict[tuple[str, ...], Path] = {}
        for recipe in map(read_recipe, sorted(self.results.glob(f"{readable(name)}-*"))):
            if recipe and _was_built(self.results, recipe, files):
                content = recipe["options"]["content"]
                is_last = all(known.get(path, digest) == digest for path, digest in zip(files, content, strict=True))
                if is_last and options_hash(content) == recipe["options_hash"]:
                    found[tuple(content)] = self.results / recipe["folder"]
        if len(found) > 1:
            pools = ", ".join(map(str, found.values()))
            raise ValueError(
                f"{', '.join(files)}: gone, and pools were built from several versions of it: {pools}; "
                "put it back, or move aside the pools that are not meant"
            )
        return list(next(iter(found))) if found else None


def look(files: Iterable[str], results: Path, is_job: bool) -> Sources:
    """Hashes the files that are there.

    Args:
        is_job: a job of a started study, which takes the hashes that the start has noted; it looks at files only where
            there is no note.
    """
    last = _read_note(results)
    known = last if is_job else {}
    there = [path for path in dict.fromkeys(files) if path not in known and Path(path).exists()]
    now = known | dict(zip(there, fingerprints(there, results / FINGERPRINTS), strict=True)) if there else known
    if not is_job and now.items() - last.items():
        with contextlib.suppress(OSError), atomic_path(results / _NOTE) as temporary:
            temporary.write_text(json.dumps(_read_note(results) | now))
    return Sources(results, now, last)


def refuse_changed(files: Sequence[str], content: Sequence[str], results: Path) -> None:
    """After reading: were the files those that the pool's name stands for?

    Raises:
        RuntimeError: naming the file that changed.
    """
    for path, planned, found in zip(files, content, fingerprints(files, results / FINGERPRINTS), strict=True):
        if planned != found:
            raise RuntimeError(f"{path} changed while this job waited; nothing was made of it, run snakemake again")


def _was_built(results: Path, recipe: dict[str, Any], files: Sequence[str]) -> bool:
    is_theirs = recipe["kind"] == "pool" and recipe["inputs"].get("files") == list(files)
    return is_theirs and Path(results, recipe["folder"], "pool.arrow").exists()


def _read_note(results: Path) -> dict[str, str]:
    try:
        content = json.loads((results / _NOTE).read_text(encoding="utf-8"))
        return {str(path): str(digest) for path, digest in content.items()}
    except (OSError, ValueError, AttributeError):
        return {}
