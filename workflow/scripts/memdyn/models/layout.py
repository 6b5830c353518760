"""The memory format of a net's images and weights, and the convolutions that must not meet channels_last.

Two weight gradients of oneDNN are wrong in channels_last, and right in contiguous memory. Seen on 28 November 2026 with
torch 2.13.0 and 2.14.1 (oneDNN 3.12.0) on x86, all values compared with contiguous float64 ones, also with a page
without access behind each allocation:

Narrow: of a 1 x 1 convolution with a stride whose images have fewer channels than a register holds floats. It writes
beyond its scratch memory (a row of `channels` floats a pixel, stepped through in rows of a whole register;
uxlfoundation/oneDNN issue 6035, in its main branch too), so the process dies at once or later, hangs, or goes on with
wrong gradients, by what lies behind. float32, stride 2, 3 or 4 in one direction or both, no padding, no groups, sides
that the stride divides; 1 to 7 channels with AVX2 (images from 8 pixels a side on), 1 to 15 with AVX-512 (from 56 on);
any number of output channels, samples and threads, with and without bias. ConvTranspose2d alike, by its output
channels.

Dilated: in bfloat16 with AVX-512, of kernels of 3 and 5 with a vertical dilation of 2 or 3 and stride 1, in images of
48 pixels a side, not of 27. Grouped, depthwise, and of 20 channels; with AMX depthwise only. Gradients are infinite, or
off by their own size.

Right everywhere: other kernels of 3, 5 and 7, stride 1, padding, groups, depthwise convolutions, 16 channels and more,
dilation in float32, undilated ones in bfloat16, the pass forward, the gradient of the images.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrize import ParametrizationList
from torch.utils._python_dispatch import TorchDispatchMode

# floats in the widest register (AVX-512); the same on all machines, so that a net has one layout
SAFE_CHANNELS = 16


def layout_of(network: nn.Module) -> torch.memory_format:
    """What a net's images and weights are laid out as, by its layers alone.

    channels_last for nets that convolve, which is faster; contiguous for those that flatten images at once and would
    only have to undo it, and for those with a convolution that must not meet channels_last.
    """
    convolutions = [each for module in network.modules() for each in _convolutions(module)]
    if not convolutions or any(_is_narrow(each) or _is_dilated(each) for each in convolutions):
        return torch.contiguous_format
    return torch.channels_last


class _Convolution(NamedTuple):
    """Of images by a weight [out, in of a group, height, width]."""

    weight: torch.Size
    stride: Sequence[int]
    dilation: Sequence[int]
    groups: int


def _convolutions(module: nn.Module) -> Iterator[_Convolution]:
    """What a module itself convolves images with. A weight that is no layer's may be moved in strides."""
    if isinstance(module, _ConvNd):
        if len(module.kernel_size) == 2:
            first, second = module.out_channels, module.in_channels
            if module.transposed:
                first, second = second, first
            shape = torch.Size([first, second // module.groups, *module.kernel_size])
            yield _Convolution(shape, module.stride, module.dilation, module.groups)
    elif not isinstance(module, ParametrizationList):  # what a layer's weight is made of
        for weight in module.parameters(recurse=False):
            if weight.ndim == 4:
                yield _Convolution(weight.shape, (2, 2), (1, 1), 1)


def _is_narrow(each: _Convolution) -> bool:
    """See the module's docstring."""
    is_moved = max(each.stride) > 1 and each.groups == 1
    return is_moved and tuple(each.weight[2:]) == (1, 1) and each.weight[1] < SAFE_CHANNELS


def _is_dilated(each: _Convolution) -> bool:
    return max(each.dilation) > 1 and max(each.weight[2:]) > 1


class RefuseUnsafe(TorchDispatchMode):
    """Refuses an unsafe convolution before it runs, whatever brought it into channels_last; for a trial pass.

    A net in the layout of `layout_of` has none, unless its own code permutes images, or convolves by itself.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is torch.ops.aten.convolution.default:
            images, weight, _, stride, _, dilation, _, _, groups = args
            at_risk = weight.ndim == 4 and images.device.type == "cpu"
            if at_risk and (_is_channels_last(images) or _is_channels_last(weight)):
                _refuse(_Convolution(weight.shape, stride, dilation, groups), images.dtype)
        return func(*args, **(kwargs or {}))


def _refuse(each: _Convolution, dtype: torch.dtype) -> None:
    """Raises ValueError for an unsafe convolution in channels_last."""
    what = None
    if _is_narrow(each):
        what = f"1 x 1 convolution with a stride and {each.weight[1]} channels (fewer than {SAFE_CHANNELS})"
    elif _is_dilated(each) and dtype == torch.bfloat16:
        what = "dilated convolution in bfloat16"
    if what:
        raise ValueError(
            f"it brings a {what} into channels_last, where PyTorch's gradients are wrong on a CPU; allowed: contiguous "
            "images and weights (.contiguous() before it)"
        )


def _is_channels_last(values: Tensor) -> bool:
    """By the strides of [n, channels, height, width], as torch tells it: those of a dimension of one count too."""
    n, channels, height, width = values.stride()
    ascending = 0 < channels <= width <= height <= n
    return ascending and width >= channels * values.shape[1] and n > channels
