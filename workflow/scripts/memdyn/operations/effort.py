"""How long the models of a study take: from finished ones, else reckoned from the arithmetic of their nets.

A net costs its operations, which `memdyn.models.size` counts, three times a sample that is trained on (backward is
about twice forward; SAM does both twice) and once a sample that is scored. Of the optimizers' own work only Muon's
matters. A mechanism says by what factor it lengthens a step; a user's own counts as nothing, which the statement tells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import ceil, prod
from statistics import fmean
from typing import Any

from memdyn.config.load import Run
from memdyn.models.size import size_of
from memdyn.operations.shapes import shape_of
from memdyn.plan.probes import OUTPUTS
from memdyn.plan.study import RunPlan, StudyPlan
from memdyn.terms import SCORED_PARTS

SEARCH = 23  # passes forward and back of the search for a level: 21, and 6 forward alone
CURVATURE = 2  # of a draw of the curvature: forward, back, and back through both
FORWARDS = 3  # passes forward that take as long as one forward and back; measured: 2.3 to 4.2, see below


@dataclass(frozen=True)
class Speed:
    """A core's, or a GPU's.

    Attributes:
        flops: a second.
        step: seconds that a step of training takes besides its arithmetic.
    """

    flops: float
    step: float


# CPU: benchmarks/bench_throughput.py saw, on a core of an EPYC with AVX-512 (torch 2.14, 26 November 2026), alone and
# with the other core busy alike: 35 to 42 GFLOP/s for the CNN of 2 layers, 55 to 105 for deeper nets, 60 to 93 for
# MLPs; 0.37 ms a step of logistic regression. The constant is on the low side, since other processors are slower.
# GPU: a guess, since nothing of this project was run on one yet.
SPEEDS = {"cpu": Speed(50e9, 4e-4), "cuda": Speed(5e12, 2e-3)}


@dataclass(frozen=True)
class Effort:
    """What it takes to train a model of a run.

    Attributes:
        net: tells nets and samples apart.
        passes: samples that pass forward and back, or what takes as long.
        guess: seconds at the device's rough speed; None where the size of the net is not known.
        checkpoint: bytes; None likewise.
    """

    net: str
    passes: float
    guess: float | None
    checkpoint: int | None

    @property
    def amount(self) -> float:
        """Its share of work, to compare it with another run of the same net."""
        return self.guess or self.passes


def efforts(plan: StudyPlan) -> list[Effort]:
    """One for each run that is trained."""
    return [_effort(plan, run) for run in plan.trained]


def _effort(plan: StudyPlan, planned: RunPlan) -> Effort:
    run = planned.run
    config, train = plan.study.config, run.train
    members = round(run.pool.parts.scored // 2 * prod(each.share_of_members() for each in train.mechanisms))
    rounds = train.epochs * _closures(planned) * lengthening(run)
    shape = shape_of(plan, planned)
    size = size_of(run.train.model.model_dump(), *shape) if shape else None
    guess = None
    if size:
        speed = SPEEDS[config.device]
        threads = config.threads if config.device == "cpu" else 1
        size_of_step = reduce(lambda batch, each: each.step_size(batch), train.mechanisms, train.batch_size)
        steps = ceil(members / size_of_step)
        muon = train.optimizer.ns_steps * size.iteration if train.optimizer.name == "muon" else 0
        arithmetic = FORWARDS * size.flops * members + muon * steps
        guess = rounds * (arithmetic / (speed.flops * threads) + speed.step * steps)
    return Effort(f"{train.model!r} on {run.pool.dataset!r}", members * rounds, guess, size.bytes if size else None)


def _closures(run: RunPlan) -> int:
    """Passes forward and back in a step."""
    return 2 if run.train.options["optimizer"]["name"] == "sam" else 1


def lengthening(run: Run) -> float:
    """Time of a step of training with the run's mechanisms, of that without them."""
    return prod(mechanism.cost() or 1.0 for mechanism in run.train.mechanisms)


def scoring_cost(run: RunPlan) -> float:
    """Time to score a model, of that to train it: samples that pass forward, against forward and back."""
    if not run.outputs:
        return 0.0
    return _of_training(run, SCORED_PARTS, len(run.train.options["checkpoints"]))


def probing_cost(run: RunPlan, name: str) -> float | None:
    """Time to take a probe of a model, of that to train it; None where its passes are not known."""
    if name == OUTPUTS:
        return scoring_cost(run)
    stage = run.probes[name]
    probe, epochs = stage.sections["probe"], len(stage.options["epochs"])
    if passes := _differentiated(run, stage.options):
        return FORWARDS * passes * epochs / _training_forwards(run)
    if probe.name == "boundary_distance":
        return probe.query_budget * _searched(run, probe.samples) * epochs / _training_forwards(run)
    forwards = probe.forwards()
    return forwards and _of_training(run, stage.options["parts"], forwards * epochs)


def _of_training(run: RunPlan, of_parts: Iterable[str], forwards: int) -> float:
    """So many passes forward of the samples of these parts, of the passes of training."""
    parts = run.pool.options["parts"]
    return sum(parts[part] for part in of_parts) * forwards / _training_forwards(run)


def _training_forwards(run: RunPlan) -> float:
    """What training a model takes, in passes forward of a sample."""
    passes = run.train.options["epochs"] * run.pool.options["parts"]["scored"] / 2
    return FORWARDS * _closures(run) * lengthening(run.run) * passes


def _differentiated(run: RunPlan, options: Mapping[str, Any]) -> int | None:
    """Samples that pass forward and back at a checkpoint, for probes that differentiate; None for the others."""
    probe, parts = options["probe"], run.pool.options["parts"]
    match probe["name"]:
        case "level_distance":
            return SEARCH * probe["samples"] * len(probe["levels"]) * len(probe["norms"])
        case "adversarial_distance":
            return SEARCH * _searched(run, probe["samples"])
        case "margin_gradient":
            return parts["scored"]
        case "gradient_norm" | "grand":  # sample by sample: 1.2 times as long as in a batch, by the suite of attacks
            return sum(parts[part] for part in options["parts"])
        case "input_curvature":
            return CURVATURE * probe["draws"] * probe["samples"]
    return None


def _searched(run: RunPlan, most: int) -> int:
    return min(most, run.pool.options["parts"]["scored"])


def seconds_a_model(found: Sequence[Effort], measured: Sequence[float], unmeasured: float = 1.0) -> list[float | None]:
    """Time to train a model of each run.

    Args:
        measured: mean seconds of its finished models, 0 where there is none. Such a run is scaled from runs of the same
            net; else it takes its guess, scaled by how the guesses of the other runs turned out.
        unmeasured: by what guesses are scaled where nothing was measured, see `memdyn.operations.machine`.

    Returns:
        None for a run of which nothing is known.
    """
    known = [(effort, seconds) for effort, seconds in zip(found, measured, strict=True) if seconds]
    guessed = [(effort.guess, seconds) for effort, seconds in known if effort.guess]
    scale = sum(seconds for _, seconds in guessed) / sum(guess for guess, _ in guessed) if guessed else unmeasured

    def estimate(effort: Effort) -> float | None:
        alike = [seconds / other.amount for other, seconds in known if other.net == effort.net]
        if alike:
            return effort.amount * fmean(alike)
        return effort.guess * scale if effort.guess else None

    return [seconds or estimate(effort) for effort, seconds in zip(found, measured, strict=True)]
