"""YAML files as people write them: what YAML reads otherwise than it looks is an error.

A key that is given twice, of which YAML would keep the last one; `010`, which is 8, and `1:30`, which is 90.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from memdyn.config.errors import ConfigError

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_DIGITS = re.compile(r"[-+]?[0-9][0-9_]*")
_MERGE = "tag:yaml.org,2002:merge"  # `<<: *anchor`, whose keys may be given anew beside it


def read_yaml(path: str | PathLike[str]) -> dict[str, Any]:
    """A config file.

    Raises:
        ConfigError: where it is no YAML, has no keys at its top, or gives one twice.
    """
    refuse_misread([path])
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError([f"{path} is not valid YAML: {error}"]) from None
    if not isinstance(content, Mapping):
        raise ConfigError([f"{path}: a config is keys with values (`study: NAME` and so on)"])
    return dict(content)


def refuse_misread(paths: Iterable[str | PathLike[str]]) -> None:
    """Looks at files one by one, since a later one may override the keys of an earlier one.

    Raises:
        ConfigError: naming each file, key and its lines.
    """
    found = [f"{_shown(path)}: {problem}" for path in paths for problem in misread(path)]
    if found:
        raise ConfigError(found)


def _shown(path: str | PathLike[str]) -> str:
    """Relative to the working directory where it lies there; Snakemake makes its paths absolute."""
    return str(path).removeprefix(f"{Path.cwd()}/")


def misread(path: str | PathLike[str]) -> Iterator[str]:
    """`base.optimizer is given twice (line 8, line 9)`, for YAML and JSON; nothing of a file that is neither.

    And `base.epochs = 010 is 8 in YAML (line 7)`.
    """
    with suppress(OSError, ValueError, yaml.YAMLError):  # whoever reads its values says so
        text = Path(path).read_text(encoding="utf-8")
        yield from _repeats(yaml.compose(_without_tabs(text), Loader=yaml.SafeLoader), "", set())


def _without_tabs(text: str) -> str:
    """JSON is YAML but for tabs between its values; in a text of it there are none."""
    try:
        json.loads(text)
    except ValueError:
        return text
    return text.replace("\t", " ")


def _repeats(node: yaml.Node | None, place: str, seen: set[int]) -> Iterator[str]:
    """Args: seen: nodes that were looked at, by their id; an anchor has many places."""
    if isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS:
        yield from _other_bases(node, place)
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, inner in enumerate(node.value):
            yield from _repeats(inner, _below(place, index), seen)
        return
    lines: dict[tuple[str, str], list[int]] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
            lines.setdefault((key.tag, key.value), []).append(key.start_mark.line + 1)
    for (_, key), given in lines.items():
        if len(given) > 1:
            times = "twice" if len(given) == 2 else f"{len(given)} times"
            yield f"{_below(place, key)} is given {times} ({', '.join(f'line {line}' for line in given)})"
    for key, inner in node.value:
        yield from _repeats(inner, _below(place, key.value if isinstance(key, yaml.ScalarNode) else "?"), seen)


def _other_bases(node: yaml.ScalarNode, place: str) -> Iterator[str]:
    text, meant = node.value, yaml.safe_load(node.value)
    if ":" in text or (_DIGITS.fullmatch(text) and int(text) != meant):
        yield (
            f"{place} = {text} is {meant} in YAML (line {node.start_mark.line + 1}); allowed: numbers without a 0 "
            "before them or a colon in them, and texts in quotes"
        )


def _below(place: str, key: Any) -> str:
    return f"{place}.{key}" if place else str(key)
