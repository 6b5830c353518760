"""GraNd as a signal that attacks read: at every checkpoint, of all samples that are scored."""

from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.probes.grand import grand


def gradient_norm(network: nn.Module, samples: Samples, members: Tensor, batch: int) -> dict[str, Tensor]:
    """||grad_theta loss||_2 of each sample, in eval mode; `members` do not matter. See `memdyn.probes.grand.grand`.

    Returns:
        gradient_norm: float32 [n].

    Raises:
        ValueError: for a network whose gradients cannot be taken sample by sample.
    """
    return {"gradient_norm": grand(network, samples, members, batch)["grand"]}
