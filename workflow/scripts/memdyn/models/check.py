"""Is a net fit for training, and its outputs for membership signals? Asked of the net itself, by trial passes."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memdyn.models.batches import has_single, misfit
from memdyn.models.layout import RefuseUnsafe

SAMPLES = 16  # in a trial pass
_SHAKES = 10
# Of the largest difference between two samples' outputs, and of the outputs themselves, which is their rounding. In a
# batch of the same size a sample's outputs are computed alike, at another place in it nearly so; in one of another size
# they are rounded otherwise.
_SAME, _TURNED, _OTHER = (1e-3, 1e-6), (1e-2, 1e-4), (0.1, 0.02)


def check_network(
    network: nn.Module,
    samples: Tensor,
    labels: Tensor,
    n_classes: int,
    name: str,
    *,
    members: int,
    batch_size: int,
    precision: str = "float32",
) -> list[str]:
    """Trial passes of an untrained net, which is of no use afterwards: its weights and statistics change.

    Log-probabilities (a net that ends in LogSoftmax) pass: they are logits, up to a constant a sample that neither the
    cross-entropy nor any signal of `memdyn.probes.outputs` sees.

    Args:
        samples: some of the members as network inputs, in the net's layout, [n, ...]; at most `SAMPLES` are used.
        labels: int64 [n].
        name: what to call the net, as `name_of` says it.
        members, batch_size, precision: of its training.

    Returns:
        what is odd, but can be trained, in sentences.

    Raises:
        ValueError: naming the net, for
            outputs that are not [batch, n_classes], or not finite;
            probabilities instead of logits: their margins are wrong, and the cross-entropy takes softmax of softmax;
            outputs that, in eval mode, change from pass to pass, or with the other samples of the batch;
            no gradient for any parameter, or a sparse one;
            a batch of one sample in each epoch, where the net cannot train on one;
            a convolution of `memdyn.models.layout.RefuseUnsafe`.
    """
    samples, labels = samples[:SAMPLES], labels[:SAMPLES]
    network.eval()
    _check_outputs(network, samples, n_classes, name)
    network.train()
    few = slice(max(2, batch_size))
    warnings = list(_untrained(network, samples[few], labels[few], n_classes, name, precision))
    if has_single(members, batch_size):
        _check_single(network, samples[:1], n_classes, name, members, batch_size)
    return warnings


def check_restored(trained: nn.Module, fresh: nn.Module, samples: Tensor, n_classes: int, name: str) -> None:
    """A checkpoint keeps weights and buffers: with those of another, a net built anew must be that other one.

    Args:
        trained, fresh: two untrained nets of one recipe and other seeds; they are of no use afterwards.
        samples: as of `check_network`.

    Raises:
        ValueError: naming the net, where it has other weights when it is built anew, or keeps something elsewhere.
    """
    samples = samples[:SAMPLES]
    trained.train()
    with torch.no_grad():
        logits_of(trained, samples, n_classes, name)  # which may change what it keeps
        try:
            fresh.load_state_dict(trained.state_dict())
        except RuntimeError as error:
            said = " ".join(str(error).split())
            raise ValueError(f"{name}: built anew, it has other weights; allowed: one net a recipe ({said})") from error
        wanted, found = (logits_of(net.eval(), samples, n_classes, name).float() for net in (trained, fresh))
    if wanted.isfinite().all() and _differ(found, wanted, _SAME):
        raise ValueError(
            f"{name}: built anew and given its weights, it has other outputs, so that its checkpoints would be scored "
            "as another net: something that it draws, learns or counts is not in its state_dict(); allowed: such "
            "things as parameters, as persistent buffers (register_buffer), and lists of layers as nn.ModuleList"
        )


def name_of(options: Mapping[str, Any]) -> str:
    """A net by the key that its maker would look for: `model.target = nets.py:Net`."""
    key = {"custom": "target", "torchvision": "arch"}.get(options["name"], "name")
    return f"model.{key} = {options[key]}"


def logits_of(network: nn.Module, samples: Tensor, n_classes: int, name: str) -> Tensor:
    """Outputs [n, n_classes].

    Raises:
        ValueError: for anything else, and where the net cannot take the samples.
    """
    try:
        outputs = network(samples.clone())  # some nets write into their input
    except Exception as error:
        shape = tuple(samples.shape[1:])
        raise ValueError(f"{name} cannot take inputs of shape {shape}: {type(error).__name__}: {error}") from error
    wanted = (len(samples), n_classes)
    if isinstance(outputs, Tensor) and outputs.shape == wanted and outputs.is_floating_point():
        return outputs
    kind = outputs.dtype if isinstance(outputs, Tensor) else type(outputs).__name__
    raise ValueError(
        f"{name} must return logits [batch, {n_classes}], one tensor of floats; it returned "
        f"{tuple(getattr(outputs, 'shape', ()))} ({kind}) for a batch of {len(samples)} "
        f"{'in training' if network.training else 'in eval mode'}"
    )


@torch.no_grad()
def _check_outputs(network: nn.Module, samples: Tensor, n_classes: int, name: str) -> None:
    """In eval mode, as scoring sees them."""
    _refuse_infinite(logits_of(network, samples, n_classes, name), name)

    def steady() -> Iterator[Tensor]:
        for shake, outputs in enumerate(_draws(network, samples, n_classes, name)):
            if shake < 2:  # rounding decides the outputs of large weights
                _check_steady(network, samples, outputs, name)
            yield outputs

    _refuse_probabilities(steady(), name)


def _refuse_infinite(outputs: Tensor, name: str) -> None:
    if not outputs.isfinite().all():
        raise ValueError(f"{name}: its outputs are not finite, though the samples are; allowed: finite logits")


def _check_steady(network: nn.Module, samples: Tensor, outputs: Tensor, name: str) -> None:
    """The outputs [n, n_classes] are those of the samples, and of nothing else."""
    half = len(samples) // 2
    n_classes = outputs.shape[1]

    if _differ(logits_of(network, samples, n_classes, name), outputs, _SAME):
        raise ValueError(
            f"{name}: its outputs change from pass to pass in eval mode; allowed: dropout and noise in "
            "training only (functional.dropout needs training=self.training)"
        )
    others = samples.clone()  # as they lie in memory
    others[half:] = samples[: len(samples) - half]
    turned = samples.clone()
    turned[:] = samples.flip(0)  # a recurrent layer along the batch knows what came before a sample, not after it
    if (
        _differ(logits_of(network, others, n_classes, name)[:half], outputs, _SAME)
        or _differ(logits_of(network, turned, n_classes, name).flip(0), outputs, _TURNED)
        or _differ(logits_of(network, samples[:1], n_classes, name), outputs, _OTHER)
    ):
        raise ValueError(
            f"{name}: its outputs for a sample depend on the other samples of the batch in eval mode, which "
            "would mix members with non-members; allowed: batch normalisation with running statistics, recurrent "
            "layers with batch_first=True, softmax and means over other dimensions than the first"
        )


def _differ(found: Tensor, outputs: Tensor, bound: tuple[float, float]) -> bool:
    """Whether the first rows of `outputs` are not those that were found."""
    spread, size = (outputs - outputs.mean(0)).abs().max(), outputs.abs().max()
    return not (found.float() - outputs[: len(found)]).abs().max() <= bound[0] * spread + bound[1] * size


def _refuse_probabilities(draws: Iterator[Tensor], name: str) -> None:
    outputs = None
    for outputs in draws:
        if ((outputs < 0) | (outputs > 1)).any():
            return
    if outputs is not None:
        ending = "Softmax" if torch.allclose(outputs.sum(1), outputs.new_ones(()), atol=1e-2) else "Sigmoid"
        raise ValueError(
            f"{name} returns probabilities (whatever its weights, all outputs are in [0, 1]), as if it ended in "
            f"{ending}; allowed: logits (leave that layer out, the loss has it), or log-probabilities (LogSoftmax)"
        )


def _draws(network: nn.Module, samples: Tensor, n_classes: int, name: str) -> Iterator[Tensor]:
    """Finite outputs of the net as it is, and then of other weights: random signs, noise, ever larger.

    Zero weights, or a large bias, may hide what a net does; no weights make Softmax return anything but probabilities.
    Large ones tell it from a net whose outputs just happen to be small and not negative.
    """
    generator = torch.Generator().manual_seed(0)
    for shake in range(_SHAKES + 1):
        for weights in network.parameters() if shake else ():
            n_in = weights[0].numel() if weights.ndim > 1 else 1
            noise = torch.randn(weights.shape, generator=generator)
            signs = torch.randn(weights.shape, generator=generator).sign()
            weights.copy_(2 * weights * signs.to(weights) + noise.to(weights) * (0.1 / max(n_in, 1) ** 0.5))
        outputs = logits_of(network, samples, n_classes, name).float()
        if outputs.isfinite().all():
            yield outputs


def _untrained(
    network: nn.Module, samples: Tensor, labels: Tensor, n_classes: int, name: str, precision: str
) -> Iterator[str]:
    """A pass forward and back as in training; what gets no gradient."""
    with RefuseUnsafe(), torch.autocast(samples.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        logits = logits_of(network, samples, n_classes, name)
    _refuse_infinite(logits, f"{name} in training")
    trained = {key: weights for key, weights in network.named_parameters() if weights.requires_grad}
    gradients: tuple[Tensor | None, ...] = ()
    if trained and logits.requires_grad:
        gradients = torch.autograd.grad(F.cross_entropy(logits.float(), labels), trained.values(), allow_unused=True)
    sparse = [
        key for key, gradient in zip(trained, gradients, strict=False) if gradient is not None and gradient.is_sparse
    ]
    if sparse:
        raise ValueError(f"{name}: the gradient of {sparse[0]!r} is sparse; allowed: dense ones (sparse=False)")
    without = [key for key, gradient in zip(trained, gradients, strict=True) if gradient is None] if gradients else []
    if len(without) == len(gradients):
        raise ValueError(
            f"{name}: no gradient reaches any of its parameters; allowed: weights with requires_grad, and outputs that "
            "come from them without detach() or no_grad()"
        )
    with torch.no_grad():
        _refuse_probabilities(_draws(network, samples, n_classes, name), name)
    if without:
        shown = ", ".join(without[:3]) + (", ..." if len(without) > 3 else "")
        yield f"{name}: {len(without)} of {len(trained)} parameters get no gradient and stay as they are: {shown}"


def _check_single(network: nn.Module, sample: Tensor, n_classes: int, name: str, members: int, batch_size: int) -> None:
    cause: Any = "its outputs are not finite"
    try:
        if logits_of(network, sample, n_classes, name).isfinite().all():
            return
    except ValueError as error:
        cause = error.__cause__ or error
    why = f"on which the net cannot be trained ({cause})"
    raise ValueError(f"{name}: {misfit(members, batch_size, why)}")
