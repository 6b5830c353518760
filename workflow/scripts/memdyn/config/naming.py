"""What the runs of a grid are called: by labels that the user gave its levels, else by what differs between them."""

import unicodedata
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

LONGEST_LABEL = 60
_UNSET = "default"  # an option that this level does not give, and another one does


def check_levels(key: str, levels: list | dict) -> None:
    """Raises ValueError for labels of a grid's levels that cannot be names."""
    if isinstance(levels, dict):
        if "name" in levels:
            raise ValueError(f"{key!r}: is one section; allowed: a list of sections, or labels with a section each")
        seen: dict[str, str] = {}
        for label in levels:
            if not label.strip() or not label.isprintable() or len(label) > LONGEST_LABEL:
                raise ValueError(
                    f"{key!r}: the label {label!r} must be one line of 1 to {LONGEST_LABEL} printable letters"
                )
            look = " ".join(unicodedata.normalize("NFC", label).split())
            if look in seen:
                raise ValueError(
                    f"{key!r}: the labels {seen[look]!a} and {label!a} look the same (they differ in spaces, or in how "
                    "an accent is stored); allowed: labels that can be told apart"
                )
            seen[look] = label


def points(grid: Mapping[str, list | dict]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, dotted key -> value) of every combination, in the order of the config; the last key changes fastest.

    A key of one level is in no name, since runs do not differ in it, unless all are such keys.
    """
    named = {key: _named(key, levels, _short(key, grid)) for key, levels in grid.items()}
    varied = [key for key in grid if len(grid[key]) > 1] or list(grid)
    for point in product(*named.values()):
        chosen = dict(zip(named, point, strict=True))
        yield ",".join(chosen[key][0] for key in varied), {key: value for key, (_, value) in chosen.items()}


def _short(key: str, grid: Mapping[str, Any]) -> str:
    """The last part of a dotted key, or all of it where another key of the grid ends alike."""
    last = key.rpartition(".")[2]
    return last if sum(other.rpartition(".")[2] == last for other in grid) == 1 else key


def _named(key: str, levels: list | dict, short: str) -> list[tuple[str, Any]]:
    """(words, value) of each level of a key."""
    if isinstance(levels, dict):
        return list(levels.items())
    if any(isinstance(value, dict) for value in levels):
        return list(zip(_sections(levels), levels, strict=True))
    return [(f"{short}={_word(value)}", value) for value in levels]


def _sections(levels: list[Any]) -> list[str]:
    """Words of levels that are sections: their names where they differ, then what differs between those of one name."""
    if len(levels) == 1:
        return [_word(levels[0])]
    given = [value if isinstance(value, dict) else {} if value is None else {"name": value} for value in levels]
    names = [section.get("name") for section in given]
    words = []
    for section, name in zip(given, names, strict=True):
        alike = [other for other, theirs in zip(given, names, strict=True) if theirs == name]
        options = dict.fromkeys(key for other in alike for key in other if key != "name")
        differing = [key for key in options if any(other.get(key) != section.get(key) for other in alike)]
        parts = [_word(name)] if len(alike) < len(given) and name is not None else []
        parts += [f"{key}={_word(section.get(key, _UNSET))}" for key in differing]
        words.append("-".join(parts) or "base")
    return words


def _word(value: Any) -> str:
    """A value in a run's name: 0.1, true, 512-1024, sgd-0.1."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return "-".join(map(_word, value.values() if isinstance(value, dict) else value)) or "none"
    return "base" if value is None else str(value)
