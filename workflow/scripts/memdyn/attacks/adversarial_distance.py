"""The adversarial distance (Del Grosso et al. 2022, "Leveraging Adversarial Examples to Quantify Membership ...")."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memdyn.attacks.distance import Distance
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Values

MISCLASSIFIED = ("zero", "signed")


@dataclass(frozen=True)
class AdversarialDistance(Distance):
    """How far a sample is from being misclassified: members lie farther. It needs the weights.

    Attributes:
        misclassified: what they are given, "zero" as published, or minus their distance to the right label ("signed"),
            so that they do not tie.
    """

    misclassified: str = "zero"
    reads = (Reads("adversarial_distance"),)

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The distances, as the margins that LiRA takes.

        Raises:
            ValueError: for another word for misclassified samples.
        """
        distance = values["adversarial_distance"]
        if self.misclassified not in MISCLASSIFIED:
            raise ValueError(f"unknown misclassified {self.misclassified!r}; allowed: {', '.join(MISCLASSIFIED)}")
        return {"margin": np.maximum(distance, 0) if self.misclassified == "zero" else distance}
