"""The architectures of the config: one class a name, the fields are the keyword arguments of its builder.

`memdyn.models.REGISTRY` holds the builders under the same names.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from memdyn.config.base import Strict
from memdyn.config.paths import Target

Width = Annotated[int, Field(ge=1, le=65536)]

# torchvision.models.list_models(module=torchvision.models), kept here because the config is torch-free
TORCHVISION_ARCHITECTURES = tuple(
    """
    alexnet convnext_base convnext_large convnext_small convnext_tiny densenet121 densenet161 densenet169 densenet201
    efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4 efficientnet_b5 efficientnet_b6
    efficientnet_b7 efficientnet_v2_l efficientnet_v2_m efficientnet_v2_s googlenet inception_v3 maxvit_t mnasnet0_5
    mnasnet0_75 mnasnet1_0 mnasnet1_3 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_16gf regnet_x_1_6gf
    regnet_x_32gf regnet_x_3_2gf regnet_x_400mf regnet_x_800mf regnet_x_8gf regnet_y_128gf regnet_y_16gf regnet_y_1_6gf
    regnet_y_32gf regnet_y_3_2gf regnet_y_400mf regnet_y_800mf regnet_y_8gf resnet101 resnet152 resnet18 resnet34
    resnet50 resnext101_32x8d resnext101_64x4d resnext50_32x4d shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5
    shufflenet_v2_x2_0 squeezenet1_0 squeezenet1_1 swin_b swin_s swin_t swin_v2_b swin_v2_s swin_v2_t vgg11 vgg11_bn
    vgg13 vgg13_bn vgg16 vgg16_bn vgg19 vgg19_bn vit_b_16 vit_b_32 vit_h_14 vit_l_16 vit_l_32 wide_resnet101_2
    wide_resnet50_2
    """.split()  # noqa: SIM905 (80 quoted names would be harder to read and to compare)
)


class LogisticModel(Strict):
    """Multinomial logistic regression on the flattened input."""

    name: Literal["logistic"] = Field(description="multinomial logistic regression; images and tables")


class MlpModel(Strict):
    """Fully connected net on the flattened input."""

    name: Literal["mlp"] = Field(description="fully connected net; images and tables")
    hidden: list[Width] = Field([256], min_length=1, description="units of each hidden layer, first to last")
    activation: Literal["relu", "gelu", "tanh"] = Field("relu", description="activation after each hidden layer")


class CnnModel(Strict):
    """Plain convolutional net; twice the channels at each halving of the image."""

    name: Literal["cnn"] = Field(description="plain convolutional net of 3x3 convolutions")
    layers: Literal[2, 4, 8] = Field(2, description="convolutions: stages of 1+1, 2+2 or 2+2+2+2")
    width: Width = Field(16, description="channels of the first stage; each further stage has twice as many")
    strided: bool = Field(
        True, description="halve the image by the stride of a stage's first convolution (cheap) instead of max pooling"
    )
    hidden: int = Field(
        128, ge=0, le=65536, description="units of the fully connected layer before the classifier; 0: no such layer"
    )
    norm: Literal["none", "batch", "group"] = Field("none", description="normalisation after each convolution")


class Resnet18Model(Strict):
    """ResNet-18 with the CIFAR stem (He et al. 2016)."""

    name: Literal["resnet18"] = Field(description="ResNet-18 with the CIFAR stem (3x3, stride 1, no pooling)")
    width: Width = Field(64, description="channels of the first stage; doubled three times")
    norm: Literal["batch", "group"] = Field("batch", description="normalisation after each convolution")


class WrnModel(Strict):
    """Wide ResNet (Zagoruyko & Komodakis 2016); WRN-28-10 is depth 28, width 10."""

    name: Literal["wrn"] = Field(description="Wide ResNet; WRN-28-10 is depth 28, width 10")
    depth: Annotated[int, Field(ge=10, le=1000)] = Field(28, description="layers: 6 k + 4 (10, 16, 22, 28, 34, ...)")
    width: Annotated[int, Field(ge=1, le=1024)] = Field(2, description="widening factor k of the channels 16, 32, 64")
    norm: Literal["batch", "group"] = Field("batch", description="normalisation before each convolution")

    @field_validator("depth")
    @classmethod
    def _depth_has_whole_blocks(cls, depth: int) -> int:
        if (depth - 4) % 6:
            raise ValueError(f"a Wide ResNet has 6 k + 4 layers (10, 16, 22, 28, 34, 40, ...), not {depth}")
        return depth


class VggModel(Strict):
    """VGG-like net: 64 P 128 P 256 256 P 512 512 P 512 512 P, then the fully connected layers."""

    name: Literal["vgg"] = Field(description="VGG-like: 64 P 128 P 256 256 P 512 512 P 512 512 P, then FC layers")
    width: Width = Field(64, description="channels of the first stage; all other convolutions scale with it")
    hidden: list[Width] = Field([512, 1024], description="units of the fully connected layers before the classifier")
    norm: Literal["none", "batch", "group"] = Field("batch", description="normalisation after each convolution")


class TorchvisionModel(Strict):
    """Any classification net of torchvision, untrained; grey images are repeated to three channels."""

    name: Literal["torchvision"] = Field(description="any classification net of torchvision, with random weights")
    arch: str = Field(description="torchvision's name of the net: resnet50, vit_b_16, convnext_tiny, ...")
    image_size: Annotated[int, Field(ge=0, le=4096)] = Field(
        0, description="resize images to this many pixels a side before the net (bilinear); 0: leave them as they are"
    )

    @field_validator("arch")
    @classmethod
    def _arch_is_known(cls, arch: str) -> str:
        if arch not in TORCHVISION_ARCHITECTURES:
            raise ValueError(f"{arch!r} is not a torchvision net; known: {', '.join(TORCHVISION_ARCHITECTURES)}")
        return arch


class CustomModel(Strict):
    """A user's own net."""

    name: Literal["custom"] = Field(description="your own net, from a Python file")
    target: Target = Field(
        pattern=r"^.+\.py:[A-Za-z_]\w*$",
        description="`path/to/file.py:Name`; Name(input_shape, n_classes, **options) must return a torch.nn.Module "
        "whose outputs are logits [batch, n_classes]",
    )
    options: dict[str, Any] = Field({}, description="further keyword arguments of Name")


ModelConfig = Annotated[
    LogisticModel | MlpModel | CnnModel | Resnet18Model | WrnModel | VggModel | TorchvisionModel | CustomModel,
    Field(discriminator="name"),
]
