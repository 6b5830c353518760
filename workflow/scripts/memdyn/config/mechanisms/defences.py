"""Defences against membership inference that train otherwise; `cost` as in `regularizers`."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from memdyn.config.base import Float
from memdyn.config.mechanisms.base import MechanismConfig, short
from memdyn.config.mechanisms.teacher import teachers_of

Share = Annotated[Float, Field(ge=0, le=1)]
Positive = Annotated[Float, Field(gt=0, allow_inf_nan=False)]


class ConfidencePenalty(MechanismConfig):
    """Confidence penalty (Pereyra et al. 2017): the entropy of the outputs, times beta, is taken off the loss."""

    claims: ClassVar[frozenset[str]] = frozenset()

    name: Literal["confidence_penalty"] = Field(
        description="confidence penalty (Pereyra et al. 2017): rewards the entropy of the outputs"
    )
    beta: Positive = Field(description="weight of the entropy, in nats")

    def cost(self) -> float:
        return 1.1

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

    def cost(self) -> float:
        return 1.05

    def label(self) -> str:
        kind = {"exponential": "", "quadratic": "q"}[self.concave]
        return f"ccl{kind}{short(self.alpha)}" + (f"x{short(self.beta)}" if self.beta != 1 else "")


class RelaxLoss(MechanismConfig):
    """RelaxLoss (Chen et al., ICLR 2022): the members' mean loss is held at a target."""

    claims: ClassVar[frozenset[str]] = frozenset({"objective"})
    mixes_samples: ClassVar[bool] = True  # which way a step goes hangs on the mean loss of the batch

    name: Literal["relax_loss"] = Field(description="RelaxLoss (Chen et al. 2022): holds the loss at a target")
    alpha: Annotated[Float, Field(ge=0, allow_inf_nan=False)] = Field(
        description="the mean cross-entropy of a batch that is aimed at, in nats"
    )
    upper: Annotated[Float, Field(gt=0, le=1)] = Field(
        1.0, description="largest probability of the true class in the flattened targets of odd epochs"
    )

    def cost(self) -> float:
        return 1.1

    def label(self) -> str:
        return f"relax{short(self.alpha)}" + (f"u{short(self.upper)}" if self.upper != 1 else "")


class Hamp(MechanismConfig):
    """HAMP (Chen & Pattabiraman, NDSS 2024), the half that trains: soft labels of high entropy, and a penalty."""

    claims: ClassVar[frozenset[str]] = frozenset({"objective"})

    name: Literal["hamp"] = Field(
        description="HAMP's training (Chen & Pattabiraman 2024); `hamp_output` is its rule for answers"
    )
    gamma: Annotated[Float, Field(ge=0, lt=1)] = Field(
        description="the soft labels' entropy, as a share of log K, the largest"
    )
    alpha: Annotated[Float, Field(ge=0, allow_inf_nan=False)] = Field(
        description="weight of the outputs' entropy, which is rewarded"
    )

    def cost(self) -> float:
        return 1.1

    def label(self) -> str:
        return f"hamp{short(self.gamma)}-{short(self.alpha)}"


class LabelDp(MechanismConfig):
    """Labels under differential privacy (Ghazi et al., NeurIPS 2021): each is drawn once, before training."""

    claims: ClassVar[frozenset[str]] = frozenset({"labels"})
    makes_targets: ClassVar[bool] = True

    name: Literal["label_dp"] = Field(description="differential privacy of the labels (Ghazi et al. 2021)")
    epsilon: Annotated[Float, Field(gt=0, le=50)] = Field(
        description="of the whole training; samples are not protected"
    )
    method: Literal["response", "prior", "two_stage", "first_stage"] = Field(
        "response",
        description="`response`: randomised response; `prior`: RRWithPrior, by the classes' shares in the pool's part "
        "`spare`; `two_stage`: LP-2ST, a hidden run on half of the members gives the priors of the other half; "
        "`first_stage`: that run",
    )

    def cost(self) -> float:
        return 1.1

    def label(self) -> str:
        kind = {"response": "", "prior": "prior", "two_stage": "2st", "first_stage": "1st"}[self.method]
        return f"labeldp{kind}{short(self.epsilon)}"

    @property
    def mixes_samples(self) -> bool:
        """By the first stage, where there is one."""
        return self.method == "two_stage"

    def teachers(self, recipe: Any) -> tuple[Any, ...]:
        first = {"mechanisms": {self.name: {"epsilon": self.epsilon, "method": "first_stage"}}}
        return teachers_of(recipe, first, self.name) if self.method == "two_stage" else ()

    def share_of_members(self) -> float:
        return 0.5 if self.method == "first_stage" else 1.0

    def part(self) -> str | None:
        return "spare" if self.method == "prior" else None

    def misfit(self, recipe: Any, members: int = 0) -> str:
        readers = [each.name for each in recipe.mechanisms if each.reads_labels]
        if not readers:
            return ""
        return f"{readers[0]!r} uses the members' true labels, which would not be private; take one away (null)"


RELEASED: tuple[type[MechanismConfig], ...] = (ConfidencePenalty, Ccl, RelaxLoss, Hamp, LabelDp)
