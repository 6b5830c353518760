"""Does a user's own code fit? Asked before any job, of its syntax trees: nothing is imported."""

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from memdyn.config.errors import ConfigError, did_you_mean, shown
from memdyn.config.paths import name_of_target
from memdyn.own.signature import signature_of
from memdyn.own.source import Code, Import, Module, code_of_file, imports_of, is_installed


def check_target(
    target: str, options: Mapping[str, Any], given: Sequence[str], key: str, judge_installed: bool = True
) -> Code:
    """The code of a target that can be imported, has the name, and takes the arguments, as far as can be seen.

    Args:
        target: path/to/file.py:Name.
        options: keyword arguments that it will be called with ...
        given: ... after these, which are given by their places.
        key: the section of the config, for messages.
        judge_installed: whether jobs have the packages of this Python, so that a missing one can be told.

    Raises:
        ConfigError: naming key, file and line.
    """
    code = code_of_file(Code.of(target).file)
    path, name = target.rpartition(":")[0], name_of_target(target)
    try:
        modules = code.modules
    except OSError as error:
        raise ConfigError([f"{key}.target = {target}: {path}: {error.strerror}"]) from None
    except SyntaxError as error:
        where = f"{error.filename}, line {error.lineno}"
        raise ConfigError([f"{key}.target = {target}: {where}, is not Python: {error.msg}"]) from None
    except ValueError as error:
        raise ConfigError([f"{key}.target = {target}: {path} is not Python: {error}"]) from None
    names = names_in(code, modules[code.name])
    if name not in names and "*" not in names:
        raise ConfigError([f"{key}.target = {target}: {path} has no {name!r}; {did_you_mean(name, sorted(names))}"])
    found = [f"{key}.target = {target}: {problem}" for problem in _imports(code, name, judge_installed)]
    found += _arguments(code, name, options, given, key)
    if found:
        raise ConfigError(found)
    return code


def names_in(code: Code, module: Module, seen: frozenset[Module] = frozenset()) -> set[str]:
    """Names that a module defines, generously, also inside functions; `*` where some cannot be known."""
    found = {word for node in ast.walk(module.tree) for word in _given(node)}
    if "__getattr__" in found:
        found.add("*")
    for star in (each for each in module.imports if "*" in each.members):
        source = _module_of(code, module, star)
        if source and source not in seen:
            found |= names_in(code, source, seen | {module})
            found -= set() if "*" in names_in(code, source, seen | {module}) else {"*"}
    return found


def _module_of(code: Code, module: Module, found: Import) -> Module | None:
    try:
        name = code.resolve(module, found)
    except ImportError:
        return None
    return code.modules.get(name) if name else None


def _given(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []


def _imports(code: Code, name: str, judge_installed: bool) -> Iterator[str]:
    for module in code.modules.values():
        certain = set(_certain(module.tree.body))
        if module.name == code.name:
            certain |= set(_certain(_body_of(module.tree, name)))
        for found in module.imports:
            problem = _problem(code, module, found, found in certain, judge_installed)
            if problem:
                yield f"{module.file}, line {found.line}: {problem}"


def _problem(code: Code, module: Module, found: Import, is_certain: bool, judge_installed: bool) -> str | None:
    try:
        local = code.resolve(module, found)
    except ImportError as error:
        return str(error)
    top = found.module.partition(".")[0]
    if local is None:
        is_missing = is_certain and judge_installed and not is_installed(top)
        return (
            f"no module {top!r}: neither beside {code.file.name} nor installed{_meant(code, top)}"
            if is_missing
            else None
        )
    place = code.find(local)
    if not found.level and place and place.is_file() and is_installed(top):
        return f"{top!r} is {place}, and a module of Python's or of an installed package: give the file another name"
    if not is_certain:
        return None
    if place is None:
        return f"no module '{found}' in {code.root}"
    if place.is_file() and local in code.modules:
        names = names_in(code, code.modules[local])
        missing = [member for member in found.members if member != "*" and member not in names]
        missing = [member for member in missing if code.find((*local, member)) is None]
        if missing and "*" not in names:
            return f"{place} has no {missing[0]!r}; {did_you_mean(missing[0], sorted(names))}"
    return None


def _meant(code: Code, name: str) -> str:
    beside = [path.stem for path in code.file.parent.glob("*.py")]
    close = get_close_matches(name, beside, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _certain(body: Sequence[ast.stmt]) -> Iterator[Import]:
    """The imports that are run whenever the body is: none in a function, a branch, or a `try`."""
    for node in body:
        yield from imports_of(node)
        if isinstance(node, ast.ClassDef | ast.With):
            yield from _certain(node.body)


def _body_of(tree: ast.Module, name: str) -> list[ast.stmt]:
    """What is run when the target is called."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node.body
        if isinstance(node, ast.ClassDef) and node.name == name:
            return next((part.body for part in node.body if getattr(part, "name", None) == "__init__"), [])
    return []


def _arguments(code: Code, name: str, options: Mapping[str, Any], given: Sequence[str], key: str) -> Iterator[str]:
    """What of the arguments does not fit; nothing where they cannot be seen, as behind a decorator."""
    found = signature_of(code, code.modules[code.name], name)
    if found is None:
        return
    signature, where = found
    kinds = inspect.Parameter
    parameters = list(signature.parameters.values())
    by_place = [each for each in parameters if each.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    takes_any = {each.kind for each in parameters} & {kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD}
    if len(by_place) < len(given) and kinds.VAR_POSITIONAL not in takes_any:
        yield f"{key}.target: {where}: {name}{signature} must take ({', '.join(given)}) before its options"
        return
    rest = [*by_place[len(given) :], *(each for each in parameters if each.kind == kinds.KEYWORD_ONLY)]
    allowed = [each.name for each in rest if each.kind != kinds.POSITIONAL_ONLY]
    taken = {each.name for each in by_place[: len(given)] if each.kind != kinds.POSITIONAL_ONLY}
    for option, value in options.items():
        if option not in allowed and (option in taken or kinds.VAR_KEYWORD not in takes_any):
            why = f"no option of {name}, {where}; {did_you_mean(option, allowed) if allowed else 'it takes none'}"
            yield f"{key}.options.{option} = {shown(value)}: {why}"
    missing = [each.name for each in rest if each.default is each.empty and each.name not in options]
    if missing:
        yield f"{key}.options: {name}, {where}, must be given {', '.join(missing)}"
