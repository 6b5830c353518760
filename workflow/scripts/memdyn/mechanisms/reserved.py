"""The part of a pool that is there for mechanisms."""

import torch

from memdyn.compute.samples import Samples
from memdyn.data.pool import Pool

# neither trained on, nor scored, nor what attacks compare with
RESERVED = "spare"


def reserved_part(pool: Pool, name: str, device: torch.device) -> Samples:
    """Samples of a part that mechanisms may read.

    Raises:
        ValueError: for any other part, and where there is nothing in it.
    """
    rows = pool.parts[name] if name == RESERVED else slice(0, 0)
    if rows.start == rows.stop:
        raise ValueError(f"mechanisms cannot read the pool's part {name!r}; allowed: {RESERVED}, with samples in it")
    return Samples.of_pool(pool, rows, device)
