"""Free predictors of a sample's final risk: what training a model up to epoch t shows without any shadow model.

They read the models that trained on the sample (a user's model has trained on all its data). Higher = riskier: the
guess of all of them is that hard samples are at risk.
"""

import numpy as np

from memdyn.dynamics.difficulty import Forgetting
from memdyn.stats.margins import loss

BASELINES = ("loss", "margin", "el2n", "forgetting", "lt_iqr")
# what some of them are made of besides the margin
NEEDED = {"el2n": "el2n", "forgetting": "gap"}


class Baselines:
    """Scores of checkpoints that arrive in order; arrays [P, n] of each pair's IN model.

    loss at t; minus the margin at t; EL2N at t; forgetting events up to t; LT-IQR up to t, the interquartile range of
    the sample's loss over the trained checkpoints so far (arXiv 2411.05743), 0 of fewer than two. A sample that was
    never correct counts as forgotten at every checkpoint so far.
    """

    def __init__(self, shape: tuple[int, int], n_checkpoints: int) -> None:
        self.forgetting = Forgetting(shape)
        self.trace = Quartiles(shape, n_checkpoints)

    def add(
        self, epoch: int, margin: np.ndarray, correct: np.ndarray | None, el2n: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """float32 [P, n] of every name in `BASELINES` at the next checkpoint, but of those whose signal is None."""
        losses, further = loss(margin.astype(np.float32)), {}
        if epoch > 0:
            self.trace.add(losses)
            if correct is not None:
                self.forgetting.add(correct)
        if el2n is not None:
            further["el2n"] = el2n.astype(np.float32)
        if correct is not None:
            further["forgetting"] = self.forgetting.value().astype(np.float32)
        return {"loss": losses, "margin": -margin.astype(np.float32), **further, "lt_iqr": self.trace.range()}


class Quartiles:
    """The interquartile range of values that arrive one by one, float32 [..., shape] kept sorted."""

    def __init__(self, shape: tuple[int, ...], most: int) -> None:
        self.ordered = np.empty((most, *shape), dtype=np.float32)
        self.count = 0

    def add(self, values: np.ndarray) -> None:
        """Inserts values of the shape: each kept value hands the larger one on."""
        carried = values.astype(np.float32)
        for kept in self.ordered[: self.count]:
            larger = np.maximum(kept, carried)
            np.minimum(kept, carried, out=kept)
            carried = larger
        self.ordered[self.count] = carried
        self.count += 1

    def range(self) -> np.ndarray:
        """75 % minus 25 % quantile, linear between order statistics (numpy's default); 0 of fewer than two values."""
        if self.count < 2:
            return np.zeros(self.ordered.shape[1:], dtype=np.float32)
        return self._quantile(0.75) - self._quantile(0.25)

    def _quantile(self, share: float) -> np.ndarray:
        place = share * (self.count - 1)
        below = int(place)
        above = min(below + 1, self.count - 1)
        return self.ordered[below] + np.float32(place - below) * (self.ordered[above] - self.ordered[below])
