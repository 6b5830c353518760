"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) with AdamW for what is not a hidden matrix."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

# the quintic of Jordan et al.: it takes singular values of (0, 1] to about [.7, 1.2] in five steps
QUINTIC = (3.4445, -4.7750, 2.0315)
TINY = 1e-7


def muon(
    model: nn.Module,
    *,
    lr: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
    ns_steps: int,
    adamw_lr: float,
    adamw_beta1: float,
    adamw_beta2: float,
    adamw_eps: float,
    adamw_weight_decay: float,
) -> "Muon":
    """Muon for the hidden matrices of `model`, AdamW for all its other parameters."""
    hidden, others = split_parameters(model)
    adamw = AdamW(
        others,
        lr=adamw_lr,
        betas=(adamw_beta1, adamw_beta2),
        eps=adamw_eps,
        weight_decay=adamw_weight_decay,
        fused=True,
    )
    options = {
        "lr": lr,
        "momentum": momentum,
        "nesterov": nesterov,
        "weight_decay": weight_decay,
        "ns_steps": ns_steps,
    }
    return Muon(hidden, options, adamw)


def split_parameters(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """(hidden matrices, others) of the parameters that need gradients.

    A parameter of two or more axes counts as the matrix [first axis, all other axes], so the kernel of a convolution
    is [out, in * height * width]. The last one in the model is the classifier's and belongs to the others, as do
    biases, the scales of normalisations, and matrices of a single row (position embeddings, tokens).
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in parameters if parameter.ndim >= 2]
    hidden = [matrix for matrix in matrices[:-1] if len(matrix) > 1]
    chosen = {id(matrix) for matrix in hidden}
    return hidden, [parameter for parameter in parameters if id(parameter) not in chosen]


class Muon(Optimizer):
    """Momentum, orthogonalised, for the first parameter group; the second one is stepped by torch's AdamW.

    One object, one state and one list of groups: AdamW works on views of this optimizer's.
    The orthogonalisation runs in the parameters' own precision on every device.
    """

    def __init__(self, hidden: list[Tensor], options: dict[str, Any], adamw: AdamW):
        groups = [{"params": hidden, **options}] if hidden else []  # logistic regression has only a classifier
        super().__init__([*groups, *adamw.param_groups], {})
        self._adamw = adamw

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """One update; returns the closure's loss."""
        with torch.enable_grad():
            loss = closure()
        *hidden_groups, adamw_group = self.param_groups
        for group in hidden_groups:
            self._step_hidden(group)
        # loading a state replaces both, so they are handed over at every step
        self._adamw.state, self._adamw.param_groups = self.state, [adamw_group]
        self._adamw.step()
        return loss

    def _step_hidden(self, group: dict[str, Any]) -> None:
        by_shape: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
        for parameter in group["params"]:
            if parameter.grad is not None:
                by_shape[len(parameter), parameter.numel() // len(parameter)].append(parameter)
        for (rows, columns), parameters in by_shape.items():
            updates = torch.stack([self._direction(parameter, group).flatten(1) for parameter in parameters])
            updates = orthogonalise(updates, group["ns_steps"])
            size = max(1.0, rows / columns) ** 0.5
            for parameter, update in zip(parameters, updates, strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update.view_as(parameter), alpha=-group["lr"] * size)

    def _direction(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        """The momentum, or Nesterov's look ahead of it."""
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        gradient, buffer = parameter.grad, state["momentum_buffer"]
        buffer.lerp_(gradient, 1 - group["momentum"])
        return gradient.lerp(buffer, group["momentum"]) if group["nesterov"] else buffer


def orthogonalise(matrices: Tensor, steps: int) -> Tensor:
    """Approximate U V^T of each matrix U S V^T by Newton-Schulz iterations.

    Args:
        matrices: [B, rows, columns].
        steps: number of iterations of X <- a X + (b A + c A A) X, A = X X^T.

    Returns:
        [B, rows, columns], singular values near 1 (about .7 to 1.2 after five steps, unless tiny relative to the
        Frobenius norm). A zero matrix stays zero.
    """
    a, b, c = QUINTIC
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    x = wide / (torch.linalg.matrix_norm(wide, keepdim=True) + TINY)
    for _ in range(steps):
        gram = x @ x.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x if wide is matrices else x.mT
