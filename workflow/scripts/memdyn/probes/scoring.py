"""Scores of checkpoints: every sample through every saved model, in eval mode and float32."""

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of
from memdyn.probes.outputs import SIGNALS, signals
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint


@torch.inference_mode()
def score_network(network: nn.Module, inputs: Samples, batch: int) -> dict[str, np.ndarray]:
    """Signals of all samples of `inputs` under one network.

    Returns:
        float32 [samples] a signal.
    """
    network.eval()
    layout = layout_of(network)
    found: dict[str, list[Tensor]] = {}
    for samples, labels in zip(inputs.samples.split(batch), inputs.labels.split(batch), strict=True):
        logits = network(inputs.normalise(samples, layout))
        for name, values in signals(logits, labels).items():
            found.setdefault(name, []).append(values)
    return {name: torch.cat(parts).cpu().numpy() for name, parts in found.items()}


def score_block(
    network: nn.Module,
    checkpoints: Path,
    models: range,
    epochs: list[int],
    inputs: Samples,
    batch: int,
    failed: Collection[int] = (),
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """(epoch, signal -> float32 [models, samples]) of each checkpoint, one in memory at a time.

    Args:
        network: of the run's architecture, on the device of `inputs`; its weights are overwritten.
        checkpoints: folder of the block's weights.
        batch: samples scored at once.
        failed: models without weights at all checkpoints; their scores are NaN at each.
    """
    nothing = dict.fromkeys(SIGNALS, np.full(len(inputs), np.nan, np.float32))
    network.to(memory_format=layout_of(network))
    for epoch in epochs:
        rows = []
        for model in models:
            if model in failed:
                rows.append(nothing)
                continue
            network.load_state_dict(load_checkpoint(checkpoint_file(checkpoints, model, epoch)))
            rows.append(score_network(network, inputs, batch))
        yield epoch, {name: np.stack([row[name] for row in rows]) for name in rows[0]}
