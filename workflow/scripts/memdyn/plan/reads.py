"""What an attack reads, known before any job: from the class as it is written, so that no code is run for it."""

import ast
from functools import cache
from pathlib import Path

from memdyn.attacks import REGISTRY
from memdyn.attacks.reads import Reads
from memdyn.config.attacks.sections import AttackConfig
from memdyn.config.errors import ConfigError
from memdyn.identity.digest import SCRIPTS
from memdyn.own.signature import definitions, home_of
from memdyn.own.source import Code, Module, Name

EXAMPLE = 'reads = (Reads("margin"), Reads("logits", views=True))'


def reads_of(attack: AttackConfig) -> tuple[Reads, ...]:
    """The signals that an attack of the config asks for.

    Raises:
        ConfigError: for a user's own attack that does not write its `reads` out, naming file and line.
    """
    if attack.name == "custom":
        target = attack.target
        code, name = Code.of(target), target.rpartition(":")[2]
    else:
        module, _, name = REGISTRY[attack.name].partition(":")
        target = REGISTRY[attack.name]
        code = Code(SCRIPTS.joinpath(*module.split(".")).with_suffix(".py"))
    try:
        return _reads(code, code.name, name)
    except ValueError as problem:
        raise ConfigError([f"attacks.target = {target}: {problem}; allowed: a class with {EXAMPLE}"]) from None


@cache
def _reads(code: Code, module: Name, name: str) -> tuple[Reads, ...]:
    """Of a class, or of the first of its bases that says it."""
    place = code.find(module)
    if place is None or not place.is_file():
        raise ValueError(f"{code.file}: no such file")
    here = Module(module, place, ast.parse(place.read_bytes(), filename=str(place)))
    found = list(definitions(here.tree.body, name))
    if len(found) != 1:
        raise ValueError(f"{place} defines {name} {len(found)} times, so that what it reads cannot be seen")
    (node,) = found
    where = f"{place}, line {node.lineno}"
    if isinstance(node, ast.ImportFrom):
        original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
        home = home_of(code, here, node)
        if home is None:
            raise ValueError(f"{where}: what is imported from {node.module} cannot be seen")
        return _reads(home[0], home[1].name, original)
    if not isinstance(node, ast.ClassDef):
        raise ValueError(f"{where}: {name} is no class, so that what it reads cannot be seen")
    written = [value for part in node.body if (value := _assigned(part)) is not None]
    if written:
        return _literal(written[-1], place)
    for base in node.bases:
        if not isinstance(base, ast.Name):
            break
        return _reads(code, module, base.id)
    raise ValueError(f"{where}: what {name} reads cannot be seen")


def _assigned(node: ast.stmt) -> ast.expr | None:
    """The value that a line of a class gives its `reads`."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    named = any(isinstance(target, ast.Name) and target.id == "reads" for target in targets)
    return node.value if named else None


def _literal(value: ast.expr, place: Path) -> tuple[Reads, ...]:
    """The reads of a tuple of `Reads(...)` with written-out arguments."""
    try:
        if not isinstance(value, ast.Tuple) or not value.elts:
            raise ValueError
        return tuple(_read(call) for call in value.elts)
    except (ValueError, TypeError):
        raise ValueError(f"{place}, line {value.lineno}: `reads` must be a written-out tuple of Reads(...)") from None


def _read(call: ast.expr) -> Reads:
    called = call.func if isinstance(call, ast.Call) else None
    if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)) != "Reads":
        raise ValueError
    options = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
    return Reads(*map(ast.literal_eval, call.args), **options)
