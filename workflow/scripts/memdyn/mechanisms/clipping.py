"""Sums of per-sample gradients, each clipped, by Opacus: ghost clipping (Li et al. 2022, arXiv 2110.05679).

A first pass back gives the norm of each sample's gradient and keeps none of them (fully connected layers: from inputs
and output gradients alone, Goodfellow 2015; other layers: their per-sample gradients, one layer at a time); a second
one the gradient of the losses, weighted so that each sample's is clipped. A layer that is used twice has no such
shortcut; its net's norms are taken from per-sample gradients, layer by layer.

The network is the recipe's own: hooks are put on it, and its weights keep their names.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from opacus.grad_sample import GradSampleHooksFastGradientClipping
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from memdyn.compute.device import seed_draws
from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of

# of the first layer, whose output's gradient is all that is read
warnings.filterwarnings("ignore", message="Full backward hook is firing when gradients are computed with respect")

_TRIED = 4  # samples of the trial pass
_ALLOWED = "allowed: nets whose samples have gradients of their own, such as those with group normalisation"


class _Norms(GradSampleHooksFastGradientClipping):
    """Opacus's hooks, which take the norms of a convolution as if its images lay contiguously, and else wrongly."""

    def rearrange_grad_samples(self, **given: Any) -> tuple[list[Tensor], Tensor]:
        activations, gradients = super().rearrange_grad_samples(**given)
        return [_laid_out(each) for each in activations], _laid_out(gradients)


def _laid_out(values: Tensor) -> Tensor:
    """Contiguous by its strides too: images of one pixel or channel may lie in either way, and are padded as in one."""
    return values.contiguous().view(-1).view(values.shape)


class Clipping:
    """Clips the gradients of a network's samples.

    Args:
        network: in training mode; its in-place activations are made ordinary ones, which compute the same, since hooks
            cannot stand before them.
        norm: largest L2 norm of a sample's gradient, over all weights.
        inputs: some of which are tried.

    Raises:
        ValueError: naming the layer or what is wrong, where the samples of a batch have no gradients of their own.
    """

    def __init__(self, network: nn.Module, norm: float, inputs: Samples) -> None:
        refuse_mixing_layers(network)
        for module in network.modules():
            if getattr(module, "inplace", False):
                module.inplace = False
        self._network, self._norm = network, norm
        self._trial = inputs.normalise(inputs.samples[:_TRIED], layout_of(network))
        # the smallest weight of each layer: a pass back to these passes all layers, and makes few gradients
        layers = [
            [each for each in module.parameters(recurse=False) if each.requires_grad] for module in network.modules()
        ]
        self._reaching = [min(weights, key=torch.numel) for weights in layers if weights]
        self._norms = self._hooks(ghost=True)
        try:
            self._try()
        except NotImplementedError:  # Opacus: a layer of the ghost's is used twice
            self._norms.cleanup()
            for module in network.modules():
                vars(module).pop("activations", None)
            self._norms = self._hooks(ghost=False)
            self._try()
            warnings.warn(
                "dp_sgd: a layer of the net is used twice, so that ghost clipping does not serve it; gradients are "
                "clipped layer by layer, to the same result",
                stacklevel=2,
            )
        network.zero_grad(set_to_none=True)

    def backward(self, logits: Tensor, gradients: Tensor, weights: Sequence[nn.Parameter]) -> Tensor:
        """Leaves the sum of the clipped gradients of the samples in the `grad` of each weight.

        Args:
            logits: [B, K] with their graph, which is used up.
            gradients: [B, K], of each sample's own loss with respect to its logits.
            weights: all that need gradients.

        Returns:
            how many gradients were clipped.
        """
        logits.backward(gradients, retain_graph=True, inputs=self._reaching)  # the hooks see it
        share = self._norms.get_clipping_coef()
        for each in weights:
            each.grad = None
        self._norms.disable_hooks()
        logits.backward(share.unsqueeze(1) * gradients)
        self._norms.enable_hooks()
        return (share < 1).sum()

    def _hooks(self, ghost: bool) -> _Norms:
        return _Norms(
            self._network, loss_reduction="sum", max_grad_norm=self._norm, use_ghost_clipping=ghost, strict=False
        )

    def _try(self) -> None:
        """A pass forward and back.

        Raises:
            NotImplementedError: where ghost clipping cannot serve the net.
            ValueError: for what no clipping can.
        """
        before = {name: buffer.clone() for name, buffer in self._network.named_buffers()}
        try:
            seed_draws(0)
            logits = self._network(self._trial)
            logits.sum().backward(inputs=self._reaching)
        except NotImplementedError:
            raise
        except Exception as error:
            raise ValueError(f"dp_sgd cannot take the gradients of single samples: {error}; {_ALLOWED}") from error
        for name, buffer in self._network.named_buffers():
            if not torch.equal(buffer, before[name]):
                raise ValueError(f"dp_sgd: {name!r} of the net learns from the members, without noise; {_ALLOWED}")
        for name, weights in self._network.named_parameters():
            if weights.requires_grad and getattr(weights, "_norm_sample", torch.empty(0)).shape != (len(logits),):
                raise ValueError(
                    f"dp_sgd: no gradient of single samples reaches {name!r} of the net; {_ALLOWED}, and weights that "
                    "are not trained with requires_grad = False"
                )
        self._refuse_mixing(logits.detach())

    @torch.no_grad()
    def _refuse_mixing(self, logits: Tensor) -> None:
        """Whether the first sample's output, in training, is its own, whoever else is in the batch."""
        seed_draws(0)  # dropout draws the same
        others = torch.cat([self._trial[:1], self._trial[1:].flip(0) * 0.5])
        again = self._network(others.contiguous(memory_format=layout_of(self._network)) if others.ndim == 4 else others)
        if not torch.allclose(again[0], logits[0], rtol=1e-3, atol=1e-5 * float(logits.abs().max())):
            raise ValueError(f"dp_sgd: in training, the net's output for a sample depends on others; {_ALLOWED}")


def refuse_mixing_layers(network: nn.Module) -> None:
    """Refuses layers that take means over a batch, or keep running ones.

    Raises:
        ValueError: naming the first of them.
    """
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) or (isinstance(module, _NormBase) and module.track_running_stats):
            raise ValueError(
                f"dp_sgd: the net has {type(module).__name__} ({name or 'itself'}), which mixes the samples of a batch "
                "or keeps their means; allowed: group normalisation (model.norm = group, or mechanisms.dp_sgd.norm = "
                "group, where the model has the key), or a net without such layers"
            )
