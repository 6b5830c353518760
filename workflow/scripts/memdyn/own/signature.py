"""What a function or class of a user's own code can be called with, read off its syntax tree."""

import ast
from collections.abc import Iterator
from inspect import Parameter, Signature

from memdyn.own.source import Code, Import, Module

_DEPTH = 10  # of names that stand for names, so that circles end


def signature_of(code: Code, module: Module, name: str, depth: int = _DEPTH) -> tuple[Signature, str] | None:
    """The signature of a name of a module and where it is defined ("net.py, line 3"), without `self`.

    None where it cannot be seen: a decorator, a base class of a library, two definitions.
    """
    found = list(definitions(module.tree.body, name))
    if len(found) != 1 or not depth:
        return None
    (node,) = found
    where = f"{module.file}, line {node.lineno}"
    if isinstance(node, ast.FunctionDef):
        return (_signature(node.args, 0), where) if not node.decorator_list else None
    if isinstance(node, ast.ClassDef):
        return _of_class(code, module, node, where, depth)
    if isinstance(node, ast.ImportFrom):
        return _of_import(code, module, node, name, depth)
    value = getattr(node, "value", None)
    if isinstance(value, ast.Lambda):
        return _signature(value.args, 0), where
    return signature_of(code, module, value.id, depth - 1) if isinstance(value, ast.Name) else None


def definitions(body: list[ast.stmt], name: str) -> Iterator[ast.stmt]:
    """Statements of a module that may give the name its value."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.asname or alias.name for alias in node.names]
        else:
            names = [
                part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            ]
            inner = [getattr(node, part, []) for part in ("body", "orelse", "finalbody")]
            inner += [handler.body for handler in getattr(node, "handlers", [])]
            if any(inner):  # if, try, with, for
                names = []
                for each in inner:
                    yield from definitions(each, name)
        if name in names:
            yield node


def _of_class(code: Code, module: Module, node: ast.ClassDef, where: str, depth: int) -> tuple[Signature, str] | None:
    own = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
    if node.decorator_list or node.keywords or "__new__" in own:
        return None
    if "__init__" in own:
        return (_signature(own["__init__"].args, 1), where) if not own["__init__"].decorator_list else None
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return signature_of(code, module, bases[0], depth - 1) if len(bases) == len(node.bases) == 1 else None


def _of_import(code: Code, module: Module, node: ast.ImportFrom, name: str, depth: int) -> tuple[Signature, str] | None:
    original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
    try:
        local = code.resolve(module, Import(node.lineno, node.module or "", (original,), node.level))
    except ImportError:
        return None
    source = code.modules.get(local) if local else None
    return signature_of(code, source, original, depth - 1) if source else None


def _signature(arguments: ast.arguments, bound: int) -> Signature:
    """Args: bound: how many leading arguments are bound already (`self`)."""
    places = [(each.arg, Parameter.POSITIONAL_ONLY) for each in arguments.posonlyargs]
    places += [(each.arg, Parameter.POSITIONAL_OR_KEYWORD) for each in arguments.args]
    first_default = len(places) - len(arguments.defaults)
    parameters = [
        Parameter(name, kind, default=_DEFAULT if index >= first_default else Parameter.empty)
        for index, (name, kind) in enumerate(places)
    ][bound:]
    if arguments.vararg:
        parameters.append(Parameter(arguments.vararg.arg, Parameter.VAR_POSITIONAL))
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        parameters.append(
            Parameter(each.arg, Parameter.KEYWORD_ONLY, default=Parameter.empty if default is None else _DEFAULT)
        )
    if arguments.kwarg:
        parameters.append(Parameter(arguments.kwarg.arg, Parameter.VAR_KEYWORD))
    return Signature(parameters)


class _Default:
    def __repr__(self) -> str:
        return "..."


_DEFAULT = _Default()
