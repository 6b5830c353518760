"""What the network's margin does around a sample: the slope of the margin, and the curvature of the loss."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memdyn.compute.samples import Samples
from memdyn.design.seeds import derive_seed
from memdyn.probes.margins import Margins


def margin_gradient(network: nn.Module, samples: Samples, members: Tensor, batch: int) -> dict[str, Tensor]:
    """The margin and the norms of its gradient with respect to the input, in eval mode; `members` do not matter.

    To first order a level of the margin is |margin - level| / ||gradient||_2 away (L2), or / ||gradient||_1 (L-inf).
    The gradient of the loss is sigmoid(-margin) times that of the margin, which never underflows.

    Returns:
        margin_gradient_l2, margin_gradient_l1: float32 [n], per unit of a pixel in [0, 1], or of a feature.
        margin_of_weights: float32 [n], that of the network itself, where output rules may answer another one.
    """
    margins = Margins.of(network, samples)
    found: dict[str, list[Tensor]] = {"margin_gradient_l2": [], "margin_gradient_l1": [], "margin_of_weights": []}
    for _, inputs, labels in margins.batches(batch):
        with torch.enable_grad():
            inputs = inputs.detach().requires_grad_()
            margin = margins.margin(inputs, labels)
            (gradient,) = torch.autograd.grad(margin.sum(), inputs)
        flat = gradient.flatten(1)
        norm = flat.norm(dim=1)  # whose squares are infinite before it is, in nets that have nearly diverged
        found["margin_gradient_l2"].append(norm.where(norm.isfinite(), flat.double().norm(dim=1).float()))
        found["margin_gradient_l1"].append(flat.abs().sum(1))
        found["margin_of_weights"].append(margin.detach().float())
    return {name: torch.cat(parts) for name, parts in found.items()}


def input_curvature(
    network: nn.Module, samples: Samples, members: Tensor, batch: int, *, draws: int
) -> dict[str, Tensor]:
    """The trace of the loss's Hessian with respect to the input, estimated, in eval mode; `members` do not matter.

    By Hutchinson 1990: the mean of v H v over random signs v, which are the same for all models and checkpoints.

    Args:
        draws: of v, for each sample.

    Returns:
        input_curvature: float32 [n], per squared unit of a pixel in [0, 1], or of a feature.
    """
    margins = Margins.of(network, samples)
    total = torch.zeros(len(samples), dtype=torch.float64, device=samples.samples.device)
    for draw in range(draws):
        made = torch.Generator().manual_seed(derive_seed("input curvature", draw))
        signs = 2 * torch.randint(0, 2, samples.samples.shape, generator=made, dtype=torch.int8) - 1
        for rows, inputs, labels in margins.batches(batch):
            total[rows] += _along(margins, inputs, labels, signs[rows].to(inputs))
    return {"input_curvature": (total / draws).float()}


def _along(margins: Margins, inputs: Tensor, labels: Tensor, signs: Tensor) -> Tensor:
    """v H v [b] of the loss softplus(-margin), by differentiating twice."""
    with torch.enable_grad():
        inputs = inputs.detach().requires_grad_()
        loss = F.softplus(-margins.margin(inputs, labels)).sum()
        (gradient,) = torch.autograd.grad(loss, inputs, create_graph=True)
        (product,) = torch.autograd.grad((gradient * signs).sum(), inputs)
    return (product * signs).flatten(1).sum(1)
