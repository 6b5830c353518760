"""The files below a folder, without what operating systems leave there, and without running round in circles."""

import os
from dataclasses import dataclass, field

# What file managers, archivers and network drives leave in folders, in small letters; and all hidden names.
STRAYS = frozenset(
    {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "thumbs.db:encryptable", "desktop.ini", "picasa.ini", "icon\r"}
    | {"__macosx", "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "lost+found"}
    | {"$recycle.bin", "recycler", "system volume information"}
)


@dataclass(frozen=True)
class Listing:
    """What lies below a folder, as paths that begin with it.

    Attributes:
        files: regular files, and links to such.
        folders: folders that were looked into.
        passed_over: hidden and system files and folders.
        faults: what cannot be used, each a path and why: broken links, links that lead back, folders that are closed.
    """

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def is_stray(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or left there by an operating system."""
    return name.startswith(".") or name.lower() in STRAYS


def list_below(folder: str) -> Listing:
    """Everything below a folder; links are followed, but never back into a folder that they lie in."""
    found = Listing()
    _walk(folder, {_place(folder): folder}, found)
    return found


def _place(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _walk(folder: str, above: dict[tuple[int, int], str], found: Listing) -> None:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        found.faults.append(f"{folder}: cannot be opened ({error.strerror})")
        return
    for entry in entries:
        if is_stray(entry.name):
            found.passed_over.append(entry.path)
            continue
        try:
            is_file, is_folder = entry.is_file(), entry.is_dir()
        except OSError:  # a link to itself
            is_file = is_folder = False
        if is_file:
            found.files.append(entry.path)
        elif not is_folder:
            found.faults.append(f"{entry.path}: a broken link, or no regular file")
        elif (place := _place(entry.path)) in above:
            found.faults.append(f"{entry.path}: a link that leads back to {above[place]}, a folder that it lies in")
        else:
            found.folders.append(entry.path)
            _walk(entry.path, above | {place: entry.path}, found)
