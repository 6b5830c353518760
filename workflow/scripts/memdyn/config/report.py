"""Options of the page and its figures."""

from typing import Annotated, Literal

from pydantic import Field

from memdyn.config.base import Bool, Fraction, Neutral, Strict


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
    pdf: Annotated[Bool, Neutral(True)] = Field(
        default=True, description="false: no figure as PDF, which takes nearly half of the time of drawing."
    )
