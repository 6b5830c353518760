"""Measures of difficulty that need a network itself, not only its logits, for all models of a block."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of
from memdyn.probes import REGISTRY
from memdyn.registry import resolve
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint


def measure_block(
    network: nn.Module,
    checkpoints: Path,
    models: range,
    masks: np.ndarray,
    inputs: Samples,
    batch: int,
    measures: Mapping[str, Mapping[str, Any]],
    failed: Collection[int] = (),
) -> dict[str, np.ndarray]:
    """Every measure of every model and sample.

    Args:
        network: of the run's architecture, on the device of `inputs`; its weights are overwritten.
        checkpoints: folder of the block's weights.
        masks: bool [models, samples], True where the model trained on the sample.
        batch: samples that pass at once.
        measures: name in `memdyn.probes.REGISTRY` -> the `epoch` of its checkpoint, and its own options.
        failed: models without weights at all checkpoints; their measures are NaN.

    Returns:
        measure -> float32 [models, samples].

    Raises:
        ValueError: for a network that cannot be measured, with the reason.
    """
    network.to(memory_format=layout_of(network))
    found: dict[str, list[np.ndarray]] = {name: [] for name in measures}
    for model, mask in zip(models, torch.from_numpy(masks).to(inputs.samples.device), strict=True):
        if model in failed:
            for rows in found.values():
                rows.append(np.full(masks.shape[1], np.nan, np.float32))
            continue
        for name, options in measures.items():
            own = {key: value for key, value in options.items() if key != "epoch"}
            network.load_state_dict(load_checkpoint(checkpoint_file(checkpoints, model, options["epoch"])))
            found[name].append(resolve(REGISTRY, name)(network, inputs, mask, batch, **own).cpu().numpy())
    return {name: np.stack(rows) for name, rows in found.items()}
