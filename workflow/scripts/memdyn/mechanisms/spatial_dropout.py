"""Spatial dropout (Tompson et al. 2015, arXiv 1411.4280): feature maps are dropped after blocks of convolutions."""

from typing import Any

import torch
from torch import Tensor, nn

from memdyn.mechanisms.base import Batch, Mechanism
from memdyn.mechanisms.conv_blocks import conv_blocks
from memdyn.models.layout import layout_of


def kept(shape: torch.Size, p: float, draw: torch.Generator) -> Tensor:
    """What feature maps [B, C, H, W] are multiplied with: [B, C, 1, 1] of 0 with chance p, else 1 / (1 - p)."""
    return (torch.rand(*shape[:2], 1, 1, generator=draw) >= p).float() / (1 - p)


class SpatialDropout(Mechanism):
    """Hooks on the net's modules, which keep their names; a step has one set of masks, however often it is passed.

    Attributes:
        p: chance of each feature map of each sample.
    """

    def __init__(self, p: float) -> None:
        self.p = p
        self._seed, self._draw = 0, torch.Generator()

    def network(self, network: nn.Module) -> nn.Module:
        samples = self.given.inputs
        blocks = conv_blocks(network, samples.normalise(samples.samples[:1], layout_of(network)))
        if not blocks:
            raise ValueError("mechanism 'spatial_dropout' needs a net with convolutions (torch.nn.Conv2d)")
        network.register_forward_pre_hook(self._start_again)
        for block in blocks:
            block.register_forward_hook(self._drop)
        return network

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        self._seed = int(torch.randint(2**62, (), generator=draw))
        return batch

    def _start_again(self, *_: Any) -> None:
        self._draw.manual_seed(self._seed)

    def _drop(self, block: nn.Module, _: Any, maps: Tensor) -> Tensor | None:
        if not block.training or maps.ndim != 4:
            return None
        return maps * kept(maps.shape, self.p, self._draw).to(maps.device, maps.dtype)
