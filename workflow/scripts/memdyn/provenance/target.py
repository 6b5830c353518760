"""A user's own code, named `path/to/file.py:name` in the config: looked at before any job, never imported."""

import ast
from pathlib import Path

from memdyn.config.errors import ConfigError, did_you_mean


def file_of_target(target: str, key: str) -> Path:
    """The file of a target, read to see that it defines the name.

    Args:
        key: the config's key, for messages.

    Raises:
        ConfigError: where there is no such file, it is not Python, or it has no such name.
    """
    path, _, name = target.rpartition(":")
    try:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{key} = {target}: {path}: {error.strerror}"]) from None
    except (SyntaxError, ValueError) as error:
        raise ConfigError([f"{key} = {target}: {path} is not Python: {error}"]) from None
    names = {word for node in ast.walk(tree) for word in _given(node)}
    if name not in names and "*" not in names:
        raise ConfigError([f"{key} = {target}: {path} has no {name!r}; {did_you_mean(name, sorted(names))}"])
    return Path(path).resolve()


def _given(node: ast.AST) -> list[str]:
    """Names that a piece of code defines; generously, also inside functions."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []
