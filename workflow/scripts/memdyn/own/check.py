"""Does a user's own code fit? Asked before any job, of its syntax trees: nothing is imported."""

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from memdyn.config.errors import ConfigError, did_you_mean, shown
from memdyn.config.paths import name_of_target
from memdyn.own.signature import signature_of
from memdyn.own.source import Code, Import, Module, Name, code_of_file, imports_of, is_installed


def check_target(
    target: str,
    options: Mapping[str, Any],
    given: Sequence[str],
    key: str,
    judge_installed: bool = True,
    instead: Sequence[str] = (),
) -> Code:
    """The code of a target that can be imported, has the name, and takes the arguments, as far as can be seen.

    Args:
        target: path/to/file.py:Name.
        options: keyword arguments that it will be called with ...
        given: ... after these, which are given by their places.
        key: the section of the config, for messages.
        judge_installed: whether jobs have the packages of this Python, so that a missing one can be told.
        instead: what is given where the target's first parameters have just these names.

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
        # of a zero byte Python does not say where it is
        where = f"{error.filename}, line {error.lineno}" if error.filename else f"{path}, or what it imports"
        raise ConfigError([f"{key}.target = {target}: {where}, is not Python: {error.msg}"]) from None
    except ValueError as error:
        raise ConfigError([f"{key}.target = {target}: {path} is not Python: {error}"]) from None
    names = names_in(code, modules[code.name])
    if name not in names and "*" not in names:
        raise ConfigError([f"{key}.target = {target}: {path} has no {name!r}; {did_you_mean(name, sorted(names))}"])
    found = [f"{key}.target = {target}: {problem}" for problem in _wrong_imports(code, name, judge_installed)]
    found += _arguments(code, name, options, given, instead, key)
    if found:
        raise ConfigError(found)
    return code


def names_in(code: Code, module: Module, seen: frozenset[Module] = frozenset()) -> set[str]:
    """Names that a module defines, generously, also inside functions; with `*` where some cannot be known."""
    found = {word for node in ast.walk(module.tree) for word in _given(node)} - {"*"}
    for star in (each for each in module.imports if "*" in each.members):
        source = _module_of(code, module, star)
        if source is None:
            found.add("*")
        elif source not in seen:
            found |= names_in(code, source, seen | {module})
    return found | ({"*"} if "__getattr__" in found else set())


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


@cache  # a grid asks for each of its runs
def _wrong_imports(code: Code, name: str, judge_installed: bool) -> tuple[str, ...]:
    found = []
    for module in code.modules.values():
        certain = set(_certain(module.tree.body))
        if module.name == code.name:
            certain |= set(_certain(_body_of(module.tree, name)))
        for each in module.imports:
            problem = _problem(code, module, each, each in certain, judge_installed)
            if problem:
                found.append(f"{module.file}, line {each.line}: {problem}")
    return tuple(found)


def _problem(code: Code, module: Module, found: Import, is_certain: bool, judge_installed: bool) -> str | None:
    try:
        local = code.resolve(module, found)
    except ImportError as error:
        return str(error)
    top = found.module.partition(".")[0]
    if local is None:
        if not is_certain or not judge_installed or is_installed(top):
            return None
        return f"no module {top!r}: neither beside {code.file.name} nor installed{_meant(code, top)}"
    place = code.find(local)
    if not found.level and is_installed(top) and place and place.is_file():
        return f"{top!r} is {place}, and a module of Python's or of an installed package: give the file another name"
    if not is_certain:
        return None
    return f"no module '{found}'{_meant(code, local[-1])}" if place is None else _missing_member(code, local, found)


def _missing_member(code: Code, local: Name, found: Import) -> str | None:
    """What a local module lacks of that which is imported from it."""
    module, place = code.modules.get(local), code.find(local)
    names = names_in(code, module) if module else set()
    if "*" in names:
        return None
    for member in found.members:
        if member != "*" and member not in names and code.find((*local, member)) is None:
            return f"{place} has no {member!r}{f'; {did_you_mean(member, sorted(names))}' if names else ''}"
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


def _arguments(
    code: Code, name: str, options: Mapping[str, Any], given: Sequence[str], instead: Sequence[str], key: str
) -> Iterator[str]:
    """What of the arguments does not fit; nothing where they cannot be seen, as behind a decorator."""
    found = signature_of(code, code.modules[code.name], name)
    if found is None:
        return
    signature, where = found
    kinds = inspect.Parameter
    parameters = list(signature.parameters.values())
    given = instead if instead and list(signature.parameters)[: len(instead)] == list(instead) else given
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
