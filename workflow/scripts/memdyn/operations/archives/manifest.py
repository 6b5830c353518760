"""The manifest, which is equal for equal results, and the sums of every file, which are not.

`manifest.json` has SHA-256 and size of each file, without those below environment/ and those that hold measured times.
Of these it says which columns are measured and, of a Parquet table, the hash of all others: so two archives are of
equal results where their manifests are equal. `environment/SHA256SUMS` has every file but itself, as `sha256sum -c`
reads it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from memdyn.operations.archives import ENVIRONMENT, MANIFEST, SUMS
from memdyn.operations.archives.item import Item, plain_json, sha256

FORMAT = 1


class Damaged(ValueError):
    """An archive is not as it was written."""


def manifest(about: Mapping[str, Any], items: list[Item], hashes: Mapping[str, str]) -> bytes:
    """The manifest of items that were written.

    Args:
        about: what it says besides of its files.
        hashes: SHA-256 by path.
    """
    own = [item for item in items if not item.path.startswith(f"{ENVIRONMENT}/")]
    files = {
        item.path: {"role": item.role, "size": item.size, "sha256": hashes[item.path]}
        for item in own
        if not item.measured
    }
    measured = {item.path: {"role": item.role, **_measured(item)} for item in own if item.measured}
    return plain_json({**about, "format": FORMAT, "files": files, "measured": measured})


def _measured(item: Item) -> dict[str, Any]:
    if item.measured == ("",):
        return {"columns": "it prints times and versions throughout"}
    columns = list(item.measured)
    if not (isinstance(item.source, Path) and item.path.endswith(".parquet")):
        return {"columns": columns}
    return {"columns": columns, "sha256_of_others": hash_of_values(item.source, columns)}


def hash_of_values(path: Path, without: list[str]) -> str:
    """Of a Parquet table's names, types and values, but for some columns."""
    table = pq.read_table(path)
    kept = table.drop_columns(without).combine_chunks().replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, kept.schema) as writer:
        writer.write_table(kept)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def sums(hashes: Mapping[str, str]) -> bytes:
    """As `sha256sum` writes them, in order."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(hashes.items())).encode()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an archive's folder.

    Raises:
        Damaged: where there is none that can be read.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        known = {"format", "study", "page", "code", "blank", "scores", "files", "measured"}
        if found["format"] != FORMAT or not known <= found.keys():
            raise ValueError(f"not of format {FORMAT}")
    except FileNotFoundError:
        raise Damaged(f"{folder} is no archive of memdyn: it has no {MANIFEST}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{MANIFEST} cannot be read: it was changed ({error})") from None
    return found


def problems(folder: Path) -> Iterator[str]:
    """What of an archive's folder is not as it was written, a file a line.

    Each file is held to SHA256SUMS, and, but for the environment, to the manifest too, so that of a file and its sum it
    is known which was changed.
    """
    there = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if not path.is_dir()}
    found = {name: sha256(path) for name, path in there.items() if name != SUMS}
    if SUMS not in there:
        yield f"{SUMS}: missing"
        summed = dict(found)
    else:
        summed, odd = _read_sums((folder / SUMS).read_bytes())
        yield from odd
    try:
        listed = _listed(folder)
    except Damaged as damage:
        yield str(damage)
        listed = {}
    for name in sorted(found.keys() | summed.keys() | listed.keys()):
        if problem := _problem(name, found.get(name), summed.get(name), listed.get(name)):
            yield problem


def _listed(folder: Path) -> dict[str, str | None]:
    """Path -> hash, as the manifest has it; None of files with measured times."""
    read = read_manifest(folder)
    if plain_json(read) != (folder / MANIFEST).read_bytes():
        raise Damaged(f"{MANIFEST}: changed; it is not spelled as it was written")
    try:
        sizes = {name: entry["size"] for name, entry in read["files"].items()}
        listed = {name: entry["sha256"] for name, entry in read["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{MANIFEST} cannot be read: it was changed ({error})") from None
    odd = [name for name, size in sizes.items() if (folder / name).is_file() and (folder / name).stat().st_size != size]
    for name in odd:
        if listed[name] == sha256(folder / name):
            raise Damaged(f"{MANIFEST}: changed; {name} has another size than it says, and the hash that it says")
    return listed | dict.fromkeys(read["measured"])


def _read_sums(content: bytes) -> tuple[dict[str, str], list[str]]:
    lines = re.findall(r"^([0-9a-f]{64})  (.+)$", content.decode(errors="replace"), re.MULTILINE)
    read = {path: digest for digest, path in lines}
    return read, [] if sums(read) == content else [f"{SUMS}: changed; it is not spelled as it was written"]


def _problem(name: str, found: str | None, summed: str | None, listed: str | None) -> str | None:
    """What is wrong with a file.

    Args:
        found, summed, listed: its hash, as it is, in SHA256SUMS and in the manifest.
    """
    if found == summed and listed in (None, found):
        return None
    if found is None:
        return f"{name}: missing"
    if summed is None and listed is None:
        return f"{name}: added; neither {MANIFEST} nor {SUMS} has it"
    if listed == found:
        return f"{SUMS}: changed; its line of {name} is another, or gone"
    if listed is not None and summed == found:
        return f"{MANIFEST}: changed; its entry of {name} is another"
    what = "changed" if listed is not None else f"changed, or its line of {SUMS} was"
    return f"{name}: {what} (SHA-256 {found[:10]}..., as archived {(listed or summed or '')[:10]}...)"
