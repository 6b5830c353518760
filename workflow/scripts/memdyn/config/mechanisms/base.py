"""What the sections of all mechanisms share: a name, slots, and what the plan must know."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from memdyn.config.base import Strict

# what only one mechanism of a run can have -> what that is
SLOTS = {
    "objective": "the loss in the place of the cross-entropy",
    "gradient": "how gradients become steps",
    "sampling": "who is in which batch",
    "labels": "the labels",
    "norm": "the normalisation layers",
    "data": "the samples that are trained on",
    "stop": "when training ends",
}
Slot = Literal["objective", "gradient", "sampling", "labels", "norm", "data", "stop"]
NAME = r"[A-Za-z][A-Za-z0-9_-]{0,39}"


class MechanismConfig(Strict):
    """What all mechanisms share: a name, and what the plan must know of them.

    Attributes:
        claims: slots that no other mechanism of a run may claim.
        mixes_samples: whether what a step takes from one member may depend on the others, as where two are mixed into
            one, or where the loss is no mean over the samples: `dp_sgd`, which bounds the part of each, is refused.
    """

    claims: ClassVar[frozenset[str]]
    mixes_samples: ClassVar[bool] = False

    name: str = Field(pattern=f"^{NAME}$", description="its key in the mapping, and not among its options")

    def label(self) -> str:
        """The mechanism in a word, for names of runs and tables."""
        return self.name

    def teachers(self, recipe: Any) -> tuple[Any, ...]:
        """Recipes (`TrainConfig`) of the runs that a run of `recipe` learns from."""
        return ()

    def part(self) -> str | None:
        """The part of the pool that it reads, besides the members."""
        return None

    def adapted(self, recipe: Any) -> Any:
        """The recipe (`TrainConfig`), with what this mechanism asks to be another."""
        return recipe

    def misfits(self, recipe: Any, members: int) -> Iterator[str]:
        """What of a recipe it cannot go with, each by key, value and what is allowed.

        Args:
            recipe: a `TrainConfig`.
            members: of each model.
        """
        return iter(())
