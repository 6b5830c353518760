"""A study that is the finished part of another one, which has not ended."""

from collections.abc import Iterator, Sequence

from pydantic import Field

from memdyn.config.base import Bool, Strict


class InterimRun(Strict):
    """How far one run of the other study was."""

    name: str = Field(description="Of the run.")
    shown: Bool = Field(description="Whether this study has it.")
    models: int = Field(ge=0, description="Finished models, from the first one on.")
    checkpoints: int = Field(ge=1, description="That it is looked at; of a finished model all are there.")
    missing: str = Field(default="", description="What was missing of it.")


class InterimConfig(Strict):
    """Written by `memdyn interim`: which runs of a study this one shows, and how far it was. Nothing is trained."""

    study: str = Field(description="The study whose finished part this is.")
    models: int = Field(ge=1, description="Its models a run.")
    runs: list[InterimRun] = Field(min_length=1, description="All runs of it.")
    left_out: list[str] = Field(default=[], description="What it asks for and this one cannot.")

    @property
    def shown(self) -> list[str]:
        """Names of the runs that this study has."""
        return [run.name for run in self.runs if run.shown]

    def misfits(self, names: Sequence[str]) -> Iterator[str]:
        """What is wrong with it, given the runs that runs and grid make."""
        if not self.shown:
            yield "interim.runs: none is shown; allowed: at least one"
        for name in self.shown:
            if name not in names:
                yield f"interim.runs: {name!r} is no run of the study; allowed: {', '.join(names)}"
