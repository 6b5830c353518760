"""Architectures: every entry builds, trains a step and matches its config class; sizes are those of the literature."""

import inspect
import subprocess
import sys
from typing import get_args

import pytest
import torch
import torchvision
from pydantic import TypeAdapter, ValidationError
from torch import nn

from memdyn.config.models import TORCHVISION_ARCHITECTURES, ModelConfig
from memdyn.models import REGISTRY
from memdyn.models.build import build_model
from memdyn.models.layers import Flatten
from memdyn.models.mlp import mlp
from memdyn.registry import resolve

CONFIGS = {get_args(cls.model_fields["name"].annotation)[0]: cls for cls in get_args(get_args(ModelConfig)[0])}
IMAGES = [(1, 28, 28), (3, 32, 32)]
CUSTOM = """
import torch
from torch import nn
def net(input_shape, n_classes, width):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(width), nn.Linear(width, n_classes))
class Net(nn.Sequential):
    def __init__(self, input_shape, n_classes, bias=True):
        super().__init__(nn.Flatten(), nn.Linear(input_shape[-1] ** 2 * input_shape[0], n_classes, bias))
def number(input_shape, n_classes):
    return 3
def short(input_shape, n_classes):
    return Net(input_shape, n_classes - 1)
def empty(input_shape, n_classes):
    return nn.Flatten()
class Extra(Net):
    def get_extra_state(self):
        return {"seen": 1}
def complex(input_shape, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, n_classes).to(torch.cfloat))
"""


def options(name: str, **changes) -> dict:
    """The config's defaults with changes, as the plan hands them over."""
    return TypeAdapter(ModelConfig).validate_python({"name": name, **changes}).model_dump()


SMALL = [
    options("logistic"),
    options("mlp"),
    options("mlp", hidden=[16, 8], activation="tanh"),
    options("mlp", hidden=[16], activation="gelu"),
    *(
        options("cnn", layers=layers, width=4, strided=strided, hidden=hidden, norm=norm)
        for layers, strided, hidden, norm in [
            (2, True, 128, "none"),
            (2, False, 0, "batch"),
            (4, True, 8, "group"),
            (4, False, 0, "none"),
            (8, True, 0, "none"),
            (8, False, 16, "group"),
        ]
    ),
    options("resnet18", width=8),
    options("resnet18", width=8, norm="group"),
    options("wrn", depth=10, width=1),
    options("wrn", depth=16, width=1, norm="group"),
    options("vgg", width=4, hidden=[16]),
    options("vgg", width=4, norm="none"),
    options("vgg", width=4, hidden=[], norm="group"),
    options("torchvision", arch="mobilenet_v3_small"),
    options("torchvision", arch="squeezenet1_1", image_size=40),
]


def label(value: dict | float) -> str:
    return "-".join(str(part) for part in value.values()) if isinstance(value, dict) else str(value)


@pytest.fixture
def custom_file(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(CUSTOM)
    return path


def test_config_names_are_the_registry():
    assert CONFIGS.keys() == REGISTRY.keys()


@pytest.mark.parametrize("name", REGISTRY)
def test_config_fields_are_the_builders_keywords(name):
    parameters = inspect.signature(resolve(REGISTRY, name)).parameters
    keywords = {key for key, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}
    assert keywords == CONFIGS[name].model_fields.keys() - {"name"}
    assert list(parameters)[:2] == ["input_shape", "n_classes"]
    assert all(parameters[key].default is inspect.Parameter.empty for key in keywords)


@pytest.mark.parametrize("cls", CONFIGS.values())
def test_every_field_is_described(cls):
    assert all(field.description for field in cls.model_fields.values())


@pytest.mark.parametrize("input_shape", IMAGES)
@pytest.mark.parametrize("choice", SMALL, ids=label)
def test_forward_and_backward(choice, input_shape):
    torch.manual_seed(0)
    model = build_model(choice, input_shape, 7).to(memory_format=torch.channels_last)
    assert model.training
    logits = model(torch.randn(4, *input_shape))
    assert logits.shape == (4, 7)
    nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    assert gradients[0].abs().sum() > 0, "nothing reaches the first layer"


@pytest.mark.parametrize("choice", [choice for choice in SMALL if "norm" in choice], ids=label)
def test_norm_is_as_configured(choice):
    kinds = {type(module) for module in build_model(choice, (3, 32, 32), 10).modules()}
    present = {name for name, kind in {"batch": nn.BatchNorm2d, "group": nn.GroupNorm}.items() if kind in kinds}
    assert present == {choice["norm"]} - {"none"}


@pytest.mark.parametrize("name", sorted({choice["name"] for choice in SMALL} - {"torchvision"}))
def test_no_layer_without_deterministic_cuda_kernel(name):
    """Adaptive pooling and overlapping max pooling add up gradients in any order on CUDA."""
    for module in build_model(options(name), (3, 32, 32), 10).modules():
        assert not isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d)
        if isinstance(module, nn.MaxPool2d):
            assert module.kernel_size == module.stride


@pytest.mark.parametrize(
    ("choice", "millions"),
    [
        (options("resnet18"), 11.17),
        (options("wrn"), 1.47),
        (options("wrn", width=10), 36.5),
        (options("wrn", depth=40, width=4), 8.95),
        (options("torchvision", arch="resnet50"), 23.53),
    ],
    ids=label,
)
def test_parameter_counts_of_the_literature(choice, millions):
    with torch.device("meta"):
        model = build_model(choice, (3, 32, 32), 10)
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    assert n_parameters / 1e6 == pytest.approx(millions, rel=0.004)


@pytest.mark.parametrize("layers", [2, 4, 8])
@pytest.mark.parametrize("strided", [True, False])
def test_cnn_has_the_configured_convolutions(layers, strided):
    modules = list(build_model(options("cnn", layers=layers, width=4, strided=strided), (1, 28, 28), 10).modules())
    assert sum(isinstance(module, nn.Conv2d) for module in modules) == layers
    assert any(isinstance(module, nn.MaxPool2d) for module in modules) != strided


def test_vgg_layers_are_those_of_its_definition():
    with torch.device("meta"):
        model = build_model(options("vgg"), (3, 32, 32), 10)
    plan = [
        "P" if isinstance(module, nn.MaxPool2d) else module.out_channels
        for module in model.modules()
        if isinstance(module, nn.MaxPool2d | nn.Conv2d)
    ]
    assert plan == [64, "P", 128, "P", 256, 256, "P", 512, 512, "P", 512, 512, "P"]
    assert [module.out_features for module in model.modules() if isinstance(module, nn.Linear)] == [512, 1024, 10]


@pytest.mark.parametrize("input_shape", [(1, 8, 8), (3, 33, 17), (1, 1, 1)])
@pytest.mark.parametrize("name", ["cnn", "vgg", "resnet18", "wrn"])
def test_images_of_any_size_pass(name, input_shape):
    assert build_model(options(name, width=2), input_shape, 3)(torch.zeros(2, *input_shape)).shape == (2, 3)


@pytest.mark.parametrize("choice", [options("vgg", width=16, norm="none"), options("cnn", layers=8)], ids=label)
def test_deep_nets_without_norm_keep_the_signal(choice):
    """How much the logits depend on the image; with torch's default initialisation it is some 1e-5."""
    torch.manual_seed(0)
    model, images = build_model(choice, (3, 32, 32), 10), torch.randn(64, 3, 32, 32)
    assert 0.05 < model(images).std(dim=0).mean() < 5
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.reset_parameters()
    assert model(images).std(dim=0).mean() < 1e-3, "the comment in layers.initialise is no longer true"


def test_tables():
    for choice in (options("logistic"), options("mlp")):
        assert build_model(choice, (5,), 3)(torch.zeros(2, 5)).shape == (2, 3)


@pytest.mark.parametrize("name", ["cnn", "resnet18", "wrn", "vgg"])
def test_tables_are_refused_by_image_nets(name):
    with pytest.raises(ValueError, match=rf"{name}.*logistic, mlp"):
        build_model(options(name), (5,), 3)


def test_same_seed_same_weights_and_the_check_draws_nothing():
    torch.manual_seed(3)
    built = build_model(options("mlp"), (1, 4, 4), 3)
    after_build = torch.rand(())
    torch.manual_seed(3)
    direct = mlp((1, 4, 4), 3, hidden=[256], activation="relu")
    assert torch.equal(after_build, torch.rand(()))
    for one, other in zip(built.parameters(), direct.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_check_leaves_running_statistics_alone():
    model = build_model(options("resnet18", width=4), (1, 8, 8), 3)
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, torch.ones_like(buffer) if "var" in name else torch.zeros_like(buffer))


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(KeyError, match="resnet18"):
        build_model({"name": "resnet19"}, (1, 28, 28), 10)


def test_odd_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(28, 28\)"):
        build_model(options("mlp"), (28, 28), 10)


# torchvision


def test_torchvision_names_are_torchvisions():
    assert list(TORCHVISION_ARCHITECTURES) == torchvision.models.list_models(module=torchvision.models)


def builds_without_memory(arch: str) -> bool:
    """RegNets compute their widths with tensors, so the meta device cannot build them: only small ones are tested."""
    return not arch.startswith("regnet") or arch.endswith(("400mf", "800mf"))


@pytest.mark.slow
@pytest.mark.parametrize("arch", [*filter(builds_without_memory, TORCHVISION_ARCHITECTURES)])
def test_every_torchvision_net_builds(arch):
    side = 299 if arch == "inception_v3" else 224
    with torch.device("cpu" if arch.startswith("regnet") else "meta"):
        build_model(options("torchvision", arch=arch, image_size=side), (1, 28, 28), 10)


def test_vision_transformer_is_built_for_the_images_size():
    with torch.device("meta"):
        model = build_model(options("torchvision", arch="vit_b_16"), (3, 32, 32), 10)
    assert model.net.image_size == 32


def test_grey_images_are_repeated_and_resized():
    model = build_model(options("torchvision", arch="squeezenet1_1", image_size=48), (1, 28, 28), 10).eval()
    grey = torch.rand(2, 1, 28, 28)
    large = nn.functional.interpolate(grey, size=(48, 48), mode="bilinear")
    assert torch.allclose(model(grey), model.net(torch.cat([large] * 3, dim=1)), atol=1e-6)


@pytest.mark.parametrize(
    ("arch", "shape", "message"),
    [
        ("alexnet", (3, 16, 16), r"alexnet.*\(3, 16, 16\).*set image_size"),
        ("vit_b_16", (1, 28, 28), "set image_size"),
        ("vit_b_16", (3, 32, 48), "set image_size"),
        ("resnet18", (2, 32, 32), "1 or 3 channels"),
    ],
)
def test_torchvision_misfits_are_told(arch, shape, message):
    with pytest.raises(ValueError, match=message):
        build_model(options("torchvision", arch=arch), shape, 10)


# custom


def test_custom_function_and_class(custom_file):
    model = build_model(options("custom", target=f"{custom_file}:net", options={"width": 5}), (1, 4, 4), 3)
    assert model(torch.zeros(2, 1, 4, 4)).shape == (2, 3)
    model = build_model(options("custom", target=f"{custom_file}:Net", options={"bias": False}), (1, 4, 4), 3)
    assert len(list(model.parameters())) == 1


def test_custom_path_starts_at_the_working_directory(custom_file, monkeypatch):
    monkeypatch.chdir(custom_file.parent)
    build_model(options("custom", target="nets.py:Net"), (1, 4, 4), 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Extra", r"Extra: its state_dict\(\) has a dict at '_extra_state'; allowed: tensors only"),
        ("complex", r"complex: its parameter '1\.weight' is of complex numbers \(torch\.complex64\)"),
        ("absent", "absent"),
        ("number", "torch.nn.Module"),
        ("short", r"\[batch, 3\].*returned \(1, 2\)"),
        ("empty", "no parameters"),
    ],
)
def test_custom_mistakes_are_told(custom_file, name, message):
    with pytest.raises(ValueError, match=message):
        build_model(options("custom", target=f"{custom_file}:{name}"), (1, 4, 4), 3)


def test_custom_file_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.py"):
        build_model(options("custom", target=f"{tmp_path}/nothing.py:Net"), (1, 4, 4), 3)


# config


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "resnet19"}, "resnet18"),
        ({"name": "mlp", "hidden": []}, "hidden"),
        ({"name": "mlp", "hidden": [0]}, "hidden"),
        ({"name": "mlp", "activation": "swish"}, "'relu', 'gelu' or 'tanh'"),
        ({"name": "mlp", "width": 3}, "width"),
        ({"name": "cnn", "layers": 3}, "2, 4 or 8"),
        ({"name": "cnn", "width": 1.5}, "width"),
        ({"name": "cnn", "strided": "yes"}, "strided"),
        ({"name": "resnet18", "norm": "none"}, "'batch' or 'group'"),
        ({"name": "wrn", "depth": 27}, "6 k \\+ 4"),
        ({"name": "torchvision"}, "arch"),
        ({"name": "torchvision", "arch": "resnet19"}, "resnet18"),
        ({"name": "custom", "target": "nets:Net"}, "target"),
        ({"name": "custom", "target": "nets.py"}, "target"),
        ({"hidden": [3]}, "name"),
    ],
)
def test_bad_sections_are_refused(section, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(ModelConfig).validate_python(section)


def test_config_is_free_of_torch_and_numpy():
    code = (
        "import sys, memdyn.config.models, memdyn.config.optim, memdyn.optim.schedules, memdyn.models;"
        "sys.exit(', '.join({'torch', 'numpy'} & sys.modules.keys()) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True)
    assert result.returncode == 0, result.stderr


def test_flattening_takes_no_copy_of_channels_last_images_nor_of_their_gradients():
    images = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last).requires_grad_()
    flat = Flatten()(images)
    assert flat.data_ptr() == images.data_ptr()
    assert torch.equal(flat[1], torch.stack([images[1, c, h, w] for h in range(4) for w in range(5) for c in range(3)]))
    flat.square().sum().backward()
    assert images.grad.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images.grad, 2 * images)
