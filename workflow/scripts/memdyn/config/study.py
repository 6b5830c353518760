"""The whole configuration of a study, typed: the single source of the schema, the defaults and the key table."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from memdyn.config import audit as audits
from memdyn.config.archive import ArchiveConfig
from memdyn.config.attacks.calibrated import RmiaAttack
from memdyn.config.attacks.labels import refused_labels
from memdyn.config.attacks.lira import LiraAttack
from memdyn.config.attacks.sections import AttackConfig
from memdyn.config.attacks.thresholds import LossAttack
from memdyn.config.audit import AuditConfig
from memdyn.config.base import Bool, Strict
from memdyn.config.claims import ClaimsConfig
from memdyn.config.dynamics import AnalysisConfig, DynamicsConfig
from memdyn.config.errors import did_you_mean
from memdyn.config.interim import InterimConfig
from memdyn.config.level_distance import LevelDistanceConfig
from memdyn.config.limits import Limits, unknown_limits
from memdyn.config.naming import check_levels
from memdyn.config.paths import OutputFolder
from memdyn.config.pool import PoolConfig
from memdyn.config.probes import DifficultyConfig, ProbesConfig
from memdyn.config.realised import RealisedConfig
from memdyn.config.recipe import RunVariation, TrainConfig
from memdyn.config.regularization import RegularizationConfig
from memdyn.config.report import ReportConfig
from memdyn.config.scores import UNUSED, SharedScores, unused
from memdyn.config.statistics import StatisticsConfig
from memdyn.config.uncalibrated import UncalibratedConfig
from memdyn.terms import LIKELIHOOD_RATIO_1

# leave-one-pair-out needs three other pairs to estimate a variance from
MINIMUM_MODELS = 8


class StudyConfig(Strict):
    """A study: one pool or more, named runs on it, attacks, and what is reported."""

    study: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
        max_length=100,  # a file's name, with what is put to it, has room for 255
        description="Name; its report is in results/studies/NAME.",
    )
    scores: SharedScores | None = Field(
        default=None,
        description="Scores of models trained elsewhere, in the place of `pool` and recipes (docs/scores.md).",
    )
    pool: PoolConfig | None = Field(
        default=None,
        validate_default=True,
        description="Data set, its split into parts, seed of everything random; must be given without `scores`.",
    )
    base: TrainConfig = Field(default_factory=TrainConfig, description="The recipe that all runs start from.")
    runs: list[RunVariation] = Field(default=[], description="Named variations of the base; none: the base itself.")
    grid: dict[str, Annotated[list[Any], Field(min_length=1)] | Annotated[dict[str, Any], Field(min_length=1)]] = Field(
        default={},
        description="Dotted key (`optimizer.lr`) to values, or to labels of values; every combination becomes a run.",
    )
    shadow_models: int = Field(
        default=32,
        ge=MINIMUM_MODELS,
        le=1_000_000,
        description="Models a run, even (complementary pairs); multiples of 8 (of 32 beyond 1,024) grow for free.",
    )
    attacks: list[AttackConfig] = Field(
        default_factory=lambda: [LossAttack(), LiraAttack(), LiraAttack(mode="offline"), RmiaAttack()],
        min_length=1,
        description="Attacks, by `name`, and their options.",
    )
    statistics: StatisticsConfig = Field(default_factory=StatisticsConfig, description="Intervals and null control.")
    realised: RealisedConfig | None = Field(
        default_factory=RealisedConfig, description="What is realised on held-out targets; null: not done."
    )
    uncalibrated: UncalibratedConfig | None = Field(
        default=None,
        description="Attacks without shadow models at a threshold of their own: AVG, POW; and Tail-TNR. `{}`: with "
        "the defaults; null: not done, but where runs are held against a baseline (`regularization` has them).",
    )
    dynamics: DynamicsConfig = Field(default_factory=DynamicsConfig, description="Vulnerability plane and zones.")
    analysis: AnalysisConfig = Field(default_factory=AnalysisConfig, description="The full dynamics of each run.")
    difficulty: DifficultyConfig = Field(
        default_factory=DifficultyConfig, description="Optional measures of difficulty: GraNd and prediction depth."
    )
    level_distance: LevelDistanceConfig | None = Field(
        default=None, description="How far samples lie from levels of confidence; left out: not done."
    )
    probes: ProbesConfig = Field(default_factory=ProbesConfig, description="Options of what is read off the networks.")
    claims: ClaimsConfig = Field(default_factory=ClaimsConfig, description="Rules that judge C1, C2 and C3.")
    regularization: RegularizationConfig | None = Field(
        default=None, description="Each run against a baseline, and the verdicts R1 to R4; null: not asked."
    )
    audit: AuditConfig | None = Field(
        default=None,
        description="Lower bounds of epsilon, on models whose members are fair coins, in the place of all other "
        "results; null: no audit.",
    )
    fail_above: Limits = Field(
        default={},
        description="Limits of the leak, by metric: `{tpr_at_fpr_0.01: 0.05}` for any attack, `{lira: {auc: 0.6}}` "
        "for one. Where the lower end of a run's interval at the last checkpoint is above its limit, the study ends "
        "with an error, after all tables and the report are written; also where a limit cannot be judged.",
    )
    report: ReportConfig = Field(default_factory=ReportConfig, description="The page and its figures.")
    interim: InterimConfig | None = Field(
        default=None, description="Of the finished part of another study; `memdyn interim` writes it."
    )
    archive: ArchiveConfig = Field(
        default_factory=ArchiveConfig, description="What `memdyn archive` says of the study."
    )
    results: OutputFolder = Field(default="results", min_length=1, description="Folder of all artifacts.")
    data_dir: OutputFolder = Field(default="data", min_length=1, description="Folder of downloaded data sets.")
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="Where training and scoring run.")
    threads: int = Field(
        default=1,
        ge=1,
        description="CPU threads a training, scoring or attack job; changes the last bits of training and scoring.",
    )
    scoring_batch: int = Field(default=500, ge=1, description="Samples scored at once; memory against speed.")
    keep_checkpoints: Literal["none", "last", "all"] = Field(
        default="none", description="Which checkpoints stay on disk after they are scored."
    )
    on_divergence: Literal["stop", "drop"] = Field(
        default="stop",
        description="A model whose loss becomes infinite or NaN: `stop` the study, or `drop` the model and its pair.",
    )
    allow_retrain: Bool = Field(
        default=False,
        description="Permission to train finished work again because code changed or checkpoints are gone.",
    )

    @field_validator("pool", mode="before")
    @classmethod
    def _pool_or_scores(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.data.get("scores", "wrong") is None:
            raise PydanticCustomError("missing", "must be given")
        return value

    @field_validator("shadow_models")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError(f"must be even, since models come in complementary pairs; got {value}")
        return value

    @field_validator("grid")
    @classmethod
    def _known_sections(cls, value: dict[str, list | dict]) -> dict[str, list | dict]:
        sections = [name for name in RunVariation.model_fields if name != "name"]
        for key, levels in value.items():
            check_levels(key, levels)
            section = key.partition(".")[0]
            if section not in sections:
                raise ValueError(f"{key!r}: runs have no section {section!r}; {did_you_mean(section, sections)}")
        return value

    @model_validator(mode="after")
    def _scores_alone(self) -> Self:
        if self.scores and (odd := unused(self.model_fields_set)):
            raise ValueError(f"scores: {odd}")
        return self

    @model_validator(mode="after")
    def _audit_alone(self) -> Self:
        if not self.audit:
            return self
        if odd := audits.unused(self.model_fields_set):
            raise ValueError(f"audit: {odd}")
        most = self.shadow_models - audits.FEWEST_REFERENCES
        if self.audit.targets > most:
            raise ValueError(
                f"audit.targets = {self.audit.targets}: of shadow_models = {self.shadow_models}, "
                f"{audits.FEWEST_REFERENCES} are to choose by; allowed: 1 to {most}"
            )
        return self

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        labels = [attack.label() for attack in self.attacks]
        if len(set(labels)) < len(labels):
            own = "; of your own, `called` gives one another label" * any(
                each.name == "custom" for each in self.attacks
            )
            raise ValueError(f"attacks: every attack must differ from the others, got {', '.join(labels)}{own}")
        if odd := list(refused_labels(labels)):
            raise ValueError(f"{'; '.join(odd)}; `called` gives one of your own another label")
        missing = [label for label in self.dynamics.attacks if label not in labels]
        if missing:
            raise ValueError(f"dynamics.attacks: {missing[0]!r} is not among the attacks ({', '.join(labels)})")
        partial = [each.label() for each in self.attacks if each.of_some_samples]
        if odd := [label for label in self.dynamics.attacks if label in partial]:
            whole = ", ".join(label for label in labels if label not in partial) or "none of these"
            raise ValueError(
                f"dynamics.attacks: {odd[0]!r} is of the first scored samples alone, and a plane is of all; "
                f"allowed: {whole}"
            )
        plain = [attack.label() for attack in self.attacks if not attack.has_threshold]
        if plain and self.dynamics.thresholds == [LIKELIHOOD_RATIO_1]:
            raise ValueError(
                f"dynamics.thresholds: lr1 alone, but {plain[0]} has no threshold of its own; "
                "allowed: false positive rates too, such as 0.01"
            )
        if self.difficulty.measures and not self.analysis.enabled:
            raise ValueError(
                f"difficulty.measures: {', '.join(self.difficulty.measures)} would be read by nobody, since "
                "analysis.enabled is false; allowed: [], or analysis.enabled: true"
            )
        self._check_measures()
        if self.regularization and self.uncalibrated:
            raise ValueError(
                "uncalibrated: studies with `regularization` have these figures, by its `known` and `draws`; allowed: "
                "leave it out"
            )
        if self.regularization and (odd := list(self.regularization.unknown_attacks(self.attacks))):
            raise ValueError("; ".join(odd))
        if odd := list(unknown_limits(self.fail_above, labels)):
            raise ValueError("; ".join(odd))
        if self.report.threshold not in self.dynamics.thresholds:
            raise ValueError(
                f"report.threshold: {self.report.threshold!r} is not among dynamics.thresholds "
                f"({', '.join(map(str, self.dynamics.thresholds))})"
            )
        return self

    def _check_measures(self) -> None:
        known = {"grand", "prediction_depth", *self.probes.own}
        for name in self.difficulty.measures:
            if name not in known:
                raise ValueError(f"difficulty.measures: {name!r} is no measure; {did_you_mean(name, sorted(known))}")
            own = self.probes.own.get(name)
            if own and own.harder is None:
                raise ValueError(
                    f"probes.own.{name}.harder: which samples are harder must be said of a measure of difficulty; "
                    "allowed: larger, smaller"
                )
            if own and (own.epochs == "all" or (isinstance(own.epochs, list) and len(own.epochs) > 1)):
                raise ValueError(
                    f"probes.own.{name}.epochs = {own.epochs}: a measure of difficulty is taken at one checkpoint; "
                    "allowed: last, early, or a list of one"
                )
            if own and "scored" not in own.parts:
                raise ValueError(f"probes.own.{name}.parts: a measure of difficulty is of the scored part; add it")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [run.name for run in self.runs]
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise ValueError(f"runs: two runs have the name {min(repeated)!r}; names must differ")
        return self

    def stated(self) -> dict[str, Any]:
        """All of it as plain values, but what a study of scores, or an audit, has no use for."""
        whole = set() if self.interim else {"interim"}
        if self.audit:
            return self.model_dump(exclude={*audits.UNUSED, *whole})
        if not self.scores:
            return self.model_dump(exclude={"scores", "audit", *whole})
        runs = [{"name": run.name, "scores": run.scores} for run in self.runs]
        told = {key: value for key, value in (("runs", runs), ("grid", self.grid)) if value}
        return self.model_dump(exclude={*UNUSED, "runs", "grid"}) | told
