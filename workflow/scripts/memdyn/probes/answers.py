"""A queried model: what an attacker sees of a network behind the output rules of its run."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.data.pool import Pool
from memdyn.design.seeds import derive_seed
from memdyn.mechanisms.base import Given, Mechanism
from memdyn.mechanisms.build import build_mechanisms, having
from memdyn.mechanisms.reserved import reserved_part


class Answering(nn.Module):
    """A network whose logits pass through output rules.

    Args:
        rules: the mechanisms that answer, each with its draws, in their order.
    """

    def __init__(self, network: nn.Module, rules: list[tuple[str, Mechanism, torch.Generator]]) -> None:
        super().__init__()
        self.network, self.rules = network, rules

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [B, K] as they are answered; what rules draw goes on from call to call."""
        return self.answer(self.network(inputs))

    def answer(self, logits: Tensor) -> Tensor:
        """What is seen instead of these logits [n, K].

        Raises:
            ValueError: naming the mechanism, for an answer that is no finite logits of the same shape.
        """
        for name, mechanism, draw in self.rules:
            seen = mechanism.output(logits, draw)
            if not isinstance(seen, Tensor) or seen.shape != logits.shape:
                got = f"a tensor {list(seen.shape)}" if isinstance(seen, Tensor) else type(seen).__name__
                raise ValueError(f"mechanism {name!r}: its `output` must return logits {list(logits.shape)}, not {got}")
            if bool(logits.isfinite().all()) and not bool(seen.isfinite().all()):
                raise ValueError(
                    f"mechanism {name!r}: its `output` made logits that are not finite; of a probability of 0 take the "
                    "logarithm of a small one"
                )
            logits = seen
        return logits


@dataclass(frozen=True)
class Answers:
    """The output rules of a run.

    Attributes:
        mechanisms: config sections of all that may have some.
        seed, pool_key: with the model, the mechanism and the checkpoint, the root of what rules draw: the same for all
            probes, so that they see one answer to one query.
    """

    mechanisms: list[Mapping[str, Any]]
    seed: int
    pool_key: str
    pool: Pool
    device: torch.device

    def of(self, network: nn.Module, model: int, epoch: int) -> nn.Module:
        """The network behind the rules, which are made anew for each model and checkpoint; without any, itself.

        Raises:
            ValueError: for a mechanism of the user's own that is said to have no part in training, and has.
        """
        rules = having(build_mechanisms(self.mechanisms), "output")
        if not rules:
            return network
        for _, rule in rules:
            object.__setattr__(rule, "given", self._given(network))  # it may be a frozen dataclass

        def draw(purpose: str) -> torch.Generator:
            return torch.Generator().manual_seed(derive_seed(self.seed, self.pool_key, model, purpose, epoch))

        return Answering(network, [(name, rule, draw(f"output of {name}")) for name, rule in rules])

    def _given(self, network: nn.Module) -> Given:
        return Given(len(self.pool.class_names), self._scored, (), self._part, network)

    @cached_property
    def _scored(self) -> Samples:
        return Samples.of_pool(self.pool, self.pool.parts["scored"], self.device)

    def _part(self, name: str) -> Samples:
        return reserved_part(self.pool, name, self.device)
