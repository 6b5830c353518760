"""Files that appear whole or not at all, whatever is killed in between."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_placed: set[str] = set()  # absolute paths that this process wrote
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_TOLD = re.compile(r"No space left on device|Disk quota exceeded")
_TRIED = 1 << 20  # bytes: who had to stop writing for want of room left less than that, while his file is there


class NoRoom(OSError):
    """The disk, or a quota on it, is full; `errno` says which."""

    def __str__(self) -> str:
        return self.strerror


@contextmanager
def atomic_path(path: str | os.PathLike[str], durable: bool = True) -> Iterator[Path]:
    """Yields a temporary path beside `path`; what was written there gets the name `path` when the block ends.

    Works for a file and for a folder (whose old version is removed first). On an error the temporary is
    removed and `path` stays as it was. With `durable` the file reaches the disk before its name does, so that a
    power cut cannot leave an empty file under the final name.

    Raises:
        NoRoom: where the disk was full, whatever the library that wrote made of it, naming the file and the room.
    """
    path = Path(path)
    with _told_if_full(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    # not the process id: jobs on two nodes may share it
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with _told_if_full(path, temporary):
            yield temporary
            if durable and temporary.is_file():
                _sync(temporary)
        if path.is_dir():
            discard(path)
        os.replace(temporary, path)
        _placed.add(os.path.abspath(path))
    finally:
        remove(temporary)


@contextmanager
def _told_if_full(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Args: temporary: what was written; looked for room while it is there, which takes it."""
    try:
        yield
    except NoRoom:
        raise
    except Exception as error:
        reason = _said_no_room(error) or no_room(path.parent)
        if not reason:
            raise
        told = _full(path, reason)
        if temporary:
            _empty(temporary)
        raise NoRoom(reason, told) from error


def _empty(written: Path) -> None:
    """Gives the room back at once: the error may hold a writer, and that the file, long after its name is gone."""
    for file in [written, *written.rglob("*")]:
        # not the weights that a folder only links to
        if file.is_file() and not file.is_symlink() and file.stat().st_nlink == 1:
            os.truncate(file, 0)


def _said_no_room(error: BaseException | None) -> int:
    """The system's number for want of room, where that is what an error, or one that it came of, says; else 0."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return error.errno
        if told := _TOLD.search(str(error)):
            return errno.EDQUOT if "quota" in told[0] else errno.ENOSPC
        error = error.__cause__ or error.__context__
    return 0


def no_room(folder: Path) -> int:
    """The system's number for want of room where a folder takes no more MB; else 0.

    Tried by writing: libraries do not always tell why they failed, and a quota is not in what the system says is free.
    """
    trial = folder / f".room.{secrets.token_hex(4)}.tmp"
    try:
        with trial.open("wb") as stream:
            stream.write(bytes(_TRIED))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        return error.errno if error.errno in _NO_ROOM else 0
    finally:
        with suppress(OSError):
            trial.unlink()
    return 0


def _full(path: Path, reason: int) -> str:
    folder = next(place for place in path.absolute().parents if place.exists())
    free = shutil.disk_usage(folder).free
    quota = ", a quota is used up" if reason == errno.EDQUOT else ""
    return f"no room to write {path}: {free / 1e6:,.1f} MB are free in {folder}{quota}"


def is_own_work(path: str | os.PathLike[str]) -> bool:
    """Whether this process wrote what has the name, and not another job, for which it had waited."""
    return os.path.abspath(path) in _placed


def remove(path: Path) -> None:
    """Deletes a file or a folder; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def discard(folder: Path) -> None:
    """Deletes a folder, whose name is gone at once: nobody finds half of it. Nothing happens where there is none."""
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    with suppress(FileNotFoundError):
        os.replace(folder, aside)
        remove(aside)


def sweep(folder: Path) -> None:
    """Deletes what killed writers left in `folder`. Only for a caller who knows that nobody writes there now."""
    for unfinished in folder.glob(".*.tmp"):
        remove(unfinished)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
