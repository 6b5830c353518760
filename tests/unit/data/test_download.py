"""Downloads: without network the message says what to put where; with it, only whole files appear."""

from pathlib import Path
from urllib.error import URLError

import pytest

from memdyn.config.datasets import TorchvisionDataset
from memdyn.data import download
from tiny_data import LABELS, PIXELS, write_idx


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100", "svhn"])
def test_download_without_network_says_what_to_put_where(tmp_path, monkeypatch, name):
    def offline(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    with pytest.raises(ConnectionError, match=f"dataset {name} could not be downloaded.*in {tmp_path}"):
        download.download(name, str(tmp_path))


def test_debian_package_is_named_where_it_helps(tmp_path):
    assert "dataset-fashion-mnist" in download.place("fashion_mnist", "data")


@pytest.mark.parametrize("name, message", [("cinic10", "datashare"), ("imagenet", "known are cifar10")])
def test_download_of_what_cannot_be_downloaded(tmp_path, name, message):
    with pytest.raises(ValueError, match=f"{name} cannot be downloaded.*{message}"):
        download.download(name, str(tmp_path))


def test_downloaded_files_appear_whole_in_the_data_dir(tmp_path, monkeypatch):
    def fetch(name, folder):
        write_idx(Path(folder) / "MNIST" / "raw", PIXELS, LABELS)

    monkeypatch.setattr(download, "_fetch", fetch)
    download.download("mnist", str(tmp_path))
    assert [file.parent.name for file in tmp_path.rglob("*") if file.is_file()] == ["raw", "raw"]
    assert not list(tmp_path.glob(".downloading*"))
    assert all(str(tmp_path / "MNIST") in file for file in TorchvisionDataset(name="mnist").source_files(str(tmp_path)))
