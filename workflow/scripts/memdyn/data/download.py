"""Fetching a published data set, or saying what to put where."""

import os
import shutil
import socket
from pathlib import Path

FASHION_HINT = (
    "Debian and Ubuntu also have it as the package dataset-fashion-mnist: "
    "after installing it, set data_dir to /usr/share/datasets/fashion-mnist"
)
PLACES = {
    "mnist": "expected: the four *-ubyte or *-ubyte.gz files in <data_dir>/MNIST/raw/ or directly in <data_dir>",
    "fashion_mnist": "expected: the four *-ubyte or *-ubyte.gz files in <data_dir>/FashionMNIST/raw/ or directly in "
    f"<data_dir>. {FASHION_HINT}",
    "kmnist": "expected: the four *-ubyte or *-ubyte.gz files in <data_dir>/KMNIST/raw/ or directly in <data_dir>",
    "cifar10": "expected: cifar-10-python.tar.gz (www.cs.toronto.edu/~kriz/cifar.html), unpacked in <data_dir>",
    "cifar100": "expected: cifar-100-python.tar.gz (www.cs.toronto.edu/~kriz/cifar.html), unpacked in <data_dir>",
    "svhn": "expected: train_32x32.mat and test_32x32.mat of http://ufldl.stanford.edu/housenumbers/ in <data_dir>",
    "cinic10": "expected: CINIC-10.tar.gz of https://datashare.ed.ac.uk/handle/10283/3192, unpacked into "
    "<data_dir>/cinic10/{train,valid,test}/; it is never downloaded by itself",
}


TIMEOUT_S = 60


def download(name: str, data_dir: str) -> None:
    """Download a data set of torchvision, all its splits; files appear in `data_dir` only when they are whole.

    Raises:
        ValueError: a name that cannot be downloaded, with what to put where.
        ConnectionError: no network or a server that does not answer, with what to put where.
    """
    if name not in PLACES or name == "cinic10":
        raise ValueError(f"dataset {name} cannot be downloaded; {place(name, data_dir)}")
    scratch = Path(data_dir) / f".downloading-{name}"
    scratch.mkdir(parents=True, exist_ok=True)
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        _fetch(name, str(scratch))
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ConnectionError(
            f"dataset {name} could not be downloaded ({reason}). Without network, {place(name, data_dir)}"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    for file in [file for file in scratch.rglob("*") if file.is_file()]:
        final = Path(data_dir) / file.relative_to(scratch)
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, final)
    shutil.rmtree(scratch)


def _fetch(name: str, folder: str) -> None:
    from torchvision import datasets

    if name == "svhn":
        for split in ("train", "test"):
            datasets.SVHN(folder, split=split, download=True)
        return
    classes = {
        "mnist": datasets.MNIST,
        "fashion_mnist": datasets.FashionMNIST,
        "kmnist": datasets.KMNIST,
        "cifar10": datasets.CIFAR10,
        "cifar100": datasets.CIFAR100,
    }
    classes[name](folder, download=True)


def place(name: str, data_dir: str) -> str:
    """What to put where, by hand."""
    known = f"known are {', '.join(sorted(set(PLACES) - {'cinic10'}))}"
    return PLACES.get(name, known).replace("<data_dir>", str(data_dir).rstrip("/"))
