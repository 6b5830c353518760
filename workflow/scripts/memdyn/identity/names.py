"""Names of artifact folders: `<readable slug>-<short hash>`, the hash covering options and code.

Input-addressed: an edit of a config or of code leads to another folder, going back costs nothing, and no
time stamp or database can make a stale result look fresh.
"""

import hashlib
import json
import re
from typing import Any

from pydantic import BaseModel

from memdyn.config.base import Hashed, Neutral

HASH_LENGTH = 10
SLUG_LENGTH = 48


def plain_options(section: Any, hashed: bool = False) -> Any:
    """Config sections, and dicts and lists of them, as sorted plain values.

    Args:
        hashed: what enters the hash, without the keys that still have the neutral value of their introduction, and
            without paths. Jobs get all keys, so that no default is written down twice.
    """
    if isinstance(section, BaseModel):
        whole = {name: plain_options(getattr(section, name), hashed) for name in sorted(type(section).model_fields)}
        return _hashed_part(section, whole) if hashed else whole
    if isinstance(section, dict):
        return {key: plain_options(section[key], hashed) for key in sorted(section)}
    if isinstance(section, list | tuple):
        return [plain_options(item, hashed) for item in section]
    return section


def _hashed_part(section: BaseModel, options: dict[str, Any]) -> dict[str, Any]:
    """Without keys that have their neutral value, and of marked keys only what is hashed."""
    kept = {}
    for name, value in options.items():
        marks = type(section).model_fields[name].metadata
        if any(isinstance(mark, Neutral) and getattr(section, name) == mark.value for mark in marks):
            continue
        parts = [mark.part for mark in marks if isinstance(mark, Hashed)]
        if None not in parts:
            kept[name] = parts[0](value) if parts else value
    return kept


def options_hash(options: Any) -> str:
    """Hex hash of plain options; the order of keys does not matter, `1` and `1.0` differ."""
    return hashlib.sha256(json.dumps(options, sort_keys=True, allow_nan=False).encode()).hexdigest()


def folder_name(slug: str, options_hash: str, digest: str) -> str:
    """`<slug>-<hash>`: what the artifact is for people, and what it was made from for machines."""
    short = hashlib.sha256(f"{options_hash} {digest}".encode()).hexdigest()[:HASH_LENGTH]
    return f"{readable(slug)}-{short}"


def readable(slug: str) -> str:
    """A slug as folders have it."""
    return re.sub(r"[^a-z0-9.]+", "-", slug.lower()).strip("-")[:SLUG_LENGTH].strip("-.")
