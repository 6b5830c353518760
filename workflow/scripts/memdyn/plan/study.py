"""From a study to folders and jobs, torch-free: what the Snakefile needs to know and nothing more.

Every artifact lies in the folder of what it was made from, so a path is its own lineage:

    <results>/<pool>/<run>/<outputs>/<attack or dynamics>
    <results>/<pool>/<run>/<any other probe>
    <results>/studies/<study>/versions/<tables, figures or report>
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from memdyn.config.load import Study
from memdyn.config.paths import refuse_files
from memdyn.config.probes import OutputsProbe
from memdyn.identity.names import options_hash
from memdyn.plan.audit import audit_stage, audited_folders
from memdyn.plan.folds import NEEDS_PAIRS, folded_attacks, folded_folders
from memdyn.plan.images import refuse_odd_samples
from memdyn.plan.nets import refuse_untrainable
from memdyn.plan.pools import plan_pools, pool_key
from memdyn.plan.probes import OUTPUTS, plan_probes, wanted_probes
from memdyn.plan.reuse import same_training, saved
from memdyn.plan.run import RunPlan, marked
from memdyn.plan.scores import Imported, plan_imports
from memdyn.plan.shown import plan_tables
from memdyn.plan.stage import TRAIN, Stage
from memdyn.plan.stages import (
    Code,
    agreement_stage,
    analysis_stage,
    attack_stages,
    code_of_attacks,
    distance_stage,
    dynamics_stage,
    realised_stage,
    reliability_stage,
    uncalibrated_stage,
)
from memdyn.plan.training import Training, Trainings


@dataclass(frozen=True)
class StudyPlan:
    """Everything that the rules need.

    Attributes:
        runs: of the study, in order.
        teachers: hidden runs that others learn from.
        limits: whether the leak is within them; asked for where the study has any.
        gone: pool -> the file or folder of its raw data that is not there any more; a built pool does without.
    """

    study: Study
    runs: list[RunPlan]
    teachers: list[RunPlan]
    tables: Stage
    figures: Stage
    report: Stage
    limits: Stage
    gone: dict[str, str]

    @property
    def results(self) -> str:
        return self.study.config.results

    @property
    def folder(self) -> str:
        return f"{self.results}/studies/{self.study.config.study}"

    @property
    def versions(self) -> str:
        return f"{self.folder}/versions"

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """Every stage below the pools, by its path below the results; a parent comes before what lies in it."""
        return {stage.path: stage for run in self.all_runs for stage in run.stages()}

    @cached_property
    def others(self) -> list[RunPlan]:
        """The hidden runs that attacks read, each once."""
        return [run for run in marked([other for run in self.runs for other in run.others.values()]) if not run.repeats]

    @property
    def all_runs(self) -> list[RunPlan]:
        """Hidden teachers, the runs, then hidden ones that attacks on them read."""
        return [*self.teachers, *self.runs, *self.others]

    @property
    def folds(self) -> list[int]:
        """Of each model, where they are no complementary pairs; else none."""
        return self.runs[0].training.folds

    @property
    def imports(self) -> list[Imported]:
        """Where the scores of each run come from; none but in a study of scores."""
        return [run.training for run in self.runs] if self.study.config.scores else []

    @property
    def trained(self) -> list[RunPlan]:
        """All that is trained or scored."""
        return [] if self.imports else [run for run in self.all_runs if not run.repeats]

    def read_off(self, pool: str) -> list[str]:
        """What is made from the raw data of a pool alone, below the results."""
        return next((each.products() for each in self.imports if each.pool.folder == pool), [f"{pool}/pool.arrow"])

    @cached_property
    def _alternatives(self) -> dict[str, Stage]:
        """Stages that a job may ask for, though this start uses others: another study may since have begun them."""
        if self.imports:
            return {}
        return {stage.path: stage for run in self.runs for stage in _alternatives(self.study, run)}

    @cached_property
    def _readers(self) -> dict[str, list[Stage]]:
        found: dict[str, list[Stage]] = {}
        for stage in self.stages.values():
            trained = [stage.parent] if stage.kind.reads_weights else []
            for source in [*trained, *(need for need in stage.needs.values() if stage.kind == need.kind == TRAIN)]:
                found.setdefault(source.path, []).append(stage)
        return found

    def readers(self, train: Stage, block: str) -> list[Stage]:
        """The stages that read a block's weights of this training; once all have, they may go."""
        return [stage for stage in self._readers.get(train.path, []) if stage.is_of(block)]

    def results_of_weights(self, train: Stage, block: str) -> list[str]:
        """What is made from a block's weights, below the results."""
        return [reader.product(block) for reader in self.readers(train, block)]

    def version_names(self) -> dict[str, str]:
        """Folders of this version's tables, figures and report."""
        return {"tables": self.tables.folder, "figures": self.figures.folder, "report": self.report.folder}

    def run_descriptions(self) -> list[dict[str, Any]]:
        """What the table `runs` tells of each run, as plain values."""
        return [
            {
                "name": plan.name,
                "folder": plan.train.path,
                "pool": pool.folder,
                **plan.training.described(),
                # what the pool is but for its size, in a word; of a user's own data set the code tells
                "population": options_hash(
                    {k: v for k, v in pool.options.items() if k != "parts"} | {"code": pool.digest}
                ),
                "device": "" if self.imports else self.study.config.device,
                "members": pool.options["parts"]["scored"] // 2,
                **({"audited": plan.audit.options["epoch"]} if plan.audit else {}),
            }
            for plan in self.runs
            # files of scores have each a pool of their own, all of the same samples and masks
            for pool in [(self.runs[0] if self.imports else plan).pool]
        ]

    def stated(self) -> dict[str, Any]:
        """The config as the page prints it, without what the study has no use for."""
        stated = self.study.config.stated()
        return {key: value for key, value in stated.items() if not (self.folds and key in NEEDS_PAIRS)}

    def folders(self) -> dict[str, dict[str, Any]]:
        """The map from the study's names to the folders of its artifacts."""
        return {
            run.name: audited_folders(run)
            if run.audit
            else folded_folders(run)
            if run.training.folds
            else {
                "pool": run.pool.path,
                "train": run.train.path,
                "probes": {name: stage.path for name, stage in run.probes.items()},
                "attacks": {label: stage.path for label, stage in run.attacks.items()},
                "dynamics": run.dynamics.path,
                "agreement": run.agreement.path,
                "analysis": run.analysis.path if run.analysis else None,
                **({"others": {name: other.outputs.path for name, other in run.others.items()}} if run.others else {}),
                **{name: stage.path for name, stage in run.asked_for.items()},
            }
            for run in self.runs
        }

    def stage(self, path: str) -> Stage:
        """The stage whose folder is `path` below the results.

        Raises:
            LookupError: where the plan has no such folder, as in a job whose code or config changed after it was
                submitted.
        """
        found = self.stages.get(path) or self._alternatives.get(path)
        if found is None:
            raise LookupError(
                f"{self.results}/{path} is not part of the study as code and config now stand: "
                "they were changed after this job was submitted; run snakemake again"
            )
        return found


def build_plan(study: Study, is_job: bool = False, judge_installed: bool = True) -> StudyPlan:
    """Names every folder of a study.

    Args:
        is_job: a job of a started study, which takes its word for what is in the files of data.
        judge_installed: whether jobs have the packages of this Python, so that own code can be held to them.

    Raises:
        ConfigError: for data or code of the user's that is missing or does not fit; for nets that cannot be trained
            and what needs images where there are none; for files in the place of folders.
    """
    judge = judge_installed and not is_job
    if not is_job:
        refuse_files({"results": study.config.results, "data_dir": study.config.data_dir})
    if study.config.scores:
        return _plan_scores(study, is_job, judge)
    pools = plan_pools(study, is_job, judge)
    if not is_job:
        refuse_untrainable(study, pools)
    trainings = Trainings(study, [pools[pool_key(run.pool)].stage for run in study.runs], judge)
    runs = marked([_plan_run(study, training, judge) for training in trainings.runs])
    if not is_job:
        refuse_odd_samples(study, pools)
    teachers = [RunPlan(training, training.run.train.checkpoint_epochs()) for training in trainings.hidden]
    gone = {pool.stage.folder: pool.gone for pool in pools.values() if pool.gone}
    return StudyPlan(study, runs, teachers, *plan_tables(study, runs), gone)


def _plan_scores(study: Study, is_job: bool, judge_installed: bool) -> StudyPlan:
    """A study of exported scores, whose models are those of the files."""
    codes = code_of_attacks(study.config.attacks, judge_installed)
    imports = plan_imports(study, is_job)
    study = replace(study, config=study.config.model_copy(update={"shadow_models": len(imports[0].exported.order)}))
    runs = [_read_by(study, each, each.exported.checkpoints, {OUTPUTS: each.outputs}, codes, {}) for each in imports]
    gone = {each.pool.folder: each.gone for each in imports if each.gone}
    return StudyPlan(study, runs, [], *plan_tables(study, runs), gone)


def _plan_run(study: Study, training: Training, judge_installed: bool) -> RunPlan:
    run, train = training.run, training.stage
    epochs, early = run.train.checkpoint_epochs(), study.config.analysis.early_epoch
    codes = code_of_attacks(study.config.attacks, judge_installed)  # is there, before it is asked what it reads
    probes = plan_probes(wanted_probes(study), run, train, epochs, early, judge_installed)
    others = {name: _plan_other(other, early, judge_installed) for name, other in training.others.items()}
    return _read_by(study, training, epochs, probes, codes, others)


def _plan_other(training: Training, early: float, judge_installed: bool) -> RunPlan:
    """A hidden run that attacks read."""
    epochs, wanted = training.run.train.checkpoint_epochs(), {OUTPUTS: OutputsProbe()}
    return RunPlan(training, epochs, plan_probes(wanted, training.run, training.stage, epochs, early, judge_installed))


def _read_by(
    study: Study,
    training: Training | Imported,
    epochs: list[int],
    probes: dict[str, Stage],
    codes: dict[str, Code],
    others: Mapping[str, RunPlan],
) -> RunPlan:
    """A run with all that reads its probes, and the outputs of others."""
    if study.config.audit:
        return RunPlan(training, epochs, probes, audit=audit_stage(study, probes[OUTPUTS], epochs))
    if training.folds:
        attacks = folded_attacks(study, codes, probes[OUTPUTS], epochs, training.exact.options_hash)
        return RunPlan(training, epochs, probes, attacks)
    given = probes | {name: other.outputs for name, other in others.items()}
    attacks = attack_stages(study, codes, given, epochs, training.exact.options_hash)
    dynamics = dynamics_stage(study, codes, given, epochs)
    analysis = analysis_stage(study, codes, given, epochs) if study.config.analysis.enabled else None
    uncalibrated = uncalibrated_stage(study, probes, epochs, training.exact.options_hash)
    distance = distance_stage(study, probes, epochs) if study.config.level_distance else None
    making = {"agreement": agreement_stage, "reliability": reliability_stage, "realised": realised_stage}
    more = {name: make(study, codes, given, epochs) for name, make in making.items()}
    more |= {"uncalibrated": uncalibrated, "distance": distance, "others": dict(others)}
    return RunPlan(training, epochs, probes, attacks, dynamics, analysis, **more)


def _alternatives(study: Study, plan: RunPlan) -> Iterator[Stage]:
    """The stages of a run on any other training that holds its checkpoints."""
    exact = plan.training.exact
    others = same_training(plan.training.make, exact, Path(study.config.results))
    for train in (exact, *others):
        if saved(exact) <= saved(train):
            yield from _plan_run(study, replace(plan.training, stage=train), judge_installed=False).stages()
