"""The code of a study: what git tracks of the checkout, as it lies there, and the user's own code that made it."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memdyn.operations.archives import CHANGES, CODE
from memdyn.operations.archives.item import Item
from memdyn.operations.archives.places import Places


@dataclass(frozen=True)
class Commit:
    """What git says of a checkout.

    Attributes:
        name: 40 hex digits.
        day: of the commit, YYYY-MM-DD.
        changes: a diff of tracked files against it; empty where there are none.
        files: tracked files that are there, from the checkout.
    """

    name: str
    day: str
    changes: bytes
    files: tuple[str, ...]

    @classmethod
    def of(cls, checkout: Path) -> "Commit":
        """Of a checkout as it is now.

        Raises:
            RuntimeError: where git knows of no commit there.
        """
        tracked = git(checkout, "ls-files", "-z").decode().split("\0")
        there = [file for file in sorted(tracked) if file and (checkout / file).exists()]
        return cls(
            name=git(checkout, "rev-parse", "HEAD").decode().strip(),
            day=git(checkout, "show", "--no-patch", "--format=%cs", "HEAD").decode().strip(),
            changes=git(checkout, "diff", "--binary", "--no-color", "--no-ext-diff", "--full-index", "HEAD"),
            files=tuple(there),
        )


def git(checkout: Path, *arguments: str) -> bytes:
    """What git prints.

    Raises:
        RuntimeError: with what git says where it fails.
    """
    try:
        done = subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, timeout=60, check=True)
    except FileNotFoundError:
        raise RuntimeError("git is not installed, and an archive holds the code as git knows it") from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(
            f"{checkout} is no git checkout with a commit, and an archive holds the code as git knows it: "
            f"{error.stderr.decode(errors='replace').strip()}"
        ) from None
    return done.stdout


def code_items(commit: Commit, places: Places, modules: set[str], images: bool) -> Iterator[Item]:
    """The files of code/.

    Tracked files go in as they lie there, with their changes; what is untracked only where it made the study, for notes
    and data may lie beside it.

    Args:
        modules: files of the package that made the study, from the scripts' folder.
        images: whether the user's own data may go in, where they are tracked.
    """
    hidden = [] if images else [place.resolve() for place in map(Path, places.data)]
    found: dict[str, Path] = {}
    for file in [*commit.files, *(f"workflow/scripts/{module}" for module in modules)]:
        path = places.checkout / file
        if not any(path.resolve().is_relative_to(place) for place in hidden):
            found[file] = path
    for code in places.own.values():
        for module in code.modules.values():
            found[places.name(str(module.file))] = module.file
    for name, path in sorted(found.items()):
        yield from _files(name, path)
    if commit.changes:
        yield Item(CHANGES, "code", commit.changes)


def _files(name: str, path: Path) -> Iterator[Item]:
    """A link to a folder, as `slurm`, is that folder's files: archives hold no links."""
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.is_file():
                yield Item(f"{CODE}/{name}/{inner.relative_to(path).as_posix()}", "code", inner)
    else:
        yield Item(f"{CODE}/{name}", "code", path)
