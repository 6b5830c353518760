"""Optimizers against hand-written references; all of them resume bit-identically."""

import copy
import inspect
import io
from collections.abc import Callable
from typing import get_args

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn
from torch.nn import functional

import own_optim
from memdyn.config.optim import OptimizerConfig
from memdyn.models.build import build_model
from memdyn.optim import REGISTRY
from memdyn.optim.build import build_optimizer, scale_lr
from memdyn.optim.muon import QUINTIC, orthogonalise, split_parameters
from memdyn.optim.sam import frozen_running_statistics
from memdyn.registry import resolve

CONFIGS = {get_args(cls.model_fields["name"].annotation)[0]: cls for cls in get_args(get_args(OptimizerConfig)[0])}
OWN = own_optim.__file__
CNN = {"name": "cnn", "layers": 4, "width": 4, "strided": True, "hidden": 8, "norm": "batch"}


def options(name: str, **changes) -> dict:
    """The config's defaults with changes, as the plan hands them over."""
    if name == "custom":
        changes.setdefault("target", f"{OWN}:HeavyBall")
    return TypeAdapter(OptimizerConfig).validate_python({"name": name, **changes}).model_dump()


def network(choice: dict = CNN, dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    return build_model(choice, (3, 8, 8), 5).to(dtype=dtype, memory_format=torch.channels_last)


def batch(step: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    images = torch.randn(16, 3, 8, 8, generator=generator, dtype=dtype)
    return images, torch.randint(5, (16,), generator=generator)


def closure_of(model: nn.Module, step: int, calls: list | None = None) -> Callable[[], Tensor]:
    images, labels = batch(step, next(model.parameters()).dtype)

    def closure() -> Tensor:
        model.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        if calls is not None:
            calls.append(loss.item())
        return loss

    return closure


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> list[float]:
    return [optimizer.step(closure_of(model, step)).item() for step in steps]


def assert_same(one: nn.Module, other: nn.Module, atol: float = 0.0) -> None:
    for (name, value), expected in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.allclose(value, expected, rtol=0, atol=atol), name


def test_config_names_are_the_registry():
    assert CONFIGS.keys() == REGISTRY.keys()


@pytest.mark.parametrize("name", REGISTRY)
def test_config_fields_are_the_builders_keywords(name):
    parameters = inspect.signature(resolve(REGISTRY, name)).parameters
    keywords = {key for key, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}
    assert keywords == CONFIGS[name].model_fields.keys() - {"name"}
    assert all(parameters[key].default is inspect.Parameter.empty for key in keywords)
    assert all(field.description for field in CONFIGS[name].model_fields.values())


@pytest.mark.parametrize("name", REGISTRY)
def test_defaults_learn(name):
    model = network()
    optimizer, closure = build_optimizer(options(name), model), closure_of(model, 0)
    losses = [optimizer.step(closure).item() for _ in range(80)]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("name", REGISTRY)
def test_step_returns_the_first_loss(name):
    model, calls = network(), []
    loss = build_optimizer(options(name), model).step(closure_of(model, 0, calls))
    assert loss.item() == calls[0]
    assert len(calls) == (2 if name == "sam" else 1)


VARIANTS = [
    *(options(name) for name in REGISTRY),
    options("sgd", momentum=0.0),
    options("sam", nesterov=True),
    options("adam", amsgrad=True),
    options("rmsprop", momentum=0.5, centered=True),
    options("muon", nesterov=False, weight_decay=0.1),
]


def loaded(state: dict, contiguous: bool) -> dict:
    """Through a file and back; `contiguous` as through a format that knows no strides."""
    file = io.BytesIO()
    torch.save(state, file)
    state = torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    if contiguous:
        for values in state["state"].values():
            values.update({key: value.contiguous() for key, value in values.items() if torch.is_tensor(value)})
    return state


@pytest.mark.parametrize("contiguous", [False, True])
@pytest.mark.parametrize("choice", VARIANTS, ids=str)
def test_resumes_bit_identically(choice, contiguous):
    straight = network()
    optimizer = build_optimizer(choice, straight)
    train(straight, optimizer, range(3))
    weights, state = copy.deepcopy(straight.state_dict()), loaded(optimizer.state_dict(), contiguous)
    expected = train(straight, optimizer, range(3, 6))

    resumed = network()
    train(resumed, build_optimizer(choice, resumed), range(7, 9))  # other weights than the saved ones
    resumed.load_state_dict(weights)
    optimizer = build_optimizer(choice, resumed)
    optimizer.load_state_dict(state)
    assert train(resumed, optimizer, range(3, 6)) == expected
    assert_same(resumed, straight)


@pytest.mark.parametrize("name", REGISTRY)
def test_rates_are_scaled_from_the_configured_ones(name):
    model, other = network(), network()
    optimizer = build_optimizer(options(name), model)
    configured = [group["lr"] for group in optimizer.param_groups]
    scale_lr(optimizer, 0.5)
    train(model, optimizer, range(1))
    fresh = build_optimizer(options(name), other)
    fresh.load_state_dict(optimizer.state_dict())
    for one in (optimizer, fresh):
        assert [group["lr"] for group in one.param_groups] == [rate * 0.5 for rate in configured]
        scale_lr(one, 2.0)
        assert [group["lr"] for group in one.param_groups] == [rate * 2.0 for rate in configured]


@pytest.mark.parametrize("name", REGISTRY)
def test_a_rate_of_zero_moves_nothing(name):
    model = network()
    before = [parameter.clone() for parameter in model.parameters()]
    optimizer = build_optimizer(options(name), model)
    scale_lr(optimizer, 0.0)
    train(model, optimizer, range(2))
    for parameter, value in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, value), "SAM must restore its weights exactly, the others step by nothing"


@pytest.mark.parametrize(
    ("choice", "make"),
    [
        (
            options("sgd", lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01),
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01),
        ),
        (
            options("adam", lr=0.01, beta1=0.8, beta2=0.9, eps=1e-6, weight_decay=0.01, amsgrad=True),
            lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.01, amsgrad=True),
        ),
        (
            options("adamw", lr=0.01, beta1=0.8, beta2=0.9, eps=1e-6, weight_decay=0.1),
            lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1),
        ),
        (
            options("rmsprop", lr=0.01, alpha=0.9, eps=1e-6, momentum=0.5, centered=True, weight_decay=0.01),
            lambda p: torch.optim.RMSprop(
                p, lr=0.01, alpha=0.9, eps=1e-6, momentum=0.5, centered=True, weight_decay=0.01
            ),
        ),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_equals_torchs_plain_implementation(choice, make):
    ours, reference = network(dtype=torch.float64), network(dtype=torch.float64)
    train(ours, build_optimizer(choice, ours), range(4))
    train(reference, make(reference.parameters()), range(4))
    assert_same(ours, reference, atol=1e-10)


# SAM


@pytest.mark.parametrize("nesterov", [False, True])
def test_sam_equals_a_hand_written_one(nesterov):
    """w <- w - lr u, u the momentum of grad L(w + rho g / |g|) + decay w, with torch's form of momentum."""
    lr, rho, momentum, decay = 0.1, 0.3, 0.9, 0.01
    layers = {"name": "mlp", "hidden": [6], "activation": "tanh"}
    model, reference = network(layers, torch.float64), network(layers, torch.float64)
    choice = options("sam", lr=lr, rho=rho, momentum=momentum, weight_decay=decay, nesterov=nesterov)
    train(model, build_optimizer(choice, model), range(5))

    velocity = None
    for step in range(5):
        closure = closure_of(reference, step)
        weights = [parameter.detach().clone() for parameter in reference.parameters()]
        gradients = torch.autograd.grad(loss_of(reference, step), list(reference.parameters()))
        norm = sum((gradient**2).sum() for gradient in gradients) ** 0.5
        assign(reference, [w + rho * g / norm for w, g in zip(weights, gradients, strict=True)])
        closure()
        descent = [p.grad + decay * w for p, w in zip(reference.parameters(), weights, strict=True)]
        velocity = [momentum * v + d for v, d in zip(velocity, descent, strict=True)] if velocity else descent
        update = [d + momentum * v for d, v in zip(descent, velocity, strict=True)] if nesterov else velocity
        assign(reference, [w - lr * u for w, u in zip(weights, update, strict=True)])
    assert_same(model, reference, atol=1e-10)


def loss_of(model: nn.Module, step: int) -> Tensor:
    images, labels = batch(step, next(model.parameters()).dtype)
    return functional.cross_entropy(model(images), labels)


@torch.no_grad()
def assign(model: nn.Module, values: list[Tensor]) -> None:
    for parameter, value in zip(model.parameters(), values, strict=True):
        parameter.copy_(value)


def test_sam_updates_running_statistics_in_the_first_pass_only():
    model, once = network(), network()
    build_optimizer(options("sam", rho=1.0), model).step(closure_of(model, 0))
    once(batch(0)[0])
    for value, expected in zip(model.buffers(), once.buffers(), strict=True):
        assert torch.equal(value, expected)
    model(batch(1)[0])
    assert all(int(value) == 2 for name, value in model.named_buffers() if name.endswith("num_batches_tracked"))


def test_frozen_statistics_still_normalise_by_the_batch_and_come_back_after_an_error():
    model, images = network(), batch(0)[0] * 5 + 1
    usual = copy.deepcopy(model)(images)
    with pytest.raises(RuntimeError, match="stop"), frozen_running_statistics(model):
        assert torch.equal(model(images), usual)
        raise RuntimeError("stop")
    assert all(module.track_running_stats for module in model.modules() if isinstance(module, nn.BatchNorm2d))


def test_sam_bears_a_zero_gradient():
    model = network({"name": "logistic"})
    optimizer = build_optimizer(options("sam", weight_decay=0.0), model)

    def closure() -> Tensor:
        model.zero_grad()
        loss = sum((0 * parameter).sum() for parameter in model.parameters())
        loss.backward()
        return loss

    before = copy.deepcopy(model)
    optimizer.step(closure)
    assert_same(model, before)


# Muon


def by_svd(matrix: Tensor, steps: int) -> Tensor:
    """The slow reference: the same polynomial, applied to the singular values themselves."""
    a, b, c = QUINTIC
    u, s, vh = torch.linalg.svd(matrix / (matrix.norm() + 1e-7), full_matrices=False)
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return u @ torch.diag(s) @ vh


@pytest.mark.parametrize("shape", [(6, 6), (4, 30), (30, 4), (16, 17)])
@pytest.mark.parametrize("steps", [1, 5])
def test_newton_schulz_equals_the_svd(shape, steps):
    generator = torch.Generator().manual_seed(1)
    matrices = torch.randn(3, *shape, generator=generator, dtype=torch.float64)
    expected = torch.stack([by_svd(matrix, steps) for matrix in matrices])
    assert torch.allclose(orthogonalise(matrices, steps), expected, rtol=0, atol=1e-9)


def test_orthogonalised_singular_values_lie_in_the_known_range():
    generator = torch.Generator().manual_seed(2)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(8, 16, 64, generator=generator), 5))
    assert values.min() > 0.6 and values.max() < 1.25
    assert torch.equal(orthogonalise(torch.zeros(1, 3, 4), 5), torch.zeros(1, 3, 4))


def test_muon_takes_hidden_matrices_and_leaves_the_classifier():
    model = network()
    hidden, others = split_parameters(model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    convolutions = [p for p in model.parameters() if p.ndim == 4]
    dense = [module.weight for module in model.modules() if isinstance(module, nn.Linear)]
    assert [names[id(p)] for p in hidden] == [names[id(p)] for p in [*convolutions, *dense[:-1]]]
    assert {names[id(p)] for p in [*hidden, *others]} == set(names.values())
    assert len(hidden) + len(others) == len(names)


@pytest.mark.parametrize("nesterov", [False, True])
def test_muon_equals_an_explicit_loop(nesterov):
    lr, momentum, decay = 0.02, 0.9, 0.1
    model, reference = network(dtype=torch.float64), network(dtype=torch.float64)
    choice = options("muon", lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=decay, adamw_lr=0.003)
    train(model, build_optimizer(choice, model), range(4))

    hidden, others = split_parameters(reference)
    adamw = torch.optim.AdamW(others, lr=0.003, weight_decay=0.01)
    buffers = [torch.zeros_like(weight) for weight in hidden]
    for step in range(4):
        closure_of(reference, step)()
        with torch.no_grad():
            for weight, buffer in zip(hidden, buffers, strict=True):
                buffer.copy_(momentum * buffer + (1 - momentum) * weight.grad)
                direction = (1 - momentum) * weight.grad + momentum * buffer if nesterov else buffer
                matrix = direction.reshape(len(weight), -1)
                update = by_svd(matrix, 5) * max(1, matrix.shape[0] / matrix.shape[1]) ** 0.5
                weight.copy_((1 - lr * decay) * weight - lr * update.reshape(weight.shape))
        adamw.step()
    assert_same(model, reference, atol=1e-9)


def test_muon_on_logistic_regression_is_adamw():
    model, reference = network({"name": "logistic"}), network({"name": "logistic"})
    train(model, build_optimizer(options("muon"), model), range(3))
    train(reference, build_optimizer(options("adamw"), reference), range(3))
    assert_same(model, reference)


# a user's own


def test_an_own_optimizer_equals_torchs():
    """Heavy-ball momentum as torch writes it."""
    ours, reference = network(dtype=torch.float64), network(dtype=torch.float64)
    train(ours, build_optimizer(options("custom", options={"lr": 0.02, "momentum": 0.8}), ours), range(4))
    train(reference, torch.optim.SGD(reference.parameters(), lr=0.02, momentum=0.8), range(4))
    assert_same(ours, reference, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_optimizer", "must return a torch.optim.Optimizer, returned Sequential"),
        ("without_rate", "no `lr`"),
        ("missing", "has no function missing"),
    ],
)
def test_what_is_no_optimizer_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        build_optimizer(options("custom", target=f"{OWN}:{name}"), nn.Sequential(nn.Linear(2, 2)))


# config


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "lbfgs"}, "rmsprop"),
        ({"name": "sgd", "lr": 0.0}, "lr"),
        ({"name": "sgd", "lr": float("inf")}, "lr"),
        ({"name": "sgd", "lr": "fast"}, "lr"),
        ({"name": "sgd", "lr": True}, "lr"),
        ({"name": "sgd", "momentum": 0.0, "nesterov": True}, "nesterov"),
        ({"name": "sgd", "momentum": 1.0}, "momentum"),
        ({"name": "sgd", "rho": 0.1}, "rho"),
        ({"name": "sam", "rho": -0.1}, "rho"),
        ({"name": "sam", "momentum": 0, "nesterov": True}, "nesterov"),
        ({"name": "adam", "beta1": 1.0}, "beta1"),
        ({"name": "adamw", "weight_decay": -1.0}, "weight_decay"),
        ({"name": "rmsprop", "alpha": 2.0}, "alpha"),
        ({"name": "muon", "ns_steps": 0}, "ns_steps"),
        ({"name": "muon", "momentum": 0.0}, "nesterov"),
    ],
)
def test_bad_sections_are_refused(section, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(OptimizerConfig).validate_python(section)


def test_numbers_may_be_written_as_yaml_reads_them():
    assert options("sgd", lr="1e-3", momentum=0)["lr"] == 0.001
