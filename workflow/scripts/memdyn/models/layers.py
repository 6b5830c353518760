"""Building blocks that the convolutional nets share."""

import math

from torch import Tensor, nn

GROUPS = 16  # of GroupNorm, as De et al. 2022 (arXiv 2204.13650); fewer where the channels do not divide


def conv3x3(in_channels: int, out_channels: int, stride: int = 1, *, bias: bool = False) -> nn.Conv2d:
    """A 3x3 convolution that keeps the image's size, or halves it (rounding up) at stride 2."""
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=bias)


def norm_layer(norm: str, channels: int) -> nn.Module:
    """`none`, `batch` or `group` normalisation of [B, channels, H, W].

    Raises:
        ValueError: for any other name.
    """
    if norm == "none":
        return nn.Identity()
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "group":
        return nn.GroupNorm(math.gcd(channels, GROUPS), channels)
    raise ValueError(f"norm must be none, batch or group, not {norm!r}")


def conv_block(in_channels: int, out_channels: int, stride: int, norm: str) -> nn.Sequential:
    """3x3 convolution, normalisation, ReLU; with a bias only where no normalisation brings one."""
    layers = [
        conv3x3(in_channels, out_channels, stride, bias=norm == "none"),
        norm_layer(norm, out_channels),
        nn.ReLU(inplace=True),
    ]
    return nn.Sequential(*(layer for layer in layers if not isinstance(layer, nn.Identity)))


def halve() -> nn.MaxPool2d:
    """2x2 max pooling that rounds up, so that 28 pixels pass any number of them (28, 14, 7, 4, 2, 1).

    Windows do not overlap: the backward pass adds nothing twice and is deterministic also on CUDA.
    """
    return nn.MaxPool2d(2, ceil_mode=True)


def side_after(side: int, halvings: int) -> int:
    """Pixels a side after so many halvings that round up."""
    return -(-side // 2**halvings)


class Flatten(nn.Module):
    """[B, C, H, W] -> [B, H * W * C], channels fastest, as they lie in channels_last memory.

    So it is a view there, forwards and backwards. nn.Flatten would copy, and its contiguous gradients would meet
    channels_last activations in every layer below: a fifth of the time of a small net.
    """

    def forward(self, images: Tensor) -> Tensor:
        return images.movedim(1, -1).flatten(1)


def dense_head(n_features: int, hidden: list[int], n_classes: int) -> nn.Sequential:
    """Flatten, fully connected layers with ReLU, classifier."""
    layers: list[nn.Module] = [Flatten()]
    for n_units in hidden:
        layers += [nn.Linear(n_features, n_units), nn.ReLU(inplace=True)]
        n_features = n_units
    return nn.Sequential(*layers, nn.Linear(n_features, n_classes))


def global_average(images: Tensor) -> Tensor:
    """[B, C, H, W] -> [B, C]. Not AdaptiveAvgPool2d, whose backward pass has no deterministic CUDA kernel."""
    return images.mean(dim=(2, 3))


def initialise(model: nn.Module) -> nn.Module:
    """Draw weights for ReLU nets: variance 2 / fan-in, but 1 / fan-in for the last layer; biases 0 (He et al. 2015).

    Without it deep nets without normalisation do not start to learn: torch's default shrinks the signal by a
    factor of about .4 in every layer.
    """
    weights = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    for layer in weights:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="linear" if layer is weights[-1] else "relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return model
