"""Students of a model, to attack it: each learns its outputs on samples that it was not trained on (Ye et al. 2022)."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import nn

from memdyn.compute.device import seed_draws
from memdyn.compute.samples import Samples
from memdyn.mechanisms.dmp import Dmp
from memdyn.models.build import build_model


class Student(Dmp):
    """Student `number` of the teacher: it learns the softmax of the teacher on a random half of the reserved part.

    It trains as `dmp` does, at temperature 1. Its half, and its initial weights, are its own: students of one teacher
    differ as models do that are trained on samples of a population.
    """

    def __init__(self, number: int, model: Mapping[str, Any]) -> None:
        super().__init__(temperature=1.0)
        self.number, self.model = number, model

    def network(self, network: nn.Module) -> nn.Module:
        seed_draws(self._draw("init").initial_seed())
        fresh = build_model(self.model, tuple(self.given.inputs.samples.shape[1:]), self.given.n_classes)
        network.load_state_dict(fresh.state_dict())
        return network

    @cached_property
    def _reference(self) -> Samples:
        whole = self.given.part("spare")
        half = torch.randperm(len(whole), generator=self._draw("half"))[: -(-len(whole) // 2)].sort().values
        samples, labels = whole.take(half.to(whole.labels.device))
        return replace(whole, samples=samples, labels=labels)

    def _draw(self, purpose: str) -> torch.Generator:
        return self.given.draw(f"{purpose} of student {self.number}")


def student(*, number: int, model: Mapping[str, Any], teacher: Any) -> Student:
    """From the config's options; whose the teacher is the plan has settled."""
    return Student(number, model)
