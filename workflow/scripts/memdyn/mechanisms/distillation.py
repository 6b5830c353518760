"""Distillation with soft labels (Hinton et al. 2015, arXiv 1503.02531), without the hard term.

The student minimises -sum q log p with q = softmax(teacher's logits / T), at temperature 1 itself. It is the teacher's
net on the teacher's members, with an initialisation and an order of its own.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from memdyn.mechanisms.base import Batch, Mechanism


def soft_labels(logits: Tensor, temperature: float) -> Tensor:
    """softmax(logits / T), float32 [B, K]."""
    return (logits.float() / temperature).softmax(1)


@dataclass(frozen=True)
class Distillation(Mechanism):
    """The teacher sees the inputs as the mechanisms before this one left them; its targets replace theirs.

    Attributes:
        temperature: that of the teacher's logits.
    """

    own_seeds: ClassVar[frozenset[str]] = frozenset({"init", "order"})

    temperature: float

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        (teacher,) = self.given.teachers
        with torch.no_grad():
            return replace(batch, targets=soft_labels(teacher(batch.inputs), self.temperature))


def distillation(*, temperature: float, teacher: Any) -> Distillation:
    """From the config's options; whose the teacher is the plan has settled."""
    return Distillation(temperature)
