"""Attacks that are calibrated per sample on shadow models."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from memdyn.config.attacks.base import AttackSection
from memdyn.config.base import Float, Neutral


class RmiaAttack(AttackSection):
    """Robust membership inference attack: likelihood ratios against population samples (Zarifzadeh et al. 2024)."""

    name: Literal["rmia"] = Field("rmia", description="robust membership inference attack (RMIA)")
    mode: Literal["online", "offline"] = Field(
        "online", description="online: IN and OUT shadow models; offline: OUT shadow models only"
    )
    a: Float = Field(
        0.3, ge=0, le=1, description="offline only: slope of the line that guesses the IN from the OUT probability"
    )
    gamma: Float = Field(
        1.0,
        gt=0,
        description="how many times likelier than a population sample a member has to be; at 1 the score is a rank, "
        "comparable over target models; at others figures pooled over them understate the attack",
    )
    dialect: Annotated[Literal["memdyn", "privacy_meter"], Neutral("memdyn")] = Field(
        "memdyn",
        description="privacy_meter: scores as ML Privacy Meter computes them, offline, at gamma 1: P(z) is on the line "
        "of `a` too, and equal shares are ties",
    )

    @property
    def reads_population(self) -> bool:
        return True

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        if self.mode == "online" and self.a != type(self).model_fields["a"].default:
            raise ValueError(f"a = {self.a} has no effect: it belongs to mode 'offline'; allowed: leave it out")
        if self.dialect == "privacy_meter" and self.mode != "offline":
            raise ValueError(f"dialect = 'privacy_meter' has no mode {self.mode!r}; allowed: offline")
        if self.dialect == "privacy_meter" and self.gamma != 1:
            raise ValueError(f"dialect = 'privacy_meter' has no gamma = {self.gamma}; allowed: 1")
        return self


class Tan2023Attack(AttackSection):
    """One loss threshold a sample, the best on the shadow models (Tan et al. 2023)."""

    name: Literal["tan2023"] = Field("tan2023", description="a loss threshold a sample, the best on the shadow models")

    @property
    def has_threshold(self) -> bool:
        return True


class DifficultyCalibrationAttack(AttackSection):
    """A score less its mean over the sample's OUT models (Watson et al. 2022)."""

    name: Literal["difficulty_calibration"] = Field("difficulty_calibration", description="difficulty calibration")
    signal: Literal["margin", "loss"] = Field(
        "margin", description="the score: the margin, or minus the loss, which is one of those of the paper"
    )


class YeAttack(AttackSection):
    """The level at which a sample is called a member by the quantiles of non-members' losses (Ye et al. 2022)."""

    name: Literal["ye"] = Field("ye", description="level at which the loss is below a quantile of non-members' losses")
    reference: Literal["models", "population"] = Field(
        "models",
        description="whose losses: the sample's OUT models (attack R), or the target's own on population samples "
        "(attack P), without shadow models",
    )
    smoothing: Literal["empirical", "linear", "logit_normal"] = Field(
        "logit_normal",
        description="quantiles between and beyond the losses: steps, straight lines (to 1000 nats), or those of a "
        "normal law of the margin",
    )

    @property
    def needs_shadow_models(self) -> bool:
        return self.reference == "models"

    @property
    def reads_population(self) -> bool:
        return self.reference == "population"


class YeDistilledAttack(AttackSection):
    """As `ye`, by the losses of models that are distilled from the attacked one (attack D of Ye et al. 2022)."""

    name: Literal["ye_distilled"] = Field(
        "ye_distilled", description="level at which the loss is below a quantile of the losses of the model's students"
    )
    smoothing: Literal["empirical", "linear", "logit_normal"] = Field("logit_normal", description="see ye")
    students: int = Field(
        8,
        ge=2,
        le=100,
        description="models distilled from each attacked one as it is at the end of training, on random halves of the "
        "pool's part `spare`: so many more runs are trained",
    )

    @property
    def needs_shadow_models(self) -> bool:
        return False

    @property
    def others(self) -> tuple[str, ...]:
        return tuple(f"students.{number}" for number in range(1, self.students + 1))

    def other(self, name: str, recipe: Any) -> Any:
        """Of the run's net, optimizer and length, without its mechanisms; its output rules answer for it too."""
        training = {each.name: each.model_dump(exclude={"name"}) for each in recipe.trained().mechanisms}
        rules = {e.name: e.model_dump(exclude={"name"}) for e in recipe.mechanisms if not e.changes_weights()}
        number = int(name.rpartition(".")[2])
        student = {"number": number, "teacher": {"mechanisms": training} if training else True}
        raw = {**recipe.model_dump(), "mechanisms": {"student": student, **rules}, "checkpoints": [recipe.epochs]}
        return type(recipe).model_validate(raw)

    def misfit(self, recipe: Any, parts: Any) -> str:
        if parts.spare < 2:
            return f"pool.parts.spare = {parts.spare}: students learn from such samples; allowed: at least 2"
        if recipe.checkpoint_epochs()[-1] != recipe.epochs:
            saved = f"checkpoints = {recipe.checkpoint_epochs()}"
            return f"{saved}: students learn from the finished model; allowed: with {recipe.epochs} as the last"
        return ""


class QuantileRegressionAttack(AttackSection):
    """Level of the margin among those of like samples that nobody trained on (Bertran et al. 2023)."""

    name: Literal["quantile_regression"] = Field(
        "quantile_regression",
        description="level of the margin in the law that a regression on pixels (or columns) and class gives it, "
        "learned on population samples without shadow models",
    )

    @property
    def needs_shadow_models(self) -> bool:
        return False

    @property
    def reads_population(self) -> bool:
        return True


class ProxyAttack(AttackSection):
    """Offline likelihood ratio, the IN law being that of proxies, other samples (PMIA, Du et al. 2026)."""

    name: Literal["proxy"] = Field("proxy", description="proxy attack: the IN law is that of other samples")
    proxies: Literal["all", "class", "nearest"] = Field(
        "nearest",
        description="which: all others, those of the sample's class, or those next to it in the order of the mean OUT "
        "margin",
    )
    neighbours: int = Field(20, ge=2, description="proxies nearest only: how many, half of them on either side")
    variance: Literal["per_sample", "global", "shrunken"] = Field(
        "shrunken", description="variance of a sample's OUT margins over shadow models, see lira"
    )

    @property
    def has_threshold(self) -> bool:
        return True

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        if self.proxies != "nearest" and self.neighbours != type(self).model_fields["neighbours"].default:
            raise ValueError(
                f"neighbours = {self.neighbours} has no effect: it belongs to proxies 'nearest'; allowed: leave it out"
            )
        return self
