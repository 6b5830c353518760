"""GraNd: how far one sample by itself would move the network."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of

Norms = Callable[[Tensor, Tensor], Tensor]

# values of gradients in memory at once: on a CPU larger chunks were no faster; a GPU wants many samples side by side
_VALUES = {"cpu": 2**23, "cuda": 2**27}
_TOLERANCE = 1e-3  # between two ways to the same norm: rounding, far below what a missing term would make


def grand(network: nn.Module, samples: Samples, members: Tensor, batch: int) -> dict[str, Tensor]:
    """||grad_theta loss||_2 of each sample (Paul et al. 2021, definition 2.1, of one network).

    Over all trained parameters, of the cross-entropy without weight decay, in eval mode: with dropout off, and with
    the running statistics of a BatchNorm, whose batches would mix the samples. `members` do not matter.

    Returns:
        grand: float32 [n].

    Raises:
        ValueError: for a network whose gradients cannot be taken sample by sample, with the reason.
    """
    network.eval()
    layout = layout_of(network)
    first = samples.normalise(samples.samples[:1], layout), samples.labels[:1]
    layers = _checked_layers(network, *first)
    norms = _norms(network, layers)
    apart = sum(layer.weight.numel() for layer in layers.values())
    n_values = sum(parameter.numel() for parameter in network.parameters()) - apart
    size = max(1, min(batch, _VALUES[samples.samples.device.type] // n_values if n_values else batch))
    chunks = zip(samples.samples.split(size), samples.labels.split(size), strict=True)
    found = [norms(samples.normalise(values, layout), labels) for values, labels in chunks]
    return {"grand": torch.cat(found).float()}


def _norms(network: nn.Module, layers: dict[str, nn.Linear]) -> Norms:
    """(network inputs [b, ...], labels [b]) -> gradient norms [b].

    A fully connected layer has the outer product of its input and of its output's gradient as gradient, and the product
    of their norms as its norm: that of `layers` is never made, which is most of the work for small nets.
    """
    own = {f"{name}.{kind}".lstrip(".") for name in layers for kind in ("weight", "bias")}
    parameters = {name: value.detach() for name, value in network.named_parameters() if name not in own}
    trained = {name for name, value in network.named_parameters() if value.requires_grad}
    weights = {name: value for name, value in parameters.items() if name in trained}
    state = {name: value.detach() for name, value in network.named_parameters() if name not in weights}
    state |= dict(network.named_buffers())
    zeros = {name: layer.weight.new_zeros(1, layer.out_features) for name, layer in layers.items()}

    def loss(weights: dict, shifts: dict, sample: Tensor, label: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        with _shifted(layers, shifts) as seen:
            logits = functional_call(network, weights | state, (sample.unsqueeze(0),)).squeeze(0)
        return _loss(logits, label), {name: values[0] for name, values in seen.items()}

    gradients = vmap(grad(loss, argnums=(0, 1), has_aux=True), in_dims=(None, None, 0, 0))

    def norms(samples: Tensor, labels: Tensor) -> Tensor:
        (direct, outputs), layer_inputs = gradients(weights, zeros, samples, labels)
        squares = [_squares(part) for part in direct.values()]
        for name, layer in layers.items():
            of_bias = layer.bias is not None and layer.bias.requires_grad
            squares.append(_squares(outputs[name]) * (_squares(layer_inputs[name]) + float(of_bias)))
        return torch.stack(squares).sum(0).sqrt()

    return norms


def _squares(values: Tensor) -> Tensor:
    """[b, ...] -> [b]."""
    return values.flatten(1).square().sum(1)


@contextmanager
def _shifted(layers: dict[str, nn.Linear], shifts: dict[str, Tensor]) -> Iterator[dict[str, list[Tensor]]]:
    """Adds a shift (zero, whose gradient is that of the output) to what each layer returns; yields their inputs."""
    seen: dict[str, list[Tensor]] = defaultdict(list)

    def hook(name: str) -> Callable[..., Tensor]:
        def shift(_: nn.Module, given: tuple[Tensor], output: Tensor) -> Tensor:
            seen[name].append(given[0])
            return output + shifts[name] if name in shifts else output

        return shift

    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _loss(logits: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy as softplus(-margin): by log_softmax the gradient of a confident sample would vanish in float32."""
    true = torch.arange(len(logits), device=logits.device) == label
    others = torch.where(true, -torch.inf, logits).logsumexp(0)
    return F.softplus(others - torch.where(true, logits, 0.0).sum())


def _checked_layers(network: nn.Module, sample: Tensor, label: Tensor) -> dict[str, nn.Linear]:
    """The layers for `_norms`, tried on one sample: so a network that does not fit is told from a lack of memory."""
    name = type(network).__name__
    if any(isinstance(layer, _BatchNorm) and layer.running_mean is None for layer in network.modules()):
        raise ValueError(
            f"GraNd of {name}: a BatchNorm without running statistics has no gradient of a single sample; "
            "allowed: BatchNorm with track_running_stats, GroupNorm, or difficulty.measures without grand"
        )
    try:
        layers = _plain_layers(network, sample)
        known = _norms(network, {})(sample, label)
        fast = _norms(network, layers)(sample, label)
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"GraNd of {name}: torch.func cannot take its gradients sample by sample ({error}); "
            "leave grand out of difficulty.measures"
        ) from error
    # they differ where a net uses a layer's weights in other places too
    return layers if torch.allclose(fast, known, rtol=_TOLERANCE, atol=0) else {}


def _plain_layers(network: nn.Module, sample: Tensor) -> dict[str, nn.Linear]:
    """Fully connected layers with trained weights of their own, which see one vector a sample."""
    uses = Counter(id(parameter) for _, parameter in network.named_parameters(remove_duplicate=False))
    layers = {
        name: layer
        for name, layer in network.named_modules()
        if type(layer) is nn.Linear
        and layer.weight.requires_grad
        and all(uses[id(parameter)] == 1 for parameter in layer.parameters())
    }
    with torch.no_grad(), _shifted(layers, {}) as seen:
        network(sample)
    return {name: layer for name, layer in layers.items() if [values.ndim for values in seen[name]] == [2]}
