"""A mechanism of the user's own."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from memdyn.config.base import Bool, Hashed, Neutral
from memdyn.config.errors import shown
from memdyn.config.mechanisms.base import MechanismConfig, Slot
from memdyn.config.mechanisms.teacher import Teacher, teachers_of
from memdyn.config.paths import Target


class CustomMechanism(MechanismConfig):
    """A mechanism of your own, under any name."""

    target: Target = Field(
        pattern=r"^.+\.py:[A-Za-z_]\w*$",
        description="`path/to/file.py:Name`; Name(**options) must return a memdyn.mechanisms.base.Mechanism; or "
        "Name(logits, labels, epoch, **options), a plain loss",
    )
    options: dict[str, Any] = Field({}, description="keyword arguments of Name")
    claims: Annotated[list[Slot], Hashed(None)] = Field(
        [], description="what no other mechanism of the run may do: a run has at most one for each"
    )
    teacher: Teacher = Field(
        False,
        description="true: it learns from the finished models of the same recipe without mechanisms; changes to that "
        "recipe, such as `epochs: 50`: from those of the changed one",
    )
    trains: Annotated[Bool, Neutral(True)] = Field(
        True,
        description="false: it has only an `output`, so that models are those of the recipe without it and nothing is "
        "trained for it",
    )
    reads: Annotated[Literal["spare"] | None, Hashed(None)] = Field(
        None, description="the part of the pool that it reads, besides the members"
    )

    def changes_weights(self) -> bool:
        return self.trains

    def answers(self) -> bool:
        return True  # only a job can know

    def label(self) -> str:
        """Its name and its options, such as `smooth.0.1`."""
        return ".".join([self.name, *(_word(value) for value in self.options.values())])

    def teachers(self, recipe: Any) -> tuple[Any, ...]:
        return teachers_of(recipe, self.teacher, self.name)

    def misfit(self, recipe: Any, members: int = 0) -> str:
        learns = not self.trains and self.teacher is not False
        return "trains = false: what has no part in training learns from no teacher; leave one out" if learns else ""

    def cost(self) -> None:
        return None

    def part(self) -> str | None:
        return self.reads


def _word(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", value if isinstance(value, str) else shown(value)).strip("-")
