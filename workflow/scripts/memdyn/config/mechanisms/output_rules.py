"""Output rules: what a queried model answers. They change no weights: runs that differ in them share training."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from memdyn.config.base import Float
from memdyn.config.mechanisms.base import MechanismConfig, short

Positive = Annotated[Float, Field(gt=0, allow_inf_nan=False)]


class _OutputRule(MechanismConfig):
    """A mechanism that has no part in training."""

    claims: ClassVar[frozenset[str]] = frozenset()

    def changes_weights(self) -> bool:
        return False

    def answers(self) -> bool:
        return True


class Rounding(_OutputRule):
    """Rounding (Shokri et al. 2017): probabilities are told with so many digits after the point."""

    name: Literal["rounding"] = Field(description="probabilities are rounded (Shokri et al. 2017)")
    digits: Annotated[int, Field(ge=0, le=12)] = Field(
        description="after the point; a probability that is rounded to 0 is read as the largest that would be"
    )

    def label(self) -> str:
        return f"round{self.digits}"


class TopK(_OutputRule):
    """Top k (Shokri et al. 2017): the k largest probabilities are told, and nothing of the others."""

    name: Literal["top_k"] = Field(description="only the k largest probabilities are told (Shokri et al. 2017)")
    k: Annotated[int, Field(ge=0)] = Field(
        description="how many; the other classes share what is left of 1 alike. 0: the predicted class alone is told"
    )

    def label(self) -> str:
        return f"top{self.k}"


class Temperature(_OutputRule):
    """Temperature (Guo et al. 2017; as a defence Shokri et al. 2017): logits are divided by it."""

    name: Literal["temperature"] = Field(description="logits are divided by a temperature (Shokri et al. 2017)")
    temperature: Positive = Field(description="above 1: flatter probabilities")

    def label(self) -> str:
        return f"temp{short(self.temperature)}"


class OutputNoise(_OutputRule):
    """Noise on the outputs: each logit of each answer has Gaussian noise of its own."""

    name: Literal["output_noise"] = Field(description="Gaussian noise on the logits of each answer")
    sigma: Positive = Field(description="its standard deviation; the predicted class may change")

    def label(self) -> str:
        return f"outnoise{short(self.sigma)}"


class HampOutput(_OutputRule):
    """HAMP's output rule (Chen & Pattabiraman, NDSS 2024): classes keep their ranks, values are a random image's."""

    name: Literal["hamp_output"] = Field(
        description="HAMP's output rule (Chen & Pattabiraman 2024): ranks stay, values are those of a random image"
    )

    def label(self) -> str:
        return "hampout"


RELEASED: tuple[type[MechanismConfig], ...] = (Rounding, TopK, Temperature, OutputNoise, HampOutput)
