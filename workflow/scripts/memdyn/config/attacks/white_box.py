"""Attacks that need the weights."""

from typing import Literal

from pydantic import Field

from memdyn.config.attacks.base import AttackSection


class EmbeddingNormAttack(AttackSection):
    """Likelihood ratio of an embedding's norm, calibrated per sample on shadow models (LpLA, arXiv 2506.05743)."""

    name: Literal["embedding_norm"] = Field(
        "embedding_norm", description="likelihood ratio of the norm of what the last layer reads"
    )
    p: Literal["1", "2", "4", "inf"] = Field("2", description="which norm")
    mode: Literal["online", "offline"] = Field(
        "online", description="online: IN and OUT shadow models; offline: OUT shadow models only"
    )
    variance: Literal["per_sample", "global", "shrunken"] = Field("shrunken", description="see lira")

    @property
    def has_threshold(self) -> bool:
        return self.mode == "online"


class GradientNormAttack(AttackSection):
    """One threshold on the norm of a sample's own gradient (Nasr et al. 2019); needs no shadow models."""

    name: Literal["gradient_norm"] = Field("gradient_norm", description="norm of the gradient, without calibration")

    @property
    def needs_shadow_models(self) -> bool:
        return False
