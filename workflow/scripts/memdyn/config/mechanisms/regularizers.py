"""Regularizers: mechanisms that change samples, labels or the net while it trains, and when training ends.

Not here, since a recipe has a place for them: random crop and flip (`augment`), weight decay (of the optimizer, which
says whether it is coupled) and a fixed, earlier end (`epochs`).

What a step costs (`cost`) was measured with benchmarks/bench_mechanisms.py.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from memdyn.config.base import Float
from memdyn.config.mechanisms.base import MechanismConfig, short
from memdyn.config.mechanisms.teacher import Teacher, teachers_of

Share = Annotated[Float, Field(ge=0, le=1)]
BelowOne = Annotated[Float, Field(ge=0, lt=1)]
Positive = Annotated[Float, Field(gt=0, allow_inf_nan=False)]
WITHOUT_CONVOLUTIONS = ("logistic", "mlp")


class LabelSmoothing(MechanismConfig):
    """Label smoothing (Szegedy et al. 2016): (1 - alpha) of each target, and alpha / K of each class."""

    claims: ClassVar[frozenset[str]] = frozenset({"labels"})
    makes_targets: ClassVar[bool] = True

    name: Literal["label_smoothing"] = Field(description="label smoothing (Szegedy et al. 2016)")
    alpha: Share = Field(description="how much of each target goes to all classes alike; 0: nothing")

    def label(self) -> str:
        return f"ls{short(self.alpha)}"


class DisturbLabel(MechanismConfig):
    """DisturbLabel (Xie et al. 2016): at each step a share of the samples learns a class drawn from all alike."""

    claims: ClassVar[frozenset[str]] = frozenset({"labels"})
    makes_targets: ClassVar[bool] = True

    name: Literal["disturb_label"] = Field(description="DisturbLabel (Xie et al. 2016): labels drawn anew at each step")
    alpha: Share = Field(
        description="chance that a sample learns a class drawn from all K, the true one among them; 0: never"
    )

    def label(self) -> str:
        return f"disturb{short(self.alpha)}"


class Distillation(MechanismConfig):
    """Distillation with soft labels (Hinton et al. 2015), without the hard term; the student is at temperature 1."""

    claims: ClassVar[frozenset[str]] = frozenset({"labels"})
    makes_targets: ClassVar[bool] = True
    mixes_samples: ClassVar[bool] = True  # by its teacher

    name: Literal["distillation"] = Field(
        description="distillation (Hinton et al. 2015): targets are the softened outputs of a finished model"
    )
    temperature: Positive = Field(description="the teacher's logits are divided by it; the larger, the softer")
    teacher: Teacher = Field(
        True,
        description="true: the finished model of the same recipe without mechanisms; changes to that recipe, such as "
        "`epochs: 50`: that of the changed one",
    )

    def label(self) -> str:
        return f"distill{short(self.temperature)}"

    def cost(self) -> float:
        return 1.35

    def teachers(self, recipe: Any) -> tuple[Any, ...]:
        return teachers_of(recipe, self.teacher, self.name)


class Mixup(MechanismConfig):
    """Mixup (Zhang et al. 2018): convex combinations of two samples and of their targets."""

    claims: ClassVar[frozenset[str]] = frozenset()
    makes_targets: ClassVar[bool] = True
    mixes_samples: ClassVar[bool] = True

    name: Literal["mixup"] = Field(description="mixup (Zhang et al. 2018): pairs of samples, mixed with their targets")
    alpha: Positive | Literal["inf"] = Field(
        description="the share of a batch is drawn from Beta(alpha, alpha); `inf`: it is 0.5"
    )

    def label(self) -> str:
        return "mixup.inf" if self.alpha == "inf" else f"mixup{short(self.alpha)}"

    def cost(self) -> float:
        return 1.1


class GaussianNoise(MechanismConfig):
    """Gaussian noise on the pixels, drawn anew at each step."""

    claims: ClassVar[frozenset[str]] = frozenset()
    images_only: ClassVar[bool] = True

    name: Literal["gaussian_noise"] = Field(description="Gaussian noise on the pixels, which stay in [0, 1]")
    sigma: Annotated[Float, Field(ge=0, le=10)] = Field(description="standard deviation, of pixels in [0, 1]")

    def label(self) -> str:
        return f"gauss{short(self.sigma)}"

    def cost(self) -> float:
        return 1.1


class Cutout(MechanismConfig):
    """Cutout (DeVries & Taylor 2017): one black square somewhere in each image."""

    claims: ClassVar[frozenset[str]] = frozenset()
    images_only: ClassVar[bool] = True

    name: Literal["cutout"] = Field(description="cutout (DeVries & Taylor 2017): a black square in each image")
    size: Annotated[int, Field(ge=1, le=1024)] = Field(
        description="pixels a side; its centre is any pixel, so that borders clip it"
    )

    def label(self) -> str:
        return f"cutout{self.size}"

    def cost(self) -> float:
        return 1.1


class RandAugment(MechanismConfig):
    """RandAugment (Cubuk et al. 2020): some of 14 operations in a row, drawn for each sample, at one magnitude."""

    claims: ClassVar[frozenset[str]] = frozenset()
    images_only: ClassVar[bool] = True

    name: Literal["rand_augment"] = Field(description="RandAugment (Cubuk et al. 2020)")
    operations: Annotated[int, Field(ge=1, le=14)] = Field(2, description="how many in a row")
    magnitude: Annotated[int, Field(ge=0, le=30)] = Field(9, description="strength of all of them")

    def label(self) -> str:
        return f"randaug{self.operations}.{self.magnitude}"

    def cost(self) -> float:
        return 2.65


class SpatialDropout(MechanismConfig):
    """Spatial dropout (Tompson et al. 2015): whole feature maps are dropped after each block of convolutions."""

    claims: ClassVar[frozenset[str]] = frozenset()
    images_only: ClassVar[bool] = True

    name: Literal["spatial_dropout"] = Field(
        description="spatial dropout (Tompson et al. 2015): feature maps dropped after each block of convolutions"
    )
    p: BelowOne = Field(description="chance of each feature map of each sample to be dropped")

    def label(self) -> str:
        return f"sdrop{short(self.p)}"

    def cost(self) -> float:
        return 1.2

    def misfit(self, recipe: Any, members: int) -> str:
        model = recipe.model.name
        return (
            f"model.name = {model}: has no convolutions; allowed: a net that has"
            if model in WITHOUT_CONVOLUTIONS
            else ""
        )


class EarlyStopping(MechanismConfig):
    """Early stopping by the loss on the pool's reserved part; from then on the best epoch's weights are scored."""

    claims: ClassVar[frozenset[str]] = frozenset({"stop"})

    name: Literal["early_stopping"] = Field(
        description="ends training by the loss on the reserved part; a fixed end is `epochs`"
    )
    patience: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        description="epochs without a smaller loss on the pool's part `spare`, after which training ends"
    )

    def label(self) -> str:
        return f"stop{self.patience}"

    def cost(self) -> float:
        return 1.05

    def part(self) -> str:
        return "spare"


RELEASED: tuple[type[MechanismConfig], ...] = (
    Distillation,
    LabelSmoothing,
    SpatialDropout,
    GaussianNoise,
    EarlyStopping,
    Cutout,
    Mixup,
    DisturbLabel,
    RandAugment,
)
