"""An archive on the disk: a folder, and a zip of it whose bytes follow from its files."""

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from memdyn.operations.archives.manifest import Damaged

_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can tell
_MODE = 0o100644 << 16


def write_zip(folder: Path, name: str, path: Path) -> None:
    """All files of a folder, in order, with one time and one mode, below `name/`.

    Stored, not deflated: tables and figures are compressed already, and another zlib would write other bytes.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with zipfile.ZipFile(path, "w") as packed:
        for file in files:
            info = zipfile.ZipInfo(f"{name}/{file.relative_to(folder).as_posix()}", _TIME)
            info.external_attr, info.create_system, info.file_size = _MODE, 3, file.stat().st_size
            with file.open("rb") as source, packed.open(info, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def files_size(sizes: list[int], names: list[str]) -> int:
    """Bytes of a folder's files and of a zip of less than 4 GB of them, with its two headers a file and its end."""
    return 2 * sum(sizes) + sum(2 * len(name.encode()) + 30 + 46 for name in names) + 22


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of an archive that is a folder, or a zip, which is unpacked aside for as long.

    Raises:
        Damaged: for a zip that cannot be read, that holds no one folder, or whose files would lie outside of it.
        FileNotFoundError: where there is nothing.
    """
    if path.is_dir():
        yield path
        return
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such archive; allowed: the folder or the .zip of `memdyn archive`")
    with TemporaryDirectory(prefix="memdyn-") as aside:
        yield _unpacked(path, Path(aside))


def _unpacked(path: Path, aside: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
            tops = {name.partition("/")[0] for name in names}
            odd = [name for name in names if name.startswith("/") or ".." in name.split("/") or "\\" in name]
            if len(tops) != 1 or odd or len(set(names)) < len(names):
                raise Damaged(f"{path}: not one archive in one folder ({', '.join(odd or sorted(tops)[:3])})")
            if broken := packed.testzip():
                raise Damaged(
                    f"{broken.partition('/')[2]}: changed; its bytes in {path.name} are not those that it stored"
                )
            packed.extractall(aside)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise Damaged(f"{path}: no zip that can be read: {error}") from None
    return aside / tops.pop()
