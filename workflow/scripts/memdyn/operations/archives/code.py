"""The code of a study: what git tracks of the checkout, as it lies there, and the user's own code that made it."""

import os
import subprocess
from collections.abc import Collection, Iterator
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
        changes: a diff of tracked files against it, but for hidden ones; empty where there are none.
        files: tracked files that are there, from the checkout.
    """

    name: str
    day: str
    changes: bytes
    files: tuple[str, ...]

    @classmethod
    def of(cls, checkout: Path, hidden: Collection[Path] = ()) -> "Commit":
        """Of a checkout as it is now.

        Args:
            hidden: see `hidden_places`; a diff would tell what is in them.

        Raises:
            RuntimeError: where git knows of no commit there.
        """
        tracked = [file for file in sorted(git(checkout, "ls-files", "-z").decode().split("\0")) if file]
        there = [file for file in tracked if (checkout / file).exists()]
        # also by its own name, since one that git has just forgotten is in the diff as deleted
        aside = [file for file in tracked if is_hidden(checkout / file, hidden)]
        aside += [os.path.relpath(place, checkout.resolve()) for place in hidden if _is_in(place, checkout)]
        shown = [".", *(f":(exclude,literal){file}" for file in aside)]
        return cls(
            name=git(checkout, "rev-parse", "HEAD").decode().strip(),
            day=git(checkout, "show", "--no-patch", "--format=%cs", "HEAD").decode().strip(),
            changes=git(
                checkout, "diff", "--binary", "--no-color", "--no-ext-diff", "--full-index", "HEAD", "--", *shown
            ),
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
    hidden = hidden_places(places, images)
    found: dict[str, Path] = {}
    for file in [*commit.files, *(f"workflow/scripts/{module}" for module in modules)]:
        path = places.checkout / file
        if not is_hidden(path, hidden) and not _leads_away(path, places.checkout):
            found[file] = path
    for code in places.own.values():
        for module in code.modules.values():
            found[places.name(str(module.file))] = module.file
    for name, path in sorted(found.items()):
        yield from _files(name, path, hidden)
    if commit.changes:
        yield Item(CHANGES, "code", commit.changes)


def hidden_places(places: Places, images: bool) -> list[Path]:
    """Files and folders of the user's own data, which do not go in unless the config lets them."""
    return [] if images else [place.resolve() for place in map(Path, places.data)]


def is_hidden(path: Path, hidden: Collection[Path]) -> bool:
    return any(path.resolve().is_relative_to(place) for place in hidden)


def _leads_away(path: Path, checkout: Path) -> bool:
    """Whether it is a link to a folder outside, of which git knows no file."""
    return path.is_dir() and not _is_in(path.resolve(), checkout)


def _is_in(path: Path, checkout: Path) -> bool:
    return path.is_relative_to(checkout.resolve())


def _files(name: str, path: Path, hidden: Collection[Path]) -> Iterator[Item]:
    """A link to a folder, as `slurm`, is that folder's files: archives hold no links."""
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.is_file() and not is_hidden(inner, hidden):
                yield Item(f"{CODE}/{name}/{inner.relative_to(path).as_posix()}", "code", inner)
    else:
        yield Item(f"{CODE}/{name}", "code", path)
