"""What a digest needs of a file of code: the hash of its syntax tree, and what it imports."""

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from memdyn.identity.parts import part_of

_OF_STATEMENTS = ("body", "orelse", "finalbody", "handlers", "cases")  # fields that hold statements


class Facts(NamedTuple):
    """Of a file of code, or of a part of one.

    Attributes:
        hash: of its syntax tree, without what does not change behaviour.
        imports: names of modules, and of what may be one; those in functions too.
    """

    hash: str
    imports: tuple[str, ...]


def read_facts(code: bytes, name: str, part: str, is_package: bool) -> Facts:
    """Reads code, which is not run.

    Args:
        name: of the file, for errors.
        part: `NAME.keyword` of a call, as in `memdyn.identity.parts`; "": all of the file.
        is_package: this package's code, whose registries are left out: their named entries are hashed instead.

    Raises:
        SyntaxError: for code that does not parse.
        LookupError: where there is no such part.
    """
    tree = _parse(code, name)
    if part:
        tree = part_of(tree, *part.split("."))
    spelled = _spelled(tree, is_package)
    return Facts(hashlib.sha256(spelled.encode()).hexdigest(), tuple(sorted(set(_imports(tree)))))


@cache
def _parse(code: bytes, name: str) -> ast.Module:
    return ast.parse(code, filename=name)


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            # `from memdyn.stats import roc` may name a submodule
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements, at any depth; their expressions, most of a tree, are not looked through."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        for name in _OF_STATEMENTS:
            inner = getattr(node, name, None)
            todo += inner if isinstance(inner, list) else ()


def _spelled(node: ast.AST, is_package: bool) -> str:
    """The syntax tree as nested lists in JSON, [type, [field, value], ...], without what does not change behaviour.

    `ast.dump` is not used, since it prints the same code differently in different versions of Python: newer
    versions add fields that are empty for older code, so empty fields are left out here. Text is put together, since
    garbage collection goes through so many lists again and again, which takes several times as long.
    """
    parts = [f'["{type(node).__name__}"']
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            parts.append(f'["{name}", {_spelled(value, is_package)}]')
        elif isinstance(value, list):
            counted = (item for item in value if not (_is_bare(item) or (is_package and _is_registry(item))))
            if items := [_item(item, is_package) for item in counted]:
                parts.append(f'["{name}", [{", ".join(items)}]]')
        elif value is not None and name != "type_comment":
            parts.append(f'["{name}", {_item(value, is_package)}]')
    return ", ".join(parts) + "]"


def _item(value: Any, is_package: bool) -> str:
    if isinstance(value, ast.AST):
        return _spelled(value, is_package)
    # repr tells 1 from 1.0 and from True, and spells bytes and complex numbers
    return "null" if value is None else json.dumps(repr(value))


def _is_bare(node: Any) -> bool:
    """Docstrings and other bare strings."""
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant and isinstance(node.value.value, str)


def _is_registry(node: Any) -> bool:
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == "REGISTRY" for target in node.targets)
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "REGISTRY"
