"""Training with a guarantee: differential privacy."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from memdyn.config.base import Float, Fraction, Hashed
from memdyn.config.mechanisms.base import MechanismConfig

# models whose normalisation layers are known, and can be others
_WITH_NORM = ("cnn", "resnet18", "wrn", "vgg")


class DpSgdMechanism(MechanismConfig):
    """DP-SGD (Abadi et al. 2016): Poisson lots, clipped gradients of the samples, Gaussian noise."""

    claims: ClassVar[frozenset[str]] = frozenset({"gradient", "sampling", "norm"})

    name: Literal["dp_sgd"] = Field(description="DP-SGD (Abadi et al. 2016), by Opacus")
    noise: Annotated[Float, Field(ge=0, allow_inf_nan=False)] = Field(
        1.0,
        description="noise multiplier: standard deviation of the noise, in units of `clip`; 0: none, and no privacy",
    )
    clip: Annotated[Float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        1.0, description="largest L2 norm of the gradient of a sample; null, with noise 0: not clipped, lots alone"
    )
    lot: Annotated[int, Field(ge=1)] = Field(
        256,
        description="expected samples of a step, instead of `batch_size`: each member is in each lot with the chance "
        "lot / members, and an epoch has members / lot steps, rounded up",
    )
    delta: Annotated[Fraction, Hashed(None)] = Field(
        1e-5, description="of the epsilon in tables and report; it changes no training"
    )
    norm: Annotated[Literal["group"] | None, Hashed(None)] = Field(
        None,
        description="group: batch normalisation of the model becomes group normalisation (`model.norm`); null: such a "
        "model is refused, for its samples have no gradients of their own",
    )

    @model_validator(mode="after")
    def _noise_needs_clipping(self) -> Self:
        if self.noise and self.clip is None:
            raise ValueError(
                f"noise: {self.noise} needs a clip, whose size the noise is measured by; allowed: noise: 0, or a clip"
            )
        return self

    def label(self) -> str:
        """dp.5, and what is not the default: dp.5-c2-l64-gn; without noise clip1, without clipping lots."""
        words = [f"dp{_short(self.noise)}" if self.noise else f"clip{_short(self.clip)}" if self.clip else "lots"]
        words += [f"c{_short(self.clip)}"] * (self.noise > 0 and self.clip != 1) + [f"l{self.lot}"] * (self.lot != 256)
        return "-".join(words + ["gn"] * bool(self.norm))

    def adapted(self, recipe: Any) -> Any:
        if not self.norm or getattr(recipe.model, "norm", None) != "batch":
            return recipe
        return recipe.model_copy(update={"model": recipe.model.model_copy(update={"norm": self.norm})})

    def misfits(self, recipe: Any, members: int) -> Iterator[str]:
        if self.lot > members:
            yield f"mechanisms.dp_sgd.lot = {self.lot}: a model has {members} members; allowed: at most {members}"
        if recipe.optimizer.name == "sam":
            yield (
                "optimizer.name = sam: takes two gradients a step, and dp_sgd makes one private; allowed: any other "
                "optimizer"
            )
        if recipe.precision != "float32":
            yield (
                f"precision = {recipe.precision}: dp_sgd bounds the gradient of each sample, which would be rounded; "
                "allowed: float32"
            )
        yield from self._misfits_of_norm(recipe.model)
        for other in recipe.mechanisms:
            yield from _mixing(other, recipe)

    def _misfits_of_norm(self, model: Any) -> Iterator[str]:
        if getattr(model, "norm", None) == "batch":
            yield (
                "model.norm = batch: mixes the samples of a batch, so that dp_sgd has no gradient of one sample; "
                "allowed: group, or mechanisms.dp_sgd.norm: group"
            )
        if self.norm and model.name in ("torchvision", "custom"):
            yield (
                f"mechanisms.dp_sgd.norm = {self.norm}: model.name = {model.name} has no key `norm` to change; allowed: "
                f"null, with a net without batch normalisation; or one of {', '.join(_WITH_NORM)}"
            )


def _mixing(other: MechanismConfig, recipe: Any) -> Iterator[str]:
    """Why a mechanism cannot stand beside one that bounds what a single member changes."""
    key = f"mechanisms.{other.name}"
    if other.teachers(recipe):
        yield (
            f"{key}: learns from a teacher of the same members, of whom each has a part in every target; dp_sgd cannot "
            f"bound it; allowed: {key}: null"
        )
    elif other.mixes_samples:
        own = f"; or {key}.per_sample: true, if it does not" if hasattr(other, "per_sample") else ""
        yield f"{key}: mixes the members of a step, and dp_sgd bounds each by itself; allowed: {key}: null{own}"


def _short(number: float) -> str:
    """.5, 1, 10."""
    return f"{number:g}".removeprefix("0") if number else "0"


RELEASED: tuple[type[MechanismConfig], ...] = (DpSgdMechanism,)
