"""The pool: which samples a study has, in which parts."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from memdyn.config.base import Float, Neutral, Strict
from memdyn.config.datasets import DatasetConfig, EmbeddedDataset


class PartsConfig(Strict):
    """Sizes of the parts that a pool is split into, once, class by class."""

    scored: int = Field(
        4000, ge=20, multiple_of=2, description="Members and non-members: each model trains on a random half of them."
    )
    population: int = Field(
        2000, ge=0, description="Never trained on: reference samples of attacks, and the images' mean and scale."
    )
    test: int = Field(2000, ge=0, description="Never trained on: accuracy.")
    sham: int = Field(
        1000,
        ge=20,
        multiple_of=2,
        description="Never trained on, but masked like members: the null of population curves.",
    )
    spare: int = Field(1000, ge=0, description="Reference data of defences.")

    @property
    def total(self) -> int:
        """Samples that the pool needs."""
        return self.scored + self.population + self.test + self.sham + self.spare


class PoolConfig(Strict):
    """The samples of a study: which data set, split how, drawn with which seed."""

    dataset: DatasetConfig = Field(default_factory=EmbeddedDataset, description="Where the samples come from.")
    parts: PartsConfig = Field(default_factory=PartsConfig, description="How many samples each part gets.")
    label_noise: Annotated[Float, Field(ge=0, le=0.5), Neutral(0.0)] = Field(
        0.0, description="Share of the scored samples whose label is replaced by another class; recorded."
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Decides who is in which part and, with it, all other randomness.")

    @model_validator(mode="after")
    def _fits_the_dataset(self) -> Self:
        known = self.dataset.samples
        if known is not None and self.parts.total > known:
            sizes = ", ".join(f"{part} {size}" for part, size in self.parts.model_dump().items())
            raise ValueError(
                f"parts: {self.parts.total} samples in all ({sizes}), but {self.dataset.name} has {known}: "
                f"make the parts smaller, {known} in all at most"
            )
        return self
