"""The logits themselves, for attacks that need more than the margin."""

import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.probes.passes import logits_of


@torch.inference_mode()
def logits(network: nn.Module, samples: Samples, members: Tensor, batch: int, *, dtype: str) -> dict[str, Tensor]:
    """All logits of each sample, in eval mode; `members` do not matter.

    Args:
        dtype: "float32", or "float16": half the disk, three digits, and nothing beyond 65,504.

    Returns:
        logits: [n, K] of the dtype.

    Raises:
        ValueError: for logits that float16 cannot hold.
    """
    found = torch.cat([values for values, _ in logits_of(network, samples, batch)])
    kept = found.to(getattr(torch, dtype))
    if not torch.equal(kept.isfinite(), found.isfinite()):
        raise ValueError(
            f"logits up to {found.abs().max():g} do not fit into float16; set probes.logits.dtype: float32"
        )
    return {"logits": kept}
