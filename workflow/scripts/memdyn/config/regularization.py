"""What a study asks of its regularizers and defences: each run against a baseline."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field, field_validator

from memdyn.config.attacks.base import AttackSection
from memdyn.config.base import Fraction, Strict, no_repeats
from memdyn.config.errors import did_you_mean
from memdyn.config.uncalibrated import too_many_known


class RegularizationConfig(Strict):
    """Each run against a baseline: what its mechanisms change, and the verdicts R1 to R4 (docs/claims.md)."""

    baseline: str | list[str] = Field(
        description="The run that all others are compared with; with several pools a list, a run on each."
    )
    known: int = Field(
        default=100,
        ge=2,
        description="Members, and as many non-members, of each model that the attacks AVG and POW know.",
    )
    draws: int = Field(default=10, ge=1, description="How often these are drawn; the advantages are means over draws.")
    strong: list[str] = Field(
        default=[], description="Labels of the attacks whose best AUC is the leak; none: all that need shadow models."
    )
    rad: list[Fraction] = Field(
        default=[0.01, 0.05],
        description="Selection: of the runs with more than 1 - r times the baseline's accuracy the one with the lowest "
        "of the larger of AVG and POW, for each r.",
    )
    difference: Fraction = Field(
        default=0.01, description="R1 to R4: the smallest change of the best attack's AUC that counts."
    )
    weak_difference: Fraction = Field(
        default=0.02, description="R4: the smallest fall of the advantage of AVG or POW that says `protected`."
    )
    chance: Fraction = Field(default=0.02, description="R4: how close to 0.5 an AUC is that is at chance.")

    @field_validator("baseline")
    @classmethod
    def _some(cls, value: str | list[str]) -> str | list[str]:
        if not value:
            raise ValueError(f"must name a run, got {value!r}")
        return no_repeats(value) if isinstance(value, list) else value

    _differ = field_validator("strong", "rad")(no_repeats)

    @property
    def baselines(self) -> list[str]:
        """Their names."""
        return [self.baseline] if isinstance(self.baseline, str) else list(self.baseline)

    def strong_attacks(self, attacks: Sequence[AttackSection]) -> list[str]:
        """Labels of those of the study's attacks whose best one is the leak."""
        return self.strong or [attack.label() for attack in attacks if attack.needs_shadow_models]

    def unknown_attacks(self, attacks: Sequence[AttackSection]) -> Iterator[str]:
        """What is wrong with `strong`, given the study's attacks."""
        labels = [attack.label() for attack in attacks]
        for label in self.strong:
            if label not in labels:
                yield f"regularization.strong: {label!r} is not among the attacks; {did_you_mean(label, labels)}"
        if not self.strong_attacks(attacks):
            yield (
                f"regularization: no attack but {', '.join(map(repr, labels))}, which needs no shadow models; allowed: "
                "at least one that is calibrated on them, such as {name: lira}"
            )

    def misfits(self, runs: Sequence[Any]) -> Iterator[str]:
        """What is wrong with it, given the study's runs (`memdyn.config.load.Run`)."""
        names = [run.name for run in runs]
        unknown = [name for name in self.baselines if name not in names]
        for name in unknown:
            yield f"regularization.baseline: there is no run {name!r}; {did_you_mean(name, names)}"
        if unknown:
            return
        if len(runs) == len(self.baselines):
            yield f"regularization.baseline: {', '.join(names)} is all there is; allowed: with other runs to compare"
        of_pool: dict[Any, str] = {}
        for run in runs:
            pool = run.pool.model_dump_json()
            if run.name in self.baselines:
                if pool in of_pool:
                    yield f"regularization.baseline: {of_pool[pool]!r} and {run.name!r} are on one pool; allowed: one"
                of_pool[pool] = run.name
        for run in runs:
            if run.pool.model_dump_json() not in of_pool:
                yield (
                    f"regularization.baseline = {self.baseline!r}: run {run.name!r} is on another pool, and runs are "
                    "compared model by model; allowed: a list, with a run on each pool"
                )
            yield from too_many_known("regularization", self.known, run.name, run.pool.parts.scored)
