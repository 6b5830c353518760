"""Attacks that are calibrated per sample on shadow models."""

from typing import Annotated, Literal, Self

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


class QuantileRegressionAttack(AttackSection):
    """Level of the margin among those of like samples that nobody trained on (Bertran et al. 2023)."""

    name: Literal["quantile_regression"] = Field(
        "quantile_regression",
        description="level of the margin in the law that a regression on pixels (or columns) and class gives it, learned "
        "from the attacked model's margins on population samples, without shadow models",
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
