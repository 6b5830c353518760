"""A study of exported scores: the same stages from the attacks on, behind another front, which is imported from files.

A run is a file. Its content is in the name of a pool of its own, so that studies share what they have in common,
though all files of a study are of one design. What else the plan needs to know of a file (models, checkpoints, sizes)
is in the recipe of what was imported, so that it may be gone afterwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memdyn.config.errors import ConfigError
from memdyn.config.load import ScoredRun, Study
from memdyn.config.scores import SLUG
from memdyn.data.exported import ASIDE, IDS, LABELS, MASK, Exported, array_of, examine
from memdyn.design.blocks import block_names, mask_names
from memdyn.identity.recipe import read_recipe
from memdyn.identity.sources import Sources, look
from memdyn.plan.folds import refused
from memdyn.plan.reads import reads_of
from memdyn.plan.stage import SCORED_POOL, SCORED_RUN, SCORES, Stage
from memdyn.terms import SCORED_PARTS

SCRIPT = ("import_scores.py",)


@dataclass(frozen=True)
class Imported:
    """Where the scores of a run come from; it stands in the place of its training.

    Attributes:
        stage: of the logs; its parent is the pool.
        outputs: of the signals.
        gone: the file, where it is not there any more.
    """

    run: ScoredRun
    stage: Stage
    outputs: Stage
    exported: Exported
    gone: str | None

    @property
    def exact(self) -> Stage:
        return self.stage

    @property
    def pool(self) -> Stage:
        return self.stage.parent

    @property
    def mechanisms(self) -> tuple[()]:
        return ()

    @property
    def folds(self) -> list[int]:
        """Of each model, where they are no complementary pairs; else none."""
        return self.exported.folds

    def described(self) -> dict[str, Any]:
        """What the table `runs` tells of it: of a recipe nothing is known but its end."""
        return {"dataset": SLUG, "architecture": "", "recipe": {"epochs": self.exported.checkpoints[-1]}}

    def products(self) -> list[str]:
        """All that is made from the file, below the results."""
        n_models = len(self.exported.order)
        masks = [f"{self.pool.path}/membership/{name}.npz" for name in mask_names(range(n_models))]
        blocks = block_names(n_models)
        return [self.pool.product(), *masks, *(s.product(b) for s in (self.stage, self.outputs) for b in blocks)]


def plan_imports(study: Study, is_job: bool) -> list[Imported]:
    """The stages in the place of pool, training and outputs, of each run.

    Raises:
        ConfigError: for a file that is missing, or cannot be studied; for attacks that read what it has not; for files
            that are not of the same samples and masks.
    """
    paths = [run.scores.path for run in study.scored]
    sources = look(paths, Path(study.config.results), is_job)
    imports = [_plan_import(study, run, sources) for run in study.scored]
    if not is_job:
        odd = [fault for each in imports for fault in _unreadable(study, each.run.scores.path, each.exported)]
        odd += refused(study.config, paths[0]) if imports[0].folds else _too_many_known(study, imports)
        if odd := odd or list(_of_other_samples(imports)):
            raise ConfigError(list(dict.fromkeys(odd)))
    return imports


def _too_many_known(study: Study, imports: list[Imported]) -> Iterator[str]:
    """Of attacks without shadow models."""
    for each in imports if study.config.uncalibrated else ():
        yield from study.config.uncalibrated.misfits(each.run.name, each.exported.parts["scored"])


def _plan_import(study: Study, run: ScoredRun, sources: Sources) -> Imported:
    path, results = run.scores.path, Path(study.config.results)
    content = sources.content([path])
    try:
        if content is None:
            content = sources.built([path], SLUG, lambda hashes: _pool(run, hashes).options_hash)
        if content is None:
            raise ValueError(f"no such file: {path}")
        pool = _pool(run, content)
        exported = _remembered(results / pool.folder)
        if exported is None and path not in sources.now:
            raise ValueError(f"no such file: {path}; it was imported, but by other code: put it back")
        exported = exported or examine(path, run.scores.folds)
    except (OSError, ValueError) as error:
        raise ConfigError([f"scores.path: {error}"]) from None
    pool = replace(pool, known=exported.plain())
    logs = Stage(SCORED_RUN, SLUG, {"checkpoints": exported.checkpoints}, SCRIPT, parent=pool)
    signals = {"parts": list(SCORED_PARTS), "signals": list(exported.signals)}
    outputs = Stage(SCORES, "outputs", signals, SCRIPT, parent=logs)
    return Imported(run, logs, outputs, exported, path if path not in sources.now else None)


def _pool(run: ScoredRun, content: list[str]) -> Stage:
    return Stage(SCORED_POOL, SLUG, run.scores, SCRIPT, more={"content": content})


def _of_other_samples(imports: list[Imported]) -> Iterator[str]:
    """Files that cannot be compared with the first, model by model and sample by sample."""
    first, *others = imports
    for other in others:
        mine, theirs = first.exported, other.exported
        what = [name for name in (MASK, LABELS, IDS) if mine.samples[name] != theirs.samples[name]]
        what += ["folds"] if not what and mine.folds != theirs.folds else []
        if what:
            yield (
                f"runs: {other.run.scores.path} ({other.run.name}) has other {', '.join(what)} than "
                f"{first.run.scores.path} ({first.run.name}); files of one study are compared model by model and "
                f"sample by sample; allowed: equal {MASK}, {LABELS} and {IDS}, in one order, or studies of their own"
            )


def _remembered(folder: Path) -> Exported | None:
    """What was known of the file when it was imported into this folder."""
    recipe = read_recipe(folder)
    if recipe is None or not (folder / SCORED_POOL.product).exists():
        return None
    return Exported(**{name: recipe["options"][name] for name in Exported.__dataclass_fields__})


def _unreadable(study: Study, path: str, exported: Exported) -> Iterator[str]:
    """Attacks that read what the file does not have."""
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
