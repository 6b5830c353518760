"""What differs between two recipes: why one folder has another name than the other."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

_SHOWN = 8  # names of a kind in a message


@dataclass(frozen=True)
class Changes:
    """Of named things: what has another value, what came, what went."""

    changed: dict[str, tuple[Any, Any]]
    added: dict[str, Any]
    gone: dict[str, Any]

    @classmethod
    def between(cls, old: Mapping[str, Any], new: Mapping[str, Any]) -> "Changes":
        """1, 1.0 and True are three values, as they are in a hash."""
        both = [name for name in sorted(old) if name in new]
        return cls(
            changed={name: (old[name], new[name]) for name in both if _text(old[name]) != _text(new[name])},
            added={name: new[name] for name in sorted(new) if name not in old},
            gone={name: old[name] for name in sorted(old) if name not in new},
        )

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.gone)

    def names(self) -> str:
        """`changed: a, b; added: c`."""
        kinds = {"changed": self.changed, "added": self.added, "gone": self.gone}
        return "; ".join(f"{kind}: {_some(list(found))}" for kind, found in kinds.items() if found)

    def values(self) -> Iterator[str]:
        """`lr: 0.1 -> 0.2`, a line each; what is on one side only has `none` on the other."""
        yield from (f"{name}: {_text(old)} -> {_text(new)}" for name, (old, new) in self.changed.items())
        yield from (f"{name}: none -> {_text(new)}" for name, new in self.added.items())
        yield from (f"{name}: {_text(old)} -> none" for name, old in self.gone.items())


@dataclass(frozen=True)
class Differences:
    """Between two recipes; None where one of them does not tell.

    Attributes:
        options: by dotted key (`attacks.0.options.gamma`), also of options that are no part of a name.
        modules: code by file, with the hashes that the digest sees.
        entries: registry values, such as the class of a model.
        files: other files of the package that the stage reads, with the hashes of their contents.
        inputs: what else was recorded of the inputs.
        versions: of Python and of packages, which are no part of a name.
    """

    options: Changes | None
    modules: Changes | None
    entries: Changes | None
    files: Changes | None
    inputs: Changes | None
    versions: Changes | None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    @property
    def code(self) -> str:
        """What of the code differs, by name; empty where nothing does, or where it is not known."""
        return "; ".join(part.names() for part in (self.modules, self.entries, self.files) if part)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Differences:
    """What differs between two recipes, as `read_recipe` gives them; `with_code` makes one of a planned stage."""
    return Differences(
        options=_changes(old, new, "options", _dotted),
        modules=_changes(old, new, "modules", dict),
        entries=_changes(old, new, "entries", lambda entries: dict.fromkeys(entries, "")),
        files=_changes(old, new, "contents", dict),
        inputs=_changes(old, new, "inputs", _dotted),
        versions=_changes(old, new, "versions", dict),
    )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], key: str, read: Any) -> Changes | None:
    return Changes.between(read(old[key]), read(new[key])) if key in old and key in new else None


def _dotted(options: Any) -> dict[str, Any]:
    return dict(_leaves(options, ""))


def _leaves(options: Any, place: str) -> Iterator[tuple[str, Any]]:
    """A list of plain values is one value; a section, and a list of sections, is its keys."""
    if isinstance(options, Mapping) and (options or not place):
        below = options.items()
    elif isinstance(options, list) and any(isinstance(item, Mapping | list) for item in options):
        below = enumerate(options)
    else:
        yield place, options
        return
    for key, value in below:
        yield from _leaves(value, f"{place}.{key}" if place else str(key))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
