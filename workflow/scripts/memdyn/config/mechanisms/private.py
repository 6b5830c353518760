"""Training with a guarantee: differential privacy."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from memdyn.config.base import Float, Fraction, Hashed
from memdyn.config.mechanisms.base import MechanismConfig, short

# models whose normalisation layers are known, and can be others
_WITH_NORM = ("cnn", "resnet18", "wrn", "vgg")

_LEAST_NOISE = 1e-6


class DpSgdMechanism(MechanismConfig):
    """DP-SGD (Abadi et al. 2016): Poisson lots, clipped gradients of the samples, Gaussian noise."""

    claims: ClassVar[frozenset[str]] = frozenset({"gradient", "sampling", "norm", "data"})
    parts_samples: ClassVar[bool] = True

    name: Literal["dp_sgd"] = Field(description="DP-SGD (Abadi et al. 2016), accountants by Opacus")
    noise: Annotated[Float, Field(ge=0, le=1000, allow_inf_nan=False)] = Field(
        1.0,
        description="noise multiplier: standard deviation of the noise, in units of `clip`; 0: none, and no privacy; "
        "else at least 1e-6",
    )
    clip: Annotated[Float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        1.0, description="largest L2 norm of the gradient of a sample; null, with noise 0: not clipped, lots alone"
    )
    lot: Annotated[int, Field(ge=1)] = Field(
        256,
        description="expected samples of a step, instead of `batch_size`: each member is in each lot with the chance "
        "lot / members, and an epoch has members / lot steps, rounded up",
    )
    delta: Annotated[Fraction, Field(ge=1e-12), Hashed(None)] = Field(
        1e-5, description="of the epsilon in tables and report, less than 1 / members; it changes no training"
    )
    norm: Annotated[Literal["group"] | None, Hashed(None)] = Field(
        None,
        description="group: batch normalisation of the model becomes group normalisation (`model.norm`); null: such a "
        "model is refused, for its samples have no gradients of their own",
    )

    @model_validator(mode="after")
    def _noise_has_a_size(self) -> Self:
        if 0 < self.noise < _LEAST_NOISE:
            raise ValueError(f"noise: {self.noise} is too little to account for; allowed: 0, or {_LEAST_NOISE} to 1000")
        if self.noise and self.clip is None:
            raise ValueError(
                f"noise: {self.noise} needs a clip, whose size the noise is measured by; allowed: noise: 0, or a clip"
            )
        return self

    def label(self) -> str:
        """dp.5, and what is not the default: dp.5-c2-l64-gn; without noise clip1, without clipping lots."""
        words = [f"dp{short(self.noise)}" if self.noise else f"clip{short(self.clip)}" if self.clip else "lots"]
        words += [f"c{short(self.clip)}"] * (self.noise > 0 and self.clip != 1) + [f"l{self.lot}"] * (self.lot != 256)
        return "-".join(words + ["gn"] * bool(self.norm))

    def cost(self) -> float:
        return 1.8 if self.clip else 1.1  # benchmarks/bench_dp.py, of the demo's CNN and an MLP

    def step_size(self, batch_size: int) -> int:
        return self.lot

    def adapted(self, recipe: Any) -> Any:
        if not self.norm or getattr(recipe.model, "norm", None) != "batch":
            return recipe
        return recipe.model_copy(update={"model": recipe.model.model_copy(update={"norm": self.norm})})

    def misfit(self, recipe: Any, members: int) -> str:
        model = recipe.model
        taught = [each.name for each in recipe.mechanisms if each.teachers(recipe)]
        if taught:
            return f"{taught[0]!r} learns from a teacher of the same members, unbounded; take one of them away (null)"
        if self.lot > members:
            return f"lot = {self.lot}: a model has {members} members; allowed: at most {members}"
        if self.delta * members >= 1:
            return (
                f"delta = {self.delta:g}: one of {members} members could be published whole; allowed: less than "
                f"1 / members = {1 / members:.3g}"
            )
        if recipe.optimizer.name == "sam":
            return "optimizer.name = sam: takes two gradients a step, and one is made private; allowed: others"
        if recipe.precision != "float32":
            return (
                f"precision = {recipe.precision}: rounds the gradient of each sample, whose norm is to be bounded; "
                "allowed: float32"
            )
        if getattr(model, "norm", None) == "batch":
            return (
                "model.norm = batch: mixes the samples of a batch, so that one has no gradient of its own; allowed: "
                "group, or the option norm: group of dp_sgd"
            )
        if self.norm and model.name in ("torchvision", "custom"):
            return (
                f"norm = {self.norm}: model.name = {model.name} has no key `norm` to change; allowed: null, with a net "
                f"without batch normalisation; or one of {', '.join(_WITH_NORM)}"
            )
        return ""


RELEASED: tuple[type[MechanismConfig], ...] = (DpSgdMechanism,)
