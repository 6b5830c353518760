"""Options of the full dynamics analysis, of its optional measures, and of the rules that judge the claims C1 to C3."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from memdyn.config.base import Float, Strict, no_repeats

Fraction = Annotated[Float, Field(gt=0, lt=1)]
TailProbability = Annotated[Float, Field(gt=0, le=0.5)]


class AnalysisConfig(Strict):
    """The dynamics beyond states and zones: population curves, difficulty, early determination (memdyn.dynamics)."""

    enabled: bool = Field(default=True, description="Whether it is done; it takes longer than an attack.")
    splits: int = Field(default=10, ge=1, description="Random splits of the models into halves A and B.")
    jackknife_splits: int = Field(default=2, ge=1, description="Of these in the jackknife; the costly part.")
    hv_splits: int = Field(
        default=2, ge=0, description="Splits for early determination of the highly vulnerable zone; 0: not done."
    )
    top: Fraction = Field(default=0.1, description="Share of the samples, by d', that count as finally at risk.")
    early_epoch: Fraction = Field(default=0.2, description="Share of the epochs at which EL2N is taken.")
    onset_error: Fraction = Field(
        default=0.05, description="Error of the one-sided bounds that decide an onset, and its false discovery rate."
    )
    d_prime_bound: Float = Field(default=1.0, gt=0, description="The first checkpoint with d' above it is reported.")
    stable_distance: Fraction = Field(default=0.1, description="Stabilised: nearer to the last state than this.")
    grid: int = Field(default=20, ge=2, description="G of the G x G grid of the spatial entropy (in bits).")
    bins: int = Field(default=10, ge=2, description="Bins, by rank, of the curves of vulnerability against difficulty.")
    kendall_samples: int = Field(default=500, ge=100, description="Most samples that enter Kendall's tau.")
    smooth_fprs: list[TailProbability] = Field(
        default=[0.001, 0.01],
        min_length=1,
        description="FPRs of the parametric operating points; the tail check is at the smallest.",
    )

    _differ = field_validator("smooth_fprs")(no_repeats)


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
        first = next(
            (epoch for epoch in checkpoints if epoch > 0 and epoch >= early * checkpoints[-1]), checkpoints[-1]
        )
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


class ClaimsConfig(Strict):
    """The numbers in the fixed rules that judge C1, C2 and C3 (docs/claims.md); decide them before any result."""

    difference: Fraction = Field(default=0.02, description="C1: the smallest change of the mean advantage that counts.")
    correlation: Fraction = Field(
        default=0.1, description="C2: the smallest rank correlation, without the noise of few models, that counts."
    )
    early_share: Fraction = Field(default=0.25, description="C1's rate and C3: what share of the epochs is early.")
    found: Fraction = Field(
        default=0.5,
        description="C3: what share, above chance, of those truly most at risk at the end is `largely`, if so early.",
    )
