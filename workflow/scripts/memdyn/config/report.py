"""Options of the dynamics and of the report: which planes are drawn, where the zones end, how much is shown."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from memdyn.config.base import Bool, Float, Neutral, Strict, no_repeats

Fraction = Annotated[Float, Field(gt=0, lt=1)]


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


class ReportConfig(Strict):
    """The study's page and figures."""

    title: str | None = Field(default=None, description="Title of the page; by default the study's name.")
    threshold: Literal["lr1"] | Fraction = Field(
        default="lr1", description="Which of the dynamics' thresholds the plane, path and zone figures show."
    )
    show_images: Annotated[Bool, Neutral(True)] = Field(
        default=True,
        description="false: no picture of a sample, no name of a class, and no path of the data on page and figures.",
    )
    top_samples: int = Field(default=12, ge=1, le=48, description="How many most vulnerable samples are shown.")
    plane_epochs: int = Field(
        default=4,
        ge=1,
        le=8,
        description="How many checkpoints of the plane stand side by side, the last one included.",
    )
    png_dpi: int = Field(default=130, ge=50, le=300, description="Resolution of the PNG figures (and of the page).")
