"""Sums of per-sample gradients, each clipped to a norm; and the nets whose samples have no gradients of their own.

The network is the recipe's own: hooks are put on its layers, and its weights keep their names.
"""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from memdyn.compute.device import seed_draws
from memdyn.compute.samples import Samples
from memdyn.mechanisms.sample_gradients import SampleGradients
from memdyn.models.layout import layout_of

_TRIED = 4  # samples of the trial pass
_ALLOWED = "allowed: nets whose samples have gradients of their own, such as those with group normalisation"


class Clipping:
    """Clips the gradients of a network's samples.

    Args:
        network: in training mode.
        norm: largest L2 norm of a sample's gradient, over all weights.
        inputs: some of which are tried.

    Raises:
        ValueError: naming the layer or what is wrong, where the samples of a batch have no gradients of their own.
    """

    def __init__(self, network: nn.Module, norm: float, inputs: Samples) -> None:
        refuse_mixing_layers(network)
        self._network, self._norm = network, norm
        self._trial = inputs.normalise(inputs.samples[:_TRIED], layout_of(network))
        try:
            self._gradients = SampleGradients(network)
        except Exception as error:
            raise _no_gradients(error) from error
        self._try()

    def backward(self, logits: Tensor, gradients: Tensor) -> Tensor:
        """Leaves the sum of the clipped gradients of the samples in the `grad` of each weight.

        Args:
            logits: [B, K] with their graph, which is used up.
            gradients: [B, K], of each sample's own loss with respect to its logits.

        Returns:
            how many gradients were clipped.
        """
        clipped = logits.new_zeros(())

        def share(norms: Tensor) -> Tensor:
            shares = (self._norm / norms).clamp(max=1.0)  # of a norm of 0: 1
            clipped.add_((shares < 1).sum())
            return shares

        sums = self._gradients.weighted(logits, gradients, share)
        for weights in self._network.parameters():
            if weights.requires_grad:
                weights.grad = sums.get(weights)
                if weights.grad is None:
                    weights.grad = torch.zeros_like(weights)
        return clipped

    def _try(self) -> None:
        """A pass forward and back, without clipping: what the samples have must sum up to the gradient of the batch.

        Raises:
            ValueError: where it does not, or where a sample has no gradient of its own.
        """
        weights = {name: each for name, each in self._network.named_parameters() if each.requires_grad}
        before = {name: buffer.clone() for name, buffer in self._network.named_buffers()}
        try:
            seed_draws(0)
            logits = self._network(self._trial)
            sums = self._gradients.weighted(logits, torch.ones_like(logits), torch.ones_like, retain_graph=True)
            whole = torch.autograd.grad(logits.sum(), list(weights.values()), allow_unused=True)
        except Exception as error:
            raise _no_gradients(error) from error
        for name, buffer in self._network.named_buffers():
            if not torch.equal(buffer, before[name]):
                raise ValueError(f"dp_sgd: {name!r} of the net learns from the members, without noise; {_ALLOWED}")
        largest = max((float(each.abs().max()) for each in whole if each is not None), default=0.0)
        for (name, each), of_batch in zip(weights.items(), whole, strict=True):
            if each not in sums or of_batch is None:
                raise ValueError(
                    f"dp_sgd: no gradient of single samples reaches {name!r} of the net; {_ALLOWED}, and weights that "
                    "are not trained with requires_grad = False"
                )
            # a bias that normalisation takes away again has a gradient of rounding errors alone
            rounding = max(1e-4 * float(of_batch.abs().max()), 1e-5 * largest)
            if not torch.allclose(sums[each], of_batch, rtol=1e-2, atol=rounding):
                raise ValueError(
                    f"dp_sgd: the gradients of single samples do not sum up to that of the batch at {name!r} of the "
                    f"net, as where weights are used past the layer that holds them; {_ALLOWED}"
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


def _no_gradients(error: Exception) -> ValueError:
    return ValueError(f"dp_sgd cannot take the gradients of single samples: {error}; {_ALLOWED}")


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
