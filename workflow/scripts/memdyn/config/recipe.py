"""The recipe of a run: everything that changes weights."""

from functools import reduce
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from memdyn.config.base import Neutral, Strict
from memdyn.config.mechanisms.sections import Mechanisms
from memdyn.config.models import MlpModel, ModelConfig
from memdyn.config.optim import ConstantSchedule, OptimizerConfig, ScheduleConfig, SgdOptimizer


class AugmentConfig(Strict):
    """Random changes of the training images, drawn anew for each sample and epoch, on the device."""

    crop: Annotated[int, Field(ge=0, le=512)] = Field(
        0, description="random crop: zero-pad by this many pixels and crop back; 0: none"
    )
    flip: bool = Field(False, description="horizontal flip of every second image, at random")


class TrainConfig(Strict):
    """A training recipe: everything that changes weights, and the list of saved checkpoints."""

    model: ModelConfig = Field(default=MlpModel(name="mlp"), description="Architecture, by `name`, and its options.")
    optimizer: OptimizerConfig = Field(
        default=SgdOptimizer(name="sgd"), description="Optimizer, by `name`, and its options."
    )
    schedule: ScheduleConfig = Field(
        default=ConstantSchedule(name="constant"), description="Learning rate over training, by `name`."
    )
    augment: AugmentConfig = Field(default_factory=AugmentConfig, description="Random augmentation of training images.")
    mechanisms: Annotated[Mechanisms, Neutral([])] = Field(
        default=[],
        description="Regularizers and defences: the name of each, with its options, in the order of application; null "
        "takes one away.",
    )
    epochs: int = Field(default=20, ge=1, le=1_000_000, description="Passes over the members.")
    batch_size: int = Field(
        default=64,
        ge=1,
        description="Samples a step; the last of an epoch takes what is left. A batch of 1 is refused where batch "
        "normalisation has 1 value a channel in it; elsewhere its statistics are those of that sample's pixels.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="bfloat16: autocast in forward and backward; weights stay float32."
    )
    checkpoints: list[Annotated[int, Field(ge=0)]] | Literal["all"] = Field(
        default="all", description="Epochs whose weights are scored, 0 = untrained; `all`: 0, 1, ..., epochs."
    )

    @field_validator("checkpoints")
    @classmethod
    def _increasing(cls, value: list[int] | str) -> list[int] | str:
        if value != "all" and (not value or value != sorted(set(value))):
            raise ValueError(f"must be a non-empty list of increasing epochs, got {value}")
        return value

    @model_validator(mode="after")
    def _as_mechanisms_ask(self) -> Self:
        return reduce(lambda recipe, mechanism: mechanism.adapted(recipe), self.mechanisms, self)

    @model_validator(mode="after")
    def _within_training(self) -> Self:
        if self.checkpoints != "all" and self.checkpoints[-1] > self.epochs:
            raise ValueError(
                f"checkpoints: {self.checkpoints[-1]} lies beyond the last epoch (epochs: {self.epochs}); "
                f"allowed are 0 to {self.epochs}"
            )
        try:
            self.schedule.check_epochs(self.epochs)
        except ValueError as error:
            raise ValueError(f"schedule.{error}") from None
        return self

    def trained(self) -> "TrainConfig":
        """What of it changes weights: without mechanisms that only answer queries."""
        training = [each for each in self.mechanisms if each.changes_weights()]
        return self if len(training) == len(self.mechanisms) else self.model_copy(update={"mechanisms": training})

    def is_checkpoint_of(self, longer: "TrainConfig") -> bool:
        """Whether a longer training, at rates that do not know its end, has this one's weights among its checkpoints.

        Not with mechanisms, which may know the end, or have a teacher that is as long as its student.
        """
        mine, theirs = self.trained(), longer.trained()
        if mine.mechanisms or mine.schedule.knows_end or mine.epochs >= theirs.epochs:
            return False
        alike = mine.model_copy(update={"epochs": theirs.epochs, "checkpoints": theirs.checkpoints}) == theirs
        return alike and set(mine.checkpoint_epochs()) <= set(theirs.checkpoint_epochs())

    def checkpoint_epochs(self) -> list[int]:
        """The saved epochs, resolved."""
        return list(range(self.epochs + 1)) if self.checkpoints == "all" else list(self.checkpoints)


class RunVariation(Strict):
    """A named run: the base recipe with some sections changed. A section with another `name` replaces the base's."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", description="Name of the run in tables and figures.")
    model: dict[str, Any] | None = Field(default=None, description="Changes to `base.model`.")
    optimizer: dict[str, Any] | None = Field(default=None, description="Changes to `base.optimizer`.")
    schedule: dict[str, Any] | None = Field(default=None, description="Changes to `base.schedule`.")
    augment: dict[str, Any] | None = Field(default=None, description="Changes to `base.augment`.")
    mechanisms: dict[str, dict[str, Any] | None] | None = Field(
        default=None,
        description="Changes to `base.mechanisms`, by name; null takes one away, new ones come after the others.",
    )
    epochs: int | None = Field(default=None, description="Instead of `base.epochs`.")
    batch_size: int | None = Field(default=None, description="Instead of `base.batch_size`.")
    precision: str | None = Field(default=None, description="Instead of `base.precision`.")
    checkpoints: list[int] | str | None = Field(default=None, description="Instead of `base.checkpoints`.")
    pool: dict[str, Any] | None = Field(default=None, description="Changes to `pool`: data as a factor.")
    scores: dict[str, Any] | None = Field(
        default=None, description="Changes to `scores`, its `path` above all, and nothing else beside it."
    )
