"""Facts of files of code, kept from process to process: reading code takes most of the time before a first job.

They lie in `__pycache__`, where Python keeps compiled code, each with the hash of the content that it was read from,
and all with the hash of what read them: what is stale is not found. Where nothing can be written, code is read again.
"""

import hashlib
import json
import sys
from contextlib import suppress
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path

from memdyn.identity.tree import Facts, read_facts
from memdyn.jobs.atomic import atomic_path

_READER = ("tree.py", "parts.py", "digest.py", "kept.py")


class KeptFacts:
    """Those of a package's files, and of the scripts beside it."""

    def __init__(self, package: Path) -> None:
        self.path = Path(cache_from_source(str(package / "digests.py"))).with_suffix(".json")
        self._known, self._new = _load(self.path), {}

    def of(self, label: str, code: bytes, part: str, is_package: bool) -> Facts:
        """See `memdyn.identity.tree.read_facts`; the label is the file's name for as long as it is there."""
        key, content = f"{label}:{part}", hashlib.sha256(code).hexdigest()
        known = self._known.get(key)
        if not known or known[0] != content:
            known = self._known[key] = self._new[key] = [content, *read_facts(code, label, part, is_package)]
        return Facts(known[1], tuple(known[2]))

    def save(self) -> None:
        """For further processes; of two that save at once one may lose its facts, which are then read again."""
        if self._new:
            kept = {"reader": _reader(), "facts": _load(self.path) | self._new}
            with suppress(OSError), atomic_path(self.path, durable=False) as temporary:
                temporary.write_text(json.dumps(kept), encoding="utf-8")
            self._new = {}


def _load(path: Path) -> dict[str, list]:
    with suppress(OSError, ValueError, LookupError, TypeError):
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["reader"] == _reader():
            return dict(kept["facts"])
    return {}


@cache
def _reader() -> str:
    """What the facts depend on besides the code that they are of."""
    own = [Path(__file__).with_name(name).read_bytes() for name in _READER]
    return hashlib.sha256(b"".join([sys.version.encode(), *own])).hexdigest()


_reader()  # now, of the code that is loaded: an edit while this process runs must not pass for what it read with
