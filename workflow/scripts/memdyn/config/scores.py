"""Scores of models that were trained elsewhere: a study of them trains nothing."""

from collections.abc import Iterable

from pydantic import Field

from memdyn.config.base import Strict
from memdyn.config.paths import SourcePath

_NETWORKS = "it needs the networks, and a file of scores has none"
# what a study of scores has no use for -> why
UNUSED = {
    "pool": "samples, labels and masks are those of the file",
    "base": "nothing is trained",
    "runs": "a study of scores has one run, that of the file",
    "grid": "nothing is trained",
    "shadow_models": "as many as the file has",
    "difficulty": _NETWORKS,
    "level_distance": _NETWORKS,
    "probes": _NETWORKS,
    "audit": "it draws memberships of its own",
    "regularization": "it compares recipes that are trained here",
    "keep_checkpoints": "there are no checkpoints to keep",
    "scoring_batch": "nothing is scored",
    "on_divergence": "a model with NaN among its margins is left out, with its pair",
}


class ScoresConfig(Strict):
    """Exported scores of any tool: margins, masks and labels as arrays of an .npz file (docs/scores.md)."""

    path: SourcePath = Field(description="The .npz file.")
    seed: int = Field(0, ge=0, lt=2**63, description="Decides the mask of the sham part, and the null's swaps.")


def unused(given: Iterable[str]) -> str | None:
    """What is wrong with the keys that are given beside `scores`; None where nothing is."""
    odd = [f"{key} ({why})" for key, why in UNUSED.items() if key in set(given)]
    return f"beside them these keys have no use, leave them out: {'; '.join(odd)}" if odd else None
