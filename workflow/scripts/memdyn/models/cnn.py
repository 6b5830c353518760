"""Plain convolutional nets of 2, 4 and 8 convolutions."""

from torch import nn

from memdyn.models.layers import conv_block, dense_head, halve, initialise, side_after

# convolutions of each stage; the image is halved once a stage and the channels double from stage to stage
STAGES = {2: (1, 1), 4: (2, 2), 8: (2, 2, 2, 2)}


def cnn(
    input_shape: tuple[int, int, int],
    n_classes: int,
    *,
    layers: int,
    width: int,
    strided: bool,
    hidden: int,
    norm: str,
) -> nn.Module:
    """`layers` 3x3 convolutions in stages, then the classifier.

    Args:
        width: channels of the first stage.
        strided: halve by the stride of a stage's first convolution, else by max pooling after its last.
        hidden: units of a fully connected layer before the classifier; 0: none.
        norm: none, batch or group.
    """
    channels, height, side = input_shape
    stages = STAGES[layers]
    blocks: list[nn.Module] = []
    for stage, n_convolutions in enumerate(stages):
        for position in range(n_convolutions):
            out_channels = width * 2**stage
            blocks.append(conv_block(channels, out_channels, 2 if strided and position == 0 else 1, norm))
            channels = out_channels
        if not strided:
            blocks.append(halve())
    n_features = channels * side_after(height, len(stages)) * side_after(side, len(stages))
    return initialise(nn.Sequential(*blocks, *dense_head(n_features, [hidden] if hidden else [], n_classes)))
