"""Weights on disk: one safetensors file a model and checkpoint."""

import os
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from memdyn.jobs.atomic import atomic_path


def checkpoint_file(folder: str | Path, model: int, epoch: int) -> Path:
    """`<folder>/model-0003/epoch-0010.safetensors`."""
    return Path(folder) / f"model-{model:04d}" / f"epoch-{epoch:04d}.safetensors"


def save_checkpoint(network: nn.Module, path: Path) -> None:
    """Writes all parameters and buffers, whole or not at all."""
    tensors: dict[str, Tensor] = {}
    places = set()
    for name, value in network.state_dict().items():
        tensor = value.detach().cpu().contiguous()
        place = tensor.untyped_storage().data_ptr()
        tensors[name] = tensor.clone() if place in places else tensor  # of tied weights the file takes each by itself
        places.add(place)
    with atomic_path(path, durable=False) as temporary:
        save_file(tensors, temporary)


def load_checkpoint(path: Path) -> dict[str, Tensor]:
    """The state dict of one checkpoint, on the CPU.

    Raises:
        FileNotFoundError: where there is no such checkpoint.
    """
    return load_file(path)


def link_tree(source: Path, target: Path, pattern: str) -> None:
    """The files of `source` that match `pattern`, as hard links in a new folder `target` (copies where links fail)."""
    target.mkdir(parents=True)
    for file in sorted(source.glob(pattern)):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, copy)
        except OSError:
            shutil.copy2(file, copy)
