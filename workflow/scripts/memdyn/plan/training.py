"""Training of a study's runs, and of their teachers.

A teacher is a run: one of the study where it has that recipe, else a hidden one, which is trained and not reported. A
student's name holds its teachers by their recipes and code, and not by which of their weights are saved.

A run that is another one's checkpoint is not trained: one that only ends earlier, at rates which do not know the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from memdyn.config.load import Run, Study
from memdyn.config.recipe import TrainConfig
from memdyn.identity.names import plain_options
from memdyn.plan.reuse import TrainOf, choose, same_training
from memdyn.plan.stage import Stage
from memdyn.plan.stages import Teacher, architecture, train_stage


@dataclass(frozen=True)
class Training:
    """Where the models of a run come from.

    Attributes:
        stage: the training that is read.
        exact: the one with just the run's checkpoints, which the other may stand for.
        lacking: training that is there of the same recipe, whose checkpoints are not enough.
        make: the stage for any list of checkpoints.
        others: of the hidden runs that attacks on this one read, by their names (`AttackSection.others`).
    """

    run: Run
    stage: Stage
    exact: Stage
    lacking: tuple[Stage, ...] = field(repr=False)
    make: TrainOf = field(repr=False)
    others: "Mapping[str, Training]" = field(default_factory=dict, repr=False)

    @property
    def mechanisms(self) -> Sequence[Any]:
        """Of the recipe, as config sections."""
        return self.run.train.mechanisms

    def described(self) -> dict[str, Any]:
        """What the table `runs` tells of the run, as plain values."""
        train = self.run.train
        return {
            "dataset": self.run.pool.dataset.name,
            "architecture": architecture(train),
            # with its own end and output rules, which are no part of the training that it may share; without the
            # teachers, which follow from it: two runs with other teachers differ in what these are made by
            "recipe": {key: value for key, value in self.stage.options.items() if key != "teachers"}
            | {"epochs": train.epochs, "mechanisms": plain_options(train.mechanisms)},
        }


class Trainings:
    """Those of a study, each planned once.

    Attributes:
        hidden: teachers that are no runs of the study.
    """

    def __init__(self, study: Study, pools: Sequence[Stage], judge_installed: bool) -> None:
        self.study, self.pools, self.judge_installed = study, pools, judge_installed
        self.results = Path(study.config.results)
        self.hidden: list[Training] = []
        self._planned: dict[str, Training] = {}
        self._known: set[str] = set()
        makers = [self._maker(run, pool) for run, pool in zip(study.runs, pools, strict=True)]
        exact = [make(run.train.checkpoint_epochs()) for run, make in zip(study.runs, makers, strict=True)]
        self._known = {stage.folder for stage in exact}
        planned = [self._plan(*of) for of in zip(study.runs, makers, exact, strict=True)]
        longest = [self._longest(*of) for of in zip(study.runs, pools, strict=True)]
        self.runs = [
            replace(planned[i], run=run, others=dict(self._others(run, pool)))
            for i, run, pool in zip(longest, study.runs, pools, strict=True)
        ]

    def _maker(self, run: Run, pool: Stage) -> TrainOf:
        teachers = tuple(self._teachers(run, pool))
        return partial(train_stage, run, pool, judge_installed=self.judge_installed, teachers=teachers)

    def _plan(self, run: Run, make: TrainOf, exact: Stage) -> Training:
        is_there = (self.results / exact.path).exists()
        others = [] if is_there else same_training(make, exact, self.results, self._known)
        stage = choose(exact, others, self.results)
        return Training(run, stage, exact, tuple(others) if stage is exact else (), make)

    def _longest(self, run: Run, pool: Stage) -> int:
        """The number of the run, or of the longest one of which it is a checkpoint."""
        number = self.study.runs.index(run)
        for other, place in enumerate(self.pools):
            theirs, longest = self.study.runs[other].train, self.study.runs[number].train
            if place.path == pool.path and longest.is_checkpoint_of(theirs):
                number = other
        return number

    def _teachers(self, run: Run, pool: Stage) -> Iterator[Teacher]:
        for mechanism in run.train.mechanisms:
            recipes = mechanism.teachers(run.train)
            for number, recipe in enumerate(recipes, 1):
                called = f"teacher {number} of {run.name}" if len(recipes) > 1 else f"teacher of {run.name}"
                yield self._teacher(mechanism.name, recipe, run, pool, called)

    def _teacher(self, mechanism: str, recipe: TrainConfig, student: Run, pool: Stage, called: str) -> Teacher:
        last = [recipe.epochs]
        hidden = Run(called, student.pool, recipe.model_copy(update={"checkpoints": last}))
        make = self._maker(hidden, pool)
        key = make(last)
        if key.path not in self._planned:
            mine = next(self._runs_like(hidden, pool), None)
            if mine:
                make = self._maker(mine, pool)
            teacher = mine or hidden
            self._planned[key.path] = self._plan(teacher, make, make(teacher.train.checkpoint_epochs()))
            if not mine:
                self.hidden.append(self._planned[key.path])
        return Teacher(mechanism, self._planned[key.path].stage, key.path)

    def _others(self, run: Run, pool: Stage) -> Iterator[tuple[str, Training]]:
        """Those that attacks read beside a run, each once; of runs that train alike they are the same trainings."""
        asking = {name: attack for attack in self.study.config.attacks for name in attack.others}
        for name, attack in asking.items():
            other = Run(f"{name} of {run.name}", run.pool, attack.other(name, run.train))
            make = self._maker(other, pool)
            exact = make(other.train.checkpoint_epochs())
            if exact.path not in self._planned:
                self._planned[exact.path] = self._plan(other, make, exact)
            yield name, replace(self._planned[exact.path], run=other)

    def _runs_like(self, teacher: Run, pool: Stage) -> Iterator[Run]:
        """Runs of the study with a teacher's recipe, that save its weights at the end."""
        for number, (run, place) in enumerate(zip(self.study.runs, self.pools, strict=True)):
            saves = teacher.train.epochs in run.train.checkpoint_epochs()
            is_like = saves and place.path == pool.path and _recipe(run) == _recipe(teacher)
            if is_like and self._longest(run, place) == number:
                yield run


def _recipe(run: Run) -> str:
    """All of it that changes weights, but the saved checkpoints."""
    return run.train.trained().model_copy(update={"checkpoints": "all"}).model_dump_json()
