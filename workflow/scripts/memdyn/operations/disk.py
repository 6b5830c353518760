"""What a study takes on disk, by the time: while it trains and scores, and in the end."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from memdyn.design.blocks import MASK_CHUNK, mask_names
from memdyn.operations.drawn import figures
from memdyn.operations.shapes import shape_of
from memdyn.plan.probes import OUTPUTS
from memdyn.plan.run import RunPlan
from memdyn.plan.stage import Stage
from memdyn.plan.study import StudyPlan
from memdyn.terms import SCORED_PARTS

_SCORE_BYTES = 18  # of a sample at a checkpoint of a model: five float32, of which compression takes off a tenth
_SAMPLE_BYTES = 17  # of the pool beside pixels or columns: label, id, mark
_NORMS = 4  # of what the last layer reads
_STATE_COPIES = 3  # what a model in training resumes from: its weights and up to two values of the optimizer for each
_FLOAT_BYTES = 3.5  # of any other signal: a float32, of which compression takes off an eighth (.86 to 1.0 were seen)
# Of a state (sample, checkpoint, attack, threshold), in the tables of its run and of the study, and as much again where
# there is a full analysis.
_STATE_BYTES, _ANALYSED_BYTES = 122, 108
# Of an attack in its own tables, those of its run and those of the study: by itself, of a checkpoint (its ROC), of a
# sample (who is vulnerable), and of a sample at a checkpoint (its rates).
_ATTACK_BYTES, _ROC_BYTES, _VULNERABLE_BYTES, _RATE_BYTES = 90_000, 38_000, 30, 11
_INDEX_BYTES = 66  # of a sample of the pool, in the study's index of them
_SHOWN_BYTES = 320_000  # of a figure, as PNG and PDF and once more in the page
# The scheduler's choice is among this many ready jobs, drawn at random where there are more (profiles/default): scoring
# waits, for one to two blocks a hundred in a simulation of 150 to 1,250 blocks.
READY_JOBS = 100


@dataclass(frozen=True)
class Passing:
    """A run's weights, which go when they are scored.

    Attributes:
        checkpoint: bytes; 0 where that is unknown.
        to_train, trained, wanted, scored: models.
        left: models of each block that is not scored yet; none where another run has the same weights.
        teaches: whether other runs learn from it, for whom its weights stay longer.
    """

    checkpoint: int
    checkpoints: int
    samples: int
    to_train: int
    trained: int
    wanted: int
    scored: int
    left: tuple[int, ...]
    teaches: bool = False


@dataclass(frozen=True)
class Disk:
    """Bytes.

    Attributes:
        passing: of weights that go again, at most at a time.
        kept, kept_there: of weights that stay; those that are there.
        scores, scores_there: likewise.
        signals: of what else is read off the networks.
        pools: of samples and masks.
        tables: of attacks, analyses, tables, figures and page.
    """

    passing: int
    kept: int
    kept_there: int
    scores: int
    scores_there: int
    signals: int
    pools: int
    tables: int

    @property
    def weights(self) -> int:
        """At most at a time."""
        return self.kept + self.passing

    @property
    def training(self) -> int:
        """In all at most, until the last model is scored."""
        return self.pools + self.weights + self.scores + self.signals

    @property
    def end(self) -> int:
        """In all in the end."""
        return self.pools + self.kept + self.scores + self.signals + self.tables

    @property
    def more(self) -> int:
        """At most, beside what is there."""
        return max(self.training, self.end) - self.kept_there - self.scores_there


def disk_of(plan: StudyPlan, runs: Sequence[Passing], slots: int) -> Disk:
    """See `Disk`.

    Args:
        slots: jobs of training and scoring that run side by side.
    """
    keep = plan.study.config.keep_checkpoints
    kept = kept_there = scores = scores_there = 0
    passing: list[int] = []  # what a block takes until it is scored
    lasting = 0  # of teachers: jobs are not ordered by block, so that all of their weights may be there at a time
    for run in runs:
        stays = {"none": 0, "last": 1, "all": run.checkpoints}[keep]
        kept += run.to_train * stays * run.checkpoint
        kept_there += run.trained * stays * run.checkpoint
        of_blocks = [run.checkpoint * models * (run.checkpoints - stays) for models in run.left]
        if run.teaches:
            lasting += sum(of_blocks)
        else:
            passing += [of_block + _STATE_COPIES * run.checkpoint for of_block in of_blocks]
        scores += run.wanted * run.checkpoints * run.samples * _SCORE_BYTES
        scores_there += run.scored * run.checkpoints * run.samples * _SCORE_BYTES
    # scoring goes before training, so that a job of training leaves its place to the one that scores its block
    waiting = 2 * len(passing) // READY_JOBS if len(passing) > READY_JOBS else 0
    most = lasting + sum(sorted(passing)[-(slots + waiting) :])
    return Disk(most, kept, kept_there, scores, scores_there, _signals(plan), _pools(plan), _tables(plan))


def _pools(plan: StudyPlan) -> int:
    """Of pools whose samples' shape is known; the others are small beside what is made of them."""
    pools = {run.pool.path: run for run in plan.trained}
    return sum(_pool(plan, run) for run in pools.values())


def _pool(plan: StudyPlan, run: RunPlan) -> int:
    parts, shape = run.pool.options["parts"], shape_of(plan, run)
    of_values = prod(shape[0]) * (1 if len(shape[0]) > 1 else 4) if shape else 0
    masks = len(mask_names(range(plan.study.config.shadow_models))) * MASK_CHUNK
    return sum(parts.values()) * (of_values + _SAMPLE_BYTES) + masks * (parts["scored"] + parts["sham"]) // 8


def _signals(plan: StudyPlan) -> int:
    """Of probes besides the outputs, by the numbers that each writes of a sample."""
    found = {stage.path: (run, stage) for run in plan.all_runs for name, stage in run.probes.items() if name != OUTPUTS}
    return round(sum(_FLOAT_BYTES * values_of(plan, run, stage) for run, stage in found.values()))


def values_of(plan: StudyPlan, run: RunPlan, stage: Stage) -> float:
    """Numbers that a probe writes of all models, checkpoints and samples, each counted as a float32."""
    options, probe, parts = stage.options, stage.options["probe"], run.pool.options["parts"]
    samples = sum(parts[part] for part in options["parts"])
    samples = min(samples, probe.get("samples") or samples)
    models = min(plan.study.config.shadow_models, stage.models or plan.study.config.shadow_models)
    return models * len(options["epochs"]) * samples * _values_of_a_sample(plan, run, stage)


def _values_of_a_sample(plan: StudyPlan, run: RunPlan, stage: Stage) -> float:
    probe, section = stage.options["probe"], stage.sections["probe"]
    match probe["name"]:
        case "logits":
            shape = shape_of(plan, run)
            return (shape[1] if shape else 1) * (0.5 if probe["dtype"] == "float16" else 1.0)
        case "views":
            return len(section.gives) * section.forwards()
        case "embedding":
            return _NORMS
        case "level_distance":
            return (len(probe["norms"]) + 1) * len(probe["levels"])
    return max(1, len(section.gives))


def states(plan: StudyPlan) -> int:
    """Of samples: at each checkpoint, by each attack of the dynamics and threshold, over all runs."""
    return sum(_cells(run) * _views(run) for run in plan.runs)


def _cells(run: RunPlan) -> int:
    """(sample, checkpoint)."""
    return run.pool.options.get("parts", {}).get("scored", 0) * len(run.epochs)


def _views(run: RunPlan) -> int:
    """(attack, threshold) of the dynamics."""
    return len(run.dynamics.options["attacks"]) * len(run.dynamics.options["thresholds"]) if run.dynamics else 0


def _tables(plan: StudyPlan) -> int:
    pools = {run.pool.path: sum(run.pool.options.get("parts", {}).values()) for run in plan.runs}
    total = figures(plan) * _SHOWN_BYTES + sum(pools.values()) * _INDEX_BYTES
    for run in plan.runs:
        cells, checkpoints = _cells(run), len(run.epochs)
        total += cells * _views(run) * (_STATE_BYTES + _ANALYSED_BYTES * bool(run.analysis))
        of_samples = cells // max(1, checkpoints) * _VULNERABLE_BYTES + cells * _RATE_BYTES
        total += len(run.attacks) * (_ATTACK_BYTES + checkpoints * _ROC_BYTES + of_samples)
    return total


def teachers_of(plan: StudyPlan) -> set[str]:
    """Paths of the trainings that others learn from."""
    return {need.path for run in plan.all_runs for need in run.train.needs.values()}


def scored_samples(run: RunPlan) -> int:
    """Of a run; none of a hidden teacher."""
    parts = run.pool.options["parts"]
    return sum(parts[part] for part in SCORED_PARTS) if run.outputs else 0


def free_bytes(folder: Path) -> int:
    """Where the results lie, or will."""
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(existing).free
