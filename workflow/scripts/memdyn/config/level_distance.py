"""Options of the level distance: how far samples lie from levels of confidence, and what that tells of membership."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator

from memdyn.config.base import Strict, no_repeats
from memdyn.config.probes import (
    Epochs,
    InputCurvatureProbe,
    LevelDistanceProbe,
    MarginGradientProbe,
    _Probe,
    resolved_epochs,
)

_LEVEL = re.compile(r"[qp]0?\.\d*[1-9]\d*|gap")

SEARCH, GRADIENT, CURVATURE = "level_distance", "margin_gradient", "input_curvature"
"""Names of its probes."""


class LevelDistanceConfig(Strict):
    """Signed distance of samples to levels of the margin, by a search, and whether it tells members apart.

    Samples are the first ones of the pool's scored part, which lies in random order, by the pool's seed: first those
    that the attacker knows, then those that are evaluated.
    """

    samples: int = Field(600, ge=20, description="Scored samples that are evaluated, members and others alike.")
    known: int = Field(
        100,
        ge=10,
        description="Members of a model that the attacker knows, on average: twice as many scored samples are set "
        "apart, which are evaluated nowhere. They fix the levels `q` and the threshold of the advantage.",
    )
    models: Annotated[int, Field(ge=8, multiple_of=2)] | None = Field(
        None, description="The first so many models are searched, an even number; `null`: all."
    )
    epochs: Epochs = Field("last", description="Checkpoints of the search: all, last, or a list.")
    levels: list[str] = Field(
        default=["q0.5", "q0.9", "q0.99", "p0.9", "p0.99", "gap"],
        min_length=1,
        description="`q0.99`: that quantile of the margins of the model's known members; `p0.9`: probability of the "
        "true class; `gap`: the edge of the right prediction. Each costs a search.",
    )
    norms: list[Literal["l2", "linf"]] = Field(default=["l2"], min_length=1, description="Each costs a search.")
    curvature_draws: int = Field(
        10, ge=0, description="Draws of the input-loss curvature, a rival measure, of the same samples; 0: without it."
    )

    _differ = field_validator("levels", "norms")(no_repeats)

    @field_validator("levels")
    @classmethod
    def _are_levels(cls, value: list[str]) -> list[str]:
        for level in value:
            if not _LEVEL.fullmatch(level):
                raise ValueError(
                    f"{level!r} is no level; allowed: q0.99, p0.9 and the like, above 0 and below 1, or gap"
                )
        return value

    @property
    def taken(self) -> int:
        """Scored samples that are searched."""
        return 2 * self.known + self.samples

    def probes(self) -> dict[str, _Probe]:
        """The probes that it reads, by name."""
        subset = {"samples": self.taken, "models": self.models, "epochs": self.epochs}
        found: dict[str, _Probe] = {
            SEARCH: LevelDistanceProbe(known=self.known, levels=self.levels, norms=self.norms, **subset),
            GRADIENT: MarginGradientProbe(),
        }
        if self.curvature_draws:
            found[CURVATURE] = InputCurvatureProbe(draws=self.curvature_draws, **subset)
        return found

    def misfits(self, run: str, checkpoints: list[int], scored: int, models: int) -> Iterator[str]:
        """What does not fit a run on a pool with so many scored samples, of so many models."""
        if self.taken > scored:
            yield (
                f"level_distance.samples = {self.samples}: with twice the known = {self.known} members it takes "
                f"{self.taken} samples, but run {run!r} has pool.parts.scored = {scored}; allowed: fewer of either"
            )
        if self.models is not None and self.models > models:
            yield f"level_distance.models = {self.models}: there are shadow_models = {models}; allowed: at most these"
        unknown = sorted(set(resolved_epochs(self.epochs, checkpoints, 1.0)) - set(checkpoints))
        if unknown:
            allowed = ", ".join(map(str, checkpoints))
            yield f"level_distance.epochs = {unknown[0]}: run {run!r} has no such checkpoint; allowed: {allowed}"
