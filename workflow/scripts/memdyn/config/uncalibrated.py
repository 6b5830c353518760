"""What attackers without shadow models are told: a few members and non-members of each model."""

from collections.abc import Iterator

from pydantic import Field

from memdyn.config.base import Strict


class UncalibratedConfig(Strict):
    """Attacks at one threshold that need no shadow models, AVG and POW, and Tail-TNR (docs/attacks.md)."""

    known: int = Field(
        default=100,
        ge=2,
        description="Members, and as many non-members, of each model that the attacks AVG and POW know.",
    )
    draws: int = Field(default=10, ge=1, description="How often these are drawn; the advantages are means over draws.")

    def misfits(self, name: str, scored: int) -> Iterator[str]:
        """What is wrong with it, given a run's name and its scored samples."""
        yield from too_many_known("uncalibrated", self.known, name, scored)


def too_many_known(section: str, known: int, name: str, scored: int) -> Iterator[str]:
    """What is wrong with so many known samples, if half of the scored ones are a model's members."""
    if known > (most := scored // 4):
        yield (
            f"{section}.known = {known}: run {name!r} has {scored // 2} members a model (half of the scored samples), "
            f"of which half are left to judge by; allowed: at most {most}"
        )
