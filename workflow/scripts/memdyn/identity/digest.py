"""Digest of the code that makes an artifact: comments, docstrings and formatting do not count.

A stage's digest covers its script, every `memdyn` module that it reaches through imports (lazy imports
inside functions too), and the modules of those registry entries that its recipe names. Left out are the rooms that
can change no number but through a hashed option: `OUTSIDE`. A user's own file stands for all local modules that it
imports. Of a module whose entry is one keyword of a call (`module:SECTION.figures`) only what this needs counts.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from memdyn.identity.kept import KeptFacts
from memdyn.identity.tree import Facts, read_facts
from memdyn.own.source import Code, code_of_file

PACKAGE = "memdyn"
PACKAGE_ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = PACKAGE_ROOT.parent
# Declared values, whose resolved form is hashed as options; files that appear whole, leases, retention, heap; names and
# records; the plan; what watches over jobs; what tables are said to be, which writing them only checks.
OUTSIDE = ("config", "identity", "jobs", "operations", "plan", "tables")


def code_digest(roots: Iterable[str], entries: Iterable[str] = (), files: Iterable[str] = ()) -> str:
    """Hex digest of the code reached from `roots`.

    Args:
        roots: module names (`memdyn.training.block`), scripts (`train_block.py`, beside the package) or paths of
            a user's own Python files.
        entries: registry values (`memdyn.models.mlp:MLP`) that the recipe names, or parts of what they point to
            (`memdyn.report.sections.roc:SECTION.figures`).
        files: other files that the stage reads from the package (templates), by path relative to the scripts' folder.

    Raises:
        FileNotFoundError: for a root that does not exist.
        SyntaxError: for code that does not parse.
    """
    entries = sorted(set(entries))
    whole, parts = _apart(entries)
    files_of_code = ((label, _facts(path).hash) for label, path in _code(roots, whole, parts))
    trees = sorted([*files_of_code, *((part, _facts_of_part(part).hash) for part in parts)])
    contents = sorted(file_hashes(files).items())
    _kept(PACKAGE_ROOT).save()
    return hashlib.sha256(json.dumps([entries, trees, contents]).encode()).hexdigest()


def module_hashes(roots: Iterable[str], entries: Iterable[str] = ()) -> dict[str, str]:
    """Each file of code that a digest covers -> its hash, as the digest sees it.

    The package's files are named by their place below the scripts' folder, a user's own by `own:` and their place from
    the target's file.
    """
    roots = list(roots)
    own = {item: own_name for root in roots for item, own_name in _own_names(root)}
    hashes: dict[str, set[str]] = {}
    whole, parts = _apart(set(entries))
    for label, path in _code(roots, whole, parts):
        hashes.setdefault(own.get((label, path), label), set()).add(_facts(path).hash)
    # two targets may each have a utils.py
    named = {name: "+".join(sorted(found)) for name, found in hashes.items()}
    return dict(sorted((named | {part: _facts_of_part(part).hash for part in parts}).items()))


def file_hashes(files: Iterable[str]) -> dict[str, str]:
    """The hash of the content of each file, by its path relative to the scripts' folder."""
    return {name: hashlib.sha256((SCRIPTS / name).read_bytes()).hexdigest() for name in files}


def _apart(entries: Iterable[str]) -> tuple[list[str], list[str]]:
    """Entries that stand for a module, and those that stand for a part of one."""
    parts = [entry for entry in entries if "." in entry.partition(":")[2]]
    return [entry for entry in entries if entry not in parts], parts


def _code(roots: Iterable[str], whole: Iterable[str], parts: Iterable[str]) -> set[tuple[str, Path]]:
    """All files, by label, that the roots and the entries reach."""
    code = {item for root in [*roots, *(entry.partition(":")[0] for entry in whole)] for item in _reach(root)}
    return code | {item for part in parts for item in _reach_of_part(part)}


def _own_names(root: str) -> Iterator[tuple[tuple[str, Path], str]]:
    """What of the code that a root reaches is a user's own, and its name for people."""
    own = own_code(root)
    for module in own.modules.values() if own else ():
        label = _own_label(own, module.file)
        yield (label, module.file), f"own:{label or own.file.name}"


@cache
def _reach(root: str) -> frozenset[tuple[str, Path]]:
    """All files that importing `root` may run, by a name that does not depend on where they lie."""
    own = own_code(root)
    files = {module.file for module in own.modules.values()} if own else set(_root_files(root))
    return frozenset(
        (_own_label(own, path) if path in files and own else _label(path), path) for path in _follow(files)
    )


@cache
def _reach_of_part(entry: str) -> frozenset[tuple[str, Path]]:
    """The same of a part of a module, without the module itself."""
    parents = _root_files(entry.partition(":")[0])[1:]
    return frozenset((_label(path), path) for path in _follow([*parents, *_files_of(_facts_of_part(entry))]))


def _follow(files: Iterable[Path]) -> set[Path]:
    """The files and all that they import, directly or not."""
    seen: set[Path] = set()
    todo = list(files)
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo.extend(_files_of(_facts(path)))
    return seen


def own_code(root: str) -> Code | None:
    """A user's own code, where the root is one: an absolute path."""
    path = Path(root)
    return code_of_file(path) if path.is_absolute() else None


def _own_label(code: Code, path: Path) -> str:
    """The place from the target's file; that file is named by its content alone."""
    return "" if path == code.file else os.path.relpath(path, code.file.parent)


def _root_files(root: str) -> list[Path]:
    if root.endswith(".py"):
        path = SCRIPTS / root
        if not path.is_file():
            raise FileNotFoundError(f"code file {root!r} does not exist (looked for {path})")
        return [path]
    files = _module_files(root)
    if not files:
        raise FileNotFoundError(f"module {root!r} does not exist in {PACKAGE_ROOT}")
    return files


@cache
def _module_files(module: str) -> list[Path]:
    """The module's file and the `__init__.py` of its parents; empty where there is no such module."""
    parts = module.split(".")
    base = SCRIPTS.joinpath(*parts)
    own = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    if parts[0] != PACKAGE or not own.is_file():
        return []
    parents = [SCRIPTS.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts))]
    return [own, *(parent for parent in parents if parent.is_file())]


@cache
def _files_of(facts: Facts) -> tuple[Path, ...]:
    """The package's files that code with these facts imports."""
    return tuple(file for name in facts.imports if not _is_outside(name) for file in _module_files(name))


def _is_outside(module: str) -> bool:
    return module.split(".")[1:2] in [[room] for room in OUTSIDE]


def _label(path: Path) -> str:
    return path.relative_to(SCRIPTS).as_posix()


@cache
def _facts(path: Path, part: str = "") -> Facts:
    code, is_package = path.read_bytes(), path.is_relative_to(PACKAGE_ROOT)
    if not path.is_relative_to(SCRIPTS):
        return read_facts(code, str(path), part, is_package)
    return _kept(PACKAGE_ROOT).of(_label(path), code, part, is_package)


def _facts_of_part(entry: str) -> Facts:
    """Of the part of a module that an entry `module:NAME.keyword` names."""
    module, _, part = entry.partition(":")
    return _facts(_root_files(module)[0], part)


@cache
def _kept(package: Path) -> KeptFacts:
    return KeptFacts(package)
