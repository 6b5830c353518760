"""Gradients of the single samples of a batch: their norms, and their weighted sum, from one pass back.

What a weight's gradient has of a sample follows from what its layer was given and from the gradient with respect to
what the layer made of it; one pass back gives the latter of all layers ("book-keeping", Bu et al. 2023, arXiv
2210.00038). A fully connected layer, and a convolution at each of its pixels, has rows a_t of inputs and g_t of such
gradients, and the sample's gradient is sum_t g_t a_t'. Its norm is that of the sum, or where that is less work of
sum_ts (g_t g_s)(a_t a_s) (Goodfellow 2015, arXiv 1510.01799; Bu et al. 2022, arXiv 2205.10683); the weighted sum over
samples is that of weighted g_t. Of other layers, and of weights that are used twice in a pass, Opacus makes the
gradients of each sample, which are held until they are summed.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from opacus.grad_sample import GradSampleModule
from opacus.grad_sample.functorch import ft_compute_per_sample_gradient, prepare_layer
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

# Values of rows that are laid out at once: on a CPU what its cache holds, elsewhere what its memory does.
_AT_ONCE = {"cpu": 250_000}
_AT_ONCE_ELSEWHERE = 100_000_000
# Gradients of a weight's samples of up to so many values in all (4 bytes each) are held until they are summed.
_HELD = 4_000_000

Sum = Callable[[Tensor], Tensor]  # a weight of each sample [n] -> the weighted sum of their gradients


class _Use(NamedTuple):
    """A layer in a pass forward: what it was given, and where in the graph the gradient of what it made comes by."""

    layer: nn.Module
    inputs: Tensor
    made: GradientEdge


class SampleGradients:
    """Watches, in training mode, what the layers of a network are given; changes nothing of it but to add hooks.

    Raises:
        NotImplementedError: by Opacus, for a layer that it cannot take apart.
    """

    def __init__(self, network: nn.Module) -> None:
        self._uses: list[_Use] = []
        for layer in list(_layers(network)):
            if not _is_known(layer):
                prepare_layer(layer)  # takes a copy, which is to have no hook
            layer.register_forward_hook(self._note, with_kwargs=True)

    def _note(self, layer: nn.Module, inputs: tuple, named: dict, made: Any) -> None:
        if not (layer.training and torch.is_grad_enabled()):
            return
        if named or len(inputs) != 1 or not isinstance(made, Tensor):
            raise TypeError(f"{type(layer).__name__} takes or returns something else than one tensor")
        self._uses.append(_Use(layer, inputs[0].detach(), get_gradient_edge(made)))

    def weighted(
        self, logits: Tensor, gradients: Tensor, weigh: Callable[[Tensor], Tensor], retain_graph: bool = False
    ) -> dict[nn.Parameter, Tensor]:
        """The weighted sum over samples of the gradients of each weight that had a part in the last pass.

        Args:
            logits: [n, K] of the last pass, with their graph, which is used up unless it is retained.
            gradients: [n, K], of each sample's own loss with respect to its logits.
            weigh: norms of the samples' gradients, over all weights [n] -> weights of the samples [n].
        """
        uses, self._uses = self._uses, []
        edges = [use.made for use in uses]
        found = torch.autograd.grad(logits, edges, gradients, retain_graph=retain_graph, allow_unused=True)
        reached = [(use.layer, use.inputs, each) for use, each in zip(uses, found, strict=True) if each is not None]
        times = Counter(weights for layer, _, _ in reached for weights in layer.parameters())
        squares, sums, single = logits.new_zeros(len(logits)), {}, {}
        for layer, inputs, made in reached:
            if type(layer) in _ROWS and all(times[weights] == 1 for weights in layer.parameters()):
                rows = _ROWS[type(layer)](layer, inputs, made)
                if layer.weight.requires_grad:
                    of_weight, sums[layer.weight] = _of_weight(rows)
                    squares += of_weight
                of_layer = {} if layer.bias is None else {layer.bias: rows.of_bias()}
            else:
                of_layer = _by_opacus(layer, inputs, made)
            for weights, values in of_layer.items():
                if weights.requires_grad:
                    single[weights] = single[weights] + values if weights in single else values
        squares += sum(_squared_norms(values.flatten(1)) for values in single.values())
        share = weigh(squares.sqrt())
        return {weights: total(share) for weights, total in sums.items()} | {
            weights: torch.tensordot(share, values, 1) for weights, values in single.items()
        }


class _Linear:
    """Rows of a fully connected layer, [n, ..., i] -> [n, ..., o]: all between the first axis and the last.

    Attributes:
        samples: n.
        groups: each with rows of its own.
        size: rows of a sample and group, values of each that the layer is given (i), and that it makes (o).
    """

    groups = 1

    def __init__(self, layer: nn.Linear, inputs: Tensor, made: Tensor) -> None:
        self.layer = layer
        self._given = inputs.reshape(len(inputs), -1, layer.in_features)
        self._made = made.reshape(len(made), -1, layer.out_features)
        self.samples = len(made)
        self.size = (self._made.shape[1], layer.in_features, layer.out_features)

    def pieces(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Some samples at a time: rows [samples * groups, t, i] and their gradients [samples * groups, t, o]."""
        yield self._given, self._made

    def of_bias(self) -> Tensor:
        """The bias's gradients [n, o]."""
        return self._made.sum(1)

    def weighted(self, share: Tensor) -> Tensor:
        """The weighted sum of the weight's gradients."""
        return (self._made * share.view(-1, 1, 1)).flatten(0, 1).mT @ self._given.flatten(0, 1)

    def folded(self, gradient: Tensor) -> Tensor:
        """The weight's gradient, of that [o * i] which rows give."""
        return gradient.view_as(self.layer.weight)


class _Conv2d:
    """Rows of a convolution: what each pixel of its output is made of, in each sample and group; as `_Linear`."""

    def __init__(self, layer: nn.Conv2d, inputs: Tensor, made: Tensor) -> None:
        mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
        self.layer, self.groups, self.samples, self._made = layer, layer.groups, len(made), made
        self._padded = F.pad(inputs, layer._reversed_padding_repeated_twice, mode)
        self.size = (made[0, 0].numel(), layer.weight[0].numel(), layer.out_channels // layer.groups)

    def pieces(self) -> Iterator[tuple[Tensor, Tensor]]:
        count, taken, _ = self.size
        at_once = max(1, _AT_ONCE.get(self._made.device.type, _AT_ONCE_ELSEWHERE) // (count * taken * self.groups))
        for padded, made in zip(self._padded.split(at_once), self._made.split(at_once), strict=True):
            made = made.flatten(2).unflatten(1, (self.groups, -1)).flatten(0, 1).mT
            yield self._windows(padded).reshape(-1, count, taken), made

    def _windows(self, padded: Tensor) -> Tensor:
        """A view [n, groups, h, w, height and width of the kernel, channels of a group]; the channels lie together."""
        windows = padded.unflatten(1, (self.groups, -1)).movedim(2, -1)
        of_kernel = zip(self.layer.kernel_size, self.layer.stride, self.layer.dilation, strict=True)
        for axis, (size, step, apart) in enumerate(of_kernel, start=2):
            windows = windows.unfold(axis, apart * (size - 1) + 1, step)[..., ::apart]
        return windows.movedim(4, -1)

    def of_bias(self) -> Tensor:
        return self._made.sum((2, 3))

    def weighted(self, share: Tensor) -> Tensor:
        layer, made = self.layer, self._made * share.view(-1, 1, 1, 1)
        return conv2d_weight(self._padded, layer.weight.shape, made, layer.stride, 0, layer.dilation, layer.groups)

    def folded(self, gradient: Tensor) -> Tensor:
        return gradient.view(self.layer.out_channels, *self.layer.kernel_size, -1).movedim(-1, 1)


_ROWS = {nn.Linear: _Linear, nn.Conv2d: _Conv2d}


def _of_weight(rows: _Linear | _Conv2d) -> tuple[Tensor, Sum]:
    """Squared norms [n] of the gradients of the samples, and their weighted sum; in the way that is less work."""
    count, given, made = rows.size
    if count * (given + made) <= given * made:
        products = [((a @ a.mT) * (g @ g.mT)).sum((1, 2)) for a, g in rows.pieces()]
        # all of them may be of rounding errors alone
        return torch.cat(products).view(-1, rows.groups).sum(1).clamp(min=0), rows.weighted
    gradients = ((g.mT @ a).view(-1, rows.layer.weight.numel()) for a, g in rows.pieces())
    if rows.samples * rows.layer.weight.numel() > _HELD:
        return torch.cat([_squared_norms(each) for each in gradients]), rows.weighted
    held = torch.cat(list(gradients))
    return _squared_norms(held), lambda share: rows.folded(share @ held)


def _squared_norms(gradients: Tensor) -> Tensor:
    """[n] of [n, values]; without as many squares, since new memory takes longer to get than they do."""
    return torch.linalg.vector_norm(gradients, dim=1).square()


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    """Those with weights of their own that are trained; one that Opacus does not know is taken as a whole."""
    own = any(weights.requires_grad for weights in module.parameters(recurse=False))
    if own:
        yield module
    if not own or _is_known(module):
        for inner in module.children():
            yield from _layers(inner)


def _is_known(layer: nn.Module) -> bool:
    """To Opacus, whose convolutions pad with zeros, whatever the layer does."""
    return type(layer) in GradSampleModule.GRAD_SAMPLERS and getattr(layer, "padding_mode", "zeros") == "zeros"


def _by_opacus(layer: nn.Module, inputs: Tensor, made: Tensor) -> dict[nn.Parameter, Tensor]:
    """The gradients of each sample, [n, ...] of each weight."""
    known = GradSampleModule.GRAD_SAMPLERS[type(layer)] if _is_known(layer) else ft_compute_per_sample_gradient
    return known(layer, [inputs], made)
