"""torchvision's classification nets, untrained, for images of any size and one or three channels."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torchvision import models


class TorchvisionNet(nn.Module):
    """Resizes where asked and repeats grey images to three channels before the net."""

    def __init__(self, net: nn.Module, image_size: int):
        super().__init__()
        self.net = net
        self.image_size = image_size

    def forward(self, images: Tensor) -> Tensor:
        if self.image_size:
            images = functional.interpolate(images, size=(self.image_size,) * 2, mode="bilinear")
        return self.net(images.expand(-1, 3, -1, -1))


def torchvision(input_shape: tuple[int, int, int], n_classes: int, *, arch: str, image_size: int) -> nn.Module:
    """The net `arch` of torchvision with random weights.

    Most of them are made for 224 x 224 pixels: small images lose their size in the first layers, or do not pass at
    all; `image_size` resizes them first (0: no resizing). Vision transformers are built for the resulting size.

    Raises:
        ValueError: for images with other than 1 or 3 channels, or that are too small for the net.
    """
    channels, height, width = input_shape
    if channels not in (1, 3):
        raise ValueError(f"torchvision's nets take 1 or 3 channels, not {channels}")
    side = image_size or height
    if arch.startswith(("vit_", "maxvit_")) and not image_size and height != width:
        raise ValueError(f"{arch} needs square images, not {height} x {width}: set image_size")
    try:
        net = bare_net(arch, n_classes, side)
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ValueError(f"{arch} cannot be built for {side} pixels a side: {error}; set image_size") from error
    return TorchvisionNet(net, image_size)


def bare_net(arch: str, n_classes: int, side: int) -> nn.Module:
    """The bare net; some need their input's size, some have auxiliary outputs that we leave out."""
    extra: dict[str, Any] = {}
    if arch.startswith("vit_"):
        extra = {"image_size": side}
    elif arch.startswith("maxvit_"):
        extra = {"input_size": (side, side)}
    elif arch in ("googlenet", "inception_v3"):
        extra = {"aux_logits": False, "init_weights": True}
    return models.get_model(arch, weights=None, num_classes=n_classes, **extra)
