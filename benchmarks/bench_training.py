"""Our training loop against the usual one: a DataLoader that augments one PIL image after the other with torchvision.

Claim: at least 5 times faster, with augmentation, on a net small enough to be fed by it. For larger nets the ratio
falls, since both wait for the same arithmetic; what is left to gain is told by the share of a bare loop, which trains
on one fixed batch and handles no data. One core and no workers on both sides: each core of a machine trains a model of
its own. CPU seconds, the best of some epochs taken in turn. Writes nothing.

Without augmentation: at least as fast as the loop that one writes for tensors on the device, which normalises them
once, takes batches by index and logs loss and accuracy.

Then a step on one batch in channels_last against one in contiguous memory: what the layout that
`memdyn.models.layout` chooses brings, and what a narrow net loses that must not have it. (ResNet-18 of width 8 is right
in channels_last at 32 x 32 pixels, so it can be timed there; in larger images, with AVX-512, it is not.)

    python benchmarks/bench_training.py
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.design.seeds import derive_seed
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of
from memdyn.optim.build import build_optimizer
from memdyn.training.loop import Loop, LoopOptions

SAMPLES, BATCH, EPOCHS, CLASSES = 2000, 64, 7, 10
MEAN, STD = 0.4, 0.25
SHAPES = [(3, 32, 32), (1, 28, 28)]
NETS = {
    "logistic": {"name": "logistic"},
    "mlp": {"name": "mlp", "hidden": [32], "activation": "relu"},
    "cnn": {"name": "cnn", "layers": 2, "width": 16, "strided": True, "hidden": 128, "norm": "none"},
}
CONVOLVING = {
    "cnn": (NETS["cnn"], (1, 28, 28)),
    **{f"resnet18 of width {w}": ({"name": "resnet18", "width": w, "norm": "batch"}, (3, 32, 32)) for w in (64, 16, 8)},
    "wrn-16-2": ({"name": "wrn", "depth": 16, "width": 2, "norm": "batch"}, (3, 32, 32)),
}
SGD = {"name": "sgd", "lr": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 5e-4}
Epoch = Callable[[], None]


class Images(Dataset):
    """What a tutorial does: an array's images as PIL images, transformed when they are asked for."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, transform: Callable[[Image.Image], Tensor]) -> None:
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index]
        pil = Image.fromarray(image.transpose(1, 2, 0) if len(image) == 3 else image[0])
        return self.transform(pil), int(self.labels[index])


def make_net(
    options: dict, shape: tuple[int, ...], layout: torch.memory_format | None = None
) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = build_model(options, shape, CLASSES)
    network.to(memory_format=layout or layout_of(network))
    return network, build_optimizer(SGD, network)


def samples_of(images: np.ndarray, labels: np.ndarray) -> Samples:
    scale, offset = torch.full((1, 1, 1, 1), 1 / (255 * STD)), torch.tensor(-MEAN / STD)
    return Samples(torch.tensor(images), torch.tensor(labels), scale, offset)


def our_epoch(net: str, images: np.ndarray, labels: np.ndarray, augmented: bool = True) -> Epoch:
    """The project's loop."""
    inputs = samples_of(images, labels)
    options = LoopOptions(
        EPOCHS, BATCH, "float32", 4 * augmented, augmented, SGD, {"name": "constant", "warmup_epochs": 0}
    )
    network, _ = make_net(NETS[net], images.shape[1:])
    loop = Loop(network, inputs, torch.arange(len(images)), options, derive_seed)
    epochs = iter(range(1, 1000))
    return lambda: loop.run_epoch(next(epochs)) and None


def plain_epoch(net: str, images: np.ndarray, labels: np.ndarray) -> Epoch:
    """Batches of tensors on the device, without augmentation."""
    network, optimizer = make_net(NETS[net], images.shape[1:])
    source = samples_of(images, labels)
    samples, classes = source.normalise(source.samples, layout_of(network)), source.labels

    def epoch() -> None:
        network.train()
        total = correct = 0.0
        for rows in torch.randperm(len(samples)).split(BATCH):
            batch, targets = samples[rows], classes[rows]
            optimizer.zero_grad()
            logits = network(batch)
            loss = functional.cross_entropy(logits, targets)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            correct += (logits.argmax(1) == targets).sum().item()

    return epoch


def usual_epoch(net: str, images: np.ndarray, labels: np.ndarray) -> Epoch:
    """DataLoader and transforms."""
    channels, _, side = images.shape[1:]
    transform = transforms.Compose(
        [
            transforms.RandomCrop(side, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([MEAN] * channels, [STD] * channels),
        ]
    )
    loader = DataLoader(Images(images, labels, transform), batch_size=BATCH, shuffle=True)
    network, optimizer = make_net(NETS[net], images.shape[1:])

    def epoch() -> None:
        network.train()
        total = correct = 0.0
        for batch, targets in loader:
            optimizer.zero_grad()
            logits = network(batch)
            loss = functional.cross_entropy(logits, targets)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            correct += (logits.argmax(1) == targets).sum().item()

    return epoch


def bare_epoch(net: str, images: np.ndarray, labels: np.ndarray) -> Epoch:
    """As many steps on one batch that lies ready."""
    network, optimizer = make_net(NETS[net], images.shape[1:])
    return steps(network, optimizer, images.shape[1:], layout_of(network), len(images) // BATCH)


def steps(
    network: nn.Module, optimizer: torch.optim.Optimizer, shape: tuple[int, ...], layout: torch.memory_format, n: int
) -> Epoch:
    batch = torch.randn(BATCH, *shape).contiguous(memory_format=layout)
    targets = torch.arange(BATCH) % CLASSES

    def closure() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(network(batch), targets)
        loss.backward()
        return loss

    def epoch() -> None:
        for _ in range(n):
            optimizer.step(closure)

    return epoch


def seconds_of(epochs: list[Epoch], rounds: int = EPOCHS) -> list[float]:
    """CPU seconds of each kind of epoch: the best of some, taken in turn."""
    best = [float("inf")] * len(epochs)
    for _ in range(rounds):
        for number, epoch in enumerate(epochs):
            start = time.process_time()
            epoch()
            best[number] = min(best[number], time.process_time() - start)
    return best


def compare_layouts() -> None:
    """Prints a line for each net that convolves."""
    layouts = (torch.channels_last, torch.contiguous_format)
    for name, (options, shape) in CONVOLVING.items():
        last, contiguous = seconds_of([steps(*make_net(options, shape, each), shape, each, 1) for each in layouts])
        chosen = str(layout_of(make_net(options, shape)[0])).removeprefix("torch.")
        print(
            f"layout, {name} on {'x'.join(map(str, shape))}: channels_last is {contiguous / last:.2f} times as fast: "
            f"{last * 1e3:.1f} ms, contiguous {contiguous * 1e3:.1f} ms a step of {BATCH}; chosen: {chosen}",
            flush=True,
        )


def main() -> None:
    """Prints a line for each kind of images and net."""
    prepare_torch("cpu", 1)
    compare_layouts()
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        images = rng.integers(0, 256, (SAMPLES, *shape), dtype=np.uint8)
        labels = rng.integers(0, CLASSES, SAMPLES)
        for net in NETS:
            ours, usual, bare = seconds_of([make(net, images, labels) for make in (our_epoch, usual_epoch, bare_epoch)])
            target = " (target 5)" if net != "cnn" else ""
            print(
                f"training, {net} on {'x'.join(map(str, shape))}, crops and flips: ratio {usual / ours:.1f}{target}: "
                f"ours {ours * 1e3:.0f} ms, DataLoader {usual * 1e3:.0f} ms an epoch of {SAMPLES}; "
                f"{bare / ours:.0%} of a bare loop",
                flush=True,
            )
            epochs = [our_epoch(net, images, labels, augmented=False), plain_epoch(net, images, labels)]
            ours, plain = seconds_of(epochs, rounds=3 * EPOCHS)
            print(
                f"training, {net} on {'x'.join(map(str, shape))}, as they are: ratio {plain / ours:.2f} (target 1): "
                f"ours {ours * 1e3:.1f} ms, a plain loop on the device {plain * 1e3:.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
