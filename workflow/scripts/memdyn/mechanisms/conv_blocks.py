"""Where a net's blocks of convolutions end: found by its structure, so for any net, and nothing is renamed."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

# what belongs to the convolution before it
FOLLOWING = {f"torch.nn.modules.{module}" for module in ("activation", "batchnorm", "instancenorm", "normalization")}


def conv_blocks(network: nn.Module, inputs: Tensor) -> list[nn.Module]:
    """The modules whose outputs are the feature maps of a block of convolutions.

    That is, of nets in sequence the last of convolution, normalisation and activation; of residual nets each block, a
    module of its own that returns feature maps; and elsewhere a convolution by itself.

    Args:
        inputs: some samples [n, ...] as the network takes them.
    """
    maps = _with_maps(network, inputs)
    return list(dict.fromkeys(_ends(network, maps)))


def _with_maps(network: nn.Module, inputs: Tensor) -> set[nn.Module]:
    """The modules that return feature maps [n, C, H, W]."""
    found = set()

    def note(module: nn.Module, _: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            found.add(module)

    handles = [module.register_forward_hook(note) for module in network.modules()]
    was_training = network.training
    with torch.no_grad():
        network.eval()(inputs)
    network.train(was_training)
    for handle in handles:
        handle.remove()
    return found


def _ends(module: nn.Module, maps: set[nn.Module]) -> Iterator[nn.Module]:
    if isinstance(module, nn.Conv2d) or (module in maps and _is_block(module)):
        yield module
        return
    # a layer that stands twice in a sequence counts twice
    layers = list(module if isinstance(module, nn.Sequential) else module.children())
    for place, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d) and isinstance(module, nn.Sequential):
            yield _last_of_block(layers[place:])
        else:
            yield from _ends(layer, maps)


def _last_of_block(layers: list[nn.Module]) -> nn.Module:
    """The convolution that comes first, or the last normalisation or activation right after it."""
    last = layers[0]
    for layer in layers[1:]:
        if type(layer).__module__ not in FOLLOWING:
            break
        last = layer
    return last


def _is_block(module: nn.Module) -> bool:
    """Whether it has convolutions, and no smaller module of its kind has."""
    return _convolves(module) and not any(_convolves(inner) for inner in module.modules() if inner is not module)


def _convolves(module: nn.Module) -> bool:
    is_plain = isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict | nn.Conv2d)
    return not is_plain and any(isinstance(inner, nn.Conv2d) for inner in module.modules())
