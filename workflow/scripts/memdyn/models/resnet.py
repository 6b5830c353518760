"""ResNet-18 with the CIFAR stem (He et al. 2016, arXiv 1512.03385)."""

import torch
from torch import Tensor, nn

from memdyn.models.layers import conv3x3, conv_block, global_average, initialise, norm_layer


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, ReLU after the sum."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, norm: str):
        super().__init__()
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.norm1 = norm_layer(norm, out_channels)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.norm2 = norm_layer(norm, out_channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, norm_layer(norm, out_channels))

    def forward(self, images: Tensor) -> Tensor:
        inner = torch.relu(self.norm1(self.conv1(images)))
        return torch.relu(self.norm2(self.conv2(inner)) + self.shortcut(images))


class ResNet18(nn.Module):
    """Stem and four stages of two blocks; channels double and the image halves from stage to stage."""

    def __init__(self, n_channels: int, n_classes: int, width: int, norm: str):
        super().__init__()
        self.stem = conv_block(n_channels, width, 1, norm)
        blocks = []
        in_channels = width
        for stage in range(4):
            out_channels = width * 2**stage
            blocks.append(BasicBlock(in_channels, out_channels, 1 if stage == 0 else 2, norm))
            blocks.append(BasicBlock(out_channels, out_channels, 1, norm))
            in_channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(in_channels, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(global_average(self.blocks(self.stem(images))))


def resnet18(input_shape: tuple[int, int, int], n_classes: int, *, width: int, norm: str) -> nn.Module:
    """ResNet-18 for small images; 11.17 million parameters at width 64 and ten classes.

    Args:
        width: channels of the first stage.
        norm: batch or group.
    """
    return initialise(ResNet18(input_shape[0], n_classes, width, norm))
