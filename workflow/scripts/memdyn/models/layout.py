"""The memory format of a net's images and weights, and the convolutions that must not meet channels_last.

oneDNN's weight gradient of a 1 x 1 convolution with a stride writes beyond its scratch memory where the images are in
channels_last and have fewer channels than a register holds floats: the process dies at once or later, hangs, or goes on
with wrong gradients, by what lies behind that memory. (It keeps a row of `channels` floats a pixel, and steps through
them in rows of a whole register; uxlfoundation/oneDNN issue 6035, in 3.12.0 and still in its main branch.)

Seen with torch 2.13.0 and 2.14.1 (oneDNN 3.12.0) on x86, 28 November 2026, with a page without access behind each
allocation and all values compared with contiguous float64 ones: float32, kernel 1 x 1, stride 2, 3 or 4 in one
direction or both, no padding, no groups, sides that the stride divides, 1 to 7 input channels with AVX2 and 1 to 15 with AVX-512
(from 56 pixels a side on with AVX-512, from 8 on with AVX2: smaller images go through at once); any number of output
channels, samples and threads, with and without bias. ConvTranspose2d alike, by its output channels. Right everywhere:
kernels of 3, 5 and 7, stride 1, padding, groups, depthwise convolutions, dilation, 16 channels and more, bfloat16, the
pass forward, the gradient of the images, and all in contiguous memory.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

# floats in the widest register (AVX-512); the same on all machines, so that a net has one layout
SAFE_CHANNELS = 16


def layout_of(network: nn.Module) -> torch.memory_format:
    """What a net's images and weights are laid out as, by its weights alone.

    channels_last for nets that convolve, which is faster; contiguous for those that flatten images at once and would
    only have to undo it, and for those with a weight that must not meet channels_last.
    """
    kernels = list(_kernels(network))
    if not kernels or any(_is_unsafe(*kernel) for kernel in kernels):
        return torch.contiguous_format
    return torch.channels_last


def _kernels(network: nn.Module) -> Iterator[tuple[torch.Size, bool]]:
    """(shape, whether it may be moved in strides) of each weight that convolves images."""
    for module in network.modules():
        strided = not isinstance(module, nn.Conv2d) or (max(module.stride) > 1 and module.groups == 1)
        # a weight that is no layer's own may be used in any way
        yield from ((weight.shape, strided) for weight in module.parameters(recurse=False) if weight.ndim == 4)


def _is_unsafe(shape: torch.Size, strided: bool) -> bool:
    """Whether a weight [out, in, height, width] of one group is one of those that the module's docstring tells of."""
    return strided and tuple(shape[2:]) == (1, 1) and shape[1] < SAFE_CHANNELS


class RefuseUnsafe(TorchDispatchMode):
    """Refuses an unsafe convolution before it runs, whatever brought it into channels_last; for a trial pass.

    A net in the layout of `layout_of` has none, unless its own code permutes images or makes weights as it goes.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is torch.ops.aten.convolution.default:
            images, weight, _, stride, *_, groups = args
            risky = weight.ndim == 4 and _is_unsafe(weight.shape, max(stride) > 1 and groups == 1)
            if risky and images.device.type == "cpu" and (_is_channels_last(images) or _is_channels_last(weight)):
                raise ValueError(
                    f"it brings a 1 x 1 convolution with a stride and {weight.shape[1]} channels into channels_last, "
                    f"where PyTorch writes beyond its memory (fewer than {SAFE_CHANNELS} channels, on a CPU); allowed: "
                    "contiguous images and weights (.contiguous() before it)"
                )
        return func(*args, **(kwargs or {}))


def _is_channels_last(values: Tensor) -> bool:
    """By the strides of [n, channels, height, width], as torch tells it: those of a dimension of one count too."""
    n, channels, height, width = values.stride()
    ascending = 0 < channels <= width <= height <= n
    return ascending and width >= channels * values.shape[1] and n > channels
