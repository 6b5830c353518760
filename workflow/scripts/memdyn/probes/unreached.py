"""What stands for distances that a search has not found, so that attacks have a number of every sample."""

import torch
from torch import Tensor


def beyond_all(distances: Tensor, further: Tensor) -> Tensor:
    """Distances [n] of one model, with their signs, all finite: what was not reached lies beyond all that was.

    Args:
        distances: infinite, with its sign, where no way was found.
        further: [n], >= 0, by which those that were not reached are ordered; they begin at 1 beyond the farthest.
    """
    reached = distances.isfinite()
    farthest = torch.where(reached, distances.abs(), 0.0).max()
    return torch.where(reached, distances, distances.sign() * (farthest + 1 + further))
