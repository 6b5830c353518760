"""Attacks with one threshold for all samples, or one a class."""

from typing import ClassVar, Literal

from pydantic import Field

from memdyn.config.attacks.base import AttackSection


class LossAttack(AttackSection):
    """One threshold on the loss, the same for all samples (Yeom et al. 2018); needs no shadow models.

    At the paper's own threshold, the mean loss of members, it is the attack `avg` of the table `uncalibrated`.
    """

    name: Literal["loss"] = Field("loss", description="loss threshold without calibration")

    @property
    def needs_shadow_models(self) -> bool:
        return False


class Song2021Attack(AttackSection):
    """A metric of the prediction with a threshold a class, the best on the shadow models (Song & Mittal 2021)."""

    name: Literal["song2021"] = Field("song2021", description="a metric of the prediction with a threshold a class")
    metric: Literal["correctness", "confidence", "entropy", "modified_entropy"] = Field(
        "modified_entropy",
        description="what is compared with the class's threshold; correctness (is the prediction right?) has none",
    )

    @property
    def needs_shadow_models(self) -> bool:
        return self.metric != "correctness"

    @property
    def has_threshold(self) -> bool:
        return True


class PrivacyRiskScoreAttack(AttackSection):
    """The probability of being a member by class histograms of the modified entropy (Song & Mittal 2021)."""

    gives_probability: ClassVar[bool] = True

    name: Literal["privacy_risk_score"] = Field(
        "privacy_risk_score", description="probability of membership from class histograms of the modified entropy"
    )
    bins: int = Field(5, ge=1, le=1000, description="of each histogram, equally wide in the log of the entropy")

    @property
    def has_threshold(self) -> bool:
        return True
