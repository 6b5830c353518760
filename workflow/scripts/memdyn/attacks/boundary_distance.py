"""The label-only attack by the distance to the decision boundary (Choquette-Choo et al. 2021; Li & Zhang 2021)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memdyn.attacks.distance import Distance
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Values


@dataclass(frozen=True)
class BoundaryDistance(Distance):
    """How far a sample is from another label, as a search by labels alone finds it: members lie farther.

    Misclassified samples have a distance of 0.
    """

    reads = (Reads("boundary_distance"),)

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The distances, as the margins that LiRA takes."""
        return {"margin": values["boundary_distance"]}
