"""Optimizers and learning-rate schedules of the config.

An optimizer's fields are the keyword arguments of its builder in `memdyn.optim.REGISTRY`; a schedule's fields,
`name` and `warmup_epochs` apart, those of its function in `memdyn.optim.schedules.REGISTRY`.
"""

from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from memdyn.config.base import Float, Strict
from memdyn.config.paths import Target

Positive = Annotated[Float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[Float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[Float, Field(ge=0, le=1)]
Decay = Annotated[Float, Field(ge=0, lt=1)]


class _Optimizer(Strict):
    """What the optimizers share.

    Attributes:
        decay: how weight decay comes in. coupled: as an L2 penalty, whose gradient goes through momentum and scaling
            as the loss's does; decoupled: weights shrink by the learning rate times it, beside the step (Loshchilov &
            Hutter 2019); None: only code of the user's knows. They differ most where steps are scaled, as in Adam.
    """

    decay: ClassVar[Literal["coupled", "decoupled"] | None] = "coupled"


class _Nesterov(_Optimizer):
    """What optimizers with (Nesterov) momentum share."""

    momentum: Decay = Field(0.9, description="momentum; 0: none")
    nesterov: bool = Field(False, description="Nesterov's form of the momentum; needs momentum > 0")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov: true needs momentum > 0")
        return self


class SgdOptimizer(_Nesterov):
    """Stochastic gradient descent."""

    name: Literal["sgd"] = Field(description="stochastic gradient descent")
    lr: Positive = Field(0.05, description="learning rate")
    weight_decay: NonNegative = Field(5e-4, description="coupled: L2 penalty, added to the gradient")


class SamOptimizer(_Nesterov):
    """Sharpness-aware minimisation over SGD (Foret et al. 2021)."""

    name: Literal["sam"] = Field(description="sharpness-aware minimisation (Foret et al. 2021) over SGD")
    lr: Positive = Field(0.05, description="learning rate of the SGD step")
    rho: Positive = Field(0.05, description="radius of the ascent step (L2 norm over all weights)")
    weight_decay: NonNegative = Field(5e-4, description="coupled: L2 penalty of the SGD step, not of the ascent step")


class AdamOptimizer(_Optimizer):
    """Adam (Kingma & Ba 2015)."""

    name: Literal["adam"] = Field(description="Adam (Kingma & Ba 2015)")
    lr: Positive = Field(1e-3, description="learning rate")
    beta1: Decay = Field(0.9, description="decay of the mean of the gradients")
    beta2: Decay = Field(0.999, description="decay of the mean of the squared gradients")
    eps: Positive = Field(1e-8, description="added to the denominator")
    weight_decay: NonNegative = Field(0.0, description="coupled: L2 penalty, added to the gradient")
    amsgrad: bool = Field(False, description="keep the largest second moment (Reddi et al. 2018)")


class AdamwOptimizer(_Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    decay: ClassVar[Literal["coupled", "decoupled"] | None] = "decoupled"

    name: Literal["adamw"] = Field(description="Adam with decoupled weight decay (Loshchilov & Hutter 2019)")
    lr: Positive = Field(1e-3, description="learning rate")
    beta1: Decay = Field(0.9, description="decay of the mean of the gradients")
    beta2: Decay = Field(0.999, description="decay of the mean of the squared gradients")
    eps: Positive = Field(1e-8, description="added to the denominator")
    weight_decay: NonNegative = Field(0.01, description="decoupled weight decay, times the learning rate")


class RmspropOptimizer(_Optimizer):
    """RMSprop (Tieleman & Hinton 2012)."""

    name: Literal["rmsprop"] = Field(description="RMSprop (Tieleman & Hinton 2012)")
    lr: Positive = Field(1e-3, description="learning rate")
    alpha: Decay = Field(0.99, description="decay of the mean of the squared gradients")
    eps: Positive = Field(1e-8, description="added to the denominator")
    momentum: Decay = Field(0.0, description="momentum of the scaled gradient")
    centered: bool = Field(False, description="scale by the estimated variance instead of the second moment")
    weight_decay: NonNegative = Field(0.0, description="coupled: L2 penalty, added to the gradient")


class MuonOptimizer(_Nesterov):
    """Muon (Jordan et al. 2024) for hidden matrices and convolutions, AdamW for all other parameters."""

    decay: ClassVar[Literal["coupled", "decoupled"] | None] = "decoupled"

    name: Literal["muon"] = Field(
        description="Muon (Jordan et al. 2024) for hidden matrices and convolutions, AdamW for everything else"
    )
    lr: Positive = Field(0.02, description="learning rate of the orthogonalised part")
    momentum: Decay = Field(0.95, description="momentum of the orthogonalised part")
    nesterov: bool = Field(True, description="Nesterov's form of the momentum; needs momentum > 0")
    weight_decay: NonNegative = Field(0.0, description="decoupled weight decay of the orthogonalised part, times lr")
    ns_steps: Annotated[int, Field(ge=1, le=20)] = Field(5, description="Newton-Schulz iterations")
    adamw_lr: Positive = Field(1e-3, description="learning rate of the AdamW part")
    adamw_beta1: Decay = Field(0.9, description="AdamW's decay of the mean of the gradients")
    adamw_beta2: Decay = Field(0.999, description="AdamW's decay of the mean of the squared gradients")
    adamw_eps: Positive = Field(1e-8, description="added to AdamW's denominator")
    adamw_weight_decay: NonNegative = Field(0.01, description="decoupled weight decay of the AdamW part")


class CustomOptimizer(_Optimizer):
    """An optimizer of your own."""

    decay: ClassVar[Literal["coupled", "decoupled"] | None] = None

    name: Literal["custom"] = Field(description="your own optimizer, from a Python file")
    target: Target = Field(
        pattern=r"^.+\.py:[A-Za-z_]\w*$",
        description="`path/to/file.py:Name`; Name(model, **options) must return a torch.optim.Optimizer; its parameter "
        "groups have an `lr`, and it is used as `step(closure)`",
    )
    options: dict[str, Any] = Field({}, description="keyword arguments of Name")


OptimizerConfig = Annotated[
    SgdOptimizer | SamOptimizer | AdamOptimizer | AdamwOptimizer | RmspropOptimizer | MuonOptimizer | CustomOptimizer,
    Field(discriminator="name"),
]
# optimizer -> how its weight decay comes in: to name it as a mechanism
WEIGHT_DECAY: dict[str, str | None] = {
    name: getattr(section, "decay", None)
    for section in get_args(get_args(OptimizerConfig)[0])
    for name in get_args(section.model_fields["name"].annotation)
}


class _Schedule(Strict):
    """What the schedules share. Each gives the factor that multiplies the optimizer's learning rates.

    Attributes:
        knows_end: whether the factors before an epoch depend on how many come after it.
    """

    knows_end: ClassVar[bool] = True

    warmup_epochs: NonNegative = Field(
        0.0, description="epochs of linear warm-up from near 0 to the schedule's first value; may be fractional"
    )

    def check_epochs(self, epochs: int) -> None:
        """Refuse a schedule that does not fit into `epochs`.

        Raises:
            ValueError: naming the key and what is allowed.
        """
        if self.warmup_epochs >= epochs:
            raise ValueError(f"warmup_epochs: {self.warmup_epochs} must be smaller than epochs: {epochs}")


class ConstantSchedule(_Schedule):
    """The learning rate stays."""

    knows_end: ClassVar[bool] = False

    name: Literal["constant"] = Field(description="the learning rate stays as it is")


class StepSchedule(_Schedule):
    """Multiply by gamma at each milestone."""

    knows_end: ClassVar[bool] = False

    name: Literal["step"] = Field(description="multiply the learning rate by gamma at each milestone")
    milestones: list[Annotated[int, Field(ge=1)]] = Field(
        min_length=1, description="epochs after which the rate falls, ascending, counted from the start of training"
    )
    gamma: Annotated[Float, Field(gt=0, lt=1)] = Field(0.1, description="factor at each milestone")

    @field_validator("milestones")
    @classmethod
    def _ascending(cls, milestones: list[int]) -> list[int]:
        if any(later <= earlier for earlier, later in pairwise(milestones)):
            raise ValueError(f"milestones must ascend, got {milestones}")
        return milestones

    @model_validator(mode="after")
    def _warm_before_first_milestone(self) -> Self:
        if self.warmup_epochs > self.milestones[0]:
            raise ValueError(
                f"warmup_epochs: {self.warmup_epochs} must end before the first of milestones: {self.milestones}"
            )
        return self

    def check_epochs(self, epochs: int) -> None:
        super().check_epochs(epochs)
        if self.milestones[-1] >= epochs:
            raise ValueError(f"milestones: {self.milestones} must be smaller than epochs: {epochs}")


class CosineSchedule(_Schedule):
    """Half a cosine from 1 to the final factor."""

    name: Literal["cosine"] = Field(description="half a cosine from the full rate to the final factor")
    final: Share = Field(0.0, description="factor at the end of training")


class OneCycleSchedule(_Schedule):
    """Up to the peak and down again, both along half a cosine (Smith & Topin 2018)."""

    name: Literal["one_cycle"] = Field(description="up to the full rate and down again, along cosines (Smith & Topin)")
    peak: Share = Field(0.3, description="share of the steps after which the rate is highest")
    start: Share = Field(0.04, description="factor at the first step")
    final: Share = Field(4e-6, description="factor at the last step")


class CustomSchedule(_Schedule):
    """A schedule of your own."""

    name: Literal["custom"] = Field(description="your own schedule, from a Python file")
    target: Target = Field(
        pattern=r"^.+\.py:[A-Za-z_]\w*$",
        description="`path/to/file.py:Name`; Name(n_steps, **options) must return a function step -> factor of the "
        "learning rate, for the steps 0 ... n_steps - 1 after the warm-up",
    )
    options: dict[str, Any] = Field({}, description="keyword arguments of Name")


ScheduleConfig = Annotated[
    ConstantSchedule | StepSchedule | CosineSchedule | OneCycleSchedule | CustomSchedule, Field(discriminator="name")
]
