"""One probe at its checkpoints, for all models of a block."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of
from memdyn.probes import REGISTRY
from memdyn.probes.answers import Answers
from memdyn.registry import resolve
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint

Probe = Callable[[nn.Module, Samples, Tensor, int], dict[str, Tensor]]

# of a probe's config section: when and of what it is taken, and how it is read
_NOT_OF_ITS_CODE = ("name", "epochs", "parts", "harder", "queries")


def build_probe(options: Mapping[str, Any], signal: str) -> Probe:
    """The probe of a config section.

    Args:
        options: `name` in `memdyn.probes.REGISTRY`, and its own.
        signal: the name of what a user's own probe gives.
    """
    keywords = {key: value for key, value in options.items() if key not in _NOT_OF_ITS_CODE}
    if options["name"] == "custom":
        keywords["signal"] = signal
    return partial(resolve(REGISTRY, options["name"]), **keywords)


def members_of(masks: np.ndarray, scored: slice, rows: np.ndarray) -> np.ndarray:
    """Who trained on which of the pool's rows, bool [models, n]; nobody on samples outside of the scored part.

    Args:
        masks: bool [models, scored and sham samples].
        scored: rows of that part.
        rows: int [n], of the pool.
    """
    inside = (rows >= scored.start) & (rows < scored.stop)
    members = np.zeros((len(masks), len(rows)), dtype=bool)
    members[:, inside] = masks[:, rows[inside]]
    return members


def probe_block(
    probe: Probe,
    network: nn.Module,
    checkpoints: Path,
    models: range,
    epochs: Sequence[int],
    samples: Samples,
    members: np.ndarray,
    batch: int,
    failed: Collection[int] = (),
    answers: Answers | None = None,
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """(epoch, signal -> [models, n, ...]) of each checkpoint, one in memory at a time.

    Args:
        network: of the run's architecture, on the device of `samples`; its weights are overwritten.
        checkpoints: folder of the block's weights.
        members: bool [models, n], True where the model trained on the sample.
        batch: samples that pass at once.
        failed: models without weights at all checkpoints; their signals are NaN at each.
        answers: the output rules that the probe's network stands behind; None: none.
    """
    network.to(memory_format=layout_of(network))
    of_models = torch.from_numpy(members).to(samples.samples.device)
    for epoch in epochs:
        rows: list[dict[str, np.ndarray] | None] = []
        for model, mask in zip(models, of_models, strict=True):
            if model in failed:
                rows.append(None)
                continue
            network.load_state_dict(load_checkpoint(checkpoint_file(checkpoints, model, epoch)))
            asked = answers.of(network, model, epoch) if answers else network
            rows.append(_arrays(probe(asked, samples, mask, batch)))
        like = next(filter(None, rows), None) or _arrays(probe(network, samples, of_models[0], batch))
        yield epoch, {name: np.stack([_or_nan(row, name, like) for row in rows]) for name in like}


def _arrays(found: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: values.cpu().numpy() for name, values in found.items()}


def _or_nan(row: dict[str, np.ndarray] | None, name: str, like: dict[str, np.ndarray]) -> np.ndarray:
    return np.full_like(like[name], np.nan) if row is None else row[name]
