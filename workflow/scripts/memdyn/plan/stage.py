"""A stage: one artifact folder, and what its name stands for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from memdyn.identity.digest import code_digest
from memdyn.identity.names import folder_name, options_hash, plain_options
from memdyn.own.check import check_target


@dataclass(frozen=True)
class Stage:
    """An artifact folder and all that its name stands for; `params()` is what its job gets.

    Attributes:
        sections: config sections and plain values by name; or one section, with `more` laid over its keys.
        roots, entries, files: the code that makes it; see `code_digest`.
    """

    kind: str
    slug: str
    sections: Any
    roots: tuple[str, ...]
    entries: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def options(self) -> dict[str, Any]:
        """All options, as plain values."""
        return plain_options(self.sections) | self.more

    @cached_property
    def digest(self) -> str:
        return code_digest(self.roots, self.entries, self.files)

    @cached_property
    def folder(self) -> str:
        return folder_name(self.slug, self.options_hash, self.digest)

    @cached_property
    def options_hash(self) -> str:
        return options_hash(plain_options(self.sections, hashed=True) | self.more)

    def params(self) -> dict[str, Any]:
        """One sorted dict of plain values."""
        return {
            "digest": self.digest,
            "entries": list(self.entries),
            "files": list(self.files),
            "folder": self.folder,
            "kind": self.kind,
            "options": self.options,
            "options_hash": self.options_hash,
            "roots": list(self.roots),
        }


def code_of(
    section: Any,
    registry: dict[str, str],
    given: Sequence[str],
    key: str,
    judge_installed: bool,
    instead: Sequence[str] = (),
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(files, registry entries) that a named section stands for; a user's own file is given as `path.py:name`.

    Args:
        given, key, judge_installed, instead: see `memdyn.own.check.check_target`.

    Raises:
        ConfigError: where a user's own code cannot be used.
    """
    if not hasattr(section, "target"):
        return (), (registry[section.name],)
    own = check_target(section.target, section.options, given, key, judge_installed, instead).file
    return (str(own),), (registry["custom"],)
