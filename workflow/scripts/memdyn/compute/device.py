"""Where and how torch computes."""

import os
import random

import numpy as np
import torch


def prepare_torch(device: str, threads: int) -> torch.device:
    """Deterministic arithmetic with a fixed number of threads.

    On a GPU an operation that has no deterministic form (adaptive pooling in torchvision's nets) warns and runs: its
    models cannot be reproduced to the bit there.

    Raises:
        RuntimeError: where `cuda` is asked for and there is none.
    """
    torch.set_num_threads(threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
    # as `use_deterministic_algorithms(True)`, which would import the compiler too: a second
    torch.set_deterministic_debug_mode("warn" if device == "cuda" else "error")
    # fresh memory is filled with NaN otherwise, a tenth of the time of a small net; nothing here reads it unwritten
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("device: cuda, but torch sees no GPU here; allowed: cpu, or run on a node with a GPU")
    return torch.device(device)


def seed_draws(seed: int) -> None:
    """Decides all that a net draws without a generator; a user's own may draw from any of the three."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
