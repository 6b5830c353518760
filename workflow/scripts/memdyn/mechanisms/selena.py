"""SELENA (Tang et al. 2022, USENIX Security): a student of sub-models, each asked of what it did not train on.

Split-AI: of K sub-models each sample is left out of L, which are drawn for the model and not for the run, so that the
student knows them. Self-distillation: the student learns the mean of the softmax of these L, taken once for each
member, by the cross-entropy.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from memdyn.mechanisms.base import Batch, Mechanism
from memdyn.mechanisms.queries import probabilities


def left_out(count: int, sub_models: int, times: int, draw: torch.Generator) -> Tensor:
    """Which sub-models each sample is left out of: bool [count, K], `times` in each row."""
    return torch.rand(count, sub_models, generator=draw).argsort(1) < times


@dataclass(frozen=True)
class Selena(Mechanism):
    """The student; or, where `fold` is a number, that sub-model.

    Attributes:
        sub_models, left_out: K and L.
    """

    sub_models: int
    left_out: int
    fold: int | None

    @property
    def own_seeds(self) -> frozenset[str]:
        """Of the student; sub-models begin as the plain training does."""
        return frozenset({"init", "order"}) if self.fold is None else frozenset()

    def members(self, members: Tensor) -> Tensor:
        return members if self.fold is None else members[~self._left_out[members, self.fold]]

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        return batch if self.fold is not None else replace(batch, targets=self._taught.index_select(0, batch.rows))

    @cached_property
    def _left_out(self) -> Tensor:
        return left_out(len(self.given.inputs), self.sub_models, self.left_out, self.given.draw("selena"))

    @cached_property
    def _taught(self) -> Tensor:
        """Of all scored samples, as they are stored: float32 [n, K]."""
        inputs = self.given.inputs
        found = torch.zeros(len(inputs), self.given.n_classes, device=inputs.labels.device)
        for fold, teacher in enumerate(self.given.teachers):
            rows = self._left_out[:, fold].nonzero().squeeze(1)
            if len(rows):
                found.index_add_(0, rows.to(found.device), probabilities(teacher, inputs, rows) / self.left_out)
        return found
