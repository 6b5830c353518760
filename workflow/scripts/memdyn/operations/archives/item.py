"""One file of an archive: where it goes, what it is, and where its bytes come from."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

# code and config; what a rebuild starts from; what it makes anew; what is said of it all
Role = Literal["code", "given", "derived", "study", "weights", "about", "environment"]


@dataclass(frozen=True)
class Item:
    """A file.

    Attributes:
        path: in the archive, with `/`.
        source: a file on disk, or the bytes themselves.
        measured: columns that hold measured times; ("",): all of it prints such things.
    """

    path: str
    role: Role
    source: Path | bytes
    measured: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def write(self, folder: Path) -> str:
        """Copies the file below a folder; times and permissions do not go with it.

        Returns:
            SHA-256 of what was written.
        """
        target = folder / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(self.source, bytes):
            target.write_bytes(self.source)
        else:
            shutil.copyfile(self.source, target)
        return sha256(target)


def sha256(path: Path) -> str:
    """Hash of a file's content, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def text_item(path: str, role: Role, text: str) -> Item:
    return Item(path, role, text.encode())


def plain_json(value: Any) -> bytes:
    """Keys in order, one spelling for one value: equal values are equal bytes."""
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
