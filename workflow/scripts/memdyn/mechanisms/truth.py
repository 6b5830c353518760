"""What a batch is to learn, for objectives of labels and of probabilities alike."""

from torch import Tensor
from torch.nn import functional as F

from memdyn.mechanisms.base import Batch


def cross_entropies(logits: Tensor, batch: Batch) -> Tensor:
    """-sum_c q_c log p_c of each sample, float32 [B]; q are its targets, or its label one-hot."""
    return F.cross_entropy(logits, batch.labels if batch.targets is None else batch.targets, reduction="none")


def likeliest(batch: Batch) -> Tensor:
    """The class of most weight in the targets, or the label: int64 [B]."""
    return batch.labels if batch.targets is None else batch.targets.argmax(1)
