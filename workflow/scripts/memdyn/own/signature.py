"""What a function or class of a user's own code can be called with, read off its syntax tree."""

import ast
from collections.abc import Iterator
from inspect import Parameter, Signature
from pathlib import Path

from memdyn.own.source import Code, Import, Module, code_of_file

_PACKAGE = Path(__file__).resolve().parents[1]
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
    if node.keywords or "__new__" in own:
        return None
    if node.decorator_list and "__init__" not in own:
        fields = _fields(code, module, node, depth) if _is_dataclass(node) else None
        return (Signature(list(fields.values())), where) if fields is not None else None
    if node.decorator_list:
        return None
    if "__init__" in own:
        return (_signature(own["__init__"].args, 1), where) if not own["__init__"].decorator_list else None
    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return signature_of(code, module, bases[0], depth - 1) if len(bases) == len(node.bases) == 1 else None


def _is_dataclass(node: ast.ClassDef) -> bool:
    """Whether `@dataclass(...)` is all that decorates it."""
    (decorator,) = node.decorator_list if len(node.decorator_list) == 1 else (None,)
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(called, "attr", getattr(called, "id", None)) == "dataclass"


def _fields(code: Code, module: Module, node: ast.ClassDef, depth: int) -> dict[str, Parameter] | None:
    """What a data class is called with, the fields of its bases first; None where that cannot be seen.

    Fields may be given defaults by any expression, but no `field(...)`, whose options say whether they are arguments.
    """
    found: dict[str, Parameter] = {}
    for base in reversed(node.bases):
        inherited = _fields_of_base(code, module, base, depth - 1) if depth else None
        if inherited is None:
            return None
        found |= inherited
    if not node.decorator_list:
        return found
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            kind = ast.unparse(part.annotation)
            if any(word in kind for word in ("KW_ONLY", "InitVar")) or _is_field(part.value):
                return None
            if "ClassVar" not in kind:
                default = Parameter.empty if part.value is None else _DEFAULT
                found[part.target.id] = Parameter(part.target.id, Parameter.POSITIONAL_OR_KEYWORD, default=default)
    return found


def _is_field(value: ast.expr | None) -> bool:
    called = value.func if isinstance(value, ast.Call) else None
    return getattr(called, "attr", getattr(called, "id", None)) == "field"


def _fields_of_base(code: Code, module: Module, base: ast.expr, depth: int) -> dict[str, Parameter] | None:
    """Of a class that is written in the user's code or in this package."""
    found = list(definitions(module.tree.body, base.id)) if isinstance(base, ast.Name) else []
    if len(found) != 1:
        return None
    (node,) = found
    if isinstance(node, ast.ImportFrom):
        name = next(alias.name for alias in node.names if (alias.asname or alias.name) == base.id)
        home = home_of(code, module, node)
        return _fields_of_base(*home, ast.Name(name), depth) if home and depth else None
    if not isinstance(node, ast.ClassDef) or (node.decorator_list and not _is_dataclass(node)):
        return None
    if {ast.unparse(each) for each in node.bases} <= {"ABC", "Protocol", "object"} and not node.decorator_list:
        return {}
    return _fields(code, module, node, depth)


def _of_import(code: Code, module: Module, node: ast.ImportFrom, name: str, depth: int) -> tuple[Signature, str] | None:
    original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
    try:
        local = code.resolve(module, Import(node.lineno, node.module or "", (original,), node.level))
    except ImportError:
        return None
    source = code.modules.get(local) if local else None
    return signature_of(code, source, original, depth - 1) if source else None


def home_of(code: Code, module: Module, node: ast.ImportFrom) -> tuple[Code, Module] | None:
    """The module that names are imported from, and the code it belongs to: the user's, or this package; None: neither.

    Raises:
        SyntaxError: with its file and line.
    """
    try:
        local = code.resolve(module, Import(node.lineno, node.module or "", (), node.level))
    except ImportError:
        return None
    if local is None and not node.level and (node.module or "").split(".")[0] == _PACKAGE.name:
        local = tuple(node.module.split("."))
        code = code_of_file(_PACKAGE.parent.joinpath(*local).with_suffix(".py"))
    place = code.find(local) if local else None
    if place is None or not place.is_file():
        return None
    return code, Module(local, place, ast.parse(place.read_bytes(), filename=str(place)))


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
