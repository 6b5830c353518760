"""From a study to folders and jobs, torch-free: what the Snakefile needs to know and nothing more.

Every artifact lies in the folder of what it was made from, so a path is its own lineage:

    <results>/<pool>/<run>/<scoring>/<attack or dynamics>
    <results>/<pool>/<run>/<measures>
    <results>/studies/<study>/versions/<tables, figures or report>
"""

from dataclasses import dataclass, field
from typing import Any

from memdyn.attacks import REGISTRY as ATTACKS
from memdyn.config.load import Run, Study
from memdyn.config.paths import name_of_target, refuse_files
from memdyn.config.recipe import TrainConfig
from memdyn.identity.names import options_hash
from memdyn.models import REGISTRY as MODELS
from memdyn.optim import REGISTRY as OPTIMIZERS
from memdyn.plan.nets import refuse_untrainable
from memdyn.plan.pools import plan_pools, pool_key
from memdyn.plan.stage import Stage, code_of
from memdyn.probes import REGISTRY as MEASURES
from memdyn.report.sections import DRAWN, WRITTEN, entries
from memdyn.terms import SCORED_PARTS


@dataclass(frozen=True)
class RunPlan:
    """The folders of one run of the study, from its pool to its dynamics."""

    name: str
    pool: Stage
    train: Stage
    scoring: Stage
    measuring: Stage | None
    attacks: dict[str, Stage]
    dynamics: Stage
    analysis: Stage | None

    @property
    def pool_path(self) -> str:
        return self.pool.folder

    @property
    def train_path(self) -> str:
        return f"{self.pool.folder}/{self.train.folder}"

    @property
    def scoring_path(self) -> str:
        return f"{self.train_path}/{self.scoring.folder}"

    @property
    def measuring_path(self) -> str | None:
        """None where the study asks for no measure of difficulty that needs the weights."""
        return f"{self.train_path}/{self.measuring.folder}" if self.measuring else None

    def results_of_weights(self, block: str) -> list[str]:
        """What is made from a block's checkpoints, which may go once all of it is there."""
        measures = [f"{self.measuring_path}/{block}/measures.parquet"] if self.measuring else []
        return [f"{self.scoring_path}/{block}/scores.parquet", *measures]

    def attack_path(self, label: str) -> str:
        return f"{self.scoring_path}/{self.attacks[label].folder}"

    @property
    def dynamics_path(self) -> str:
        return f"{self.scoring_path}/{self.dynamics.folder}"

    @property
    def analysis_path(self) -> str | None:
        """None where the study does not ask for the full analysis."""
        return f"{self.scoring_path}/{self.analysis.folder}" if self.analysis else None


@dataclass(frozen=True)
class StudyPlan:
    """Everything that the rules need.

    Attributes:
        gone: pool -> the file or folder of its raw data that is not there any more; a built pool does without.
    """

    study: Study
    runs: list[RunPlan]
    tables: Stage
    figures: Stage
    report: Stage
    by_path: dict[str, Stage] = field(repr=False)
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

    def version_names(self) -> dict[str, str]:
        """Folders of this version's tables, figures and report."""
        return {"tables": self.tables.folder, "figures": self.figures.folder, "report": self.report.folder}

    def run_descriptions(self) -> list[dict[str, Any]]:
        """What the table `runs` tells of each run, as plain values."""
        folders = [run.train.folder for run in self.runs]
        return [
            {
                "name": plan.name,
                # one recipe on several pools: the pool tells the runs apart
                "folder": plan.train.folder
                if folders.count(plan.train.folder) == 1
                else f"{plan.pool.folder}--{plan.train.folder}",
                "pool": plan.pool.folder,
                "dataset": run.pool.dataset.name,
                "architecture": architecture(run.train),
                "recipe": plan.train.options,
                # what the pool is but for its size, in a word; of a user's own data set the code tells
                "population": options_hash(
                    {k: v for k, v in plan.pool.options.items() if k != "parts"} | {"code": plan.pool.digest}
                ),
                "device": self.study.config.device,
            }
            for plan, run in zip(self.runs, self.study.runs, strict=True)
        ]

    def folders(self) -> dict[str, dict[str, Any]]:
        """The map from the study's names to the folders of its artifacts."""
        return {
            run.name: {
                "pool": run.pool_path,
                "train": run.train_path,
                "scores": run.scoring_path,
                "measures": run.measuring_path,
                "attacks": {label: run.attack_path(label) for label in run.attacks},
                "dynamics": run.dynamics_path,
                "analysis": run.analysis_path,
            }
            for run in self.runs
        }

    def stage(self, path: str) -> Stage:
        """The stage whose folder is `path` below the results.

        Raises:
            LookupError: where the plan has no such folder, as in a job whose code or config changed after it was
                submitted.
        """
        if path not in self.by_path:
            raise LookupError(
                f"{self.results}/{path} is not part of the study as code and config now stand: "
                "they were changed after this job was submitted; run snakemake again"
            )
        return self.by_path[path]


def build_plan(study: Study, is_job: bool = False, judge_installed: bool = True) -> StudyPlan:
    """Names every folder of a study.

    Args:
        is_job: a job of a started study, which takes its word for what is in the files of data.
        judge_installed: whether jobs have the packages of this Python, so that own code can be held to them.

    Raises:
        ConfigError: for data or code of the user's that is missing or does not fit; for nets that cannot be trained;
            for files in the place of folders.
    """
    judge = judge_installed and not is_job
    if not is_job:
        refuse_files({"results": study.config.results, "data_dir": study.config.data_dir})
    pools = plan_pools(study, is_job, judge)
    if not is_job:
        refuse_untrainable(study, pools)
    runs = [_plan_run(study, run, pools[pool_key(run.pool)].stage, judge) for run in study.runs]
    tables, figures, report = _plan_study(study, runs)
    by_path: dict[str, Stage] = {}
    for run in runs:
        by_path |= {run.pool_path: run.pool, run.train_path: run.train, run.scoring_path: run.scoring}
        if run.measuring:
            by_path[run.measuring_path] = run.measuring
        by_path |= {run.attack_path(label): stage for label, stage in run.attacks.items()}
        by_path[run.dynamics_path] = run.dynamics
        if run.analysis:
            by_path[run.analysis_path] = run.analysis
    gone = {pool.stage.folder: pool.gone for pool in pools.values() if pool.gone}
    return StudyPlan(study, runs, tables, figures, report, by_path, gone)


def _plan_run(study: Study, run: Run, pool: Stage, judge_installed: bool) -> RunPlan:
    train = _plan_train(run, judge_installed)
    scoring = Stage(
        "score", "scores", {"parts": list(SCORED_PARTS)}, ("score_block.py",), (MODELS[run.train.model.name],)
    )
    measuring = _plan_measuring(study, run)
    attacks = {attack.label(): _plan_attack(study, attack) for attack in study.config.attacks}
    dynamics = _plan_dynamics(study, attacks)
    analysis = _plan_analysis(study, measuring) if study.config.analysis.enabled else None
    return RunPlan(run.name, pool, train, scoring, measuring, attacks, dynamics, analysis)


def _plan_train(run: Run, judge_installed: bool) -> Stage:
    train = run.train
    own, model = code_of(train.model, MODELS, ("input_shape", "n_classes"), "model", judge_installed)
    slug = f"{architecture(train)}-{train.optimizer.name}-e{train.epochs}"
    entries = (*model, OPTIMIZERS[train.optimizer.name])
    more = {"checkpoints": train.checkpoint_epochs()}
    return Stage("train", slug, train, ("train_block.py", *own), entries, more=more)


def architecture(train: TrainConfig) -> str:
    """The model in a word: cnn2, wrn-28-10, resnet50."""
    model = train.model
    words = {
        "cnn": lambda: f"cnn{model.layers}",
        "wrn": lambda: f"wrn-{model.depth}-{model.width}",
        "torchvision": lambda: model.arch,
        "custom": lambda: name_of_target(model.target),
    }
    return words.get(model.name, lambda: model.name)()


def _plan_measuring(study: Study, run: Run) -> Stage | None:
    config = study.config
    measures = config.difficulty.resolved(run.train.checkpoint_epochs(), config.analysis.early_epoch)
    entries = (MODELS[run.train.model.name], *(MEASURES[name] for name in measures))
    return Stage("measure", "measures", {"measures": measures}, ("measure_block.py",), entries) if measures else None


def _plan_attack(study: Study, attack: Any) -> Stage:
    config = study.config
    options = {
        "attack": attack,
        "models": config.shadow_models,
        "statistics": config.statistics,
        # the plane's thresholds are set where the scores are
        "thresholds": list(config.dynamics.thresholds),
    }
    slug = f"{attack.label()}-m{config.shadow_models:03d}"
    return Stage("attack", slug, options, ("run_attack.py",), (ATTACKS[attack.name],))


def _plan_dynamics(study: Study, attacks: dict[str, Stage]) -> Stage:
    config = study.config
    shown = [attack for attack in config.attacks if attack.label() in config.dynamics.attacks]
    options = {
        "attacks": [
            {"label": attack.label(), "folder": attacks[attack.label()].folder, "options": attack} for attack in shown
        ],
        "dynamics": config.dynamics,
        "models": config.shadow_models,
        "statistics": config.statistics,
        "thresholds": list(config.dynamics.thresholds),
    }
    entries = tuple(ATTACKS[attack.name] for attack in shown)
    return Stage("dynamics", f"dynamics-m{config.shadow_models:03d}", options, ("compute_dynamics.py",), entries)


def _plan_analysis(study: Study, measuring: Stage | None) -> Stage:
    config = study.config
    shown = [attack for attack in config.attacks if attack.label() in config.dynamics.attacks]
    options = {
        "analysis": config.analysis,
        "early_share": config.claims.early_share,
        "attacks": [{"label": attack.label(), "options": attack} for attack in shown],
        "dynamics": config.dynamics,
        "models": config.shadow_models,
        "statistics": config.statistics,
        "thresholds": list(config.dynamics.thresholds),
    }
    more = {"measures": measuring.folder} if measuring else {}
    entries = tuple(ATTACKS[attack.name] for attack in shown)
    slug = f"analysis-m{config.shadow_models:03d}"
    return Stage("analysis", slug, options, ("analyse_dynamics.py",), entries, more=more)


def _plan_study(study: Study, runs: list[RunPlan]) -> tuple[Stage, Stage, Stage]:
    config = study.config
    members = [
        {
            "name": run.name,
            "scoring": run.scoring_path,
            "attacks": [[label, stage.folder] for label, stage in run.attacks.items()],
            "dynamics": run.dynamics.folder,
            "analysis": run.analysis.folder if run.analysis else None,
        }
        for run in runs
    ]
    tables = Stage(
        "tables",
        "tables",
        {
            "runs": members,
            "models": config.shadow_models,
            "level": config.statistics.level,
            "groups": config.statistics.jackknife_groups,
            "thresholds": list(config.dynamics.thresholds),
            "claims": config.claims,
        },
        ("compare_runs.py",),
    )
    shown = {name: getattr(config, name) for name in ("report", "dynamics", "analysis", "study")}
    figures = Stage("figures", "figures", {"tables": tables.folder, **shown}, ("draw_figures.py",), entries(DRAWN))
    report = Stage(
        "report",
        "report",
        {"figures": figures.folder, "tables": tables.folder, **shown},
        ("write_report.py",),
        entries(WRITTEN),
        files=tuple(f"memdyn/report/page/templates/{name}" for name in ("report.css", "report.html.j2")),
    )
    return tables, figures, report
