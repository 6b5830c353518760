"""VGG-like net for small images (after Simonyan & Zisserman 2015)."""

from torch import nn

from memdyn.models.layers import conv_block, dense_head, halve, initialise, side_after

# channels of each stage's convolutions, in units of the width; pooling after each stage
STAGES = ((1,), (2,), (4, 4), (8, 8), (8, 8))


def vgg(input_shape: tuple[int, int, int], n_classes: int, *, width: int, hidden: list[int], norm: str) -> nn.Module:
    """With width 64: 64 P 128 P 256 256 P 512 512 P 512 512 P, fully connected layers, classifier.

    Args:
        width: channels of the first convolution.
        hidden: units of the fully connected layers.
        norm: none, batch or group.
    """
    channels, height, side = input_shape
    blocks: list[nn.Module] = []
    for stage in STAGES:
        for factor in stage:
            blocks.append(conv_block(channels, factor * width, 1, norm))
            channels = factor * width
        blocks.append(halve())
    n_features = channels * side_after(height, len(STAGES)) * side_after(side, len(STAGES))
    return initialise(nn.Sequential(*blocks, *dense_head(n_features, hidden, n_classes)))
