"""DP-SGD (Abadi et al. 2016, arXiv 1607.00133), with the optimizer and accountants of Opacus (Yousefpour et al.
2021, arXiv 2109.12298).

A step takes a lot: each member with the chance lot / members, independently; members are counted as half of the scored
samples, so that neither the chance nor the number of steps tells how many there are (in an audit they are coins; else
they are that half). The gradient of each of its samples is
clipped to the norm C, their sum gets Gaussian noise of the standard deviation noise * C and is divided by the expected
size of a lot, whatever the drawn one. What follows (momentum, Adam, weight decay) sees no more of the members. What it
is worth is `memdyn.compare.privacy`.

Not cryptographic: lots and noise come from torch's generators, seeded as all draws of a training are.
"""

from collections.abc import Callable
from math import ceil

import torch
from opacus.optimizers import DPOptimizerFastGradientClipping
from torch import Tensor, nn
from torch.optim import Optimizer

from memdyn.mechanisms.base import Mechanism, Trainee
from memdyn.mechanisms.clipping import Clipping

_SEEDS = 2**63 - 1


class DpSgd(Mechanism):
    """Lots, clipping and noise.

    Args:
        noise: multiplier; its standard deviation in units of `clip`. 0: none.
        clip: C; None: gradients are not clipped, and there is no noise.
        lot: expected samples of a step.
        planned: what of the config is for plan and tables alone: delta, norm.
    """

    def __init__(self, *, noise: float, clip: float | None, lot: int, **planned: object) -> None:
        self.noise, self.clip, self.lot = noise, clip, lot
        self._weights: list[nn.Parameter] = []
        self._apart: list[Tensor | None] = []
        self._clipped = self._seen = 0

    def steps(self, members: int, size: int) -> int:
        return ceil(self._expected() / self.lot)

    def batches(self, members: Tensor, size: int, draw: torch.Generator) -> list[Tensor]:
        """Poisson lots, some of which may be empty; with the epoch's seed of the noise."""
        self._clipped = self._seen = 0
        seed = int(torch.randint(_SEEDS, (), generator=draw))
        self._noise_draws.manual_seed(seed)
        chance = self.lot / self._expected()
        lots = self.steps(len(members), size)
        return [members[torch.rand(len(members), generator=draw, dtype=torch.float64) < chance] for _ in range(lots)]

    def _expected(self) -> int:
        """Members of a model, the mean over models: half of the scored samples."""
        return len(self.given.inputs) // 2

    def update(self, optimizer: Optimizer, network: nn.Module) -> Optimizer:
        self._weights = [weights for weights in network.parameters() if weights.requires_grad]
        self._noise_draws = torch.Generator(self._weights[0].device)
        self._clipping = None if self.clip is None else Clipping(network, self.clip, self.given.inputs)
        return _Private(optimizer, self)

    def backward(self, logits: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """The sum of the clipped gradients of the samples, with noise yet to come.

        Of B samples the loss is the mean, so that B times its gradient with respect to the logits of one is the
        gradient of that sample's own loss. What reaches the weights past the logits (a penalty on weights) is no
        sample's: it is set aside, and added when the noise is there.
        """
        leaf = logits.detach().requires_grad_()
        value = loss(leaf)
        value.backward()
        self._apart = [weights.grad for weights in self._weights]
        for weights in self._weights:
            weights.grad = None
        of_samples = leaf.grad * len(logits)
        if self._clipping is None:
            logits.backward(of_samples)
        else:
            self._clipped += self._clipping.backward(logits, of_samples)
            self._seen += len(logits)
        return value

    def after_epoch(self, trainee: Trainee, epoch: int) -> dict[str, float]:
        """Share of the drawn samples whose gradient was longer than `clip`; to choose it by, and itself not private."""
        return {"clipped": float(self._clipped) / self._seen} if self._seen else {}


class _Private(DPOptimizerFastGradientClipping):
    """Noise on the summed gradients, and then the step of the recipe's optimizer, which makes one closure call do.

    Its state is that optimizer's, since the noise is seeded anew each epoch.
    """

    def __init__(self, optimizer: Optimizer, mechanism: DpSgd) -> None:
        super().__init__(
            optimizer,
            noise_multiplier=mechanism.noise,
            max_grad_norm=mechanism.clip or 1.0,  # of the noise, of which there is none without clipping
            expected_batch_size=mechanism.lot,
            generator=mechanism._noise_draws,
        )
        self._mechanism = mechanism
        self._noise = [torch.empty_like(weights, memory_format=torch.contiguous_format) for weights in self.params]

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """One update; returns the closure's loss.

        Raises:
            ValueError: where the optimizer asks for the gradient twice, as sharpness-aware ones do.
        """
        self._mechanism._apart = []
        with torch.enable_grad():
            loss = closure()
        self.pre_step()
        self._finish()
        asked = 0

        def once() -> Tensor:
            nonlocal asked
            asked += 1
            if asked > 1:
                name = type(self.original_optimizer).__name__
                raise ValueError(
                    f"optimizer {name} calls the closure twice in a step, and dp_sgd makes one gradient private; "
                    "allowed: optimizers that call it once"
                )
            return loss

        self.original_optimizer.step(once)
        return loss

    def accumulate(self) -> None:
        """A step has one pass, whose sums are not needed again: Opacus would copy them."""
        for weights in self.params:
            weights.summed_grad = weights.grad

    @torch.no_grad()
    def add_noise(self) -> None:
        """In place, and into memory that is kept, for a step's own would take longer to get than to fill."""
        deviation = self.noise_multiplier * self.max_grad_norm
        if deviation:
            for weights, noise in zip(self.params, self._noise, strict=True):
                weights.grad.add_(noise.normal_(0.0, deviation, generator=self.generator))

    @torch.no_grad()
    def _finish(self) -> None:
        """Adds what is no sample's; lays gradients out as their weights are, for the fused optimizers go by memory."""
        for weights, apart in zip(self._mechanism._weights, self._mechanism._apart, strict=False):
            if apart is not None:
                weights.grad += apart
        for weights in self.params:
            if weights.grad.stride() != weights.stride():
                weights.grad = torch.empty_like(weights).copy_(weights.grad)
