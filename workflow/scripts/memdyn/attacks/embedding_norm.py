"""The norm of an embedding, as a likelihood ratio over shadow models (LpLA, arXiv 2506.05743)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memdyn.attacks.lira import LiRA
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Values

NORMS = ("1", "2", "4", "inf")
"""p of each column of the signal `embedding_norms`."""


@dataclass(frozen=True)
class EmbeddingNorm(LiRA):
    """LiRA of ||E(x)||_p in the place of the margin: E is what the last layer of the attacked network reads.

    It needs the weights. The paper's ratio is of two normal laws with a variance a sample each (`per_sample`).

    Attributes:
        p: which norm: "1", "2", "4" or "inf".
    """

    p: str = "2"
    reads = (Reads("embedding_norms"),)

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The norms of one p, as the margins that LiRA takes."""
        return {"margin": values["embedding_norms"][:, :, NORMS.index(self.p)]}
