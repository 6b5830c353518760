"""Options of the dynamics: the plane and its zones, and what is read off them over training."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from memdyn.config.base import Float, Fraction, Strict, no_repeats

TailProbability = Annotated[Float, Field(gt=0, le=0.5)]


class DynamicsConfig(Strict):
    """The vulnerability plane and its zones (definitions: memdyn.dynamics)."""

    attacks: list[str] = Field(
        default=["lira"], min_length=1, description="Labels of the attacks whose vulnerability plane is computed."
    )
    thresholds: list[Literal["lr1"] | Fraction] = Field(
        default=["lr1", 0.01, 0.05, 0.1],
        min_length=1,
        description=(
            "Decision thresholds of the plane: `lr1` (likelihood ratio 1; only attacks that have one) "
            "or the pooled false positive rate at which the threshold is calibrated."
        ),
    )
    hv_tpr: Fraction = Field(default=0.9, description="A sample is highly vulnerable from this TPR on ...")
    hv_fpr: Fraction = Field(default=0.1, description="... and up to this FPR.")
    vulnerable_advantage: Fraction = Field(
        default=0.5, description="Advantage (TPR - FPR) from which a sample counts as vulnerable instead of leaning."
    )
    test_level: Fraction = Field(
        default=0.05,
        description="False discovery rate (Benjamini-Hochberg over samples) of the per-sample test for the zones.",
    )

    _differ = field_validator("attacks", "thresholds")(no_repeats)


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
