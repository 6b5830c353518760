"""Is an archive, a folder or a .zip, as it was written? With --rebuild also: do its scores give its tables and figures?

Every file is held to its hash; what was changed, is missing or was added is named. A rebuild takes the archive's own
code and nothing but the archive, trains nothing, and compares every table value by value and every figure pixel by
pixel. Exit code 1 where anything differs. See docs/archive.md.
"""

import json
import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from memdyn.identity.recipe import versions
from memdyn.operations.archive import installed
from memdyn.operations.archives import MANIFEST, VERSIONS
from memdyn.operations.archives.compare import Difference, figure_differences, table_differences
from memdyn.operations.archives.item import sha256
from memdyn.operations.archives.manifest import Damaged, problems, read_manifest
from memdyn.operations.archives.pack import opened
from memdyn.operations.archives.rebuild import counterpart, rebuild

_FIGURES = (".png", ".gif", ".pdf")
_SHOWN = 40  # differences in all that are told one by one
_OF_BLANK = {"study/tables/pools.parquet": ("sha256",)}  # hash of a pool with its samples


class Differs(RuntimeError):
    """What was made anew is not what was archived."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("archive", type=Path, metavar="ARCHIVE", help="the folder or the .zip of `memdyn archive`")
    parser.add_argument("--rebuild", action="store_true", help="make tables and figures anew and compare them")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), metavar="N", help="of the rebuild (default: all)")
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        default=0.0,
        metavar="SHARE",
        help="relative difference of numbers that is told and let pass, for other versions of packages (default: none)",
    )


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise ArgumentTypeError(f"{text!r} is no share; allowed: 0 or more and less than 1, such as 1e-6")
    return value


def run(given: Namespace) -> None:
    """Checks the archive.

    Raises:
        Damaged: where a file is not as it was written.
        CannotRebuild, Differs: of a rebuild.
    """
    with opened(given.archive) as folder:
        found = list(problems(folder))
        if found:
            raise Damaged(f"{given.archive} is not as it was written:\n" + "\n".join(f"  {line}" for line in found))
        manifest = read_manifest(folder)
        print(
            f"{_count(folder)} files as they were written; {MANIFEST} has SHA-256 {sha256(folder / MANIFEST)}",
            flush=True,
        )
        if given.rebuild:
            print("making tables and figures anew, from the archived scores ...", flush=True)
            with TemporaryDirectory(prefix="memdyn-") as aside:
                checkout = Path(aside, "checkout")
                rebuild(folder, manifest, checkout, given.cores)
                _judge(folder, checkout, manifest, given.tolerance)


def _count(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def _judge(folder: Path, checkout: Path, manifest: Mapping[str, Any], tolerance: float) -> None:
    """Says what is equal and what is not.

    Raises:
        Differs: where anything differs by more than the tolerance.
    """
    tables, figures = compared(folder, checkout, manifest)
    left_out = _left_out(manifest)
    for kind, found in (("tables", tables), ("figures", figures)):
        print(f"{sum(not several for several in found.values())} of {len(found)} {kind} are equal")
    if left_out:
        told = "; ".join(f"{path}: {', '.join(columns)}" for path, columns in sorted(left_out.items()))
        print(f"not compared, since no other run repeats them: {told}")
    differing = [one for several in (*tables.values(), *figures.values()) for one in several]
    for one in differing[:_SHOWN]:
        print(f"  differs: {one}")
    if len(differing) > _SHOWN:
        print(f"  and {len(differing) - _SHOWN} more")
    if differing:
        print(f"versions that differ from the archive's: {', '.join(other_versions(folder)) or 'none'}", flush=True)
    beyond = [one for one in differing if not one.relative <= tolerance]
    if beyond:
        raise Differs(f"{len(beyond)} differences" + f" beyond {tolerance:g} of the value" * bool(tolerance))


def compared(
    folder: Path, checkout: Path, manifest: Mapping[str, Any]
) -> tuple[dict[str, list[Difference]], dict[str, list[Difference]]]:
    """What differs of each table and of each figure of an archive from what was made anew of it."""
    tables: dict[str, list[Difference]] = {}
    figures: dict[str, list[Difference]] = {}
    left_out = _left_out(manifest)
    entries = manifest["files"] | manifest["measured"]
    for path, entry in sorted(entries.items()):
        other = counterpart(path, manifest["study"]) if entry["role"] in ("derived", "study") else None
        if other and path.endswith(".parquet"):
            differing = table_differences(path, folder / path, checkout / other, tuple(left_out.get(path, ())))
            tables[path] = list(differing)
        elif other and path.endswith(_FIGURES):
            figures[path] = list(figure_differences(path, folder / path, checkout / other))
    return tables, figures


def _left_out(manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Columns of tables that are made anew and cannot be compared."""
    found = {
        path: tuple(entry["columns"])
        for path, entry in manifest["measured"].items()
        if entry["role"] in ("derived", "study") and path.endswith(".parquet")
    }
    return found | (_OF_BLANK if manifest["blank"] else {})


def other_versions(folder: Path) -> Iterator[str]:
    """`numpy 2.4.6 (here 2.5.0)`, of what jobs and archive had and this Python has not."""
    known = json.loads((folder / VERSIONS).read_text(encoding="utf-8"))
    here = installed() | versions()
    archived = {package: [version] for package, version in known["archiving"].items()} | known["jobs"]
    for package, had in sorted(archived.items()):
        if package in here and here[package] not in had:
            yield f"{package} {' and '.join(had)} (here {here[package]})"
        elif package not in here:
            yield f"{package} {' and '.join(had)} (not here)"
