"""What the sections of all mechanisms share: a name, slots, and what the plan must know."""

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
        images_only: whether it makes sense of pixels alone, so that it is refused where samples are rows of a table.
        makes_targets: whether it gives samples soft targets.
        learns_labels: whether its objective is of the labels alone, so that it cannot learn soft targets.
        mixes_samples: whether what a step takes from one member may depend on the others, as where two are mixed into
            one, where a teacher learned from all of them, or where the loss is no mean over the samples.
        parts_samples: whether it bounds what each member alone has in a step, so that none may be mixed.
        reads_labels: whether it uses the members' labels as they are, whatever other mechanisms made of them.
    """

    claims: ClassVar[frozenset[str]]
    images_only: ClassVar[bool] = False
    makes_targets: ClassVar[bool] = False
    learns_labels: ClassVar[bool] = False
    mixes_samples: ClassVar[bool] = False
    parts_samples: ClassVar[bool] = False
    reads_labels: ClassVar[bool] = False

    name: str = Field(pattern=f"^{NAME}$", description="its key in the mapping, and not among its options")

    def label(self) -> str:
        """The mechanism in a word, for names of runs and tables."""
        return self.name

    def teachers(self, recipe: Any) -> tuple[Any, ...]:
        """Recipes (`TrainConfig`) of the runs that a run of `recipe` learns from."""
        return ()

    def share_of_members(self) -> float:
        """How much of the members it trains on, for what a study costs."""
        return 1.0

    def changes_weights(self) -> bool:
        """Whether it has a part in training; of one that has none, models are those of the recipe without it."""
        return True

    def answers(self) -> bool:
        """Whether it may change what an attacker sees of the outputs."""
        return False

    def cost(self) -> float | None:
        """Time of a step of training with it, of that without it, as measured; None where nobody knows."""
        return 1.0

    def step_size(self, batch_size: int) -> int:
        """Samples of a step, of `batch_size` in the recipe."""
        return batch_size

    def part(self) -> str | None:
        """The part of the pool that it reads, besides the members."""
        return None

    def adapted(self, recipe: Any) -> Any:
        """The recipe (`TrainConfig`), with what this mechanism asks to be another."""
        return recipe

    def misfit(self, recipe: Any, members: int) -> str:
        """What of a recipe it does not go with, and what is allowed; empty where it fits.

        Args:
            recipe: a `TrainConfig`.
            members: of each model.
        """
        return ""


def short(value: float) -> str:
    """A number in a label: .1, 5, 1e-05, 1e30 (a folder's name could not tell 1e+30 from 1e-30)."""
    return f"{value:g}".replace("e+", "e").removeprefix("0") or "0" if value else "0"
