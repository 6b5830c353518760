"""Attacks that train a classifier of what shadow models say."""

from typing import ClassVar, Literal

from pydantic import Field

from memdyn.config.attacks.base import AttackSection


class LabelOnlyAttack(AttackSection):
    """Which views of a sample (`probes.views`) are classified right, weighed by shadow models; sees labels alone."""

    name: Literal["label_only"] = Field(
        "label_only", description="which views are classified right (Choquette-Choo et al. 2021)"
    )

    @property
    def has_threshold(self) -> bool:
        return True


class Shokri2017Attack(AttackSection):
    """A classifier of predictions, one a class, trained on the other half of the shadow models (Shokri et al. 2017)."""

    gives_probability: ClassVar[bool] = True
    costly: ClassVar[bool] = True

    name: Literal["shokri2017"] = Field(
        "shokri2017", description="a classifier of predictions, one a class; always cross-fitted by halves of the pairs"
    )
    probabilities: int = Field(
        3, ge=2, description="how many probabilities it is given: the label's, and the largest of the others"
    )
    records: int = Field(1000, ge=1, description="members of a class that it is trained on, and as many non-members")
    epochs: int = Field(20, ge=1, description="of its training")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="of its training")

    @property
    def has_threshold(self) -> bool:
        return True
