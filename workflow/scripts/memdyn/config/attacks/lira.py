"""LiRA: likelihood ratios of a sample's margins over shadow models."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from memdyn.config.attacks.base import AttackSection
from memdyn.config.base import Float, Neutral

VARIANCES = {
    "memdyn": ("per_sample", "global", "shrunken"),
    "carlini2022": ("per_sample", "global"),
    "tfp": ("per_sample", "global"),
    "leakpro": ("per_sample", "global", "switched"),
    "bavaria": ("shrunken",),
}
"""The variances of each dialect."""

OF_BAVARIA = ("law", "mean_weight", "variance_weight")


class LiraAttack(AttackSection):
    """Likelihood-ratio attack, calibrated per sample on shadow models (Carlini et al. 2022)."""

    name: Literal["lira"] = Field("lira", description="likelihood-ratio attack (LiRA)")
    mode: Literal["online", "offline"] = Field(
        "online", description="online: IN and OUT shadow models; offline: OUT shadow models only"
    )
    variance: Literal["per_sample", "global", "shrunken", "switched"] = Field(
        "shrunken",
        description="variance of a sample's margins over shadow models: its own, one pooled over samples, "
        "or its own shrunken towards the samples' common prior (empirical Bayes); switched, of dialect leakpro: its "
        "own from 64 shadow models on, else the pooled one",
    )
    dialect: Annotated[Literal[tuple(VARIANCES)], Neutral("memdyn")] = Field(
        "memdyn",
        description="whose definition of means, variances and the offline score: the paper's code (carlini2022), "
        "TensorFlow Privacy (tfp) or LeakPro (leakpro), with variance per_sample or global; or a normal-inverse-gamma "
        "prior (bavaria)",
    )
    law: Annotated[Literal["student", "normal"], Neutral("student")] = Field(
        "student", description="dialect bavaria only: Student's t, or a normal with the posterior mean of the variance"
    )
    mean_weight: Annotated[Float, Neutral(0.01)] = Field(
        0.01, gt=0, description="dialect bavaria only: weight of the prior of a sample's mean, in models"
    )
    variance_weight: Annotated[Float, Neutral(4.0)] = Field(
        4.0, gt=0, description="dialect bavaria only: weight of the prior of a sample's variance, in models"
    )

    @property
    def has_threshold(self) -> bool:
        return self.mode == "online"

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        if self.variance not in VARIANCES[self.dialect]:
            raise ValueError(
                f"dialect = {self.dialect!r} has no variance {self.variance!r}; "
                f"allowed: {', '.join(VARIANCES[self.dialect])}"
            )
        for key in OF_BAVARIA if self.dialect != "bavaria" else ():
            if getattr(self, key) != type(self).model_fields[key].default:
                value = getattr(self, key)
                raise ValueError(
                    f"{key} = {value} has no effect: it belongs to dialect 'bavaria'; allowed: leave it out"
                )
        return self


class LiraViewsAttack(LiraAttack):
    """LiRA of each view of a sample (`probes.views`), and the mean over views; images only (Carlini et al. 2022)."""

    name: Literal["lira_views"] = Field("lira_views", description="LiRA of augmented queries, mean over views")
