"""Distillation for membership privacy (Shejwalkar & Houmansadr 2021, AAAI): the members are seen by a teacher alone."""

from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from memdyn.compute.samples import Samples
from memdyn.mechanisms.base import Batch, Mechanism
from memdyn.mechanisms.queries import Passes, probabilities
from memdyn.models.layout import layout_of


class Dmp(Mechanism):
    """The net that is scored learns softmax(teacher / T) of the reserved part, in the place of the members.

    An epoch has as many steps of the same sizes as on the members, and goes through the reserved part as often as it
    takes. Crop and flip are for members; the log's accuracy is that on the reserved samples.
    """

    own_seeds: ClassVar[frozenset[str]] = frozenset({"init", "order"})

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature
        self._epoch = 0

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        if epoch != self._epoch:
            self._epoch, self._passes = epoch, Passes(len(self._reference), draw)
        rows = self._passes.take(len(batch.rows)).to(batch.rows.device)
        samples, labels = self._reference.take(rows)
        (teacher,) = self.given.teachers
        inputs = self._reference.normalise(samples, layout_of(teacher))
        # they are none of the scored samples
        return Batch(inputs, self._taught.index_select(0, rows), labels, torch.full_like(rows, -1))

    @cached_property
    def _reference(self) -> Samples:
        return self.given.part("spare")

    @cached_property
    def _taught(self) -> Tensor:
        (teacher,) = self.given.teachers
        everyone = torch.arange(len(self._reference))
        return probabilities(teacher, self._reference, everyone, self.temperature)


def dmp(*, temperature: float, teacher: Any) -> Dmp:
    """From the config's options; whose the teacher is the plan has settled."""
    return Dmp(temperature)
