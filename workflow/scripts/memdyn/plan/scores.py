"""A study of exported scores: the same stages from the attacks on, behind another front, which is imported from a file.

The file's content is in the name of the pool. What else the plan needs to know of it (models, checkpoints, sizes) is in
the recipe of what was imported, so that a file may be gone afterwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from memdyn.config.errors import ConfigError
from memdyn.config.load import Study
from memdyn.data.exported import ASIDE, Exported, array_of, examine
from memdyn.design.blocks import block_names, mask_names
from memdyn.identity.recipe import read_recipe
from memdyn.identity.sources import look
from memdyn.plan.reads import reads_of
from memdyn.plan.stage import SCORED_POOL, SCORED_RUN, SCORES, Stage
from memdyn.terms import SCORED_PARTS

SLUG, SCRIPT = "scores", ("import_scores.py",)


@dataclass(frozen=True)
class ScoredRun:
    """The one run of a study of scores."""

    name: str = SLUG


@dataclass(frozen=True)
class Imported:
    """Where the scores of a run come from; it stands in the place of its training.

    Attributes:
        stage: of the logs; its parent is the pool.
        outputs: of the signals.
        gone: the file, where it is not there any more.
    """

    stage: Stage
    outputs: Stage
    exported: Exported
    gone: str | None
    run: ScoredRun = field(default_factory=ScoredRun)

    @property
    def exact(self) -> Stage:
        return self.stage

    @property
    def pool(self) -> Stage:
        return self.stage.parent

    @property
    def mechanisms(self) -> tuple[()]:
        return ()

    def described(self) -> dict[str, Any]:
        """What the table `runs` tells of it: of a recipe nothing is known but its end."""
        return {"dataset": SLUG, "architecture": "", "recipe": {"epochs": self.exported.checkpoints[-1]}}

    def products(self, n_models: int) -> list[str]:
        """All that is made from the file, below the results."""
        masks = [f"{self.pool.path}/membership/{name}.npz" for name in mask_names(range(n_models))]
        blocks = block_names(n_models)
        return [self.pool.product(), *masks, *(s.product(b) for s in (self.stage, self.outputs) for b in blocks)]


def plan_import(study: Study, is_job: bool) -> Imported:
    """The stages in the place of pool, training and outputs.

    Raises:
        ConfigError: for a file that is missing, or cannot be studied; for attacks that read what it has not.
    """
    path, results = study.config.scores.path, Path(study.config.results)
    sources = look([path], results, is_job)
    content = sources.content([path])
    try:
        if content is None:
            content = sources.built([path], SLUG, lambda hashes: _pool(study, hashes).options_hash)
        if content is None:
            raise ValueError(f"no such file: {path}")
        pool = _pool(study, content)
        exported = _remembered(results / pool.folder)
        if exported is None and path not in sources.now:
            raise ValueError(f"no such file: {path}; it was imported, but by other code: put it back")
        exported = exported or examine(path)
    except (OSError, ValueError) as error:
        raise ConfigError([f"scores.path: {error}"]) from None
    if not is_job and (odd := list(_unreadable(study, exported))):
        raise ConfigError(odd)
    pool = replace(pool, known=exported.plain())
    logs = Stage(SCORED_RUN, SLUG, {"checkpoints": exported.checkpoints}, SCRIPT, parent=pool)
    signals = {"parts": list(SCORED_PARTS), "signals": list(exported.signals)}
    outputs = Stage(SCORES, "outputs", signals, SCRIPT, parent=logs)
    return Imported(logs, outputs, exported, path if path not in sources.now else None)


def _pool(study: Study, content: list[str]) -> Stage:
    return Stage(SCORED_POOL, SLUG, study.config.scores, SCRIPT, more={"content": content})


def _remembered(folder: Path) -> Exported | None:
    """What was known of the file when it was imported into this folder."""
    recipe = read_recipe(folder)
    if recipe is None or not (folder / SCORED_POOL.product).exists():
        return None
    return Exported(**{name: recipe["options"][name] for name in Exported.__dataclass_fields__})


def _unreadable(study: Study, exported: Exported) -> Iterator[str]:
    """Attacks that read what the file does not have."""
    path = study.config.scores.path
    given: Mapping[str, list[str]] = exported.signals
    for attack in study.config.attacks:
        if attack.reads_population and not exported.parts["population"]:
            yield (
                f"attacks: {attack.label()} compares with population samples, and {path} has none; allowed: an array "
                "`population`, or other attacks"
            )
        for read in reads_of(attack):
            if read.of:
                yield f"attacks: {attack.label()} reads {read.of} that are trained for it, and here nothing is trained"
                continue
            if read.source not in given:
                yield (
                    f"attacks: {attack.label()} reads {read.source!r}, and {path} has no such array; it has: "
                    f"{', '.join(given)}"
                )
                continue
            lacking = [part for part in ASIDE if exported.parts[part] and part not in given[read.source]]
            for part in lacking:
                yield (
                    f"attacks: {attack.label()} reads {read.source!r}, and {path} has {part} samples without it; "
                    f"allowed: an array `{array_of(read.source, part)}` too, or no {part} samples"
                )
