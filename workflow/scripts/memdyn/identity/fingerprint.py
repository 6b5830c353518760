"""Content hashes of files and folders, fast enough to be asked for whenever the Snakefile is parsed.

A hash is remembered in a small JSON file for as long as the file's size and times stay as they were. The cache is
only a shortcut: it may be deleted, damaged, unwritable or written by two processes at once.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

from memdyn.jobs.atomic import atomic_path
from memdyn.store.folders import list_below

SETTLED_S = 2.0  # younger files may change again within the resolution of their times, so they are not remembered

Stamp = list[int]
Cache = dict[str, tuple[Stamp, str]]


def fingerprint(path: str | os.PathLike, cache_file: str | os.PathLike) -> str:
    """SHA-256, in hex, of a file's content or of a folder's (relative paths and contents of the files in it).

    Neither times nor the place of the file or folder enter, nor do hidden files below a folder and what operating
    systems leave there (`memdyn.store.folders`).

    Args:
        cache_file: JSON that remembers hashes by path, size and times of change.

    Raises:
        FileNotFoundError: when the path does not exist.
    """
    return fingerprints([path], cache_file)[0]


def fingerprints(paths: Iterable[str | os.PathLike], cache_file: str | os.PathLike) -> list[str]:
    """The fingerprint of each path; what is remembered is read once."""
    known, fresh = _read_cache(cache_file), Cache()
    digests = [(_folder_digest if os.path.isdir(path) else _file_digest)(str(path), known, fresh) for path in paths]
    if fresh:
        _write_cache(cache_file, fresh)
    return digests


def _folder_digest(folder: str, known: Cache, fresh: Cache) -> str:
    total = hashlib.sha256()
    for file in sorted(list_below(folder).files):
        relative = os.path.relpath(file, folder).replace(os.sep, "/")
        total.update(f"{json.dumps(relative)}:{_file_digest(file, known, fresh)}\n".encode())
    return total.hexdigest()


def _file_digest(path: str, known: Cache, fresh: Cache) -> str:
    key = os.path.abspath(path)
    stamp = _stamp(path)
    if key in known and known[key][0] == stamp:
        return known[key][1]
    with open(path, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    settled = time.time() - max(stamp[1:]) / 1e9 > SETTLED_S
    if settled and _stamp(path) == stamp:
        fresh[key] = (stamp, digest)
    return digest


def _stamp(path: str) -> Stamp:
    """Size and times; the time of the inode's change too, since copying can restore the other one."""
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _read_cache(cache_file: str | os.PathLike) -> Cache:
    try:
        content = json.loads(Path(cache_file).read_text())
        return {str(key): (list(stamp), str(digest)) for key, (stamp, digest) in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write_cache(cache_file: str | os.PathLike, fresh: Cache) -> None:
    """Add to what is there now: another process may have written since. No cache is no error."""
    merged = _read_cache(cache_file) | fresh
    with contextlib.suppress(OSError), atomic_path(cache_file) as temporary:
        Path(temporary).write_text(json.dumps(merged))
