"""Attacks that are calibrated per sample on shadow models."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from memdyn.config.attacks.base import AttackSection
from memdyn.config.base import Float, Neutral


class LiraAttack(AttackSection):
    """Likelihood-ratio attack, calibrated per sample on shadow models (Carlini et al. 2022)."""

    name: Literal["lira"] = Field("lira", description="likelihood-ratio attack (LiRA)")
    mode: Literal["online", "offline"] = Field(
        "online", description="online: IN and OUT shadow models; offline: OUT shadow models only"
    )
    variance: Literal["per_sample", "global", "shrunken"] = Field(
        "shrunken",
        description="variance of a sample's margins over shadow models: its own, one pooled over samples, "
        "or its own shrunken towards the samples' common prior (empirical Bayes)",
    )


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
