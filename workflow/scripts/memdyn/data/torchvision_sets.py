"""CIFAR-10, CIFAR-100 and SVHN through torchvision, whose published checksums are verified first.

(CIFAR's files are pickles, which can run code when read: only the published bytes are ever opened.)
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from memdyn.data.raw import RawData, raw_data


def load_cifar(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Images uint8 [n, 3, 32, 32]; ids are rows of train, then test.

    Args:
        options: `name` (cifar10 or cifar100) and `split` (train, test or all).
        files: the batches, in torchvision's layout `<data_dir>/<base folder>/<file>`.

    Raises:
        ValueError: naming a file that is not the published one.
    """
    from torchvision.datasets import CIFAR10, CIFAR100

    cls = {"cifar10": CIFAR10, "cifar100": CIFAR100}[options["name"]]
    folder = Path(files[0]).parent
    _verify(folder, [*cls.train_list, *cls.test_list, (cls.meta["filename"], cls.meta["md5"])])
    sets = [cls(str(folder.parent), train=split == "train") for split in _splits(options["split"])]
    images = np.concatenate([part.data for part in sets]).transpose(0, 3, 1, 2)
    labels = np.concatenate([part.targets for part in sets])
    return raw_data(images, labels, source=str(folder), class_names=sets[0].classes)


def load_svhn(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Images uint8 [n, 3, 32, 32]; ids are rows of train, then test. Arguments and errors as `load_cifar`."""
    from torchvision.datasets import SVHN

    folder = Path(files[0]).parent
    splits = _splits(options["split"])
    _verify(folder, [SVHN.split_list[split][1:] for split in splits])
    sets = [SVHN(str(folder), split=split) for split in splits]
    images = np.concatenate([part.data for part in sets])
    labels = np.concatenate([part.labels for part in sets])
    return raw_data(images, labels, source=str(folder), class_names=[str(digit) for digit in range(10)])


def _splits(split: str) -> list[str]:
    return ["train", "test"] if split == "all" else [split]


def _verify(folder: Path, checksums: Iterable[Sequence[str]]) -> None:
    """Compare each (file name, md5) with the file in the folder."""
    from torchvision.datasets.utils import check_integrity

    for name, md5 in checksums:
        if not check_integrity(str(folder / name), md5):
            raise ValueError(
                f"{folder / name}: missing or not the published file (md5 {md5}); delete it and download it again"
            )
