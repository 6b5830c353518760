"""What a study takes on disk, by the time: while it trains and scores, and in the end."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from memdyn.design.blocks import MASK_CHUNK, mask_names
from memdyn.operations.shapes import shape_of
from memdyn.plan.run import RunPlan
from memdyn.plan.study import StudyPlan
from memdyn.terms import SCORED_PARTS

_SCORE_BYTES = 18  # of a sample at a checkpoint of a model: five float32, of which compression takes off a tenth
_SAMPLE_BYTES = 17  # of the pool beside pixels or columns: label, id, mark
_STATE_COPIES = 3  # what a model in training resumes from: its weights and up to two values of the optimizer for each
# Of a state (sample, checkpoint, attack, threshold), in the tables of its run and of the study, and as much again where
# there is a full analysis; of a (sample, checkpoint) in those of an attack; of a run's figures, which are in the page
# once more. Seen in the demo's studies, within a fifth of each of them.
_STATE_BYTES, _ANALYSED_BYTES, _ATTACK_BYTES, _SHOWN_BYTES = 147, 108, 12, 2_500_000
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
        pools: of samples and masks.
        tables: of attacks, analyses, tables, figures and page.
    """

    passing: int
    kept: int
    kept_there: int
    scores: int
    scores_there: int
    pools: int
    tables: int

    @property
    def weights(self) -> int:
        """At most at a time."""
        return self.kept + self.passing

    @property
    def training(self) -> int:
        """In all at most, until the last model is scored."""
        return self.pools + self.weights + self.scores

    @property
    def end(self) -> int:
        """In all in the end."""
        return self.pools + self.kept + self.scores + self.tables

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
    return Disk(most, kept, kept_there, scores, scores_there, _pools(plan), _tables(plan))


def _pools(plan: StudyPlan) -> int:
    """Of pools whose samples' shape is known; the others are small beside what is made of them."""
    pools = {run.pool.path: run for run in plan.trained}
    return sum(_pool(plan, run) for run in pools.values())


def _pool(plan: StudyPlan, run: RunPlan) -> int:
    parts, shape = run.pool.options["parts"], shape_of(plan, run)
    of_values = prod(shape[0]) * (1 if len(shape[0]) > 1 else 4) if shape else 0
    masks = len(mask_names(range(plan.study.config.shadow_models))) * MASK_CHUNK
    return sum(parts.values()) * (of_values + _SAMPLE_BYTES) + masks * (parts["scored"] + parts["sham"]) // 8


def _tables(plan: StudyPlan) -> int:
    total = len(plan.runs) * _SHOWN_BYTES
    for run in plan.runs:
        cells = run.pool.options.get("parts", {}).get("scored", 0) * len(run.epochs)
        if run.dynamics:
            options = run.dynamics.options
            states = cells * len(options["attacks"]) * len(options["thresholds"])
            total += states * (_STATE_BYTES + _ANALYSED_BYTES * bool(run.analysis))
        total += len(run.attacks) * cells * _ATTACK_BYTES
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
