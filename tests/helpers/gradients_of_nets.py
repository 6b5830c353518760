"""Run as a program by test_layout: gradients of nets in the layout that they get, against contiguous float64.

A line a net, printed before its turn (a crash is that of the last one) and after it (the largest error, of the largest
gradient).
"""

import copy
import sys
from collections.abc import Callable, Iterator

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn
from torch.nn import functional as F

from memdyn.config.models import ModelConfig
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of

SAMPLES, CLASSES, SIDE = 4, 3, 64  # AVX-512 needs 56 pixels a side before it cuts an image into pieces
PASSES = 2  # what lies behind the scratch memory differs from pass to pass


def shipped() -> Iterator[dict]:
    """Every net that convolves, at small widths."""
    yield from ({"name": "resnet18", "width": width} for width in range(1, 9))
    yield {"name": "resnet18", "width": 3, "norm": "group"}
    yield from ({"name": "cnn", "layers": 8, "width": width, "strided": width % 2 == 1} for width in (1, 2, 5, 8))
    yield {"name": "cnn", "layers": 4, "width": 3, "norm": "batch"}
    yield from ({"name": "vgg", "width": width, "hidden": [8]} for width in (1, 3, 4))
    yield from ({"name": "wrn", "depth": 10, "width": width} for width in (1, 2))


class Functional(nn.Module):
    """A convolution of a weight that is no layer's."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return F.conv2d(images, self.weight, stride=2)


def own() -> Iterator[tuple[str, nn.Module]]:
    """Nets of all kinds of convolutions, some narrow and strided and 1 x 1, some not."""
    for n_in in (2, 4, 7, 12, 15):
        for stride in (2, (1, 2), 4):
            yield f"1 x 1, {n_in} channels, stride {stride}", nn.Conv2d(n_in, 8, 1, stride)
    yield "1 x 1, 16 channels", nn.Conv2d(16, 8, 1, 2)
    yield "1 x 1 transposed", nn.ConvTranspose2d(8, 4, 1, 2, output_padding=1)
    yield "functional", Functional(5, 8)
    yield "weight norm", nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 8, 1, 2))
    for kernel in (2, 3, 5):
        yield f"kernel {kernel}", nn.Conv2d(4, 8, kernel, 2)
    yield "depthwise", nn.Conv2d(8, 8, 1, 2, groups=8)
    yield "grouped", nn.Conv2d(8, 16, 1, 2, groups=2)
    yield "dilated", nn.Conv2d(4, 8, 3, 2, dilation=2)
    yield "dilated, depthwise", nn.Conv2d(8, 8, 3, dilation=2, groups=8)
    yield "dilated, 20 channels", nn.Conv2d(20, 16, 3, dilation=(2, 1))
    yield "padded", nn.Conv2d(4, 8, 1, 2, padding=1)


def around(layer: nn.Module) -> nn.Module:
    """A net of a layer, behind one that brings the channels and before a classifier."""
    weight = next(weight for weight in layer.parameters() if weight.ndim == 4)
    n_in = layer.in_channels if hasattr(layer, "in_channels") else weight.shape[1]
    n_out = layer.out_channels if hasattr(layer, "out_channels") else weight.shape[0]
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n_out, CLASSES))
    return nn.Sequential(nn.Conv2d(1, n_in, 3, padding=1), nn.ReLU(), layer, head)


def smooth(network: nn.Module) -> nn.Module:
    """The net without kinks, at which rounding may decide a gradient: of a ReLU near 0, of two equal maxima."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.SiLU())
            elif isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, ceil_mode=child.ceil_mode))
    return network


def gradients(network: nn.Module, images: Tensor, labels: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(F.cross_entropy(network(images), labels), list(network.parameters())))


def error(network: nn.Module, images: Tensor, labels: Tensor, precision: torch.dtype) -> float:
    """Largest difference from float64, of the largest gradient."""
    right = gradients(copy.deepcopy(network).double(), images.double(), labels)
    layout = layout_of(network)
    network, images = network.to(memory_format=layout), images.contiguous(memory_format=layout)
    worst = 0.0
    for _ in range(PASSES):
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            found = gradients(network, images, labels)
        worst = max(worst, *((a - b).abs().max().item() for a, b in zip(found, right, strict=True)))
    return worst / max(gradient.abs().max().item() for gradient in right)


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(0)
    torch.relu = F.silu
    images, labels = torch.randn(SAMPLES, 1, SIDE, SIDE), torch.arange(SAMPLES) % CLASSES
    build: dict[str, Callable[[], nn.Module]] = {}
    for net in shipped():
        options = TypeAdapter(ModelConfig).validate_python(net).model_dump()
        build[str(net)] = lambda options=options: build_model(options, (1, SIDE, SIDE), CLASSES)
    build |= {name: lambda layer=layer: around(layer) for name, layer in own()}
    for name, make in build.items():
        for precision in (torch.float32, torch.bfloat16):
            if precision == torch.float32 or not name.startswith("{"):  # rounding adds up from layer to layer
                print(f"{precision}, {name}", end=": ", flush=True)
                print(error(smooth(make()), images, labels, precision), flush=True)


if __name__ == "__main__":
    main()
