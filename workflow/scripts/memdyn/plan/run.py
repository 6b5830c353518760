"""One run as the plan has it: its stages, and what it shares with others."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from memdyn.config.load import Run, ScoredRun
from memdyn.plan.probes import OUTPUTS
from memdyn.plan.scores import Imported
from memdyn.plan.stage import Stage
from memdyn.plan.training import Training


@dataclass(frozen=True)
class RunPlan:
    """The stages of one run of the study, from its pool to its dynamics.

    Attributes:
        epochs: the checkpoints that the study reads; those of the training may be more.
        probes: by name; the outputs come first.
        attacks: by label.
        agreement: of the attacks.
        analysis: None where the study does not ask for the full analysis.
        uncalibrated: None where it asks neither for it nor for runs against a baseline.
        distance: None where it does not ask for the level distance.
        reliability: None where no attack gives probabilities.
        audit: None but in an audit, which has no attacks and no dynamics.
        realised: None where it does not ask what is realised on held-out targets.
        others: hidden runs that attacks on this one read, by their names; they have their outputs and no more.
        training: of its models; of a hidden teacher that is all there is. Or where their scores come from.
        shares: whether another run has the same training: they differ in output rules, or in when they end.
        repeats: whether another run has the same outputs too, so that nothing is trained or scored for it.
    """

    training: Training | Imported
    epochs: list[int]
    probes: dict[str, Stage] = field(default_factory=dict)
    attacks: dict[str, Stage] = field(default_factory=dict)
    dynamics: Stage | None = None
    analysis: Stage | None = None
    shares: bool = False
    repeats: bool = False
    uncalibrated: Stage | None = None
    distance: Stage | None = None
    agreement: Stage | None = None
    reliability: Stage | None = None
    audit: Stage | None = None
    realised: Stage | None = None
    others: "dict[str, RunPlan]" = field(default_factory=dict)

    @property
    def run(self) -> Run | ScoredRun:
        return self.training.run

    @property
    def name(self) -> str:
        return self.run.name

    @property
    def pool(self) -> Stage:
        return self.train.parent

    @property
    def train(self) -> Stage:
        return self.training.stage

    @property
    def outputs(self) -> Stage | None:
        """The probe that attacks and dynamics live on; none of a hidden teacher."""
        return self.probes.get(OUTPUTS)

    @property
    def asked_for(self) -> dict[str, Stage]:
        """The stages that not every study has, by name."""
        found = {name: getattr(self, name) for name in ("uncalibrated", "distance", "reliability", "realised")}
        return {name: stage for name, stage in found.items() if stage}

    def stages(self) -> Iterator[Stage]:
        """All of them; a parent comes before what lies in it."""
        yield from (self.pool, self.train, *self.probes.values(), *self.attacks.values())
        more = (self.agreement, self.analysis, *self.asked_for.values(), self.audit)
        yield from filter(None, (self.dynamics, *more))


def marked(runs: list[RunPlan]) -> list[RunPlan]:
    """With marks on those that share training or outputs with another one: all but the first of the longest."""
    longest_first = sorted(runs, key=lambda run: -run.run.train.epochs)
    trained, scored = ({path(run): run.name for run in longest_first[::-1]} for path in (_training, _outputs))
    return [
        replace(run, shares=trained[_training(run)] != run.name, repeats=scored[_outputs(run)] != run.name)
        for run in runs
    ]


def _training(run: RunPlan) -> str:
    return run.train.path


def _outputs(run: RunPlan) -> str:
    return run.outputs.path
