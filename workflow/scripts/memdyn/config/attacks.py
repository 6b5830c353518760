"""The attacks that a study can ask for, and their options."""

import json
import re
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from memdyn.config.base import Float, Neutral, Strict
from memdyn.config.paths import Target, name_of_target


class _Attack(Strict):
    """What all attacks share: a readable label."""

    def label(self) -> str:
        """The attack's name and its options that differ from the default; unique per distinct set of options.

        Examples: "lira", "lira-offline", "lira-per-sample", "rmia-offline-a0.5".
        """
        parts = [self.name]
        for key, field in type(self).model_fields.items():
            value = getattr(self, key)
            if value != field.default:
                parts.append(value.replace("_", "-") if isinstance(value, str) else f"{key}{value!r}")
        return "-".join(parts)


class LossAttack(_Attack):
    """One threshold on the loss, the same for all samples (Yeom et al. 2018); needs no shadow models."""

    name: Literal["loss"] = Field("loss", description="loss threshold without calibration")


class LiraAttack(_Attack):
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


class RmiaAttack(_Attack):
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


class Tan2023Attack(_Attack):
    """One loss threshold a sample, the best on the shadow models (Tan et al. 2023)."""

    name: Literal["tan2023"] = Field("tan2023", description="a loss threshold a sample, the best on the shadow models")


class CustomAttack(_Attack):
    """A user's own attack."""

    name: Literal["custom"] = Field("custom", description="your own attack, from a Python file")
    target: Target = Field(
        pattern=r"^.+\.py:[A-Za-z_]\w*$",
        description="`path/to/file.py:Name`; Name(**options) must be a `memdyn.attacks.base.Attack`",
    )
    options: dict[str, Any] = Field({}, description="keyword arguments of Name")
    called: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][\w.-]*$",
        max_length=40,
        description="its label in tables and figures; none: Name and the options",
    )

    def label(self) -> str:
        """As it is called, or Name and its options, with a hash where a label cannot hold them.

        Examples: "Mean", "Mean-k3-mode-top", "Mean-1f0c2a".
        """
        if self.called:
            return self.called
        name = name_of_target(self.target)
        parts = [f"{key}{value}" for key, value in self.options.items()]
        plain = all(isinstance(value, str | int | float) for value in self.options.values())
        text = "-".join([name, *parts])
        if plain and len(text) <= 40 and re.fullmatch(r"[\w.-]+", text):
            return text
        return f"{name}-{sha256(json.dumps(self.options, sort_keys=True).encode()).hexdigest()[:6]}"


AttackConfig = Annotated[
    LossAttack | LiraAttack | RmiaAttack | Tan2023Attack | CustomAttack, Field(discriminator="name")
]
