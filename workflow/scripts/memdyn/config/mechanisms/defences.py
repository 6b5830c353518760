"""Defences by another loss."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from memdyn.config.base import Float
from memdyn.config.mechanisms.base import MechanismConfig, short

Share = Annotated[Float, Field(ge=0, le=1)]
Positive = Annotated[Float, Field(gt=0, allow_inf_nan=False)]


class ConfidencePenalty(MechanismConfig):
    """Confidence penalty (Pereyra et al. 2017): the entropy of the outputs, times beta, is taken off the loss."""

    claims: ClassVar[frozenset[str]] = frozenset()

    name: Literal["confidence_penalty"] = Field(
        description="confidence penalty (Pereyra et al. 2017): rewards the entropy of the outputs"
    )
    beta: Positive = Field(description="weight of the entropy, in nats")

    def label(self) -> str:
        return f"conf{short(self.beta)}"


class Ccl(MechanismConfig):
    """Convex-concave loss (Liu et al., ICML 2024): beta mean(alpha l - (1 - alpha) g(p)), p = exp(-l), l the loss."""

    claims: ClassVar[frozenset[str]] = frozenset({"objective"})

    name: Literal["ccl"] = Field(description="convex-concave loss (Liu et al. 2024)")
    alpha: Share = Field(description="share of the cross-entropy; 1: nothing else")
    beta: Positive = Field(1.0, description="factor of the whole loss")
    concave: Literal["exponential", "quadratic"] = Field(
        "exponential", description="g(p): e^p, or p + p^2 / 2, its Taylor polynomial but for the constant"
    )

    def label(self) -> str:
        kind = {"exponential": "", "quadratic": "q"}[self.concave]
        return f"ccl{kind}{short(self.alpha)}" + (f"x{short(self.beta)}" if self.beta != 1 else "")


class RelaxLoss(MechanismConfig):
    """RelaxLoss (Chen et al., ICLR 2022): the members' mean loss is held at a target."""

    claims: ClassVar[frozenset[str]] = frozenset({"objective"})

    name: Literal["relax_loss"] = Field(description="RelaxLoss (Chen et al. 2022): holds the loss at a target")
    alpha: Annotated[Float, Field(ge=0, allow_inf_nan=False)] = Field(
        description="the mean cross-entropy of a batch that is aimed at, in nats"
    )
    upper: Annotated[Float, Field(gt=0, le=1)] = Field(
        1.0, description="largest probability of the true class in the flattened targets of odd epochs"
    )

    def label(self) -> str:
        return f"relax{short(self.alpha)}" + (f"u{short(self.upper)}" if self.upper != 1 else "")


RELEASED: tuple[type[MechanismConfig], ...] = (ConfidencePenalty, Ccl, RelaxLoss)
