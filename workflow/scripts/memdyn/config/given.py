"""What `snakemake --config` says, of which Snakemake makes text: `base={"epochs": 2}` has the text "2".

One rule: a value means what it would mean in a file, `2` a whole number, `0.1` a number, `true` a truth value, `null`
nothing; where the key asks for text, it stays the text that was given.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import yaml

Place = tuple[str | int, ...]
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float")}


def read_given(raw: dict[str, Any], arguments: Sequence[str], wrong: Callable[[Any], set[Place]]) -> None:
    """Reads, in place, the values of a raw config that came by the command line.

    Args:
        raw: the config with these arguments merged into it, as Snakemake does.
        arguments: what followed `--config`, `key=value` each.
        wrong: the places of a config whose values are refused.
    """
    texts = {place: text for argument in arguments for place, text in _texts(argument) if _is_at(raw, place)}
    _set(raw, {place: _in_a_file(text) for place, text in texts.items()})
    if texts:
        doubtful = texts.keys() & wrong(raw)
        _set(raw, {place: texts[place] for place in doubtful})
        _set(raw, {place: _in_a_file(texts[place]) for place in doubtful & wrong(raw)})


def _texts(argument: str) -> Iterator[tuple[Place, str]]:
    """Each single value of an argument and where it stands."""
    key, _, text = argument.partition("=")
    try:
        value = yaml.load(text, yaml.BaseLoader)  # all scalars are text, as in Snakemake
    except yaml.YAMLError:
        value = text
    if value is not None:
        yield from _leaves(value, (key,))


def _leaves(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _leaves(inner, (*place, key))


def _in_a_file(text: str) -> Any:
    loader = yaml.SafeLoader("")
    node = yaml.ScalarNode(loader.resolve(yaml.ScalarNode, text, (True, False)), text)
    return loader.construct_object(node) if node.tag in _PLAIN else text


def _is_at(raw: Any, place: Place) -> bool:
    """Whether there is a single value; a later argument may have put something else there."""
    for key in place:
        known = raw if isinstance(raw, Mapping) else range(len(raw)) if isinstance(raw, list) else ()
        if key not in known:
            return False
        raw = raw[key]
    return not isinstance(raw, Mapping | list)


def _set(raw: Any, values: Mapping[Place, Any]) -> None:
    for (*path, last), value in values.items():
        here = raw
        for key in path:
            here = here[key]
        here[last] = value
