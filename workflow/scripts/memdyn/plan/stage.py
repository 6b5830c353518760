"""A stage: one artifact folder, what its name stands for, and its place in the graph."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from memdyn.design.blocks import models_of
from memdyn.identity.digest import code_digest
from memdyn.identity.names import folder_name, options_hash, plain_options
from memdyn.own.check import check_target


@dataclass(frozen=True)
class Kind:
    """What all stages of a kind have in common.

    Attributes:
        name: in recipes.
        product: the file that is there when the stage is done, in its folder or in that of each block.
        per_block: whether it is made block by block.
        reads_weights: whether its jobs read the weights that its parent trained.
        costs_training: whether its loss may cost training.
    """

    name: str
    product: str
    per_block: bool = False
    reads_weights: bool = False
    costs_training: bool = False


POOL = Kind("pool", "pool.arrow", costs_training=True)
TRAIN = Kind("train", "log.parquet", per_block=True, costs_training=True)
PROBE = Kind("probe", "signals.parquet", per_block=True, reads_weights=True, costs_training=True)
# what stands in the place of these three where scores were exported by another tool
SCORED_POOL = Kind("pool", "pool.arrow")
SCORED_RUN = Kind("import", "log.parquet", per_block=True)
SCORES = Kind("scores", "signals.parquet", per_block=True)
ATTACK = Kind("attack", "metrics.parquet")
DYNAMICS = Kind("dynamics", "samples.parquet")
AGREEMENT = Kind("agreement", "agreement.parquet")
ANALYSIS = Kind("analysis", "curves.parquet")
UNCALIBRATED = Kind("uncalibrated", "uncalibrated.parquet")
DISTANCE = Kind("distance", "level_distance.parquet")
RELIABILITY = Kind("reliability", "reliability.parquet")
AUDIT = Kind("audit", "bounds.parquet")
REALISED = Kind("realised", "realised.parquet")
TABLES = Kind("tables", "runs.parquet")
FIGURES = Kind("figures", "")
REPORT = Kind("report", "report.html")
LIMITS = Kind("limits", "within_limits.txt")


@dataclass(frozen=True)
class Stage:
    """An artifact folder and all that its name stands for; `params()` is what its job gets.

    Attributes:
        sections: config sections and plain values by name; or one section, with `more` laid over its keys.
        roots, entries, files: the code that makes it; see `code_digest`.
        parent: the stage in whose folder this one lies; None: in that of the results.
        needs: other stages that it is made from, by what they are to it. Their paths are part of its name, but for
            the teachers of a training, whose name tells them itself.
        models: it is made of the first so many models; None: of all.
        known: further options, which follow from those that are hashed.
    """

    kind: Kind
    slug: str
    sections: Any
    roots: tuple[str, ...]
    entries: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)
    parent: "Stage | None" = field(default=None, repr=False)
    needs: "dict[str, Stage]" = field(default_factory=dict, repr=False)
    models: int | None = None
    known: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def options(self) -> dict[str, Any]:
        """All options, as plain values."""
        return plain_options(self.sections) | self.more | self._needed | self.known

    @cached_property
    def digest(self) -> str:
        return code_digest(self.roots, self.entries, self.files)

    @cached_property
    def folder(self) -> str:
        return folder_name(self.slug, self.options_hash, self.digest)

    @cached_property
    def path(self) -> str:
        """Below the results; it tells all that the stage was made from."""
        return f"{self.parent.path}/{self.folder}" if self.parent else self.folder

    @cached_property
    def options_hash(self) -> str:
        return options_hash(plain_options(self.sections, hashed=True) | self.more | self._needed)

    @property
    def _needed(self) -> dict[str, Any]:
        if not self.needs or self.kind == TRAIN:
            return {}
        return {"needs": {name: stage.path for name, stage in self.needs.items()}}

    def product(self, block: str = "") -> str:
        """What is there when it is done, below the results; of a block where it is made block by block."""
        return "/".join(filter(None, (self.path, block, self.kind.product)))

    def is_of(self, block: str) -> bool:
        """Whether it is made of any model of a block."""
        return self.models is None or models_of(block).start < self.models

    def params(self) -> dict[str, Any]:
        """One sorted dict of plain values."""
        return {
            "digest": self.digest,
            "entries": list(self.entries),
            "files": list(self.files),
            "folder": self.folder,
            "kind": self.kind.name,
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
