"""Options of what is read off the networks themselves."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from memdyn.config.base import Strict, no_repeats
from memdyn.terms import early_checkpoint


class DifficultyConfig(Strict):
    """Measures of difficulty that need gradients or activations: an extra pass over the models of every run."""

    measures: list[Literal["grand", "prediction_depth"]] = Field(
        default=[], description="Which are taken (Paul et al. 2021, Baldock et al. 2021); none: no extra pass."
    )
    grand_epoch: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Checkpoint of GraNd; `null`: that of EL2N, see `analysis.early_epoch`."
    )
    depth_epoch: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Checkpoint of prediction depth; `null`: the last."
    )
    neighbours: int = Field(
        default=30, ge=1, description="Members that vote in a probe of prediction depth: the nearest k."
    )

    _differ = field_validator("measures")(no_repeats)

    def resolved(self, checkpoints: list[int], early: float) -> dict[str, dict[str, Any]]:
        """Each measure with the epoch it is taken at and its options, for a run with these checkpoints.

        Args:
            early: share of the epochs at which GraNd is taken where no epoch is given.
        """
        first = early_checkpoint(checkpoints, early)
        options = {
            "grand": {"epoch": first if self.grand_epoch is None else self.grand_epoch},
            "prediction_depth": {
                "epoch": checkpoints[-1] if self.depth_epoch is None else self.depth_epoch,
                "neighbours": self.neighbours,
            },
        }
        return {name: options[name] for name in sorted(self.measures)}

    def misfits(self, run: str, checkpoints: list[int], members: int) -> Iterator[str]:
        """What does not fit a run whose models have so many members: `key = value: reason; allowed: ...`."""
        for measure, key in (("grand", "grand_epoch"), ("prediction_depth", "depth_epoch")):
            epoch = getattr(self, key)
            if measure in self.measures and epoch is not None and epoch not in checkpoints:
                allowed = ", ".join(map(str, checkpoints))
                yield f"difficulty.{key} = {epoch}: run {run!r} has no such checkpoint; allowed: {allowed}"
        if "prediction_depth" in self.measures and self.neighbours >= members:
            yield (
                f"difficulty.neighbours = {self.neighbours}: a model of run {run!r} has {members} members (half of "
                f"pool.parts.scored), and none votes on itself; allowed: at most {members - 1}"
            )
