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


def plain_options(section: Any, hashed: bool = False) -> Any:
    """Config sections, and dicts and lists of them, as sorted plain values.

    Args:
        hashed: leave out the keys that still have the neutral value of their introduction: what enters the hash.
            Jobs get all keys, so that no default is written down twice.
    """
    if isinstance(section, BaseModel):
        kept = [name for name in type(section).model_fields if not (hashed and _is_neutral(section, name))]
        return {name: plain_options(getattr(section, name), hashed) for name in sorted(kept)}
    if isinstance(section, dict):
        return {key: plain_options(section[key], hashed) for key in sorted(section)}
    if isinstance(section, list | tuple):
        return [plain_options(item, hashed) for item in section]
    return section


def _is_neutral(section: BaseModel, name: str) -> bool:
    marks = [mark for mark in type(section).model_fields[name].metadata if isinstance(mark, Neutral)]
    return any(getattr(section, name) == mark.value for mark in marks)


def options_hash(options: Any) -> str:
    """Hex hash of plain options; the order of keys does not matter, `1` and `1.0` differ."""
    return hashlib.sha256(json.dumps(options, sort_keys=True, allow_nan=False).encode()).hexdigest()


def folder_name(slug: str, options_hash: str, digest: str) -> str:
    """`<slug>-<hash>`: what the artifact is for people, and what it was made from for machines."""
    readable = re.sub(r"[^a-z0-9.]+", "-", slug.lower()).strip("-")[:SLUG_LENGTH].strip("-.")
    short = hashlib.sha256(f"{options_hash} {digest}".encode()).hexdigest()[:HASH_LENGTH]
    return f"{readable}-{short}"
