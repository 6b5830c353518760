"""GraNd: how far one sample by itself would move the network."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from memdyn.training.inputs import Inputs, layout_of

# values of gradients in memory at once: on a CPU larger chunks were no faster; a GPU wants many samples side by side
_VALUES = {"cpu": 2**23, "cuda": 2**27}


def grand(network: nn.Module, inputs: Inputs, members: Tensor, batch: int) -> Tensor:
    """||grad_theta loss||_2 of each sample (Paul et al. 2021, definition 2.1, of one network).

    Over all trained parameters, of the cross-entropy without weight decay, in eval mode: with dropout off, and with
    the running statistics of a BatchNorm, whose batches would mix the samples. `members` do not matter.

    Returns:
        float32 [samples].

    Raises:
        ValueError: for a network whose gradients cannot be taken sample by sample, with the reason.
    """
    network.eval()
    norms, layout = _norms(network), layout_of(network)
    n_values = sum(parameter.numel() for parameter in network.parameters())
    size = max(1, min(batch, _VALUES[inputs.samples.device.type] // n_values))
    found = []
    for samples, labels in zip(inputs.samples.split(size), inputs.labels.split(size), strict=True):
        values = inputs.normalise(samples, layout)
        if not found:
            _try(network, norms, values[:1], labels[:1])
        found.append(norms(values, labels))
    return torch.cat(found).float()


def _norms(network: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """(network inputs [b, ...], labels [b]) -> gradient norms [b]."""
    parameters = {name: value.detach() for name, value in network.named_parameters() if value.requires_grad}
    fixed = {name: value.detach() for name, value in network.named_parameters() if not value.requires_grad}
    state = fixed | dict(network.named_buffers())

    def loss(weights: dict[str, Tensor], sample: Tensor, label: Tensor) -> Tensor:
        return _loss(functional_call(network, weights | state, (sample.unsqueeze(0),)).squeeze(0), label)

    gradients = vmap(grad(loss), in_dims=(None, 0, 0))

    def norms(samples: Tensor, labels: Tensor) -> Tensor:
        squares = [part.flatten(1).square().sum(1) for part in gradients(parameters, samples, labels).values()]
        return torch.stack(squares).sum(0).sqrt()

    return norms


def _loss(logits: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy as softplus(-margin): by log_softmax the gradient of a confident sample would vanish in float32."""
    true = torch.arange(len(logits), device=logits.device) == label
    others = torch.where(true, -torch.inf, logits).logsumexp(0)
    return F.softplus(others - torch.where(true, logits, 0.0).sum())


def _try(network: nn.Module, norms: Callable[[Tensor, Tensor], Tensor], sample: Tensor, label: Tensor) -> None:
    """One sample first, so that a network that does not fit is told from a lack of memory."""
    name = type(network).__name__
    if any(isinstance(layer, _BatchNorm) and layer.running_mean is None for layer in network.modules()):
        raise ValueError(
            f"GraNd of {name}: a BatchNorm without running statistics has no gradient of a single sample; "
            "allowed: BatchNorm with track_running_stats, GroupNorm, or difficulty.measures without grand"
        )
    try:
        norms(sample, label)
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"GraNd of {name}: torch.func cannot take its gradients sample by sample ({error}); "
            "leave grand out of difficulty.measures"
        ) from error
