"""Digest of the code that makes an artifact: comments, docstrings and formatting do not count.

A stage's digest covers its script, every `memdyn` module that it reaches through imports (lazy imports
inside functions too), and the modules of those registry entries that its recipe names. Left out are the rooms that
can change no number but through a hashed option: `OUTSIDE`. A user's own file stands for all local modules that it
imports. Of a module whose entry is one keyword of a call (`module:SECTION.figures`) only what this needs counts.
"""

import ast
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from memdyn.identity.parts import part_of
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
    files_of_code = ((label, _file_hash(path)) for label, path in _code(roots, whole, parts))
    trees = sorted([*files_of_code, *((part, _part_hash(part)) for part in parts)])
    contents = sorted(file_hashes(files).items())
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
        hashes.setdefault(own.get((label, path), label), set()).add(_file_hash(path))
    # two targets may each have a utils.py
    named = {name: "+".join(sorted(found)) for name, found in hashes.items()}
    return dict(sorted((named | {part: _part_hash(part) for part in parts}).items()))


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
    return frozenset((_label(path), path) for path in _follow([*parents, *_files_of(_part(entry))]))


def _follow(files: Iterable[Path]) -> set[Path]:
    """The files and all that they import, directly or not."""
    seen: set[Path] = set()
    todo = list(files)
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo.extend(_imported_files(path))
    return seen


@cache
def _part(entry: str) -> ast.Module:
    """The part of a module that an entry `module:NAME.keyword` names."""
    module, _, place = entry.partition(":")
    return part_of(_parse(_root_files(module)[0]), *place.split("."))


@cache
def _part_hash(entry: str) -> str:
    return _tree_hash(_part(entry), is_package=True)


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
def _imported_files(path: Path) -> tuple[Path, ...]:
    return _files_of(_parse(path))


def _files_of(tree: ast.Module) -> tuple[Path, ...]:
    return tuple(file for name in set(_imports(tree)) if not _is_outside(name) for file in _module_files(name))


def _is_outside(module: str) -> bool:
    return module.split(".")[1:2] in [[room] for room in OUTSIDE]


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # `from memdyn.stats import roc` may name a submodule
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements, also within others; expressions, most of a tree, are not looked at."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        for inner in ("body", "orelse", "finalbody", "handlers", "cases"):
            todo += getattr(node, inner, ())


def _label(path: Path) -> str:
    return path.relative_to(SCRIPTS).as_posix()


@cache
def _file_hash(path: Path) -> str:
    return _tree_hash(_parse(path), is_package=path.is_relative_to(PACKAGE_ROOT))


def _tree_hash(tree: ast.Module, is_package: bool) -> str:
    return hashlib.sha256(json.dumps(_plain(tree, is_package)).encode()).hexdigest()


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


def _plain(node: Any, is_package: bool) -> Any:
    """The syntax tree as plain lists, without what does not change behaviour.

    `ast.dump` is not used, since it prints the same code differently in different versions of Python: newer
    versions add fields that are empty for older code, so empty fields are left out here.

    Args:
        is_package: this package's code, whose registries are left out: their named entries are hashed instead.
    """
    if isinstance(node, ast.AST):
        plain = [type(node).__name__]
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and name != "type_comment" and (inner := _plain(value, is_package)) != []:
                plain.append([name, inner])
        return plain
    if isinstance(node, list):
        kept = (item for item in node if not (_is_bare(item) or (is_package and _is_registry(item))))
        return [_plain(item, is_package) for item in kept]
    # repr tells 1 from 1.0 and from True, and spells bytes and complex numbers
    return None if node is None else repr(node)


def _is_bare(node: Any) -> bool:
    """Docstrings and other bare strings."""
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant and isinstance(node.value.value, str)


def _is_registry(node: Any) -> bool:
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "REGISTRY" for target in node.targets)
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "REGISTRY"
