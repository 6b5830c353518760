"""Architectures. An entry is called as f(input_shape, n_classes, **options) and returns an untrained module.

`input_shape` is (C, H, W) for images and (F,) for tables; the options are the fields of the config class of the
same name in `memdyn.config.models`. Parameters are drawn from torch's global generator, which the caller seeds.
"""

REGISTRY: dict[str, str] = {
    "logistic": "memdyn.models.mlp:logistic",
    "mlp": "memdyn.models.mlp:mlp",
    "cnn": "memdyn.models.cnn:cnn",
    "resnet18": "memdyn.models.resnet:resnet18",
    "wrn": "memdyn.models.wrn:wrn",
    "vgg": "memdyn.models.vgg:vgg",
    "torchvision": "memdyn.models.zoo:torchvision",
    "custom": "memdyn.models.custom:custom",
}
