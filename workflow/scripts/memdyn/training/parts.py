"""The parts of a training's saved state: what may be in them, and whether they are those of another training."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

_SINGLE = (Tensor, bool, int, float, str, type(None))


def shapes_of(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Of a network's state: name -> shape."""
    return {name: tuple(value.shape) for name, value in state.items()}


def plain_state(state: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A mechanism's state, as it is saved.

    Raises:
        ValueError: for what could not be read again.
    """
    odd = _odd(dict(state), "state")
    if odd:
        raise ValueError(
            f"mechanism {name!r}: {odd}, which cannot be saved; allowed: tensors, numbers, texts, truth values, and "
            "lists and dicts of them, with texts or whole numbers as keys"
        )
    return dict(state)


def _odd(value: Any, place: str) -> str:
    """The first place that holds something else, in words; empty where there is none."""
    if isinstance(value, dict):
        wrong = [f"{place} has the key {key!r}" for key in value if not isinstance(key, str | int)]
        wrong += [_odd(inner, f"{place}[{key!r}]") for key, inner in value.items()]
    elif isinstance(value, list | tuple):
        wrong = [_odd(inner, f"{place}[{index}]") for index, inner in enumerate(value)]
    else:
        wrong = [] if type(value) in _SINGLE or isinstance(value, Tensor) else [f"{place} is a {type(value).__name__}"]
    return next(filter(None, wrong), "")


def misfit(saved: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What tells a saved state from that of the training which is to go on, in words; empty where they fit.

    Args:
        saved, now: named parts, as `memdyn.training.loop.Loop.state` gives them.
    """
    if not isinstance(saved, Mapping) or saved.keys() != now.keys():
        parts = sorted(map(str, saved)) if isinstance(saved, Mapping) else [type(saved).__name__]
        return f"it has the parts {', '.join(parts)}, not {', '.join(sorted(now))}"
    if shapes_of(saved["network"]) != shapes_of(now["network"]):
        return "its weights are those of another network"
    if _groups(saved["optimizer"]) != _groups(now["optimizer"]):
        return "its optimizer is another one"
    if list(saved["mechanisms"]) != list(now["mechanisms"]):
        return f"its mechanisms are {', '.join(saved['mechanisms']) or 'none'}"
    return ""


def _groups(optimizer: Mapping[str, Any]) -> list[tuple[list[str], int]]:
    """Of an optimizer's state: options and number of parameters of each group."""
    return [(sorted(group), len(group.get("params", ()))) for group in optimizer.get("param_groups", ())]
