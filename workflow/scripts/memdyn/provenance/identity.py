"""Names of artifact folders: `<readable slug>-<short hash>`, the hash covering options and code.

Input-addressed: an edit of a config or of code leads to another folder, going back costs nothing, and no
time stamp or database can make a stale result look fresh.
"""

import hashlib
import json
import re
from typing import Any

from pydantic import BaseModel

from memdyn.config.base import Neutral

HASH_LENGTH = 10
SLUG_LENGTH = 48


def plain_options(section: Any) -> Any:
    """A config section as sorted plain values, without keys that still have the neutral value of their introduction."""
    if isinstance(section, BaseModel):
        fields = {name: getattr(section, name) for name in type(section).model_fields}
        return {name: plain_options(fields[name]) for name in sorted(fields) if not _is_neutral(section, name)}
    if isinstance(section, dict):
        return {key: plain_options(section[key]) for key in sorted(section)}
    if isinstance(section, list | tuple):
        return [plain_options(item) for item in section]
    return section


def _is_neutral(section: BaseModel, name: str) -> bool:
    marks = [mark for mark in type(section).model_fields[name].metadata if isinstance(mark, Neutral)]
    return any(getattr(section, name) == mark.value for mark in marks)


def options_hash(options: Any) -> str:
    """Hex hash of plain options; the order of keys does not matter, `1` and `1.0` differ."""
    return hashlib.sha256(json.dumps(options, sort_keys=True, allow_nan=False).encode()).hexdigest()


def folder_name(slug: str, options: Any, digest: str) -> str:
    """`<slug>-<hash>`: what the artifact is for people, and what it was made from for machines."""
    readable = re.sub(r"[^a-z0-9.]+", "-", slug.lower()).strip("-")[:SLUG_LENGTH].strip("-.")
    short = hashlib.sha256(f"{options_hash(options)} {digest}".encode()).hexdigest()[:HASH_LENGTH]
    return f"{readable}-{short}"
