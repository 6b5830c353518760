"""From the config's plain options to an untrained module, checked on one empty sample."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from memdyn.models import REGISTRY
from memdyn.models.check import logits_of, name_of
from memdyn.registry import resolve

FOR_TABLES = ("logistic", "mlp", "custom")


def build_model(options: Mapping[str, Any], input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """The untrained model that `options` describe, in training mode.

    Args:
        options: `name` of an entry of `memdyn.models.REGISTRY`, and the keyword arguments of its builder.
        input_shape: (C, H, W) for images, (F,) for tables.
        n_classes: number of logits.

    Raises:
        KeyError: for an unknown name.
        ValueError: where the net cannot take this input or does not return [batch, n_classes]. The message names
            the net, the shape and what is allowed.
    """
    keywords = dict(options)
    name = keywords.pop("name")
    builder = resolve(REGISTRY, name)
    if len(input_shape) not in (1, 3):
        raise ValueError(f"input shape {input_shape} is neither an image (C, H, W) nor a table's row (F,)")
    if len(input_shape) == 1 and name not in FOR_TABLES:
        raise ValueError(f"model {name!r} needs images (C, H, W); for tables {input_shape}: {', '.join(FOR_TABLES)}")
    model = builder(input_shape, n_classes, **keywords)
    _check_output(model, options, input_shape, n_classes)
    return model.train()


def _check_output(model: nn.Module, options: Mapping[str, Any], input_shape: tuple[int, ...], n_classes: int) -> None:
    """One empty sample through the net, so that a misfit is told here and not in the middle of an epoch."""
    name = name_of(options)
    parameter = next(model.parameters(), None)
    if parameter is None:
        raise ValueError(f"{name} has no parameters to train")
    _check_state(model, name)
    model.eval()  # no running statistics change, no dropout
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        try:
            logits_of(model, torch.zeros(1, *input_shape, device=parameter.device), n_classes, name)
        except ValueError as error:
            advice = "; set image_size to resize the images" if options["name"] == "torchvision" else ""
            raise ValueError(f"{error}{advice}") from error


def _check_state(model: nn.Module, name: str) -> None:
    """What can be trained, and kept in a checkpoint."""
    for key, value in model.state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise ValueError(f"{name}: its state_dict() has a {type(value).__name__} at {key!r}; allowed: tensors only")
    for key, weights in model.named_parameters():
        if weights.is_complex():
            raise ValueError(
                f"{name}: its parameter {key!r} is of complex numbers ({weights.dtype}); allowed: real ones"
            )
