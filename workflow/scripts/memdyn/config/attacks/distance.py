"""Attacks by how far a sample lies from another label."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from memdyn.config.attacks.base import AttackSection


class DistanceAttack(AttackSection):
    """What attacks by a distance share."""

    of_some_samples: ClassVar[bool] = True

    mode: Literal["plain", "online", "offline"] = Field(
        "plain",
        description="plain: one threshold on the distance, without shadow models; online, offline: its likelihood "
        "ratio, see lira",
    )
    variance: Literal["per_sample", "global", "shrunken"] = Field(
        "shrunken", description="modes online and offline only: see lira"
    )

    @property
    def has_threshold(self) -> bool:
        return self.mode == "online"

    @property
    def needs_shadow_models(self) -> bool:
        return self.mode != "plain"

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        if self.mode == "plain" and self.variance != type(self).model_fields["variance"].default:
            raise ValueError(
                f"variance = {self.variance!r} has no effect: it belongs to modes 'online' and 'offline'; allowed: "
                "leave it out"
            )
        return self


class AdversarialDistanceAttack(DistanceAttack):
    """Distance to misclassification, found with the weights (`probes.adversarial_distance`; Del Grosso et al. 2022)."""

    name: Literal["adversarial_distance"] = Field(
        "adversarial_distance", description="distance to misclassification, by the weights"
    )
    misclassified: Literal["zero", "signed"] = Field(
        "zero",
        description="distance of samples that are misclassified: zero as published, where they tie; signed: minus "
        "their distance to the right label",
    )


class BoundaryDistanceAttack(DistanceAttack):
    """Distance to another label, found by labels alone (`probes.boundary_distance`; Choquette-Choo et al. 2021)."""

    name: Literal["boundary_distance"] = Field(
        "boundary_distance", description="distance to another label, by labels alone"
    )
