"""Attacks on all of a model's checkpoints so far, not on the last one alone."""

from typing import ClassVar, Literal

from pydantic import Field

from memdyn.config.attacks.base import AttackSection
from memdyn.config.attacks.lira import LiraAttack
from memdyn.config.attacks.thresholds import LossAttack


class HistoryAttack(AttackSection):
    """What attacks over time share."""

    costly: ClassVar[bool] = True

    checkpoints: int = Field(
        10,
        ge=1,
        description="at most so many of the checkpoints so far are looked at, spread evenly from the attacked one to "
        "the first",
    )


class SequenceAttack(HistoryAttack):
    """Likelihood ratio of all margins so far as one normal vector, shrunken (cf. Michel et al. 2026)."""

    name: Literal["sequence"] = Field("sequence", description="LiRA on the sequence of checkpoints")

    @property
    def has_threshold(self) -> bool:
        return True

    def alone(self) -> str:
        """At one checkpoint it is LiRA."""
        return LiraAttack().label()


class LogRatioSumAttack(HistoryAttack):
    """Sum of LiRA's log ratios over the checkpoints so far, as if they were independent (Carlini et al. 2022)."""

    name: Literal["log_ratio_sum"] = Field("log_ratio_sum", description="sum of LiRA's log ratios over checkpoints")
    variance: Literal["per_sample", "global", "shrunken"] = Field(
        "shrunken", description="as of LiRA, which it is at one checkpoint"
    )

    @property
    def has_threshold(self) -> bool:
        return True

    def alone(self) -> str:
        """At one checkpoint it is LiRA."""
        return LiraAttack(variance=self.variance).label()


class TrajectoryAttack(HistoryAttack):
    """Classifier of the losses so far, trained on shadow models (Liu et al. 2022); reads the target's checkpoints."""

    name: Literal["trajectory"] = Field("trajectory", description="classifier of loss trajectories")

    def alone(self) -> str:
        """Of one loss a classifier can only make a threshold."""
        return LossAttack().label()
