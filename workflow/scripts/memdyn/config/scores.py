"""Scores of models that were trained elsewhere: a study of them trains nothing."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from memdyn.config.base import Hashed, Neutral, Strict
from memdyn.config.paths import SourcePath

SLUG = "scores"  # the name of a single run
_NETWORKS = "it needs the networks, and a file of scores has none"
# what a study of scores has no use for -> why
UNUSED = {
    "pool": "samples, labels and masks are those of the file",
    "base": "nothing is trained",
    "shadow_models": "as many as the file has",
    "difficulty": _NETWORKS,
    "level_distance": _NETWORKS,
    "probes": _NETWORKS,
    "audit": "it draws memberships of its own",
    "regularization": "it compares recipes that are trained here",
    "interim": "nothing is trained, so that nothing is half done",
    "keep_checkpoints": "there are no checkpoints to keep",
    "scoring_batch": "nothing is scored",
    "on_divergence": "a model with NaN among its margins is left out, with its pair",
}


class SharedScores(Strict):
    """Exported scores of any tool: margins, masks and labels in an .npz or a .parquet file (docs/scores.md)."""

    path: Annotated[SourcePath | None, Hashed(None)] = Field(
        None, description="The file, NAME.npz or NAME.parquet; of several files, each run gives its own."
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**63,
        description="Decides the mask of the sham part, the null's draws, and whom folds calibrate by.",
    )
    folds: Annotated[int, Field(ge=2), Neutral(16)] = Field(
        16,
        description="The most folds of models, each scored with models of the others, where the masks are no "
        "complementary pairs (docs/scores.md).",
    )


class ScoresConfig(SharedScores):
    """The scores of one run."""

    path: SourcePath = Field(description="The file, NAME.npz or NAME.parquet.")


def unused(given: Iterable[str]) -> str | None:
    """What is wrong with the keys that are given beside `scores`; None where nothing is."""
    odd = [f"{key} ({why})" for key, why in UNUSED.items() if key in set(given)]
    return f"beside them these keys have no use, leave them out: {'; '.join(odd)}" if odd else None
