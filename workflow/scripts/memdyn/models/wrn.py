"""Wide residual nets (Zagoruyko & Komodakis 2016, arXiv 1605.07146)."""

import torch
from torch import Tensor, nn

from memdyn.models.layers import conv3x3, global_average, initialise, norm_layer


class PreActivationBlock(nn.Module):
    """Normalisation and ReLU before each of two 3x3 convolutions; the shortcut starts after the first ReLU
    where it needs a projection."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, norm: str):
        super().__init__()
        self.norm1 = norm_layer(norm, in_channels)
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.norm2 = norm_layer(norm, out_channels)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.projection = None
        if stride != 1 or in_channels != out_channels:
            self.projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        active = torch.relu(self.norm1(images))
        shortcut = images if self.projection is None else self.projection(active)
        return self.conv2(torch.relu(self.norm2(self.conv1(active)))) + shortcut


class WideResNet(nn.Module):
    """Stem of 16 channels and three stages of (depth - 4) / 6 blocks with 16, 32 and 64 times `width` channels."""

    def __init__(self, n_channels: int, n_classes: int, depth: int, width: int, norm: str):
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise ValueError(f"a Wide ResNet has 6 k + 4 layers (10, 16, 22, 28, ...), not {depth}")
        self.stem = conv3x3(n_channels, 16)
        blocks = []
        in_channels = 16
        for stage in range(3):
            out_channels = 16 * width * 2**stage
            for position in range((depth - 4) // 6):
                stride = 2 if stage > 0 and position == 0 else 1
                blocks.append(PreActivationBlock(in_channels, out_channels, stride, norm))
                in_channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.norm = norm_layer(norm, in_channels)
        self.classifier = nn.Linear(in_channels, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(global_average(torch.relu(self.norm(self.blocks(self.stem(images))))))


def wrn(input_shape: tuple[int, int, int], n_classes: int, *, depth: int, width: int, norm: str) -> nn.Module:
    """WRN-depth-width: 1.47 million parameters for WRN-28-2, 36.5 million for WRN-28-10 (ten classes).

    Args:
        depth: number of layers, 6 k + 4.
        width: widening factor.
        norm: batch or group.

    Raises:
        ValueError: for a depth that is not 6 k + 4.
    """
    return initialise(WideResNet(input_shape[0], n_classes, depth, width, norm))
