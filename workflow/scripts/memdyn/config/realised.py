"""Options of what an attacker realises on targets that he did not choose by."""

from pydantic import Field, field_validator

from memdyn.config.base import Fraction, Strict, no_repeats


class RealisedConfig(Strict):
    """Thresholds, precision and lists of members on held-out targets (memdyn.attacks.realised)."""

    fprs: list[Fraction] = Field(
        default=[0.001, 0.01, 0.1],
        min_length=1,
        description="Nominal false positive rates: a threshold is the quantile of other models' non-members.",
    )
    priors: list[Fraction] = Field(
        default=[0.01, 0.1, 0.5],
        min_length=1,
        description="Shares of members among those that an attacker asks about, at which the precision is told.",
    )
    fdr: Fraction = Field(
        default=0.1, description="False discovery rate of the lists of members (Benjamini-Hochberg over samples)."
    )
    checkpoints: int = Field(
        default=3,
        ge=1,
        description="How many checkpoints are looked at, evenly from the first to the last; 1: the last. Each costs "
        "as much as 37 calibrations of every attack.",
    )

    _differ = field_validator("fprs", "priors")(no_repeats)
