"""The outputs of a network as membership signals: from logits, in float64 and never via softmax.

In float32 the loss of a confident sample is exactly 0, and the ties drive the TPR at 1 % FPR to 0. Loss and
confidence are functions of the margin and are not stored: loss = softplus(-margin), p_y = sigmoid(margin).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memdyn.compute.samples import Samples
from memdyn.probes.passes import logits_of

SIGNALS = ("margin", "gap", "entropy", "modified_entropy", "el2n")


@torch.inference_mode()
def outputs(network: nn.Module, samples: Samples, members: Tensor, batch: int) -> dict[str, Tensor]:
    """The five stored signals of each sample under one network, in eval mode and float32; `members` do not matter.

    Returns:
        float32 [n] a signal; see `signals`.
    """
    found: dict[str, list[Tensor]] = {}
    for logits, labels in logits_of(network, samples, batch):
        for name, values in signals(logits, labels).items():
            found.setdefault(name, []).append(values)
    return {name: torch.cat(parts) for name, parts in found.items()}


def signals(logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The five stored signals of each sample.

    Args:
        logits: [samples, classes], any float type.
        labels: int64 [samples].

    Returns:
        float32 [samples] each:
        margin: z_y - logsumexp_{c != y} z_c, the logit of the true class's probability (Carlini et al. 2022, sec. IV).
        gap: z_y - max_{c != y} z_c; its sign is correctness. Of classes that tie the first is predicted, as argmax has
            it (and the training log): then the gap is the smallest normal number above or below 0.
        entropy: -sum_c p_c log p_c, in nats.
        modified_entropy: -(1 - p_y) log p_y - sum_{c != y} p_c log(1 - p_c) (Song & Mittal 2021, Eq. 5).
        el2n: ||softmax(z) - onehot(y)||_2 (Paul et al. 2021, Definition 2.3); from 6 classes on no function of the
            others, which fix p_y, the largest other p_c and two sums over the rest.
    """
    z = logits.double()
    true = labels.unsqueeze(1)
    z_true = z.gather(1, true).squeeze(1)
    others = z.scatter(1, true, -torch.inf)
    margin = z_true - others.logsumexp(1)
    gap = z_true - others.amax(1)
    # from the margin of the top class: z_top - logsumexp(z) would be 0 for a confident sample
    top = z.argmax(1, keepdim=True)
    margin_top = z.gather(1, top) - z.scatter(1, top, -torch.inf).logsumexp(1, keepdim=True)
    log_p = z.log_softmax(1).scatter(1, top, -F.softplus(-margin_top))
    p = log_p.exp()
    entropy = -(p * log_p.clamp(min=torch.finfo(torch.float64).min)).sum(1)
    # 1 - p_y as sigmoid(-margin): the difference would be 0 where a sample is fitted well
    el2n = (torch.sigmoid(-margin) ** 2 + p.scatter(1, true, 0.0).square().sum(1)).sqrt()
    found = {
        "margin": margin,
        "gap": _signed(gap.float(), top.squeeze(1) == labels),
        "entropy": entropy,
        "modified_entropy": _modified_entropy(p, margin, true, margin_top, top),
        "el2n": el2n,
    }
    return {name: values.float() for name, values in found.items()}


def _signed(gap: Tensor, correct: Tensor) -> Tensor:
    smallest = torch.finfo(gap.dtype).tiny
    return torch.where(correct, gap.clamp(min=smallest), gap.clamp(max=-smallest))


def _modified_entropy(p: Tensor, margin: Tensor, true: Tensor, margin_top: Tensor, top: Tensor) -> Tensor:
    # log(1 - p) by log1p loses everything where p is near 1, which only the top class can be
    log_rest = torch.log1p(-p).scatter(1, top, -F.softplus(margin_top))
    wrong = (p * log_rest).scatter(1, true, 0.0).sum(1)
    return torch.sigmoid(-margin) * F.softplus(-margin) - wrong
